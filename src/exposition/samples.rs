//! Recorded samples as OpenMetrics with timestamps, as `promtool tsdb create-blocks-from openmetrics` reads them.

use rustc_hash::FxHashMap;

use super::entry::{Entry, PageError};
use super::negotiate::Format;
use super::page::Page;
use crate::golang::quote;
use crate::model::{Dialect, Labels};

/// One recorded sample.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The series, its name among the labels.
    pub labels: Labels,
    /// Unix time in milliseconds.
    pub timestamp: i64,
    /// The value.
    pub value: f64,
}

/// Reads all samples in the file's order. Series that are written the same way share their labels.
///
/// # Errors
/// The file is no OpenMetrics, a sample has no timestamp, or a label is there twice.
pub fn read_samples(body: &[u8]) -> Result<Vec<Sample>, PageError> {
    let page = Page::new(body);
    let mut known: FxHashMap<&str, Labels> = FxHashMap::default();
    let mut samples = Vec::new();
    for entry in page.entries(Format::OpenMetrics, Dialect::V3) {
        let Entry::Series(series) = entry? else { continue };
        let refuse = |message: String| Err(PageError::at(page.text(), series.offset, message));
        let Some(timestamp) = series.timestamp else {
            return refuse("expected timestamp for series got none".to_owned());
        };
        let labels = match known.get(series.raw) {
            Some(labels) => labels.clone(),
            None => {
                if let Some(label) = series.duplicate_label() {
                    return refuse(format!("label name {} is not unique: invalid sample", quote(&label)));
                }
                let labels = series.to_labels();
                known.insert(series.raw, labels.clone());
                labels
            }
        };
        samples.push(Sample { labels, timestamp, value: series.value });
    }
    Ok(samples)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_are_seconds_and_must_be_there() {
        let samples = read_samples(b"# TYPE a gauge\na{x=\"1\"} 2 1.5\na{x=\"1\"} 3 2\n# EOF\n").unwrap();
        let got: Vec<_> = samples.iter().map(|s| (s.labels.to_string(), s.timestamp, s.value)).collect();
        let labels = r#"{__name__="a", x="1"}"#.to_owned();
        assert_eq!(got, [(labels.clone(), 1500, 2.0), (labels, 2000, 3.0)]);
        let missing = read_samples(b"# HELP a b\na 1\n# EOF\n").unwrap_err();
        assert_eq!((missing.to_string().as_str(), missing.line), ("expected timestamp for series got none", 2));
    }

    #[test]
    fn a_label_may_not_be_there_twice() {
        let error = read_samples(b"a{x=\"1\",x=\"2\"} 1 1\n# EOF\n").unwrap_err();
        assert_eq!(error.to_string(), "label name \"x\" is not unique: invalid sample");
    }
}
