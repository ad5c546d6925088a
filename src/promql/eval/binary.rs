//! Operators on numbers and histograms, and operations of a vector with a scalar.

use std::sync::Arc;

use super::context::Context;
use super::rows::RowMap;
use super::table::{Cell, NOTHING, Table, is_absent};
use super::trim::trim;
use crate::model::{CounterResetHint, FloatHistogram};
use crate::promql::ast::{Binary, BinaryOp};
use crate::promql::functions::math::{power, remainder};
use crate::promql::value::EvalError;
use crate::text::Span;

/// The operator as written.
pub(crate) fn symbol(op: BinaryOp) -> &'static str {
    match op {
        BinaryOp::Add => "+",
        BinaryOp::Sub => "-",
        BinaryOp::Mul => "*",
        BinaryOp::Div => "/",
        BinaryOp::Mod => "%",
        BinaryOp::Pow => "^",
        BinaryOp::Atan2 => "atan2",
        BinaryOp::Equal => "==",
        BinaryOp::NotEqual => "!=",
        BinaryOp::Greater => ">",
        BinaryOp::Less => "<",
        BinaryOp::GreaterEqual => ">=",
        BinaryOp::LessEqual => "<=",
        BinaryOp::And => "and",
        BinaryOp::Or => "or",
        BinaryOp::Unless => "unless",
        BinaryOp::TrimUpper => "</",
        BinaryOp::TrimLower => ">/",
    }
}

/// Whether the result is another quantity, so that the metric's name no longer fits. 2.42 forgot `atan2`.
pub(crate) fn drops_name(op: BinaryOp, v3: bool) -> bool {
    match op {
        BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul | BinaryOp::Div | BinaryOp::Mod | BinaryOp::Pow => true,
        BinaryOp::Atan2 => v3,
        _ => false,
    }
}

/// The value of an arithmetic operator, or `None` for others.
#[inline]
fn arithmetic(op: BinaryOp, l: f64, r: f64) -> Option<f64> {
    Some(match op {
        BinaryOp::Add => l + r,
        BinaryOp::Sub => l - r,
        BinaryOp::Mul => l * r,
        BinaryOp::Div => l / r,
        BinaryOp::Mod => remainder(l, r),
        BinaryOp::Pow => power(l, r),
        BinaryOp::Atan2 => l.atan2(r),
        _ => return None,
    })
}

/// Whether a comparison holds.
#[inline]
fn compares(op: BinaryOp, l: f64, r: f64) -> bool {
    match op {
        BinaryOp::Equal => l == r,
        BinaryOp::NotEqual => l != r,
        BinaryOp::Greater => l > r,
        BinaryOp::Less => l < r,
        BinaryOp::GreaterEqual => l >= r,
        BinaryOp::LessEqual => l <= r,
        _ => false,
    }
}

/// An operator between two scalars; comparisons give 1 or 0.
pub(crate) fn scalar_operation(op: BinaryOp, l: f64, r: f64) -> f64 {
    arithmetic(op, l, r).unwrap_or_else(|| f64::from(u8::from(compares(op, l, r))))
}

/// The result of an operator between two numbers in a vector operation: the value, and whether a filter keeps it.
#[inline]
pub(crate) fn float_operation(op: BinaryOp, l: f64, r: f64) -> (f64, bool) {
    match arithmetic(op, l, r) {
        Some(v) => (v, true),
        None => (l, compares(op, l, r)),
    }
}

/// What an operator makes of two values that need not be numbers.
pub(crate) struct Mixed {
    pub cell: Cell,
    pub keep: bool,
}

/// The operands as they are named in annotations.
fn kind(cell: &Cell) -> &'static str {
    if matches!(cell, Cell::Histogram(_)) { "histogram" } else { "float" }
}

