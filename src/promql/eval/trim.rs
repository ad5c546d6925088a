//! The trim operators `</` and `>/`: what a native histogram would be without the observations beyond a value.

use crate::model::{Bucket, FloatHistogram};

/// Observations of the bucket at or below the value.
fn below(b: &Bucket, value: f64, positive: bool, linear: bool) -> f64 {
    if value <= b.lower {
        return 0.0;
    }
    if value >= b.upper {
        return b.count;
    }
    let fraction = if linear {
        (value - b.lower) / (b.upper - b.lower)
    } else {
        let (lower, upper, at) = (b.lower.abs().log2(), b.upper.abs().log2(), value.abs().log2());
        if positive { (at - lower) / (upper - lower) } else { 1.0 - (at - upper) / (lower - upper) }
    };
    b.count * fraction
}

/// What is kept of a bucket that ends at infinity, and the value its removed observations are taken for.
fn of_infinite(b: &Bucket, value: f64, upper: bool) -> (f64, f64) {
    let finite_above = value >= 0.0 && b.upper > value && b.upper.is_finite();
    if b.lower == f64::NEG_INFINITY {
        return match upper {
            true if value >= b.upper => (b.count, 0.0),
            // A finite positive end: the bucket is taken to begin at zero.
            true if finite_above => (b.count * value / b.upper, (value + b.upper) / 2.0),
            false if value <= b.lower => (b.count, 0.0),
            false if finite_above => (b.count * (1.0 - value / b.upper), value / 2.0),
            _ => (0.0, b.upper),
        };
    }
    if upper || value > b.lower { (0.0, b.lower) } else { (b.count, 0.0) }
}

/// What is kept of a bucket, and the value its removed observations are taken for.
fn of_bucket(b: &Bucket, value: f64, upper: bool, positive: bool, custom: bool) -> (f64, f64) {
    if b.lower == f64::NEG_INFINITY || b.upper == f64::INFINITY {
        return of_infinite(b, value, upper);
    }
    let under = below(b, value, positive, custom);
    let middle = |product: f64| {
        if custom {
            (b.lower + b.upper) / 2.0
        } else if positive {
            product.sqrt()
        } else {
            -product.sqrt()
        }
    };
    if upper {
        (under, middle(b.lower.abs() * value.abs()))
    } else {
        (b.count - under, middle(value.abs() * b.upper.abs()))
    }
}

/// The histogram without what lies above (`upper`) or below the value.
pub(crate) fn trim(h: &FloatHistogram, value: f64, upper: bool) -> FloatHistogram {
    let mut out = h.clone();
    let custom = h.uses_custom_buckets();
    let (mut count, mut removed) = (0.0, 0.0);
    let (mut any_positive, mut any_negative) = (false, false);
    out.update_buckets(|b, positive| {
        if b.count == 0.0 {
            return 0.0;
        }
        if custom {
            any_positive |= b.upper > 0.0;
            any_negative |= b.upper <= 0.0 || b.lower < 0.0;
        } else if positive {
            any_positive = true;
        } else {
            any_negative = true;
        }
        let (kept, middle) = of_bucket(&b, value, upper, positive, custom);
        let (whole, cut) =
            if upper { (b.upper <= value, b.lower < value) } else { (b.lower >= value, b.upper > value) };
        if whole {
            count += b.count;
            b.count
        } else if cut {
            removed += (b.count - kept) * middle;
            count += kept;
            kept
        } else {
            let middle = if custom { middle } else { (b.lower * b.upper).sqrt() };
            removed += b.count * middle;
            0.0
        }
    });
    if h.zero_count > 0.0 {
        let under = below(&h.zero_bucket(), value, true, true);
        out.zero_count = if upper { under } else { h.zero_count - under };
        count += out.zero_count;
    }
    let mut sum = if count == 0.0 { 0.0 } else { h.sum - removed };
    if (!any_negative && sum < 0.0) || (!any_positive && sum > 0.0) {
        sum = 0.0;
    }
    out.count = count;
    out.sum = sum;
    out.compact();
    out
}
