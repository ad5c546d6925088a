//! Samples of one series in columns, and the window of them that a function sees at a step.

use std::sync::Arc;

use crate::model::{FloatHistogram, Labels};

/// Samples of one series: numbers and native histograms, each with their times.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Columns<'a> {
    pub times: &'a [i64],
    pub values: &'a [f64],
    pub histogram_times: &'a [i64],
    pub histograms: &'a [Arc<FloatHistogram>],
}

/// Room for columns that had to be copied.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    pub times: Vec<i64>,
    pub values: Vec<f64>,
    pub histogram_times: Vec<i64>,
    pub histograms: Vec<Arc<FloatHistogram>>,
}

impl Scratch {
    pub fn clear(&mut self) {
        self.times.clear();
        self.values.clear();
        self.histogram_times.clear();
        self.histograms.clear();
    }

    pub fn columns(&self) -> Columns<'_> {
        Columns {
            times: &self.times,
            values: &self.values,
            histogram_times: &self.histogram_times,
            histograms: &self.histograms,
        }
    }
}

/// What a function over a range sees at a step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window<'a> {
    /// Times of the numbers.
    pub times: &'a [i64],
    /// The numbers.
    pub values: &'a [f64],
    /// Times of the histograms.
    pub histogram_times: &'a [i64],
    /// The histograms.
    pub histograms: &'a [Arc<FloatHistogram>],
    /// Index of the first number in the series' columns.
    pub first: usize,
    /// The range's left edge (Unix ms), before `anchored` or `smoothed` widened it.
    pub start: i64,
    /// The range's right edge.
    pub end: i64,
    /// The range in ms.
    pub range: i64,
    /// The evaluation's time.
    pub now: i64,
    /// The series' labels.
    pub labels: &'a Labels,
}

impl Window<'_> {
    /// How many samples it holds, a histogram counted by its size.
    pub fn size(&self) -> usize {
        self.times.len() + self.histograms.iter().map(|h| h.sample_size()).sum::<usize>()
    }

    /// The range in seconds.
    pub fn range_seconds(&self) -> f64 {
        range_seconds(self.range)
    }
}

/// A range of ms in seconds, as Go's `Duration.Seconds` gives it.
pub(crate) fn range_seconds(ms: i64) -> f64 {
    (ms / 1000) as f64 + ((ms % 1000) * 1_000_000) as f64 / 1e9
}
