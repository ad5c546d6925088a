//! The mocked model's script: where it listens and which metrics it can expose, told from its text.

use super::mock_server;
use super::path;
use super::python::{Call, Script};
use super::tree::FileTree;
use crate::text::{SourceText, Span};

/// Bytes of a script that is looked at.
const SIZE: u64 = 1 << 20;

/// On which addresses a server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// All of them.
    All,
    /// The machine itself only.
    Loopback,
    /// One address.
    Address(String),
}

/// A metric that a script makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MockMetric {
    /// Its name as exposed; a counter's ends in `_total`.
    pub name: String,
    /// `Gauge`, `Counter`, …
    pub kind: String,
    /// Where it is made.
    pub span: Span,
}

/// Whether a script exposes a metric.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exposes {
    /// Yes.
    Yes,
    /// No, and why.
    No(String),
    /// The text does not tell.
    Unknown(String),
}

/// The script.
#[derive(Clone, Debug)]
pub struct Mock {
    /// Its path in the repository.
    pub path: String,
    /// Its text.
    pub source: SourceText,
    /// The port it listens on, when that can be told.
    pub port: Option<u16>,
    /// Numbers of its text that could be that port when it cannot.
    spoken: Vec<u16>,
    /// Where the port is written.
    pub port_span: Span,
    /// On which addresses.
    pub listen: Listen,
    /// The metrics it makes.
    pub metrics: Vec<MockMetric>,
    mentions: Vec<String>,
    /// Whether every metric that it makes has a name its text tells.
    settled: bool,
}

/// A server that is started somewhere: which argument is the port, its default, which is the address, its default.
struct Server {
    name: &'static str,
    owner: Option<&'static str>,
    port: (usize, Option<u16>),
    address: (usize, &'static str),
}

/// The lowest number that is taken for a port without being told so.
pub(super) const LOWEST: u16 = 1024;

/// `usize::MAX` stands for "by keyword only".
const BY_NAME: usize = usize::MAX;

const SERVERS: [Server; 8] = [
    Server { name: "start_http_server", owner: None, port: (0, None), address: (1, "0.0.0.0") },
    Server { name: "start_wsgi_server", owner: None, port: (0, None), address: (1, "0.0.0.0") },
    Server { name: "run", owner: Some("uvicorn"), port: (BY_NAME, Some(8000)), address: (BY_NAME, "127.0.0.1") },
    Server { name: "run_app", owner: None, port: (BY_NAME, Some(8080)), address: (BY_NAME, "0.0.0.0") },
    Server { name: "make_server", owner: None, port: (1, None), address: (0, "") },
    Server { name: "start_server", owner: Some("asyncio"), port: (2, None), address: (1, "") },
    Server { name: "Config", owner: Some("uvicorn"), port: (BY_NAME, Some(8000)), address: (BY_NAME, "127.0.0.1") },
    Server { name: "run", owner: Some("app"), port: (1, Some(5000)), address: (0, "127.0.0.1") },
];

impl Mock {
    /// Reads a script. `env` gives the environment it runs in.
    pub fn read(path: &str, source: &SourceText, env: &dyn Fn(&str) -> Option<String>) -> Self {
        let script = Script::read(source.text());
        let calls = script.calls();
        let mut mock = Self {
            path: path.to_owned(),
            source: source.clone(),
            port: None,
            spoken: script.numbers().filter(|n| *n >= LOWEST).collect(),
            port_span: Span::default(),
            listen: Listen::All,
            metrics: calls.iter().filter_map(|c| metric(&script, c, env)).collect(),
            mentions: script.texts().map(str::to_owned).collect(),
            settled: false,
        };
        let made = calls.iter().filter(|c| KINDS.contains(&script.original(&c.name))).count();
        mock.settled = made > 0 && made == mock.metrics.len();
        for server in &SERVERS {
            let started = calls.iter().find(|c| {
                script.original(&c.name) == server.name && server.owner.is_none_or(|o| c.owner.as_deref() == Some(o))
            });
            if let Some(call) = started {
                mock.listen_as(server, call, &script, env);
                break;
            }
        }
        if mock.port.is_none() {
            // `HTTPServer(("", 9000), …)`
            let pair =
                calls.iter().find(|c| matches!(c.name.as_str(), "HTTPServer" | "ThreadingHTTPServer" | "TCPServer"));
            if let Some((call, range)) = pair.and_then(|c| Some((c, c.positional(0)?))) {
                let port = (range.start..range.end).rev().find_map(|i| script.value(i..i + 1, env)?.parse().ok());
                mock.port = port;
                mock.port_span = call.span;
                let address = script.value(range.start + 1..range.start + 2, env);
                mock.listen = listen(&address.unwrap_or_default());
            }
        }
        mock
    }

