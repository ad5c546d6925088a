//! Whether a counter was reset between two histograms.

use std::sync::Arc;

use super::{CounterResetHint, FloatHistogram};

/// Whether any populated bucket of `before` has lost observations in `now`.
fn lost(now: &[(i32, f64)], before: &[(i32, f64)]) -> bool {
    before.iter().any(|(i, c)| {
        let current = now.binary_search_by_key(i, |b| b.0).map_or(0.0, |at| now[at].1);
        current < *c
    })
}

impl FloatHistogram {
    /// Whether this histogram follows a counter reset after `previous`.
    pub fn detect_reset(&self, previous: &Self) -> bool {
        match self.hint {
            CounterResetHint::CounterReset => return true,
            CounterResetHint::NotCounterReset => return false,
            CounterResetHint::Unknown | CounterResetHint::Gauge => {}
        }
        if self.count < previous.count || self.uses_custom_buckets() != previous.uses_custom_buckets() {
            return true;
        }
        let mut before = previous.clone();
        if self.uses_custom_buckets() {
            if self.custom_values == previous.custom_values {
                return lost(&self.positive, &previous.positive);
            }
            let common: Arc<[f64]> =
                self.custom_values.iter().copied().filter(|b| previous.custom_values.contains(b)).collect();
            let mut now = self.clone();
            now.coarsen_bounds(&common);
            before.coarsen_bounds(&common);
            return lost(&now.positive, &before.positive);
        }
        if self.schema > previous.schema || self.zero_threshold < previous.zero_threshold {
            return true;
        }
        let threshold = self.zero_threshold;
        if previous.cuts_a_bucket(threshold) {
            return true;
        }
        before.fold_into_zero(threshold);
        if self.zero_count < before.zero_count {
            return true;
        }
        before.reduce_resolution(self.schema);
        lost(&self.positive, &before.positive) || lost(&self.negative, &before.negative)
    }

    /// Whether a larger zero bucket would end inside a populated bucket.
    fn cuts_a_bucket(&self, threshold: f64) -> bool {
        threshold > self.zero_threshold
            && self
                .positive
                .iter()
                .chain(&self.negative)
                .any(|(i, c)| *c != 0.0 && self.bound(i - 1) < threshold && self.bound(*i) > threshold)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_that_lost_observations_is_a_reset() {
        let h = |b: &[(i32, f64)]| FloatHistogram {
            positive: b.to_vec(),
            count: b.iter().map(|x| x.1).sum(),
            ..FloatHistogram::default()
        };
        assert!(!h(&[(0, 2.0), (1, 1.0)]).detect_reset(&h(&[(0, 1.0)])));
        assert!(h(&[(0, 1.0), (1, 9.0)]).detect_reset(&h(&[(0, 2.0)])));
        assert!(h(&[(1, 9.0)]).detect_reset(&h(&[(0, 1.0)])));
        let hinted = FloatHistogram { hint: CounterResetHint::NotCounterReset, ..h(&[(1, 0.5)]) };
        assert!(!hinted.detect_reset(&h(&[(0, 1.0)])));
    }
}
