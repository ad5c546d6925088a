//! Aggregations that choose among elements: `topk`, `bottomk`, `limitk`, `limit_ratio`; and `count_values`.

use std::sync::Arc;

use super::aggregate::{Aggregation, group_labels};
use super::context::Context;
use super::sorting::{built_with, goes_before};
use super::table::{Cell, NOTHING, Table, is_absent, is_float};
use crate::golang::float::{FloatFormat, format_float, format_value};
use crate::golang::sort::sort;
use crate::model::{HashLayout, Labels, label_hash};
use crate::promql::Dialect;
use crate::promql::ast::AggregateOp;
use crate::promql::value::EvalError;

/// The largest parameter that Prometheus turns into an integer.
const LARGEST: f64 = 9_223_372_036_854_774_784.0;
/// The smallest.
const SMALLEST: f64 = -9_223_372_036_854_775_808.0;

/// The elements chosen so far, the one to be replaced first on top: Go's `container/heap`, since ties depend on it.
struct Heap {
    items: Vec<(f64, u32)>,
    largest: bool,
}

impl Heap {
    /// Whether `a` goes before `b`: NaN always.
    fn less(&self, a: usize, b: usize) -> bool {
        let (a, b) = (self.items[a].0, self.items[b].0);
        a.is_nan() || if self.largest { a < b } else { a > b }
    }

    fn push(&mut self, item: (f64, u32)) {
        self.items.push(item);
        let mut child = self.items.len() - 1;
        while child > 0 {
            let parent = (child - 1) / 2;
            if !self.less(child, parent) {
                break;
            }
            self.items.swap(child, parent);
            child = parent;
        }
    }

    /// Replaces the top. 2.42 takes it off before it puts the new element in, which leaves ties in another order.
    fn replace_top(&mut self, item: (f64, u32), v3: bool) {
        if v3 || self.items.len() == 1 {
            self.items[0] = item;
            self.sink();
        } else {
            self.items.swap_remove(0);
            self.sink();
            self.push(item);
        }
    }

    /// Lets the top sink to its place.
    fn sink(&mut self) {
        let mut parent = 0;
        loop {
            let mut child = 2 * parent + 1;
            if child >= self.items.len() {
                break;
            }
            if child + 1 < self.items.len() && self.less(child + 1, child) {
                child += 1;
            }
            if !self.less(child, parent) {
                break;
            }
            self.items.swap(parent, child);
            parent = child;
        }
    }

    fn offer(&mut self, item: (f64, u32), k: usize, v3: bool) {
        if self.items.len() < k {
            self.push(item);
            return;
        }
        let (top, v) = (self.items[0].0, item.0);
        let beats = if self.largest { top < v } else { top > v };
        if beats || (top.is_nan() && !v.is_nan()) {
            self.replace_top(item, v3);
        }
    }

    /// Best first.
    fn sorted(mut self, dialect: Dialect) -> Vec<u32> {
        let largest = self.largest;
        sort(&mut self.items, built_with(dialect), |a, b| goes_before(a.0, b.0, largest));
        self.items.into_iter().map(|(_, row)| row).collect()
    }
}

impl Aggregation {
    pub(super) fn choose(
        &mut self,
        cx: &mut Context<'_>,
        mut table: Table,
        params: &[f64],
    ) -> Result<Table, EvalError> {
        if !self.check_params(cx, params)? {
            let cells = cx.cells(table.rows.len(), table.steps, NOTHING)?;
            return Ok(Table::new(table.rows.clone(), table.steps, cells));
        }
        let groups = self.groups.prepare(&table.rows, &self.grouping, self.without, cx.dialect()).len();
        let steps = table.steps;
        let mut order = Vec::new();
        for step in 0..steps {
            let param = params.get(step).copied().unwrap_or(f64::NAN);
            let chosen = self.choose_at(cx, &table, step, param, groups);
            let mut keep = vec![false; table.rows.len()];
            for row in &chosen {
                keep[*row as usize] = true;
            }
            for (row, keep) in keep.iter().enumerate() {
                if !keep {
                    table.clear(row * steps + step);
                }
            }
            order = chosen;
        }
        table.order = (steps == 1).then_some(order);
        Ok(table)
    }

    /// Checks the parameters of all steps; `false` when nothing can be chosen.
    fn check_params(&self, cx: &mut Context<'_>, params: &[f64]) -> Result<bool, EvalError> {
        let nan = params.iter().any(|p| p.is_nan());
        let high = params.iter().copied().filter(|p| !p.is_nan()).fold(f64::NEG_INFINITY, f64::max);
        let low = params.iter().copied().filter(|p| !p.is_nan()).fold(f64::INFINITY, f64::min);
        let overflow = |v: f64| Err(EvalError::execution(format!("Scalar value {} overflows int64", format_value(v))));
        if self.op == AggregateOp::LimitRatio {
            if nan {
                return Err(EvalError::execution("Ratio value is NaN"));
            }
            for (beyond, v, to) in [(high > 1.0, high, "1"), (low < -1.0, low, "-1")] {
                if beyond {
                    let v = format_value(v);
                    let message = format!("ratio value should be between -1 and 1, got {v}, capping to {to}");
                    cx.warn(message, self.param_span);
                }
            }
            return Ok(high != 0.0 || low != 0.0);
        }
        if !cx.is_v3() {
            return match params.iter().find(|p| p.is_nan() || **p > LARGEST || **p < SMALLEST) {
                Some(v) => overflow(*v),
                None => Ok(high >= 1.0),
            };
        }
        if nan {
            return Err(EvalError::execution("Parameter value is NaN"));
        }
        if high < 1.0 {
            return Ok(false);
        }
        if low <= SMALLEST {
            return Err(EvalError::execution(format!("Scalar value {} underflows int64", format_value(low))));
        }
        if high >= LARGEST {
            return overflow(high);
        }
        Ok(true)
    }

