//! A real Prometheus and a real Alertmanager deliver to `labkit discord`, and `labkit simulate` tells the same messages
//! for the samples that Prometheus scraped: bodies, answers, order and times.
//!
//! Needs Debian's `prometheus` (2.42) and `prometheus-alertmanager` (0.25); skipped loudly without them, unless
//! LABKIT_REQUIRE=1.

#![cfg(unix)]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a test that is skipped says so loudly")]

mod live_parts;

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use labkit::model::HashLayout;
use labkit::rules::slot::group_offset;
use live_parts::{Running, free_port, installed, start};
use serde_json::Value;

const PROMETHEUS: &str = "/usr/bin/prometheus";
const ALERTMANAGER: &str = "/usr/bin/prometheus-alertmanager";
const PATIENCE: Duration = Duration::from_secs(60);
/// How late a message may be on a busy machine, in seconds. One that is late by more than 0.2 s may even be another
/// one, or change places: then all is tried again.
const LATE: f64 = 1.0;
const TRIES: usize = 3;
const EXTERNAL_URL: &str = "http://prometheus.test:9090";
/// The last value is held until the test has ended.
const VALUES: &str = "0.25\n0.875*5\n0.5*4\n0.8125*2\n0.125*2\n0.9375*600\n";
/// Messages that these values lead to.
const MESSAGES: usize = 8;

const RULES: &str = "    rules:\n    - record: result:avg3s\n      expr: avg_over_time(model_result[3s])\n    \
    - alert: ModelHigh\n      expr: model_result > 0.75\n      for: 3s\n      labels: {severity: warning}\n      \
    annotations: {summary: '**{{ $value | humanizePercentage }}** of `{{ $labels.instance }}` & <more>'}\n    \
    - alert: ModelBusy\n      expr: result:avg3s > 0.8\n      labels: {severity: critical}\n      \
    annotations: {summary: 'average {{ printf \"%.3f\" $value }}'}\n";

/// Evaluations come at whole seconds after a group's first alert, its ticks well beside them and beside each other.
fn alertmanager_yml(discord: &str) -> String {
    format!(
        "route:\n  receiver: room\n  group_by: [alertname]\n  group_wait: 1500ms\n  group_interval: 3s\n  routes:\n  \
         - matchers: [severity=\"critical\"]\n    receiver: pager\n    group_wait: 1300ms\n    \
         continue: true\n  - receiver: room\n\
         receivers:\n- name: room\n  discord_configs:\n  - webhook_url: http://{discord}/api/webhooks/1/room\n    \
         title: '{{{{ template \"discord.default.title\" . }}}} {{{{ range .Alerts }}}}{{{{ .Status }}}} \
         {{{{ .StartsAt.UnixMilli }}}} {{{{ .EndsAt.UnixMilli }}}} {{{{ end }}}}'\n\
         - name: pager\n  discord_configs:\n  - webhook_url: http://{discord}/api/webhooks/2/pager?wait=true\n    \
         send_resolved: false\n"
    )
}

fn prometheus_yml(alertmanager: &str, target: &str) -> String {
    format!(
        "global: {{scrape_interval: 1s, scrape_timeout: 900ms, evaluation_interval: 1s, external_labels: {{site: lab}}}}\n\
         rule_files: [rules/*.yml]\nalerting:\n  alertmanagers:\n  - static_configs: [{{targets: ['{alertmanager}']}}]\n\
         scrape_configs:\n- job_name: mock\n  static_configs: [{{targets: ['{target}']}}]\n"
    )
}

/// A message with the time at which it came.
#[derive(Clone, Debug, PartialEq)]
struct Message {
    t: f64,
    webhook: String,
    status: u64,
    body: Value,
}

fn ask(method: &str, port: u16, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "{method} {path} HTTP/1.0\r\nHost: p\r\nContent-Length: 0\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer.split_once("\r\n\r\n").map_or_else(String::new, |(_, body)| body.to_owned()))
}

/// The raw samples of a selector with a range; none while Prometheus gets ready.
fn samples(port: u16, selector: &str) -> Vec<Value> {
    let encoded: String = selector.bytes().map(|b| format!("%{b:02X}")).collect();
    let body = ask("GET", port, &format!("/api/v1/query?query={encoded}")).expect("Prometheus answers");
    let answer: Value = serde_json::from_str(&body).unwrap_or_default();
    answer["data"]["result"].as_array().cloned().unwrap_or_default()
}

fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begin.elapsed() < PATIENCE, "no {what} within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Milliseconds within the second of a sample.
fn phase(sample: &Value) -> i64 {
    (sample[0].as_f64().expect("a time") * 1000.0).round() as i64 % 1000
}

/// A group whose slot is as far from the scrapes as can be: what a scrape brings is stored long before.
fn group_between(file: &str, scrapes: i64) -> (String, i64) {
    let offset = |name: &str| group_offset(file, name, 1_000_000_000, HashLayout::Separated) / 1_000_000;
    let gap = |ms: i64| (ms - scrapes).rem_euclid(1000);
    let names = (0..1000).map(|n| format!("lab-{n}")).map(|name| (offset(&name), name));
    let (ms, name) = names.min_by_key(|(ms, _)| (gap(*ms) - 500).abs()).expect("a thousand names");
    (name, ms)
}

fn start_discord(record: &Path) -> (Running, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_labkit"))
        .args(["discord", "--listen", "127.0.0.1:0", "--record"])
        .arg(record)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("labkit starts");
    let first = BufReader::new(child.stderr.take().expect("a pipe")).lines().next().expect("a line").expect("text");
    let address = first.split("http://").nth(1).expect("an address").trim_end_matches('/').to_owned();
    (Running(child), address)
}

fn start_mock(folder: &Path, port: u16) -> Running {
    std::fs::write(folder.join("values"), VALUES).expect("written");
    let args = ["mock", "--every", "1s", "--script"].map(str::to_owned);
    let rest = [folder.join("values").display().to_string(), "--listen".to_owned(), format!("127.0.0.1:{port}")];
    start(env!("CARGO_BIN_EXE_labkit"), &[&args[..], &rest[..]].concat(), port)
}

fn recorded(record: &Path) -> Vec<Message> {
    let text = std::fs::read_to_string(record).unwrap_or_default();
    let lines = text.lines().map(|l| serde_json::from_str::<Value>(l).expect("one document a line"));
    lines
        .map(|line| Message {
            t: line["t"].as_f64().expect("a time"),
            webhook: line["webhook"].as_str().expect("an id").to_owned(),
            status: line["status"].as_u64().expect("a status"),
            body: line["body"].clone(),
        })
        .collect()
}

/// What the real programs made of the values: messages, samples as OpenMetrics, the group and its slot in ms.
fn played(folder: &Path) -> (Vec<Message>, String, String, i64) {
    let record = folder.join("messages.jsonl");
    let (_discord, discord) = start_discord(&record);
    std::fs::write(folder.join("alertmanager.yml"), alertmanager_yml(&discord)).expect("written");
    let (ours, theirs, mock) = (free_port(), free_port(), free_port());
    let prometheus_file = folder.join("real/prometheus.yml");
    std::fs::create_dir_all(folder.join("real/rules")).expect("a folder");
    let config = prometheus_yml(&format!("127.0.0.1:{theirs}"), &format!("127.0.0.1:{mock}"));
    std::fs::write(&prometheus_file, config).expect("written");
    let args = [
        format!("--config.file={}", folder.join("alertmanager.yml").display()),
        format!("--storage.path={}", folder.join("alertmanager-data").display()),
        format!("--web.listen-address=127.0.0.1:{theirs}"),
        "--cluster.listen-address=".to_owned(),
    ];
    let _alertmanager = start(ALERTMANAGER, &args, theirs);
    let args = [
        format!("--config.file={}", prometheus_file.display()),
        format!("--storage.tsdb.path={}", folder.join("prometheus-data").display()),
        format!("--web.listen-address=127.0.0.1:{ours}"),
        format!("--web.external-url={EXTERNAL_URL}"),
        "--web.route-prefix=/".to_owned(),
        "--web.enable-lifecycle".to_owned(),
    ];
    let _prometheus = start(PROMETHEUS, &args, ours);
    let scrapes = wait_for("scrape", || samples(ours, "up[1m]").first().map(|s| phase(&s["values"][0])));
    let rules = folder.join("real/rules/lab.yml");
    let (group, ms) = group_between(&rules.display().to_string(), scrapes);
    std::fs::write(&rules, format!("groups:\n  - name: {group}\n{RULES}")).expect("written");
    ask("POST", ours, "/-/reload").expect("Prometheus reads its files again");
    let _mock = start_mock(folder, mock);
    // Fewer messages within that time are a difference that the comparison shows.
    let begin = Instant::now();
    while recorded(&record).len() < MESSAGES && begin.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(100));
    }
    // What comes beside the messages that are awaited is to be seen as well.
    std::thread::sleep(Duration::from_millis(3_500));
    for series in samples(ours, "ALERTS[5m]") {
        for sample in series["values"].as_array().expect("samples") {
            assert_eq!(phase(sample), ms, "evaluations come at the slot that file and name give");
        }
    }
    let mut text = String::new();
    for series in samples(ours, "{__name__=~\"model_result|up\"}[5m]") {
        let metric = &series["metric"];
        let (name, instance, job) = (&metric["__name__"], &metric["instance"], &metric["job"]);
        for sample in series["values"].as_array().expect("samples") {
            let (name, value, t) = (name.as_str().expect("a name"), sample[1].as_str().expect("a value"), &sample[0]);
            let _ = writeln!(text, "{name}{{instance={instance},job={job}}} {value} {t}");
        }
    }
    (recorded(&record), text + "# EOF\n", group, ms)
}

