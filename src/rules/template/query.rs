//! Queries that templates ask.

use super::functions::TemplateSample;
use crate::promql::eval::{Options, Prepared};
use crate::promql::value::{Sample, Value};
use crate::promql::{ParseOptions, parse};
use crate::tsdb::Tsdb;

/// An instant query as the rule manager runs it for templates.
///
/// # Errors
/// Prometheus' text: a parse error, a run-time error, a result that is neither vector nor scalar.
pub fn query_samples(text: &str, db: &Tsdb, at_ms: i64, options: &Options) -> Result<Vec<TemplateSample>, String> {
    let expr = parse(text, &ParseOptions::stock(options.dialect)).map_err(|e| e.to_string())?;
    let answer = Prepared::new(&expr, options).instant(db, at_ms).map_err(|e| e.to_string())?;
    match answer.value {
        Value::Vector(samples) => {
            Ok(samples.into_iter().map(|s| TemplateSample { value: number(&s), labels: s.labels }).collect())
        }
        Value::Scalar { value, .. } => Ok(vec![TemplateSample { labels: crate::model::Labels::empty(), value }]),
        Value::String { .. } | Value::Matrix(_) => Err("rule result is not a vector or scalar".to_owned()),
    }
}

/// A native histogram has no number of its own: templates see 0.
fn number(sample: &Sample) -> f64 {
    match sample.value {
        crate::promql::value::SampleValue::Float(v) => v,
        crate::promql::value::SampleValue::Histogram(_) => 0.0,
    }
}
