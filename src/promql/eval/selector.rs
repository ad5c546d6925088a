//! Selectors: which series they select, what they see of them at each step.

use std::sync::Arc;

use super::context::Context;
use super::table::{Cell, Grid, NOTHING, Row, Rows, Table};
use crate::model::{CounterResetHint, FloatHistogram, Matcher, is_stale_nan};
use crate::promql::ast::{ExtendedRange, Modifiers, VectorSelector};
use crate::promql::functions::window::{Columns, Scratch};
use crate::promql::value::EvalError;
use crate::tsdb::{Series, SeriesRef, Tsdb, upper_bound};

/// A selector with what it remembers of the store.
#[derive(Debug)]
pub(crate) struct Selector {
    pub matchers: Vec<Matcher>,
    pub modifiers: Modifiers,
    pub extended: Option<ExtendedRange>,
    /// Whether histograms without a hint get one by comparison with the sample before.
    tells_resets: bool,
    stamp: Option<(u64, usize)>,
    refs: Vec<SeriesRef>,
    rows: Rows,
    /// Where the last evaluation read in each series: beginning and end of the window.
    cursors: Vec<(usize, usize)>,
}

impl Selector {
    pub fn new(selector: &VectorSelector, tells_resets: bool) -> Self {
        Self {
            matchers: selector.matchers.clone(),
            modifiers: selector.modifiers.clone(),
            extended: selector.extended,
            tells_resets,
            stamp: None,
            refs: Vec::new(),
            rows: Arc::new([]),
            cursors: Vec::new(),
        }
    }

    /// Selects again when series have come (or the store is another).
    pub fn refresh(&mut self, cx: &Context<'_>) {
        let db = cx.db;
        let stamp = db.stamp();
        match self.stamp {
            Some(known) if known == stamp => return,
            Some((identity, count)) if identity == stamp.0 => {
                let old = self.refs.len();
                let new = db.iter_from(count).filter(|(_, s)| self.matchers.iter().all(|m| m.matches(s.labels())));
                self.refs.extend(new.map(|(r, _)| r));
                self.stamp = Some(stamp);
                if self.refs.len() == old {
                    return;
                }
            }
            _ => {
                self.refs = db.select(&self.matchers);
                self.cursors.clear();
            }
        }
        if cx.options.in_label_order {
            self.refs.sort_by(|a, b| db.series(*a).labels().cmp(db.series(*b).labels()));
            self.cursors.clear();
        }
        self.stamp = Some(stamp);
        self.cursors.resize(self.refs.len(), (0, 0));
        let row = |r: &SeriesRef| Row { labels: db.series(*r).labels().clone(), drop_name: false };
        self.rows = self.refs.iter().map(row).collect();
    }

    pub fn rows(&self) -> &Rows {
        &self.rows
    }

    /// The instant vector at every step; with `times`, the samples' own times in seconds instead of their values.
    pub fn instant(&mut self, cx: &mut Context<'_>, grid: Grid, times: bool) -> Result<Table, EvalError> {
        self.refresh(cx);
        let offset = cx.offset(&self.modifiers)?;
        let fixed = cx.fixed_time(&self.modifiers);
        if self.extended == Some(ExtendedRange::Smoothed) && !times {
            return self.smoothed(cx, grid, offset, fixed);
        }
        let cells = cx.cells(self.refs.len(), grid.steps, NOTHING)?;
        cx.spend(cells.len() + 1)?;
        let mut table = Table::new(self.rows.clone(), grid.steps, cells);
        // In 2.42 a sample exactly as old as the lookback still counts.
        let reach = cx.options.lookback - i64::from(cx.is_v3());
        let first = fixed.unwrap_or(grid.start).saturating_sub(offset);
        let slide = if fixed.is_some() { 0 } else { grid.step };
        for (row, (r, (_, cursor))) in self.refs.iter().zip(&mut self.cursors).enumerate() {
            let series = cx.db.series(*r);
            let (stamps, values) = (series.timestamps(), series.values());
            let plain = !times && !series.has_histograms();
            let mut end = *cursor;
            let mut reference = first;
            for index in row * grid.steps..(row + 1) * grid.steps {
                end = upper_bound(stamps, reference, end);
                let oldest = reference.saturating_sub(reach);
                reference = reference.wrapping_add(slide);
                let Some(at) = end.checked_sub(1) else { continue };
                let (t, value) = (stamps[at], values[at]);
                if t < oldest || is_stale_nan(value) {
                    continue;
                }
                if plain {
                    table.cells[index] = value;
                } else if times {
                    table.cells[index] = t as f64 / 1000.0;
                } else if let Some(Some(h)) = series.histograms().get(at) {
                    table.set(index, Cell::Histogram(hinted(series, at, h, self.tells_resets)));
                } else {
                    table.cells[index] = value;
                }
            }
            *cursor = end;
        }
        cx.hold(cx.size_of(&table))?;
        Ok(table)
    }

