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

/// The recorded samples of one series.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordedSeries {
    /// The labels, its name among them.
    pub labels: Labels,
    /// Unix times in milliseconds and values, in the file's order.
    pub samples: Vec<(i64, f64)>,
}

/// Reads all samples in the file's order. Those of a series share its labels.
///
/// # Errors
/// The file is no OpenMetrics, a sample has no timestamp, or a label is there twice.
pub fn read_samples(body: &[u8]) -> Result<Vec<Sample>, PageError> {
    let mut samples = Vec::new();
    for_each(&Page::new(body), |_, labels, timestamp, value| {
        samples.push(Sample { labels: labels.clone(), timestamp, value });
    })?;
    Ok(samples)
}

/// Reads all samples, series in order of their first.
///
/// # Errors
/// As [`read_samples`].
pub fn read_series(body: &[u8]) -> Result<Vec<RecordedSeries>, PageError> {
    let mut all: Vec<RecordedSeries> = Vec::new();
    for_each(&Page::new(body), |place, labels, timestamp, value| {
        if place == all.len() {
            all.push(RecordedSeries { labels: labels.clone(), samples: Vec::new() });
        }
        all[place].samples.push((timestamp, value));
    })?;
    Ok(all)
}

/// Calls `take` with each sample: the number of its series in order of their first samples, labels, time and value.
fn for_each(page: &Page<'_>, mut take: impl FnMut(usize, &Labels, i64, f64)) -> Result<(), PageError> {
    // A series may be written in several ways.
    let mut by_text: FxHashMap<&str, usize> = FxHashMap::default();
    let mut by_labels: FxHashMap<Labels, usize> = FxHashMap::default();
    let mut known: Vec<Labels> = Vec::new();
    let mut last = ("", usize::MAX);
    for entry in page.entries(Format::OpenMetrics, Dialect::V3) {
        let Entry::Series(series) = entry? else { continue };
        let refuse = |message: String| Err(PageError::at(page.text(), series.offset, message));
        let Some(timestamp) = series.timestamp else {
            return refuse("expected timestamp for series got none".to_owned());
        };
        // Files mostly hold one series after the other.
        if series.raw != last.0 {
            let place = match by_text.get(series.raw) {
                Some(place) => *place,
                None => {
                    if let Some(label) = series.duplicate_label() {
                        return refuse(format!("label name {} is not unique: invalid sample", quote(&label)));
                    }
                    let labels = series.to_labels();
                    let place = *by_labels.entry(labels.clone()).or_insert(known.len());
                    if place == known.len() {
                        known.push(labels);
                    }
                    by_text.insert(series.raw, place);
                    place
                }
            };
            last = (series.raw, place);
        }
        let Some(labels) = known.get(last.1) else { continue };
        take(last.1, labels, timestamp, series.value);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_are_seconds_and_must_be_there() {
        let read = read_series(b"# TYPE a gauge\na{x=\"1\"} 2 1.5\na{x=\"1\"} 3 2\n# EOF\n").unwrap();
        let got: Vec<_> = read.iter().map(|s| (s.labels.to_string(), s.samples.clone())).collect();
        assert_eq!(got, [(r#"{__name__="a", x="1"}"#.to_owned(), vec![(1500, 2.0), (2000, 3.0)])]);
        let missing = read_series(b"# HELP a b\na 1\n# EOF\n").unwrap_err();
        assert_eq!((missing.to_string().as_str(), missing.line), ("expected timestamp for series got none", 2));
    }

    #[test]
    fn a_series_written_in_two_ways_is_one() {
        let body = b"a{x=\"1\",y=\"2\"} 1 1\nb 5 1\na{y=\"2\",x=\"1\"} 2 2\na{x=\"1\",y=\"2\"} 3 3\n# EOF\n";
        let read = read_series(body).unwrap();
        let got: Vec<_> = read.iter().map(|s| (s.labels.metric_name(), s.samples.clone())).collect();
        assert_eq!(got, [("a", vec![(1000, 1.0), (2000, 2.0), (3000, 3.0)]), ("b", vec![(1000, 5.0)])]);
        let names: Vec<_> =
            read_samples(body).unwrap().iter().map(|s| (s.labels.metric_name().to_owned(), s.value)).collect();
        assert_eq!(names, [("a", 1.0), ("b", 5.0), ("a", 2.0), ("a", 3.0)].map(|(n, v)| (n.to_owned(), v)));
    }

    #[test]
    fn a_label_may_not_be_there_twice() {
        let error = read_series(b"a{x=\"1\",x=\"2\"} 1 1\n# EOF\n").unwrap_err();
        assert_eq!(error.to_string(), "label name \"x\" is not unique: invalid sample");
    }
}