/// What the engine makes of the same samples.
fn simulated(folder: &Path, samples: &str, group: &str, ms: i64) -> Vec<Message> {
    let repo = folder.join("repo");
    std::fs::create_dir_all(repo.join("rules")).expect("a folder");
    // Without compose only an Alertmanager on its own port is known to listen.
    std::fs::write(repo.join("prometheus.yml"), prometheus_yml("localhost:9093", "localhost:9000")).expect("written");
    std::fs::copy(folder.join("alertmanager.yml"), repo.join("alertmanager.yml")).expect("copied");
    std::fs::copy(folder.join("real/rules/lab.yml"), repo.join("rules/lab.yml")).expect("copied");
    std::fs::write(folder.join("samples.om"), samples).expect("written");
    let output = Command::new(env!("CARGO_BIN_EXE_labkit"))
        .args(["simulate", "--json", "--dialect", "2.42", "--alertmanager-dialect", "0.25"])
        .args(["--external-url", EXTERNAL_URL, "--evaluation-offset", &format!("{group}={ms}"), "--repo"])
        .arg(&repo)
        .arg("--samples")
        .arg(folder.join("samples.om"))
        .output()
        .expect("labkit runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let lines = text.lines().map(|l| serde_json::from_str::<Value>(l).expect("one document a line"));
    lines
        .filter(|line| line["kind"] == "notification")
        .map(|line| Message {
            t: line["t"].as_f64().expect("a time"),
            webhook: if line["receiver"] == "room" { "1" } else { "2" }.to_owned(),
            // Only the stand-in looks at `wait`.
            status: if line["receiver"] == "room" { line["answer"].as_u64().expect("a status") } else { 200 },
            body: line["body"].clone(),
        })
        .collect()
}

/// What differs, if anything.
fn difference(real: &[Message], ours: &[Message]) -> Option<String> {
    let told = |all: &[Message]| {
        all.iter().map(|m| format!("{:.3} {} {} {}\n", m.t, m.webhook, m.status, m.body)).collect::<String>()
    };
    let same = |(r, o): (&Message, &Message)| {
        r.webhook == o.webhook && r.status == o.status && r.body == o.body && (-0.02..LATE).contains(&(r.t - o.t))
    };
    let equal = real.len() == ours.len() && real.iter().zip(ours).all(same);
    (!equal).then(|| format!("the real programs said\n{}and the engine\n{}", told(real), told(ours)))
}

#[test]
fn the_real_programs_deliver_what_the_engine_tells() {
    if !installed(&[PROMETHEUS, ALERTMANAGER]) {
        return;
    }
    let mut last = String::new();
    for _ in 0..TRIES {
        let folder = tempfile::tempdir().expect("a folder");
        let (real, text, group, ms) = played(folder.path());
        let ours = simulated(folder.path(), &text, &group, ms);
        match difference(&real, &ours) {
            None => {
                assert!(real.len() >= MESSAGES);
                return;
            }
            Some(difference) => last = difference,
        }
    }
    panic!("after {TRIES} tries {last}");
}
