//! `labkit run` tells of each alert what became of it on its way to a receiver, and why; `labkit route` what would.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder").flatten() {
        if entry.path().is_dir() {
            copy(&entry.path(), &to.join(entry.file_name()));
        } else {
            std::fs::copy(entry.path(), to.join(entry.file_name())).expect("a copy");
        }
    }
}

fn solution() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("labs/07-monitoring/solution")
}

fn labkit(arguments: &[&str]) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_labkit")).args(arguments).output().expect("labkit runs");
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&output.stderr)))
}

/// The result of the solution with edits: file, what stands there, what takes its place.
fn run(edits: &[(&str, &str, &str)]) -> (Value, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let (repo, out) = (folder.path().join("repo"), folder.path().join("out"));
    copy(&solution(), &repo);
    for (file, old, new) in edits {
        let path = repo.join("monitoring").join(file);
        let text = std::fs::read_to_string(&path).expect("a text");
        assert!(old.is_empty() || text.contains(old), "{old:?} in {file}");
        let text = if old.is_empty() { text + new } else { text.replace(old, new) };
        std::fs::write(path, text).expect("a text");
    }
    let path = |p: &Path| p.to_string_lossy().into_owned();
    let result = labkit(&["run", "7", "--repo", &path(&repo), "--out", &path(&out), "--json", "--exit-zero"]);
    let reports = std::fs::read_dir(&out).expect("reports").flatten().map(|e| e.path());
    let report = reports.filter(|p| p.extension().is_some_and(|e| e == "md")).map(std::fs::read_to_string);
    (result, report.flatten().collect())
}

/// Alert, what became of it, and why, of every row of a criterion.
fn rows(result: &Value, criterion: &str) -> Vec<(String, String, String)> {
    let criteria = result["criteria"].as_array().expect("criteria");
    let found = criteria.iter().find(|c| c["id"] == criterion).expect("the criterion");
    let fates = found["evidence"].as_array().into_iter().flatten().filter(|e| e["kind"] == "fates");
    let rows = fates.flat_map(|e| e["phases"].as_array().into_iter().flatten());
    let rows = rows.flat_map(|p| p["rows"].as_array().into_iter().flatten());
    let text = |row: &Value, key: &str| row[key].as_str().unwrap_or("").to_owned();
    rows.map(|r| (text(r, "alert"), text(r, "what"), text(r, "why"))).collect()
}

#[track_caller]
fn tells(rows: &[(String, String, String)], alert: &str, what: &str, why: &str) {
    assert!(rows.iter().any(|(a, w, y)| a == alert && w == what && y.contains(why)), "{what} {why:?} in {rows:#?}");
}

#[test]
fn messages_are_told_with_their_receiver_and_answer_in_each_phase() {
    let (result, report) = run(&[]);
    let model = rows(&result, "discord-mock-alert");
    tells(&model, "ModelResultHigh", "sent", "receiver `discord-model` answered 204, 0 s after it fired");
    tells(&model, "ModelResultHigh", "resolve not sent", "`send_resolved: false`");
    tells(&rows(&result, "stress-resolve"), "HighCpuUsage", "resolve sent", "after it was over");
    assert!(report.contains("| long | `HighCpuUsage` | sent |"), "{report}");
    let advice = result["advice"].as_array().expect("advice");
    let flood = advice.iter().find(|a| a["id"] == "notification-flood").expect("a flood");
    let reason = flood["reason"].as_str().expect("a reason");
    assert!(reason.contains("would answer 429 to none of them"), "{reason}");
    assert!(reason.contains("with group_interval 1s could send 6 a minute"), "{reason}");
}

#[test]
fn an_alert_shorter_than_group_wait_is_swallowed() {
    let (result, _) = run(&[("alertmanager.yml", "group_wait: 0s", "group_wait: 45s")]);
    let model = rows(&result, "discord-mock-alert");
    tells(&model, "ModelResultHigh", "swallowed", "before group_wait 45s ended at");
}

