//! Series of a test on their way into the store: read as promtool's `load` does, appended as time goes on.

use rustc_hash::FxHashMap;

use super::file::TestGroup;
use super::outcome::Failure;
use crate::model::Labels;
use crate::promql::{Dialect, SequenceValue, parse_series_description};
use crate::tsdb::{SampleValue, SeriesRef, Tsdb};

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
    values: Values,
    series: Option<SeriesRef>,
}

/// The values of a series, mostly plain numbers.
#[derive(Debug)]
enum Values {
    /// Numbers, and [`OMITTED`] for none.
    Floats(Vec<f64>),
    Mixed(Vec<SequenceValue>),
}

/// Stands for no sample; a not-a-number that no text gives.
const OMITTED: f64 = f64::from_bits(0x7ff8_0000_0000_0abc);

impl Values {
    fn new(values: Vec<SequenceValue>) -> Self {
        if values.iter().any(|v| matches!(v, SequenceValue::Histogram { .. })) {
            return Self::Mixed(values);
        }
        Self::Floats(values.iter().map(|v| v.float().unwrap_or(OMITTED)).collect())
    }

    fn len(&self) -> usize {
        match self {
            Self::Floats(values) => values.len(),
            Self::Mixed(values) => values.len(),
        }
    }

    fn get(&self, index: usize) -> Option<SampleValue> {
        match self {
            Self::Floats(values) => {
                let value = *values.get(index)?;
                (value.to_bits() != OMITTED.to_bits()).then_some(SampleValue::Float(value))
            }
            Self::Mixed(values) => match values.get(index)? {
                SequenceValue::Omitted => None,
                SequenceValue::Float(v) => Some(SampleValue::Float(*v)),
                SequenceValue::Histogram { histogram, .. } => Some(SampleValue::Histogram(histogram.clone())),
            },
        }
    }
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
                let feed = Feed { labels: read.labels.clone(), values: Values::new(read.values), series: None };
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
                let Some(value) = feed.values.get(i) else { continue };
                let series = *feed.series.get_or_insert_with(|| {
                    let series = db.series_ref(&feed.labels);
                    db.reserve(series, feed.values.len() - i);
                    series
                });
                let _ = match value {
                    SampleValue::Float(value) => db.append(series, t, value),
                    histogram => db.append_value(series, t, histogram),
                };
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
