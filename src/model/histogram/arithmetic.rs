//! Addition and subtraction, with the reconciling of resolutions, zero buckets and custom bounds.

use std::sync::Arc;

use super::{CounterResetHint, FloatHistogram};

/// Exponential and custom buckets do not go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot apply this operation on histograms with a mix of exponential and custom bucket schemas")]
pub struct IncompatibleSchemas;

/// What happened while two histograms were combined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Combined {
    /// One followed a counter reset, the other said it did not.
    pub reset_collision: bool,
    /// The custom bounds differed; only those that both have were kept.
    pub bounds_reconciled: bool,
}

/// Adds `count` to the bucket of an index in a sorted list.
pub(super) fn add_to(buckets: &mut Vec<(i32, f64)>, index: i32, count: f64) {
    match buckets.binary_search_by_key(&index, |b| b.0) {
        Ok(i) => buckets[i].1 += count,
        Err(i) => buckets.insert(i, (index, count)),
    }
}

/// Both lists in one, counts of equal indices combined.
fn merge(a: &[(i32, f64)], b: &[(i32, f64)], sign: f64) -> Vec<(i32, f64)> {
    let mut out = Vec::with_capacity(a.len().max(b.len()));
    let (mut i, mut j) = (0, 0);
    while i < a.len() || j < b.len() {
        if j == b.len() || (i < a.len() && a[i].0 < b[j].0) {
            out.push(a[i]);
            i += 1;
        } else if i == a.len() || b[j].0 < a[i].0 {
            out.push((b[j].0, sign * b[j].1));
            j += 1;
        } else {
            out.push((a[i].0, a[i].1 + sign * b[j].1));
            i += 1;
            j += 1;
        }
    }
    out
}

impl FloatHistogram {
    /// Lowers the resolution to a smaller schema.
    pub fn reduce_resolution(&mut self, schema: i32) {
        if schema >= self.schema || self.uses_custom_buckets() {
            return;
        }
        let shift = (self.schema - schema).min(31);
        for side in [&mut self.positive, &mut self.negative] {
            let mut reduced: Vec<(i32, f64)> = Vec::with_capacity(side.len());
            for (i, c) in side.iter() {
                let index = ((i - 1) >> shift) + 1;
                match reduced.last_mut() {
                    Some(last) if last.0 == index => last.1 += c,
                    _ => reduced.push((index, *c)),
                }
            }
            *side = reduced;
        }
        self.schema = schema;
    }

