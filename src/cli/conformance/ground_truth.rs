//! Suite `ground-truth`: recorded samples of a real run against the alerts and messages of that run.
//!
//! Cases: each time an alert was pending or firing (to the evaluation), each series of activation times, each message.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use super::{SuiteError, SuiteReport, prometheus_dialect, read};
use crate::alertmanager::Version;
use crate::cli::simulate::{embed, read_samples};
use crate::engine::{Engine, Event, Phases};
use crate::model::{Labels, is_stale_nan};
use crate::promql::signature::release_of;
use crate::simulate::{Overrides, receivers, replay};

/// The programs' start-up is left out of the comparison.
const SKIPPED_MS: i64 = 20_000;
/// How far a message may be from the recorded one.
const TOLERANCE_S: f64 = 1.5;

#[derive(Deserialize)]
struct Params {
    external_url: String,
    dialect: String,
    alertmanager_dialect: String,
    #[serde(default)]
    evaluation_offset_ms: BTreeMap<String, i64>,
}

#[derive(Deserialize)]
struct StoredSeries {
    metric: BTreeMap<String, String>,
    values: Vec<(f64, String)>,
}

#[derive(Deserialize)]
struct Recorded {
    t: f64,
    body: Value,
}

struct Told {
    t: f64,
    text: String,
    used: bool,
}

/// Runs the suite.
pub fn run(path: &Path, dialect: Option<&str>) -> Result<SuiteReport, SuiteError> {
    let bad = |file: &str, e: &dyn std::fmt::Display| SuiteError(format!("cannot read {file}: {e}"));
    let params: Params = serde_json::from_str(&read(&path.join("params.json"))?).map_err(|e| bad("params.json", &e))?;
    let recorded_as = params.dialect.parse().map_err(SuiteError)?;
    let dialect = prometheus_dialect(dialect, recorded_as)?;
    let alertmanager: Version = params.alertmanager_dialect.parse().map_err(SuiteError)?;
    let overrides = Overrides {
        release: Some(release_of(dialect)),
        alertmanager: Some(alertmanager),
        external_url: Some(params.external_url.trim_end_matches('/').into()),
        ..Overrides::default()
    };
    let embedded = embed(&path.join("stack"), &overrides).map_err(SuiteError)?;
    let offsets = params.evaluation_offset_ms.iter().map(|(group, ms)| (Arc::from(group.as_str()), ms * 1_000_000));
    let phases = Phases { groups: offsets.collect(), ..Phases::default() };
    let samples = read_samples(&path.join("samples.om")).map_err(SuiteError)?;
    let first = samples.iter().map(|s| s.t).min().unwrap_or(0);
    let last = samples.iter().map(|s| s.t).max().unwrap_or(0);
    let engine = replay(&embedded.config, &phases, samples);

    let mut report = SuiteReport::default();
    let from = first + SKIPPED_MS;
    let expected: BTreeMap<String, Vec<StoredSeries>> =
        serde_json::from_str(&read(&path.join("expected-alert-series.json"))?)
            .map_err(|e| bad("expected-alert-series.json", &e))?;
    compare_series(&mut report, expected.into_values().flatten().collect(), &engine, (from, last));

    let mut recorded = Vec::new();
    for (i, line) in read(&path.join("expected-discord.jsonl"))?.lines().enumerate().filter(|(_, l)| !l.is_empty()) {
        let r: Recorded =
            serde_json::from_str(line).map_err(|e| bad(&format!("expected-discord.jsonl:{}", i + 1), &e))?;
        if r.t * 1000.0 >= from as f64 && r.t * 1000.0 <= last as f64 {
            recorded.push((i + 1, r));
        }
    }
    compare_messages(&mut report, &recorded, told(&engine, from));
    Ok(report)
}

type Samples = Vec<(i64, String)>;

fn compare_series(report: &mut SuiteReport, expected: Vec<StoredSeries>, engine: &Engine, (from, to): (i64, i64)) {
    let mut actual: BTreeMap<Labels, Samples> = BTreeMap::new();
    for (_, series) in engine.db().iter().filter(|(_, s)| s.labels().metric_name().starts_with("ALERTS")) {
        let samples =
            series.timestamps().iter().zip(series.values()).filter(|(t, v)| **t >= from && !is_stale_nan(**v));
        actual.insert(series.labels().clone(), samples.map(|(t, v)| (*t, v.to_string())).collect());
    }
    for series in expected {
        let labels = Labels::from_pairs(series.metric);
        let millis = |s: f64| (s * 1000.0).round() as i64;
        let wanted: Samples = series.values.into_iter().map(|(t, v)| (millis(t), v)).collect();
        let wanted = wanted.into_iter().filter(|(t, _)| (from..=to).contains(t)).collect();
        let got = actual.remove(&labels).unwrap_or_default();
        compare_runs(report, &labels, &runs(wanted), &runs(got));
    }
    for (labels, got) in actual {
        compare_runs(report, &labels, &[], &runs(got));
    }
}

