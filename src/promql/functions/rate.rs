//! `rate`, `increase`, `delta`, `irate`, `idelta` over numbers.
//!
//! Mirrors upstream's extrapolation; since 2.51 the "close to the edge" test comes before the clamp at zero.

use super::window::Window;
use crate::promql::Dialect;

/// Indices of numbers that are smaller than the one before: counter resets.
pub(crate) fn find_resets(values: &[f64], resets: &mut Vec<u32>) {
    resets.clear();
    for i in 1..values.len() {
        if values[i] < values[i - 1] {
            resets.push(i as u32);
        }
    }
}

/// `last - first`, and for counters what each reset lost.
///
/// `resets` are indices in the series' columns.
fn difference(w: &Window<'_>, resets: &[u32], counter: bool) -> f64 {
    let last = w.values.len() - 1;
    let mut result = w.values[last] - w.values[0];
    if counter && !resets.is_empty() {
        let from = resets.partition_point(|r| *r as usize <= w.first);
        for r in &resets[from..] {
            let i = *r as usize - w.first;
            if i > last {
                break;
            }
            result += w.values[i - 1];
        }
    }
    result
}

/// What the extrapolation multiplies the observed difference by.
pub(crate) struct Extrapolation {
    pub first_time: i64,
    pub last_time: i64,
    pub samples: usize,
    /// First value and total increase of a counter that only goes up: it can't have been below zero.
    pub zero: Option<(f64, f64)>,
    pub per_second: bool,
}

impl Extrapolation {
    pub fn factor(&self, w: &Window<'_>, dialect: Dialect) -> f64 {
        let mut to_start = self.first_time.saturating_sub(w.start) as f64 / 1000.0;
        let mut to_end = w.end.saturating_sub(self.last_time) as f64 / 1000.0;
        let sampled = (self.last_time - self.first_time) as f64 / 1000.0;
        let average = sampled / (self.samples - 1) as f64;
        let threshold = average * 1.1;
        let clamp = |to_start: f64| match self.zero {
            Some((first, increase)) => to_start.min_go(sampled * (first / increase)),
            None => to_start,
        };
        if dialect == Dialect::V2_42 {
            to_start = clamp(to_start);
            let mut interval = sampled;
            interval += if to_start < threshold { to_start } else { average / 2.0 };
            interval += if to_end < threshold { to_end } else { average / 2.0 };
            return self.scale(interval / sampled, w);
        }
        if to_start >= threshold {
            to_start = average / 2.0;
        }
        to_start = clamp(to_start);
        if to_end >= threshold {
            to_end = average / 2.0;
        }
        self.scale((sampled + to_start + to_end) / sampled, w)
    }

    fn scale(&self, factor: f64, w: &Window<'_>) -> f64 {
        if self.per_second { factor / w.range_seconds() } else { factor }
    }
}

trait MinGo {
    fn min_go(self, other: Self) -> Self;
}

impl MinGo for f64 {
    /// The other when it is smaller; NaN never is.
    fn min_go(self, other: Self) -> Self {
        if other < self { other } else { self }
    }
}

/// `rate` (counter, per second), `increase` (counter), `delta`.
pub(crate) fn extrapolated(
    w: &Window<'_>,
    resets: &[u32],
    counter: bool,
    per_second: bool,
    dialect: Dialect,
) -> Option<f64> {
    let n = w.values.len();
    if n < 2 {
        return None;
    }
    let result = difference(w, resets, counter);
    let zero = (counter && result > 0.0 && w.values[0] >= 0.0).then_some((w.values[0], result));
    let extrapolation =
        Extrapolation { first_time: w.times[0], last_time: w.times[n - 1], samples: n, zero, per_second };
    Some(result * extrapolation.factor(w, dialect))
}

/// `rate` and `increase` step by step over one series. How far a window's samples are from its edges is mostly the same
/// at every step, and with it the factor of the extrapolation; it is worked out anew when that changes.
pub(crate) struct Extrapolator {
    per_second: bool,
    dialect: Dialect,
    /// From the left edge to the first sample, from the first to the last, from there to the right edge, and how many.
    shape: (i64, i64, i64, usize),
    /// The factor when nothing is known of the value.
    factor: f64,
    /// Time between the samples, and how far before the first one the factor reaches, in seconds.
    sampled: f64,
    reach: f64,
}

impl Extrapolator {
    pub fn new(per_second: bool, dialect: Dialect) -> Self {
        Self { per_second, dialect, shape: (0, 0, 0, 0), factor: f64::NAN, sampled: 0.0, reach: 0.0 }
    }

    /// The value of a window.
    #[inline]
    pub fn value(&mut self, w: &Window<'_>, resets: &[u32]) -> Option<f64> {
        let n = w.values.len();
        if n < 2 {
            return None;
        }
        let (first_time, last_time) = (w.times[0], w.times[n - 1]);
        let shape = (first_time.saturating_sub(w.start), last_time - first_time, w.end.saturating_sub(last_time), n);
        if shape != self.shape {
            self.reshape(w, shape);
        }
        let result = difference(w, resets, true);
        let first = w.values[0];
        if result > 0.0 && first >= 0.0 && !self.is_far_from_zero(first, result) {
            return extrapolated(w, resets, true, self.per_second, self.dialect);
        }
        Some(result * self.factor)
    }

    /// Whether the counter was surely above zero wherever the factor reaches: then its first value does not matter.
    /// Without a division, and on the safe side of rounding.
    #[inline]
    fn is_far_from_zero(&self, first: f64, increase: f64) -> bool {
        (1e-200..1e200).contains(&increase) && self.sampled * first >= self.reach * increase * (1.0 + 1e-9)
    }

    #[cold]
    fn reshape(&mut self, w: &Window<'_>, shape: (i64, i64, i64, usize)) {
        let (to_start, sampled, _, samples) = shape;
        let extrapolation = Extrapolation {
            first_time: w.times[0],
            last_time: w.times[samples - 1],
            samples,
            zero: None,
            per_second: self.per_second,
        };
        self.factor = extrapolation.factor(w, self.dialect);
        self.sampled = sampled as f64 / 1000.0;
        self.reach = to_start as f64 / 1000.0;
        self.shape = shape;
    }
}

/// `irate` (counter) and `idelta`: the last two samples.
pub(crate) fn instant(w: &Window<'_>, counter: bool) -> Option<f64> {
    let n = w.values.len();
    if n < 2 {
        return None;
    }
    let (previous, last) = (w.values[n - 2], w.values[n - 1]);
    let interval = w.times[n - 1] - w.times[n - 2];
    if interval == 0 {
        return None;
    }
    let value = if counter && last < previous { last } else { last - previous };
    Some(if counter { value / (interval as f64 / 1000.0) } else { value })
}
