//! `labkit serve` with Debian's amtool and promtool as its clients: alerts, silences, configurations, queries, a reload,
//! and messages that arrive.
//!
//! Needs Debian's `prometheus` and `prometheus-alertmanager` packages; skipped loudly without them, unless
//! LABKIT_REQUIRE=1.

#![cfg(unix)]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a test that is skipped says so loudly")]

mod live_parts;

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use live_parts::{Running, installed};
use serde_json::Value;

const AMTOOL: &str = "/usr/bin/amtool";
const PROMTOOL: &str = "/usr/bin/promtool";
const PATIENCE: Duration = Duration::from_secs(60);
const ALERTMANAGER: &str = "route:\n  receiver: lab\n  group_by: [alertname]\n  group_wait: 100ms\nreceivers:\n- name: lab\n  discord_configs:\n  \
                            - webhook_url: https://discord.com/api/webhooks/1/top-secret\n";
const PROMETHEUS: &str = "global: {scrape_interval: 1s, evaluation_interval: 1s}\nrule_files: [rules.yml]\nalerting:\n  alertmanagers:\n  \
     - static_configs: [{targets: ['localhost:9093']}]\nscrape_configs:\n- job_name: model\n  static_configs: \
     [{targets: ['localhost:9000']}]\n- job_name: dead\n  static_configs: [{targets: ['localhost:7']}]\n";

fn rules(name: &str) -> String {
    format!(
        "groups:\n- name: lab\n  rules:\n  - record: twice\n    expr: 2 * model_result\n  - alert: {name}\n    \
         expr: model_result >= 0\n    annotations: {{summary: 'at {{{{ $labels.instance }}}}'}}\n"
    )
}

/// Starts it on free ports; gives the address of each part by its name, and of the page of the whole under `all`.
fn serve(args: &[&str], record: &Path) -> (Running, BTreeMap<String, String>) {
    let ports = ["--port", "--prometheus-port", "--alertmanager-port", "--mock-port", "--node-port", "--discord-port"];
    let child = Command::new(env!("CARGO_BIN_EXE_labkit"))
        .arg("serve")
        .args(ports.iter().flat_map(|flag| [*flag, "0"]))
        .arg("--record")
        .arg(record)
        .args(args)
        .stderr(Stdio::piped())
        .spawn()
        .expect("labkit starts");
    let mut running = Running(child);
    let mut parts = BTreeMap::new();
    let mut told = String::new();
    let stderr = BufReader::new(running.0.stderr.take().expect("a pipe"));
    for line in stderr.lines().map_while(Result::ok) {
        told = format!("{told}{line}\n");
        let Some((name, rest)) = line.trim_start_matches("labkit: ").split_once("http://") else { continue };
        let address = rest.split('/').next().unwrap_or_default().to_owned();
        if name.starts_with("everything") {
            parts.insert("all".to_owned(), address);
            return (running, parts);
        }
        parts.insert(name.trim_end_matches(": ").to_owned(), address);
    }
    panic!("it ended: {told}");
}

