//! `rate`, `increase`, `delta`, `irate`, `idelta` over numbers.
//!
//! Mirrors upstream's extrapolation; since 2.51 the "close to the edge" test comes before the clamp at zero.

use super::window::Window;
use crate::promql::Dialect;

/// Indices of numbers that are smaller than the one before: counter resets.
pub(crate) fn find_resets(values: &[f64], resets: &mut Vec<u32>) {
    resets.clear();
    // Mostly there is none, and to see that alone is quicker.
    let falls = values
        .iter()
        .zip(values.get(1..).unwrap_or_default())
        .fold(false, |any, (before, after)| any | (after < before));
    if !falls {
        return;
    }
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

/// How the samples of a window lie in it, in ms: from its left edge to the first, from there to the last, from there to
/// its right edge, and how many they are.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Spacing {
    to_start: i64,
    sampled: i64,
    to_end: i64,
    samples: usize,
}

impl Spacing {
    /// Of the samples at `times`, at least one.
    #[inline]
    pub fn of(w: &Window<'_>, times: &[i64]) -> Self {
        let (first, last) = (times[0], times[times.len() - 1]);
        Self {
            to_start: first.saturating_sub(w.start),
            sampled: last - first,
            to_end: w.end.saturating_sub(last),
            samples: times.len(),
        }
    }
}

/// What the extrapolation multiplies the observed difference by.
pub(crate) struct Extrapolation {
    pub spacing: Spacing,
    /// First value and total increase of a counter that only goes up: it can't have been below zero.
    pub zero: Option<(f64, f64)>,
    /// The range in seconds, where the result is per second.
    pub per_second_of: Option<f64>,
}

impl Extrapolation {
    pub fn factor(&self, dialect: Dialect) -> f64 {
        let mut to_start = self.spacing.to_start as f64 / 1000.0;
        let mut to_end = self.spacing.to_end as f64 / 1000.0;
        let sampled = self.spacing.sampled as f64 / 1000.0;
        let average = sampled / (self.spacing.samples - 1) as f64;
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
            return self.scale(interval / sampled);
        }
        if to_start >= threshold {
            to_start = average / 2.0;
        }
        to_start = clamp(to_start);
        if to_end >= threshold {
            to_end = average / 2.0;
        }
        self.scale((sampled + to_start + to_end) / sampled)
    }

    fn scale(&self, factor: f64) -> f64 {
        self.per_second_of.map_or(factor, |seconds| factor / seconds)
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
    let per_second_of = per_second.then(|| w.range_seconds());
    let extrapolation = Extrapolation { spacing: Spacing::of(w, w.times), zero, per_second_of };
    Some(result * extrapolation.factor(dialect))
}

/// `rate` and `increase` over many windows of the same range. How far a window's samples are from its edges is mostly the
/// same at every step and in every series, and with it the factor of the extrapolation; it is worked out anew when that
/// changes.
pub(crate) struct Extrapolator {
    dialect: Dialect,
    /// Of the window before, its value's part left out.
    extrapolation: Extrapolation,
    factor: f64,
    /// Time between the samples, and how far before the first one the factor reaches, in seconds.
    sampled: f64,
    reach: f64,
}

impl Extrapolator {
    /// With the range in seconds, where the result is per second.
    pub fn new(per_second_of: Option<f64>, dialect: Dialect) -> Self {
        let extrapolation = Extrapolation { spacing: Spacing::default(), zero: None, per_second_of };
        Self { dialect, extrapolation, factor: f64::NAN, sampled: 0.0, reach: 0.0 }
    }

    /// The value of a window; `resets` as [`find_resets`] gives them.
    #[inline]
    pub fn value(&mut self, w: &Window<'_>, resets: &[u32]) -> Option<f64> {
        let n = w.values.len();
        if n < 2 {
            return None;
        }
        let spacing = Spacing::of(w, w.times);
        if spacing != self.extrapolation.spacing {
            self.respace(spacing);
        }
        let (first, last) = (w.values[0], w.values[n - 1]);
        let mut result = last - first;
        if !resets.is_empty() {
            result = difference(w, resets, true);
        }
        if result > 0.0 && first >= 0.0 && !self.is_far_from_zero(first, result) {
            return Some(result * self.factor_near_zero(first, result));
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
    fn factor_near_zero(&self, first: f64, increase: f64) -> f64 {
        Extrapolation { zero: Some((first, increase)), ..self.extrapolation }.factor(self.dialect)
    }

    #[cold]
    fn respace(&mut self, spacing: Spacing) {
        self.extrapolation.spacing = spacing;
        self.factor = self.extrapolation.factor(self.dialect);
        self.sampled = spacing.sampled as f64 / 1000.0;
        self.reach = spacing.to_start as f64 / 1000.0;
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
