//! `labkit serve`: a whole stack in real time on real ports, in a modelled world that can be loaded.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use clap::Args;

use super::args::LabSource;
use super::asked::Asked;
use super::exit::Exit;
use super::{lab_source, print, run};
use crate::alertmanager::Version;
use crate::engine::Phases;
use crate::live::discord::{Options as DiscordOptions, Receiver};
use crate::live::mock;
use crate::live::stack::{Front, Link, LoadControl, Loaded, Options, Running};
use crate::live::{Server, Signal, wait_for_signal};
use crate::model::Time;
use crate::promql::Dialect;
use crate::promql::signature::release_of;
use crate::simulate::scenario::CORES;
use crate::simulate::world::{WorldSettings, exporter_text};
use crate::simulate::{Answer, Embedded, Load, Overrides, Stress, World};
use crate::stack::{FileTree, LabHints, Stack};
use crate::text::mask_secrets;

/// How long the modelled VM has been up when the stack starts, in seconds.
const UPTIME: f64 = 3600.0;
/// Messages that the page of the whole shows.
const LATEST: usize = 5;

#[derive(Clone, Debug, Args)]
#[command(
    long_about = "Run a repository's stack in real time on real ports: Prometheus with its HTTP API, Alertmanager with its \
                  API, the mocked model and the VM's Node Exporter as pages, the stand-in for Discord, and a page that \
                  shows the whole. promtool and amtool work against it. Targets are scraped in a modelled world: its VM \
                  is loaded at the press of a button. Messages for Discord go to the stand-in and never out into the \
                  world; other webhooks are posted to as written, and receivers of other kinds are not told. Nothing is \
                  kept when it stops."
)]
pub struct ServeArgs {
    /// The lab: its number, its name, or a path to a lab folder; its solution runs where there is no other stack
    #[arg(value_name = "LAB", default_value = "7", env = "LABKIT_LAB")]
    lab: String,
    /// The repository whose stack runs; without it the current folder if it holds a stack, else the lab's solution
    #[arg(long, value_name = "DIR", env = "LABKIT_REPO")]
    repo: Option<PathBuf>,
    /// Where labs come from
    #[command(flatten)]
    source: LabSource,
    /// Prometheus to speak as: 2.42, 3 or a release such as 3.5; without it what the image's tag says
    #[arg(long, value_name = "D", env = "LABKIT_DIALECT")]
    dialect: Option<Asked>,
    /// Alertmanager to speak as: 0.25 to 0.34; without it what the image's tag says
    #[arg(long, value_name = "V", env = "LABKIT_ALERTMANAGER_DIALECT")]
    alertmanager_dialect: Option<Version>,
    /// Address to listen on; a container reaches the host only with 0.0.0.0
    #[arg(long, value_name = "IP", default_value = "127.0.0.1", env = "LABKIT_LISTEN_IP")]
    listen: IpAddr,
    /// Port of the page that shows the whole; 0 for any free one, as for all ports
    #[arg(long, value_name = "PORT", default_value_t = 9080, env = "LABKIT_PORT")]
    port: u16,
    /// Port of Prometheus
    #[arg(long, value_name = "PORT", default_value_t = 9090, env = "LABKIT_PROMETHEUS_PORT")]
    prometheus_port: u16,
    /// Port of Alertmanager
    #[arg(long, value_name = "PORT", default_value_t = 9093, env = "LABKIT_ALERTMANAGER_PORT")]
    alertmanager_port: u16,
    /// Port of the mocked model
    #[arg(long, value_name = "PORT", default_value_t = 9000, env = "LABKIT_MOCK_PORT")]
    mock_port: u16,
    /// Port of the modelled VM's Node Exporter
    #[arg(long, value_name = "PORT", default_value_t = 9100, env = "LABKIT_NODE_PORT")]
    node_port: u16,
    /// Port of the stand-in for Discord
    #[arg(long, value_name = "PORT", default_value_t = 9099, env = "LABKIT_DISCORD_PORT")]
    discord_port: u16,
    /// Append one JSON line per message to this file
    #[arg(long, value_name = "FILE", env = "LABKIT_RECORD")]
    record: Option<PathBuf>,
}

/// Runs the command until the process is asked to stop.
pub fn run(args: &ServeArgs) -> Exit {
    let started = match start(args) {
        Ok(started) => started,
        Err(e) => return print::usage(&e),
    };
    let signal = wait_for_signal();
    print::remark("stopping");
    let Started { running, exporters, discord } = started;
    let mut stopped = running.stop();
    for exporter in exporters {
        stopped = stopped.and(exporter.stop());
    }
    stopped = stopped.and(discord.stop());
    match (signal, stopped) {
        (Ok(Signal::Interrupt), Ok(())) => Exit::Interrupted,
        (Ok(Signal::Terminate), Ok(())) => Exit::Ok,
        (Err(e), _) | (_, Err(e)) => {
            print::remark(&format!("a server stopped: {e}"));
            Exit::Error
        }
    }
}

