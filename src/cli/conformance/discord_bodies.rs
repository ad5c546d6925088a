//! Suite `discord-bodies`: what a real Alertmanager posted for a configuration and some alerts, byte for byte.
//!
//! Each step of a case is posted long after the one before has been told. Requests of one moment have no order among
//! each other.

use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use super::{SuiteError, SuiteReport, read};
use crate::alertmanager::config::Config;
use crate::alertmanager::notify::{Outgoing, OutgoingRequest, render};
use crate::alertmanager::template::Templates;
use crate::alertmanager::{Alertmanager, Input, Options, Outcome, Output, PostableAlert, Version};
use crate::model::{Labels, Time};
use crate::text::SourceText;

/// When the first alerts are posted: long after those of the cases begin.
const START: Time = Time(1_800_000_000_000_000_000);
/// From one step to the next, and from the last to the end.
const STEP_MS: i64 = 20_000;
/// Wake-ups after which a case is given up.
const PATIENCE: usize = 10_000;
/// What the recorded Alertmanager was started with.
const EXTERNAL_URL: &str = "http://alertmanager.test:9093";

/// Runs the suite.
pub fn run(path: &Path, dialect: Option<&str>) -> Result<SuiteReport, SuiteError> {
    let version = dialect.map_or(Ok(Version::V0_25), str::parse).map_err(SuiteError)?;
    let entries = std::fs::read_dir(path).map_err(|e| SuiteError::unreadable(path, &e))?;
    let mut files: Vec<_> = entries.filter_map(|e| Some(e.ok()?.path())).collect();
    files.retain(|f| f.to_string_lossy().ends_with(".case.json"));
    files.sort();
    let mut report = SuiteReport::default();
    for file in files {
        let name = file.file_name().map(|n| n.to_string_lossy().replace(".case.json", "")).unwrap_or_default();
        match judge(&file, version) {
            Ok(()) => report.pass(),
            Err((expected, actual)) => report.fail(name, expected, actual),
        }
    }
    Ok(report)
}

type Mismatch = (String, String);

/// A request as it looks on the wire.
fn wire(request: &OutgoingRequest) -> String {
    let rest = request.url.split_once("://").map_or(&*request.url, |(_, rest)| rest);
    let (host, path) = rest.find(['/', '?']).map_or((rest, "/"), |at| rest.split_at(at));
    let mut out = format!("{} {path} HTTP/1.1\nHost: {host}\n", request.method);
    for (name, value) in &request.headers {
        out.push_str(&format!("{name}: {value}\n"));
        if *name == "User-Agent" {
            out.push_str(&format!("Content-Length: {}\n", request.body.len()));
        }
    }
    format!("{out}\n{}", request.body)
}

fn judge(file: &Path, version: Version) -> Result<(), Mismatch> {
    let unreadable = |what: String| ("a case".to_owned(), what);
    let text = read(file).map_err(|e| unreadable(e.to_string()))?;
    let case: Value = serde_json::from_str(&text).map_err(|e| unreadable(e.to_string()))?;
    let expected = expected(&case, file.parent().unwrap_or(Path::new("."))).map_err(unreadable)?;
    let mut actual = play(&case, version).map_err(unreadable)?;
    let mut left = expected.as_slice();
    for (i, moment) in actual.iter_mut().enumerate() {
        let (now, later) = left.split_at(moment.len().min(left.len()));
        let mut now = now.to_vec();
        now.sort();
        moment.sort();
        if now != *moment {
            return Err((now.join("\n--\n"), format!("at moment {}: {}", i + 1, moment.join("\n--\n"))));
        }
        left = later;
    }
    if left.is_empty() { Ok(()) } else { Err((left.join("\n--\n"), "no further request".to_owned())) }
}

