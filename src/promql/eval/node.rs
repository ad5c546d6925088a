//! The query as the evaluator keeps it: the tree with its caches.

use std::sync::Arc;

use super::aggregate::Aggregation;
use super::build;
use super::chain::Chain;
use super::context::Context;
use super::over_range::OverRange;
use super::rows::RowMap;
use super::selector::Selector;
use super::source::RangeSource;
use super::table::{Cell, Grid, Output, Row, Table, is_absent, is_float};
use super::vector_calls::VectorCall;
use crate::promql::ast::Expr;
use crate::promql::value::EvalError;
use crate::text::Span;

/// A node of the query.
#[derive(Debug)]
pub(crate) struct Node {
    pub span: Span,
    /// Its value is the same at every step, so it is evaluated at one.
    pub invariant: bool,
    pub kind: Kind,
}

#[derive(Debug)]
pub(crate) enum Kind {
    Number(f64),
    Text(Arc<str>),
    /// `time()`
    Time,
    Selector(Box<Selector>),
    /// A range vector that is the whole query.
    Range(Box<RangeSource>),
    Negate(Box<Node>, RowMap),
    /// `scalar(v)`
    ScalarOf(Box<Node>),
    Chain(Box<Chain>),
    Aggregation(Box<Aggregation>),
    OverRange(Box<OverRange>),
    /// `absent_over_time`: the call and the labels of its answer.
    AbsentOverTime(Box<OverRange>, Arc<[Row]>),
    VectorCall(Box<VectorCall>),
}

impl Node {
    pub fn build(expr: &Expr) -> Self {
        build::node(expr, build::Around::default())
    }

    /// Evaluates at every step of the grid.
    pub fn eval(&mut self, cx: &mut Context<'_>, grid: Grid) -> Result<Output, EvalError> {
        if self.invariant && grid.steps > 1 {
            let once = self.eval_steps(cx, grid.first_only())?;
            return repeat(cx, once, grid.steps);
        }
        self.eval_steps(cx, grid)
    }

    /// Evaluates to an instant vector at every step.
    pub fn eval_vector(&mut self, cx: &mut Context<'_>, grid: Grid) -> Result<Table, EvalError> {
        vector_of_output(self.eval(cx, grid)?)
    }

    /// Evaluates to a number at every step.
    pub fn eval_scalar(&mut self, cx: &mut Context<'_>, grid: Grid) -> Result<Vec<f64>, EvalError> {
        match self.eval(cx, grid)? {
            Output::Scalar(values) => Ok(values),
            _ => Err(EvalError::execution("no scalar where a scalar is wanted")),
        }
    }

    /// What each kind does stands in functions of its own, so that deep expressions need little stack.
    fn eval_steps(&mut self, cx: &mut Context<'_>, grid: Grid) -> Result<Output, EvalError> {
        match &mut self.kind {
            Kind::Number(v) => number(cx, grid, *v),
            Kind::Text(text) => Ok(Output::Text(text.clone())),
            Kind::Time => times(cx, grid),
            Kind::Selector(selector) => selected(cx, selector, grid),
            Kind::Range(_) => Err(EvalError::execution("cannot do range evaluation of matrix selector")),
            Kind::Negate(node, names) => negated(cx, node, names, grid),
            Kind::ScalarOf(node) => scalar(cx, node, grid),
            Kind::Chain(chain) => chain.eval(cx, grid),
            Kind::Aggregation(aggregation) => aggregation.eval(cx, grid),
            Kind::OverRange(call) => call.eval(cx, grid),
            Kind::AbsentOverTime(call, rows) => absent_over_time(cx, call, rows, grid),
            Kind::VectorCall(call) => call.eval(cx, grid),
        }
    }
}

fn selected(cx: &mut Context<'_>, selector: &mut Selector, grid: Grid) -> Result<Output, EvalError> {
    selector.instant(cx, grid, false).map(Output::Vector)
}

fn negated(cx: &mut Context<'_>, node: &mut Node, names: &mut RowMap, grid: Grid) -> Result<Output, EvalError> {
    let output = node.eval(cx, grid)?;
    negate(cx, output, names)
}

fn scalar(cx: &mut Context<'_>, node: &mut Node, grid: Grid) -> Result<Output, EvalError> {
    let before = cx.samples;
    let table = node.eval_vector(cx, grid)?;
    scalar_of(cx, table, before)
}

fn absent_over_time(
    cx: &mut Context<'_>,
    call: &mut OverRange,
    rows: &Arc<[Row]>,
    grid: Grid,
) -> Result<Output, EvalError> {
    let Output::Vector(table) = call.eval(cx, grid)? else {
        return Err(EvalError::execution("absent_over_time() without a vector"));
    };
    absent_steps(cx, table, rows).map(Output::Vector)
}

