//! A real Prometheus and `labkit query` answer the same random queries over the same samples.
//!
//! Needs Debian's `prometheus` and `promtool` (2.42); skipped loudly without them, unless LABKIT_REQUIRE=1.
//! LABKIT_DIFFERENTIAL_SEED and LABKIT_DIFFERENTIAL_QUERIES choose other queries and more of them.

#![allow(clippy::print_stderr)] // a skipped test says so

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// When the samples begin, Unix seconds; a multiple of an hour.
const BEGIN: i64 = 1_700_002_800;
/// Seconds of samples.
const LENGTH: i64 = 40 * 60;
const PATIENCE: Duration = Duration::from_secs(60);
const TOLERANCE: f64 = 1e-9;

/// xorshift64*, so that a seed gives the same queries everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }

    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// Counters with resets, gauges with gaps and special values, a histogram, series that come and go.
fn samples() -> String {
    let mut random = Random(42);
    let mut series: Vec<(String, Vec<(i64, f64)>)> = Vec::new();
    for instance in ["a:9100", "b:9100", "c:9100"] {
        for mode in ["idle", "user", "system"] {
            let mut total = random.unit() * 50.0;
            let mut points = Vec::new();
            for t in (0..LENGTH).step_by(15) {
                total = if random.below(60) == 0 { 0.0 } else { total + random.unit() * 15.0 };
                points.push((t * 1000 + 123, total));
            }
            series.push((format!("cpu_seconds_total{{instance=\"{instance}\",mode=\"{mode}\"}}"), points));
        }
        let mut points = Vec::new();
        for t in (0..LENGTH).step_by(15) {
            if random.below(6) > 0 {
                points.push((t * 1000, (random.unit() * 1e4).round() / 100.0 - 20.0));
            }
        }
        series.push((format!("load{{instance=\"{instance}\"}}"), points));
        let mut counts = [0.0; 4];
        let mut buckets: Vec<Vec<(i64, f64)>> = vec![Vec::new(); 4];
        for t in (0..LENGTH).step_by(30) {
            for (i, points) in buckets.iter_mut().enumerate() {
                counts[i] += random.below(5) as f64;
                points.push((t * 1000, counts[..=i].iter().sum()));
            }
        }
        for (le, points) in ["0.1", "0.5", "2.5", "+Inf"].iter().zip(buckets) {
            series.push((format!("took_bucket{{instance=\"{instance}\",le=\"{le}\"}}"), points));
        }
        let value = if instance == "b:9100" { 0.0 } else { 1.0 };
        series.push((
            format!("up{{instance=\"{instance}\",job=\"node\"}}"),
            vec![(0, 1.0), (600_000, value), (1_200_000, 1.0)],
        ));
    }
    let odd = [f64::NAN, f64::INFINITY, 0.0, -1.5, f64::NEG_INFINITY, 3.0, 1e300, 1e-300];
    let points = (0..LENGTH).step_by(60).map(|t| (t * 1000, odd[random.below(odd.len())])).collect();
    series.push(("odd{kind=\"x\"}".to_owned(), points));
    let mut text = String::new();
    for name in ["cpu_seconds_total", "load", "took_bucket", "up", "odd"] {
        for (labels, points) in series.iter().filter(|(l, _)| l.starts_with(&format!("{name}{{"))) {
            for (t, v) in points {
                let ms = BEGIN * 1000 + t;
                let _ = writeln!(text, "{labels} {v} {}.{:03}", ms / 1000, ms % 1000);
            }
        }
    }
    text.replace("inf", "Inf") + "# EOF\n"
}

struct Queries(Random);

impl Queries {
    fn selector(&mut self) -> String {
        let r = &mut self.0;
        let name = r.one(&["cpu_seconds_total", "load", "load", "up", "odd", "took_bucket", "absent_metric"]);
        let matchers = r.one(&[
            "",
            "",
            "{instance=\"a:9100\"}",
            "{instance=~\"(a|b).*\"}",
            "{mode!=\"idle\"}",
            "{instance!~\"c.+\"}",
        ]);
        format!("{name}{matchers}")
    }

    fn modifiers(&mut self) -> String {
        let r = &mut self.0;
        let at = format!(" @ {}", BEGIN + r.below(LENGTH as usize) as i64);
        match r.below(10) {
            0 => " offset 2m".to_owned(),
            1 => " offset -90s".to_owned(),
            2 => at,
            3 => format!("{at} offset 1m"),
            4 => " @ end()".to_owned(),
            _ => String::new(),
        }
    }

    fn range(&mut self, depth: usize) -> String {
        let window = self.0.one(&["30s", "1m", "75s", "2m", "5m", "7m30s"]);
        if depth > 0 && self.0.below(4) == 0 {
            let step = self.0.one(&["", "15s", "40s", "1m"]);
            return format!("({})[{window}:{step}]{}", self.vector(depth - 1), self.modifiers());
        }
        format!("{}[{window}]{}", self.selector(), self.modifiers())
    }

