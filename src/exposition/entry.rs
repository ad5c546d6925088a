//! One entry of a page, and why a page is refused.

use std::borrow::Cow;

use super::labels::LabelPairs;
use crate::model::{Labels, METRIC_NAME};

/// An entry of a page.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry<'a> {
    /// A sample.
    Series(Series<'a>),
    /// `# TYPE`
    Type {
        /// The metric family.
        name: &'a str,
        /// Its type.
        kind: MetricType,
    },
    /// `# HELP`
    Help {
        /// The metric family.
        name: &'a str,
        /// The text, unescaped.
        text: Cow<'a, str>,
    },
    /// `# UNIT`, OpenMetrics only.
    Unit {
        /// The metric family.
        name: &'a str,
        /// The unit.
        unit: &'a str,
    },
    /// Any other comment of the text format, from its `#` on.
    Comment(&'a str),
}

/// A label's name and value.
pub type LabelPair<'a> = (Cow<'a, str>, Cow<'a, str>);

/// A sample of a page.
#[derive(Clone, Debug, PartialEq)]
pub struct Series<'a> {
    /// Name and labels as they stand on the page: two equal texts are the same series.
    pub raw: &'a str,
    /// The metric's name.
    pub name: Cow<'a, str>,
    /// Where the entry begins on the page, in bytes.
    pub offset: usize,
    /// What stands between the braces.
    pub(super) block: &'a str,
    /// The value; any NaN is the usual one.
    pub value: f64,
    /// The explicit timestamp in milliseconds.
    pub timestamp: Option<i64>,
    /// The exemplar, OpenMetrics only.
    pub exemplar: Option<Box<Exemplar<'a>>>,
}

/// An exemplar of a sample.
#[derive(Clone, Debug, PartialEq)]
pub struct Exemplar<'a> {
    pub(super) block: &'a str,
    /// The value.
    pub value: f64,
    /// The timestamp in milliseconds.
    pub timestamp: Option<i64>,
}

impl<'a> Series<'a> {
    /// The labels as written, without the name.
    pub fn labels(&self) -> LabelPairs<'a> {
        LabelPairs::new(self.block)
    }

    /// All labels but empty ones, the name among them.
    pub fn to_labels(&self) -> Labels {
        Labels::from_pairs(self.pairs().filter(|(_, value)| !value.is_empty()))
    }

    /// A label that has two values, which Prometheus refuses when it stores the sample. Empty ones do not count.
    pub fn duplicate_label(&self) -> Option<String> {
        duplicate(self.pairs().filter(|(_, value)| !value.is_empty()))
    }

    /// All labels as a scraper takes them: a name that is there with an empty value is gone, whatever else it has.
    ///
    /// # Errors
    /// The name of a label that has two values.
    pub fn scraped_labels(&self) -> Result<Vec<LabelPair<'a>>, String> {
        let mut pairs: Vec<_> = self.pairs().collect();
        if pairs.iter().any(|(_, value)| value.is_empty()) {
            let empty: Vec<_> = pairs.iter().filter(|(_, v)| v.is_empty()).map(|(n, _)| n.clone()).collect();
            pairs.retain(|(name, _)| !empty.contains(name));
        }
        match duplicate(pairs.iter().cloned()) {
            Some(label) => Err(label),
            None => Ok(pairs),
        }
    }

    fn pairs(&self) -> impl Iterator<Item = LabelPair<'a>> + '_ {
        std::iter::once((Cow::Borrowed(METRIC_NAME), self.name.clone())).chain(self.labels())
    }
}

fn duplicate<'a>(pairs: impl Iterator<Item = LabelPair<'a>>) -> Option<String> {
    let mut names: Vec<_> = pairs.map(|(name, _)| name).collect();
    names.sort_unstable();
    names.windows(2).find(|w| w[0] == w[1]).map(|w| w[0].clone().into_owned())
}

impl<'a> Exemplar<'a> {
    /// The exemplar's labels.
    pub fn labels(&self) -> LabelPairs<'a> {
        LabelPairs::new(self.block)
    }
}

/// The types of metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum MetricType {
    Counter,
    Gauge,
    Histogram,
    GaugeHistogram,
    Summary,
    Info,
    StateSet,
    /// `untyped` in the text format, `unknown` in OpenMetrics.
    #[default]
    Unknown,
}

impl MetricType {
    /// The type as the text format knows it.
    pub fn from_text(word: &str) -> Option<Self> {
        Some(match word {
            "counter" => Self::Counter,
            "gauge" => Self::Gauge,
            "histogram" => Self::Histogram,
            "summary" => Self::Summary,
            "untyped" => Self::Unknown,
            _ => return None,
        })
    }

    /// The type as OpenMetrics knows it.
    pub fn from_openmetrics(word: &str) -> Option<Self> {
        Some(match word {
            "gaugehistogram" => Self::GaugeHistogram,
            "info" => Self::Info,
            "stateset" => Self::StateSet,
            "unknown" => Self::Unknown,
            "untyped" => return None,
            word => return Self::from_text(word),
        })
    }

    /// The name in OpenMetrics and in the metadata API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::GaugeHistogram => "gaugehistogram",
            Self::Summary => "summary",
            Self::Info => "info",
            Self::StateSet => "stateset",
            Self::Unknown => "unknown",
        }
    }
}

/// Why a page is refused. Displays as Prometheus' `lastError` does.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct PageError {
    /// Prometheus' words.
    pub message: String,
    /// Line from 1.
    pub line: usize,
    /// Column from 1, in Unicode characters.
    pub column: usize,
}

impl PageError {
    pub(super) fn at(text: &str, offset: usize, message: String) -> Self {
        let before = &text.as_bytes()[..offset.min(text.len())];
        let line = before.iter().filter(|b| **b == b'\n').count() + 1;
        let start = before.iter().rposition(|b| *b == b'\n').map_or(0, |i| i + 1);
        let column = before[start..].iter().filter(|b| (**b & 0xC0) != 0x80).count() + 1;
        Self { message, line, column }
    }
}
