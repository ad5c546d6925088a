//! What running a unit test came to: failures with what was expected and what came, and the alerts over time.

use std::sync::Arc;

use super::file::Pairs;
use super::timeline::Track;
use crate::golang::duration::{format_go_duration, format_prometheus_duration};
use crate::golang::float::{FloatFormat, format_float};
use crate::golang::quote;
use crate::model::{Labels, Time};
use crate::rules::{AlertState, SentAlert};
use crate::text::Span;

/// What running one of `tests` came to.
#[derive(Clone, Debug)]
pub struct GroupOutcome {
    /// Its `name`, or nothing.
    pub name: String,
    /// Its place in `tests`, from 0.
    pub index: usize,
    /// Its place in the file.
    pub span: Span,
    /// How many cases it holds.
    pub cases: usize,
    /// What failed, in the order of promtool's messages.
    pub failures: Vec<Failure>,
    /// The states of every alert that was not always inactive; only when asked for.
    pub timeline: Vec<Track>,
    /// Alerts on their way to Alertmanager, for tests of notifications; times are those of evaluations.
    pub sent: Vec<(Time, Vec<SentAlert>)>,
}

impl GroupOutcome {
    /// Whether everything was as expected.
    pub fn passed(&self) -> bool {
        self.failures.is_empty()
    }
}

/// Something that was not as expected. Times are nanoseconds from the group's start.
#[derive(Clone, Debug)]
pub enum Failure {
    /// The series cannot be read.
    Input {
        /// Why, in Prometheus' words.
        error: String,
        /// The series' place.
        span: Span,
    },
    /// A case does not say which alert it is about.
    NoAlertname {
        /// Its `eval_time`.
        time: i64,
        /// Its place.
        span: Span,
    },
    /// More evaluations than labkit makes.
    TooLong {
        /// How many it would take.
        evaluations: i64,
        /// How many may be.
        limit: i64,
    },
    /// A rule cannot be evaluated, which ends the test.
    Rule {
        /// The rule's name.
        rule: Arc<str>,
        /// When.
        time: i64,
        /// Why, in Prometheus' words.
        error: String,
    },
    /// A query has no answer, or its expected samples cannot be read.
    Query {
        /// The query.
        expr: String,
        /// When.
        time: i64,
        /// Why, in Prometheus' words.
        error: String,
        /// The case's place.
        span: Span,
    },
    /// A query answers something else.
    Samples {
        /// The query.
        expr: String,
        /// When.
        time: i64,
        /// What was expected, in order of labels.
        expected: Vec<ShownSample>,
        /// What came, in order of labels.
        got: Vec<ShownSample>,
        /// The case's place.
        span: Span,
    },
    /// Other alerts than expected fire.
    Alerts {
        /// The alerts' name.
        alertname: String,
        /// When.
        time: i64,
        /// What was expected, in order of labels.
        expected: Vec<ShownAlert>,
        /// What came, in order of labels.
        got: Vec<ShownAlert>,
        /// Alerts of that name in other states than the case asks about, with when their condition began to hold.
        others: Vec<(ShownAlert, i64)>,
        /// The case's place.
        span: Span,
    },
    /// Notifications are not as expected.
    Notifications {
        /// What was expected, in words.
        expected: String,
        /// What came, one line each.
        got: Vec<String>,
        /// The case's place.
        span: Span,
    },
}

/// A sample as compared and shown.
#[derive(Clone, Debug)]
pub struct ShownSample {
    /// The labels, the name included.
    pub labels: Labels,
    /// The value.
    pub value: ShownValue,
}

/// A value as compared and shown.
#[derive(Clone, Debug)]
pub enum ShownValue {
    /// A number.
    Float(f64),
    /// A native histogram in Prometheus' notation.
    Histogram(String),
}

impl ShownValue {
    /// Exactly, so that NaN agrees with nothing; or but for the last place.
    pub(super) fn agrees(&self, other: &Self, fuzzy: bool) -> bool {
        match (self, other) {
            (Self::Float(a), Self::Float(b)) => a == b || (fuzzy && (a.next_up() == *b || a.next_down() == *b)),
            (Self::Histogram(a), Self::Histogram(b)) => a == b,
            _ => false,
        }
    }
}

