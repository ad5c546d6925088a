//! A load that is interrupted: by hand, by a lost connection, by a machine that starts anew, by a dead Prometheus.
//! The load is labkit's own, which needs no stress-ng.

#![cfg(unix)]

mod live_parts;

use std::path::Path;
use std::process::{Child, Output, Stdio};
use std::sync::Mutex;

use live_parts::load::{loops, loops_anywhere};
use live_parts::{Sshd, children, of, signal, wait_for};
use serde_json::Value;

const REAL: [&str; 4] =
    ["/usr/bin/prometheus", "/usr/bin/prometheus-alertmanager", "/usr/sbin/sshd", "/usr/bin/ssh-keygen"];

/// The load is made on this machine: one test at a time.
static MACHINE: Mutex<()> = Mutex::new(());

fn start(mut command: std::process::Command, args: &[String]) -> Child {
    command.args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("labkit starts")
}

fn ended(child: Child) -> (i32, Value, String) {
    let Output { status, stdout, stderr } = child.wait_with_output().expect("labkit ends");
    let said = String::from_utf8_lossy(&stderr).into_owned();
    let result = serde_json::from_slice(&stdout).unwrap_or_default();
    (status.code().unwrap_or(-1), result, said)
}

fn args(prometheus: u16, times: &str) -> Vec<String> {
    vec![
        "--vm=vm".to_owned(),
        "--builtin-load".to_owned(),
        format!("--prometheus=http://127.0.0.1:{prometheus}"),
        format!("--set={times}"),
    ]
}

/// A machine and a Prometheus without rules.
struct Bare {
    _keep: tempfile::TempDir,
    folder: std::path::PathBuf,
    home: std::path::PathBuf,
    sshd: Sshd,
    prometheus: (live_parts::Running, u16),
}

fn bare(more: &str) -> Bare {
    let (keep, folder) = live_parts::folder();
    let sshd = live_parts::sshd_with(&folder, more);
    let home = live_parts::home(&folder, &sshd);
    let prometheus = live_parts::prometheus(&folder, "global: {scrape_interval: 1s}\n", "groups: []\n");
    Bare { _keep: keep, folder, home, sshd, prometheus }
}

impl Bare {
    /// Starts a check of the CPU and waits until the load runs.
    fn under_load(&self) -> Child {
        let mut args = args(self.prometheus.1, "stress.short=5m");
        args.push("--only=cpu-100".to_owned());
        let child = start(live_parts::labkit_check(&self.home, &self.folder.join("reports")), &args);
        wait_for("the load", 60, || loops(self.sshd.running.0.id()) > 0);
        child
    }
}

#[test]
fn the_second_ctrl_c_leaves_at_once_and_the_load_ends_with_the_connection() {
    if !live_parts::installed(&REAL) {
        return;
    }
    let _alone = MACHINE.lock();
    let bare = bare("PasswordAuthentication no");
    let child = bare.under_load();
    // Both before labkit looks again.
    signal("INT", child.id());
    std::thread::sleep(std::time::Duration::from_millis(300));
    signal("INT", child.id());
    let (code, _, said) = ended(child);
    assert_eq!(code, 130, "{said}");
    wait_for("the load to end", 20, || loops_anywhere() == 0);
}

#[test]
fn a_connection_that_is_lost_under_load_ends_the_load_and_is_told() {
    if !live_parts::installed(&REAL) {
        return;
    }
    let _alone = MACHINE.lock();
    let bare = bare("PasswordAuthentication no");
    let child = bare.under_load();
    let connections = children(bare.sshd.running.0.id());
    connections.iter().for_each(|id| signal("KILL", *id));
    let (code, result, said) = ended(child);
    let (verdict, reason) = of(&result, "cpu-100");
    assert!(verdict == "inconclusive" && reason.contains("a lost connection"), "{verdict}: {reason} ({code}) {said}");
    assert!(said.contains("--resume"), "{said}");
    wait_for("the load to end", 20, || loops_anywhere() == 0);
}

