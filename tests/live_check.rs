//! `labkit check` on running stacks: the real programs on loopback, and parts that are missing or something else.

#![cfg(unix)]

mod live_parts;

use live_parts::grafana::{self, Fake};
use live_parts::{check, of};

const REAL: [&str; 3] =
    ["/usr/bin/prometheus", "/usr/bin/prometheus-alertmanager", "/usr/bin/prometheus-node-exporter"];

const RULES: &str = "groups:\n- name: lab\n  interval: 1s\n  rules:\n  - {alert: ModelHigh, expr: model_result > 0.75}\n  \
                     - {alert: Busy, expr: 'avg(rate(node_cpu_seconds_total{mode!=\"idle\"}[10s])) > 5', for: 5s}\n";

fn url(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

#[test]
fn a_running_stack_passes_all_that_is_seen_without_its_machine() {
    if !live_parts::installed(&REAL) {
        return;
    }
    let (_keep, folder) = live_parts::folder();
    let (_mock, mock) = live_parts::mock(&folder, "0.9\n0.8\n0.95\n");
    let (_node, node) = live_parts::node_exporter();
    let (alertmanager, discord) = (live_parts::free_port(), live_parts::free_port());
    let _alertmanager = live_parts::alertmanager(&folder, alertmanager, discord);
    let config = format!(
        "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: [rules.yml]\nalerting:\n  alertmanagers:\n  \
         - static_configs: [{{targets: ['127.0.0.1:{alertmanager}']}}]\nscrape_configs:\n- job_name: mock\n  \
         static_configs: [{{targets: ['{mock}']}}]\n- job_name: node\n  static_configs: [{{targets: ['127.0.0.1:{node}']}}]\n"
    );
    let (_prometheus, prometheus) = live_parts::prometheus(&folder, &config, RULES);
    let fake = grafana::start(Fake { dashboards: vec![("d1", grafana::classic("5s"))], ..Fake::default() });
    let password = folder.join("password");
    std::fs::write(&password, "changed\n").expect("written");
    let args = [
        format!("--mock=http://{mock}"),
        format!("--prometheus={}", url(prometheus)),
        format!("--alertmanager={}", url(alertmanager)),
        format!("--grafana=http://{}", fake.address()),
        "--grafana-user=admin".to_owned(),
        format!("--grafana-password-file={}", password.display()),
        format!("--discord-listen=127.0.0.1:{discord}"),
        format!("--set=node.port={node}"),
    ];
    let (code, result) = check(&folder.join("reports"), &args);
    for id in [
        "mock-metrics",
        "prometheus-scrapes-mock",
        "grafana-shows-mock",
        "grafana-refresh-5s",
        "grafana-last-15m",
        "grafana-threshold-line",
        "discord-mock-alert",
        "node-exporter",
    ] {
        assert_eq!(of(&result, id).0, "pass", "{id}: {}", of(&result, id).1);
    }
    for id in ["cpu-100", "stress-4m-alert", "stress-grafana-values", "lab-report"] {
        assert_eq!(of(&result, id).0, "unverified", "{id}: {}", of(&result, id).1);
    }
    assert_eq!(
        (code, result["clock"].as_str(), result["summary"]["verdict"].as_str()),
        (0, Some("real"), Some("open"))
    );
    assert!(result["dialect"]["prometheus"].as_str().is_some_and(|v| v.starts_with("2.")), "{}", result["dialect"]);
    assert!(of(&result, "mock-metrics").1.contains("changing every 5 s"));
    assert!(of(&result, "discord-mock-alert").1.contains("about ModelHigh at the stand-in"));
    let advice: Vec<&str> =
        result["advice"].as_array().expect("advice").iter().filter_map(|a| a["id"].as_str()).collect();
    assert!(!advice.contains(&"default-grafana-password"), "{advice:?}");
    let report = std::fs::read_to_string(folder.join("reports/labkit-check-07-monitoring.md")).expect("a report");
    assert!(report.contains("ModelHigh") && !report.contains("changed\n"));
}

#[test]
fn a_stack_that_is_not_there_is_told_part_by_part() {
    let (_keep, folder) = live_parts::folder();
    let dead = || url(live_parts::free_port());
    let args = [
        format!("--mock={}", dead()),
        format!("--prometheus={}", dead()),
        format!("--alertmanager={}", dead()),
        format!("--grafana={}", dead()),
    ];
    let (code, result) = check(&folder, &args);
    assert_eq!(code, 1);
    let (verdict, reason) = of(&result, "mock-metrics");
    assert_eq!(verdict, "fail");
    assert!(reason.contains("nothing that listens (connection refused)"), "{reason}");
    assert_eq!(of(&result, "prometheus-scrapes-mock").0, "skipped");
    assert_eq!(of(&result, "node-exporter").0, "skipped");
}

#[test]
fn only_the_named_criteria_are_looked_at() {
    let (_keep, folder) = live_parts::folder();
    let fake = grafana::start(Fake { dashboards: vec![("d1", grafana::classic("10s"))], ..Fake::default() });
    let password = folder.join("password");
    std::fs::write(&password, "changed").expect("written");
    let args = [
        format!("--grafana=http://{}", fake.address()),
        "--grafana-user=admin".to_owned(),
        format!("--grafana-password-file={}", password.display()),
        "--only=grafana-refresh-5s,grafana-last-15m".to_owned(),
        format!("--prometheus={}", url(live_parts::free_port())),
    ];
    let (code, result) = check(&folder, &args);
    let (verdict, reason) = of(&result, "grafana-refresh-5s");
    assert_eq!((code, verdict.as_str()), (1, "fail"), "{reason}");
    assert!(reason.contains("refreshes every 10s"), "{reason}");
    assert_eq!(of(&result, "grafana-last-15m").0, "pass");
    assert_eq!(of(&result, "mock-metrics"), ("unverified".to_owned(), "left out by --only".to_owned()));
}

#[test]
fn a_dry_run_tells_the_plan_and_does_nothing() {
    let output = assert_cmd::Command::new(env!("CARGO_BIN_EXE_labkit"))
        .args(["check", "--dry-run", "--vm", "nobody@no-such-host.invalid", "--set", "stress.long=5m"])
        .arg(format!("--prometheus={}", url(live_parts::free_port())))
        .timeout(std::time::Duration::from_secs(60))
        .assert()
        .code(0);
    let plan = String::from_utf8_lossy(&output.get_output().stdout).into_owned();
    assert!(plan.contains("5:00  long load on all cores for 5:00"), "{plan}");
    assert!(plan.contains("nothing is known of the alerts"), "{plan}");
}

#[test]
fn a_dry_run_plays_the_load_beforehand_with_what_is_loaded() {
    if !live_parts::installed(&REAL) {
        return;
    }
    let (_keep, folder) = live_parts::folder();
    let (_node, node) = live_parts::node_exporter();
    let (alertmanager, discord) = (live_parts::free_port(), live_parts::free_port());
    let _alertmanager = live_parts::alertmanager(&folder, alertmanager, discord);
    let config = format!(
        "global: {{scrape_interval: 5s, evaluation_interval: 5s}}\nrule_files: [rules.yml]\nalerting:\n  alertmanagers:\n  \
         - static_configs: [{{targets: ['127.0.0.1:{alertmanager}']}}]\nscrape_configs:\n- job_name: node\n  \
         static_configs: [{{targets: ['127.0.0.1:{node}']}}]\n"
    );
    let rules = "groups:\n- name: lab\n  rules:\n  - alert: Busy\n    for: 3m\n    \
                 expr: 100 - avg by (instance) (rate(node_cpu_seconds_total{mode=\"idle\"}[1m])) * 100 > 90\n";
    let (_prometheus, prometheus) = live_parts::prometheus(&folder, &config, rules);
    let plan = || {
        let output = assert_cmd::Command::new(env!("CARGO_BIN_EXE_labkit"))
            .args(["check", "--dry-run"])
            .arg(format!("--prometheus={}", url(prometheus)))
            .arg(format!("--alertmanager={}", url(alertmanager)))
            .timeout(std::time::Duration::from_secs(120))
            .output()
            .expect("labkit ends");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    // Until the exporter was scraped nothing is known of it.
    let mut told = plan();
    live_parts::wait_for("the first scrape", 60, || {
        told = plan();
        told.contains("Busy in the long load: pending between 5:5")
    });
    assert!(told.contains("Busy in the short load: pending between 0:5") && told.contains(", then nothing"), "{told}");
    let long = told.lines().find(|l| l.starts_with("Busy in the long load")).expect("a line");
    assert!(long.contains("firing between 8:5") && long.contains("message between 8:5"), "{long}");
    assert!(long.contains("resolved message between 9:0"), "{long}");
}
