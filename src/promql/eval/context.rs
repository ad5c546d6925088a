//! What an evaluation carries along: the store, the limits, annotations, buffers.

use super::options::Options;
use super::table::{Grid, Table};
use crate::promql::Dialect;
use crate::promql::ast::{At, BinaryOp, DurationExpr, DurationKind, DurationNode, Modifiers};
use crate::promql::functions::histogram_rules::HistogramRules;
use crate::promql::value::{Annotations, EvalError, Severity};
use crate::text::Span;
use crate::tsdb::Tsdb;

/// No table may have more cells, present or not, and no grid more steps: a bound on memory and time whatever the sample
/// limit.
const MAX_CELLS: usize = 1 << 26;

/// Checks the number of steps of a grid.
///
/// # Errors
/// There are more than any table may have cells.
pub(crate) fn check_steps(grid: Grid) -> Result<(), EvalError> {
    if grid.steps > MAX_CELLS { Err(too_many_samples()) } else { Ok(()) }
}

/// What an evaluation carries along.
pub(crate) struct Context<'a> {
    pub db: &'a Tsdb,
    pub options: &'a Options,
    /// The whole query's steps, for `start()`, `end()`, `step()` and `range()`.
    pub query: Grid,
    /// Whether the query is a range query.
    pub is_range: bool,
    pub notes: Annotations,
    /// Samples held now, as Prometheus counts them; an upper bound unless `exact`.
    pub samples: usize,
    /// Whether samples are counted one by one. The first run does without and is repeated when its bound is too high.
    pub exact: bool,
    pub work: u64,
    pub buffers: Vec<Vec<f64>>,
}

