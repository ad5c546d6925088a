//! `and`, `or`, `unless`.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::context::Context;
use super::signature::Signatures;
use super::table::{Cell, NOTHING, Row, Rows, Table, is_absent};
use crate::model::Labels;
use crate::promql::ast::{Binary, BinaryOp};
use crate::promql::value::EvalError;

/// A set operation between two vectors.
#[derive(Debug)]
pub(crate) struct SetOperation {
    op: BinaryOp,
    on: bool,
    names: Vec<Arc<str>>,
    signatures: Signatures,
    /// Of `or`: the rows of both sides, and where the right side's rows are among them.
    union: Option<(Rows, Vec<u32>)>,
}

impl SetOperation {
    pub fn new(b: &Binary) -> Self {
        let (on, names) = b.matching.as_ref().map_or((false, Vec::new()), |m| (m.on, m.labels.clone()));
        Self { op: b.op, on, names, signatures: Signatures::default(), union: None }
    }

    /// `before` is what was held before the operands were evaluated.
    pub fn apply(
        &mut self,
        cx: &mut Context<'_>,
        left: Table,
        right: Table,
        before: usize,
    ) -> Result<Table, EvalError> {
        cx.spend(left.cells.len() + right.cells.len())?;
        if self.signatures.prepare(&left.rows, &right.rows, self.on, &self.names) {
            self.union = None;
        }
        let held = cx.samples;
        let (left_size, right_size) = (left.rows.len(), right.rows.len());
        let result = match self.op {
            BinaryOp::Or => self.or(cx, left, right)?,
            _ => self.filter(cx, left, right)?,
        };
        cx.check(held + left_size + right_size + cx.size_of(&result))?;
        cx.samples = before + cx.size_of(&result);
        Ok(result)
    }

    /// Per signature and step, whether the table has a sample.
    fn presence(cx: &mut Context<'_>, table: &Table, signatures: &[u32], count: usize) -> Result<Vec<bool>, EvalError> {
        let mut present = vec![false; cx.cells(count, table.steps, NOTHING)?.len()];
        for (row, signature) in signatures.iter().enumerate() {
            let at = *signature as usize * table.steps;
            for (step, cell) in table.row(row).iter().enumerate() {
                present[at + step] |= !is_absent(*cell);
            }
        }
        Ok(present)
    }

    fn filter(&self, cx: &mut Context<'_>, mut left: Table, right: Table) -> Result<Table, EvalError> {
        let present = Self::presence(cx, &right, &self.signatures.right, self.signatures.count)?;
        let keep = self.op == BinaryOp::And;
        let steps = left.steps;
        for row in 0..left.rows.len() {
            let at = self.signatures.left[row] as usize * steps;
            for step in 0..steps {
                if present[at + step] != keep {
                    left.clear(row * steps + step);
                }
            }
        }
        cx.recycle_table(right);
        Ok(left)
    }

    fn or(&mut self, cx: &mut Context<'_>, left: Table, right: Table) -> Result<Table, EvalError> {
        let present = Self::presence(cx, &left, &self.signatures.left, self.signatures.count)?;
        let (rows, places) = self.union.get_or_insert_with(|| unite(&left.rows, &right.rows));
        let steps = left.steps;
        let mut cells = cx.cells(rows.len(), steps, NOTHING)?;
        cells[..left.cells.len()].copy_from_slice(&left.cells);
        let mut result = Table::new(rows.clone(), steps, cells);
        if left.has_histograms() {
            result.histograms = left.histograms.clone();
            result.histograms.resize(result.cells.len(), None);
        }
        for (row, place) in places.iter().enumerate() {
            let at = self.signatures.right[row] as usize * steps;
            for step in 0..steps {
                let from = row * steps + step;
                if is_absent(right.cells[from]) || present[at + step] {
                    continue;
                }
                let to = *place as usize * steps + step;
                match right.cell(from) {
                    Cell::Float(v) => result.cells[to] = v,
                    cell => result.set(to, cell),
                }
            }
        }
        if left.order.is_some() || right.order.is_some() {
            let mut order: Vec<u32> = left.row_order().map(|r| r as u32).collect();
            for r in right.row_order() {
                if !order.contains(&places[r]) {
                    order.push(places[r]);
                }
            }
            result.order = Some(order);
        }
        cx.recycle_table(left);
        cx.recycle_table(right);
        Ok(result)
    }
}

/// The left rows, and behind them those of the right side with other labels.
fn unite(left: &Rows, right: &Rows) -> (Rows, Vec<u32>) {
    let mut known: FxHashMap<&Labels, u32> = FxHashMap::default();
    for (i, row) in left.iter().enumerate() {
        known.insert(&row.labels, i as u32);
    }
    let mut rows: Vec<Row> = left.to_vec();
    let places = right
        .iter()
        .map(|row| match known.get(&row.labels) {
            Some(place) => *place,
            None => {
                rows.push(row.clone());
                rows.len() as u32 - 1
            }
        })
        .collect();
    (rows.into(), places)
}
