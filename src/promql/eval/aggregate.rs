//! Aggregations that give one element a group: `sum`, `avg`, `count`, `min`, `max`, `group`, `stddev`, `stdvar`,
//! `quantile`; and the way to the others.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::aggregate_histograms;
use super::build::{Around, node};
use super::context::Context;
use super::node::Node;
use super::over_range::invalid_quantile;
use super::rows::{GrowingRows, without_name};
use super::table::{Grid, NOTHING, Output, Row, Rows, Table, is_absent};
use crate::model::{Labels, METRIC_NAME};
use crate::promql::Dialect;
use crate::promql::ast::{Aggregate, AggregateOp};
use crate::promql::functions::kahan::{Kahan, Mean, old_mean_increment};
use crate::promql::functions::quantile::quantile;
use crate::promql::value::EvalError;
use crate::text::Span;

/// An aggregation.
#[derive(Debug)]
pub(crate) struct Aggregation {
    pub op: AggregateOp,
    pub span: Span,
    pub param: Option<Node>,
    pub param_span: Span,
    pub expr: Node,
    pub grouping: Vec<Arc<str>>,
    pub without: bool,
    pub groups: Groups,
    pub values: GrowingRows,
}

/// The group of each row; worked out once for the same rows.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    input: Option<Rows>,
    pub of_row: Vec<u32>,
    pub rows: Option<Rows>,
}

/// The labels of a group.
pub(crate) fn group_labels(labels: &Labels, grouping: &[Arc<str>], without: bool) -> Labels {
    if !without && grouping.is_empty() {
        return Labels::empty();
    }
    let listed = |name: &str| grouping.iter().any(|n| **n == *name);
    let keep = |name: &str| if without { name != METRIC_NAME && !listed(name) } else { listed(name) };
    labels.builder().retain(|l| keep(&l.name)).build()
}

impl Groups {
    pub fn prepare(&mut self, rows: &Rows, grouping: &[Arc<str>], without: bool, dialect: Dialect) -> Rows {
        if let (Some(known), Some(groups)) = (&self.input, &self.rows)
            && Arc::ptr_eq(known, rows)
        {
            return groups.clone();
        }
        let mut places: FxHashMap<Labels, u32> = FxHashMap::default();
        let mut groups: Vec<Row> = Vec::new();
        self.of_row = rows
            .iter()
            .map(|row| {
                let labels = group_labels(&row.labels, grouping, without);
                let labels = if without { without_name(&labels, dialect) } else { labels };
                let next = groups.len() as u32;
                let place = *places.entry(labels.clone()).or_insert(next);
                if place == next {
                    groups.push(Row { labels, drop_name: false });
                }
                groups[place as usize].drop_name |= row.drop_name;
                place
            })
            .collect();
        let groups: Rows = groups.into();
        self.input = Some(rows.clone());
        self.rows = Some(groups.clone());
        groups
    }
}

impl Aggregation {
    pub fn new(a: &Aggregate, span: Span, around: Around) -> Self {
        let param = a.param.as_ref().map(super::build::bare);
        Self {
            op: a.op,
            span,
            param: param.map(|p| node(p, around)),
            param_span: param.map_or(span, |p| p.span),
            expr: node(super::build::bare(&a.expr), around),
            grouping: a.grouping.clone(),
            without: a.without,
            groups: Groups::default(),
            values: GrowingRows::default(),
        }
    }

    pub fn eval(&mut self, cx: &mut Context<'_>, grid: Grid) -> Result<Output, EvalError> {
        let before = cx.samples;
        let param = match &mut self.param {
            Some(node) => Some(node.eval(cx, grid)?),
            None => None,
        };
        // 3 looks at the label before the vector, 2.42 at every step once the vector is there.
        let early = if cx.is_v3() { self.check_label(cx, &param)? } else { None };
        let table = self.expr.eval_vector(cx, grid)?;
        let label = if cx.is_v3() || grid.steps == 0 { early } else { self.check_label(cx, &param)? };
        self.aggregate(cx, table, param, label, before)
    }

