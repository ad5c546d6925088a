//! The trim operators `</` and `>/`: what a native histogram would be without the observations beyond a value.
//!
//! Facts: the upstream scripts of 3.11. The sum of what is left is estimated from the middles of what is left of each
//! bucket, once anything was cut off.

use crate::model::{Bucket, FloatHistogram};

/// What is left of a bucket: observations, and the value they are taken for.
struct Left {
    count: f64,
    middle: f64,
    cut: bool,
}

/// The middle of a part of a bucket.
fn middle(lower: f64, upper: f64, linear: bool) -> f64 {
    if linear {
        f64::midpoint(lower, upper)
    } else if lower < 0.0 {
        -(lower * upper).sqrt()
    } else {
        (lower * upper).sqrt()
    }
}

/// The share of a finite bucket at or below the value.
fn share_below(b: &Bucket, value: f64, linear: bool) -> f64 {
    if value <= b.lower {
        return 0.0;
    }
    if value >= b.upper {
        return 1.0;
    }
    if linear {
        return (value - b.lower) / (b.upper - b.lower);
    }
    let (lower, upper, at) = (b.lower.abs().log2(), b.upper.abs().log2(), value.abs().log2());
    if b.lower >= 0.0 { (at - lower) / (upper - lower) } else { 1.0 - (at - upper) / (lower - upper) }
}

/// What trimming leaves of a bucket.
fn trim_bucket(b: &Bucket, value: f64, upper: bool, linear: bool) -> Left {
    let mut b = *b;
    let all = |middle: f64, cut: bool| Left { count: b.count, middle, cut };
    let none = Left { count: 0.0, middle: 0.0, cut: true };
    if b.lower == f64::NEG_INFINITY {
        if b.upper <= 0.0 {
            // Nothing is known of where below its end the observations lie: they lie where the cut is.
            return match upper {
                true if value >= b.upper => all(b.upper, false),
                true if value > b.lower => all(value, true),
                false if value <= b.lower => all(b.upper, false),
                _ => none,
            };
        }
        let beyond = if upper { value == f64::INFINITY } else { value == f64::NEG_INFINITY };
        if beyond {
            return all(0.0, false);
        }
        if b.upper == f64::INFINITY || value < 0.0 {
            return none;
        }
        b.lower = 0.0;
    }
    if b.upper == f64::INFINITY {
        return match upper {
            true if value == f64::INFINITY => all(b.lower, false),
            true => none,
            false if value <= b.lower => all(b.lower, false),
            false if value == f64::INFINITY => none,
            false => all(value, true),
        };
    }
    let share = share_below(&b, value, linear);
    let share = if upper { share } else { 1.0 - share };
    if share == 0.0 {
        return none;
    }
    let (from, to) = if upper { (b.lower, b.upper.min(value)) } else { (b.lower.max(value), b.upper) };
    Left { count: b.count * share, middle: middle(from, to, linear), cut: share < 1.0 }
}

/// The histogram without what lies above (`upper`) or below the value.
pub(crate) fn trim(h: &FloatHistogram, value: f64, upper: bool) -> FloatHistogram {
    let mut out = h.clone();
    let linear = h.uses_custom_buckets();
    let (mut count, mut sum, mut cut) = (0.0, 0.0, false);
    let mut take = |left: Left| {
        count += left.count;
        sum += left.count * left.middle;
        cut |= left.cut;
        left.count
    };
    out.update_buckets(|b, _| if b.count == 0.0 { 0.0 } else { take(trim_bucket(&b, value, upper, linear)) });
    if h.zero_count > 0.0 {
        let mut zero = h.zero_bucket();
        // With observations on one side only, the zero bucket has none on the other.
        if h.negative.is_empty() && !h.positive.is_empty() {
            zero.lower = 0.0;
        } else if h.positive.is_empty() && !h.negative.is_empty() {
            zero.upper = 0.0;
        }
        out.zero_count = take(trim_bucket(&zero, value, upper, true));
    }
    out.compact();
    if cut {
        out.count = count;
        out.sum = sum;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::CUSTOM_BUCKETS_SCHEMA;

    #[test]
    fn what_is_not_cut_keeps_its_sum() {
        let h = FloatHistogram {
            schema: CUSTOM_BUCKETS_SCHEMA,
            custom_values: [5.0, 10.0].into(),
            positive: vec![(0, 1.0), (1, 2.0)],
            count: 3.0,
            sum: 17.0,
            ..FloatHistogram::default()
        };
        assert_eq!(trim(&h, 10.0, true).sum, 17.0);
        let cut = trim(&h, 7.5, true);
        assert_eq!((cut.count, cut.sum), (2.0, 2.5 + 6.25));
    }
}
