//! The page of the stand-in for Discord in a real browser: colours, Markdown, news without loading again, and nothing of a
//! message that runs.
//!
//! Needs Debian's `chromium`; skipped loudly without it, unless LABKIT_REQUIRE=1.

#![cfg(unix)]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a test that is skipped says so loudly")]

mod live_parts;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use labkit::live::discord::{Options, Receiver};
use serde_json::{Value, json};

const CHROMIUM: &str = "/usr/bin/chromium";
const PATIENCE: Duration = Duration::from_secs(60);
const FLAGS: [&str; 10] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-pipe",
];

/// A browser that is told what to do over a pair of pipes.
struct Browser {
    child: Child,
    asks: ChildStdin,
    answers: BufReader<ChildStdout>,
    number: u64,
    session: Option<String>,
    _profile: tempfile::TempDir,
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Browser {
    fn open(url: &str) -> Self {
        let profile = tempfile::tempdir().expect("a folder");
        let mut child = Command::new("sh")
            // Its pipes are the third and fourth file; what it prints goes nowhere.
            .args(["-c", "exec \"$0\" \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>&1", CHROMIUM])
            .args(FLAGS)
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("chromium starts");
        let asks = child.stdin.take().expect("a pipe");
        let answers = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut browser = Self { child, asks, answers, number: 0, session: None, _profile: profile };
        let target = browser.ask("Target.createTarget", &json!({"url": url}))["targetId"].clone();
        let attached = browser.ask("Target.attachToTarget", &json!({"targetId": target, "flatten": true}));
        browser.session = attached["sessionId"].as_str().map(str::to_owned);
        assert!(browser.session.is_some(), "{attached}");
        browser
    }

    fn ask(&mut self, method: &str, params: &Value) -> Value {
        self.number += 1;
        let mut message = json!({"id": self.number, "method": method, "params": params});
        if let Some(session) = &self.session {
            message["sessionId"] = session.as_str().into();
        }
        self.asks.write_all(format!("{message}\0").as_bytes()).expect("the browser listens");
        loop {
            let mut bytes = Vec::new();
            self.answers.read_until(0, &mut bytes).expect("the browser answers");
            assert!(!bytes.is_empty(), "the browser has ended");
            bytes.pop();
            let answer: Value = serde_json::from_slice(&bytes).expect("JSON");
            if answer["id"] == self.number {
                assert!(answer["error"].is_null(), "{method}: {}", answer["error"]);
                return answer["result"].clone();
            }
        }
    }

    /// The value of an expression on the page.
    fn value(&mut self, expression: &str) -> Value {
        let answer = self.ask("Runtime.evaluate", &json!({"expression": expression, "returnByValue": true}));
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {answer}");
        answer["result"]["value"].clone()
    }

    /// Waits until an expression holds.
    fn wait(&mut self, expression: &str) {
        let begin = Instant::now();
        while self.value(expression) != true {
            if begin.elapsed() > PATIENCE {
                panic!("{expression} does not hold on {}", self.value("document.documentElement.outerHTML"));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

fn send(address: SocketAddr, method: &str, path: &str, body: &Value) -> Value {
    let body = body.to_string();
    let mut stream = TcpStream::connect(address).expect("it listens");
    write!(
        stream,
        "{method} /api/v10/webhooks/{path} HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .expect("the request is taken");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    serde_json::from_str(answer.split_once("\r\n\r\n").map_or("", |(_, body)| body)).unwrap_or_default()
}

#[test]
fn a_browser_shows_messages_as_they_come_and_runs_nothing_of_them() {
    if !live_parts::installed(&[CHROMIUM]) {
        return;
    }
    let receiver = Receiver::start(SocketAddr::from(([127, 0, 0, 1], 0)), Options::default()).expect("a free port");
    let address = receiver.address();
    let firing = json!({"content": "", "username": "Alertmanager", "embeds": [{
        "title": "[FIRING:1] HostHighCpuLoad (lab)",
        "description": "**CPU** at `91.2 %` on *node-1*\n- see [the runbook](https://example.com/a?b=1&c=2)",
        "color": 10_038_562,
    }]});
    let nasty =
        "<img src=x onerror=\"owned=1\"><script>owned=1</script>\"><svg onload=owned=1> [x](javascript:owned=1)";
    let hostile = json!({"content": nasty, "username": nasty.split_at(60).0, "embeds": [{
        "title": nasty, "description": nasty, "footer": {"text": nasty}, "fields": [{"name": nasty, "value": nasty}],
    }]});
    send(address, "POST", "1/t", &firing);
    send(address, "POST", "1/t", &hostile);

    let mut browser = Browser::open(&format!("http://{address}/"));
    browser.wait("document.querySelector('#state')?.textContent === 'live'");
    browser.wait("document.querySelectorAll('main > article').length === 2");
    assert_eq!(browser.value("document.title"), "#alerts");
    let of_first = |what: &str| format!("document.querySelector('article .embed {what}')");
    assert_eq!(browser.value(&format!("{}.textContent", of_first("h2"))), "[FIRING:1] HostHighCpuLoad (lab)");
    assert_eq!(browser.value(&format!("{}.textContent", of_first(".description b"))), "CPU");
    assert_eq!(browser.value(&format!("{}.textContent", of_first(".description code"))), "91.2 %");
    assert_eq!(browser.value(&format!("{}.href", of_first(".description a"))), "https://example.com/a?b=1&c=2");
    let colour = "getComputedStyle(document.querySelector('article .embed')).borderLeftColor";
    assert_eq!(browser.value(colour), "rgb(153, 45, 34)");
    assert_eq!(browser.value("document.querySelector('article header b').textContent"), "Alertmanager");

    // What a message says stays text, and even a script that had come in would not run.
    assert_eq!(browser.value("document.querySelectorAll('main :is(img, script, svg, a[href^=javascript])').length"), 0);
    assert_eq!(browser.value("document.querySelectorAll('article .content')[0].textContent"), nasty);
    let inline = "(() => { const s = document.createElement('script'); s.textContent = 'owned = 2'; \
                  document.body.append(s); return typeof owned; })()";
    assert_eq!(browser.value(inline), "undefined");

    // News come without loading the page again.
    browser.value("mark = 'still here'");
    let resolved = json!({"embeds": [{"title": "[RESOLVED] HostHighCpuLoad", "color": 3_066_993}]});
    let message = send(address, "POST", "1/t?wait=true", &resolved);
    browser.wait("document.querySelectorAll('main > article').length === 3");
    let last = "document.querySelector('main > article:last-child .embed')";
    assert_eq!(browser.value(&format!("{last}.textContent.trim()")), "[RESOLVED] HostHighCpuLoad");
    assert_eq!(browser.value(&format!("getComputedStyle({last}).borderLeftColor")), "rgb(46, 204, 113)");
    let path = format!("1/t/messages/{}", message["id"].as_str().expect("an id"));
    send(address, "PATCH", &path, &json!({"content": "changed"}));
    browser.wait("document.querySelector('main > article:last-child .content')?.textContent === 'changed'");
    assert_eq!(browser.value("mark"), "still here");

    let mut background = |scheme: &str| {
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        browser.ask("Emulation.setEmulatedMedia", &features);
        browser.value("getComputedStyle(document.body).backgroundColor")
    };
    assert_eq!((background("dark"), background("light")), ("rgb(49, 51, 56)".into(), "rgb(255, 255, 255)".into()));
    receiver.stop().expect("a clean end");
    browser.wait("document.querySelector('#state').textContent === 'not connected'");
}