fn number(cx: &mut Context<'_>, grid: Grid, v: f64) -> Result<Output, EvalError> {
    cx.hold(grid.steps)?;
    cx.cells(1, grid.steps, v).map(Output::Scalar)
}

fn times(cx: &mut Context<'_>, grid: Grid) -> Result<Output, EvalError> {
    cx.hold(grid.steps)?;
    let mut cells = cx.cells(1, grid.steps, 0.0)?;
    for (step, cell) in cells.iter_mut().enumerate() {
        *cell = grid.time(step) as f64 / 1000.0;
    }
    Ok(Output::Scalar(cells))
}

/// The one number that the vector holds at each step.
fn scalar_of(cx: &mut Context<'_>, table: Table, before: usize) -> Result<Output, EvalError> {
    let mut cells = cx.cells(1, table.steps, f64::NAN)?;
    for (step, cell) in cells.iter_mut().enumerate() {
        let mut floats = (0..table.rows.len()).map(|r| table.cells[r * table.steps + step]);
        let mut found = floats.by_ref().filter(|c| is_float(*c));
        if let (Some(v), None) = (found.next(), found.next()) {
            *cell = v;
        }
    }
    cx.settle_scalar(before, table.rows.len(), table.steps)?;
    cx.recycle_table(table);
    Ok(Output::Scalar(cells))
}

/// An instant vector; a scalar counts as one element without labels.
pub(crate) fn vector_of_output(output: Output) -> Result<Table, EvalError> {
    match output {
        Output::Vector(table) => Ok(table),
        Output::Scalar(values) => Ok(scalar_table(values)),
        Output::Text(_) => Err(EvalError::execution("a string where an instant vector is wanted")),
    }
}

/// A table of one row with value 1 wherever the other table has nothing.
pub(crate) fn absent_steps(cx: &mut Context<'_>, table: Table, rows: &Arc<[Row]>) -> Result<Table, EvalError> {
    let steps = table.steps;
    let mut cells = cx.cells(1, steps, 1.0)?;
    for row in 0..table.rows.len() {
        for (cell, seen) in cells.iter_mut().zip(table.row(row)) {
            if !is_absent(*seen) {
                *cell = super::table::NOTHING;
            }
        }
    }
    cx.recycle_table(table);
    Ok(Table::new(rows.clone(), steps, cells))
}

/// A scalar as a vector with one element without labels.
pub(crate) fn scalar_table(values: Vec<f64>) -> Table {
    let row = Row { labels: crate::model::Labels::empty(), drop_name: false };
    let steps = values.len();
    Table::new(Arc::new([row]), steps, values)
}

/// The value of one step at all steps.
fn repeat(cx: &mut Context<'_>, once: Output, steps: usize) -> Result<Output, EvalError> {
    Ok(match once {
        Output::Scalar(values) => {
            let cells = cx.cells(1, steps, values.first().copied().unwrap_or(f64::NAN))?;
            cx.hold(steps - 1)?;
            Output::Scalar(cells)
        }
        Output::Vector(table) => {
            let cells = cx.cells(table.rows.len(), steps, super::table::NOTHING)?;
            let mut all = Table::new(table.rows.clone(), steps, cells);
            for row in 0..table.rows.len() {
                if is_absent(table.cells[row]) {
                    continue;
                }
                match table.cell(row) {
                    Cell::Float(v) => all.cells[row * steps..(row + 1) * steps].fill(v),
                    cell => (0..steps).for_each(|step| all.set(row * steps + step, cell.clone())),
                }
            }
            let held = cx.size_of(&all).saturating_sub(cx.size_of(&table));
            cx.hold(held)?;
            cx.recycle_table(table);
            Output::Vector(all)
        }
        text @ Output::Text(_) => text,
    })
}

fn negate(cx: &mut Context<'_>, output: Output, names: &mut RowMap) -> Result<Output, EvalError> {
    match output {
        Output::Scalar(mut values) => {
            for v in &mut values {
                *v = -*v;
            }
            Ok(Output::Scalar(values))
        }
        Output::Vector(table) => negate_vector(cx, table, names).map(Output::Vector),
        text @ Output::Text(_) => Ok(text),
    }
}

fn negate_vector(cx: &mut Context<'_>, mut table: Table, names: &mut RowMap) -> Result<Table, EvalError> {
    for i in 0..table.cells.len() {
        if is_float(table.cells[i]) {
            table.cells[i] = -table.cells[i];
        }
    }
    for h in table.histograms.iter_mut().flatten() {
        let mut negative = (**h).clone();
        negative.multiply(-1.0);
        *h = Arc::new(negative);
    }
    let strict = !cx.is_v3();
    names.drop_name(cx, table, strict)
}