/// Stretches of equal values whose samples are at most a minute apart: first, last, value.
fn runs(samples: Samples) -> Vec<(i64, i64, String)> {
    let mut runs: Vec<(i64, i64, String)> = Vec::new();
    for (t, value) in samples {
        match runs.last_mut() {
            Some((_, last, v)) if *v == value && t - *last <= 7_500 => *last = t,
            _ => runs.push((t, t, value)),
        }
    }
    runs
}

fn compare_runs(report: &mut SuiteReport, labels: &Labels, wanted: &[(i64, i64, String)], got: &[(i64, i64, String)]) {
    let show = |run: &(i64, i64, String)| format!("{} to {} ms, value {}", run.0, run.1, run.2);
    for run in wanted {
        let case = format!("{labels} from {}", run.0);
        if got.contains(run) {
            report.pass();
        } else {
            let near = got.iter().find(|g| g.0 <= run.1 && g.1 >= run.0);
            report.fail(case, show(run), near.map_or_else(|| "nothing".to_owned(), show));
        }
    }
    for run in got.iter().filter(|run| !wanted.iter().any(|w| w.0 <= run.1 && w.1 >= run.0)) {
        report.fail(format!("{labels} from {}", run.0), "nothing", show(run));
    }
}

fn told(engine: &Engine, from: i64) -> Vec<Told> {
    let setup = engine.config().alertmanager.as_ref();
    let message = |entry: &crate::engine::Entry| match &entry.event {
        Event::Notification { notification, .. } if entry.at.millis() >= from - 1_500 => {
            let text = match receivers::body_json(setup, notification) {
                Ok(body) => text_of(&body),
                Err(e) => e,
            };
            Some(Told { t: entry.at.secs_f64(), text, used: false })
        }
        _ => None,
    };
    engine.journal().entries().iter().filter_map(message).collect()
}

/// Everything a reader of the message sees; the order of fields does not count.
fn text_of(body: &Value) -> String {
    let mut sorted: BTreeMap<String, &Value> = BTreeMap::new();
    flatten("", body, &mut sorted);
    sorted.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>().join("\n")
}

fn flatten<'a>(path: &str, value: &'a Value, out: &mut BTreeMap<String, &'a Value>) {
    match value {
        Value::Object(map) => map.iter().for_each(|(k, v)| flatten(&format!("{path}.{k}"), v, out)),
        Value::Array(list) => list.iter().enumerate().for_each(|(i, v)| flatten(&format!("{path}[{i}]"), v, out)),
        leaf => {
            out.insert(path.to_owned(), leaf);
        }
    }
}

fn compare_messages(report: &mut SuiteReport, recorded: &[(usize, Recorded)], mut told: Vec<Told>) {
    for (line, wanted) in recorded {
        let text = text_of(&wanted.body);
        let near = |t: &&mut Told| !t.used && (t.t - wanted.t).abs() <= TOLERANCE_S;
        if let Some(found) = told.iter_mut().filter(|t| t.text == text).find(near) {
            found.used = true;
            report.pass();
            continue;
        }
        let same = told.iter().find(|t| t.text == text);
        let close = told.iter().find(|t| !t.used && (t.t - wanted.t).abs() <= TOLERANCE_S);
        let actual = match (same, close) {
            (Some(same), _) => format!("the same text at {:.3}", same.t),
            (None, Some(close)) => format!("at {:.3}: {}", close.t, close.text),
            (None, None) => "no message".to_owned(),
        };
        report.fail(format!("expected-discord.jsonl:{line}"), format!("at {:.3}: {text}", wanted.t), actual);
    }
    let first = recorded.first().map_or(f64::NEG_INFINITY, |(_, r)| r.t - TOLERANCE_S);
    let last = recorded.last().map_or(f64::INFINITY, |(_, r)| r.t + TOLERANCE_S);
    for extra in told.iter().filter(|t| !t.used && t.t >= first && t.t <= last) {
        report.fail(format!("message at {:.3}", extra.t), "no message", &extra.text);
    }
}