#[test]
fn what_mutes_an_alert_is_named() {
    let (result, _) = run(&[
        (
            "alertmanager.yml",
            "      receiver: discord-model\n",
            "      receiver: discord-model\n      mute_time_intervals: [always]\n",
        ),
        (
            "alertmanager.yml",
            "",
            "time_intervals:\n- name: always\n  time_intervals: [{months: ['1:12']}]\ninhibit_rules:\n- source_matchers: [alertname = Watchdog]\n  target_matchers: [alertname = HighCpuUsage]\n",
        ),
        ("rules.yml", "", "      - alert: Watchdog\n        expr: vector(1)\n"),
    ]);
    tells(&rows(&result, "discord-mock-alert"), "ModelResultHigh", "muted", "muted by time interval `always`");
    tells(&rows(&result, "stress-4m-alert"), "HighCpuUsage", "inhibited", "inhibited by `Watchdog` (inhibit rule 1)");
}

#[test]
fn a_message_that_the_receiver_refuses_is_lost() {
    let webhook = "webhook_configs:\n      - url: https://discord.com/api/webhooks/123456789012345678/your-token";
    let old = "discord_configs:\n      - webhook_url_file: /etc/alertmanager/discord-webhook";
    let (result, _) = run(&[("alertmanager.yml", old, webhook)]);
    let model = rows(&result, "discord-mock-alert");
    tells(&model, "ModelResultHigh", "lost", "answered 400, and Alertmanager 0.28 does not try that again");
    tells(&model, "ModelResultHigh", "lost", "(group_interval 1s)");
}

#[test]
fn a_prefix_that_alertmanager_lacks_keeps_alerts_from_it() {
    let (result, _) = run(&[(
        "prometheus.yml",
        "    - static_configs:\n        - targets:\n            - alertmanager:9093",
        "    - path_prefix: /am\n      static_configs:\n        - targets:\n            - alertmanager:9093",
    )]);
    let criteria = result["criteria"].as_array().expect("criteria");
    let mock = criteria.iter().find(|c| c["id"] == "discord-mock-alert").expect("the criterion");
    assert_eq!(mock["verdict"], "fail", "{mock}");
    assert!(mock["reason"].as_str().is_some_and(|r| r.contains("404 Not Found to /am/api/v2/alerts")), "{mock}");
    tells(&rows(&result, "discord-mock-alert"), "ModelResultHigh", "not delivered", "answers 404");
}

#[test]
fn route_foresees_messages_and_what_silences_do() {
    let folder = tempfile::tempdir().expect("a folder");
    let silences = folder.path().join("silences.json");
    let text = r#"[{"id": "6e789e6a-a1b9-45f4-86c4-5d188009454f", "createdBy": "a", "comment": "c",
        "startsAt": "2026-03-01T11:00:00Z", "endsAt": "2026-03-01T12:05:00Z",
        "matchers": [{"name": "alertname", "value": "High.*", "isRegex": true}]}]"#;
    std::fs::write(&silences, text).expect("a file");
    let (repo, silences) = (solution().to_string_lossy().into_owned(), silences.to_string_lossy().into_owned());
    let told = labkit(&[
        "route",
        "alertname=HighCpuUsage",
        "--repo",
        &repo,
        "--at",
        "2026-03-01T12:00:00Z",
        "--silences",
        &silences,
        "--for",
        "10m",
        "--json",
    ]);
    assert_eq!(told["silences"][0], "6e789e6a-a1b9-45f4-86c4-5d188009454f");
    let sent = told["sent"].as_array().expect("what is sent").iter();
    let sent: Vec<(f64, &str)> =
        sent.map(|s| (s["after"].as_f64().unwrap_or(-1.0), s["what"].as_str().unwrap_or(""))).collect();
    assert_eq!(sent, [(0.0, "muted"), (300.0, "firing"), (600.0, "resolved")]);
}