    /// The label of `count_values`.
    fn check_label(&self, cx: &Context<'_>, param: &Option<Output>) -> Result<Option<Arc<str>>, EvalError> {
        match (self.op, param) {
            (AggregateOp::CountValues, Some(Output::Text(label))) => {
                if !super::vector_calls::is_label(cx, label) {
                    return Err(EvalError::execution(format!("invalid label name {}", crate::golang::quote(label))));
                }
                Ok(Some(label.clone()))
            }
            (_, Some(Output::Vector(_))) => Err(EvalError::execution("a vector where a parameter is wanted")),
            _ => Ok(None),
        }
    }

    fn aggregate(
        &mut self,
        cx: &mut Context<'_>,
        table: Table,
        param: Option<Output>,
        label: Option<Arc<str>>,
        before: usize,
    ) -> Result<Output, EvalError> {
        let params = match param {
            Some(Output::Scalar(values)) => values,
            _ => Vec::new(),
        };
        cx.spend(table.cells.len())?;
        let gathered = table.rows.len() + usize::from(!params.is_empty());
        let result = match self.op {
            AggregateOp::Topk | AggregateOp::Bottomk | AggregateOp::Limitk | AggregateOp::LimitRatio => {
                self.choose(cx, table, &params)?
            }
            AggregateOp::CountValues => self.count_values(cx, table, &label.unwrap_or_default())?,
            _ => self.combine(cx, table, &params)?,
        };
        if !params.is_empty() {
            cx.recycle(params);
        }
        let produced = cx.size_of(&result);
        if !cx.is_v3() || self.op == AggregateOp::CountValues {
            cx.check(cx.samples + gathered + produced)?;
        }
        cx.samples = before + produced;
        Ok(Output::Vector(result))
    }

    fn combine(&mut self, cx: &mut Context<'_>, table: Table, params: &[f64]) -> Result<Table, EvalError> {
        if self.op == AggregateOp::Quantile {
            self.check_quantiles(cx, params);
        }
        let rows = self.groups.prepare(&table.rows, &self.grouping, self.without, cx.dialect());
        let steps = table.steps;
        let cells = cx.cells(rows.len(), steps, NOTHING)?;
        let mut result = Table::new(rows, steps, cells);
        if table.has_histograms() {
            aggregate_histograms::combine(cx, self, &table, &mut result, params);
        } else {
            self.combine_floats(cx, &table, &mut result, params);
        }
        if steps == 1 {
            result.order = first_seen(&table, &self.groups.of_row, result.rows.len());
        }
        cx.recycle_table(table);
        Ok(result)
    }

