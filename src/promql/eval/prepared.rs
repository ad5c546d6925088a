//! A query ready to be evaluated.

use super::body;
use super::context::{Context, check_steps, too_many_samples};
use super::node::{Kind, Node};
use super::options::Options;
use super::rows::{RowMap, without_name};
use super::source::{RangeSource, Windows};
use super::table::{Cell, Grid, Output, Table};
use crate::promql::api;
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

/// Room for numbers that a query has done with and another may use: fresh memory costs more than working out what goes
/// into it.
#[derive(Debug, Default)]
pub struct Room(Vec<Vec<f64>>);

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

    /// Lends it the room of an earlier query.
    pub fn lend(&mut self, room: Room) {
        self.buffers = room.0;
    }

    /// Takes its room away for a later one.
    pub fn take_room(&mut self) -> Room {
        Room(std::mem::take(&mut self.buffers))
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
        let grid = self.range_grid(start, end, step)?;
        let (raw, annotations) = self.run(db, grid, true)?;
        Ok(QueryAnswer { value: Value::Matrix(self.matrix(raw, grid)), annotations })
    }

    /// Evaluates as [`Self::range`] and passes on the body that the API would send, piece by piece; `query` is the
    /// query's text.
    ///
    /// # Errors
    /// As [`Self::range`]; then nothing was passed on.
    pub fn range_body(
        &mut self,
        db: &Tsdb,
        (start, end, step): (i64, i64, i64),
        query: &str,
        pass_on: &mut dyn FnMut(&[u8]),
    ) -> Result<(), EvalError> {
        let grid = self.range_grid(start, end, step)?;
        let (raw, annotations) = self.run(db, grid, true)?;
        let dialect = self.options.dialect;
        match raw {
            Raw::Output(Output::Vector(table)) if !table.has_histograms() => {
                body::write(&table, grid, &annotations, query, dialect, pass_on);
                self.buffers.push(table.cells);
            }
            raw => {
                let answer = QueryAnswer { value: Value::Matrix(self.matrix(raw, grid)), annotations };
                pass_on(api::answer_body(&answer, query, dialect).as_bytes());
            }
        }
        Ok(())
    }

    fn range_grid(&self, start: i64, end: i64, step: i64) -> Result<Grid, EvalError> {
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
        Ok(Grid { start, step, steps })
    }

    /// A range query's series, sorted by labels.
    fn matrix(&mut self, raw: Raw, grid: Grid) -> Vec<RangeSeries> {
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
        series
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Labels;
    use crate::promql::{Dialect, ParseOptions, parse};

    #[test]
    fn the_body_in_pieces_is_that_of_the_answer() {
        let mut db = Tsdb::new();
        for (job, values) in [("b", [1.5, f64::NAN, -0.0, 1e300, 0.1]), ("a", [1.0, 2.0, f64::INFINITY, 1e-9, 3e15])] {
            let r = db.series_ref(&Labels::from_pairs([("__name__", "x"), ("job", job)]));
            for (i, v) in values.into_iter().enumerate() {
                db.append(r, i as i64 * 400_000, v).expect("in order");
            }
        }
        for query in ["x", "x * 3", "absent(y)", "rate(x[1h])", "1", "nothing", "sum(x) by (job) > 1", "vector(time())"]
        {
            let expr = parse(query, &ParseOptions::stock(Dialect::V3)).expect("a query of the test");
            let mut prepared = Prepared::new(&expr, &Options::new(Dialect::V3));
            let answer = prepared.range(&db, 500, 1_700_000, 100_000).expect("an answer");
            let mut body = Vec::new();
            prepared
                .range_body(&db, (500, 1_700_000, 100_000), query, &mut |part| body.extend_from_slice(part))
                .expect("an answer");
            assert_eq!(String::from_utf8_lossy(&body), api::answer_body(&answer, query, Dialect::V3), "{query}");
        }
    }
}
