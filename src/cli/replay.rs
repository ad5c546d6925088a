//! `labkit replay FILE`: the verdicts of a check again, from its bundle and without the machines.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::Args as ClapArgs;

use super::args::{LabSource, Output};
use super::exit::Exit;
use super::{lab_source, print, run};
use crate::check::bundle::{self, Bundle};
use crate::check::live_world::{self, Called, GrafanaUser, Request, Settings, Vm};
use crate::check::probe::http::{Auth, Base};
use crate::check::probe::sign_in::SignIn;
use crate::check::probe::ssh_config;
use crate::check::probe::tape::Tape;
use crate::report::RunResult;

/// Bytes that a bundle may have.
const MAX_BYTES: u64 = 128 * 1024 * 1024;

#[derive(Debug, ClapArgs)]
pub struct ReplayArgs {
    /// The bundle, as `labkit check --bundle FILE` wrote it
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Folder with `labs/` and `checks/` to use instead of the built-in labs
    #[arg(long = "labs", value_name = "DIR", env = "LABKIT_LABS")]
    pub folder: Option<PathBuf>,
    /// How results are shown
    #[command(flatten)]
    pub output: Output,
}

/// Runs the command.
pub fn run(args: &ReplayArgs) -> Exit {
    match replay(args) {
        Ok(exit) => exit,
        Err(e) => print::usage(&e),
    }
}

fn replay(args: &ReplayArgs) -> Result<Exit, String> {
    let shown = args.file.display();
    let Bundle { manifest, lines, resumed, result: then, tree } =
        bundle::read(&bytes(&args.file)?).map_err(|e| format!("{shown} is no bundle of labkit: {e}"))?;
    let called = manifest.called;
    let source = LabSource { folder: args.folder.clone(), set: called.set.clone() };
    let loaded = lab_source::load(&called.lab, &source).map_err(|e| e.0)?;
    let only = if args.output.only.is_empty() { &called.only } else { &args.output.only };
    let base = |url: &str| Base::parse(url).map_err(|e| format!("{shown}: {e}"));
    let settings = Settings {
        mock: base(&called.mock)?,
        prometheus: base(&called.prometheus)?,
        alertmanager: base(&called.alertmanager)?,
        grafana: base(&called.grafana)?,
        grafana_auth: auth(&called.grafana_user),
        node_exporter: called.node_exporter.as_deref().map(base).transpose()?,
        arrived: called.listened.then(|| Box::new(Vec::new) as Box<dyn Fn() -> Vec<live_world::Arrived>>),
        only,
        vm: vm(&called)?,
        load_alerts: None,
        stopped: Box::new(|| false),
        waiting: Box::new(|_| {}),
        tape: Tape::playing(lines),
        called: called.clone(),
        resumed,
        keep: Box::new(|_| {}),
    };
    let request = Request {
        lab: &loaded.lab,
        checks: &loaded.checks,
        starter: &loaded.files.starter,
        tree: tree.as_ref(),
        subject: manifest.subject,
    };
    let result = live_world::run(&request, settings)?.result;
    let stem = format!("labkit-replay-{}", loaded.lab.id);
    let reproduce = format!("labkit replay {}", run::shell_word(&args.file.display().to_string()));
    let written = run::write_reports(&result, &args.output, &stem, &reproduce)?;
    run::show(&result, &args.output, &written);
    if !manifest.whole {
        print::remark("not everything was kept in this bundle, so some verdicts may be others than then");
    }
    if let Some(then) = then {
        compare(&then, &result);
    }
    Ok(run::exit_of(&result, args.output.exit_zero))
}

fn bytes(file: &Path) -> Result<Vec<u8>, String> {
    let cannot = |e: std::io::Error| format!("cannot read {}: {e}", file.display());
    let meta = std::fs::metadata(file).map_err(cannot)?;
    if !meta.is_file() || meta.len() > MAX_BYTES {
        return Err(format!("{} is no file of at most {} MB", file.display(), MAX_BYTES / 1024 / 1024));
    }
    let mut bytes = Vec::new();
    std::fs::File::open(file).map_err(cannot)?.take(MAX_BYTES).read_to_end(&mut bytes).map_err(cannot)?;
    Ok(bytes)
}

/// Who signed in; with what is not known and not needed.
fn auth(user: &GrafanaUser) -> Auth {
    match user {
        GrafanaUser::Nobody => Auth::None,
        GrafanaUser::User(user) => Auth::Basic(user.clone(), String::new()),
        GrafanaUser::First => Auth::Basic("admin".to_owned(), "admin".to_owned()),
        GrafanaUser::Token => Auth::Bearer(String::new()),
    }
}

fn vm(called: &Called) -> Result<Option<Vm>, String> {
    let Some(vm) = &called.vm else { return Ok(None) };
    let mut machine = ssh_config::machine(&vm.alias)?;
    machine.user.clone_from(&vm.user);
    machine.port = vm.port;
    Ok(Some(Vm { machine, sign_in: SignIn::default(), builtin_load: vm.builtin_load }))
}

/// Says where the verdicts are others than the bundle's own.
fn compare(then: &RunResult, now: &RunResult) {
    for criterion in &now.criteria {
        let before = then.criteria.iter().find(|c| c.id == criterion.id);
        if let Some(before) = before.filter(|b| b.verdict != criterion.verdict) {
            print::remark(&format!(
                "{} was {} in the bundle's own result and is {} now",
                criterion.id,
                before.verdict.as_str(),
                criterion.verdict.as_str()
            ));
        }
    }
}
