//! `deriv`, `predict_linear`, `double_exponential_smoothing` (once `holt_winters`).

use super::kahan::Kahan;
use crate::promql::Dialect;

/// Least squares: slope, and the value at `intercept_time` (Unix ms). A constant series is handled exactly.
pub(crate) fn linear_regression(times: &[i64], values: &[f64], intercept_time: i64, dialect: Dialect) -> (f64, f64) {
    let first = values[0];
    let (mut x_sum, mut y_sum, mut xy_sum, mut xx_sum) =
        (Kahan::default(), Kahan::default(), Kahan::default(), Kahan::default());
    let mut constant = true;
    for (i, (t, y)) in times.iter().zip(values).enumerate() {
        if constant && i > 0 && *y != first {
            constant = false;
        }
        let x = t.saturating_sub(intercept_time) as f64 / 1e3;
        x_sum.add_as(x, dialect);
        y_sum.add_as(*y, dialect);
        xy_sum.add_as(x * y, dialect);
        xx_sum.add_as(x * x, dialect);
    }
    if constant {
        return if first.is_infinite() { (f64::NAN, f64::NAN) } else { (0.0, first) };
    }
    let n = values.len() as f64;
    let (x, y, xy, xx) = (x_sum.total(), y_sum.total(), xy_sum.total(), xx_sum.total());
    let covariance = xy - x * y / n;
    let variance = xx - x * x / n;
    let slope = covariance / variance;
    (slope, y / n - slope * x / n)
}

/// Holt's double exponential smoothing, the last smoothed value; `None` below two samples.
pub(crate) fn double_exponential_smoothing(values: &[f64], smoothing: f64, trend: f64) -> Option<f64> {
    if values.len() < 2 {
        return None;
    }
    let (mut before, mut smoothed) = (0.0, values[0]);
    let mut b = values[1] - values[0];
    for (i, v) in values.iter().enumerate().skip(1) {
        let x = smoothing * v;
        if i > 1 {
            b = trend * (smoothed - before) + (1.0 - trend) * b;
        }
        let y = (1.0 - smoothing) * (smoothed + b);
        (before, smoothed) = (smoothed, x + y);
    }
    Some(smoothed)
}