    /// Reads a program in another language: its text tells which ports it speaks of.
    fn read_text(path: &str, source: &SourceText) -> Self {
        Self {
            path: path.to_owned(),
            source: source.clone(),
            port: None,
            spoken: mock_server::ports_of(source.text()),
            port_span: Span::default(),
            listen: Listen::All,
            metrics: Vec::new(),
            mentions: vec![source.text().to_owned()],
            settled: false,
        }
    }

    /// The same script with another environment.
    pub fn in_environment(&self, env: &dyn Fn(&str) -> Option<String>) -> Self {
        match self.path.ends_with(".py") {
            true => Self::read(&self.path, &self.source, env),
            false => self.clone(),
        }
    }

    /// Where the command line of its container makes it listen, when a program serves it as an application.
    pub fn served_by(&mut self, arguments: &[String], env: &dyn Fn(&str) -> Option<String>) {
        if let Some((port, listen)) = mock_server::served_by(arguments, env) {
            (self.port, self.listen) = (Some(port), listen);
        }
    }

    fn listen_as(&mut self, server: &Server, call: &Call, script: &Script, env: &dyn Fn(&str) -> Option<String>) {
        self.port_span = call.span;
        let by_position = |i: usize| if i == BY_NAME { None } else { call.positional(i) };
        let port = call.keyword("port").or_else(|| by_position(server.port.0));
        self.port = match port {
            Some(range) => script.value(range, env).and_then(|v| v.trim().parse().ok()),
            None => server.port.1,
        };
        let address =
            ["addr", "host", "address"].iter().find_map(|k| call.keyword(k)).or_else(|| by_position(server.address.0));
        self.listen = match address {
            Some(range) => script.value(range, env).map_or(Listen::All, |a| listen(&a)),
            None => listen(server.address.1),
        };
    }

    /// Whether it listens on a port; nothing where its text leaves that open.
    pub fn listens_on(&self, port: u16) -> Option<bool> {
        match self.port {
            Some(own) => Some(own == port),
            None => self.spoken.contains(&port).then_some(true),
        }
    }

