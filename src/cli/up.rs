//! `labkit up [LAB]`: a student's compose project started, checked and taken down again.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use clap::Args as ClapArgs;

use super::check::{self, Brought, CheckArgs, STOPPED};
use super::exit::Exit;
use super::progress::Progress;
use super::{lab_source, print, run};
use crate::check::probe::http::{Auth, Base, Client};
use crate::check::probe::tape::Tape;
use crate::live::discord::{Listed, Options, Receiver};
use crate::live::mock::{self, Served};
use crate::live::up::{AlertmanagerAt, Compose, HOST, Start, StartError, Started, Wanted, random};
use crate::live::{Server, wait_for_signal};
use crate::model::Time;
use crate::simulate::model_mock::ModelMock;
use crate::stack::compose::DEFAULT_NAMES;
use crate::stack::compose::image::Role;
use crate::stack::{LabHints, Stack};
use crate::text::printable;

/// How long the programs may take until they answer, and until every target was read once.
const READY_WITHIN: Duration = Duration::from_secs(90);
/// Seed of the mocked model's values when labkit stands in for it.
const SEED: u64 = 7;
/// labkit's webhook.
const WEBHOOK: u64 = 1;
/// The port the mocked model is asked on unless somebody says otherwise.
const MOCK: u16 = 9000;
/// The programs that are checked: flag, port, page that tells whether they are ready.
const PROGRAMS: [(Role, u16, &str); 3] = [
    (Role::Prometheus, 9090, "/-/ready"),
    (Role::Alertmanager, 9093, "/-/ready"),
    (Role::Grafana, 3000, "/api/health"),
];

/// The project that runs, for whoever has to take it down.
static RUNNING: OnceLock<Arc<Started>> = OnceLock::new();

#[derive(Debug, ClapArgs)]
#[command(
    long_about = "Start a repository's compose project under a name of its own, check it as `labkit check` does, and take \
                  it down again - also after Ctrl-C and when something fails. Needs Docker with compose 2 or newer. \
                  Messages come to labkit and not to Discord: webhooks are replaced in a copy of alertmanager.yml, and the \
                  repository's files are only read. Containers get copies of the folders they write to. The mocked model \
                  is asked on this machine where its script listens; when nothing answers there labkit stands in for it.\n\n\
                  What the compose file names is run: its images are fetched, its Dockerfiles built, its commands started, \
                  in containers with a network. What would reach beyond the containers is refused unless --trust is given: \
                  folders outside of the repository, privileged containers, namespaces and devices of the machine, \
                  capabilities, containers, networks and volumes of others."
)]
pub struct UpArgs {
    /// Start the project even if it reaches beyond its own containers: you have read its files
    #[arg(long, env = "LABKIT_TRUST")]
    pub trust: bool,
    /// The compose program; without it `docker compose`, else `docker-compose`
    #[arg(long, value_name = "PROGRAM", env = "LABKIT_COMPOSE")]
    pub compose: Option<String>,
    /// What is checked and how
    #[command(flatten)]
    pub check: CheckArgs,
}

/// Runs the command.
pub fn run(args: UpArgs) -> Exit {
    match up(args) {
        Ok(exit) => exit,
        Err(Trouble { text, exit }) => {
            print::remark(&text);
            exit
        }
    }
}

/// Why there is no verdict.
struct Trouble {
    text: String,
    exit: Exit,
}

impl From<String> for Trouble {
    fn from(text: String) -> Self {
        Self { text, exit: Exit::Usage }
    }
}

