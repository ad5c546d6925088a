//! Series of a test on their way into the store: read as promtool's `load` does, appended as time goes on.

use rustc_hash::FxHashMap;

use super::file::TestGroup;
use super::outcome::Failure;
use crate::model::Labels;
use crate::promql::{Dialect, SequenceValue, parse_series_description};
use crate::tsdb::{SeriesRef, Tsdb};

/// The series of a test and how far each is in the store.
#[derive(Debug)]
pub(super) struct Input {
    feeds: Vec<Feed>,
    start_ms: i64,
    step_ms: i64,
}

#[derive(Debug)]
struct Feed {
    labels: Labels,
    values: Vec<SequenceValue>,
    series: Option<SeriesRef>,
}

impl Input {
    /// Reads the series of a test. promtool writes them into one text and reads that line by line: a line break in a
    /// value begins another series, an empty line or a `#` ends them all.
    pub(super) fn read(test: &TestGroup, dialect: Dialect) -> Result<Self, Failure> {
        let mut feeds: Vec<Feed> = Vec::with_capacity(test.input_series.len());
        let mut places: FxHashMap<Labels, usize> = FxHashMap::default();
        'all: for input in &test.input_series {
            for line in format!("{} {}", input.series, input.values).split('\n').map(str::trim) {
                if line.is_empty() || line.starts_with('#') {
                    break 'all;
                }
                let read = parse_series_description(line, dialect)
                    .map_err(|e| Failure::Input { error: e.to_string(), span: input.span })?;
                let feed = Feed { labels: read.labels.clone(), values: read.values, series: None };
                // A series that is described twice has the later description.
                match places.get(&read.labels) {
                    Some(place) => feeds[*place] = feed,
                    None => {
                        places.insert(read.labels, feeds.len());
                        feeds.push(feed);
                    }
                }
            }
        }
        let step_ms = test.interval.millis();
        let start_ms = test.start_ns.div_euclid(1_000_000);
        Ok(Self { feeds, start_ms, step_ms })
    }

    /// Puts the samples with times from `from` (exclusive; nothing: from the beginning) to `to` into the store, both in
    /// ms. What the store does not take, because a rule wrote the same series, is left out.
    pub(super) fn feed(&mut self, db: &mut Tsdb, from: Option<i64>, to: i64) {
        let first = from.map_or(0, |t| self.count_until(t));
        let end = self.count_until(to);
        for feed in &mut self.feeds {
            let end = end.min(feed.values.len());
            for i in first..end {
                let t = self.start_ms.saturating_add(self.step_ms.saturating_mul(i as i64));
                match &feed.values[i] {
                    SequenceValue::Omitted => {}
                    SequenceValue::Float(v) => {
                        let series = *feed.series.get_or_insert_with(|| db.series_ref(&feed.labels));
                        let _ = db.append(series, t, *v);
                    }
                    SequenceValue::Histogram { histogram, .. } => {
                        let series = *feed.series.get_or_insert_with(|| db.series_ref(&feed.labels));
                        let _ = db.append_histogram(series, t, histogram.clone());
                    }
                }
            }
        }
    }

    /// How many values have a time of at most `t`.
    fn count_until(&self, t: i64) -> usize {
        let since = t.saturating_sub(self.start_ms);
        if since < 0 {
            0
        } else if self.step_ms <= 0 {
            usize::MAX
        } else {
            usize::try_from(since / self.step_ms + 1).unwrap_or(usize::MAX)
        }
    }
}
