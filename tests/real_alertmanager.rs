//! A real Alertmanager posts to our stand-in for Discord, and says what our machine says for the same alerts.
//!
//! Needs Debian's `prometheus-alertmanager` (0.25); skipped loudly without it, unless LABKIT_REQUIRE=1.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a test that is skipped says so loudly")]

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver as Told, channel};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use labkit::alertmanager::config::Config;
use labkit::alertmanager::notify::{Outgoing, render};
use labkit::alertmanager::template::Templates;
use labkit::alertmanager::{Alertmanager, Input, Options as MachineOptions, Outcome, Output, PostableAlert, Version};
use labkit::live::discord::{Options, Received, Receiver};
use labkit::model::{Labels, Time};
use labkit::text::SourceText;

const PROGRAM: &str = "/usr/bin/prometheus-alertmanager";
const EXTERNAL_URL: &str = "http://alertmanager.test:9093";
const PATIENCE: Duration = Duration::from_secs(20);

static TEMPLATES: LazyLock<Templates> = LazyLock::new(|| Templates::new(Version::V0_25));

/// Labels, whether it has ended.
type Step = &'static [(&'static [(&'static str, &'static str)], bool)];

const STEPS: [Step; 2] = [
    &[(&[("alertname", "Load"), ("instance", "n1")], false), (&[("alertname", "Load"), ("instance", "n2")], false)],
    &[(&[("alertname", "Load"), ("instance", "n2")], true)],
];

const ENDS: &str = "2024-01-02T03:14:05Z";
const SUMMARY: &str = "**busy** & <hot>\n@everyone";

fn config(discord: SocketAddr) -> String {
    format!(
        "route:\n  receiver: lab.1\n  group_wait: 300ms\n  group_interval: 1s\n  group_by: [alertname]\n\
         receivers:\n- name: lab.1\n  discord_configs:\n  - webhook_url: http://{discord}/api/webhooks/1/t?wait=true\n    \
         title: '{{{{ .Receiver }}}} {{{{ template \"discord.default.title\" . }}}}'\n"
    )
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}

fn post(port: u16, body: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(
        stream,
        "POST /api/v2/alerts HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

fn post_until_up(port: u16, body: &str) {
    let start = Instant::now();
    loop {
        match post(port, body) {
            Ok(answer) if answer.starts_with("HTTP/1.1 200") => return,
            other => assert!(start.elapsed() < PATIENCE, "the alerts were not taken: {other:?}"),
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn as_json(step: Step) -> String {
    let alerts = step.iter().map(|(labels, ended)| {
        let labels: serde_json::Map<_, _> = labels.iter().map(|(n, v)| ((*n).to_owned(), (*v).into())).collect();
        let mut alert = serde_json::json!({
            "labels": labels,
            "annotations": {"summary": SUMMARY},
            "generatorURL": "http://prometheus.test/graph?g0.expr=up&g0.tab=1",
        });
        if *ended {
            alert["endsAt"] = ENDS.into();
        }
        alert
    });
    alerts.collect::<serde_json::Value>().to_string()
}

fn as_input(step: Step) -> Input {
    let time = |text: &str| {
        let stamp: jiff::Timestamp = text.parse().expect("a time");
        Some(Time(i64::try_from(stamp.as_nanosecond()).expect("a time of this century")))
    };
    let alerts = step.iter().map(|(labels, ended)| PostableAlert {
        labels: Labels::from_pairs(labels.iter().copied()),
        annotations: Arc::new([(Arc::from("summary"), Arc::from(SUMMARY))].into()),
        // Left out, so that the first flush waits until all alerts of the step are in.
        starts_at: None,
        ends_at: if *ended { time(ENDS) } else { None },
        generator_url: "http://prometheus.test/graph?g0.expr=up&g0.tab=1".into(),
    });
    Input::Alerts(alerts.collect())
}

/// What our machine posts for the same steps.
fn expected(config: &str) -> Vec<String> {
    let loaded = Config::load(&SourceText::new("alertmanager.yml", config), Version::V0_25);
    let config = loaded.config.expect("a configuration that loads");
    let options = MachineOptions { external_url: EXTERNAL_URL.into(), ..MachineOptions::default() };
    let start = Time::from_millis(1_800_000_000_000);
    let mut machine = Alertmanager::new(Arc::new(config), Version::V0_25, options, start);
    let mut bodies = Vec::new();
    for (i, step) in (0i64..).zip(STEPS) {
        let mut now = start.plus_millis(10_000 * (i + 1));
        machine.handle(now, as_input(step));
        let end = now.plus_millis(5_000);
        while now < end {
            for output in machine.poll(now) {
                let Output::Deliver(delivery) = output else { continue };
                let Ok(Outgoing::Request(request)) =
                    render(&delivery.notification, &TEMPLATES, &|_| Err(String::new()))
                else {
                    panic!("nothing to send");
                };
                bodies.push(request.body);
                let outcome = Outcome::Answered { status: 200, body: String::new() };
                machine.handle(now, Input::Delivered { id: delivery.id, outcome });
            }
            now = machine.next_wakeup().filter(|next| *next < end).unwrap_or(end).max(now);
        }
    }
    bodies
}

#[test]
fn a_real_alertmanager_says_what_our_machine_says() {
    if !Path::new(PROGRAM).exists() {
        assert!(std::env::var("LABKIT_REQUIRE").as_deref() != Ok("1"), "LABKIT_REQUIRE=1, but there is no {PROGRAM}");
        eprintln!("SKIPPED: there is no {PROGRAM}");
        return;
    }
    let (tell, told): (_, Told<Received>) = channel();
    let options = Options { tell: Some(tell), rate_limits: true, ..Options::default() };
    let discord = Receiver::start(SocketAddr::from(([127, 0, 0, 1], 0)), options).expect("a free port");
    let config = config(discord.address());
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("alertmanager.yml");
    std::fs::write(&file, &config).expect("a file");
    let port = free_port();
    let child = Command::new(PROGRAM)
        .arg(format!("--config.file={}", file.display()))
        .arg(format!("--storage.path={}", folder.path().join("data").display()))
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .arg(format!("--web.external-url={EXTERNAL_URL}"))
        .arg("--web.route-prefix=/")
        .arg("--cluster.listen-address=")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    let _running = Running(child);
    let mut bodies = Vec::new();
    for step in STEPS {
        post_until_up(port, &as_json(step));
        let received = told.recv_timeout(PATIENCE).expect("a message within 20 s");
        assert_eq!(received.status, Some(200), "{}", received.answer);
        assert_eq!(received.user_agent, "Alertmanager/0.25.0");
        bodies.push(received.body);
    }
    assert_eq!(bodies, expected(&config));
    discord.stop().expect("a clean end");
}
