//! `labkit check [LAB]`: the lab's criteria on a running stack, in real time.

pub(super) mod ask;
mod kept;
mod vm;

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Args as ClapArgs;
use indicatif::ProgressBar;

use super::args::{LabSource, Output};
use super::exit::Exit;
use super::{lab_source, print, run};
use crate::check::bundle::{self, Watched};
use crate::check::live_world::{self, Arrived, Asked, Called, CalledVm, Checked, GrafanaUser, Request, Settings, Vm};
use crate::check::probe::http::{Auth, Base};
use crate::check::probe::ssh_config::{self, Machine};
use crate::check::probe::tape::Tape;
use crate::live::discord::{Options, Receiver};
use crate::live::wait_for_signal;
use crate::report::{Subject, Verdict};
use crate::stack::FileTree;
use kept::Kept;

/// Whether somebody asked to stop.
pub(super) static STOPPED: AtomicBool = AtomicBool::new(false);

#[derive(Debug, ClapArgs)]
pub struct CheckArgs {
    /// The lab: its number, its name, or a path to a lab folder
    #[arg(value_name = "LAB", default_value = "7", env = "LABKIT_LAB")]
    pub lab: String,
    /// The repository, for what only files can tell: report, answers, cheat sheet
    #[arg(long, value_name = "DIR", env = "LABKIT_REPO")]
    pub repo: Option<PathBuf>,
    /// The mocked model, or its page
    #[arg(long, value_name = "URL", default_value = "http://localhost:9000", value_parser = Base::parse, env = "LABKIT_MOCK")]
    pub mock: Base,
    /// Prometheus
    #[arg(long, value_name = "URL", default_value = "http://localhost:9090", value_parser = Base::parse, env = "LABKIT_PROMETHEUS")]
    pub prometheus: Base,
    /// Alertmanager
    #[arg(long, value_name = "URL", default_value = "http://localhost:9093", value_parser = Base::parse, env = "LABKIT_ALERTMANAGER")]
    pub alertmanager: Base,
    /// Grafana
    #[arg(long, value_name = "URL", default_value = "http://localhost:3000", value_parser = Base::parse, env = "LABKIT_GRAFANA")]
    pub grafana: Base,
    /// Who signs in to Grafana
    #[arg(long, value_name = "USER", requires = "grafana_password_file", env = "LABKIT_GRAFANA_USER")]
    pub grafana_user: Option<String>,
    /// File with that user's password in its first line
    #[arg(long, value_name = "FILE", env = "LABKIT_GRAFANA_PASSWORD_FILE")]
    pub grafana_password_file: Option<PathBuf>,
    /// File with a token of a service account in its first line
    #[arg(long, value_name = "FILE", conflicts_with = "grafana_user", env = "LABKIT_GRAFANA_TOKEN_FILE")]
    pub grafana_token_file: Option<PathBuf>,
    /// Node Exporter's page, when labkit reaches it on another way than Prometheus
    #[arg(long, value_name = "URL", value_parser = Base::parse, env = "LABKIT_VM_EXPORTER")]
    pub vm_exporter: Option<Base>,
    /// Receive the messages here in place of Discord; Alertmanager's webhook_url must lead here
    #[arg(long, value_name = "ADDR", env = "LABKIT_DISCORD_LISTEN")]
    pub discord_listen: Option<SocketAddr>,
    /// The machine to put under load over SSH; a name of ~/.ssh/config works as well
    #[arg(long, value_name = "[USER@]HOST[:PORT]", value_parser = ssh_config::machine, env = "LABKIT_VM")]
    pub vm: Option<Machine>,
    /// Key to sign in with; without it the usual ones and the agent's
    #[arg(long, value_name = "FILE", requires = "vm", env = "LABKIT_IDENTITY")]
    pub identity: Option<PathBuf>,
    /// Known host keys, in place of the user's own file
    #[arg(long, value_name = "FILE", requires = "vm", env = "LABKIT_KNOWN_HOSTS")]
    pub known_hosts: Option<PathBuf>,
    /// File with the machine's password in its first line
    #[arg(long, value_name = "FILE", requires = "vm", env = "LABKIT_VM_PASSWORD_FILE")]
    pub vm_password_file: Option<PathBuf>,
    /// Make the load with the shell of the machine, where stress-ng does not run
    #[arg(long, requires = "vm", env = "LABKIT_BUILTIN_LOAD")]
    pub builtin_load: bool,
    /// Print what would be done to the machine and when, and do nothing
    #[arg(long, env = "LABKIT_DRY_RUN")]
    pub dry_run: bool,
    /// Also put everything that was observed into this file (FILE.tar.gz), for `labkit replay`; without secrets
    #[arg(long, value_name = "FILE", env = "LABKIT_BUNDLE")]
    pub bundle: Option<PathBuf>,
    /// Go on with the run that was interrupted: what it has judged is not repeated
    #[arg(long, env = "LABKIT_RESUME")]
    pub resume: bool,
    /// Where labs come from
    #[command(flatten)]
    pub source: LabSource,
    /// How results are shown
    #[command(flatten)]
    pub output: Output,
}