impl Context<'_> {
    pub fn dialect(&self) -> Dialect {
        self.options.dialect
    }

    /// What the release makes of native histograms.
    pub fn rules(&self) -> HistogramRules {
        HistogramRules::of(self.options.release)
    }

    pub fn is_v3(&self) -> bool {
        self.options.dialect == Dialect::V3
    }

    pub fn delayed(&self) -> bool {
        self.options.delayed_name_removal && self.is_v3()
    }

    pub fn warn(&mut self, message: String, span: Span) {
        if self.is_v3() {
            self.notes.add(Severity::Warning, message, Some(span));
        }
    }

    pub fn inform(&mut self, message: String, span: Span) {
        if self.is_v3() {
            self.notes.add(Severity::Info, message, Some(span));
        }
    }

    /// A buffer of `len` cells, all `fill`.
    pub fn buffer(&mut self, len: usize, fill: f64) -> Vec<f64> {
        let mut buffer = self.buffers.pop().unwrap_or_default();
        buffer.clear();
        buffer.resize(len, fill);
        buffer
    }

    /// A buffer for `rows` x `steps` cells.
    pub fn cells(&mut self, rows: usize, steps: usize, fill: f64) -> Result<Vec<f64>, EvalError> {
        let len = rows.checked_mul(steps).filter(|n| *n <= MAX_CELLS).ok_or_else(too_many_samples)?;
        Ok(self.buffer(len, fill))
    }

    pub fn recycle(&mut self, buffer: Vec<f64>) {
        if self.buffers.len() < 16 {
            self.buffers.push(buffer);
        }
    }

    pub fn recycle_table(&mut self, table: Table) {
        self.recycle(table.cells);
    }

    /// Takes steps from the budget.
    pub fn spend(&mut self, steps: usize) -> Result<(), EvalError> {
        self.work += steps as u64;
        if self.work > self.options.budget {
            return Err(EvalError::timeout("query timed out in expression evaluation"));
        }
        Ok(())
    }

    /// How many samples a table holds, or may hold.
    pub fn size_of(&self, table: &Table) -> usize {
        if self.exact || table.has_histograms() { table.count_samples() } else { table.cells.len() }
    }

    /// Adds samples and checks the limit.
    pub fn hold(&mut self, samples: usize) -> Result<(), EvalError> {
        self.samples += samples;
        self.check(self.samples)
    }

    pub fn check(&self, samples: usize) -> Result<(), EvalError> {
        if samples > self.options.max_samples { Err(too_many_samples()) } else { Ok(()) }
    }

    /// Accounts for a step-by-step operation as Prometheus does: what is gathered at a step counts beside what is held
    /// already, results stay.
    ///
    /// `before` is what was held before the operands were evaluated.
    pub fn settle(
        &mut self,
        before: usize,
        inputs: &[&Table],
        scalars: usize,
        result: &Table,
    ) -> Result<(), EvalError> {
        let produced = self.size_of(result);
        if self.exact {
            let mut held = self.samples;
            for step in 0..result.steps {
                let gathered: usize = inputs.iter().map(|t| present_at(t, step)).sum::<usize>() + scalars;
                self.check(held + gathered)?;
                let out = samples_at(result, step);
                self.check(held + gathered + out)?;
                held += out;
            }
        } else {
            let gathered: usize = inputs.iter().map(|t| t.rows.len()).sum::<usize>() + scalars;
            self.check(self.samples + gathered + produced)?;
        }
        self.samples = before + produced;
        Ok(())
    }

    /// The same for a scalar result.
    pub fn settle_scalar(&mut self, before: usize, inputs: usize, steps: usize) -> Result<(), EvalError> {
        self.check(self.samples + inputs + steps)?;
        self.samples = before + steps;
        Ok(())
    }

    /// The time a selector refers to at an evaluation time.
    pub fn fixed_time(&self, modifiers: &Modifiers) -> Option<i64> {
        modifiers.at.map(|at| match at {
            At::Timestamp(t) => t,
            At::Start => self.query.start,
            At::End => self.query.last(),
        })
    }

    /// An offset in ms.
    pub fn offset(&self, modifiers: &Modifiers) -> Result<i64, EvalError> {
        modifiers.offset.as_ref().map_or(Ok(0), |d| self.duration(d, true))
    }

    /// A duration in ms, worked out where it is an expression.
    pub fn duration(&self, duration: &DurationExpr, may_be_negative: bool) -> Result<i64, EvalError> {
        match duration {
            DurationExpr::Millis(ms) => Ok(*ms),
            DurationExpr::Computed(node) => {
                let seconds = self.duration_seconds(node)?;
                if seconds <= 0.0 && !may_be_negative {
                    return Err(EvalError::execution("duration must be greater than 0"));
                }
                let ms = seconds * 1000.0;
                if ms.is_nan() || ms.abs() >= 9.2e15 {
                    return Err(EvalError::execution("duration is out of range"));
                }
                Ok(ms as i64)
            }
        }
    }

    fn duration_seconds(&self, node: &DurationNode) -> Result<f64, EvalError> {
        Ok(match &node.kind {
            DurationKind::Millis(ms) => ms / 1000.0,
            DurationKind::Step => {
                if self.is_range {
                    self.query.step as f64 / 1000.0
                } else {
                    0.0
                }
            }
            DurationKind::Range => self.query.last().saturating_sub(self.query.start) as f64 / 1000.0,
            DurationKind::Min(a, b) => self.duration_seconds(a)?.min(self.duration_seconds(b)?),
            DurationKind::Max(a, b) => self.duration_seconds(a)?.max(self.duration_seconds(b)?),
            DurationKind::Unary { negative, node } => {
                let v = self.duration_seconds(node)?;
                if *negative { -v } else { v }
            }
            DurationKind::Paren(node) => self.duration_seconds(node)?,
            DurationKind::Binary { op, lhs, rhs } => {
                let (l, r) = (self.duration_seconds(lhs)?, self.duration_seconds(rhs)?);
                match op {
                    BinaryOp::Add => l + r,
                    BinaryOp::Sub => l - r,
                    BinaryOp::Mul => l * r,
                    BinaryOp::Div if r == 0.0 => return Err(EvalError::execution("division by zero")),
                    BinaryOp::Div => l / r,
                    BinaryOp::Mod if r == 0.0 => return Err(EvalError::execution("modulo by zero")),
                    BinaryOp::Mod => l % r,
                    BinaryOp::Pow => l.powf(r),
                    other => {
                        return Err(EvalError::execution(format!("unexpected duration expression operator {other:?}")));
                    }
                }
            }
        })
    }
}

fn present_at(table: &Table, step: usize) -> usize {
    (0..table.rows.len()).filter(|r| !super::table::is_absent(table.cells[r * table.steps + step])).count()
}

fn samples_at(table: &Table, step: usize) -> usize {
    let extra: usize = if table.has_histograms() {
        let at = |r| table.histogram(r * table.steps + step);
        (0..table.rows.len()).filter_map(at).map(|h| h.sample_size() - 1).sum()
    } else {
        0
    };
    present_at(table, step) + extra
}

pub(crate) fn too_many_samples() -> EvalError {
    EvalError::execution("query processing would load too many samples into memory in query execution")
}

pub(crate) fn same_labelset() -> EvalError {
    EvalError::execution("vector cannot contain metrics with the same labelset")
}
