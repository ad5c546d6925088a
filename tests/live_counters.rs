//! Messages that go to the real channel: told by the counters of a real Alertmanager and Prometheus' log of alerts.

#![cfg(unix)]

mod live_parts;

use std::net::SocketAddr;
use std::path::Path;

use labkit::live::discord::{Options, Receiver};
use live_parts::{Running, check, of};
use serde_json::Value;

const REAL: [&str; 4] =
    ["/usr/bin/prometheus", "/usr/bin/prometheus-alertmanager", "/usr/sbin/sshd", "/usr/bin/ssh-keygen"];

/// The channel, which labkit's check knows nothing of.
fn channel() -> (Receiver, u16) {
    let receiver = Receiver::start(SocketAddr::from(([127, 0, 0, 1], 0)), Options::default()).expect("a free port");
    let port = receiver.address().port();
    (receiver, port)
}

/// Prometheus and Alertmanager, which reads a target and tells a webhook of Discord's kind.
fn stack(folder: &Path, target: &str, rule: &str, webhook: u16) -> (Running, Running, Vec<String>) {
    let alertmanager_port = live_parts::free_port();
    let alertmanager = live_parts::alertmanager(folder, alertmanager_port, webhook);
    let config = format!(
        "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: [rules.yml]\nalerting:\n  alertmanagers:\n  \
         - static_configs: [{{targets: ['127.0.0.1:{alertmanager_port}']}}]\nscrape_configs:\n- job_name: lab\n  \
         static_configs: [{{targets: ['{target}']}}]\n"
    );
    let rules = format!("groups:\n- name: lab\n  rules:\n  - {rule}\n");
    let (prometheus, port) = live_parts::prometheus(folder, &config, &rules);
    let args = vec![
        format!("--prometheus=http://127.0.0.1:{port}"),
        format!("--alertmanager=http://127.0.0.1:{alertmanager_port}"),
    ];
    (prometheus, alertmanager, args)
}

fn evidence(result: &Value, id: &str) -> String {
    let criteria = result["criteria"].as_array().expect("criteria");
    criteria.iter().find(|c| c["id"] == id).expect("a criterion")["evidence"].to_string()
}

#[test]
fn the_load_is_judged_by_the_counters_of_a_real_alertmanager() {
    if !live_parts::installed(&REAL) {
        return;
    }
    let (_keep, folder) = live_parts::folder();
    let sshd = live_parts::sshd(&folder);
    let exporter = live_parts::load::exporter(sshd.running.0.id());
    let (channel, port) = channel();
    let rule = "{alert: HostBusy, expr: node_load1 > 0.5, for: 8s}";
    let (_prometheus, _alertmanager, mut args) = stack(&folder, &exporter.address().to_string(), rule, port);
    let ids = ["stress-2m-silent", "stress-4m-alert", "stress-resolve"];
    args.extend([
        format!("--vm={}@127.0.0.1:{}", live_parts::user(), sshd.port),
        format!("--identity={}", sshd.identity.display()),
        format!("--known-hosts={}", sshd.known_hosts.display()),
        "--builtin-load".to_owned(),
        "--set=stress.short=2s,stress.rest=4s,stress.long=16s".to_owned(),
        format!("--only={}", ids.join(",")),
    ]);
    let (code, result) = check(&folder.join("reports"), &args);
    for id in ids {
        assert_eq!(of(&result, id).0, "pass", "{id}: {}", of(&result, id).1);
        assert!(evidence(&result, id).contains("Alertmanager's counters"), "{}", evidence(&result, id));
    }
    assert_eq!((code, channel.received().len()), (0, 2), "one message that it fires, one that it is over");
}

#[test]
fn an_alert_of_the_mock_is_told_by_counters_and_a_channel_that_takes_nothing_fails() {
    if !live_parts::installed(&REAL[..2]) {
        return;
    }
    let rule = "{alert: ModelHigh, expr: model_result > 0.75}";
    let asked = |folder: &Path, webhook: u16| {
        let (_mock, mock) = live_parts::mock(folder, "0.9\n0.8\n");
        let (_prometheus, _alertmanager, mut args) = stack(folder, &mock, rule, webhook);
        args.extend([format!("--mock=http://{mock}"), "--only=discord-mock-alert".to_owned()]);
        check(&folder.join("reports"), &args).1
    };
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let (_keep, folder) = live_parts::folder();
            let (channel, port) = channel();
            let result = asked(&folder, port);
            assert_eq!(of(&result, "discord-mock-alert").0, "pass", "{}", of(&result, "discord-mock-alert").1);
            assert!(evidence(&result, "discord-mock-alert").contains("Alertmanager's counters"));
            assert!(!channel.received().is_empty());
        });
        scope.spawn(|| {
            let (_keep, folder) = live_parts::folder();
            // Alertmanager counts a notification as made while it still tries.
            let result = asked(&folder, live_parts::free_port());
            let (verdict, reason) = of(&result, "discord-mock-alert");
            assert!(verdict == "fail" && reason.contains("all of which failed"), "{verdict}: {reason}");
        });
    });
}