/// What `labkit up` brings along.
pub(super) struct Brought {
    /// The stand-in for Discord.
    pub discord: Receiver,
    /// Whether the mocked model is labkit's own.
    pub mock_stands_in: bool,
}

/// Runs the command.
pub fn run(args: &CheckArgs) -> Exit {
    match check(args, None) {
        Ok(exit) => exit,
        Err(e) => print::usage(&e),
    }
}

pub(super) fn check(args: &CheckArgs, brought: Option<&Brought>) -> Result<Exit, String> {
    let loaded = lab_source::load(&args.lab, &args.source).map_err(|e| e.0)?;
    if let Some(unknown) = args.output.only.iter().find(|id| loaded.lab.criterion(id).is_none()) {
        let known: Vec<&str> = loaded.lab.criteria.iter().map(|c| c.id.as_str()).collect();
        return Err(format!("--only: no criterion {unknown:?}; there is {}", known.join(", ")));
    }
    let Opened { tree, watched, subject } = repository(args)?;
    if args.dry_run {
        let asked = Asked { prometheus: &args.prometheus, alertmanager: &args.alertmanager, tree: tree.as_ref() };
        print::result(&live_world::plan(&loaded.lab, &loaded.checks, &asked)?);
        return Ok(Exit::Ok);
    }
    let grafana_auth = grafana_auth(args)?;
    let line = (!args.output.quiet && !args.output.json).then(ProgressBar::new_spinner);
    let vm = args.vm.as_ref().map(|machine| vm::vm(args, machine, line.clone())).transpose()?;
    let called = Called {
        listened: args.discord_listen.is_some() || brought.is_some(),
        mock_stands_in: brought.is_some_and(|b| b.mock_stands_in),
        ..called(args, &loaded.lab.id, &grafana_auth, vm.as_ref())
    };
    let kept = Kept::new(&args.output.out, &loaded.lab.id);
    let resumed = if args.resume { kept.load(&called)? } else { None };
    let tape = match &args.bundle {
        Some(_) => Tape::recording(secrets(args, &grafana_auth, vm.as_ref())),
        None => Tape::default(),
    };
    let listening = args.discord_listen.filter(|_| brought.is_none()).map(listen).transpose()?;
    let discord = brought.map(|b| &b.discord).or(listening.as_ref());
    let settings = Settings {
        tape: tape.clone(),
        called: called.clone(),
        resumed: resumed.clone(),
        keep: Box::new(|state| kept.save(state)),
        mock: args.mock.clone(),
        prometheus: args.prometheus.clone(),
        alertmanager: args.alertmanager.clone(),
        grafana: args.grafana.clone(),
        grafana_auth,
        node_exporter: args.vm_exporter.clone(),
        arrived: discord.map(|d| Box::new(|| arrived(d)) as Box<dyn Fn() -> Vec<Arrived>>),
        vm,
        load_alerts: None,
        stopped: Box::new(|| STOPPED.load(Ordering::SeqCst)),
        only: &args.output.only,
        waiting: Box::new(|what| {
            if let Some(line) = &line {
                line.set_message(what.to_owned());
                line.tick();
            }
        }),
    };
    let request = Request {
        lab: &loaded.lab,
        checks: &loaded.checks,
        starter: &loaded.files.starter,
        tree: tree.as_ref(),
        subject,
    };
    if brought.is_none() {
        stop_on_signal(args.vm.is_some());
    }
    let Checked { result, state } = live_world::run(&request, settings)?;
    if let Some(line) = &line {
        line.finish_and_clear();
    }
    let stem = format!("labkit-check-{}", loaded.lab.id);
    let reproduce = reproduce(args, loaded.lab.number, brought.is_some());
    let written = run::write_reports(&result, &args.output, &stem, &reproduce)?;
    run::show(&result, &args.output, &written);
    if let Some(file) = &args.bundle {
        let bytes = bundle::write(&bundle::Contents {
            called: &called,
            subject: &request.subject,
            lines: tape.lines(),
            repository: tree.as_ref().zip(watched.as_deref()),
            resumed: resumed.as_ref(),
            state: &state,
            result: &result,
            report: run::reports(&result, "report", &reproduce),
        });
        std::fs::write(file, bytes).map_err(|e| format!("cannot write {}: {e}", file.display()))?;
        let again = run::shell_word(&file.display().to_string());
        print::remark(&format!(
            "observations written to {0}; judge them again with: labkit replay {again}",
            file.display()
        ));
    }
    let stopped = STOPPED.load(Ordering::SeqCst);
    let error = result.criteria.iter().any(|c| c.verdict == Verdict::Error);
    if stopped || error || state.was_interrupted() {
        kept.tell();
    } else {
        kept.remove();
    }
    if stopped {
        return Ok(Exit::Interrupted);
    }
    Ok(run::exit_of(&result, args.output.exit_zero))
}

