//! Quantiles and fractions of native histograms.

use crate::model::{Bucket, FloatHistogram};

/// What observations of NaN did to a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NanEffect {
    None,
    /// The quantile lies among them.
    Result,
    /// They pushed the quantile up.
    Skew,
    /// They are in no fraction.
    Excluded,
}

/// The quantile: linear in custom buckets and the zero bucket, exponential elsewhere.
pub(crate) fn quantile(q: f64, h: &FloatHistogram) -> (f64, NanEffect) {
    if q < 0.0 {
        return (f64::NEG_INFINITY, NanEffect::None);
    }
    if q > 1.0 {
        return (f64::INFINITY, NanEffect::None);
    }
    if h.count == 0.0 || q.is_nan() {
        return (f64::NAN, NanEffect::None);
    }
    let nan_sum = h.sum.is_nan();
    let forwards = nan_sum || q < 0.5;
    let mut rank = if forwards { q * h.count } else { (1.0 - q) * h.count };
    let mut buckets = h.buckets();
    buckets.retain(|b| b.count != 0.0);
    if !forwards {
        buckets.reverse();
    }
    let mut count = 0.0;
    let mut bucket = Bucket { lower: 0.0, upper: 0.0, lower_inclusive: false, upper_inclusive: false, count: 0.0 };
    for b in &buckets {
        count += b.count;
        bucket = *b;
        if count >= rank {
            break;
        }
    }
    let custom = h.uses_custom_buckets();
    if !custom && bucket.lower < 0.0 && bucket.upper > 0.0 {
        if h.negative.is_empty() && !h.positive.is_empty() {
            bucket.lower = 0.0;
        } else if h.positive.is_empty() && !h.negative.is_empty() {
            bucket.upper = 0.0;
        }
    } else if custom {
        if bucket.lower == f64::NEG_INFINITY {
            if bucket.upper <= 0.0 {
                return (bucket.upper, NanEffect::None);
            }
            bucket.lower = 0.0;
        } else if bucket.upper == f64::INFINITY {
            return (bucket.lower, NanEffect::None);
        }
    }
    count = count.min(h.count);
    if count < rank {
        return if nan_sum { (f64::NAN, NanEffect::Result) } else { (bucket.upper, NanEffect::None) };
    }
    rank = if forwards { rank - (count - bucket.count) } else { count - rank };
    let total: f64 = buckets.iter().map(|b| b.count).sum();
    let effect = if nan_sum && total < h.count { NanEffect::Skew } else { NanEffect::None };
    let fraction = rank / bucket.count;
    if custom || (bucket.lower <= 0.0 && bucket.upper >= 0.0) {
        return (bucket.lower + (bucket.upper - bucket.lower) * fraction, effect);
    }
    let (lower, upper) = (bucket.lower.abs().log2(), bucket.upper.abs().log2());
    let value = if bucket.lower > 0.0 {
        (lower + (upper - lower) * fraction).exp2()
    } else {
        -(upper + (lower - upper) * (1.0 - fraction)).exp2()
    };
    (value, effect)
}

/// The fraction of observations between two values.
pub(crate) fn fraction(lower: f64, upper: f64, h: &FloatHistogram) -> (f64, NanEffect) {
    if h.count == 0.0 || lower.is_nan() || upper.is_nan() {
        return (f64::NAN, NanEffect::None);
    }
    if lower >= upper {
        return (0.0, NanEffect::None);
    }
    let custom = h.uses_custom_buckets();
    let (mut rank, mut ranks) = (0.0, [None, None]);
    for mut b in h.buckets() {
        let zero = !custom && b.lower <= 0.0 && b.upper >= 0.0;
        if zero {
            if h.negative.is_empty() && !h.positive.is_empty() {
                b.lower = 0.0;
            } else if h.positive.is_empty() && !h.negative.is_empty() {
                b.upper = 0.0;
            }
        } else if custom && b.lower == f64::NEG_INFINITY && b.upper > 0.0 {
            b.lower = 0.0;
        }
        let linear = |v: f64| b.count * (v - b.lower) / (b.upper - b.lower);
        let exponential = |v: f64| {
            let (low, high, at) = (b.lower.abs().log2(), b.upper.abs().log2(), v.abs().log2());
            let part = if v > 0.0 { (at - low) / (high - low) } else { 1.0 - (at - high) / (low - high) };
            b.count * part
        };
        for (found, at) in ranks.iter_mut().zip([lower, upper]) {
            if found.is_some() {
                continue;
            }
            if b.lower >= at {
                *found = Some(rank);
            } else if b.upper > at {
                let part = if b.lower == f64::NEG_INFINITY {
                    // Nothing is known of where in the bucket they lie.
                    b.count
                } else if b.upper == f64::INFINITY {
                    0.0
                } else if custom || zero {
                    linear(at)
                } else {
                    exponential(at)
                };
                *found = Some(rank + part);
            }
        }
        rank += b.count;
    }
    let effect = if h.sum.is_nan() && rank < h.count { NanEffect::Excluded } else { NanEffect::None };
    let [low, high] = ranks.map(|r: Option<f64>| r.unwrap_or(rank).min(rank));
    ((high - low) / h.count, effect)
}
