//! `*_over_time`, `changes`, `resets` over numbers.

use super::kahan::{Kahan, Mean, old_mean_increment};
use super::quantile::quantile;
use super::window::Window;
use crate::promql::Dialect;

pub(crate) fn sum(values: &[f64]) -> f64 {
    let mut sum = Kahan::default();
    for v in values {
        sum.add(*v);
    }
    if sum.sum.is_infinite() { sum.sum } else { sum.total() }
}

pub(crate) fn avg(values: &[f64], dialect: Dialect) -> f64 {
    if dialect == Dialect::V2_42 {
        let (mut mean, mut count) = (Kahan::default(), 0.0);
        for v in values {
            count += 1.0;
            if let Some(increment) = old_mean_increment(mean.sum, *v, count) {
                mean.add_old(increment);
            }
        }
        return if mean.sum.is_infinite() { mean.sum } else { mean.total() };
    }
    let mut mean = Mean::new(values[0]);
    for v in &values[1..] {
        mean.add(*v);
    }
    mean.value()
}

/// The extreme value and its index; `better` says whether a value beats the best so far, which loses when it is NaN.
#[inline]
pub(crate) fn extreme(values: &[f64], better: impl Fn(f64, f64) -> bool) -> (f64, usize) {
    let mut best = (values[0], 0);
    for (i, v) in values.iter().enumerate() {
        if better(*v, best.0) || best.0.is_nan() {
            best = (*v, i);
        }
    }
    best
}

/// The extreme of windows that slide forwards over one series: while the best so far is in the window, only what is new
/// has to be looked at.
pub(crate) struct Sliding {
    best: f64,
    /// Its place in the series, and how far the series was looked at.
    at: usize,
    seen: usize,
}

impl Default for Sliding {
    fn default() -> Self {
        Self { best: f64::NAN, at: 0, seen: 0 }
    }
}

impl Sliding {
    /// As [`extreme`] of the window, which holds a number.
    #[inline]
    pub fn extreme(&mut self, w: &Window<'_>, better: impl Fn(f64, f64) -> bool) -> f64 {
        let end = w.first + w.values.len();
        if self.best.is_nan() || self.at < w.first || end < self.seen {
            let (best, at) = extreme(w.values, better);
            *self = Self { best, at: w.first + at, seen: end };
            return best;
        }
        for i in self.seen..end {
            let v = w.values[i - w.first];
            if better(v, self.best) {
                (self.best, self.at) = (v, i);
            }
        }
        self.seen = end;
        self.best
    }
}

pub(crate) fn variance(values: &[f64], dialect: Dialect) -> f64 {
    let (mut mean, mut squares, mut count) = (Kahan::default(), Kahan::default(), 0.0);
    for v in values {
        count += 1.0;
        let delta = v - mean.total();
        mean.add_as(delta / count, dialect);
        squares.add_as(delta * (v - mean.total()), dialect);
    }
    squares.total() / count
}

pub(crate) fn quantile_over_time(q: f64, values: &[f64], buffer: &mut Vec<f64>) -> f64 {
    buffer.clear();
    buffer.extend_from_slice(values);
    quantile(q, buffer)
}

/// The median of the distances from the median.
pub(crate) fn median_absolute_deviation(values: &[f64], buffer: &mut Vec<f64>) -> f64 {
    let median = quantile_over_time(0.5, values, buffer);
    buffer.clear();
    buffer.extend(values.iter().map(|v| (v - median).abs()));
    quantile(0.5, buffer)
}

pub(crate) fn changes(values: &[f64]) -> f64 {
    values.windows(2).filter(|w| w[0] != w[1] && !(w[0].is_nan() && w[1].is_nan())).count() as f64
}

pub(crate) fn resets(values: &[f64]) -> f64 {
    values.windows(2).filter(|w| w[1] < w[0]).count() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Labels;

    #[test]
    fn a_sliding_extreme_is_that_of_each_window() {
        let nan = f64::NAN;
        let values = [3.0, nan, 5.0, -0.0, 0.0, nan, nan, nan, 2.0, 2.0, 9.0, 1.0, 9.0, 0.5, nan, 0.25];
        let times: Vec<i64> = (0..values.len() as i64).collect();
        let labels = Labels::empty();
        for width in 1..6 {
            for stride in 1..4 {
                let (mut most, mut least) = (Sliding::default(), Sliding::default());
                for first in (0..=values.len() - width).step_by(stride) {
                    let range = first..first + width;
                    let w = Window {
                        times: &times[range.clone()],
                        values: &values[range],
                        histogram_times: &[],
                        histograms: &[],
                        first,
                        start: 0,
                        end: 0,
                        range: 0,
                        now: 0,
                        labels: &labels,
                    };
                    let (max, min) = (extreme(w.values, |a, b| a > b).0, extreme(w.values, |a, b| a < b).0);
                    assert_eq!(most.extreme(&w, |a, b| a > b).to_bits(), max.to_bits(), "{width} {first}");
                    assert_eq!(least.extreme(&w, |a, b| a < b).to_bits(), min.to_bits(), "{width} {first}");
                }
            }
        }
    }
}