/// Whose work it is, and the repository if one was named.
struct Opened {
    tree: Option<FileTree>,
    watched: Option<Arc<Watched>>,
    subject: Subject,
}

/// The repository, watched when a bundle is wanted.
fn repository(args: &CheckArgs) -> Result<Opened, String> {
    let Some(repo) = &args.repo else {
        let name = "running stack".to_owned();
        let subject = Subject { name, path: args.prometheus.to_string(), commit: None, dirty: false };
        return Ok(Opened { tree: None, watched: None, subject });
    };
    let (tree, subject) = run::open(repo)?;
    if args.bundle.is_none() {
        return Ok(Opened { tree: Some(tree), watched: None, subject });
    }
    let watched = Watched::new(tree.source());
    let tree = FileTree::new(watched.clone(), tree.git().cloned());
    Ok(Opened { tree: Some(tree), watched: Some(watched), subject })
}

/// The call without secrets.
fn called(args: &CheckArgs, lab: &str, grafana: &Auth, vm: Option<&Vm>) -> Called {
    Called {
        lab: lab.to_owned(),
        set: args.source.set.clone(),
        only: args.output.only.clone(),
        mock: args.mock.as_str().to_owned(),
        prometheus: args.prometheus.as_str().to_owned(),
        alertmanager: args.alertmanager.as_str().to_owned(),
        grafana: args.grafana.as_str().to_owned(),
        grafana_user: match (grafana, args.grafana.auth()) {
            (Auth::None, Auth::None) => GrafanaUser::Nobody,
            (Auth::Basic(user, password), _) | (Auth::None, Auth::Basic(user, password)) => {
                if user == "admin" && password == "admin" {
                    GrafanaUser::First
                } else {
                    GrafanaUser::User(user.clone())
                }
            }
            _ => GrafanaUser::Token,
        },
        node_exporter: args.vm_exporter.as_ref().map(|b| b.as_str().to_owned()),
        listened: args.discord_listen.is_some(),
        mock_stands_in: false,
        vm: vm.map(|vm| CalledVm {
            alias: vm.machine.alias.clone(),
            user: vm.machine.user.clone(),
            port: vm.machine.port,
            builtin_load: vm.builtin_load,
        }),
    }
}