    /// The rows chosen at a step, group by group, best first.
    fn choose_at(&self, cx: &mut Context<'_>, table: &Table, step: usize, param: f64, groups: usize) -> Vec<u32> {
        let steps = table.steps;
        let largest = self.op != AggregateOp::Bottomk;
        let k = if param >= 1.0 { (param as usize).min(table.rows.len()) } else { 0 };
        if k == 0 && self.op != AggregateOp::LimitRatio {
            return Vec::new();
        }
        let mut heaps: Vec<Heap> = (0..groups).map(|_| Heap { items: Vec::new(), largest }).collect();
        let mut first_seen = Vec::new();
        let mut seen = vec![false; groups];
        for row in table.row_order() {
            let cell = table.cells[row * steps + step];
            if is_absent(cell) {
                continue;
            }
            let group = self.groups.of_row[row] as usize;
            if !std::mem::replace(&mut seen[group], true) {
                first_seen.push(group);
            }
            let heap = &mut heaps[group];
            let item = (cell, row as u32);
            match self.op {
                AggregateOp::Limitk => {
                    if heap.items.len() < k {
                        heap.items.push(item);
                    }
                }
                AggregateOp::LimitRatio => {
                    if in_ratio(&table.rows[row].labels, param.clamp(-1.0, 1.0)) {
                        heap.items.push(item);
                    }
                }
                _ if is_float(cell) => heap.offer(item, k, cx.is_v3()),
                _ => {
                    let name = if largest { "topk" } else { "bottomk" };
                    cx.inform(format!("ignored histogram in {name} aggregation"), self.span);
                }
            }
        }
        let mut chosen = Vec::new();
        for group in first_seen {
            let heap = std::mem::replace(&mut heaps[group], Heap { items: Vec::new(), largest });
            match self.op {
                AggregateOp::Topk | AggregateOp::Bottomk => chosen.extend(heap.sorted(cx.dialect())),
                _ => chosen.extend(heap.items.into_iter().map(|(_, row)| row)),
            }
        }
        chosen
    }

    pub(super) fn count_values(
        &mut self,
        cx: &mut Context<'_>,
        table: Table,
        label: &Arc<str>,
    ) -> Result<Table, EvalError> {
        let steps = table.steps;
        let mut grouping = self.grouping.clone();
        if !self.without {
            grouping.push(label.clone());
        }
        let mut found: Vec<(u32, usize)> = Vec::new();
        for step in 0..steps {
            for row in table.row_order() {
                let index = row * steps + step;
                let value = match table.cell(index) {
                    Cell::Nothing => continue,
                    Cell::Float(v) => format_float(v, FloatFormat::Fixed, None),
                    Cell::Histogram(h) => h.to_string(),
                };
                let labels = table.rows[row].labels.builder().set(label.clone(), value).build();
                let labels = group_labels(&labels, &grouping, self.without);
                found.push((self.values.place(&labels, false), step));
            }
        }
        let rows = self.values.rows();
        let cells = cx.cells(rows.len(), steps, NOTHING)?;
        let mut result = Table::new(rows, steps, cells);
        let mut order = Vec::new();
        for (place, step) in found {
            let cell = &mut result.cells[place as usize * steps + step];
            if is_absent(*cell) {
                *cell = 0.0;
                order.push(place);
            }
            *cell += 1.0;
        }
        if steps == 1 {
            result.order = Some(order);
        }
        cx.recycle_table(table);
        Ok(result)
    }
}

/// Whether a label set's hash, as a fraction, lies in the ratio (from the other end when it is negative).
fn in_ratio(labels: &Labels, ratio: f64) -> bool {
    let hash = label_hash(labels, HashLayout::Prefixed);
    let offset = hash as f64 / u64::MAX as f64;
    if ratio >= 0.0 { offset < ratio } else { offset >= 1.0 + ratio }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(v3: bool) -> Vec<u32> {
        let mut heap = Heap { items: Vec::new(), largest: true };
        for item in [(1.0, 0), (0.0, 1), (1.0, 2)] {
            heap.offer(item, 2, v3);
        }
        heap.sorted(if v3 { Dialect::V3 } else { Dialect::V2_42 })
    }

    #[test]
    fn ties_come_in_the_order_of_each_version() {
        assert_eq!(chosen(false), [0, 2]);
        assert_eq!(chosen(true), [2, 0]);
    }
}
