//! `*_over_time`, `changes`, `resets` over numbers.

use super::kahan::{Kahan, Mean, old_mean_increment};
use super::quantile::quantile;
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
