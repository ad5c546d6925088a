//! The same aggregations where native histograms are among the samples.

use std::sync::Arc;

use super::aggregate::Aggregation;
use super::context::Context;
use super::over_range::{mixed_bounds, mixed_schemas};
use super::table::{Cell, Table, is_absent, is_float};
use crate::model::FloatHistogram;
use crate::promql::ast::AggregateOp;
use crate::promql::functions::histogram_rules::Incompatible;
use crate::promql::functions::kahan::{Kahan, Mean};
use crate::promql::functions::over_time_histogram::{self as of_histograms, Seen};
use crate::promql::functions::quantile::quantile;

/// What a group holds at a step.
#[derive(Default)]
struct Members {
    floats: Vec<f64>,
    histograms: Vec<(usize, Arc<FloatHistogram>)>,
}

/// Fills the result's cells group by group.
pub(crate) fn combine(cx: &mut Context<'_>, a: &Aggregation, table: &Table, result: &mut Table, params: &[f64]) {
    let steps = table.steps;
    for step in 0..steps {
        let mut groups: Vec<Members> = (0..result.rows.len()).map(|_| Members::default()).collect();
        for row in table.row_order() {
            let index = row * steps + step;
            let cell = table.cells[index];
            let members = &mut groups[a.groups.of_row[row] as usize];
            if is_float(cell) {
                members.floats.push(cell);
            } else if !is_absent(cell)
                && let Some(h) = table.histogram(index)
            {
                members.histograms.push((row, h.clone()));
            }
        }
        let q = params.get(step).copied().unwrap_or(f64::NAN);
        for (group, members) in groups.iter_mut().enumerate() {
            if !members.floats.is_empty() || !members.histograms.is_empty() {
                let cell = of_group(cx, a, table, members, q);
                result.set(group * steps + step, cell);
            }
        }
    }
}

fn of_group(cx: &mut Context<'_>, a: &Aggregation, table: &Table, members: &mut Members, q: f64) -> Cell {
    let floats = &mut members.floats;
    match a.op {
        AggregateOp::Count => return Cell::Float((floats.len() + members.histograms.len()) as f64),
        AggregateOp::Group => return Cell::Float(1.0),
        AggregateOp::Sum | AggregateOp::Avg if !members.histograms.is_empty() => {
            return of_histogram_group(cx, a, table, members);
        }
        AggregateOp::Sum => {
            let mut sum = Kahan::new(floats[0]);
            floats[1..].iter().for_each(|v| sum.add(*v));
            return Cell::Float(sum.total());
        }
        AggregateOp::Avg => {
            let mut mean = Mean::new(floats[0]);
            floats[1..].iter().for_each(|v| mean.add(*v));
            return Cell::Float(mean.value());
        }
        _ => {}
    }
    if !members.histograms.is_empty() {
        let name = match a.op {
            AggregateOp::Min => "min",
            AggregateOp::Max => "max",
            AggregateOp::Stddev => "stddev",
            AggregateOp::Stdvar => "stdvar",
            _ => "quantile",
        };
        cx.inform(format!("ignored histogram in {name} aggregation"), a.expr.span);
    }
    if floats.is_empty() {
        return Cell::Nothing;
    }
    let extreme = |better: fn(f64, f64) -> bool| {
        let mut best = floats[0];
        for v in floats.iter() {
            if better(*v, best) || best.is_nan() {
                best = *v;
            }
        }
        best
    };
    Cell::Float(match a.op {
        AggregateOp::Min => extreme(|v, best| v < best),
        AggregateOp::Max => extreme(|v, best| v > best),
        AggregateOp::Stddev => spread(floats).sqrt(),
        AggregateOp::Stdvar => spread(floats),
        _ => quantile(q, floats),
    })
}

/// The variance, by Welford's method.
fn spread(values: &[f64]) -> f64 {
    let (mut mean, mut count) = (values[0], 1.0);
    let mut squares = if values[0].is_finite() { 0.0 } else { f64::NAN };
    for v in &values[1..] {
        count += 1.0;
        let delta = v - mean;
        mean += delta / count;
        squares += delta * (v - mean);
    }
    squares / count
}

fn of_histogram_group(cx: &mut Context<'_>, a: &Aggregation, table: &Table, members: &Members) -> Cell {
    let span = a.expr.span;
    if !members.floats.is_empty() {
        cx.warn("encountered a mix of histograms and floats for aggregation".to_owned(), span);
        return Cell::Nothing;
    }
    let histograms: Vec<Arc<FloatHistogram>> = members.histograms.iter().map(|(_, h)| h.clone()).collect();
    let mut seen = Seen::default();
    let combined = if a.op == AggregateOp::Sum {
        of_histograms::sum(&histograms, cx.rules(), &mut seen)
    } else {
        of_histograms::avg(&histograms, cx.rules(), &mut seen)
    };
    let mut h = match combined {
        Ok(h) => h,
        Err(why) => {
            let first = &histograms[0];
            let is_odd = |h: &FloatHistogram| match why {
                Incompatible::Schemas => h.uses_custom_buckets() != first.uses_custom_buckets(),
                Incompatible::Bounds => h.custom_values != first.custom_values,
            };
            let odd = members.histograms.iter().find(|(_, h)| is_odd(h)).map_or(0, |(row, _)| *row);
            let name = crate::golang::quote(table.rows[odd].labels.metric_name());
            let message = match why {
                Incompatible::Schemas => mixed_schemas(&name),
                Incompatible::Bounds => mixed_bounds(&name),
            };
            cx.warn(message, span);
            return Cell::Nothing;
        }
    };
    if seen.collision() && cx.rules().tells_collisions {
        cx.warn("conflicting counter resets during histogram aggregation".to_owned(), span);
    }
    if seen.reconciled {
        cx.inform("mismatched custom buckets were reconciled during aggregation".to_owned(), span);
    }
    h.compact();
    Cell::Histogram(Arc::new(h))
}
