//! What a release makes of native histograms where releases of dialect 3 differ.
//!
//! Facts: the acceptance scripts of 3.5 and 3.11 side by side, and the release notes between them.

use crate::model::{Combined, CounterResetHint, FloatHistogram, HistogramSum};
use crate::promql::signature::Release;

/// Why two histograms do not go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Incompatible {
    /// One has exponential buckets, the other custom ones.
    Schemas,
    /// Both have custom buckets, and a release before 3.8 wants the same bounds.
    Bounds,
}

/// How a release treats native histograms.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HistogramRules {
    /// Custom bounds that differ are brought to those that both have (3.8).
    reconciles_bounds: bool,
    /// A rate is not extrapolated to before its count was zero (3.6).
    pub stops_at_zero: bool,
    /// It is told when hints of resets contradict each other (3.7).
    pub tells_collisions: bool,
}

impl HistogramRules {
    /// Those of a release.
    pub fn of(release: Release) -> Self {
        Self {
            reconciles_bounds: release >= (3, 8),
            stops_at_zero: release >= (3, 6),
            tells_collisions: release >= (3, 7),
        }
    }

    fn bounds_clash(self, a: &FloatHistogram, b: &FloatHistogram) -> bool {
        !self.reconciles_bounds
            && a.uses_custom_buckets()
            && b.uses_custom_buckets()
            && a.custom_values != b.custom_values
    }

    /// Adds `other` to `h`.
    pub fn add(self, h: &mut FloatHistogram, other: &FloatHistogram) -> Result<Combined, Incompatible> {
        if self.bounds_clash(h, other) {
            return Err(Incompatible::Bounds);
        }
        h.add(other).map_err(|_| Incompatible::Schemas)
    }

    /// Subtracts `other` from `h`.
    pub fn subtract(self, h: &mut FloatHistogram, other: &FloatHistogram) -> Result<Combined, Incompatible> {
        if self.bounds_clash(h, other) {
            return Err(Incompatible::Bounds);
        }
        h.subtract(other).map_err(|_| Incompatible::Schemas)
    }

    /// Adds `other` to a sum that began with `first`.
    pub fn add_to_sum(
        self,
        sum: &mut HistogramSum,
        first: &FloatHistogram,
        other: &FloatHistogram,
    ) -> Result<Combined, Incompatible> {
        if self.bounds_clash(first, other) {
            return Err(Incompatible::Bounds);
        }
        sum.add(other).map_err(|_| Incompatible::Schemas)
    }

    /// Whether `h` follows a counter reset after `previous`.
    pub fn is_reset(self, h: &FloatHistogram, previous: &FloatHistogram) -> bool {
        let hinted = matches!(h.hint, CounterResetHint::CounterReset | CounterResetHint::NotCounterReset);
        (!hinted && self.bounds_clash(h, previous)) || h.detect_reset(previous)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::CUSTOM_BUCKETS_SCHEMA;

    #[test]
    fn differing_custom_bounds_go_together_since_3_8() {
        let custom = |bounds: &[f64]| FloatHistogram {
            schema: CUSTOM_BUCKETS_SCHEMA,
            custom_values: bounds.into(),
            positive: vec![(0, 1.0)],
            count: 1.0,
            ..FloatHistogram::default()
        };
        let (a, b) = (custom(&[5.0, 10.0]), custom(&[5.0]));
        let (old, new) = (HistogramRules::of((3, 7)), HistogramRules::of((3, 8)));
        assert_eq!(old.add(&mut a.clone(), &b), Err(Incompatible::Bounds));
        assert!(new.add(&mut a.clone(), &b).is_ok_and(|c| c.bounds_reconciled));
        assert!(old.is_reset(&a, &b) && !new.is_reset(&a, &b));
    }
}
