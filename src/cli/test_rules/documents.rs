//! Outcomes for other programs: JSON and JUnit XML.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::Tested;
use super::show;
use crate::promql::Dialect;
use crate::report::escape::xml;
use crate::rules::unit_test::{Failure, GroupOutcome, Pairs, ShownAlert, ShownSample, ShownValue};
use crate::text::{Diagnostic, SourceText};

/// `labkit/test-rules/v1`
pub(super) fn json(files: &[(SourceText, Tested)], dialect: Dialect) -> Value {
    let passed = files.iter().all(|(_, t)| t.passed());
    let files: Vec<Value> = files
        .iter()
        .map(|(source, tested)| {
            json!({
                "file": source.name(),
                "verdict": verdict(tested.passed()),
                "diagnostics": tested.diagnostics.iter().map(diagnostic).collect::<Vec<_>>(),
                "remarks": tested.remarks,
                "tests": tested.groups.iter().map(|g| group(source, g)).collect::<Vec<_>>(),
            })
        })
        .collect();
    json!({
        "schema": "labkit/test-rules/v1",
        "dialect": dialect.as_str(),
        "verdict": verdict(passed),
        "files": files,
    })
}

fn verdict(passed: bool) -> &'static str {
    if passed { "pass" } else { "fail" }
}

fn diagnostic(d: &Diagnostic) -> Value {
    let at = d
        .primary
        .as_ref()
        .zip(d.position())
        .map(|(label, at)| json!({"file": label.source.name(), "line": at.line, "column": at.column}));
    json!({"severity": "error", "message": d.message, "at": at, "help": d.help})
}

fn group(source: &SourceText, group: &GroupOutcome) -> Value {
    let at = source.position(group.span.start as usize);
    let tracks = group.timeline.iter().map(|track| {
        let changes = track.changes.iter().map(|(t, state)| json!({"t": seconds(*t), "state": state.as_str()}));
        let labels = track.labels.iter().map(|l| (l.name.to_string(), json!(&*l.value)));
        json!({
            "alert": &*track.alert,
            "labels": labels.collect::<serde_json::Map<_, _>>(),
            "changes": changes.collect::<Vec<_>>(),
        })
    });
    json!({
        "name": group.name,
        "index": group.index,
        "line": at.line,
        "verdict": verdict(group.passed()),
        "cases": group.cases,
        "failures": group.failures.iter().map(|f| failure(source, group, f)).collect::<Vec<_>>(),
        "timeline": tracks.collect::<Vec<_>>(),
    })
}

fn seconds(ns: i64) -> f64 {
    ns as f64 / 1e9
}

fn failure(source: &SourceText, group: &GroupOutcome, failure: &Failure) -> Value {
    let mut value = match failure {
        Failure::Input { error, .. } => json!({"kind": "input", "error": error}),
        Failure::NoAlertname { time, .. } => json!({"kind": "alertname", "eval_time": seconds(*time)}),
        Failure::TooLong { evaluations, limit } => {
            json!({"kind": "too-long", "evaluations": evaluations, "limit": limit})
        }
        Failure::Rule { rule, time, error } => {
            json!({"kind": "rule", "rule": &**rule, "eval_time": seconds(*time), "error": error})
        }
        Failure::Query { expr, time, error, .. } => {
            json!({"kind": "query", "expr": expr, "eval_time": seconds(*time), "error": error})
        }
        Failure::Samples { expr, time, expected, got, .. } => json!({
            "kind": "samples",
            "expr": expr,
            "eval_time": seconds(*time),
            "expected": expected.iter().map(sample).collect::<Vec<_>>(),
            "got": got.iter().map(sample).collect::<Vec<_>>(),
        }),
        Failure::Alerts { alertname, time, expected, got, .. } => json!({
            "kind": "alerts",
            "alertname": alertname,
            "eval_time": seconds(*time),
            "expected": expected.iter().map(alert).collect::<Vec<_>>(),
            "got": got.iter().map(alert).collect::<Vec<_>>(),
        }),
        Failure::Notifications { expected, got, .. } => {
            json!({"kind": "notifications", "expected": expected, "got": got})
        }
    };
    if let Value::Object(fields) = &mut value {
        let at = failure.span().map(|s| source.position(s.start as usize));
        fields.insert("line".to_owned(), json!(at.map(|at| at.line)));
        fields.insert("message".to_owned(), json!(failure.promtool(&group.name)));
    }
    value
}

fn sample(sample: &ShownSample) -> Value {
    let labels = sample.labels.iter().map(|l| (l.name.to_string(), json!(&*l.value)));
    let value = match &sample.value {
        ShownValue::Float(v) if v.is_finite() => json!(v),
        other => json!(other.to_string()),
    };
    json!({"labels": labels.collect::<serde_json::Map<_, _>>(), "value": value})
}

fn alert(alert: &ShownAlert) -> Value {
    let map =
        |pairs: &Pairs| -> Value { Value::Object(pairs.iter().map(|(k, v)| (k.to_string(), json!(&**v))).collect()) };
    json!({
        "state": alert.state.as_str(),
        "labels": map(&alert.labels),
        "annotations": map(&alert.annotations),
    })
}

/// JUnit XML: a suite a file, a case a test.
pub(super) fn junit(files: &[(SourceText, Tested)]) -> String {
    let count = |t: &Tested| (t.groups.len().max(1), failed(t));
    let (tests, failures) = files.iter().fold((0, 0), |sum, (_, t)| (sum.0 + count(t).0, sum.1 + count(t).1));
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(out, "<testsuites name=\"labkit test rules\" tests=\"{tests}\" failures=\"{failures}\">");
    for (source, tested) in files {
        let (tests, failures) = count(tested);
        let name = xml(source.name());
        let _ = writeln!(out, "  <testsuite name=\"{name}\" tests=\"{tests}\" failures=\"{failures}\">");
        if tested.groups.is_empty() {
            let text = tested.diagnostics.iter().map(|d| crate::text::render(d, false)).collect::<Vec<_>>().join("\n");
            case(&mut out, &name, "file", tested.diagnostics.first().map(|d| d.message.as_str()), &text);
        }
        for group in &tested.groups {
            let words: Vec<String> = group.failures.iter().map(|f| f.promtool("")).collect();
            let text: Vec<String> = group.failures.iter().map(|f| show::failure(source, f, false)).collect();
            let first = words.first().map(|w| w.trim_start().lines().next().unwrap_or(""));
            case(&mut out, &name, &show::title(group), first, &text.join("\n"));
        }
        out.push_str("  </testsuite>\n");
    }
    out.push_str("</testsuites>\n");
    out
}

fn failed(tested: &Tested) -> usize {
    if tested.groups.is_empty() {
        return usize::from(!tested.passed());
    }
    tested.groups.iter().filter(|g| !g.passed()).count()
}

fn case(out: &mut String, class: &str, name: &str, failure: Option<&str>, text: &str) {
    let name = xml(name);
    let _ = match failure {
        None => writeln!(out, "    <testcase classname=\"{class}\" name=\"{name}\"/>"),
        Some(message) => writeln!(
            out,
            "    <testcase classname=\"{class}\" name=\"{name}\">\n      <failure message=\"{}\">{}</failure>\n    </testcase>",
            xml(message),
            xml(text)
        ),
    };
}
