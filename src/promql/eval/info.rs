//! `info()` (experimental, dialect 3): adds the labels of info series to the series they describe.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::build::bare;
use super::context::Context;
use super::node::Node;
use super::rows::GrowingRows;
use super::selector::Selector;
use super::table::{Cell, Grid, NOTHING, Row, Table, is_absent, is_histogram};
use crate::model::{Labels, LabelsBuilder, METRIC_NAME, MatchOp, Matcher};
use crate::promql::ast::{Call, ExprKind, VectorSelector};
use crate::promql::value::EvalError;

/// The labels by which an info series and the series it describes know each other.
const IDENTIFYING: [&str; 2] = ["instance", "job"];

/// A call of `info`.
#[derive(Debug)]
pub(crate) struct Info {
    /// The info series looked at.
    selector: Selector,
    /// Conditions on the info series' name.
    name_matchers: Vec<Matcher>,
    /// Conditions on their other labels; only labels named here are added, when there are any.
    data_matchers: Vec<Matcher>,
    results: GrowingRows,
}

/// An info series' name and identifying labels.
type Identity = (Arc<str>, Vec<Arc<str>>);

fn identity(name: &str, labels: &Labels) -> Identity {
    let values = IDENTIFYING.iter().map(|l| Arc::from(labels.get(l).unwrap_or(""))).collect();
    (Arc::from(name), values)
}

impl Info {
    pub fn new(c: &Call) -> Self {
        let given: Option<&VectorSelector> = c.args.get(1).and_then(|arg| match &bare(arg).kind {
            ExprKind::VectorSelector(s) => Some(s),
            _ => None,
        });
        let matchers = given.map_or_else(Vec::new, |s| s.matchers.clone());
        let (mut names, data): (Vec<Matcher>, Vec<Matcher>) =
            matchers.into_iter().partition(|m| &*m.name == METRIC_NAME);
        if names.is_empty() {
            names.extend(Matcher::new(MatchOp::Equal, METRIC_NAME, "target_info", true));
        }
        let selector = VectorSelector {
            name: None,
            matchers: names.iter().chain(&data).cloned().collect(),
            modifiers: Default::default(),
            extended: None,
        };
        // A selector without a name leaves every series open to enrichment.
        let name_matchers =
            if given.is_some_and(|s| !s.matchers.iter().any(|m| &*m.name == METRIC_NAME)) { Vec::new() } else { names };
        Self {
            selector: Selector::new(&selector, false),
            name_matchers,
            data_matchers: data,
            results: GrowingRows::default(),
        }
    }

    pub fn eval(&mut self, cx: &mut Context<'_>, base: &mut Node, grid: Grid) -> Result<Table, EvalError> {
        let base = base.eval_vector(cx, grid)?;
        let is_info = |row: &Row| {
            let name = row.labels.metric_name();
            !self.name_matchers.is_empty() && self.name_matchers.iter().all(|m| m.matches_value(name))
        };
        let ignored: Vec<bool> = base.rows.iter().map(is_info).collect();
        let identifiable =
            |(row, ignored): (&Row, &bool)| !*ignored && IDENTIFYING.iter().any(|l| row.labels.get(l).is_some());
        let any_identifiable =
            base.rows.iter().zip(&ignored).enumerate().any(|(i, pair)| identifiable(pair) && !base.row_is_empty(i));
        // The values as they are tell floats from histograms, the times tell which of two is newer.
        let kinds = self.selector.instant(cx, grid, false)?;
        let times = self.selector.instant(cx, grid, true)?;
        let mut found: Vec<(u32, usize, Cell)> = Vec::new();
        for step in 0..grid.steps {
            let known = if any_identifiable {
                self.known(&base, &ignored, &kinds, &times, step)?
            } else {
                FxHashMap::default()
            };
            for row in base.row_order() {
                let index = row * grid.steps + step;
                if is_absent(base.cells[index]) {
                    continue;
                }
                let labels = if ignored[row] {
                    Some(base.rows[row].labels.clone())
                } else {
                    self.enriched(&base.rows[row].labels, &known, &times)?
                };
                if let Some(labels) = labels {
                    found.push((self.results.place(&labels, false), step, base.cell(index)));
                }
            }
        }
        let rows = self.results.rows();
        let cells = cx.cells(rows.len(), grid.steps, NOTHING)?;
        let mut result = Table::new(rows, grid.steps, cells);
        for (place, step, cell) in found {
            let index = place as usize * grid.steps + step;
            if !is_absent(result.cells[index]) {
                return Err(super::context::same_labelset());
            }
            result.set(index, cell);
        }
        Ok(result)
    }

    /// The info series of a step by name and identifying labels, the newest of each.
    fn known(
        &self,
        base: &Table,
        ignored: &[bool],
        kinds: &Table,
        times: &Table,
        step: usize,
    ) -> Result<FxHashMap<Identity, usize>, EvalError> {
        let mut wanted: FxHashSet<Vec<Arc<str>>> = FxHashSet::default();
        for (row, ignored) in base.rows.iter().zip(ignored) {
            if !ignored {
                wanted.insert(identity("", &row.labels).1);
            }
        }
        let mut known: FxHashMap<Identity, usize> = FxHashMap::default();
        for row in 0..times.rows.len() {
            let index = row * times.steps + step;
            let labels = &times.rows[row].labels;
            if is_absent(times.cells[index]) {
                continue;
            }
            let id = identity(labels.metric_name(), labels);
            if !wanted.contains(&id.1) {
                continue;
            }
            if is_histogram(kinds.cells[index]) {
                return Err(EvalError::execution(format!(
                    "this should be an info metric, with float samples: {labels}"
                )));
            }
            let Some(other) = known.get(&id).copied() else {
                known.insert(id, row);
                continue;
            };
            let (new, old) = (times.cells[index], times.cells[other * times.steps + step]);
            if new > old {
                known.insert(id, row);
            } else if new == old {
                let at = |seconds: f64| (seconds * 1000.0).round() as i64;
                return Err(EvalError::execution(format!(
                    "found duplicate series for info metric: existing {} @ {}, new {labels} @ {}",
                    times.rows[other].labels,
                    at(old),
                    at(new)
                )));
            }
        }
        Ok(known)
    }

    /// The labels with those of the info series; `None` when the series is to be left out.
    fn enriched(
        &self,
        labels: &Labels,
        known: &FxHashMap<Identity, usize>,
        infos: &Table,
    ) -> Result<Option<Labels>, EvalError> {
        let own = identity("", labels).1;
        let mut added = LabelsBuilder::default();
        let mut matched = false;
        for ((_, values), row) in known {
            if *values != own {
                continue;
            }
            matched = true;
            for l in infos.rows[*row].labels.iter() {
                let wanted = self.data_matchers.is_empty() || self.data_matchers.iter().any(|m| m.name == l.name);
                if &*l.name == METRIC_NAME || !wanted {
                    continue;
                }
                if added.get(&l.name).is_some_and(|v| *v != *l.value) {
                    return Err(EvalError::execution(format!("conflicting label: {}", l.name)));
                }
                if labels.get(&l.name).is_none() {
                    added.set(l.name.clone(), l.value.clone());
                }
            }
        }
        if !matched && !self.data_matchers.iter().all(|m| m.matches_value("")) {
            return Ok(None);
        }
        let mut builder = labels.builder();
        for l in added.build().iter() {
            builder.set(l.name.clone(), l.value.clone());
        }
        Ok(Some(builder.build()))
    }
}