    /// `smoothed` on an instant selector: the value between the neighbouring samples.
    fn smoothed(
        &mut self,
        cx: &mut Context<'_>,
        grid: Grid,
        offset: i64,
        fixed: Option<i64>,
    ) -> Result<Table, EvalError> {
        let cells = cx.cells(self.refs.len(), grid.steps, NOTHING)?;
        cx.spend(cells.len() + 1)?;
        let mut table = Table::new(self.rows.clone(), grid.steps, cells);
        let lookback = cx.options.lookback;
        let mut scratch = Scratch::default();
        for row in 0..self.refs.len() {
            for step in 0..grid.steps {
                let at = fixed.unwrap_or_else(|| grid.time(step)).saturating_sub(offset);
                let columns = self.columns(
                    cx.db,
                    row,
                    at.saturating_sub(lookback - 1),
                    at.saturating_add(lookback),
                    &mut scratch,
                );
                if !columns.histograms.is_empty() {
                    return Err(EvalError::execution(
                        "smoothed and anchored modifiers do not work with native histograms",
                    ));
                }
                let (ts, vs) = (columns.times, columns.values);
                let next = ts.partition_point(|t| *t < at);
                let value = if next < ts.len() && ts[next] == at {
                    vs[next]
                } else if next == 0 {
                    continue;
                } else if next < ts.len() {
                    let (t0, t1) = (ts[next - 1], ts[next]);
                    vs[next - 1] + (vs[next] - vs[next - 1]) * (at - t0) as f64 / (t1 - t0) as f64
                } else {
                    vs[next - 1]
                };
                table.cells[row * grid.steps + step] = value;
            }
        }
        Ok(table)
    }

    /// The samples of a row's series from `from` to `to`, staleness markers left out.
    pub fn columns<'a>(
        &mut self,
        db: &'a Tsdb,
        row: usize,
        from: i64,
        to: i64,
        scratch: &'a mut Scratch,
    ) -> Columns<'a> {
        let series = db.series(self.refs[row]);
        let (low, high) = self.cursors[row];
        let low = series.upper_bound(from.saturating_sub(1), low);
        let high = series.upper_bound(to, high).max(low);
        self.cursors[row] = (low, high);
        cut(series, low, high, self.tells_resets, scratch)
    }
}

fn cut<'a>(series: &'a Series, low: usize, high: usize, tells_resets: bool, scratch: &'a mut Scratch) -> Columns<'a> {
    if !series.has_stale_markers() && !series.has_histograms() {
        return Columns {
            times: &series.timestamps()[low..high],
            values: &series.values()[low..high],
            histogram_times: &[],
            histograms: &[],
        };
    }
    scratch.clear();
    for i in low..high {
        let (t, v) = (series.timestamps()[i], series.values()[i]);
        if let Some(Some(h)) = series.histograms().get(i) {
            scratch.histogram_times.push(t);
            scratch.histograms.push(hinted(series, i, h, tells_resets));
        } else if !is_stale_nan(v) {
            scratch.times.push(t);
            scratch.values.push(v);
        }
    }
    scratch.columns()
}

/// The histogram at an index, where asked for with a hint that comparison with the sample before gives.
fn hinted(series: &Series, index: usize, h: &Arc<FloatHistogram>, tells_resets: bool) -> Arc<FloatHistogram> {
    if !tells_resets || h.hint != CounterResetHint::Unknown {
        return h.clone();
    }
    let previous = index.checked_sub(1).and_then(|i| series.histograms().get(i)?.as_ref());
    let Some(previous) = previous else { return h.clone() };
    let hint =
        if h.detect_reset(previous) { CounterResetHint::CounterReset } else { CounterResetHint::NotCounterReset };
    Arc::new(FloatHistogram { hint, ..(**h).clone() })
}
