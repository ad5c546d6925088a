//! The store: series by labels, appends, selection.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustc_hash::FxHashMap;

use super::postings::Postings;
use super::series::{SampleValue, Series};
use crate::model::{FloatHistogram, Labels, Matcher};

/// A series of one store: its number in order of creation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SeriesRef(pub u32);

/// Why a sample is not taken, in Prometheus' words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// Older than the newest sample of its series.
    #[error("out of order sample")]
    OutOfOrder,
    /// As old as the newest sample of its series and not the same value, bit for bit.
    #[error("duplicate sample for timestamp")]
    Duplicate,
}

/// Series in memory.
#[derive(Debug)]
pub struct Tsdb {
    series: Vec<Series>,
    by_labels: FxHashMap<Labels, SeriesRef>,
    postings: Postings,
    identity: u64,
}

/// Tells stores apart for the caches of prepared queries; never visible in results.
static NEXT_IDENTITY: AtomicU64 = AtomicU64::new(1);

impl Default for Tsdb {
    fn default() -> Self {
        Self::new()
    }
}

impl Clone for Tsdb {
    fn clone(&self) -> Self {
        Self {
            series: self.series.clone(),
            by_labels: self.by_labels.clone(),
            postings: self.postings.clone(),
            identity: NEXT_IDENTITY.fetch_add(1, Ordering::Relaxed),
        }
    }
}

impl Tsdb {
    /// An empty store.
    pub fn new() -> Self {
        Self {
            series: Vec::new(),
            by_labels: FxHashMap::default(),
            postings: Postings::default(),
            identity: NEXT_IDENTITY.fetch_add(1, Ordering::Relaxed),
        }
    }

    /// The series with these labels, created when it is new.
    pub fn series_ref(&mut self, labels: &Labels) -> SeriesRef {
        if let Some(r) = self.by_labels.get(labels) {
            return *r;
        }
        let number = u32::try_from(self.series.len()).expect("budgets bound a store far below 2^32 series");
        self.postings.add(number, labels);
        self.series.push(Series::new(labels.clone()));
        self.by_labels.insert(labels.clone(), SeriesRef(number));
        SeriesRef(number)
    }

    /// Makes room for `samples` more samples of a series that are about to come.
    pub fn reserve(&mut self, series: SeriesRef, samples: usize) {
        self.series[series.0 as usize].reserve(samples);
    }

    /// The series with these labels, if it was ever created.
    pub fn find(&self, labels: &Labels) -> Option<SeriesRef> {
        self.by_labels.get(labels).copied()
    }

    /// Appends a number at a Unix time in milliseconds.
    ///
    /// # Errors
    /// The sample is out of order, or another value is there already. The same value again is no error.
    pub fn append(&mut self, series: SeriesRef, t: i64, value: f64) -> Result<(), AppendError> {
        if self.series[series.0 as usize].push_number(t, value) {
            return Ok(());
        }
        self.append_value(series, t, SampleValue::Float(value))
    }

    /// Appends a native histogram at a Unix time in milliseconds.
    ///
    /// # Errors
    /// As [`Self::append`].
    pub fn append_histogram(&mut self, series: SeriesRef, t: i64, h: Arc<FloatHistogram>) -> Result<(), AppendError> {
        self.append_value(series, t, SampleValue::Histogram(h))
    }

    /// Appends a sample at a Unix time in milliseconds.
    ///
    /// # Errors
    /// As [`Self::append`].
    pub fn append_value(&mut self, series: SeriesRef, t: i64, value: SampleValue) -> Result<(), AppendError> {
        let s = &mut self.series[series.0 as usize];
        match s.newest() {
            Some(newest) if t < newest => Err(AppendError::OutOfOrder),
            Some(newest) if t == newest => {
                if s.last_is(t, &value) {
                    Ok(())
                } else {
                    Err(AppendError::Duplicate)
                }
            }
            _ => {
                s.push(t, value);
                Ok(())
            }
        }
    }

    /// A series by its number.
    pub fn series(&self, r: SeriesRef) -> &Series {
        &self.series[r.0 as usize]
    }

    /// All series in order of creation.
    pub fn iter(&self) -> impl Iterator<Item = (SeriesRef, &Series)> {
        self.series.iter().enumerate().map(|(i, s)| (SeriesRef(i as u32), s))
    }

    /// The series created after the first `count`, in order of creation.
    pub fn iter_from(&self, count: usize) -> impl Iterator<Item = (SeriesRef, &Series)> {
        let new = self.series.get(count..).unwrap_or_default();
        new.iter().enumerate().map(move |(i, s)| (SeriesRef((count + i) as u32), s))
    }

    /// How many series were created.
    pub fn len(&self) -> usize {
        self.series.len()
    }

    /// Whether no series was created.
    pub fn is_empty(&self) -> bool {
        self.series.is_empty()
    }

    /// Which store this is and how many series it has: selections stay valid while this stays equal.
    pub fn stamp(&self) -> (u64, usize) {
        (self.identity, self.series.len())
    }

