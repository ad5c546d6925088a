//! What a query gives: values, annotations, errors.

use std::sync::Arc;

use crate::model::{FloatHistogram, Labels};
use crate::text::Span;
pub use crate::tsdb::SampleValue;

/// The value of a query.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A number at the evaluation's time.
    Scalar {
        /// Unix time in milliseconds.
        t: i64,
        /// The number.
        value: f64,
    },
    /// A text at the evaluation's time.
    String {
        /// Unix time in milliseconds.
        t: i64,
        /// The text.
        value: Arc<str>,
    },
    /// An instant vector, in the engine's order.
    Vector(Vec<Sample>),
    /// A range vector or the answer of a range query, the latter sorted by labels.
    Matrix(Vec<RangeSeries>),
}

/// An element of an instant vector.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The labels.
    pub labels: Labels,
    /// Unix time in milliseconds.
    pub t: i64,
    /// The value.
    pub value: SampleValue,
}

impl Sample {
    /// The number, for a histogram its sum.
    pub fn float(&self) -> f64 {
        match &self.value {
            SampleValue::Float(v) => *v,
            SampleValue::Histogram(h) => h.sum,
        }
    }
}

/// A series of a matrix: Unix times in milliseconds with numbers, and with native histograms.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RangeSeries {
    /// The labels.
    pub labels: Labels,
    /// Numbers in order of time.
    pub floats: Vec<(i64, f64)>,
    /// Native histograms in order of time.
    pub histograms: Vec<(i64, Arc<FloatHistogram>)>,
}

/// A value and what the engine has to say of it.
#[derive(Clone, Debug, PartialEq)]
pub struct QueryAnswer {
    /// The value.
    pub value: Value,
    /// Warnings and infos (dialect 3), without repetitions.
    pub annotations: Annotations,
}

/// How serious an annotation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The answer is probably not what was wanted.
    Warning,
    /// The answer may not be what was wanted.
    Info,
}

/// Warnings and infos of a query.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Annotations {
    entries: Vec<Annotation>,
}

/// A warning or an info.
#[derive(Clone, Debug, PartialEq)]
pub struct Annotation {
    /// How serious.
    pub severity: Severity,
    /// The text, without `PromQL warning: ` and position.
    pub message: String,
    /// Where in the query.
    pub span: Option<Span>,
}

impl Annotations {
    /// Adds an annotation unless it is there already.
    pub fn add(&mut self, severity: Severity, message: String, span: Option<Span>) {
        if !self.entries.iter().any(|a| a.severity == severity && a.message == message && a.span == span) {
            self.entries.push(Annotation { severity, message, span });
        }
    }

    /// Adds all of another's.
    pub fn merge(&mut self, other: Self) {
        for a in other.entries {
            self.add(a.severity, a.message, a.span);
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// All of them in order of appearance.
    pub fn iter(&self) -> std::slice::Iter<'_, Annotation> {
        self.entries.iter()
    }

    /// The warnings as the API sends them, with positions in `query`.
    pub fn warnings(&self, query: &str) -> Vec<String> {
        self.texts(Severity::Warning, query)
    }

    /// The infos as the API sends them, with positions in `query`.
    pub fn infos(&self, query: &str) -> Vec<String> {
        self.texts(Severity::Info, query)
    }

    fn texts(&self, severity: Severity, query: &str) -> Vec<String> {
        let kind = match severity {
            Severity::Warning => "warning",
            Severity::Info => "info",
        };
        let of_kind = self.entries.iter().filter(|a| a.severity == severity);
        of_kind
            .map(|a| {
                let place = a.span.map(|s| format!(" ({})", position(query, s.start as usize))).unwrap_or_default();
                format!("PromQL {kind}: {}{place}", a.message)
            })
            .collect()
    }
}

/// `line:column`, both from 1, columns in bytes, as Prometheus counts them.
fn position(query: &str, at: usize) -> String {
    let before = query.get(..at).unwrap_or(query);
    let line = before.matches('\n').count() + 1;
    let column = at - before.rfind('\n').map_or(0, |i| i + 1) + 1;
    format!("{line}:{column}")
}

/// What kind of error the API says it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// `execution`
    Execution,
    /// `timeout`
    Timeout,
    /// `bad_data`
    BadData,
}

impl ErrorKind {
    /// The API's `errorType`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Execution => "execution",
            Self::Timeout => "timeout",
            Self::BadData => "bad_data",
        }
    }
}

/// Why a query has no value, in Prometheus' words.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct EvalError {
    /// The kind.
    pub kind: ErrorKind,
    /// The text.
    pub message: String,
}

impl EvalError {
    /// An error at run time.
    pub fn execution(message: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Execution, message: message.into() }
    }

    /// The query cannot be run as asked.
    pub fn bad_data(message: impl Into<String>) -> Self {
        Self { kind: ErrorKind::BadData, message: message.into() }
    }

    /// The query used up its time or its budget of steps.
    pub fn timeout(message: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Timeout, message: message.into() }
    }
}
