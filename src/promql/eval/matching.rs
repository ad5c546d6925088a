//! Operations between two vectors: finding each element's partner, with Prometheus' errors.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::binary::{drops_name, float_operation, mixed_operation};
use super::context::{Context, same_labelset};
use super::rows::{GrowingRows, without_name};
use super::signature::{Signatures, signature};
use super::table::{Cell, NOTHING, Rows, Table, is_absent, is_float};
use crate::model::Labels;
use crate::promql::Dialect;
use crate::promql::ast::{Binary, BinaryOp, Cardinality, VectorMatching};
use crate::promql::value::EvalError;
use crate::text::Span;

/// No partner.
const NONE: u32 = u32::MAX;

/// An operation between two vectors.
#[derive(Debug)]
pub(crate) struct VectorOperation {
    rule: Rule,
    span: Span,
    signatures: Signatures,
    /// Pairs of rows that are each other's only possible partners; `None` when that is not so for all.
    fixed: Option<FixedPairs>,
    results: GrowingRows,
    /// Result rows of pairs (`NONE` for a filled-in side).
    pairs: FxHashMap<(u32, u32), u32>,
}

/// How results come about.
#[derive(Debug)]
struct Rule {
    op: BinaryOp,
    matching: VectorMatching,
    return_bool: bool,
}

#[derive(Debug)]
struct FixedPairs {
    /// Rows of the many side and of the one side, in order of the many side.
    pairs: Vec<(u32, u32)>,
    rows: Rows,
    /// The pair of each row of the many side.
    of_many: Vec<u32>,
}

impl Rule {
    /// Whether the sides are looked at the other way round: the many side is then on the right.
    fn swapped(&self) -> bool {
        self.matching.cardinality == Cardinality::OneToMany
    }

    fn one_to_one(&self) -> bool {
        self.matching.cardinality == Cardinality::OneToOne
    }

    /// The labels of a result.
    fn labels(&self, many: &Labels, one: &Labels, dialect: Dialect, delayed: bool) -> Labels {
        let m = &self.matching;
        let listed = |name: &str| m.labels.iter().any(|n| **n == *name);
        let named =
            if drops_name(self.op, dialect == Dialect::V3) { without_name(many, dialect) } else { many.clone() };
        let mut builder = named.builder();
        if self.one_to_one() {
            builder.retain(|l| listed(&l.name) == m.on);
        }
        for name in &m.include {
            match one.get(name) {
                Some(value) => builder.set(name.clone(), value),
                None => builder.remove(name),
            };
        }
        let labels = builder.build();
        if self.return_bool && !delayed { without_name(&labels, dialect) } else { labels }
    }

    /// The result of two values on the many and the one side: what it is, and whether a filter keeps it.
    fn apply(&self, cx: &mut Context<'_>, many: &Cell, one: &Cell, span: Span) -> Option<(Cell, bool)> {
        let (l, r) = if self.swapped() { (one, many) } else { (many, one) };
        let mixed = mixed_operation(cx, self.op, l, r, span)?;
        if self.return_bool {
            return Some((Cell::Float(f64::from(u8::from(mixed.keep))), mixed.keep));
        }
        Some((mixed.cell, mixed.keep))
    }
}

impl VectorOperation {
    pub fn new(b: &Binary, span: Span) -> Self {
        let matching = b.matching.clone().unwrap_or(VectorMatching {
            cardinality: Cardinality::OneToOne,
            labels: Vec::new(),
            on: false,
            include: Vec::new(),
            fill: (None, None),
        });
        Self {
            rule: Rule { op: b.op, matching, return_bool: b.return_bool },
            span,
            signatures: Signatures::default(),
            fixed: None,
            results: GrowingRows::default(),
            pairs: FxHashMap::default(),
        }
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
        let (many, one) = if self.rule.swapped() { (right, left) } else { (left, right) };
        let m = &self.rule.matching;
        if self.signatures.prepare(&many.rows, &one.rows, m.on, &m.labels) {
            self.results = GrowingRows::default();
            self.pairs.clear();
            self.fixed = self.fix_pairs(cx, &many.rows, &one.rows);
        }
        let result = match &self.fixed {
            Some(fixed) => self.over_fixed_pairs(cx, fixed, &many, &one)?,
            None => self.step_by_step(cx, &many, &one)?,
        };
        cx.settle(before, &[&many, &one], 0, &result)?;
        cx.recycle_table(many);
        cx.recycle_table(one);
        Ok(result)
    }

