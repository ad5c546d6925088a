//! A recording rule: the result of a query, stored under another name.
//!
//! Mirrors `RecordingRule.Eval`.

use rustc_hash::{FxHashMap, FxHashSet};

use super::spec::RuleSpec;
use super::written::WrittenSeries;
use crate::model::{Labels, METRIC_NAME};
use crate::promql::value::Sample;
use crate::tsdb::{AppendError, SampleValue, SeriesRef, Tsdb};

/// A recording rule and what it remembers.
#[derive(Clone, Debug, Default)]
pub(super) struct RecordingRule {
    series: FxHashMap<Labels, SeriesRef>,
    /// The elements of the last result and where they went: mostly the next one has the same.
    last: Vec<(Labels, SeriesRef)>,
    written: WrittenSeries,
}

impl RecordingRule {
    /// Why the store refused a sample of the last evaluation.
    pub(super) fn take_refused(&mut self) -> Option<AppendError> {
        self.written.take_refused()
    }

    /// Stores a result at `t` (ms).
    ///
    /// # Errors
    /// Two elements get the same labels, or there are more than `limit`.
    pub(super) fn store(
        &mut self,
        spec: &RuleSpec,
        limit: usize,
        result: Vec<Sample>,
        db: &mut Tsdb,
        t: i64,
    ) -> Result<(), String> {
        let known = self.last.len() == result.len() && self.last.iter().zip(&result).all(|((l, _), r)| *l == r.labels);
        if !known {
            self.find_targets(spec, &result, db);
            let distinct: FxHashSet<SeriesRef> = self.last.iter().map(|(_, series)| *series).collect();
            if distinct.len() < result.len() {
                self.last.clear();
                return Err("vector contains metrics with the same labelset after applying rule labels".to_owned());
            }
        }
        if limit > 0 && result.len() > limit {
            return Err(format!("exceeded limit of {limit} with {} series", result.len()));
        }
        for ((_, series), sample) in self.last.iter().zip(result) {
            match sample.value {
                SampleValue::Float(v) => self.written.append(db, *series, t, v),
                SampleValue::Histogram(h) => self.written.append_histogram(db, *series, t, h),
            }
        }
        self.written.finish(db, t);
        Ok(())
    }

    fn find_targets(&mut self, spec: &RuleSpec, result: &[Sample], db: &mut Tsdb) {
        let series = &mut self.series;
        self.last.clear();
        self.last.extend(result.iter().map(|sample| {
            let target = *series.entry(sample.labels.clone()).or_insert_with(|| {
                let mut labels = sample.labels.builder();
                labels.set(METRIC_NAME, spec.name.clone());
                for (name, value) in &spec.labels {
                    labels.set(name.clone(), value.clone());
                }
                db.series_ref(&labels.build())
            });
            (sample.labels.clone(), target)
        }));
    }
}