    /// What the zero bucket would hold with a larger threshold, which grows to the end of a populated bucket that it
    /// would cut.
    fn zero_for(&self, threshold: f64) -> (f64, f64) {
        let mut threshold = threshold;
        'again: loop {
            let mut count = self.zero_count;
            for (i, c) in &self.positive {
                let b = self.positive_bucket(*i, *c);
                if b.lower >= threshold {
                    break;
                }
                count += c;
                if b.upper > threshold {
                    if *c != 0.0 {
                        threshold = b.upper;
                    }
                    break;
                }
            }
            for (i, c) in &self.negative {
                let b = self.negative_bucket(*i, *c);
                if b.upper <= -threshold {
                    break;
                }
                count += c;
                if b.lower < -threshold {
                    if *c != 0.0 {
                        threshold = -b.lower;
                        continue 'again;
                    }
                    break;
                }
            }
            return (count, threshold);
        }
    }

    /// Moves all buckets inside the threshold into the zero bucket.
    pub(super) fn fold_into_zero(&mut self, threshold: f64) {
        if threshold <= self.zero_threshold || self.uses_custom_buckets() {
            return;
        }
        let inside = |h: &Self, i: i32| h.bound(i) <= threshold;
        let moved: f64 =
            self.positive.iter().chain(&self.negative).filter(|(i, _)| inside(self, *i)).map(|(_, c)| c).sum();
        let keep: Vec<bool> = self.positive.iter().map(|(i, _)| !inside(self, *i)).collect();
        let mut at = keep.iter();
        self.positive.retain(|_| *at.next().unwrap_or(&true));
        let keep: Vec<bool> = self.negative.iter().map(|(i, _)| !inside(self, *i)).collect();
        let mut at = keep.iter();
        self.negative.retain(|_| *at.next().unwrap_or(&true));
        self.zero_count += moved;
        self.zero_threshold = threshold;
    }

    /// The threshold at which both zero buckets can be compared.
    fn common_threshold(&self, other: &Self) -> f64 {
        let (mut a, mut b) = (self.zero_threshold, other.zero_threshold);
        // Each round moves one side to the end of a populated bucket, so it ends.
        while a != b {
            if a > b {
                b = other.zero_for(a).1;
            }
            if b > a {
                a = self.zero_for(b).1;
            }
        }
        a
    }

    /// Maps the buckets to bounds that are among its own.
    pub(super) fn coarsen_bounds(&mut self, bounds: &Arc<[f64]>) {
        let mut buckets: Vec<(i32, f64)> = Vec::new();
        for (i, c) in &self.positive {
            let upper = self.bound(*i);
            let index = bounds.partition_point(|b| *b < upper) as i32;
            add_to(&mut buckets, index, *c);
        }
        self.positive = buckets;
        self.custom_values = bounds.clone();
    }

    /// Brings two histograms to one layout; says whether custom bounds had to be reconciled.
    ///
    /// # Errors
    /// One has custom buckets and the other has not.
    pub(super) fn align(&mut self, other: &mut Self) -> Result<bool, IncompatibleSchemas> {
        if self.uses_custom_buckets() != other.uses_custom_buckets() {
            return Err(IncompatibleSchemas);
        }
        if self.uses_custom_buckets() {
            if self.custom_values == other.custom_values {
                return Ok(false);
            }
            let common: Arc<[f64]> =
                self.custom_values.iter().copied().filter(|b| other.custom_values.contains(b)).collect();
            self.coarsen_bounds(&common);
            other.coarsen_bounds(&common);
            return Ok(true);
        }
        if self.zero_threshold != other.zero_threshold {
            let threshold = self.common_threshold(other);
            self.fold_into_zero(threshold);
            other.fold_into_zero(threshold);
        }
        let schema = self.schema.min(other.schema);
        self.reduce_resolution(schema);
        other.reduce_resolution(schema);
        Ok(false)
    }

    /// The hint of a sum or difference, and whether the two contradict each other.
    pub(super) fn combine_hints(&mut self, other: CounterResetHint) -> bool {
        use CounterResetHint::{Gauge, Unknown};
        if self.hint == other || self.hint == Gauge {
            return false;
        }
        if other == Gauge {
            self.hint = Gauge;
            return false;
        }
        let collision = self.hint != Unknown && other != Unknown;
        self.hint = Unknown;
        collision
    }

    fn combine(&mut self, other: &Self, sign: f64) -> Result<Combined, IncompatibleSchemas> {
        let same_layout = self.schema == other.schema
            && self.zero_threshold == other.zero_threshold
            && self.custom_values == other.custom_values;
        let mut aligned;
        let mut bounds_reconciled = false;
        let other = if same_layout {
            other
        } else {
            aligned = other.clone();
            bounds_reconciled = self.align(&mut aligned)?;
            &aligned
        };
        let reset_collision = self.combine_hints(other.hint);
        self.zero_count += sign * other.zero_count;
        self.count += sign * other.count;
        self.sum += sign * other.sum;
        self.positive = merge(&self.positive, &other.positive, sign);
        self.negative = merge(&self.negative, &other.negative, sign);
        Ok(Combined { reset_collision, bounds_reconciled })
    }

    /// Adds another histogram.
    ///
    /// # Errors
    /// One has custom buckets and the other has not.
    pub fn add(&mut self, other: &Self) -> Result<Combined, IncompatibleSchemas> {
        self.combine(other, 1.0)
    }

    /// Subtracts another histogram.
    ///
    /// # Errors
    /// As [`Self::add`].
    pub fn subtract(&mut self, other: &Self) -> Result<Combined, IncompatibleSchemas> {
        self.combine(other, -1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(schema: i32, positive: &[(i32, f64)]) -> FloatHistogram {
        let count = positive.iter().map(|b| b.1).sum();
        FloatHistogram { schema, positive: positive.to_vec(), count, ..FloatHistogram::default() }
    }

    #[test]
    fn adding_lowers_the_resolution_to_the_coarser_one() {
        let mut a = histogram(1, &[(0, 1.0), (1, 2.0), (2, 3.0)]);
        a.add(&histogram(0, &[(1, 10.0)])).expect("both exponential");
        assert_eq!((a.schema, &a.positive[..]), (0, &[(0, 1.0), (1, 15.0)][..]));
    }

    #[test]
    fn the_wider_zero_bucket_swallows_what_lies_inside() {
        let mut a = histogram(0, &[(0, 1.0), (1, 2.0), (2, 3.0)]);
        a.zero_threshold = 0.001;
        let mut b = histogram(0, &[(3, 1.0)]);
        b.zero_threshold = 1.5;
        a.add(&b).expect("both exponential");
        // 1.5 would cut the bucket (1,2], so the threshold grows to 2.
        assert_eq!((a.zero_threshold, a.zero_count), (2.0, 3.0));
        assert_eq!(a.positive, [(2, 3.0), (3, 1.0)]);
    }

    #[test]
    fn differing_custom_bounds_keep_what_both_have() {
        let custom = |bounds: &[f64], buckets: &[(i32, f64)]| FloatHistogram {
            custom_values: bounds.into(),
            ..histogram(super::super::CUSTOM_BUCKETS_SCHEMA, buckets)
        };
        let mut a = custom(&[1.0, 2.0, 5.0], &[(0, 1.0), (1, 2.0), (3, 4.0)]);
        let combined = a.add(&custom(&[2.0, 5.0], &[(0, 1.0)])).expect("both custom");
        assert!(combined.bounds_reconciled);
        assert_eq!(&a.custom_values[..], [2.0, 5.0]);
        assert_eq!(a.positive, [(0, 4.0), (2, 4.0)]);
    }
}