struct Started {
    running: Running,
    exporters: Vec<Server>,
    discord: Receiver,
}

fn start(args: &ServeArgs) -> Result<Started, String> {
    let at = |port| SocketAddr::new(args.listen, port);
    // An address that stands for all cannot be posted to everywhere.
    let own_ip = if args.listen.is_unspecified() { IpAddr::from([127, 0, 0, 1]) } else { args.listen };
    let own = |address: SocketAddr| SocketAddr::new(own_ip, address.port());
    let vm = Vm::new(mock::now());
    let (loaded, settings, title, remarks) = read(args, &vm)?;
    for remark in &remarks {
        print::remark(remark);
    }
    let discord_options =
        DiscordOptions { record: args.record.clone(), rate_limits: true, ..DiscordOptions::default() };
    let discord = Receiver::start(at(args.discord_port), discord_options)
        .map_err(|e| format!("{e}; the port of the stand-in for Discord is --discord-port"))?;
    let discord_address = own(discord.address());
    let mut links = Vec::new();
    let mut tell = |name: &str, url: String| {
        print::remark(&format!("{name}: {url}"));
        links.push(Link { name: name.to_owned(), url });
    };
    let (again, of_vm) = (args.clone(), vm.clone());
    let runs = (loaded.config.prometheus.is_some(), loaded.config.alertmanager.is_some());
    let options = Options {
        phases: Phases::default(),
        prometheus: at(args.prometheus_port),
        alertmanager: at(args.alertmanager_port),
        discord: Some(discord_address),
        reload: Some(Arc::new(move || {
            let (loaded, _, _, remarks) = read(&again, &of_vm)?;
            let lost = runs.0 && loaded.config.prometheus.is_none() || runs.1 && loaded.config.alertmanager.is_none();
            if lost { Err(remarks.join("; ")) } else { Ok(loaded) }
        })),
        loaded,
    };
    let mut running =
        Running::start(options).map_err(|e| format!("{e}; choose another port, --help names the flags"))?;
    let mut exporters = Vec::new();
    if let Some(address) = running.prometheus() {
        tell("prometheus", format!("http://{}/", own(address)));
        let pages = [("mocked model", Answer::Model, args.mock_port), ("node exporter", Answer::Node, args.node_port)];
        for (name, answer, port) in pages {
            let (settings, vm) = (settings.clone(), vm.clone());
            let page = move |at| exporter_text(&answer, &settings, &vm.lock().load, at).unwrap_or_default();
            let server = mock::start_page(name, at(port), Arc::new(page)).map_err(|e| taken(name, args, port, &e))?;
            tell(name, format!("http://{}/metrics", own(server.address())));
            exporters.push(server);
        }
    }
    if let Some(address) = running.alertmanager() {
        tell("alertmanager", format!("http://{}/api/v2/alerts", own(address)));
    }
    tell("discord", format!("http://{discord_address}/"));
    let latest = discord.latest();
    let front =
        Front { title, links, messages: Arc::new(move || latest.articles(LATEST)), load: vm.control(), remarks };
    let address = running.serve_front(at(args.port), front).map_err(|e| taken("the page", args, args.port, &e))?;
    print::remark(&format!("everything is shown at http://{}/", own(address)));
    Ok(Started { running, exporters, discord })
}

fn taken(name: &str, args: &ServeArgs, port: u16, e: &std::io::Error) -> String {
    format!(
        "cannot listen on {} for {name}: {e}; choose another port, --help names the flags",
        SocketAddr::new(args.listen, port)
    )
}

type Read = (Loaded, WorldSettings, String, Vec<String>);

