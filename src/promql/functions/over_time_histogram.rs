//! `sum_over_time`, `avg_over_time`, `changes`, `resets` where native histograms are in the range.

use std::sync::Arc;

use super::histogram_rules::{HistogramRules, Incompatible};
use super::window::Window;
use crate::model::{CounterResetHint, FloatHistogram, HistogramSum};

/// Whether hints seen together contradict each other, and whether custom bounds were reconciled.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen {
    reset: bool,
    no_reset: bool,
    pub reconciled: bool,
}

impl Seen {
    pub fn hint(&mut self, h: &FloatHistogram) {
        self.reset |= h.hint == CounterResetHint::CounterReset;
        self.no_reset |= h.hint == CounterResetHint::NotCounterReset;
    }

    pub fn collision(self) -> bool {
        self.reset && self.no_reset
    }
}

/// The sum of histograms.
pub(crate) fn sum(
    histograms: &[Arc<FloatHistogram>],
    rules: HistogramRules,
    seen: &mut Seen,
) -> Result<FloatHistogram, Incompatible> {
    let mut sum = HistogramSum::new(&histograms[0]);
    seen.hint(&histograms[0]);
    for h in &histograms[1..] {
        seen.hint(h);
        seen.reconciled |= rules.add_to_sum(&mut sum, &histograms[0], h)?.bounds_reconciled;
    }
    Ok(sum.total())
}

/// The mean of histograms: a plain quotient until the sum would overflow, incremental from there on.
pub(crate) fn avg(
    histograms: &[Arc<FloatHistogram>],
    rules: HistogramRules,
    seen: &mut Seen,
) -> Result<FloatHistogram, Incompatible> {
    let mut sum = HistogramSum::new(&histograms[0]);
    seen.hint(&histograms[0]);
    let mut count = 1.0;
    let mut incremental = false;
    for h in &histograms[1..] {
        seen.hint(h);
        count += 1.0;
        if !incremental {
            let mut next = sum.clone();
            seen.reconciled |= rules.add_to_sum(&mut next, &histograms[0], h)?.bounds_reconciled;
            if !next.has_overflow() {
                sum = next;
                continue;
            }
            incremental = true;
            sum.divide(count - 1.0);
        }
        sum.multiply((count - 1.0) / count);
        let mut part = (**h).clone();
        part.divide(count);
        seen.reconciled |= rules.add_to_sum(&mut sum, &histograms[0], &part)?.bounds_reconciled;
    }
    if !incremental {
        sum.divide(count);
    }
    Ok(sum.total())
}

enum Point<'a> {
    Float(f64),
    Histogram(&'a FloatHistogram),
}

/// Numbers and histograms of a window in order of time.
fn in_order<'a>(w: &Window<'a>) -> Vec<Point<'a>> {
    let (mut i, mut j) = (0, 0);
    let mut out = Vec::with_capacity(w.values.len() + w.histograms.len());
    while i < w.values.len() || j < w.histograms.len() {
        if j == w.histograms.len() || (i < w.values.len() && w.times[i] < w.histogram_times[j]) {
            out.push(Point::Float(w.values[i]));
            i += 1;
        } else {
            out.push(Point::Histogram(&w.histograms[j]));
            j += 1;
        }
    }
    out
}

/// How often the value changed; a change of kind counts.
pub(crate) fn changes(w: &Window<'_>) -> f64 {
    let points = in_order(w);
    let changed = |pair: &[Point<'_>]| match (&pair[0], &pair[1]) {
        (Point::Float(a), Point::Float(b)) => a != b && !(a.is_nan() && b.is_nan()),
        (Point::Histogram(a), Point::Histogram(b)) => !a.same_as(b),
        _ => true,
    };
    points.windows(2).filter(|p| changed(p)).count() as f64
}

/// How often the counter was reset; a change of kind counts.
pub(crate) fn resets(w: &Window<'_>, rules: HistogramRules) -> f64 {
    let points = in_order(w);
    let reset = |pair: &[Point<'_>]| match (&pair[0], &pair[1]) {
        (Point::Float(a), Point::Float(b)) => b < a,
        (Point::Histogram(a), Point::Histogram(b)) => rules.is_reset(b, a),
        _ => true,
    };
    points.windows(2).filter(|p| reset(p)).count() as f64
}