    fn scalar(&mut self) -> String {
        let r = &mut self.0;
        match r.below(6) {
            0 => "time()".to_owned(),
            1 => "scalar(load{instance=\"a:9100\"})".to_owned(),
            2 => "-0.5".to_owned(),
            _ => r.one(&["0", "1", "2", "0.75", "10", "100", "NaN", "Inf"]).to_owned(),
        }
    }

    fn vector(&mut self, depth: usize) -> String {
        if depth == 0 {
            return format!("{}{}", self.selector(), self.modifiers());
        }
        let d = depth - 1;
        match self.0.below(12) {
            0 | 1 => {
                let f = self.0.one(&[
                    "rate",
                    "increase",
                    "delta",
                    "irate",
                    "idelta",
                    "deriv",
                    "changes",
                    "resets",
                    "avg_over_time",
                    "sum_over_time",
                    "min_over_time",
                    "max_over_time",
                    "count_over_time",
                    "stddev_over_time",
                    "stdvar_over_time",
                    "last_over_time",
                    "present_over_time",
                    "absent_over_time",
                ]);
                format!("{f}({})", self.range(d))
            }
            2 => match self.0.below(3) {
                0 => format!("quantile_over_time({}, {})", self.scalar(), self.range(d)),
                1 => format!("predict_linear({}, {})", self.range(0), self.scalar()),
                _ => format!("holt_winters({}, 0.4, 0.7)", self.range(d)),
            },
            3 | 4 => {
                let op = self.0.one(&["sum", "avg", "min", "max", "count", "group", "stddev", "stdvar"]);
                let by =
                    self.0.one(&["", " by (instance)", " without (mode)", " by (mode, le)", " without (instance)"]);
                format!("{op}{by} ({})", self.vector(d))
            }
            5 => match self.0.below(4) {
                // Over plain selectors: which of equal elements is chosen hangs on the order of Go's maps elsewhere.
                0 => format!("topk({}, load{})", self.0.one(&["1", "2", "3"]), self.modifiers()),
                1 => format!("bottomk by (instance) (2, cpu_seconds_total{})", self.modifiers()),
                2 => format!("quantile(0.3, {})", self.vector(d)),
                _ => format!("count_values(\"v\", {})", self.selector()),
            },
            6 => {
                let op =
                    self.0.one(&["+", "-", "*", "/", "%", "^", "atan2", ">", "<", "==", "!=", ">= bool", "<= bool"]);
                if self.0.below(2) == 0 {
                    format!("({}) {op} {}", self.vector(d), self.scalar())
                } else {
                    format!("{} {op} ({})", self.scalar(), self.vector(d))
                }
            }
            7 | 8 => {
                let op = self.0.one(&["+", "-", "*", "/", ">", "== bool", "and", "or", "unless"]);
                let set = ["and", "or", "unless"].contains(&op);
                let on = self.0.one(&[
                    "",
                    " on (instance)",
                    " ignoring (mode)",
                    " on (instance, mode)",
                    " ignoring (le, mode)",
                ]);
                let group =
                    if set || on.is_empty() { "" } else { self.0.one(&["", " group_left ()", " group_right ()"]) };
                format!("({}) {op}{on}{group} ({})", self.vector(d), self.vector(d))
            }
            9 => {
                let f = self.0.one(&[
                    "abs",
                    "ceil",
                    "floor",
                    "sqrt",
                    "ln",
                    "log2",
                    "log10",
                    "exp",
                    "sgn",
                    "sin",
                    "cos",
                    "tanh",
                    "deg",
                    "rad",
                    "round",
                    "timestamp",
                    "absent",
                    "sort",
                    "sort_desc",
                    "day_of_week",
                    "minute",
                    "year",
                    "-",
                ]);
                format!("{f}({})", self.vector(d))
            }
            10 => match self.0.below(4) {
                0 => format!("clamp({}, {}, {})", self.vector(d), self.scalar(), self.scalar()),
                1 => format!("clamp_min({}, {})", self.vector(d), self.scalar()),
                2 => format!("label_replace({}, \"host\", \"$1\", \"instance\", \"(.*):.*\")", self.vector(d)),
                _ => format!("label_join({}, \"both\", \"-\", \"instance\", \"mode\")", self.vector(d)),
            },
            _ => format!(
                "histogram_quantile({}, rate(took_bucket[3m]))",
                self.0.one(&["0.5", "0.9", "0.99", "0", "1", "2"])
            ),
        }
    }

    fn request(&mut self) -> Value {
        let depth = 1 + self.0.below(3);
        let query = self.vector(depth);
        let at = |r: &mut Random| BEGIN as f64 + r.below(LENGTH as usize * 4) as f64 / 4.0;
        if self.0.below(2) == 0 {
            return json!({"query": query, "time": at(&mut self.0)});
        }
        let start = at(&mut self.0);
        let steps = [5.0, 15.0, 30.0, 62.5];
        let step = steps[self.0.below(steps.len())];
        json!({"query": query, "start": start, "end": start + step * self.0.below(40) as f64, "step": step})
    }
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn get(port: u16, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: p\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer.split_once("\r\n\r\n").map_or_else(String::new, |(_, body)| body.to_owned()))
}

fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, b| {
        let _ = write!(out, "%{b:02X}");
        out
    })
}

fn asked(port: u16, request: &Value) -> Value {
    let query = encoded(request["query"].as_str().unwrap_or_default());
    let path = match request.get("time") {
        Some(time) => format!("/api/v1/query?query={query}&time={time}"),
        None => format!(
            "/api/v1/query_range?query={query}&start={}&end={}&step={}",
            request["start"], request["end"], request["step"]
        ),
    };
    let body = get(port, &path).expect("Prometheus answers");
    serde_json::from_str(&body).unwrap_or_else(|e| panic!("{body}: {e}"))
}

fn close(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::String(x), Value::String(y)) if x != y => match (x.parse::<f64>(), y.parse::<f64>()) {
            (Ok(x), Ok(y)) => (x - y).abs() <= TOLERANCE * x.abs().max(y.abs()) || (x - y).abs() < 1e-300,
            _ => false,
        },
        (Value::Array(x), Value::Array(y)) => x.len() == y.len() && x.iter().zip(y).all(|(x, y)| close(x, y)),
        (Value::Object(x), Value::Object(y)) => {
            x.len() == y.len()
                && x.iter().all(|(k, v)| y.get(k).is_some_and(|w| if k == "metric" { v == w } else { close(v, w) }))
        }
        _ => a == b,
    }
}

/// The answer with its series in order of labels: an instant vector's order says something only after sorting.
fn sorted(mut answer: Value, query: &str) -> Value {
    let keeps_order =
        ["sort", "topk", "bottomk"].iter().any(|f| query.starts_with(f)) && !query.contains("count_values");
    // Which duplicates an error of a range query names hangs on the order of Go's maps.
    if let Some(Value::String(error)) = answer.get_mut("error")
        && let Some(from) = error.find("the match group")
    {
        error.truncate(from);
    }
    if let Some(Value::Array(series)) = answer.pointer_mut("/data/result")
        && series.first().is_some_and(Value::is_object)
        && !keeps_order
    {
        series.sort_by_key(|s| s["metric"].to_string());
    }
    answer
}

fn missing() -> Option<&'static str> {
    ["/usr/bin/prometheus", "/usr/bin/promtool"].into_iter().find(|p| !Path::new(p).exists())
}

#[test]
fn random_queries_have_the_answers_of_a_real_prometheus() {
    if let Some(program) = missing() {
        assert!(std::env::var_os("LABKIT_REQUIRE").is_none(), "{program} is not installed");
        eprintln!("SKIPPED: {program} is not installed");
        return;
    }
    let number = |name: &str, default: u64| std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(default);
    let folder = tempfile::tempdir().expect("a folder");
    let (data, blocks) = (folder.path().join("samples.om"), folder.path().join("data"));
    std::fs::write(&data, samples()).expect("the samples");
    let made = Command::new("/usr/bin/promtool")
        .args(["tsdb", "create-blocks-from", "openmetrics", "-q"])
        .args([&data, &blocks])
        .output()
        .expect("promtool runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let config = folder.path().join("prometheus.yml");
    std::fs::write(&config, "global: {}\n").expect("a configuration");
    let port = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port").port();
    let _server = Running(
        Command::new("/usr/bin/prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", blocks.display()))
            .arg("--storage.tsdb.retention.time=100y")
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("prometheus runs"),
    );
    let begin = Instant::now();
    while !get(port, "/-/ready").is_ok_and(|body| body.contains("Ready")) {
        assert!(begin.elapsed() < PATIENCE, "prometheus does not get ready");
        std::thread::sleep(Duration::from_millis(50));
    }

    let mut queries = Queries(Random(number("LABKIT_DIFFERENTIAL_SEED", 7)));
    let requests: Vec<Value> = (0..number("LABKIT_DIFFERENTIAL_QUERIES", 400)).map(|_| queries.request()).collect();
    let lines = folder.path().join("queries.jsonl");
    let text: String = requests.iter().map(|r| format!("{r}\n")).collect();
    std::fs::write(&lines, text).expect("the queries");
    let answered = Command::new(env!("CARGO_BIN_EXE_labkit"))
        .args(["query", "--dialect", "2.42", "--data"])
        .arg(&data)
        .arg("--queries")
        .arg(&lines)
        .output()
        .expect("labkit runs");
    assert!(answered.status.success(), "{}", String::from_utf8_lossy(&answered.stderr));
    let answers = String::from_utf8(answered.stdout).expect("UTF-8");
    assert_eq!(answers.lines().count(), requests.len());
    let mut wrong = Vec::new();
    for (request, answer) in requests.iter().zip(answers.lines()) {
        let query = request["query"].as_str().unwrap_or_default();
        let ours = sorted(serde_json::from_str(answer).expect("JSON"), query);
        let theirs = sorted(asked(port, request), query);
        if !close(&ours, &theirs) {
            let short = |v: &Value| v.to_string().chars().take(600).collect::<String>();
            wrong.push(format!("{request}\n  prometheus: {}\n  labkit:     {}", short(&theirs), short(&ours)));
        }
    }
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), requests.len(), wrong.join("\n"));
}
