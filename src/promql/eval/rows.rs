//! Operations that change a row's labels: dropping the name, `label_replace` and so on.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::context::{Context, same_labelset};
use super::table::{Cell, NOTHING, Row, Rows, Table, is_absent};
use crate::model::{Labels, METRIC_NAME};
use crate::promql::Dialect;
use crate::promql::value::EvalError;

/// What becomes of each row of a table; worked out once for the same rows.
#[derive(Debug, Default)]
pub(crate) struct RowMap {
    input: Option<Rows>,
    output: Option<Rows>,
    /// Input row to output row, when rows fall together.
    merged: Option<Vec<u32>>,
}

impl RowMap {
    /// Gives the table's rows new labels. Rows that get the same labels fall together, which is an error where both
    /// hold a value at a step, and, when `strict`, where both hold any.
    pub fn apply(
        &mut self,
        cx: &mut Context<'_>,
        mut table: Table,
        strict: bool,
        merge: bool,
        change: impl FnMut(&Row) -> Row,
    ) -> Result<Table, EvalError> {
        self.prepare(&table.rows, merge, change);
        let output = self.output.clone().unwrap_or_else(|| table.rows.clone());
        let Some(merged) = &self.merged else {
            table.rows = output;
            return Ok(table);
        };
        let steps = table.steps;
        let cells = cx.buffer(output.len() * steps, NOTHING);
        let mut result = Table::new(output, steps, cells);
        let mut taken = vec![false; if strict { result.rows.len() } else { 0 }];
        for (row, to) in merged.iter().enumerate() {
            let to = *to as usize;
            if strict && !table.row_is_empty(row) {
                if taken[to] {
                    return Err(same_labelset());
                }
                taken[to] = true;
            }
            for step in 0..steps {
                let (from, at) = (row * steps + step, to * steps + step);
                if is_absent(table.cells[from]) {
                    continue;
                }
                if !is_absent(result.cells[at]) {
                    return Err(same_labelset());
                }
                match table.cell(from) {
                    Cell::Float(v) => result.cells[at] = v,
                    other => result.set(at, other),
                }
            }
        }
        if let Some(order) = &table.order {
            let present = order.iter().filter(|r| !table.row_is_empty(**r as usize));
            result.order = Some(present.map(|r| merged[*r as usize]).collect());
        }
        cx.recycle_table(table);
        Ok(result)
    }

    fn prepare(&mut self, rows: &Rows, merge: bool, mut change: impl FnMut(&Row) -> Row) {
        if self.input.as_ref().is_some_and(|known| Arc::ptr_eq(known, rows)) {
            return;
        }
        let changed: Vec<Row> = rows.iter().map(&mut change).collect();
        self.input = Some(rows.clone());
        self.merged = None;
        if !merge {
            self.output = Some(if changed[..] == rows[..] { rows.clone() } else { changed.into() });
            return;
        }
        let mut places: FxHashMap<Labels, u32> = FxHashMap::default();
        let mut merged = Vec::with_capacity(changed.len());
        let mut kept: Vec<Row> = Vec::with_capacity(changed.len());
        for row in changed {
            let place = *places.entry(row.labels.clone()).or_insert(kept.len() as u32);
            if place as usize == kept.len() {
                kept.push(row);
            }
            merged.push(place);
        }
        if kept.len() == rows.len() {
            self.output = Some(if kept[..] == rows[..] { rows.clone() } else { kept.into() });
        } else {
            self.output = Some(kept.into());
            self.merged = Some(merged);
        }
    }

    /// Drops the metric's name, now or (delayed name removal) at the end.
    pub fn drop_name(&mut self, cx: &mut Context<'_>, table: Table, strict: bool) -> Result<Table, EvalError> {
        let (dialect, delayed) = (cx.dialect(), cx.delayed());
        self.apply(cx, table, strict, !delayed, |row| {
            if delayed {
                Row { labels: row.labels.clone(), drop_name: true }
            } else {
                Row { labels: without_name(&row.labels, dialect), drop_name: true }
            }
        })
    }

    /// Carries out the delayed removals.
    pub fn finish_names(&mut self, cx: &mut Context<'_>, table: Table) -> Result<Table, EvalError> {
        let dialect = cx.dialect();
        self.apply(cx, table, false, true, |row| {
            let labels = if row.drop_name { without_name(&row.labels, dialect) } else { row.labels.clone() };
            Row { labels, drop_name: false }
        })
    }
}

/// Labels without the name; dialect 3 counts type and unit as parts of the name.
pub(crate) fn without_name(labels: &Labels, dialect: Dialect) -> Labels {
    let reserved =
        |name: &str| name == METRIC_NAME || (dialect == Dialect::V3 && (name == "__type__" || name == "__unit__"));
    if labels.iter().any(|l| reserved(&l.name)) {
        labels.builder().retain(|l| !reserved(&l.name)).build()
    } else {
        labels.clone()
    }
}

/// Rows that grow as results appear, with the place of each label set.
#[derive(Debug, Default)]
pub(crate) struct GrowingRows {
    rows: Vec<Row>,
    places: FxHashMap<Labels, u32>,
    shared: Option<Rows>,
}

impl GrowingRows {
    /// The row of a label set, new at the end if it was not there.
    pub fn place(&mut self, labels: &Labels, drop_name: bool) -> u32 {
        if let Some(place) = self.places.get(labels) {
            return *place;
        }
        let place = self.rows.len() as u32;
        self.rows.push(Row { labels: labels.clone(), drop_name });
        self.places.insert(labels.clone(), place);
        self.shared = None;
        place
    }

    pub fn rows(&mut self) -> Rows {
        self.shared.get_or_insert_with(|| self.rows.as_slice().into()).clone()
    }
}
