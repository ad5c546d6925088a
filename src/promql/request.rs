//! A query with its times as clients of the API write them.

use std::str::FromStr as _;

use serde::Deserialize;

use super::eval::{Options, Prepared};
use super::value::{ErrorKind, EvalError, QueryAnswer};
use super::{Dialect, ParseOptions, parse};
use crate::golang::duration::parse_prometheus_duration;
use crate::tsdb::Tsdb;

/// A query with its times as given: a number of seconds, or text.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Request {
    /// The query.
    pub query: String,
    /// When an instant query is evaluated.
    pub time: Option<Given>,
    /// When a range begins.
    pub start: Option<Given>,
    /// When it ends, inclusive.
    pub end: Option<Given>,
    /// How far its steps are apart.
    pub step: Option<Given>,
}

/// A number of seconds, or text.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Given {
    /// Seconds.
    Seconds(f64),
    /// RFC 3339, a duration, or seconds as text.
    Text(String),
}

impl Given {
    fn text(&self) -> String {
        match self {
            Self::Seconds(v) => crate::golang::float::format_float(*v, crate::golang::float::FloatFormat::Fixed, None),
            Self::Text(text) => text.clone(),
        }
    }

    fn seconds(&self) -> Option<f64> {
        match self {
            Self::Seconds(v) => Some(*v),
            Self::Text(text) => text.parse().ok(),
        }
        .filter(|v: &f64| v.is_finite())
    }

    /// Unix milliseconds. `parameter` names it in the error.
    ///
    /// # Errors
    /// It is none of the forms.
    pub fn time(&self, parameter: &str) -> Result<i64, EvalError> {
        if let Some(seconds) = self.seconds() {
            return Ok((seconds * 1000.0).round() as i64);
        }
        let text = self.text();
        match jiff::Timestamp::from_str(&text) {
            Ok(t) => Ok(t.as_millisecond()),
            Err(_) => Err(EvalError::bad_data(format!(
                "invalid parameter {}: cannot parse {} to a valid timestamp",
                crate::golang::quote(parameter),
                crate::golang::quote(&text)
            ))),
        }
    }

    /// Nanoseconds.
    ///
    /// # Errors
    /// It is none of the forms.
    pub fn duration(&self) -> Result<i64, EvalError> {
        if let Some(seconds) = self.seconds() {
            return Ok((seconds * 1e9) as i64);
        }
        parse_prometheus_duration(&self.text()).map_err(|_| {
            let text = crate::golang::quote(&self.text());
            EvalError::bad_data(format!("invalid parameter \"step\": cannot parse {text} to a valid duration"))
        })
    }
}

/// A missing parameter, as the API says it.
pub fn missing(parameter: &str) -> EvalError {
    let what = if parameter == "step" { "duration" } else { "timestamp" };
    EvalError::bad_data(format!("invalid parameter \"{parameter}\": cannot parse \"\" to a valid {what}"))
}

/// A query that was read, with when to evaluate it.
#[derive(Debug)]
pub enum Asked {
    /// At one time, in Unix milliseconds.
    Instant(Prepared, i64),
    /// From, to and step, in milliseconds.
    Range(Prepared, (i64, i64, i64)),
}

/// Reads a query: over a range when it has a beginning, an end or a step, else at its time.
///
/// # Errors
/// In the words of the API.
pub fn read(request: &Request, options: &Options) -> Result<Asked, EvalError> {
    let parse_options = ParseOptions { release: options.release, ..ParseOptions::stock(options.dialect) };
    let prepare = || parse(&request.query, &parse_options).map(|expr| Prepared::new(&expr, options));
    if request.start.is_none() && request.end.is_none() && request.step.is_none() {
        let time = request.time.as_ref().ok_or_else(|| missing("time"))?.time("time")?;
        let prepared = prepare().map_err(|e| EvalError::bad_data(format!("invalid parameter \"query\": {e}")))?;
        return Ok(Asked::Instant(prepared, time));
    }
    let start = request.start.as_ref().ok_or_else(|| missing("start"))?.time("start")?;
    let end = request.end.as_ref().ok_or_else(|| missing("end"))?.time("end")?;
    if end < start {
        return Err(EvalError::bad_data("invalid parameter \"end\": end timestamp must not be before start time"));
    }
    let step = request.step.as_ref().ok_or_else(|| missing("step"))?.duration()?;
    if step <= 0 {
        return Err(EvalError::bad_data(
            "invalid parameter \"step\": zero or negative query resolution step widths are not accepted. Try a positive integer",
        ));
    }
    if (i128::from(end) - i128::from(start)) * 1_000_000 / i128::from(step) > 11_000 {
        return Err(EvalError::bad_data(
            "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)",
        ));
    }
    let prepared = prepare().map_err(|e| refused_over_a_range(EvalError::bad_data(e.to_string()), options.dialect))?;
    Ok(Asked::Range(prepared, (start, end, (step / 1_000_000).max(1))))
}

/// An error of a query over a range: where the query itself is refused, 3 names the parameter; 2.42 does so for instant
/// queries alone.
pub fn refused_over_a_range(mut e: EvalError, dialect: Dialect) -> EvalError {
    if e.kind == ErrorKind::BadData && dialect == Dialect::V3 {
        e.message.insert_str(0, "invalid parameter \"query\": ");
    }
    e
}

/// Reads and evaluates a query.
///
/// # Errors
/// In the words of the API.
pub fn evaluate(db: &Tsdb, request: &Request, options: &Options) -> Result<QueryAnswer, EvalError> {
    match read(request, options)? {
        Asked::Instant(mut prepared, time) => prepared.instant(db, time),
        Asked::Range(mut prepared, (start, end, step)) => {
            prepared.range(db, start, end, step).map_err(|e| refused_over_a_range(e, options.dialect))
        }
    }
}
