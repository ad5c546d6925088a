//! A query ready to be evaluated.

use super::context::{Context, check_steps, too_many_samples};
use super::node::{Kind, Node};
use super::options::Options;
use super::rows::{RowMap, without_name};
use super::source::{RangeSource, Windows};
use super::table::{Cell, Grid, Output, Table};
use crate::promql::ast::{Expr, ExtendedRange};
use crate::promql::functions::extended;
use crate::promql::functions::window::Scratch;
use crate::promql::value::{Annotations, EvalError, QueryAnswer, RangeSeries, Sample, SampleValue, Value};
use crate::tsdb::Tsdb;

/// A query ready to be evaluated, with what it remembers between evaluations.
#[derive(Debug)]
pub struct Prepared {
    root: Node,
    names: RowMap,
    options: Options,
    buffers: Vec<Vec<f64>>,
    work: u64,
}

/// A result before it is given out.
enum Raw {
    Output(Output),
    Matrix(Vec<RangeSeries>),
}

impl Prepared {
    /// Prepares a checked expression.
    pub fn new(expr: &Expr, options: &Options) -> Self {
        Self {
            root: Node::build(expr),
            names: RowMap::default(),
            options: options.clone(),
            buffers: Vec::new(),
            work: 0,
        }
    }

    /// The elementary steps of all evaluations so far, as budgets count them.
    pub fn work(&self) -> u64 {
        self.work
    }

    /// Evaluates at a Unix time in milliseconds.
    ///
    /// # Errors
    /// What Prometheus would answer: matching errors, limits, run-time argument errors.
    pub fn instant(&mut self, db: &Tsdb, t: i64) -> Result<QueryAnswer, EvalError> {
        let grid = Grid { start: t, step: 1, steps: 1 };
        let (raw, annotations) = self.run(db, grid, false)?;
        let value = match raw {
            Raw::Matrix(series) => Value::Matrix(series),
            Raw::Output(Output::Scalar(values)) => {
                let value = values.first().copied().unwrap_or(f64::NAN);
                self.buffers.push(values);
                Value::Scalar { t, value }
            }
            Raw::Output(Output::Text(value)) => Value::String { t, value },
            Raw::Output(Output::Vector(table)) => {
                let vector = vector_of(&table, t);
                self.buffers.push(table.cells);
                Value::Vector(vector)
            }
        };
        Ok(QueryAnswer { value, annotations })
    }

    /// Evaluates at `start`, `start + step`, … up to `end`, in milliseconds; the answer is a matrix.
    ///
    /// # Errors
    /// As [`Self::instant`]; the expression must be a scalar or an instant vector, the step positive.
    pub fn range(&mut self, db: &Tsdb, start: i64, end: i64, step: i64) -> Result<QueryAnswer, EvalError> {
        let wrong_type = match &self.root.kind {
            Kind::Text(_) => Some("string"),
            Kind::Range(_) => Some("range vector"),
            _ => None,
        };
        if let Some(kind) = wrong_type {
            return Err(EvalError::bad_data(format!(
                "invalid expression type \"{kind}\" for range query, must be Scalar or instant Vector"
            )));
        }
        if step <= 0 {
            return Err(EvalError::bad_data(
                "zero or negative query resolution step widths are not accepted. Try a positive integer",
            ));
        }
        let span = i128::from(end) - i128::from(start);
        let steps = if end < start { 0 } else { usize::try_from(span / i128::from(step) + 1).unwrap_or(usize::MAX) };
        let (raw, annotations) = self.run(db, Grid { start, step, steps }, true)?;
        let grid = Grid { start, step, steps };
        let mut series = match raw {
            Raw::Matrix(series) => series,
            Raw::Output(Output::Text(_)) => Vec::new(),
            Raw::Output(Output::Scalar(values)) => matrix_of(&super::node::scalar_table(values), grid),
            Raw::Output(Output::Vector(table)) => {
                let series = matrix_of(&table, grid);
                self.buffers.push(table.cells);
                series
            }
        };
        series.sort_by(|a, b| a.labels.cmp(&b.labels));
        Ok(QueryAnswer { value: Value::Matrix(series), annotations })
    }