/// The stack as its files say now.
fn read(args: &ServeArgs, vm: &Vm) -> Result<Read, String> {
    let (tree, title) = tree(args)?;
    let stack = Stack::read(&tree, &LabHints::default());
    let own_url = format!("http://{}:{}", args.listen, args.prometheus_port);
    let named = stack.prometheus.as_ref().is_some_and(|p| p.external_url.is_some());
    let overrides = Overrides {
        release: args.dialect.map(Asked::release),
        alertmanager: args.alertmanager_dialect,
        // So that the links of messages lead to it.
        external_url: (!named && args.prometheus_port != 0 && !args.listen.is_unspecified()).then(|| own_url.into()),
        ..Overrides::default()
    };
    let embedded = Embedded::of(&stack, &overrides);
    let mut remarks = Vec::new();
    for d in stack.diagnostics() {
        let place = match (&d.primary, d.position()) {
            (Some(label), Some(at)) => format!("{}:{}:{}: ", label.source.name(), at.line, at.column),
            _ => String::new(),
        };
        remarks.push(format!("{place}{}", d.message));
    }
    let config = embedded.config.clone();
    let (prometheus, alertmanager) = (&stack.prometheus, &stack.alertmanager);
    let state = |name: &str, there: bool, reason: Option<&str>| match (there, reason) {
        (false, _) => format!("{name} is not part of the stack"),
        (true, reason) => format!("{name} does not run: {}", reason.unwrap_or("its configuration is refused")),
    };
    if config.prometheus.is_none() {
        remarks.push(state("prometheus", prometheus.is_some(), prometheus.as_ref().and_then(|p| p.state.reason())));
    }
    if config.alertmanager.is_none() {
        remarks.push(state(
            "alertmanager",
            alertmanager.is_some(),
            alertmanager.as_ref().and_then(|a| a.state.reason()),
        ));
    }
    if config.prometheus.is_none() && config.alertmanager.is_none() {
        return Err(format!("{title}: {}", remarks.join("; ")));
    }
    let text =
        |text: Option<&crate::text::SourceText>| text.map(|t| mask_secrets(t.text()).into_owned()).unwrap_or_default();
    let texts = [
        text(prometheus.as_ref().and_then(|p| p.state.text())),
        text(alertmanager.as_ref().and_then(|a| a.state.text())),
    ];
    let settings = WorldSettings { whole: true, ..embedded.settings.clone() };
    let world = World::new(&config, embedded.answers.clone(), &settings);
    let vm = vm.clone();
    let release = overrides.release.or(prometheus.as_ref().map(|p| p.release)).unwrap_or(release_of(Dialect::V3));
    let scrape = Arc::new(move |i: usize, target: &_, at| world.scrape(i, target, &vm.lock().load, at).0);
    Ok((Loaded { config, release, texts, scrape }, settings, title, remarks))
}

/// The files, and what they are called.
fn tree(args: &ServeArgs) -> Result<(FileTree, String), String> {
    let loaded = lab_source::load(&args.lab, &args.source).map_err(|e| e.0)?;
    let (tree, subject) = run::chosen(args.repo.as_deref(), &loaded, "running")?;
    Ok((tree, format!("labkit · {} · {}", loaded.lab.id, subject.name)))
}

/// The modelled VM: it rests until somebody loads it.
#[derive(Clone, Debug)]
struct Vm(Arc<Mutex<VmState>>);

#[derive(Debug)]
struct VmState {
    origin: Time,
    stresses: Vec<Stress>,
    load: Load,
}

impl Vm {
    fn new(origin: Time) -> Self {
        let load = Load::new(origin, CORES, UPTIME, Vec::new());
        Self(Arc::new(Mutex::new(VmState { origin, stresses: Vec::new(), load })))
    }

    fn lock(&self) -> MutexGuard<'_, VmState> {
        // What is in it is replaced as a whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start(&self, at: Time, seconds: f64) -> Result<(), String> {
        let mut vm = self.lock();
        let from = at.since(vm.origin) as f64 / 1e9;
        if let Some(last) = vm.stresses.last().filter(|s| s.to > from) {
            return Err(format!("the VM is loaded for another {:.0} s", last.to - from));
        }
        vm.stresses.push(Stress { from, to: from + seconds, workers: CORES });
        vm.load = Load::new(vm.origin, CORES, UPTIME, vm.stresses.clone());
        Ok(())
    }

    fn control(&self) -> LoadControl {
        let (of_busy, of_start) = (self.clone(), self.clone());
        LoadControl {
            busy: Arc::new(move |at| of_busy.lock().load.busy_share(at)),
            start: Arc::new(move |seconds| of_start.start(mock::now(), seconds)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vm_is_loaded_once_at_a_time() {
        let origin = Time::from_millis(1_700_000_000_000);
        let vm = Vm::new(origin);
        let busy = |s: i64| vm.lock().load.busy_share(origin.plus_millis(s * 1000));
        assert!(busy(10) < 0.1);
        vm.start(origin.plus_millis(10_000), 120.0).expect("it rests");
        assert!(vm.start(origin.plus_millis(70_000), 60.0).is_err_and(|e| e.ends_with("another 60 s")));
        assert!(busy(60) > 0.9 && busy(131) < 0.1);
        vm.start(origin.plus_millis(200_000), 60.0).expect("it rests again");
        assert!(busy(210) > 0.9);
    }
}
