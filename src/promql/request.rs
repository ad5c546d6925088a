//! A query with its times as clients of the API write them.

use std::str::FromStr as _;

use serde::Deserialize;

use super::eval::{Options, Prepared};
use super::value::{ErrorKind, EvalError, QueryAnswer};
use super::{Dialect, ParseOptions, parse};
use crate::golang::duration::parse_prometheus_duration;
use crate::golang::float::{as_int64, parse_float};
use crate::golang::quote;
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

/// A point in time as the server holds it: seconds, and nanoseconds below a second.
type Moment = (i64, i64);

/// The earliest and the latest time that the API knows by their text, though they are beyond RFC 3339.
const EDGES: [(&str, Moment); 2] = [
    ("-292273086-05-16T16:47:06Z", (i64::MIN / 1000 + 62_135_596_801, 0)),
    ("292277025-08-18T07:12:54.999999999Z", (i64::MAX / 1000 - 62_135_596_801, 999_999_999)),
];

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
            Self::Text(text) => parse_float(text).ok(),
        }
    }

    fn moment(&self) -> Option<Moment> {
        if let Some(seconds) = self.seconds() {
            return Some(moment_of(seconds));
        }
        let text = self.text();
        if let Some((_, edge)) = EDGES.into_iter().find(|(known, _)| *known == text) {
            return Some(edge);
        }
        let ns = jiff::Timestamp::from_str(&text).ok().filter(|_| is_rfc_3339(&text))?.as_nanosecond();
        let seconds = i64::try_from(ns.div_euclid(1_000_000_000)).ok()?;
        Some((seconds, ns.rem_euclid(1_000_000_000) as i64))
    }

    fn moment_for(&self, parameter: &str, words: &str) -> Result<Moment, EvalError> {
        self.moment().ok_or_else(|| {
            let (parameter, text) = (quote(parameter), quote(&self.text()));
            EvalError::bad_data(format!(
                "invalid parameter {parameter}: {words}cannot parse {text} to a valid timestamp"
            ))
        })
    }

    /// Unix milliseconds of a parameter that may be left out. `parameter` names it in the error.
    ///
    /// # Errors
    /// It is none of the forms.
    pub fn time(&self, parameter: &str) -> Result<i64, EvalError> {
        self.moment_for(parameter, &format!("Invalid time value for '{parameter}': ")).map(milliseconds)
    }

    /// Nanoseconds.
    ///
    /// # Errors
    /// It is none of the forms.
    pub fn duration(&self) -> Result<i64, EvalError> {
        let text = || quote(&self.text());
        let refuse = |why: String| Err(EvalError::bad_data(format!("invalid parameter \"step\": cannot parse {why}")));
        if let Some(seconds) = self.seconds() {
            let ns = seconds * 1e9;
            if ns.abs() > i64::MAX as f64 {
                return refuse(format!("{} to a valid duration. It overflows int64", text()));
            }
            return Ok(as_int64(ns));
        }
        parse_prometheus_duration(&self.text()).or_else(|_| refuse(format!("{} to a valid duration", text())))
    }
}

/// Seconds as a point in time, to the millisecond; what no integer can hold wraps around as on the real server.
fn moment_of(seconds: f64) -> Moment {
    const SECOND: i64 = 1_000_000_000;
    let fraction = if seconds.is_finite() { seconds.fract() } else { f64::NAN };
    let (whole, ns) = (as_int64(seconds.trunc()), as_int64((fraction * 1000.0).round() / 1000.0 * 1e9));
    (whole.wrapping_add(ns.div_euclid(SECOND)), ns.rem_euclid(SECOND))
}

fn milliseconds((seconds, ns): Moment) -> i64 {
    seconds.wrapping_mul(1_000_000_000).wrapping_add(ns) / 1_000_000
}

/// Whether text has the form that Go reads as RFC 3339: capitals, no leap second.
fn is_rfc_3339(text: &str) -> bool {
    let at = |i: usize| text.as_bytes().get(i).copied().unwrap_or(0);
    at(4) == b'-'
        && at(7) == b'-'
        && at(10) == b'T'
        && at(13) == b':'
        && at(16) == b':'
        && at(17) < b'6'
        && !text.ends_with('z')
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
    let start = request.start.as_ref().ok_or_else(|| missing("start"))?.moment_for("start", "")?;
    let end = request.end.as_ref().ok_or_else(|| missing("end"))?.moment_for("end", "")?;
    // The server counts from the year 1 and wraps around where no integer can hold that.
    let ns = |(s, ns): Moment| i128::from(s.wrapping_add(62_135_596_800)) * 1_000_000_000 + i128::from(ns);
    if ns(end) < ns(start) {
        return Err(EvalError::bad_data("invalid parameter \"end\": end timestamp must not be before start time"));
    }
    let step = request.step.as_ref().ok_or_else(|| missing("step"))?.duration()?;
    if step <= 0 {
        return Err(EvalError::bad_data(
            "invalid parameter \"step\": zero or negative query resolution step widths are not accepted. Try a positive integer",
        ));
    }
    if (ns(end) - ns(start)).min(i128::from(i64::MAX)) / i128::from(step) > 11_000 {
        return Err(EvalError::bad_data(
            "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)",
        ));
    }
    let prepared = prepare().map_err(|e| refused_over_a_range(EvalError::bad_data(e.to_string()), options.dialect))?;
    Ok(Asked::Range(prepared, (milliseconds(start), milliseconds(end), (step / 1_000_000).max(1))))
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