impl std::fmt::Display for ShownValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Float(v) => f.write_str(&crate::golang::float::format_value(*v)),
            Self::Histogram(h) => f.write_str(h),
        }
    }
}

/// An alert as compared and shown; its labels include the name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ShownAlert {
    /// The labels in order of name; an empty value counts.
    pub labels: Pairs,
    /// The annotations likewise.
    pub annotations: Pairs,
    /// Firing or pending.
    pub state: AlertState,
}

impl Failure {
    /// The case's place, if it is one case that failed.
    pub fn span(&self) -> Option<Span> {
        match self {
            Self::TooLong { .. } | Self::Rule { .. } => None,
            Self::Input { span, .. }
            | Self::NoAlertname { span, .. }
            | Self::Query { span, .. }
            | Self::Samples { span, .. }
            | Self::Alerts { span, .. }
            | Self::Notifications { span, .. } => Some(*span),
        }
    }

    /// The failure as promtool words it; `test` is the group's name.
    pub fn promtool(&self, test: &str) -> String {
        match self {
            Self::Input { error, .. } => error.clone(),
            Self::NoAlertname { time, .. } => {
                let group = if test.is_empty() { String::new() } else { format!(" (in TestGroup {test})") };
                let time = format_prometheus_duration(*time);
                format!("an item under alert_rule_test misses required attribute alertname at eval_time {time}{group}")
            }
            Self::TooLong { evaluations, limit } => {
                format!("the test takes {evaluations} evaluations, wanted at most {limit}")
            }
            Self::Rule { rule, time, error } => {
                format!("    rule: {rule}, time: {}, err: {error}", format_go_duration(*time))
            }
            Self::Query { expr, time, error, .. } => {
                format!("    expr: {}, time: {}, err: {error}", quote(expr), format_prometheus_duration(*time))
            }
            Self::Samples { expr, time, expected, got, .. } => format!(
                "    expr: {}, time: {},\n        exp: {}\n        got: {}",
                quote(expr),
                format_prometheus_duration(*time),
                samples(expected),
                samples(got)
            ),
            Self::Alerts { alertname, time, expected, got, .. } => {
                let name = if test.is_empty() { String::new() } else { format!("    name: {test},\n") };
                format!(
                    "{name}    alertname: {alertname}, time: {}, \n        exp:{}, \n        got:{}",
                    format_prometheus_duration(*time),
                    alerts(expected),
                    alerts(got)
                )
            }
            Self::Notifications { expected, got, .. } => {
                let got = if got.is_empty() { "nil".to_owned() } else { got.join(", ") };
                format!("    notification:\n        exp: {expected}\n        got: {got}")
            }
        }
    }
}

/// `{a="b", c="d"}`
pub fn braces(pairs: &Pairs) -> String {
    let all: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={}", quote(value))).collect();
    format!("{{{}}}", all.join(", "))
}

fn alerts(alerts: &[ShownAlert]) -> String {
    if alerts.is_empty() {
        return "[]".to_owned();
    }
    let one = |(i, alert): (usize, &ShownAlert)| {
        let (labels, annotations) = (braces(&alert.labels), braces(&alert.annotations));
        format!("            {i}:\n              Labels:{labels}\n              Annotations:{annotations}")
    };
    let all: Vec<String> = alerts.iter().enumerate().map(one).collect();
    format!("[\n{}\n            ]", all.join(",\n"))
}

fn samples(samples: &[ShownSample]) -> String {
    let one = |s: &ShownSample| match &s.value {
        ShownValue::Float(v) => {
            format!("{} {}", s.labels, format_float(*v, FloatFormat::Exponent, None).replace('e', "E"))
        }
        ShownValue::Histogram(h) => format!("{} {h}", s.labels),
    };
    let all: Vec<String> = samples.iter().map(one).collect();
    if all.is_empty() { "nil".to_owned() } else { all.join(", ") }
}
