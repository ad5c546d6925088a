//! Kahan's summation with Neumaier's improvement.

use crate::promql::Dialect;

/// A sum that carries the rounding errors beside it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Kahan {
    pub sum: f64,
    pub compensation: f64,
}

impl Kahan {
    pub fn new(sum: f64) -> Self {
        Self { sum, compensation: 0.0 }
    }

    #[inline]
    pub fn add(&mut self, v: f64) {
        let t = self.sum + v;
        if t.is_infinite() {
            self.compensation = 0.0;
        } else if self.sum.abs() >= v.abs() {
            self.compensation += (self.sum - t) + v;
        } else {
            self.compensation += (v - t) + self.sum;
        }
        self.sum = t;
    }

    /// As 2.42 adds: an infinite sum makes the compensation NaN.
    #[inline]
    pub fn add_old(&mut self, v: f64) {
        let t = self.sum + v;
        if self.sum.abs() >= v.abs() {
            self.compensation += (self.sum - t) + v;
        } else {
            self.compensation += (v - t) + self.sum;
        }
        self.sum = t;
    }

    /// As the dialect adds.
    #[inline]
    pub fn add_as(&mut self, v: f64, dialect: Dialect) {
        if dialect == Dialect::V2_42 { self.add_old(v) } else { self.add(v) }
    }

    pub fn total(self) -> f64 {
        self.sum + self.compensation
    }
}

/// A mean that is a plain quotient until the sum would overflow, and incremental from there on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mean {
    sum: Kahan,
    mean: f64,
    count: f64,
    incremental: bool,
}

impl Mean {
    pub fn new(first: f64) -> Self {
        Self { sum: Kahan::new(first), mean: 0.0, count: 1.0, incremental: false }
    }

    #[inline]
    pub fn add(&mut self, v: f64) {
        self.count += 1.0;
        if !self.incremental {
            let mut next = self.sum;
            next.add(v);
            if !next.sum.is_infinite() {
                self.sum = next;
                return;
            }
            self.incremental = true;
            self.mean = self.sum.sum / (self.count - 1.0);
            self.sum.compensation /= self.count - 1.0;
        }
        let q = (self.count - 1.0) / self.count;
        let mut mean = Kahan { sum: q * self.mean, compensation: q * self.sum.compensation };
        mean.add(v / self.count);
        self.mean = mean.sum;
        self.sum.compensation = mean.compensation;
    }

    pub fn value(self) -> f64 {
        if self.incremental {
            self.mean + self.sum.compensation
        } else {
            self.sum.sum / self.count + self.sum.compensation / self.count
        }
    }
}

/// One step of 2.42's incremental mean; `None` when the mean is infinite and stays as it is.
#[inline]
pub(crate) fn old_mean_increment(mean: f64, v: f64, count: f64) -> Option<f64> {
    if mean.is_infinite() && !v.is_nan() && (v.is_finite() || (v > 0.0) == (mean > 0.0)) {
        return None;
    }
    Some(v / count - mean / count)
}