    /// Evaluates with samples counted roughly, and if that is not enough to say that the limit holds, exactly.
    fn run(&mut self, db: &Tsdb, grid: Grid, is_range: bool) -> Result<(Raw, Annotations), EvalError> {
        check_steps(grid)?;
        match self.run_counting(db, grid, is_range, false) {
            Err(e) if e == too_many_samples() => self.run_counting(db, grid, is_range, true),
            other => other,
        }
    }

    fn run_counting(
        &mut self,
        db: &Tsdb,
        grid: Grid,
        is_range: bool,
        exact: bool,
    ) -> Result<(Raw, Annotations), EvalError> {
        let mut cx = Context {
            db,
            options: &self.options,
            query: grid,
            is_range,
            notes: Annotations::default(),
            samples: 0,
            exact,
            work: 0,
            buffers: std::mem::take(&mut self.buffers),
        };
        let result = if let Kind::Range(source) = &mut self.root.kind {
            range_vector(&mut cx, source, grid).map(Raw::Matrix)
        } else {
            let output = self.root.eval(&mut cx, grid);
            output.and_then(|output| match output {
                Output::Vector(table) if cx.delayed() => {
                    self.names.finish_names(&mut cx, table).map(|t| Raw::Output(Output::Vector(t)))
                }
                output => Ok(Raw::Output(output)),
            })
        };
        let notes = std::mem::take(&mut cx.notes);
        self.work = self.work.saturating_add(cx.work);
        self.buffers = std::mem::take(&mut cx.buffers);
        result.map(|raw| (raw, notes))
    }
}

fn vector_of(table: &Table, t: i64) -> Vec<Sample> {
    let mut vector = Vec::new();
    for row in table.row_order() {
        let value = match table.cell(row) {
            Cell::Nothing => continue,
            Cell::Float(v) => SampleValue::Float(v),
            Cell::Histogram(h) => SampleValue::Histogram(h),
        };
        vector.push(Sample { labels: table.rows[row].labels.clone(), t, value });
    }
    vector
}

fn matrix_of(table: &Table, grid: Grid) -> Vec<RangeSeries> {
    let mut matrix = Vec::new();
    for (row, of_row) in table.rows.iter().enumerate() {
        if table.row_is_empty(row) {
            continue;
        }
        let mut series = RangeSeries { labels: of_row.labels.clone(), ..RangeSeries::default() };
        for step in 0..table.steps {
            match table.cell(row * table.steps + step) {
                Cell::Nothing => {}
                Cell::Float(v) => series.floats.push((grid.time(step), v)),
                Cell::Histogram(h) => series.histograms.push((grid.time(step), h)),
            }
        }
        matrix.push(series);
    }
    matrix
}

/// The samples of a range vector that is the whole query, sorted by labels.
fn range_vector(cx: &mut Context<'_>, source: &mut RangeSource, grid: Grid) -> Result<Vec<RangeSeries>, EvalError> {
    let loaded = source.load(cx, grid)?;
    let windows = Windows::new(cx, grid, &loaded);
    let seen = windows.seen();
    let mut matrix = Vec::new();
    let mut scratch = Scratch::default();
    for (row, of_row) in loaded.rows.iter().enumerate() {
        let columns = source.columns(cx, &loaded, row, seen, &mut scratch);
        let drop = of_row.drop_name && cx.delayed();
        let labels = if drop { without_name(&of_row.labels, cx.dialect()) } else { of_row.labels.clone() };
        let mut series = RangeSeries { labels, ..RangeSeries::default() };
        let walked = windows.walk(&of_row.labels, &columns, |_, w| {
            if let Some(kind) = loaded.extended {
                if !w.histograms.is_empty() {
                    return Err(EvalError::execution("anchored modifier is not supported with histograms"));
                }
                series.floats = extended::samples(w, kind == ExtendedRange::Smoothed);
                return Ok(());
            }
            series.floats = w.times.iter().copied().zip(w.values.iter().copied()).collect();
            series.histograms = w.histogram_times.iter().copied().zip(w.histograms.iter().cloned()).collect();
            Ok(())
        })?;
        cx.spend(walked.work as usize)?;
        cx.hold(walked.largest_window)?;
        if !series.floats.is_empty() || !series.histograms.is_empty() {
            matrix.push(series);
        }
    }
    matrix.sort_by(|a, b| a.labels.cmp(&b.labels));
    Ok(matrix)
}
