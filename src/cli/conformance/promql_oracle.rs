//! Suite `promql-oracle`: queries over fixed data, answered by promtool 2.42's rule tests.

use std::path::Path;

use serde::Deserialize;

use super::{SuiteError, SuiteReport, prometheus_dialect, read};
use crate::golang::duration::parse_prometheus_duration;
use crate::golang::float::{FloatFormat, format_float};
use crate::promql::eval::{Options, Prepared};
use crate::promql::value::{Sample, Value};
use crate::promql::{Dialect, ParseOptions, parse, parse_series_description};
use crate::tsdb::Tsdb;

/// The series of the recording, one value a minute from the epoch.
const DATA: [&str; 9] = [
    r#"a{x="1"} 1 2 3 4 5 6"#,
    r#"b{x="1"} 1 2 3 4 5 6"#,
    r#"c{x="1"} 5 10 2 4 1 3"#,
    r#"g{x="1",y="p"} 1x20"#,
    r#"g{x="1",y="q"} 2x20"#,
    r#"g{x="1",y="r"} 4x20"#,
    r#"h_bucket{le="0.1"} 2x20"#,
    r#"h_bucket{le="1"} 6x20"#,
    r#"h_bucket{le="+Inf"} 8x20"#,
];

/// A recorded answer.
#[derive(Deserialize)]
struct Case {
    expr: String,
    at: String,
    result: Option<String>,
    error: Option<String>,
}

/// Runs the suite.
pub fn run(path: &Path, dialect: Option<&str>) -> Result<SuiteReport, SuiteError> {
    let dialect = prometheus_dialect(dialect, Dialect::V2_42)?;
    let text = read(path)?;
    let db = store(dialect)?;
    let file = path.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
    let mut report = SuiteReport::default();
    for (i, line) in text.lines().enumerate().filter(|(_, l)| !l.trim().is_empty()) {
        let place = format!("{file}:{}", i + 1);
        let case: Case = match serde_json::from_str(line) {
            Ok(case) => case,
            Err(e) => {
                report.fail(place, "a case that can be read", e.to_string());
                continue;
            }
        };
        let actual = answer(&db, &case, dialect);
        let expected = case.error.map_or_else(|| Ok(case.result.unwrap_or_default()), Err);
        if same(&expected, &actual) {
            report.pass();
        } else {
            report.fail(format!("{place} {}", case.expr), words(&expected), words(&actual));
        }
    }
    Ok(report)
}

fn store(dialect: Dialect) -> Result<Tsdb, SuiteError> {
    let mut db = Tsdb::new();
    for line in DATA {
        let series = parse_series_description(line, dialect).map_err(|e| SuiteError(format!("{line}: {e}")))?;
        let r = db.series_ref(&series.labels);
        for (i, v) in series.values.iter().enumerate() {
            if let Some(v) = v.float() {
                let _ = db.append(r, i as i64 * 60_000, v);
            }
        }
    }
    Ok(db)
}

fn words(answer: &Result<String, String>) -> String {
    match answer {
        Ok(text) => text.clone(),
        Err(text) => format!("error: {text}"),
    }
}

/// Whether two answers agree. promtool stores its series in no fixed order, so which two duplicates an error names
/// does not count, nor what a sum's order does to the last digit.
fn same(expected: &Result<String, String>, actual: &Result<String, String>) -> bool {
    let without_pair = |text: &str| match (text.find(" of the operation: ["), text.rfind("];many-to-many")) {
        (Some(from), Some(to)) if from < to => format!("{}{}", &text[..from], &text[to..]),
        _ => text.to_owned(),
    };
    match (expected, actual) {
        (Err(e), Err(a)) => e == a || without_pair(e) == without_pair(a),
        (Ok(e), Ok(a)) => e == a || (e.split(", ").count() == a.split(", ").count() && same_numbers(e, a)),
        _ => false,
    }
}

/// Whether two lists differ in the last digits of numbers alone.
fn same_numbers(expected: &str, actual: &str) -> bool {
    let (e, a): (Vec<&str>, Vec<&str>) = (expected.split(' ').collect(), actual.split(' ').collect());
    let number = |text: &str| text.trim_end_matches(',').parse::<f64>().ok();
    e.len() == a.len()
        && e.iter().zip(&a).all(|(x, y)| {
            x == y
                || matches!((number(x), number(y)), (Some(p), Some(q)) if (p - q).abs() <= 4.0 * f64::EPSILON * p.abs())
        })
}

fn answer(db: &Tsdb, case: &Case, dialect: Dialect) -> Result<String, String> {
    let at = parse_prometheus_duration(&case.at)? / 1_000_000;
    let expr = parse(&case.expr, &ParseOptions::stock(dialect)).map_err(|e| e.to_string())?;
    let answer = Prepared::new(&expr, &Options::small(dialect)).instant(db, at).map_err(|e| e.message)?;
    match answer.value {
        Value::Vector(mut samples) => {
            samples.sort_by(|a, b| a.labels.cmp(&b.labels));
            let texts: Vec<String> = samples.iter().map(sample_text).collect();
            Ok(if texts.is_empty() { "nil".to_owned() } else { texts.join(", ") })
        }
        Value::Scalar { value, .. } => Ok(format!("{{}} {}", number(value))),
        Value::String { .. } | Value::Matrix(_) => Err("rule result is not a vector or scalar".to_owned()),
    }
}

fn sample_text(s: &Sample) -> String {
    format!("{} {}", s.labels, number(s.float()))
}

/// As Go's `%E` with the fewest digits.
fn number(v: f64) -> String {
    if v.is_finite() {
        format_float(v, FloatFormat::Exponent, None).to_uppercase()
    } else {
        format_float(v, FloatFormat::Exponent, None)
    }
}
