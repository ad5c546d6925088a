//! Series of a test on their way into the store: read as promtool's `load` does, appended as time goes on.

use rustc_hash::FxHashMap;

use super::file::TestGroup;
use super::outcome::Failure;
use crate::golang::quote;
use crate::model::Labels;
use crate::promql::{Dialect, SequenceRun, parse_series_runs};
use crate::text::Span;
use crate::tsdb::{SampleValue, SeriesRef, Tsdb};

/// The series of a test and how far they are in the store.
#[derive(Debug)]
pub(super) struct Input {
    feeds: Vec<Feed>,
    start_ms: i64,
    step_ms: i64,
    /// How many values of each have had their time.
    fed: u64,
    /// Why the store takes no more samples, since it met the first of a series that it cannot hold.
    refused: Option<Failure>,
}

#[derive(Debug)]
struct Feed {
    labels: Labels,
    values: Values,
    series: Option<SeriesRef>,
    /// Why the store refuses samples of the series.
    unfit: Option<String>,
    span: Span,
}

/// The values of a series that are still to come.
#[derive(Debug)]
struct Values {
    runs: std::vec::IntoIter<SequenceRun>,
    /// The run that is under way.
    run: SequenceRun,
}

impl Values {
    fn new(runs: Vec<SequenceRun>) -> Self {
        Self { runs: runs.into_iter(), run: SequenceRun::Omitted(0) }
    }

    /// How many there are.
    fn count(&self) -> usize {
        let count = self.runs.as_slice().iter().fold(self.run.count(), |sum, run| sum.saturating_add(run.count()));
        usize::try_from(count).unwrap_or(usize::MAX)
    }

    /// The next one: nothing when there is none, and a value or that there is no sample at this step.
    fn next(&mut self) -> Option<Option<SampleValue>> {
        while matches!(self.run, SequenceRun::Omitted(0)) {
            self.run = self.runs.next()?;
        }
        let (value, is_last) = match &mut self.run {
            SequenceRun::Omitted(count) => {
                *count -= 1;
                return Some(None);
            }
            SequenceRun::Floats { first, step, more } => {
                let value = SampleValue::Float(*first);
                *first = SequenceRun::next_float(*first, *step);
                (value, take_one(more))
            }
            SequenceRun::Histograms { histogram, more, .. } => {
                (SampleValue::Histogram(histogram.clone()), take_one(more))
            }
        };
        if is_last {
            self.run = SequenceRun::Omitted(0);
        }
        Some(Some(value))
    }
}

/// Takes one of those that follow; whether there was none.
fn take_one(more: &mut u64) -> bool {
    let is_last = *more == 0;
    *more = more.saturating_sub(1);
    is_last
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
                let read = parse_series_runs(line, dialect)
                    .map_err(|e| Failure::Input { error: e.to_string(), span: input.span })?;
                let unfit = match &read.repeated {
                    Some(name) => Some(format!("label name {} is not unique: invalid sample", quote(name))),
                    None if read.labels.is_empty() => Some("empty labelset: invalid sample".to_owned()),
                    None => None,
                };
                let (labels, values) = (read.labels, Values::new(read.runs));
                let feed = Feed { labels: labels.clone(), values, series: None, unfit, span: input.span };
                // A series that is described twice has the later description.
                match places.get(&labels) {
                    Some(place) => feeds[*place] = feed,
                    None => {
                        places.insert(labels, feeds.len());
                        feeds.push(feed);
                    }
                }
            }
        }
        let step_ms = test.interval.millis();
        let start_ms = test.start_ns.div_euclid(1_000_000);
        Ok(Self { feeds, start_ms, step_ms, fed: 0, refused: None })
    }

    /// Puts the samples with times of at most `to` (ms) into the store that are not there yet. What the store does not
    /// take, because a rule wrote the same series, is left out. From the first sample on that no store could hold nothing
    /// is evaluated any more.
    ///
    /// # Errors
    /// Such a sample was met, now or earlier.
    pub(super) fn feed(&mut self, db: &mut Tsdb, to: i64) -> Result<(), &Failure> {
        let end = self.count_until(to);
        for feed in &mut self.feeds {
            for i in self.fed..end {
                let Some(next) = feed.values.next() else { break };
                let Some(value) = next else { continue };
                if let Some(error) = &feed.unfit {
                    self.refused = Some(Failure::Input { error: error.clone(), span: feed.span });
                    break;
                }
                let series = *feed.series.get_or_insert_with(|| {
                    let series = db.series_ref(&feed.labels);
                    db.reserve(series, feed.values.count() + 1);
                    series
                });
                let since = self.step_ms.saturating_mul(i64::try_from(i).unwrap_or(i64::MAX));
                let t = self.start_ms.saturating_add(since);
                let _ = match value {
                    SampleValue::Float(value) => db.append(series, t, value),
                    histogram => db.append_value(series, t, histogram),
                };
            }
        }
        self.fed = self.fed.max(end);
        self.refused.as_ref().map_or(Ok(()), Err)
    }

    /// How many values have a time of at most `t`.
    fn count_until(&self, t: i64) -> u64 {
        let since = t.saturating_sub(self.start_ms);
        if since < 0 {
            0
        } else if self.step_ms <= 0 {
            u64::MAX
        } else {
            u64::try_from(since / self.step_ms + 1).unwrap_or(u64::MAX)
        }
    }
}
