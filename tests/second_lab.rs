//! A lab of somebody else, in YAML alone: its own scenarios by name, its own metrics to hold.

use labkit::check::acceptance::{Request, run};
use labkit::check::parse_scripts;
use labkit::lab::{Lab, LabFiles};
use labkit::report::{RunResult, Subject, Verdict};
use labkit::stack::FileTree;

const LAB: &str = "
schema: labkit/lab/v1
id: 08-disk
number: 8
title: Full disks
checks: 08-disk
alerts:
  disk-alerts: {title: alerts on disks, reads: [node_filesystem_avail_bytes]}
  load-alerts: {title: alerts on load, reads: [node_cpu_seconds_total]}
scenarios:
  calm: {about: nothing happens, idle: 10m, timeline: [{name: nothing, for: 5m}]}
  rush: {about: everybody comes at once, idle: 10m, timeline: [{name: rush, load: all, for: 6m}, {name: after, for: 12m}]}
criteria:
  - {id: disk, title: A full disk is told, points: 1, hint: look at the threshold}
  - {id: rush, title: A rush is told, points: 2, hint: look at for}
  - {id: calm, title: Calm is not told, points: 1, hint: look at the threshold}
";

const CHECKS: &str = "
- id: disk
  steps:
    - rule: {of: disk-alerts}
    - probe: {of: disk-alerts, when: {node_filesystem_avail_bytes: 1000}, expect: fires}
    - probe: {of: disk-alerts, when: {node_filesystem_avail_bytes: 9e12}, expect: silent, wanted: peace, hint: turn it round}
- id: rush
  steps:
    - messages: {of: load-alerts, scenario: rush, state: firing, at-least: 1, from: rush.start, until: rush.end}
- id: calm
  steps:
    - messages: {of: load-alerts, scenario: calm, state: firing, never: true}
";

const PROMETHEUS: &str = "
global: {scrape_interval: 5s, evaluation_interval: 5s}
rule_files: [rules.yml]
alerting: {alertmanagers: [{static_configs: [{targets: ['localhost:9093']}]}]}
scrape_configs:
- {job_name: node, static_configs: [{targets: ['192.168.56.20:9100']}]}
";

const ALERTMANAGER: &str = "
route: {receiver: d, group_wait: 0s, group_interval: 1s}
receivers: [{name: d, discord_configs: [{webhook_url: 'https://discord.com/api/webhooks/1/t'}]}]
";

fn judge(disk: &str) -> RunResult {
    judge_with(PROMETHEUS, disk)
}

fn judge_with(prometheus: &str, disk: &str) -> RunResult {
    let files = [("labs/08-disk/lab.yaml", LAB.as_bytes()), ("checks/08-disk/all.yaml", CHECKS.as_bytes())];
    let files = LabFiles::gather("08-disk", files.into_iter()).expect("a lab");
    let lab = Lab::parse(&files, &[]).unwrap_or_else(|e| panic!("{e}"));
    let checks = parse_scripts(&lab, &files.checks).unwrap_or_else(|e| panic!("{e}"));
    let rules = format!(
        "groups:\n- name: g\n  rules:\n  - {{alert: Disk, expr: '{disk}'}}\n  - alert: Load\n    for: 1m\n    \
         expr: sum(rate(node_cpu_seconds_total{{mode!=\"idle\"}}[1m])) > 1.5\n"
    );
    let tree = FileTree::in_memory([
        ("prometheus.yml", prometheus),
        ("rules.yml", rules.as_str()),
        ("alertmanager.yml", ALERTMANAGER),
    ]);
    let subject = Subject { name: "s".into(), path: "s".into(), commit: None, dirty: false };
    run(&Request { lab: &lab, checks: &checks, starter: &[], tree: &tree, subject, only: &[] })
}

fn verdicts(result: &RunResult) -> Vec<(&str, Verdict)> {
    result.criteria.iter().map(|c| (c.id.as_str(), c.verdict)).collect()
}

#[test]
fn each_criterion_is_judged_in_the_scenario_and_on_the_metrics_that_it_names() {
    let result = judge("node_filesystem_avail_bytes < 1e6");
    let reasons: Vec<&String> = result.criteria.iter().map(|c| &c.reason).collect();
    let all = [("disk", Verdict::Pass), ("rush", Verdict::Pass), ("calm", Verdict::Pass)];
    assert_eq!(verdicts(&result), all, "{reasons:?}");
    assert!(result.timeline.is_some_and(|t| t.phases.len() == 1 && t.phases[0].name == "rush load"));
}

#[test]
fn a_probe_that_fails_says_what_was_held_and_what_the_lab_wants() {
    let result = judge("node_filesystem_avail_bytes < 1");
    let disk = &result.criteria[0];
    assert_eq!(disk.verdict, Verdict::Fail);
    assert!(disk.reason.contains("silent while node_filesystem_avail_bytes stays at 1000"), "{}", disk.reason);
    assert_eq!(disk.hint, "look at the threshold");
    let result = judge("node_filesystem_avail_bytes > 1");
    // Both ways round it is active, so the first probe holds and the second does not.
    let disk = &result.criteria[0];
    assert!(disk.reason.contains("active while node_filesystem_avail_bytes stays at 9e+12"), "{}", disk.reason);
    assert!(disk.reason.ends_with("wanted peace") && disk.hint == "turn it round", "{} {}", disk.reason, disk.hint);
}

#[test]
fn what_a_stopped_run_does_not_show_is_not_held_against_anybody() {
    let prometheus = PROMETHEUS.replace("scrape_interval: 5s", "scrape_interval: 1ms, scrape_timeout: 1ms");
    let result = judge_with(&prometheus, "node_filesystem_avail_bytes < 1");
    for c in &result.criteria {
        assert_eq!(c.verdict, Verdict::Inconclusive, "{}: {}", c.id, c.reason);
        assert!(c.reason.contains("asks for too much work"), "{}", c.reason);
    }
}

#[test]
fn another_threshold_of_lab_7_is_asked_of_the_alert_and_of_the_line() {
    let files = LabFiles::embedded("07-monitoring").expect("embedded");
    let texts: Vec<(&str, &str)> = files
        .solution
        .iter()
        .map(|(path, bytes)| (path.as_str(), std::str::from_utf8(bytes).expect("the solution is text")))
        .collect();
    for (threshold, wanted) in [("0.75", Verdict::Pass), ("0.5", Verdict::Fail)] {
        let lab = Lab::parse(&files, &[("mock.threshold".into(), threshold.into())]).unwrap_or_else(|e| panic!("{e}"));
        let checks = parse_scripts(&lab, &files.checks).unwrap_or_else(|e| panic!("{e}"));
        let tree = FileTree::in_memory(texts.iter().copied());
        let subject = Subject { name: "s".into(), path: "s".into(), commit: None, dirty: false };
        let only = ["discord-mock-alert".to_owned(), "grafana-threshold-line".to_owned()];
        let result = run(&Request { lab: &lab, checks: &checks, starter: &[], tree: &tree, subject, only: &only });
        let all = verdicts(&result);
        for id in &only {
            assert!(all.contains(&(id.as_str(), wanted)), "{threshold}: {all:?}");
        }
    }
}
