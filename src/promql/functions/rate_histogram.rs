//! `rate`, `increase`, `delta`, `irate`, `idelta` over native histograms.

use std::sync::Arc;

use super::histogram_rules::{HistogramRules, Incompatible};
use super::rate::{Extrapolation, Spacing};
use super::window::Window;
use crate::model::{CounterResetHint, FloatHistogram};
use crate::promql::Dialect;

/// What a function over histograms has to say beside its result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Remark {
    /// Floats and histograms in one range.
    MixedFloats,
    /// Exponential and custom buckets in one range.
    MixedSchemas,
    /// Custom buckets with different bounds in one range.
    MixedBounds,
    /// A gauge where a counter is wanted.
    NotCounter,
    /// A counter where a gauge is wanted.
    NotGauge,
    /// Custom bounds were reconciled; `true` for a subtraction.
    Reconciled(bool),
}

impl From<Incompatible> for Remark {
    fn from(why: Incompatible) -> Self {
        match why {
            Incompatible::Schemas => Self::MixedSchemas,
            Incompatible::Bounds => Self::MixedBounds,
        }
    }
}

/// The difference of the last and the first histogram, and for counters what each reset lost.
fn difference(
    w: &Window<'_>,
    counter: bool,
    rules: HistogramRules,
    remarks: &mut Vec<Remark>,
) -> Option<FloatHistogram> {
    let points = w.histograms;
    let last = points.last()?;
    let gauge = |h: &FloatHistogram| h.hint == CounterResetHint::Gauge;
    if counter && (gauge(&points[0]) || gauge(last)) {
        remarks.push(Remark::NotCounter);
    }
    let mut previous = points[0].clone();
    if counter && points.len() > 1 && rules.is_reset(&points[1], &previous) {
        // What lies before the reset is not looked at, so its layout does not matter either.
        let second = &points[1];
        previous = Arc::new(FloatHistogram {
            schema: second.schema,
            custom_values: second.custom_values.clone(),
            ..FloatHistogram::default()
        });
    }
    let custom = previous.uses_custom_buckets();
    if last.uses_custom_buckets() != custom {
        remarks.push(Remark::MixedSchemas);
        return None;
    }
    let mut schema = last.schema.min(previous.schema);
    if counter {
        for h in &points[1..points.len() - 1] {
            if gauge(h) {
                remarks.push(Remark::NotCounter);
            }
            schema = schema.min(h.schema);
            if h.uses_custom_buckets() != custom {
                remarks.clear();
                remarks.push(Remark::MixedSchemas);
                return None;
            }
        }
    }
    let mut result = (**last).clone();
    result.reduce_resolution(schema);
    match rules.subtract(&mut result, &previous) {
        Ok(combined) if combined.bounds_reconciled => remarks.push(Remark::Reconciled(true)),
        Ok(_) => {}
        Err(why) => {
            remarks.push(why.into());
            return None;
        }
    }
    if counter {
        for h in &points[1..] {
            if rules.is_reset(h, &previous) {
                match rules.add(&mut result, &previous) {
                    Ok(combined) if combined.bounds_reconciled => remarks.push(Remark::Reconciled(false)),
                    Ok(_) => {}
                    Err(why) => {
                        remarks.push(why.into());
                        return None;
                    }
                }
            }
            previous = h.clone();
        }
    } else if !gauge(&points[0]) || !gauge(last) {
        remarks.push(Remark::NotGauge);
    }
    result.hint = CounterResetHint::Gauge;
    result.compact();
    Some(result)
}

/// `rate` (counter, per second), `increase` (counter), `delta`.
pub(crate) fn extrapolated(
    w: &Window<'_>,
    counter: bool,
    per_second: bool,
    rules: HistogramRules,
    remarks: &mut Vec<Remark>,
) -> Option<FloatHistogram> {
    if w.histograms.len() < 2 {
        return None;
    }
    let mut result = difference(w, counter, rules, remarks)?;
    let first = w.histograms[0].count;
    let zero = (rules.stops_at_zero && counter && result.count > 0.0 && first >= 0.0).then_some((first, result.count));
    let per_second_of = per_second.then(|| w.range_seconds());
    let extrapolation = Extrapolation { spacing: Spacing::of(w, w.histogram_times), zero, per_second_of };
    result.multiply(extrapolation.factor(Dialect::V3));
    Some(result)
}

/// `irate` (counter) and `idelta` of two histograms `interval` ms apart.
pub(crate) fn instant(
    previous: &FloatHistogram,
    last: &FloatHistogram,
    interval: i64,
    counter: bool,
    rules: HistogramRules,
    remarks: &mut Vec<Remark>,
) -> Option<FloatHistogram> {
    let gauge = |h: &FloatHistogram| h.hint == CounterResetHint::Gauge;
    let mut result = last.clone();
    if counter && (gauge(last) || gauge(previous)) {
        remarks.push(Remark::NotCounter);
    }
    if !counter && (!gauge(last) || !gauge(previous)) {
        remarks.push(Remark::NotGauge);
    }
    if !counter || !rules.is_reset(last, previous) {
        match rules.subtract(&mut result, previous) {
            Err(why) => {
                remarks.push(why.into());
                return None;
            }
            Ok(combined) if combined.bounds_reconciled => remarks.push(Remark::Reconciled(true)),
            Ok(_) => {}
        }
    }
    result.hint = CounterResetHint::Gauge;
    result.compact();
    if counter {
        result.divide(interval as f64 / 1000.0);
    }
    Some(result)
}