#[test]
fn a_machine_that_starts_anew_is_told() {
    if !live_parts::installed(&REAL) {
        return;
    }
    let _alone = MACHINE.lock();
    let (_keep, tools) = live_parts::folder();
    // A grep that tells another time of start as soon as a file is there.
    let anew = tools.join("anew");
    let script = format!(
        "#!/bin/sh\nif [ \"$1\" = ^btime ] && [ -e {0} ]; then echo btime 99; exit 0; fi\nexec /bin/grep \"$@\"\n",
        anew.display()
    );
    let grep = tools.join("grep");
    std::fs::write(&grep, script).expect("written");
    std::fs::set_permissions(&grep, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("set");
    let bare = bare(&format!("SetEnv PATH={}:/usr/bin:/bin", tools.display()));
    let child = bare.under_load();
    std::fs::write(&anew, "").expect("written");
    let (_, result, said) = ended(child);
    let (verdict, reason) = of(&result, "cpu-100");
    assert!(verdict == "inconclusive" && reason.contains("the machine was started anew"), "{verdict}: {reason} {said}");
    wait_for("the load to end", 20, || loops_anywhere() == 0);
}

#[test]
fn a_prometheus_that_dies_under_load_is_told() {
    if !live_parts::installed(&REAL) {
        return;
    }
    let _alone = MACHINE.lock();
    let mut bare = bare("PasswordAuthentication no");
    let child = bare.under_load();
    bare.prometheus.0.0.kill().expect("it runs");
    let (_, result, said) = ended(child);
    let (verdict, reason) = of(&result, "cpu-100");
    assert!(
        verdict == "inconclusive" && reason.contains("nothing that listens (connection refused) from Prometheus"),
        "{verdict}: {reason} {said}"
    );
    wait_for("the load to end", 20, || loops_anywhere() == 0);
}

fn note_of(folder: &Path) -> String {
    std::fs::read_to_string(folder.join("reports/labkit-check-07-monitoring.md")).expect("a report")
}

#[test]
fn a_rerun_goes_on_where_the_load_was_interrupted_and_its_bundle_gives_the_same() {
    if !live_parts::installed(&REAL) {
        return;
    }
    let _alone = MACHINE.lock();
    let (_keep, folder) = live_parts::folder();
    let sshd = live_parts::sshd(&folder);
    let home = live_parts::home(&folder, &sshd);
    let exporter = live_parts::load::exporter(sshd.running.0.id());
    let (alertmanager, discord) = (live_parts::free_port(), live_parts::free_port());
    let _alertmanager = live_parts::alertmanager(&folder, alertmanager, discord);
    let config = format!(
        "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: [rules.yml]\nalerting:\n  alertmanagers:\n  \
         - static_configs: [{{targets: ['127.0.0.1:{alertmanager}']}}]\nscrape_configs:\n- job_name: node\n  \
         static_configs: [{{targets: ['{}']}}]\n",
        exporter.address()
    );
    let rules = "groups:\n- name: lab\n  rules:\n  - {alert: HostBusy, expr: node_load1 > 0.5, for: 8s}\n";
    let (_prometheus, prometheus) = live_parts::prometheus(&folder, &config, rules);
    let mut args = args(prometheus, "stress.short=2s,stress.rest=4s,stress.long=16s");
    args.push(format!("--alertmanager=http://127.0.0.1:{alertmanager}"));
    args.push(format!("--discord-listen=127.0.0.1:{discord}"));
    args.push("--only=stress-2m-silent,stress-4m-alert,stress-resolve".to_owned());
    let reports = folder.join("reports");
    let state = reports.join("labkit-check-07-monitoring.state.json");

    let first = start(live_parts::labkit_check(&home, &reports), &args);
    wait_for("the long load", 60, || {
        let kept = std::fs::read_to_string(&state).ok().and_then(|t| serde_json::from_str::<Value>(&t).ok());
        let until = kept.as_ref().and_then(|k| k["played"]["until"].as_f64()).unwrap_or(-99.0);
        until > 6.0 && loops(sshd.running.0.id()) > 0
    });
    signal("INT", first.id());
    let (code, result, said) = ended(first);
    assert_eq!(code, 130, "{said}");
    assert_eq!(of(&result, "stress-2m-silent").0, "pass", "{}", of(&result, "stress-2m-silent").1);
    let (verdict, reason) = of(&result, "stress-4m-alert");
    assert!(verdict == "inconclusive" && reason.contains("stopped by hand"), "{verdict}: {reason}");

    // Another check does not go on with it.
    let mut other = args.clone();
    other.extend(["--resume".to_owned(), "--set=stress.long=17s".to_owned()]);
    let (code, _, said) = ended(start(live_parts::labkit_check(&home, &reports), &other));
    assert!(code == 2 && said.contains("the interrupted run was another one"), "{said}");

    let bundle = folder.join("bundle.tar.gz");
    args.extend(["--resume".to_owned(), format!("--bundle={}", bundle.display())]);
    let (code, result, said) = ended(start(live_parts::labkit_check(&home, &reports), &args));
    for id in ["stress-2m-silent", "stress-4m-alert", "stress-resolve"] {
        assert_eq!(of(&result, id).0, "pass", "{id}: {} {said}", of(&result, id).1);
    }
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("1 criteria are decided already"), "{said}");
    assert!(note_of(&folder).contains("taken up again before 0:06"), "{}", note_of(&folder));
    assert!(!state.exists());

    let mut replay = std::process::Command::new(env!("CARGO_BIN_EXE_labkit"));
    replay.args(["replay", "--json", "--out"]).arg(folder.join("replayed")).arg(&bundle);
    let (again, replayed, said) = ended(start(replay, &[]));
    assert_eq!((again, &replayed["criteria"]), (code, &result["criteria"]), "{said}");
    let picture = "labkit-replay-07-monitoring.svg";
    assert!(folder.join("replayed").join(picture).is_file());
}
