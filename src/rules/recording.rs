//! A recording rule: the result of a query, stored under another name.
//!
//! Mirrors `RecordingRule.Eval`.

use rustc_hash::{FxHashMap, FxHashSet};

use super::spec::RuleSpec;
use super::written::WrittenSeries;
use crate::model::{Labels, METRIC_NAME};
use crate::promql::value::Sample;
use crate::tsdb::{SampleValue, SeriesRef, Tsdb};

/// A recording rule and what it remembers.
#[derive(Debug, Default)]
pub(super) struct RecordingRule {
    series: FxHashMap<Labels, SeriesRef>,
    written: WrittenSeries,
}

impl RecordingRule {
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
        let targets: Vec<SeriesRef> = result
            .iter()
            .map(|sample| {
                *self.series.entry(sample.labels.clone()).or_insert_with(|| {
                    let mut labels = sample.labels.builder();
                    labels.set(METRIC_NAME, spec.name.clone());
                    for (name, value) in &spec.labels {
                        labels.set(name.clone(), value.clone());
                    }
                    db.series_ref(&labels.build())
                })
            })
            .collect();
        if targets.len() > 1 && targets.iter().collect::<FxHashSet<_>>().len() < targets.len() {
            return Err("vector contains metrics with the same labelset after applying rule labels".to_owned());
        }
        if limit > 0 && targets.len() > limit {
            return Err(format!("exceeded limit of {limit} with {} series", targets.len()));
        }
        for (series, sample) in targets.into_iter().zip(result) {
            match sample.value {
                SampleValue::Float(v) => self.written.append(db, series, t, v),
                SampleValue::Histogram(h) => self.written.append_histogram(db, series, t, h),
            }
        }
        self.written.finish(db, t);
        Ok(())
    }
}
