//! Quantiles and fractions of classic histograms.

/// A bucket of a classic histogram: upper bound and cumulated count.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct ClassicBucket {
    pub bound: f64,
    pub count: f64,
}

/// Merges buckets with equal bounds; the list is sorted.
fn coalesce(buckets: &mut Vec<ClassicBucket>) {
    buckets.dedup_by(|b, kept| {
        let same = b.bound == kept.bound;
        if same {
            kept.count += b.count;
        }
        same
    });
}

/// Whether two counts differ by no more than rounding.
fn almost_equal(a: f64, b: f64) -> bool {
    let (sum, difference) = (a.abs() + b.abs(), (a - b).abs());
    if a == 0.0 || b == 0.0 || sum < f64::MIN_POSITIVE {
        return difference < 1e-12 * f64::MIN_POSITIVE;
    }
    difference / sum.min(f64::MAX) < 1e-12
}

/// Raises counts that fall below the one before; says whether any did by more than rounding.
fn ensure_monotonic(buckets: &mut [ClassicBucket], tolerant: bool) -> bool {
    let mut forced = false;
    let mut previous = buckets[0].count;
    for b in &mut buckets[1..] {
        if tolerant && b.count != previous && almost_equal(previous, b.count) {
            b.count = previous;
        } else if b.count < previous {
            b.count = previous;
            forced = true;
        } else {
            previous = b.count;
        }
    }
    forced
}

/// The quantile, and whether the counts had to be made monotonic. `buckets` are sorted by bound and not empty;
/// `tolerant` is how dialect 3 treats rounding.
pub(crate) fn quantile(q: f64, buckets: &mut Vec<ClassicBucket>, tolerant: bool) -> (f64, bool) {
    if q.is_nan() {
        return (f64::NAN, false);
    }
    if q < 0.0 {
        return (f64::NEG_INFINITY, false);
    }
    if q > 1.0 {
        return (f64::INFINITY, false);
    }
    if buckets.last().is_none_or(|b| b.bound != f64::INFINITY) {
        return (f64::NAN, false);
    }
    coalesce(buckets);
    let forced = ensure_monotonic(buckets, tolerant);
    let n = buckets.len();
    if n < 2 {
        return (f64::NAN, false);
    }
    let observations = buckets[n - 1].count;
    if observations == 0.0 {
        return (f64::NAN, false);
    }
    let mut rank = q * observations;
    let at = buckets[..n - 1].iter().position(|b| b.count >= rank).unwrap_or(n - 1);
    if at == n - 1 {
        return (buckets[n - 2].bound, forced);
    }
    let end = buckets[at].bound;
    if at == 0 && end <= 0.0 {
        return (end, forced);
    }
    let (mut start, mut count) = (0.0, buckets[at].count);
    if at > 0 {
        start = buckets[at - 1].bound;
        count -= buckets[at - 1].count;
        rank -= buckets[at - 1].count;
    }
    (start + (end - start) * (rank / count), forced)
}

/// The fraction of observations between two values. `buckets` are sorted by bound and not empty.
pub(crate) fn fraction(lower: f64, upper: f64, buckets: &mut Vec<ClassicBucket>) -> f64 {
    if buckets.last().is_none_or(|b| b.bound != f64::INFINITY) {
        return f64::NAN;
    }
    coalesce(buckets);
    let count = buckets[buckets.len() - 1].count;
    if count == 0.0 || lower.is_nan() || upper.is_nan() {
        return f64::NAN;
    }
    if lower >= upper {
        return 0.0;
    }
    let (mut rank, mut ranks) = (0.0, [None, None]);
    for (i, b) in buckets.iter().enumerate() {
        let start = match i {
            0 if b.bound > 0.0 => 0.0,
            0 => f64::NEG_INFINITY,
            _ => buckets[i - 1].bound,
        };
        for (found, at) in ranks.iter_mut().zip([lower, upper]) {
            if found.is_some() {
                continue;
            }
            if start >= at {
                *found = Some(rank);
            } else if b.bound > at {
                let part = if start == f64::NEG_INFINITY {
                    // Nothing is known of where in the bucket they lie.
                    1.0
                } else if b.bound == f64::INFINITY {
                    0.0
                } else {
                    (at - start) / (b.bound - start)
                };
                *found = Some(rank + (b.count - rank) * part);
            }
        }
        rank = b.count;
    }
    let [low, high] = ranks.map(|r| r.unwrap_or(count).min(count));
    (high - low) / count
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buckets(list: &[(f64, f64)]) -> Vec<ClassicBucket> {
        list.iter().map(|(bound, count)| ClassicBucket { bound: *bound, count: *count }).collect()
    }

    #[test]
    fn interpolates_from_zero_and_stops_at_the_second_highest_bound() {
        let data = [(0.1, 2.0), (1.0, 6.0), (f64::INFINITY, 8.0)];
        assert_eq!(quantile(0.125, &mut buckets(&data), true).0, 0.05);
        assert_eq!(quantile(0.99, &mut buckets(&data), true).0, 1.0);
        assert!(quantile(0.5, &mut buckets(&data[..2]), true).0.is_nan());
    }

    #[test]
    fn falling_counts_are_raised_and_told() {
        let mut data = buckets(&[(1.0, 5.0), (2.0, 4.0), (f64::INFINITY, 10.0)]);
        assert!(quantile(0.5, &mut data, true).1);
        assert_eq!(data[1].count, 5.0);
    }
}