    /// Whether the script can expose a gauge of this name.
    pub fn exposes(&self, name: &str) -> Exposes {
        if let Some(found) = self.metrics.iter().find(|m| m.name == name) {
            return match found.kind.as_str() {
                "Gauge" | "GaugeMetricFamily" | "UntypedMetricFamily" => Exposes::Yes,
                kind => Exposes::No(format!("{name} is a {kind}, wanted a gauge")),
            };
        }
        if let Some(m) = self.metrics.iter().find(|m| m.name.strip_prefix(name).is_some_and(|r| r.starts_with('_'))) {
            return Exposes::No(format!("{name} is a {}, which is exposed as {}; wanted a gauge", m.kind, m.name));
        }
        let written = |text: &String| {
            text.lines().any(|l| {
                let l = l.trim_start();
                l.starts_with(&format!("# TYPE {name} "))
                    || l.starts_with(&format!("{name} "))
                    || l.starts_with(&format!("{name}{{"))
            })
        };
        if self.mentions.iter().any(written) {
            return Exposes::Yes;
        }
        if !self.settled && self.mentions.iter().any(|t| t.contains(name)) {
            return Exposes::Unknown(format!("{} speaks of {name} in a way that its text does not settle", self.path));
        }
        match self.metrics.first() {
            Some(other) => Exposes::No(format!("{} exposes {}, wanted {name}", self.path, other.name)),
            None => Exposes::No(format!("{} makes no metric, wanted a gauge {name}", self.path)),
        }
    }
}

/// Where a server listens that is given an address.
pub(super) fn listen(address: &str) -> Listen {
    match address {
        "" | "0.0.0.0" | "::" | "None" => Listen::All,
        "localhost" | "::1" => Listen::Loopback,
        a if a.starts_with("127.") => Listen::Loopback,
        a => Listen::Address(a.to_owned()),
    }
}

/// Classes that make a metric.
const KINDS: [&str; 9] = [
    "Gauge",
    "Counter",
    "Histogram",
    "Summary",
    "Info",
    "Enum",
    "GaugeMetricFamily",
    "CounterMetricFamily",
    "UntypedMetricFamily",
];

fn metric(script: &Script, call: &Call, env: &dyn Fn(&str) -> Option<String>) -> Option<MockMetric> {
    let kind = script.original(&call.name);
    if !KINDS.contains(&kind) {
        return None;
    }
    let name = script.value(call.keyword("name").or_else(|| call.positional(0))?, env)?;
    let part = |key: &str| call.keyword(key).and_then(|r| script.value(r, env)).filter(|v| !v.is_empty());
    let mut full = String::new();
    for prefix in [part("namespace"), part("subsystem")].into_iter().flatten() {
        full.push_str(&prefix);
        full.push('_');
    }
    full.push_str(&name);
    if let Some(unit) = part("unit").filter(|u| !full.ends_with(&format!("_{u}"))) {
        full.push('_');
        full.push_str(&unit);
    }
    let suffix = match kind {
        "Counter" | "CounterMetricFamily" => "_total",
        "Histogram" => "_bucket",
        "Summary" => "_sum",
        "Info" => "_info",
        _ => "",
    };
    if !full.ends_with(suffix) {
        full.push_str(suffix);
    }
    Some(MockMetric { name: full, kind: kind.to_owned(), span: call.span })
}

/// Finds the script that makes the metric, or looks most like it, under `near` first.
pub fn find(tree: &FileTree, metric: &str, near: &str, env: &dyn Fn(&str) -> Option<String>) -> Option<Mock> {
    let mut best: Option<(i32, Mock)> = None;
    for entry in tree.files().filter(|e| e.size <= SIZE) {
        let python = entry.path.ends_with(".py");
        if !python && !mock_server::is_other_language(&entry.path) {
            continue;
        }
        let Ok(source) = tree.text(&entry.path) else { continue };
        let text = source.text();
        let client =
            text.contains("prometheus_client") || text.contains("aioprometheus") || text.contains("prometheus_fastapi");
        let fits = (python && client) || text.contains(metric);
        if !fits {
            continue;
        }
        let mock = if python { Mock::read(&entry.path, &source, env) } else { Mock::read_text(&entry.path, &source) };
        let name = path::file_name(&entry.path).to_ascii_lowercase();
        let mut score = 0;
        score += 8 * i32::from(mock.exposes(metric) == Exposes::Yes);
        score += 6 * i32::from(python);
        score += 4 * i32::from(mock.port.is_some());
        score += 2 * i32::from(client);
        score += 2 * i32::from(name.contains("mock") || name.contains("model"));
        score += 3 * i32::from(path::strip(&entry.path, near).is_some());
        score -= 6 * i32::from(name.starts_with("test_") || super::discover::is_copy(&entry.path));
        score -= i32::try_from(entry.path.matches('/').count()).unwrap_or(9).min(9);
        if best.as_ref().is_none_or(|(s, _)| score > *s) {
            best = Some((score, mock));
        }
    }
    best.map(|(_, mock)| mock)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mock(text: &str) -> Mock {
        Mock::read("m.py", &SourceText::new("m.py", text), &|name| (name == "SET").then(|| "7000".to_owned()))
    }

    #[test]
    fn ports_are_followed_through_constants_options_and_the_environment() {
        for (text, port) in [
            ("start_http_server(9000)", 9000),
            ("PORT: int = 9_001\nstart_http_server(PORT)", 9001),
            ("import prometheus_client as p\np.start_http_server(port=9002, addr='')", 9002),
            ("p = int(os.environ.get('X', '9003'))\nstart_http_server(p)", 9003),
            ("start_http_server(int(os.getenv(\"SET\", 1)))", 7000),
            ("a.add_argument('--metrics-port', type=int, default=9005)\nstart_http_server(args.metrics_port)", 9005),
            ("uvicorn.run(app, host='0.0.0.0', port=9006)", 9006),
            ("uvicorn.run(\n    app,\n)  # port=1", 8000),
            ("HTTPServer((\"\", 9007), H).serve_forever()", 9007),
            ("from prometheus_client import start_http_server as serve\nserve(9008)", 9008),
            ("def main(port=9009):\n    start_http_server(port)\nmain()", 9009),
            ("def main(port: int):\n    start_http_server(port=port)\nmain(9010)", 9010),
            (
                "class M:\n  def __init__(self, port=1):\n    self.p = port\n  def run(self):\n    start_http_server(self.p)\nM(port=9011)",
                9011,
            ),
            ("class M:\n  port: int = 9012\n  def run(self):\n    start_http_server(self.port)", 9012),
        ] {
            assert_eq!(mock(text).port, Some(port), "{text}");
        }
        assert_eq!(mock("def start_http_server(port): pass").port, None);
    }

    #[test]
    fn a_port_that_is_left_open_may_be_any_that_is_spoken_of() {
        let open = mock("PORTS = {'a': 9013}\nstart_http_server(PORTS['a'])");
        assert_eq!((open.port, open.listens_on(9013), open.listens_on(9014)), (None, Some(true), None));
        assert_eq!(mock("start_http_server(9000)").listens_on(9013), Some(false));
        let source = SourceText::new("main.go", "promauto.NewGauge(\"model_result\")\nlisten(\":9015\")");
        let tree = FileTree::in_memory([("main.go".to_owned(), source.text().as_bytes().to_vec())]);
        let found = find(&tree, "model_result", "", &|_| None).expect("a model in Go");
        assert_eq!((found.listens_on(9015), found.listens_on(9014)), (Some(true), None));
        assert!(matches!(found.exposes("model_result"), Exposes::Unknown(_)));
    }

    #[test]
    fn addresses_are_told() {
        assert_eq!(mock("start_http_server(1, addr=\"127.0.0.1\")").listen, Listen::Loopback);
        assert_eq!(mock("start_http_server(1, 'localhost')").listen, Listen::Loopback);
        assert_eq!(mock("start_http_server(1)").listen, Listen::All);
        assert_eq!(mock("uvicorn.run(app)").listen, Listen::Loopback);
    }

    #[test]
    fn what_a_script_exposes_depends_on_name_and_type() {
        let exposes = |text: &str| mock(text).exposes("model_result");
        assert_eq!(exposes("g = Gauge('model_result', 'x', ['a'])"), Exposes::Yes);
        assert_eq!(exposes("N = 'result'\nGauge(name=N, documentation='', namespace='model')"), Exposes::Yes);
        assert_eq!(exposes("from prometheus_client import Gauge as G\nG('model_result', '')"), Exposes::Yes);
        assert_eq!(exposes("return f'# TYPE model_result gauge\\nmodel_result {v}'"), Exposes::Yes);
        assert!(matches!(exposes("Counter('model_result', '')"), Exposes::No(why) if why.contains("_total")));
        assert!(matches!(exposes("Gauge('model_value', '')"), Exposes::No(_)));
        assert!(matches!(exposes("# Gauge('model_result')"), Exposes::No(_)));
        assert!(matches!(exposes("make('the_model_result')"), Exposes::Unknown(_)));
    }

    #[test]
    fn hostile_text_is_read_in_time() {
        let cycle = "def f(a=b):\n  start_http_server(a)\ndef g(b=a):\n  self.a = a\na = self.a\nf(b)\n".repeat(500);
        for text in [
            cycle,
            "(".repeat(50_000),
            "'".repeat(50_001),
            "a=b\n".repeat(10_000),
            "é\\".repeat(9),
            "f(".repeat(50_000),
        ] {
            mock(&text);
        }
    }
}
