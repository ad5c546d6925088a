//! Bucket bounds, and buckets in order.

use super::FloatHistogram;

/// A bucket with its bounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket {
    /// Lower bound.
    pub lower: f64,
    /// Upper bound.
    pub upper: f64,
    /// Whether the lower bound belongs to it.
    pub lower_inclusive: bool,
    /// Whether the upper bound belongs to it.
    pub upper_inclusive: bool,
    /// Observations.
    pub count: f64,
}

/// The upper bound of an exponential bucket: 2^(index · 2^-schema).
fn exponential_bound(index: i32, schema: i32) -> f64 {
    if schema <= 0 {
        let exponent = f64::from(index) * f64::from(1u32 << (-schema).clamp(0, 31) as u32);
        if exponent == 1024.0 {
            // The bucket of the largest floats ends at the largest float.
            return f64::MAX;
        }
        return exponent.exp2();
    }
    let per_doubling = 1i32 << schema.min(30);
    let (whole, part) = (index.div_euclid(per_doubling), index.rem_euclid(per_doubling));
    if part == 0 && whole == 1024 {
        return f64::MAX;
    }
    (f64::from(part) / f64::from(per_doubling)).exp2() * f64::from(whole).exp2()
}

impl FloatHistogram {
    /// The upper bound of the bucket with an index.
    pub(super) fn bound(&self, index: i32) -> f64 {
        if !self.uses_custom_buckets() {
            return exponential_bound(index, self.schema);
        }
        match usize::try_from(index) {
            Ok(i) => self.custom_values.get(i).copied().unwrap_or(f64::INFINITY),
            Err(_) => f64::NEG_INFINITY,
        }
    }

    /// A bucket of the positive side (custom bounds: any bucket).
    pub(super) fn positive_bucket(&self, index: i32, count: f64) -> Bucket {
        let (lower, upper) = (self.bound(index - 1), self.bound(index));
        let lower_inclusive = if self.uses_custom_buckets() { index == 0 } else { lower < 0.0 };
        Bucket { lower, upper, lower_inclusive, upper_inclusive: true, count }
    }

    /// A bucket of the negative side.
    pub(super) fn negative_bucket(&self, index: i32, count: f64) -> Bucket {
        let (lower, upper) = (-self.bound(index), -self.bound(index - 1));
        Bucket { lower, upper, lower_inclusive: true, upper_inclusive: false, count }
    }

    /// The bucket around zero.
    pub fn zero_bucket(&self) -> Bucket {
        Bucket {
            lower: -self.zero_threshold,
            upper: self.zero_threshold,
            lower_inclusive: true,
            upper_inclusive: true,
            count: self.zero_count,
        }
    }

    /// All buckets from the lowest up, the zero bucket only when it is not empty.
    pub fn buckets(&self) -> Vec<Bucket> {
        let mut all: Vec<Bucket> = self.negative.iter().rev().map(|(i, c)| self.negative_bucket(*i, *c)).collect();
        if self.zero_count != 0.0 {
            all.push(self.zero_bucket());
        }
        all.extend(self.positive.iter().map(|(i, c)| self.positive_bucket(*i, *c)));
        all
    }

    /// Replaces each bucket's count by what the function makes of the bucket; the negative side is told apart.
    pub fn update_buckets(&mut self, mut f: impl FnMut(Bucket, bool) -> f64) {
        let mut positive = std::mem::take(&mut self.positive);
        for (i, c) in &mut positive {
            *c = f(self.positive_bucket(*i, *c), true);
        }
        self.positive = positive;
        let mut negative = std::mem::take(&mut self.negative);
        for (i, c) in &mut negative {
            *c = f(self.negative_bucket(*i, *c), false);
        }
        self.negative = negative;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_powers_of_the_schema() {
        assert_eq!(exponential_bound(0, 3), 1.0);
        assert_eq!(exponential_bound(1, 0), 2.0);
        assert_eq!(exponential_bound(-1, 0), 0.5);
        assert_eq!(exponential_bound(1, 1), std::f64::consts::SQRT_2);
        assert_eq!(exponential_bound(1, -1), 4.0);
        assert_eq!(exponential_bound(1024, 0), f64::MAX);
    }

    #[test]
    fn custom_bounds_begin_and_end_at_infinity() {
        let h = FloatHistogram {
            schema: super::super::CUSTOM_BUCKETS_SCHEMA,
            custom_values: [1.0, 5.0].into(),
            positive: vec![(0, 1.0), (2, 3.0)],
            count: 4.0,
            ..FloatHistogram::default()
        };
        let bounds: Vec<(f64, f64)> = h.buckets().iter().map(|b| (b.lower, b.upper)).collect();
        assert_eq!(bounds, [(f64::NEG_INFINITY, 1.0), (5.0, f64::INFINITY)]);
        assert_eq!(h.to_string(), "{count:4, sum:0, [-Inf,1]:1, (5,+Inf]:3}");
    }
}
