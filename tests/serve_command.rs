//! `labkit serve` with Debian's amtool as its client: alerts, silences, the configuration, and a message that arrives.
//!
//! Needs Debian's `prometheus-alertmanager` package; skipped loudly without it, unless LABKIT_REQUIRE=1.

#![cfg(unix)]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a test that is skipped says so loudly")]

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const AMTOOL: &str = "/usr/bin/amtool";
const CONFIG: &str = "route:\n  receiver: lab\n  group_wait: 100ms\nreceivers:\n- name: lab\n  discord_configs:\n  \
                      - webhook_url: https://discord.com/api/webhooks/1/top-secret\n";

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn amtool(url: &str, args: &[&str]) -> String {
    let output =
        Command::new(AMTOOL).arg(format!("--alertmanager.url={url}")).args(args).output().expect("amtool runs");
    let (out, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "amtool {args:?}: {out}{error}");
    out.into_owned()
}

#[test]
fn amtool_works_against_it_and_messages_arrive() {
    if !Path::new(AMTOOL).exists() {
        assert!(std::env::var("LABKIT_REQUIRE").as_deref() != Ok("1"), "LABKIT_REQUIRE=1, but there is no {AMTOOL}");
        eprintln!("SKIPPED: there is no {AMTOOL}");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("alertmanager.yml"), CONFIG).expect("a file");
    let record = folder.path().join("messages.jsonl");
    let child = Command::new(env!("CARGO_BIN_EXE_labkit"))
        .args(["serve", "--alertmanager-port", "0", "--discord-port", "0", "--repo"])
        .arg(folder.path())
        .arg("--record")
        .arg(&record)
        .stderr(Stdio::piped())
        .spawn()
        .expect("labkit starts");
    let mut running = Running(child);
    let mut hints = BufReader::new(running.0.stderr.take().expect("a pipe")).lines();
    let first = hints.next().expect("a line").expect("text");
    let url = first.split(' ').next_back().expect("an address").to_owned();

    amtool(&url, &["alert", "add", "alertname=Down", "instance=a", "--annotation=summary=gone"]);
    assert!(amtool(&url, &["alert", "query", "alertname=Down"]).contains("gone"));
    let began = Instant::now();
    let message = loop {
        let text = std::fs::read_to_string(&record).unwrap_or_default();
        if let Some(line) = text.lines().next() {
            break serde_json::from_str::<serde_json::Value>(line).expect("JSON");
        }
        assert!(began.elapsed() < Duration::from_secs(20), "no message within 20 s");
        std::thread::sleep(Duration::from_millis(50));
    };
    assert_eq!(message["status"], 204);
    assert_eq!(message["body"]["embeds"][0]["title"], "[FIRING:1]  (Down a)");

    let id = amtool(&url, &["silence", "add", "alertname=Down", "--comment=c", "--author=a", "--duration=1h"]);
    let id = id.trim();
    assert!(amtool(&url, &["silence", "query"]).contains(id));
    assert!(!amtool(&url, &["alert", "query"]).contains("Down"), "silenced alerts are not shown");
    assert!(amtool(&url, &["alert", "query", "--silenced"]).contains("Down"));
    amtool(&url, &["silence", "expire", id]);
    assert!(!amtool(&url, &["silence", "query"]).contains(id));
    let shown = amtool(&url, &["config", "show"]);
    assert!(shown.contains("receiver: lab") && !shown.contains("top-secret"), "{shown}");

    let asked = Command::new("kill").args(["-TERM", &running.0.id().to_string()]).status();
    assert!(asked.expect("kill runs").success());
    assert_eq!(running.0.wait().expect("it ends").code(), Some(0));
}