    fn check_quantiles(&self, cx: &mut Context<'_>, params: &[f64]) {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for q in params {
            if q.is_nan() {
                cx.warn(invalid_quantile(*q), self.param_span);
            }
            low = low.min(*q);
            high = high.max(*q);
        }
        if high > 1.0 {
            cx.warn(invalid_quantile(high), self.param_span);
        }
        if low < 0.0 {
            cx.warn(invalid_quantile(low), self.param_span);
        }
    }

    fn combine_floats(&self, cx: &mut Context<'_>, table: &Table, result: &mut Table, params: &[f64]) {
        let steps = table.steps;
        let size = result.cells.len();
        let v3 = cx.is_v3();
        let of_row = &self.groups.of_row;
        let out = &mut result.cells;
        match self.op {
            AggregateOp::Sum if v3 => {
                let mut compensation = cx.buffer(size, 0.0);
                each(table, of_row, out, |i, v, sum| {
                    if is_absent(*sum) {
                        *sum = v;
                    } else {
                        let mut kahan = Kahan { sum: *sum, compensation: compensation[i] };
                        kahan.add(v);
                        (*sum, compensation[i]) = (kahan.sum, kahan.compensation);
                    }
                });
                for (sum, c) in out.iter_mut().zip(&compensation) {
                    if !is_absent(*sum) {
                        *sum += c;
                    }
                }
                cx.recycle(compensation);
            }
            AggregateOp::Sum => each(table, of_row, out, |_, v, sum| *sum = if is_absent(*sum) { v } else { *sum + v }),
            AggregateOp::Avg if v3 => {
                let mut means: Vec<Option<Mean>> = vec![None; size];
                each(table, of_row, out, |i, v, out| {
                    *out = v;
                    match &mut means[i] {
                        Some(mean) => mean.add(v),
                        none => *none = Some(Mean::new(v)),
                    }
                });
                for (cell, mean) in out.iter_mut().zip(means) {
                    if let Some(mean) = mean {
                        *cell = mean.value();
                    }
                }
            }
            AggregateOp::Avg => {
                let mut counts = cx.buffer(size, 0.0);
                each(table, of_row, out, |i, v, mean| {
                    counts[i] += 1.0;
                    if is_absent(*mean) {
                        *mean = v;
                    } else if let Some(increment) = old_mean_increment(*mean, v, counts[i]) {
                        *mean += increment;
                    }
                });
                cx.recycle(counts);
            }
            AggregateOp::Count => each(table, of_row, out, |_, _, n| *n = if is_absent(*n) { 1.0 } else { *n + 1.0 }),
            AggregateOp::Group => each(table, of_row, out, |_, _, out| *out = 1.0),
            AggregateOp::Min => each(table, of_row, out, |_, v, least| {
                if is_absent(*least) || *least > v || least.is_nan() {
                    *least = v;
                }
            }),
            AggregateOp::Max => each(table, of_row, out, |_, v, most| {
                if is_absent(*most) || *most < v || most.is_nan() {
                    *most = v;
                }
            }),
            AggregateOp::Stddev | AggregateOp::Stdvar => {
                // Welford: mean and count beside the sum of squares.
                let mut state: Vec<(f64, f64)> = vec![(0.0, 0.0); size];
                each(table, of_row, out, |i, v, squares| {
                    let (mean, count) = &mut state[i];
                    *count += 1.0;
                    if is_absent(*squares) {
                        *mean = v;
                        *squares = if v3 && !v.is_finite() { f64::NAN } else { 0.0 };
                        return;
                    }
                    let delta = v - *mean;
                    *mean += delta / *count;
                    *squares += delta * (v - *mean);
                });
                for (cell, (_, count)) in out.iter_mut().zip(&state) {
                    if !is_absent(*cell) {
                        let variance = *cell / count;
                        *cell = if self.op == AggregateOp::Stddev { variance.sqrt() } else { variance };
                    }
                }
            }
            AggregateOp::Quantile => {
                let mut values: Vec<Vec<f64>> = vec![Vec::new(); size];
                each(table, of_row, out, |i, v, out| {
                    *out = 0.0;
                    values[i].push(v);
                });
                for (i, values) in values.iter_mut().enumerate().filter(|(_, v)| !v.is_empty()) {
                    out[i] = quantile(params.get(i % steps).copied().unwrap_or(f64::NAN), values);
                }
            }
            _ => {}
        }
    }
}

/// Calls `f` for every number with its group's cell and that cell's place.
#[inline]
fn each(table: &Table, of_row: &[u32], out: &mut [f64], mut f: impl FnMut(usize, f64, &mut f64)) {
    for row in table.row_order() {
        let at = of_row[row] as usize * table.steps;
        for (step, (v, cell)) in table.row(row).iter().zip(&mut out[at..at + table.steps]).enumerate() {
            if !is_absent(*v) {
                f(at + step, *v, cell);
            }
        }
    }
}

/// The order in which groups first appear among the rows that hold a value, where it is not that of their numbers.
fn first_seen(table: &Table, of_row: &[u32], groups: usize) -> Option<Vec<u32>> {
    let mut seen = vec![false; groups];
    let mut order = Vec::with_capacity(groups);
    for row in table.row_order() {
        let group = of_row[row];
        if !is_absent(table.cells[row]) && !std::mem::replace(&mut seen[group as usize], true) {
            order.push(group);
        }
    }
    (!order.is_sorted()).then_some(order)
}