fn expected(case: &Value, folder: &Path) -> Result<Vec<String>, String> {
    let requests = case["requests"].as_array().ok_or("a case without a list of requests")?;
    let mut out = Vec::new();
    for request in requests {
        let line = request["request_line"].as_str().ok_or("a request without its first line")?;
        let file = request["body_file"].as_str().ok_or("a request without a body file")?;
        let body = read(&folder.join(file)).map_err(|e| e.to_string())?;
        let headers = request["headers"].as_array().into_iter().flatten();
        let headers: String =
            headers.map(|h| format!("{}: {}\n", h[0].as_str().unwrap_or(""), h[1].as_str().unwrap_or(""))).collect();
        out.push(format!("{line}\n{headers}\n{body}"));
    }
    Ok(out)
}

/// The requests of each moment in which there are any.
fn play(case: &Value, version: Version) -> Result<Vec<Vec<String>>, String> {
    let config = case["config"].as_str().ok_or("a case without a configuration")?;
    let loaded = Config::load(&SourceText::new("alertmanager.yml", config), version);
    let config = loaded.config.ok_or_else(|| format!("configuration refused: {:?}", loaded.diagnostics))?;
    let steps = case["steps"].as_array().ok_or("a case without steps")?;
    let options = Options { external_url: EXTERNAL_URL.into(), ..Options::default() };
    let templates = Templates::new(version);
    let mut machine = Alertmanager::new(Arc::new(config), version, options, START.plus_millis(-STEP_MS));
    let mut moments: Vec<Vec<String>> = Vec::new();
    let mut patience = PATIENCE;
    for (i, step) in steps.iter().enumerate() {
        let now = START.plus_millis(STEP_MS * i as i64);
        let alerts = step["post_api_v2_alerts"].as_array().ok_or("a step that posts no alerts")?;
        machine.handle(now, Input::Alerts(alerts.iter().map(postable).collect::<Result<_, _>>()?));
        let end = now.plus_millis(STEP_MS);
        let mut at = now;
        while at < end {
            patience = patience.checked_sub(1).ok_or("a machine that never rests")?;
            let requests = deliver(&mut machine, at, &templates);
            if !requests.is_empty() {
                moments.push(requests);
            }
            match machine.next_wakeup() {
                Some(next) if next < end => at = next.max(at),
                _ => break,
            }
        }
    }
    Ok(moments)
}

/// Sends what is due at one moment, and answers 204.
fn deliver(machine: &mut Alertmanager, now: Time, templates: &Templates) -> Vec<String> {
    let mut sent = Vec::new();
    let outputs = machine.poll(now);
    for output in outputs {
        let Output::Deliver(delivery) = output else { continue };
        let no_files = |path: &str| Err(format!("open {path}: no such file or directory"));
        let outcome = match render(&delivery.notification, templates, &no_files) {
            Ok(Outgoing::Request(request)) => {
                sent.push(wire(&request));
                Outcome::Answered { status: 204, body: String::new() }
            }
            Ok(Outgoing::Record(_)) => Outcome::Answered { status: 200, body: String::new() },
            Err(e) => Outcome::Unsendable(e.to_string()),
        };
        machine.handle(now, Input::Delivered { id: delivery.id, outcome });
    }
    sent
}

fn postable(value: &Value) -> Result<PostableAlert, String> {
    let pairs = |key: &str| {
        let map = value[key].as_object().into_iter().flatten();
        map.map(|(name, text)| (Arc::from(name.as_str()), Arc::from(text.as_str().unwrap_or(""))))
    };
    let time = |key: &str| match value[key].as_str() {
        None => Ok(None),
        Some(text) => match text.parse::<jiff::Timestamp>() {
            Ok(t) => Ok(i64::try_from(t.as_nanosecond()).ok().map(Time)),
            Err(e) => Err(format!("{key}: {e}")),
        },
    };
    let labels: Vec<(Arc<str>, Arc<str>)> = pairs("labels").collect();
    Ok(PostableAlert {
        labels: Labels::from_pairs(labels),
        annotations: Arc::new(pairs("annotations").collect()),
        starts_at: time("startsAt")?,
        ends_at: time("endsAt")?,
        generator_url: value["generatorURL"].as_str().unwrap_or("").into(),
    })
}