fn up(mut args: UpArgs) -> Result<Exit, Trouble> {
    let repo = args.check.repo.get_or_insert_with(|| PathBuf::from(".")).clone();
    let quiet = args.check.output.quiet || args.check.output.json;
    let loaded = lab_source::load(&args.check.lab, &args.check.source).map_err(|e| e.0)?;
    let (tree, _) = run::open(&repo)?;
    let stack = Stack::read(&tree, &hints(&loaded.lab));
    let project = stack.compose.as_ref().ok_or_else(|| {
        format!(
            "no compose file in {} starts a monitoring stack; `labkit check` looks at one that runs",
            repo.display()
        )
    })?;
    let compose = Compose::find(args.compose.as_deref()).map_err(|e| Trouble {
        text: format!("{e}; install Docker with its compose plugin, or name it with --compose"),
        exit: Exit::Error,
    })?;
    let root = repo.canonicalize().map_err(|e| format!("cannot read {}: {e}", repo.display()))?;
    let main = project.project.files.first().map(String::as_str).unwrap_or_default();
    let name = Path::new(main).file_name().and_then(|n| n.to_str()).unwrap_or_default();
    let (discord, webhook) = discord(&args.check)?;
    let ports: BTreeMap<Role, (String, u16)> = PROGRAMS
        .iter()
        .filter_map(|(role, usual, _)| {
            let (_, service, container) = stack.container(*role)?;
            let port = container.listens.first().copied().unwrap_or(*usual);
            project.project.service(&service.name).map(|_| (*role, (service.name.clone(), port)))
        })
        .collect();
    let mock = stack.mock_service.clone().map(|service| (service, stack.mock_port()));
    let wanted = Wanted {
        compose,
        dir: root.join(&project.project.dir),
        file: (!DEFAULT_NAMES.contains(&name)).then(|| name.to_owned()),
        root,
        name: format!("labkit-{}-{}", loaded.lab.id.to_ascii_lowercase(), std::process::id()),
        trust: args.trust,
        webhook,
        alertmanager: stack.alertmanager.as_ref().and_then(|a| {
            let config = a.state.text()?.clone();
            Some(AlertmanagerAt { service: a.service.clone()?, config_path: a.config_path.clone(), config })
        }),
        reach: ports.values().cloned().chain(mock.clone()).collect(),
    };
    stop_on_signal();
    let started = Arc::new(Start::prepare(wanted, &stopped).map_err(refused)?);
    if args.check.dry_run {
        print::result(&told(&started));
        return Ok(check::check(&args.check, None)?);
    }
    are_free(&started)?;
    let _ = RUNNING.set(Arc::clone(&started));
    let _guard = TakenDown(&started);
    let own_mock = own_mock(&mut args.check, &stack, &loaded.lab)?;
    print::remark(&format!("starting {} as {}", services(&started), started.name()));
    for kind in started.untouched() {
        print::remark(&format!("alertmanager.yml has {kind}, which are told as written"));
    }
    let progress = Progress::start("starting containers", quiet);
    started.up(&stopped).map_err(|e| {
        let help = if stopped() { "" } else { "\ntry it by hand: docker compose up --build" };
        Trouble { text: format!("{e}{help}"), exit: stopped_or(Exit::Error) }
    })?;
    drop(progress);
    let addresses = addresses(&mut args.check, &started, &ports)?;
    if let Some((service, port)) = mock.filter(|_| is_usual(&args.check.mock, MOCK))
        && let Some(address) = started.address(&service, port)
    {
        args.check.mock = Base::parse(&format!("http://{address}"))?;
    }
    let progress = Progress::start("waiting until all answer", quiet);
    ready(&started, &addresses);
    drop(progress);
    for (service, said) in started.ended() {
        print::remark(&format!("{service} has ended; its last lines:\n{said}"));
    }
    let brought = Brought { discord, mock_stands_in: own_mock.is_some() };
    let exit = check::check(&args.check, Some(&brought));
    drop(own_mock);
    Ok(exit?)
}

fn stopped() -> bool {
    STOPPED.load(Ordering::SeqCst)
}

fn stopped_or(exit: Exit) -> Exit {
    if stopped() { Exit::Interrupted } else { exit }
}

/// Takes the project down, however the command ends.
struct TakenDown<'a>(&'a Started);

impl Drop for TakenDown<'_> {
    fn drop(&mut self) {
        take_down(self.0);
    }
}

fn take_down(started: &Started) {
    if let Err(e) = started.take_down() {
        let name = started.name();
        print::remark(&format!("{e}; take it down by hand: docker compose --project-name {name} down --volumes"));
    }
}

/// The first signal ends what is under way and writes what was seen, the second one leaves; both take the project down.
fn stop_on_signal() {
    std::thread::spawn(|| {
        while wait_for_signal().is_ok() {
            if STOPPED.swap(true, Ordering::SeqCst) {
                if let Some(started) = RUNNING.get() {
                    take_down(started);
                }
                check::ask::restore_terminal();
                std::process::exit(130);
            }
            print::remark("writing what was seen and taking the project down; once more leaves out the writing");
        }
    });
}

fn hints(lab: &crate::lab::Lab) -> LabHints {
    let usual = LabHints::default();
    let number = |name: &str, default: u16| lab.parameters.get(name).and_then(|v| v.parse().ok()).unwrap_or(default);
    LabHints {
        metric: lab.parameters.get("mock.metric").map_or(usual.metric, str::to_owned),
        mock_port: number("mock.port", usual.mock_port),
        exporter_port: number("node.port", usual.exporter_port),
    }
}

/// The stand-in for Discord, and its webhook as containers reach it. Its token is nobody's to guess.
fn discord(args: &CheckArgs) -> Result<(Receiver, String), String> {
    let address = args.discord_listen.unwrap_or_else(|| SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)));
    let token = format!("{:016x}{:016x}", random(), random());
    let listed = Listed { id: WEBHOOK, token: token.clone(), owner: None };
    let options = Options { webhooks: vec![listed], rate_limits: true, ..Options::default() };
    let receiver = Receiver::start(address, options).map_err(|e| format!("cannot listen on {address}: {e}"))?;
    let port = receiver.address().port();
    print::remark(&format!("messages are shown at http://localhost:{port}/"));
    let webhook = format!("http://{HOST}:{port}/api/webhooks/{WEBHOOK}/{token}");
    Ok((receiver, webhook))
}