/// An operator between two values of which one may be a histogram; `None` when the two do not go together.
pub(crate) fn mixed_operation(cx: &mut Context<'_>, op: BinaryOp, l: &Cell, r: &Cell, span: Span) -> Option<Mixed> {
    let kept = |h: FloatHistogram| Some(Mixed { cell: Cell::Histogram(Arc::new(h)), keep: true });
    match (l, r) {
        (Cell::Float(a), Cell::Float(b)) if !matches!(op, BinaryOp::TrimUpper | BinaryOp::TrimLower) => {
            let (v, keep) = float_operation(op, *a, *b);
            return Some(Mixed { cell: Cell::Float(v), keep });
        }
        (Cell::Float(v), Cell::Histogram(h)) | (Cell::Histogram(h), Cell::Float(v)) if op == BinaryOp::Mul => {
            let mut h = (**h).clone();
            h.multiply(*v);
            h.compact();
            return kept(h);
        }
        (Cell::Histogram(h), Cell::Float(v)) if op == BinaryOp::Div => {
            let mut h = (**h).clone();
            h.divide(*v);
            h.compact();
            return kept(h);
        }
        (Cell::Histogram(h), Cell::Float(v)) if matches!(op, BinaryOp::TrimUpper | BinaryOp::TrimLower) => {
            return kept(trim(h, *v, op == BinaryOp::TrimUpper));
        }
        (Cell::Histogram(a), Cell::Histogram(b)) if matches!(op, BinaryOp::Add | BinaryOp::Sub) => {
            let mut h = (**a).clone();
            let (combined, word) = if op == BinaryOp::Add {
                (cx.rules().add(&mut h, b), "addition")
            } else {
                (cx.rules().subtract(&mut h, b), "subtraction")
            };
            let Ok(combined) = combined else {
                cx.warn(format!("incompatible bucket layout encountered for binary operator {}", symbol(op)), span);
                return None;
            };
            if op == BinaryOp::Sub {
                h.hint = CounterResetHint::Gauge;
            }
            if combined.reset_collision && cx.rules().tells_collisions {
                cx.warn(format!("conflicting counter resets during histogram {word}"), span);
            }
            if combined.bounds_reconciled {
                cx.inform(format!("mismatched custom buckets were reconciled during {word}"), span);
            }
            h.compact();
            return kept(h);
        }
        (Cell::Histogram(a), Cell::Histogram(b)) if matches!(op, BinaryOp::Equal | BinaryOp::NotEqual) => {
            let keep = a.same_as(b) == (op == BinaryOp::Equal);
            return Some(Mixed { cell: l.clone(), keep });
        }
        _ => {}
    }
    let op = symbol(op);
    let (l, r) = (kind(l), kind(r));
    let message = format!("incompatible sample types encountered for binary operator \"{op}\": {l} {op} {r}");
    cx.inform(message, span);
    None
}

/// An operation of a vector with a scalar.
#[derive(Debug)]
pub(crate) struct VectorScalar {
    op: BinaryOp,
    /// Whether the scalar is on the left.
    pub swapped: bool,
    return_bool: bool,
    span: Span,
    names: RowMap,
}

impl VectorScalar {
    pub fn new(binary: &Binary, swapped: bool, span: Span) -> Self {
        Self { op: binary.op, swapped, return_bool: binary.return_bool, span, names: RowMap::default() }
    }

    /// `before` is what was held before the operands were evaluated.
    pub fn apply(
        &mut self,
        cx: &mut Context<'_>,
        mut table: Table,
        scalars: Vec<f64>,
        before: usize,
    ) -> Result<Table, EvalError> {
        cx.check(cx.samples + table.rows.len() + 1)?;
        cx.spend(table.cells.len())?;
        let steps = table.steps.max(1);
        if !table.has_histograms() && !matches!(self.op, BinaryOp::TrimUpper | BinaryOp::TrimLower) {
            for row in table.cells.chunks_exact_mut(steps) {
                for (cell, scalar) in row.iter_mut().zip(&scalars) {
                    if !is_absent(*cell) {
                        *cell = self.of_float(*cell, *scalar);
                    }
                }
            }
        } else {
            for index in 0..table.cells.len() {
                let cell = table.cell(index);
                if !matches!(cell, Cell::Nothing) {
                    let cell = self.of_mixed(cx, &cell, scalars[index % steps]);
                    table.set(index, cell);
                }
            }
        }
        cx.recycle(scalars);
        let table = if drops_name(self.op, cx.is_v3()) || self.return_bool {
            self.names.drop_name(cx, table, false)?
        } else {
            table
        };
        let produced = cx.size_of(&table);
        cx.check(cx.samples + produced)?;
        cx.samples = before + produced;
        Ok(table)
    }

    #[inline]
    fn of_float(&self, v: f64, scalar: f64) -> f64 {
        let (l, r) = if self.swapped { (scalar, v) } else { (v, scalar) };
        let (value, keep) = float_operation(self.op, l, r);
        if self.return_bool {
            return f64::from(u8::from(keep));
        }
        match (keep, self.op.is_comparison()) {
            (false, _) => NOTHING,
            // A filter keeps the vector's value, on whichever side it stands.
            (true, true) => v,
            (true, false) => value,
        }
    }

    fn of_mixed(&self, cx: &mut Context<'_>, cell: &Cell, scalar: f64) -> Cell {
        let scalar = Cell::Float(scalar);
        let (l, r) = if self.swapped { (&scalar, cell) } else { (cell, &scalar) };
        let Some(mixed) = mixed_operation(cx, self.op, l, r, self.span) else { return Cell::Nothing };
        if self.return_bool {
            return Cell::Float(f64::from(u8::from(mixed.keep)));
        }
        match (mixed.keep, self.op.is_comparison()) {
            (false, _) => Cell::Nothing,
            (true, true) => cell.clone(),
            (true, false) => mixed.cell,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comparisons_of_scalars_give_one_or_zero() {
        assert_eq!(scalar_operation(BinaryOp::Greater, 2.0, 1.0), 1.0);
        assert_eq!(scalar_operation(BinaryOp::Equal, f64::NAN, f64::NAN), 0.0);
        assert_eq!(scalar_operation(BinaryOp::Mod, -5.0, 3.0), -2.0);
    }
}
