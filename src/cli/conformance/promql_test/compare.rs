//! Holding answers against what a script expects.

use super::script::{Eval, Expected, Level, Wanted};
use crate::golang::float::format_value;
use crate::model::FloatHistogram;
use crate::promql::value::{QueryAnswer, RangeSeries, Sample, SampleValue, Severity, Value};
use crate::promql::{SequenceValue, SeriesDescription};

/// How far two values may be apart, relatively.
const TOLERANCE: f64 = 1e-6;

/// Expected and actual, in words.
pub type Mismatch = (String, String);

fn close(a: f64, b: f64) -> bool {
    if (a.is_nan() && b.is_nan()) || a == b {
        return true;
    }
    let (sum, difference) = (a.abs() + b.abs(), (a - b).abs());
    if a == 0.0 || b == 0.0 || sum < f64::MIN_POSITIVE {
        return difference < TOLERANCE * f64::MIN_POSITIVE;
    }
    difference / sum.min(f64::MAX) < TOLERANCE
}

fn close_buckets(a: &[(i32, f64)], b: &[(i32, f64)]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(x, y)| x.0 == y.0 && close(x.1, y.1))
}

fn close_histograms(expected: &FloatHistogram, hint_set: bool, actual: &FloatHistogram) -> bool {
    let (mut e, mut a) = (expected.clone(), actual.clone());
    e.compact();
    a.compact();
    let bounds = e.custom_values.len() == a.custom_values.len()
        && e.custom_values.iter().zip(a.custom_values.iter()).all(|(x, y)| x == y);
    e.schema == a.schema
        && bounds
        && e.zero_threshold == a.zero_threshold
        && close(e.zero_count, a.zero_count)
        && close(e.count, a.count)
        && close(e.sum, a.sum)
        && close_buckets(&e.positive, &a.positive)
        && close_buckets(&e.negative, &a.negative)
        && (!hint_set || e.hint == a.hint)
}

fn fits(expected: &SequenceValue, actual: &SampleValue) -> bool {
    match (expected, actual) {
        (SequenceValue::Float(e), SampleValue::Float(a)) => close(*e, *a),
        (SequenceValue::Histogram { histogram, hint_set }, SampleValue::Histogram(a)) => {
            close_histograms(histogram, *hint_set, a)
        }
        _ => false,
    }
}

fn describe(value: &SampleValue) -> String {
    match value {
        SampleValue::Float(v) => format_value(*v),
        SampleValue::Histogram(h) => format!("{h} schema {} zero {} hint {:?}", h.schema, h.zero_threshold, h.hint),
    }
}

fn describe_expected(value: &SequenceValue) -> String {
    match value {
        SequenceValue::Omitted => "_".to_owned(),
        SequenceValue::Float(v) => format_value(*v),
        SequenceValue::Histogram { histogram, .. } => describe(&SampleValue::Histogram(histogram.clone())),
    }
}

fn list<T>(items: &[T], text: impl Fn(&T) -> String) -> String {
    if items.is_empty() {
        return "an empty answer".to_owned();
    }
    items.iter().map(text).collect::<Vec<_>>().join("; ")
}

fn vector_text(samples: &[Sample]) -> String {
    list(samples, |s| format!("{} {}", s.labels, describe(&s.value)))
}

fn expected_text(series: &[SeriesDescription]) -> String {
    list(series, |s| {
        let values: Vec<String> = s.values.iter().map(describe_expected).collect();
        format!("{} {}", s.labels, values.join(" "))
    })
}

/// Compares an instant vector.
pub fn vector(expected: &[SeriesDescription], ordered: bool, actual: &[Sample]) -> Result<(), Mismatch> {
    let mismatch = || (expected_text(expected), vector_text(actual));
    if expected.len() != actual.len() {
        return Err(mismatch());
    }
    for (i, sample) in actual.iter().enumerate() {
        let at = expected.iter().position(|e| e.labels == sample.labels).ok_or_else(mismatch)?;
        let value = expected[at].values.first().ok_or_else(mismatch)?;
        if (ordered && at != i) || !fits(value, &sample.value) {
            return Err(mismatch());
        }
    }
    Ok(())
}