fn refused(e: StartError) -> Trouble {
    match e {
        StartError::Refused(list) => {
            let lines: Vec<String> = list.iter().map(|r| format!("\n  {} {}", r.who, r.what)).collect();
            let text = format!(
                "the project reaches beyond its own containers, so it is not started:{}\nread its files, then use --trust",
                printable(&lines.concat())
            );
            Trouble { text, exit: Exit::Usage }
        }
        StartError::Files(e) => {
            Trouble { text: format!("{e}\n`labkit run` tells more about the files"), exit: stopped_or(Exit::Failed) }
        }
        StartError::Own(e) => Trouble { text: format!("cannot write a copy of the files: {e}"), exit: Exit::Error },
    }
}

fn services(started: &Started) -> String {
    let all: Vec<String> = started.services().iter().map(|(name, image)| format!("{name} ({image})")).collect();
    printable(&all.join(", ")).into_owned()
}

fn told(started: &Started) -> String {
    format!("would start {}\n", services(started))
}

/// Ports that somebody else listens on would be judged in the student's place, or keep the project from starting.
fn are_free(started: &Started) -> Result<(), String> {
    for published in started.published() {
        let ip: IpAddr = published.ip.as_deref().and_then(|ip| ip.parse().ok()).unwrap_or(Ipv4Addr::UNSPECIFIED.into());
        let taken = TcpListener::bind((ip, published.port)).is_err_and(|e| e.kind() == std::io::ErrorKind::AddrInUse);
        if taken {
            return Err(format!(
                "port {} of {} is taken by something that runs already; if that is this stack, stop it (docker compose stop) or \
                 use `labkit check`",
                published.port, published.service
            ));
        }
    }
    Ok(())
}

/// A mocked model of labkit's own, when the project starts none and none runs on this machine.
fn own_mock(args: &mut CheckArgs, stack: &Stack, lab: &crate::lab::Lab) -> Result<Option<Server>, String> {
    let port = stack.mock_port();
    if !is_usual(&args.mock, MOCK) || stack.mock_service.is_some() {
        return Ok(None);
    }
    args.mock = Base::parse(&format!("http://localhost:{port}"))?;
    let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    if TcpStream::connect_timeout(&loopback, Duration::from_secs(2)).is_ok() {
        return Ok(None);
    }
    let model = ModelMock::new(SEED);
    let metric = lab.parameters.get("mock.metric").unwrap_or("model_result").to_owned();
    let served = Served { metric, value: Arc::new(move |at: Time| model.result(at)) };
    let address = SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
    let server = mock::start(address, served).map_err(|e| format!("cannot listen on {address}: {e}"))?;
    print::remark(&format!(
        "nothing answers on port {port}, so labkit stands in for the mocked model; its script is judged as written"
    ));
    Ok(Some(server))
}

fn is_usual(base: &Base, port: u16) -> bool {
    base.as_str() == format!("http://localhost:{port}")
}

/// Fills in where the programs are, when the caller did not; gives what tells that they are ready.
fn addresses(
    args: &mut CheckArgs,
    started: &Started,
    ports: &BTreeMap<Role, (String, u16)>,
) -> Result<Vec<(Role, String)>, String> {
    let mut pages = Vec::new();
    for (role, usual, page) in PROGRAMS {
        let base = match role {
            Role::Prometheus => &mut args.prometheus,
            Role::Alertmanager => &mut args.alertmanager,
            _ => &mut args.grafana,
        };
        let Some((service, port)) = ports.get(&role) else { continue };
        if is_usual(base, usual)
            && let Some(address) = started.address(service, *port)
        {
            *base = Base::parse(&format!("http://{address}"))?;
        }
        pages.push((role, format!("{}{page}", base.as_str())));
    }
    Ok(pages)
}

/// Waits until everything answers and every target was read once, or has had its time.
fn ready(started: &Started, pages: &[(Role, String)]) {
    let Ok(client) = Client::new(Tape::default()) else { return };
    let start = Instant::now();
    let until = |done: &dyn Fn() -> bool| {
        let mut looks = 0u32;
        while !done() && !stopped() && start.elapsed() < READY_WITHIN {
            looks += 1;
            // What has ended will not answer.
            if looks.is_multiple_of(5) && !started.ended().is_empty() {
                return;
            }
            std::thread::sleep(Duration::from_secs(1));
        }
    };
    for (_, page) in pages {
        until(&|| client.get(page, &Auth::None, "*/*").is_ok_and(|r| r.status == 200));
    }
    if let Some((_, page)) = pages.iter().find(|(role, _)| *role == Role::Prometheus) {
        let targets = page.replace("/-/ready", "/api/v1/targets?state=active");
        until(&|| {
            let answer = client.get(&targets, &Auth::None, "application/json");
            answer.is_ok_and(|r| !String::from_utf8_lossy(&r.body).contains("\"health\":\"unknown\""))
        });
    }
}