fn ask(method: &str, address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("it listens");
    write!(stream, "{method} {path} HTTP/1.0\r\nX-Labkit: 1\r\nContent-Length: 0\r\n\r\n").expect("it is taken");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

fn data(address: &str, path: &str) -> Value {
    let answer = ask("GET", address, path);
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    let value: Value = serde_json::from_str(body).unwrap_or_else(|e| panic!("{path}: {e}: {answer}"));
    assert_eq!(value["status"], "success", "{path}: {body}");
    value["data"].clone()
}

fn tool(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output().expect("the tool runs");
    let (out, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{program} {args:?}: {out}{error}");
    out.into_owned()
}

fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "no {what} within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The first recorded message with these words in its title.
fn message(record: &Path, title: &str) -> Value {
    wait_for(title, || {
        let text = std::fs::read_to_string(record).unwrap_or_default();
        let lines = text.lines().map(|l| serde_json::from_str::<Value>(l).expect("JSON"));
        lines.into_iter().find(|l| l["body"]["embeds"][0]["title"].as_str().is_some_and(|t| t.contains(title)))
    })
}

fn ends_when_asked(mut running: Running) {
    let asked = Command::new("kill").args(["-TERM", &running.0.id().to_string()]).status();
    assert!(asked.expect("kill runs").success());
    assert_eq!(running.0.wait().expect("it ends").code(), Some(0));
}

#[test]
fn amtool_works_against_it_and_messages_arrive() {
    if !installed(&[AMTOOL]) {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("alertmanager.yml"), ALERTMANAGER).expect("a file");
    let record = folder.path().join("messages.jsonl");
    let (running, parts) = serve(&["--repo", &folder.path().display().to_string()], &record);
    assert!(!parts.contains_key("prometheus"), "{parts:?}");
    let url = format!("--alertmanager.url=http://{}", parts["alertmanager"]);
    let amtool = |args: &[&str]| tool(AMTOOL, &[&[url.as_str()], args].concat());

    amtool(&["alert", "add", "alertname=Down", "instance=a", "--annotation=summary=gone"]);
    assert!(amtool(&["alert", "query", "alertname=Down"]).contains("gone"));
    let message = message(&record, "Down");
    assert_eq!(message["status"], 204);
    assert_eq!(message["body"]["embeds"][0]["title"], "[FIRING:1] Down (a)");

    let id = amtool(&["silence", "add", "alertname=Down", "--comment=c", "--author=a", "--duration=1h"]);
    let id = id.trim();
    assert!(amtool(&["silence", "query"]).contains(id));
    assert!(!amtool(&["alert", "query"]).contains("Down"), "silenced alerts are not shown");
    assert!(amtool(&["alert", "query", "--silenced"]).contains("Down"));
    amtool(&["silence", "expire", id]);
    assert!(!amtool(&["silence", "query"]).contains(id));
    let shown = amtool(&["config", "show"]);
    assert!(shown.contains("receiver: lab") && !shown.contains("top-secret"), "{shown}");

    let id = amtool(&["silence", "add", "alertname=Up", "--comment=c", "--duration=1h"]);
    let changed = amtool(&["silence", "update", id.trim(), "--comment=longer", "--duration=2h"]);
    assert!(changed.contains(id.trim()) && changed.contains("longer"), "a later end keeps the id: {changed}");
    let exported = amtool(&["-o", "json", "silence", "query", "alertname=Up"]);
    assert!(exported.contains(r#""comment":"longer""#), "{exported}");
    let file = folder.path().join("silences.json");
    std::fs::write(&file, exported).expect("a file");
    amtool(&["silence", "import", "--force", &file.display().to_string()]);
    assert_eq!(amtool(&["silence", "query", "-q", "alertname=Up"]).lines().count(), 2);
    assert_eq!(amtool(&["silence", "query", "-q", "alertname=~Up"]), "", "only silences that have the matcher");
    assert_eq!(amtool(&["config", "routes", "test", "alertname=Down"]).trim(), "lab");
    assert!(amtool(&["config", "routes", "show"]).contains("receiver: lab"));
    assert!(amtool(&["cluster", "show"]).contains("disabled"));
    let json: Value = serde_json::from_str(&amtool(&["-o", "json", "alert", "query", "Down"])).expect("JSON");
    assert_eq!((&json[0]["labels"]["instance"], &json[0]["status"]["state"]), (&"a".into(), &"active".into()));
    ends_when_asked(running);
}

#[test]
fn promtool_works_against_it_and_a_reload_takes_new_rules() {
    if !installed(&[PROMTOOL]) {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("a file");
    write("alertmanager.yml", ALERTMANAGER);
    write("prometheus.yml", PROMETHEUS);
    write("rules.yml", &rules("Always"));
    let record = folder.path().join("messages.jsonl");
    let repo = folder.path().display().to_string();
    let (running, parts) = serve(&["7", "--repo", &repo], &record);
    let prometheus = parts["prometheus"].as_str();
    let url = format!("http://{prometheus}");

    assert_eq!(message(&record, "Always")["status"], 204);
    let shown = tool(PROMTOOL, &["query", "instant", &url, "twice / model_result"]);
    assert!(shown.contains("job=\"model\"") && shown.contains("=> 2 @["), "{shown}");
    assert!(tool(PROMTOOL, &["query", "range", &url, "model_result"]).contains("model_result{"));
    let labels = tool(PROMTOOL, &["query", "labels", &url, "job"]);
    assert!(labels.contains("model") && labels.contains("dead"), "{labels}");
    assert!(tool(PROMTOOL, &["query", "series", "--match=up", &url]).contains("dead"));

    assert!(ask("GET", prometheus, "/-/ready").contains("Prometheus Server is Ready."));
    assert!(ask("GET", prometheus, "/-/healthy").starts_with("HTTP/1.0 200"));
    assert!(ask("GET", prometheus, "/api/v1/query?query=1%2B").starts_with("HTTP/1.0 400"));
    assert!(ask("GET", prometheus, "/api/v1/nothing").starts_with("HTTP/1.0 404"));
    assert!(ask("GET", prometheus, "/graph?g0.expr=vector(7)").contains("<td>7</td>"));
    let targets = data(prometheus, "/api/v1/targets");
    let of = |job: &str| {
        let all = targets["activeTargets"].as_array().expect("a list");
        all.iter().find(|t| t["labels"]["job"] == job).cloned().expect("a target")
    };
    assert_eq!((&of("model")["health"], &of("model")["lastError"]), (&"up".into(), &"".into()));
    assert!(of("dead")["lastError"].as_str().is_some_and(|e| e.contains("connection refused")), "{}", of("dead"));
    let group = &data(prometheus, "/api/v1/rules")["groups"][0];
    assert_eq!((&group["rules"][0]["type"], &group["rules"][1]["state"]), (&"recording".into(), &"firing".into()));
    assert_eq!(group["rules"][1]["alerts"][0]["annotations"]["summary"], "at localhost:9000");
    assert_eq!(data(prometheus, "/api/v1/rules?type=record")["groups"][0]["rules"].as_array().map(Vec::len), Some(1));
    assert_eq!(data(prometheus, "/api/v1/alerts")["alerts"][0]["labels"]["alertname"], "Always");
    assert_eq!(data(prometheus, "/api/v1/alertmanagers")["activeAlertmanagers"].as_array().map(Vec::len), Some(1));
    assert_eq!(data(prometheus, "/api/v1/series?match[]=twice").as_array().map(Vec::len), Some(1));
    assert!(data(prometheus, "/api/v1/label/__name__/values").to_string().contains("model_result"));
    assert!(data(prometheus, "/api/v1/status/config")["yaml"].as_str().is_some_and(|y| y.contains("localhost:9000")));
    assert!(data(prometheus, "/api/v1/status/buildinfo")["version"].is_string());
    assert!(ask("GET", &parts["mocked model"], "/metrics").contains("\nmodel_result 0."));
    assert!(ask("GET", &parts["node exporter"], "/metrics").contains("node_cpu_seconds_total{"));
    let page = ask("GET", &parts["all"], "/");
    assert!(page.contains("Always") && page.contains("firing") && page.contains("class=\"embed\""), "{page}");
    assert!(ask("POST", &parts["all"], "/load?seconds=60").starts_with("HTTP/1.0 200"));
    assert!(ask("POST", &parts["all"], "/load?seconds=60").starts_with("HTTP/1.0 409"));
    assert!(ask("GET", &parts["all"], "/").contains("The VM is 100 % busy."));

    write("rules.yml", "groups: [{name: lab, rules: [{alert: Wrong, expr: 'sum('}]}]\n");
    assert!(ask("POST", prometheus, "/-/reload").starts_with("HTTP/1.0 500"));
    assert_eq!(data(prometheus, "/api/v1/alerts")["alerts"][0]["labels"]["alertname"], "Always");
    let before = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a clock").as_secs_f64();
    write("rules.yml", &rules("Renamed"));
    assert!(ask("POST", prometheus, "/-/reload").starts_with("HTTP/1.0 200"));
    message(&record, "Renamed");
    // What was stored before is still there.
    let stored = data(prometheus, &format!("/api/v1/query?query=twice&time={before}"));
    assert_eq!(stored["result"].as_array().map(Vec::len), Some(1), "{stored}");
    ends_when_asked(running);
}

#[test]
fn a_port_that_is_taken_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("an address").port().to_string();
    let zero = ["--port", "--alertmanager-port", "--mock-port", "--node-port", "--discord-port"];
    let output = assert_cmd::Command::new(env!("CARGO_BIN_EXE_labkit"))
        .args(["serve", "7", "--prometheus-port", &port])
        .args(zero.iter().flat_map(|flag| [*flag, "0"]))
        .timeout(PATIENCE)
        .output()
        .expect("it ends");
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains(&port) && told.contains("prometheus") && told.contains("choose another port"), "{told}");
}
