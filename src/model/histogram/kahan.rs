//! A sum of histograms that carries the rounding errors of every count beside it.

use super::FloatHistogram;
use super::arithmetic::{Combined, IncompatibleSchemas, add_to};

/// A sum of histograms with Kahan's compensation.
#[derive(Clone, Debug)]
pub struct HistogramSum {
    sum: FloatHistogram,
    compensation: FloatHistogram,
}

fn step(sum: &mut f64, compensation: &mut f64, v: f64) {
    let t = *sum + v;
    if t.is_infinite() {
        *compensation = 0.0;
    } else if sum.abs() >= v.abs() {
        *compensation += (*sum - t) + v;
    } else {
        *compensation += (v - t) + *sum;
    }
    *sum = t;
}

fn add_side(sum: &mut Vec<(i32, f64)>, compensation: &mut Vec<(i32, f64)>, other: &[(i32, f64)]) {
    for (index, count) in other {
        add_to(sum, *index, 0.0);
        add_to(compensation, *index, 0.0);
        let s = sum.binary_search_by_key(index, |b| b.0).expect("just put there");
        let c = compensation.binary_search_by_key(index, |b| b.0).expect("just put there");
        step(&mut sum[s].1, &mut compensation[c].1, *count);
    }
}

impl HistogramSum {
    /// A sum of one.
    pub fn new(first: &FloatHistogram) -> Self {
        let compensation = FloatHistogram {
            schema: first.schema,
            zero_threshold: first.zero_threshold,
            custom_values: first.custom_values.clone(),
            ..FloatHistogram::default()
        };
        Self { sum: first.clone(), compensation }
    }

    /// Adds a histogram.
    ///
    /// # Errors
    /// One has custom buckets and the other has not.
    pub fn add(&mut self, other: &FloatHistogram) -> Result<Combined, IncompatibleSchemas> {
        let mut other = other.clone();
        let bounds_reconciled = self.sum.align(&mut other)?;
        let reset_collision = self.sum.combine_hints(other.hint);
        if bounds_reconciled {
            self.compensation.coarsen_bounds(&self.sum.custom_values);
        }
        self.compensation.fold_into_zero(self.sum.zero_threshold);
        self.compensation.reduce_resolution(self.sum.schema);
        let (s, c) = (&mut self.sum, &mut self.compensation);
        step(&mut s.zero_count, &mut c.zero_count, other.zero_count);
        step(&mut s.count, &mut c.count, other.count);
        step(&mut s.sum, &mut c.sum, other.sum);
        add_side(&mut s.positive, &mut c.positive, &other.positive);
        add_side(&mut s.negative, &mut c.negative, &other.negative);
        Ok(Combined { reset_collision, bounds_reconciled })
    }

    /// Whether a count or the sum has become infinite.
    pub fn has_overflow(&self) -> bool {
        self.sum.has_overflow()
    }

    /// Multiplies the sum and what it carries.
    pub fn multiply(&mut self, factor: f64) {
        self.sum.map(|v| v * factor);
        self.compensation.map(|v| v * factor);
    }

    /// Divides the sum and what it carries.
    pub fn divide(&mut self, divisor: f64) {
        self.sum.map(|v| v / divisor);
        self.compensation.map(|v| v / divisor);
    }

    /// The sum with the rounding errors put back.
    pub fn total(mut self) -> FloatHistogram {
        let hint = self.sum.hint;
        self.sum.add(&self.compensation).expect("both have one layout");
        self.sum.hint = hint;
        self.sum
    }
}