    /// The series that satisfy every matcher, in order of creation.
    pub fn select(&self, matchers: &[Matcher]) -> Vec<SeriesRef> {
        let (candidates, answered) = match self.postings.candidates(matchers) {
            Some((list, i)) => (list, Some(i)),
            None => ((0..self.series.len() as u32).collect(), None),
        };
        let rest: Vec<&Matcher> =
            matchers.iter().enumerate().filter(|(i, _)| Some(*i) != answered).map(|(_, m)| m).collect();
        candidates
            .into_iter()
            .filter(|n| {
                let labels = self.series[*n as usize].labels();
                rest.iter().all(|m| m.matches(labels))
            })
            .map(SeriesRef)
            .collect()
    }

    /// All label names, sorted.
    pub fn label_names(&self) -> Vec<Arc<str>> {
        let mut names: Vec<Arc<str>> = self.postings.names().cloned().collect();
        names.sort_unstable();
        names
    }

    /// All values of a label, sorted.
    pub fn label_values(&self, name: &str) -> Vec<Arc<str>> {
        let mut values: Vec<Arc<str>> = self.postings.values(name).cloned().collect();
        values.sort_unstable();
        values
    }

    /// The oldest and newest sample times, if any.
    pub fn time_range(&self) -> Option<(i64, i64)> {
        let oldest = self.series.iter().filter_map(|s| s.timestamps().first()).min()?;
        let newest = self.series.iter().filter_map(|s| s.timestamps().last()).max()?;
        Some((*oldest, *newest))
    }

    /// How many samples are held.
    pub fn sample_count(&self) -> usize {
        self.series.iter().map(Series::len).sum()
    }

    /// Bounds memory: forgets samples older than `t`, and with them series whose newest sample is older (the numbers
    /// of all series may change then, and [`Self::stamp`] with them; the answer says whether they did).
    pub fn drop_before(&mut self, t: i64) -> bool {
        for s in &mut self.series {
            s.drop_before(t);
        }
        if !self.series.iter().any(|s| s.is_empty() && s.newest().is_some()) {
            return false;
        }
        let kept = std::mem::take(&mut self.series);
        self.by_labels.clear();
        self.postings = Postings::default();
        self.identity = NEXT_IDENTITY.fetch_add(1, Ordering::Relaxed);
        for s in kept.into_iter().filter(|s| !s.is_empty() || s.newest().is_none()) {
            let number = self.series.len() as u32;
            self.postings.add(number, s.labels());
            self.by_labels.insert(s.labels().clone(), SeriesRef(number));
            self.series.push(s);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::MatchOp;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        Labels::from_pairs(pairs.iter().copied())
    }

    fn matcher(op: MatchOp, name: &str, value: &str) -> Matcher {
        Matcher::new(op, name, value, true).expect("a pattern of the test")
    }

    #[test]
    fn appends_follow_the_rules_of_the_head() {
        let mut db = Tsdb::new();
        let r = db.series_ref(&labels(&[("__name__", "a")]));
        assert_eq!(db.append(r, 10, 1.0), Ok(()));
        assert_eq!(db.append(r, 10, 1.0), Ok(()));
        assert_eq!(db.append(r, 10, 2.0), Err(AppendError::Duplicate));
        assert_eq!(db.append(r, 9, 1.0), Err(AppendError::OutOfOrder));
        assert_eq!(db.series(r).len(), 1);
    }

    #[test]
    fn an_absent_label_matches_as_the_empty_value() {
        let mut db = Tsdb::new();
        let a = db.series_ref(&labels(&[("__name__", "a"), ("x", "1")]));
        let b = db.series_ref(&labels(&[("__name__", "a")]));
        let name = matcher(MatchOp::Equal, "__name__", "a");
        assert_eq!(db.select(&[name.clone(), matcher(MatchOp::Equal, "x", "")]), [b]);
        assert_eq!(db.select(&[name.clone(), matcher(MatchOp::NotEqual, "x", "")]), [a]);
        assert_eq!(db.select(&[name.clone(), matcher(MatchOp::Regexp, "x", "1?")]), [a, b]);
        assert_eq!(db.select(&[matcher(MatchOp::Regexp, "__name__", "a|c")]), [a, b]);
        assert_eq!(db.select(&[name, matcher(MatchOp::NotRegexp, "x", ".+")]), [b]);
    }

    #[test]
    fn dropping_old_samples_forgets_silent_series_and_changes_the_stamp() {
        let mut db = Tsdb::new();
        let old = db.series_ref(&labels(&[("__name__", "old")]));
        let new = db.series_ref(&labels(&[("__name__", "new")]));
        db.append(old, 1, 1.0).expect("in order");
        db.append(new, 1, 1.0).expect("in order");
        db.append(new, 100, 1.0).expect("in order");
        let stamp = db.stamp();
        assert!(db.drop_before(50));
        assert_ne!(db.stamp(), stamp);
        assert_eq!(db.find(&labels(&[("__name__", "old")])), None);
        let new = db.find(&labels(&[("__name__", "new")])).expect("still heard of");
        assert_eq!(db.series(new).timestamps(), [100]);
        assert_eq!(db.append(new, 60, 1.0), Err(AppendError::OutOfOrder));
    }
}