    /// The pairs, when no step can bring about an error or another pairing.
    fn fix_pairs(&self, cx: &Context<'_>, many: &Rows, one: &Rows) -> Option<FixedPairs> {
        if self.rule.matching.fill != (None, None) {
            return None;
        }
        let mut partner = vec![NONE; self.signatures.count];
        for (row, s) in self.signatures.right.iter().enumerate() {
            if std::mem::replace(&mut partner[*s as usize], row as u32) != NONE {
                return None;
            }
        }
        let mut seen = vec![false; self.signatures.count];
        let mut fixed = FixedPairs { pairs: Vec::new(), rows: Arc::new([]), of_many: vec![NONE; many.len()] };
        let mut rows = GrowingRows::default();
        for (row, s) in self.signatures.left.iter().enumerate() {
            let s = *s as usize;
            if self.rule.one_to_one() && std::mem::replace(&mut seen[s], true) {
                return None;
            }
            if partner[s] == NONE {
                continue;
            }
            let (m, o) = (&many[row].labels, &one[partner[s] as usize].labels);
            let labels = self.rule.labels(m, o, cx.dialect(), cx.delayed());
            let place = rows.place(&labels, self.rule.return_bool);
            if place as usize != fixed.pairs.len() {
                return None;
            }
            fixed.of_many[row] = place;
            fixed.pairs.push((row as u32, partner[s]));
        }
        fixed.rows = rows.rows();
        Some(fixed)
    }

    fn over_fixed_pairs(
        &self,
        cx: &mut Context<'_>,
        fixed: &FixedPairs,
        many: &Table,
        one: &Table,
    ) -> Result<Table, EvalError> {
        let steps = many.steps;
        let cells = cx.cells(fixed.pairs.len(), steps, NOTHING)?;
        let mut result = Table::new(fixed.rows.clone(), steps, cells);
        let trims = matches!(self.rule.op, BinaryOp::TrimLower | BinaryOp::TrimUpper);
        for (place, (m, o)) in fixed.pairs.iter().enumerate() {
            let (m, o) = (*m as usize * steps, *o as usize * steps);
            for step in 0..steps {
                let (a, b) = (many.cells[m + step], one.cells[o + step]);
                if is_float(a) && is_float(b) && !trims {
                    let (l, r) = if self.rule.swapped() { (b, a) } else { (a, b) };
                    let (value, keep) = float_operation(self.rule.op, l, r);
                    result.cells[place * steps + step] = if self.rule.return_bool {
                        f64::from(u8::from(keep))
                    } else if keep {
                        value
                    } else {
                        NOTHING
                    };
                } else if !is_absent(a) && !is_absent(b) {
                    let done = self.rule.apply(cx, &many.cell(m + step), &one.cell(o + step), self.span);
                    if let Some((cell, keep)) = done
                        && (keep || self.rule.return_bool)
                    {
                        result.set(place * steps + step, cell);
                    }
                }
            }
        }
        if let Some(order) = &many.order {
            result.order = Some(order.iter().map(|r| fixed.of_many[*r as usize]).filter(|p| *p != NONE).collect());
        }
        Ok(result)
    }