/// Compares series over time, the expected values beginning at `start`.
pub fn matrix(expected: &[SeriesDescription], start: i64, step: i64, actual: &[RangeSeries]) -> Result<(), Mismatch> {
    let points = |s: &RangeSeries| -> Vec<(i64, SampleValue)> {
        let mut points: Vec<(i64, SampleValue)> = s.floats.iter().map(|(t, v)| (*t, SampleValue::Float(*v))).collect();
        points.extend(s.histograms.iter().map(|(t, h)| (*t, SampleValue::Histogram(h.clone()))));
        points.sort_by_key(|p| p.0);
        points
    };
    let mismatch = || {
        let actual = list(actual, |s| {
            let points: Vec<String> = points(s).iter().map(|(t, v)| format!("{}@{t}", describe(v))).collect();
            format!("{} {}", s.labels, points.join(" "))
        });
        (expected_text(expected), actual)
    };
    if expected.len() != actual.len() {
        return Err(mismatch());
    }
    for series in actual {
        let wanted = expected.iter().find(|e| e.labels == series.labels).ok_or_else(mismatch)?;
        let wanted: Vec<(i64, &SequenceValue)> = (0..)
            .map(|i: i64| start + i * step)
            .zip(&wanted.values)
            .filter(|(_, v)| !matches!(v, SequenceValue::Omitted))
            .collect();
        let found = points(series);
        let same =
            wanted.len() == found.len() && wanted.iter().zip(&found).all(|((t, e), (at, v))| t == at && fits(e, v));
        if !same {
            return Err(mismatch());
        }
    }
    Ok(())
}

/// Compares an answer's value with what an evaluation expects; `start` and `step` are a range query's.
pub fn value(eval: &Eval, range: Option<(i64, i64)>, actual: &Value) -> Result<(), Mismatch> {
    let kind_mismatch = |wanted: &str| {
        let got = match actual {
            Value::Scalar { value, .. } => format!("scalar {}", format_value(*value)),
            Value::String { value, .. } => format!("string {value:?}"),
            Value::Vector(samples) => format!("vector {}", vector_text(samples)),
            Value::Matrix(series) => format!("matrix of {} series", series.len()),
        };
        Err((wanted.to_owned(), got))
    };
    match (&eval.expected, actual) {
        (Expected::Scalar(e), Value::Scalar { value, .. }) if close(*e, *value) => Ok(()),
        (Expected::Scalar(e), _) => kind_mismatch(&format!("scalar {}", format_value(*e))),
        (Expected::Text(e), Value::String { value, .. }) if **e == **value => Ok(()),
        (Expected::Text(e), _) => kind_mismatch(&format!("string {e:?}")),
        (Expected::Series { series, .. }, Value::Vector(samples)) => vector(series, eval.ordered, samples),
        (Expected::Series { series, range_vector }, Value::Matrix(found)) => match range.or(*range_vector) {
            Some((start, step)) => matrix(series, start, step, found),
            None if series.is_empty() && found.is_empty() => Ok(()),
            None => kind_mismatch(&format!("vector {}", expected_text(series))),
        },
        (Expected::Series { series, .. }, _) => kind_mismatch(&format!("vector {}", expected_text(series))),
    }
}

/// Checks a middle step of a range query against an instant query's expectation.
pub fn middle(eval: &Eval, at: i64, actual: &Value) -> Result<(), Mismatch> {
    let Value::Matrix(series) = actual else { return Ok(()) };
    let mut samples = Vec::new();
    for s in series {
        let float = s.floats.iter().find(|p| p.0 == at).map(|p| SampleValue::Float(p.1));
        let histogram = s.histograms.iter().find(|p| p.0 == at).map(|p| SampleValue::Histogram(p.1.clone()));
        if let Some(value) = float.or(histogram) {
            samples.push(Sample { labels: s.labels.clone(), t: at, value });
        }
    }
    match &eval.expected {
        Expected::Scalar(e) => match &samples[..] {
            [s] if close(*e, s.float()) => Ok(()),
            other => Err((format_value(*e), vector_text(other))),
        },
        Expected::Series { series, .. } => vector(series, false, &samples),
        Expected::Text(_) => Ok(()),
    }
}

/// Checks warnings and infos.
pub fn annotations(wanted: &[Wanted], answer: &QueryAnswer) -> Result<(), Mismatch> {
    for (level, severity, word) in [(Level::Warn, Severity::Warning, "warning"), (Level::Info, Severity::Info, "info")]
    {
        let of_level: Vec<&Wanted> = wanted.iter().filter(|w| w.level == level).collect();
        if of_level.is_empty() {
            continue;
        }
        let messages: Vec<String> = answer
            .annotations
            .iter()
            .filter(|a| a.severity == severity)
            .map(|a| format!("PromQL {word}: {}", a.message))
            .collect();
        let got = || if messages.is_empty() { format!("no {word}") } else { messages.join("; ") };
        for w in &of_level {
            if w.none && !messages.is_empty() {
                return Err((format!("no {word}"), got()));
            }
            if !w.none && !messages.iter().any(|m| w.text.fits(m)) {
                return Err((expected_message(w, word), got()));
            }
        }
        if messages.iter().any(|m| !of_level.iter().any(|w| w.text.fits(m))) {
            return Err((format!("no other {word}"), got()));
        }
    }
    Ok(())
}

fn expected_message(w: &Wanted, word: &str) -> String {
    use super::script::Text;
    match &w.text {
        Text::Any => format!("a {word}"),
        Text::Exactly(text) => text.clone(),
        Text::Matching(regexp) => format!("{word} matching {}", regexp.as_str()),
    }
}
