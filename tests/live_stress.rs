//! The load of the lab for real, in seconds instead of minutes: sshd, stress-ng, Prometheus and Alertmanager on loopback.
//!
//! The exporter is the test's own: it counts the workers of stress-ng, so that what else the machine does is not taken
//! for a load.

#![cfg(unix)]

mod live_parts;

use std::time::{Duration, Instant};

use axum::Router;
use labkit::live::Server;
use live_parts::grafana::{self, Fake};
use live_parts::{Sshd, check, of};

const REAL: [&str; 5] = [
    "/usr/bin/prometheus",
    "/usr/bin/prometheus-alertmanager",
    "/usr/sbin/sshd",
    "/usr/bin/ssh-keygen",
    "/usr/bin/stress-ng",
];

/// The load is made on this machine: one test at a time.
static MACHINE: std::sync::Mutex<()> = std::sync::Mutex::new(());

/// How many processes of stress-ng run here.
fn workers() -> usize {
    let processes = std::fs::read_dir("/proc").expect("Linux").flatten();
    let names = processes.filter_map(|p| std::fs::read_to_string(p.path().join("comm")).ok());
    names.filter(|n| n.starts_with("stress-ng")).count()
}

fn exporter() -> Server {
    let app = Router::new().fallback(|| async { format!("node_load1 {}\n", workers()) });
    Server::start("exporter", ([127, 0, 0, 1], 0).into(), app).expect("a free port")
}

fn user() -> String {
    let id = std::process::Command::new("id").arg("-un").output().expect("id runs");
    String::from_utf8_lossy(&id.stdout).trim().to_owned()
}

fn vm(sshd: &Sshd) -> Vec<String> {
    vec![
        format!("--vm={}@127.0.0.1:{}", user(), sshd.port),
        format!("--identity={}", sshd.identity.display()),
        format!("--known-hosts={}", sshd.known_hosts.display()),
    ]
}

#[test]
fn a_short_load_is_silent_and_a_long_one_is_told_and_resolved() {
    if !live_parts::installed(&REAL) {
        return;
    }
    let _alone = MACHINE.lock();
    let (_keep, folder) = live_parts::folder();
    let sshd = live_parts::sshd(&folder);
    let exporter = exporter();
    let (alertmanager, discord) = (live_parts::free_port(), live_parts::free_port());
    let _alertmanager = live_parts::alertmanager(&folder, alertmanager, discord);
    let config = format!(
        "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: [rules.yml]\nalerting:\n  alertmanagers:\n  \
         - static_configs: [{{targets: ['127.0.0.1:{alertmanager}']}}]\nscrape_configs:\n- job_name: node\n  \
         static_configs: [{{targets: ['{}']}}]\n",
        exporter.address()
    );
    let rules = "groups:\n- name: lab\n  rules:\n  - {alert: HostBusy, expr: node_load1 > 0.5, for: 9s}\n";
    let (_prometheus, prometheus) = live_parts::prometheus(&folder, &config, rules);
    let fake = grafana::start(Fake { password: "admin", value: Some(99.0), ..Fake::default() });
    let mut args = vec![
        format!("--prometheus=http://127.0.0.1:{prometheus}"),
        format!("--alertmanager=http://127.0.0.1:{alertmanager}"),
        format!("--grafana=http://{}", fake.address()),
        format!("--discord-listen=127.0.0.1:{discord}"),
        "--set=stress.short=4s,stress.rest=10s,stress.long=20s".to_owned(),
        "--only=cpu-100,stress-2m-silent,stress-4m-alert,stress-grafana-values,stress-resolve".to_owned(),
    ];
    args.extend(vm(&sshd));
    let (code, result) = check(&folder.join("reports"), &args);
    for id in ["cpu-100", "stress-2m-silent", "stress-4m-alert", "stress-grafana-values", "stress-resolve"] {
        assert_eq!(of(&result, id).0, "pass", "{id}: {}", of(&result, id).1);
    }
    assert_eq!(code, 0);
    let report = std::fs::read_to_string(folder.join("reports/labkit-check-07-monitoring.md")).expect("a report");
    assert!(report.contains("HostBusy") && report.contains("labkit-check-07-monitoring.svg"), "{report}");
    assert!(folder.join("reports/labkit-check-07-monitoring.svg").is_file());
}