    fn step_by_step(&mut self, cx: &mut Context<'_>, many: &Table, one: &Table) -> Result<Table, EvalError> {
        let steps = many.steps;
        let mut found: Vec<(u32, usize, Cell)> = Vec::new();
        let mut partner = vec![NONE; self.signatures.count];
        let mut matched: Vec<Vec<u32>> = vec![Vec::new(); self.signatures.count];
        // With `group_right` too the left fill stands in for the many side, as upstream has it.
        let (fill_many, fill_one) = self.rule.matching.fill;
        for step in 0..steps {
            let at = |row: usize| row * steps + step;
            let any = |t: &Table| (0..t.rows.len()).any(|r| !is_absent(t.cells[at(r)]));
            let (any_many, any_one) = (any(many), any(one));
            let fills = fill_many.is_some() || fill_one.is_some();
            if (!any_many && !any_one) || ((!any_many || !any_one) && !fills) {
                continue;
            }
            partner.fill(NONE);
            matched.iter_mut().for_each(Vec::clear);
            for row in one.row_order().filter(|r| !is_absent(one.cells[at(*r)])) {
                let s = self.signatures.right[row] as usize;
                let other = std::mem::replace(&mut partner[s], row as u32);
                if other != NONE {
                    return Err(self.duplicate(&one.rows[row].labels, &one.rows[other as usize].labels));
                }
            }
            for row in many.row_order().filter(|r| !is_absent(many.cells[at(*r)])) {
                let s = self.signatures.left[row];
                let with = partner[s as usize];
                let one_cell = match (with, fill_one) {
                    (NONE, None) => continue,
                    (NONE, Some(fill)) => Cell::Float(fill),
                    _ => one.cell(at(with as usize)),
                };
                let many_cell = many.cell(at(row));
                let pair = (row as u32, with);
                self.pair(cx, (many, one), pair, (&many_cell, &one_cell), s, step, &mut matched, &mut found)?;
            }
            if let Some(fill) = fill_many {
                for row in one.row_order().filter(|r| !is_absent(one.cells[at(*r)])) {
                    let s = self.signatures.right[row];
                    if matched[s as usize].is_empty() {
                        let one_cell = one.cell(at(row));
                        let cells = (&Cell::Float(fill), &one_cell);
                        self.pair(cx, (many, one), (NONE, row as u32), cells, s, step, &mut matched, &mut found)?;
                    }
                }
            }
        }
        let rows = self.results.rows();
        let cells = cx.cells(rows.len(), steps, NOTHING)?;
        let mut result = Table::new(rows, steps, cells);
        let mut order = Vec::new();
        for (place, step, cell) in found {
            let index = place as usize * steps + step;
            if !is_absent(result.cells[index]) {
                return Err(same_labelset());
            }
            result.set(index, cell);
            order.push(place);
        }
        if steps == 1 && !order.is_sorted() {
            result.order = Some(order);
        }
        Ok(result)
    }

    /// Puts the result of a pair among those found.
    #[allow(clippy::too_many_arguments)]
    fn pair(
        &mut self,
        cx: &mut Context<'_>,
        tables: (&Table, &Table),
        pair: (u32, u32),
        cells: (&Cell, &Cell),
        signature_number: u32,
        step: usize,
        matched: &mut [Vec<u32>],
        found: &mut Vec<(u32, usize, Cell)>,
    ) -> Result<(), EvalError> {
        let Some((cell, keep)) = self.rule.apply(cx, cells.0, cells.1, self.span) else { return Ok(()) };
        let keep = keep || self.rule.return_bool;
        // 2.42 looks for ambiguous matches among what a filter lets through only.
        if !keep && !cx.is_v3() {
            return Ok(());
        }
        let place = match self.pairs.get(&pair) {
            Some(place) => *place,
            None => {
                let m = &self.rule.matching;
                let of = |row: u32, rows: &Rows, other: u32, others: &Rows| match rows.get(row as usize) {
                    Some(row) => row.labels.clone(),
                    None => signature(&others[other as usize].labels, m.on, &m.labels),
                };
                let many = of(pair.0, &tables.0.rows, pair.1, &tables.1.rows);
                let one = of(pair.1, &tables.1.rows, pair.0, &tables.0.rows);
                let labels = self.rule.labels(&many, &one, cx.dialect(), cx.delayed());
                let place = self.results.place(&labels, self.rule.return_bool);
                self.pairs.insert(pair, place);
                place
            }
        };
        let so_far = &mut matched[signature_number as usize];
        if self.rule.one_to_one() && !so_far.is_empty() {
            return Err(EvalError::execution(
                "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)",
            ));
        }
        if so_far.contains(&place) {
            return Err(EvalError::execution(
                "multiple matches for labels: grouping labels must ensure unique matches",
            ));
        }
        so_far.push(place);
        if keep {
            found.push((place, step, cell));
        }
        Ok(())
    }

    fn duplicate(&self, this: &Labels, other: &Labels) -> EvalError {
        let m = &self.rule.matching;
        let side = if self.rule.swapped() { "left" } else { "right" };
        let group = signature(this, m.on, &m.labels);
        EvalError::execution(format!(
            "found duplicate series for the match group {group} on the {side} hand-side of the operation: \
             [{this}, {other}];many-to-many matching not allowed: matching labels must be unique on one side"
        ))
    }
}