/// Words that must not be in a bundle.
fn secrets(args: &CheckArgs, grafana: &Auth, vm: Option<&Vm>) -> Vec<String> {
    let bases = [&args.mock, &args.prometheus, &args.alertmanager, &args.grafana].map(Base::auth);
    let auths = bases.into_iter().chain(args.vm_exporter.as_ref().map(Base::auth)).chain([grafana]);
    let words = auths.filter_map(|auth| match auth {
        Auth::Basic(_, word) | Auth::Bearer(word) => Some(word.clone()),
        Auth::None => None,
    });
    words.chain(vm.and_then(|vm| vm.sign_in.password.clone()).map(|p| p.0)).collect()
}

/// The first signal ends the load and writes what was seen, the second one leaves.
fn stop_on_signal(loads: bool) {
    std::thread::spawn(move || {
        while wait_for_signal().is_ok() {
            if STOPPED.swap(true, Ordering::SeqCst) {
                ask::restore_terminal();
                std::process::exit(130);
            }
            let what = if loads { "stopping the load and writing" } else { "writing" };
            print::remark(&format!("{what} what was seen; once more leaves at once"));
        }
    });
}

fn grafana_auth(args: &CheckArgs) -> Result<Auth, String> {
    Ok(match (&args.grafana_user, &args.grafana_password_file, &args.grafana_token_file) {
        (Some(user), Some(file), _) => Auth::Basic(user.clone(), secret(file)?),
        (None, Some(file), None) => Auth::Basic("admin".to_owned(), secret(file)?),
        (_, _, Some(file)) => Auth::Bearer(secret(file)?),
        _ => Auth::None,
    })
}

/// The first line of a file.
pub(super) fn secret(file: &Path) -> Result<String, String> {
    let text = std::fs::read_to_string(file).map_err(|e| format!("cannot read {}: {e}", file.display()))?;
    match text.lines().next().map(str::trim_end) {
        Some(line) if !line.is_empty() => Ok(line.to_owned()),
        _ => Err(format!("{} is empty, wanted a secret in its first line", file.display())),
    }
}

fn listen(address: SocketAddr) -> Result<Receiver, String> {
    let receiver = Receiver::start(address, Options::default()).map_err(|e| e.to_string())?;
    let address = receiver.address();
    print::remark(&format!(
        "messages are received at http://{address}/api/webhooks/1/lab and shown at http://{address}/"
    ));
    Ok(receiver)
}

fn arrived(receiver: &Receiver) -> Vec<Arrived> {
    receiver.received().into_iter().map(|r| Arrived { at: r.at.secs_f64(), answer: r.status, body: r.body }).collect()
}

/// The call, without secrets.
fn reproduce(args: &CheckArgs, number: u32, up: bool) -> String {
    let mut line = format!("labkit {} {number}", if up { "up" } else { "check" });
    let mut add = |flag: &str, value: &str| {
        let _ = write!(line, " {flag} {}", run::shell_word(value));
    };
    if let Some(repo) = &args.repo {
        add("--repo", &repo.display().to_string());
    }
    for (flag, base, usual) in [
        ("--mock", &args.mock, "http://localhost:9000"),
        ("--prometheus", &args.prometheus, "http://localhost:9090"),
        ("--alertmanager", &args.alertmanager, "http://localhost:9093"),
        ("--grafana", &args.grafana, "http://localhost:3000"),
    ] {
        // Those of a project that is started are found out anew.
        if base.as_str() != usual && !up {
            add(flag, base.as_str());
        }
    }
    if let Some(base) = &args.vm_exporter {
        add("--vm-exporter", base.as_str());
    }
    if let Some(vm) = &args.vm {
        add("--vm", &vm.text());
    }
    for (name, value) in &args.source.set {
        add("--set", &format!("{name}={value}"));
    }
    line
}