#[test]
fn a_machine_with_an_unknown_or_another_key_is_not_signed_in_to() {
    if !live_parts::installed(&REAL[2..4]) {
        return;
    }
    let (_keep, folder) = live_parts::folder();
    let sshd = live_parts::sshd(&folder);
    let told = |sshd: &Sshd| {
        let mut args = vm(sshd);
        args.push("--only=cpu-100".to_owned());
        args.push("--builtin-load".to_owned());
        let (code, result) = check(&folder, &args);
        let criteria = result["criteria"].as_array().expect("criteria");
        let found = criteria.iter().find(|c| c["id"] == "cpu-100").expect("cpu-100");
        assert_eq!((code, found["verdict"].as_str()), (3, Some("error")), "{found}");
        format!("{} {}", found["reason"].as_str().unwrap_or(""), found["hint"].as_str().unwrap_or(""))
    };
    let known = std::fs::read_to_string(&sshd.known_hosts).expect("a file");
    std::fs::write(&sshd.known_hosts, "").expect("written");
    let unknown = told(&sshd);
    assert!(unknown.contains("no known host key of 127.0.0.1") && unknown.contains("compare its key"), "{unknown}");
    let other = std::fs::read_to_string(sshd.identity.with_extension("pub")).expect("a key");
    std::fs::write(&sshd.known_hosts, format!("[127.0.0.1]:{} {other}", sshd.port)).expect("written");
    let changed = told(&sshd);
    assert!(changed.contains("not the known one") && changed.contains("ssh-keygen -R"), "{changed}");
    std::fs::write(&sshd.known_hosts, known).expect("written");
    let stranger = Sshd { identity: folder.join("host_key"), ..sshd };
    let refused = told(&stranger);
    assert!(refused.contains("not letting") && refused.contains("--identity FILE"), "{refused}");
    drop(stranger.running);
    let args = [format!("--vm=127.0.0.1:{}", live_parts::free_port()), "--only=cpu-100".to_owned()];
    let (_, result) = check(&folder, &args);
    assert!(of(&result, "cpu-100").1.contains("no SSH at 127.0.0.1"), "{:?}", of(&result, "cpu-100"));
}

#[test]
fn ctrl_c_stops_the_load_and_what_was_seen_is_written() {
    if !live_parts::installed(&REAL) {
        return;
    }
    let _alone = MACHINE.lock();
    let (_keep, folder) = live_parts::folder();
    let sshd = live_parts::sshd(&folder);
    let (_prometheus, prometheus) = live_parts::prometheus(&folder, "global: {scrape_interval: 1s}\n", "groups: []\n");
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_labkit"))
        .args(["check", "--only=cpu-100", "--set=stress.short=5m", "--out"])
        .arg(folder.join("reports"))
        .arg(format!("--prometheus=http://127.0.0.1:{prometheus}"))
        .args(vm(&sshd))
        .spawn()
        .expect("labkit starts");
    let deadline = Instant::now() + Duration::from_secs(60);
    while workers() == 0 {
        assert!(Instant::now() < deadline, "no load was made");
        std::thread::sleep(Duration::from_millis(200));
    }
    let interrupted = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(interrupted.expect("kill runs").success());
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
    let report = std::fs::read_to_string(folder.join("reports/labkit-check-07-monitoring.md")).expect("a report");
    assert!(report.contains("stopped by hand"), "{report}");
    let deadline = Instant::now() + Duration::from_secs(20);
    while workers() > 0 {
        assert!(Instant::now() < deadline, "the load goes on");
        std::thread::sleep(Duration::from_millis(200));
    }
}
