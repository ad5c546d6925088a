//! Where range vectors come from: selectors and subqueries.

use std::sync::Arc;

use super::context::{Context, check_steps};
use super::node::Node;
use super::selector::Selector;
use super::table::{Grid, Output, Rows, Table, is_absent, is_float};
use crate::model::{CounterResetHint, FloatHistogram, Labels};
use crate::promql::ast::{DurationExpr, ExtendedRange, Modifiers};
use crate::promql::functions::window::{Columns, Scratch, Window};
use crate::promql::value::EvalError;

/// A range vector as written.
#[derive(Debug)]
pub(crate) struct RangeSource {
    pub range: DurationExpr,
    pub kind: SourceKind,
}

#[derive(Debug)]
pub(crate) enum SourceKind {
    Series(Selector),
    Subquery { node: Box<Node>, step: Option<DurationExpr>, modifiers: Modifiers },
}

/// A range vector ready to be read row by row.
pub(crate) struct Loaded {
    pub range: i64,
    pub offset: i64,
    pub fixed: Option<i64>,
    pub rows: Rows,
    pub extended: Option<ExtendedRange>,
    /// Samples that a subquery's result holds.
    pub held: usize,
    table: Option<Table>,
    times: Vec<i64>,
}

impl RangeSource {
    /// Selects the series, or evaluates the subquery over all its steps.
    pub fn load(&mut self, cx: &mut Context<'_>, grid: Grid) -> Result<Loaded, EvalError> {
        let range = cx.duration(&self.range, false)?;
        match &mut self.kind {
            SourceKind::Series(selector) => {
                selector.refresh(cx);
                Ok(Loaded {
                    range,
                    offset: cx.offset(&selector.modifiers)?,
                    fixed: cx.fixed_time(&selector.modifiers),
                    rows: selector.rows().clone(),
                    extended: selector.extended,
                    held: 0,
                    table: None,
                    times: Vec::new(),
                })
            }
            SourceKind::Subquery { node, step, modifiers } => {
                let (frame, inner) = subquery_frame(cx, range, step.as_ref(), modifiers, grid)?;
                let before = cx.samples;
                let output = node.eval(cx, inner)?;
                frame.filled(cx, output, inner, before)
            }
        }
    }

    /// A row's samples over everything the grid's windows can see.
    pub fn columns<'a>(
        &mut self,
        cx: &Context<'a>,
        loaded: &'a Loaded,
        row: usize,
        seen: (i64, i64),
        scratch: &'a mut Scratch,
    ) -> Columns<'a> {
        match (&mut self.kind, &loaded.table) {
            (SourceKind::Series(selector), _) => selector.columns(cx.db, row, seen.0, seen.1, scratch),
            (SourceKind::Subquery { .. }, Some(table)) => subquery_columns(table, &loaded.times, row, scratch),
            (SourceKind::Subquery { .. }, None) => scratch.columns(),
        }
    }
}

/// What is known of a subquery's range vector before it is evaluated.
struct Frame {
    range: i64,
    offset: i64,
    fixed: Option<i64>,
}

fn subquery_frame(
    cx: &Context<'_>,
    range: i64,
    step: Option<&DurationExpr>,
    modifiers: &Modifiers,
    grid: Grid,
) -> Result<(Frame, Grid), EvalError> {
    let offset = cx.offset(modifiers)?;
    let fixed = cx.fixed_time(modifiers);
    let step = match step {
        Some(step) => cx.duration(step, false)?,
        None => cx.options.default_step,
    };
    let from = fixed.unwrap_or(grid.start).saturating_sub(offset).saturating_sub(range);
    let slide = if cx.is_v3() { 0 } else { grid.last() - grid.start };
    let to = fixed.map_or_else(|| grid.last(), |t| t.saturating_add(slide)).saturating_sub(offset);
    let inner = subquery_grid(from, to, step.max(1), cx.is_v3());
    check_steps(inner)?;
    Ok((Frame { range, offset, fixed }, inner))
}

impl Frame {
    fn filled(self, cx: &Context<'_>, output: Output, inner: Grid, before: usize) -> Result<Loaded, EvalError> {
        let table = match output {
            Output::Vector(table) => table,
            Output::Scalar(values) => super::node::scalar_table(values),
            Output::Text(_) => return Err(EvalError::execution("subquery of a string")),
        };
        Ok(Loaded {
            range: self.range,
            offset: self.offset,
            fixed: self.fixed,
            rows: table.rows.clone(),
            extended: None,
            held: cx.samples.saturating_sub(before),
            times: (0..table.steps).map(|i| inner.time(i)).collect(),
            table: Some(table),
        })
    }
}

/// The steps of a subquery: multiples of its step, from behind the left edge (2.42: from the edge on).
fn subquery_grid(from: i64, to: i64, step: i64, open: bool) -> Grid {
    let mut start = step * (from / step);
    if start < from || (open && start == from) {
        start = start.saturating_add(step);
    }
    // A span that no integer holds is too long whatever the limits.
    let count = |span: i64| usize::try_from(span / step).map_or(usize::MAX, |n| n.saturating_add(1));
    let steps = if to < start { 0 } else { to.checked_sub(start).map_or(usize::MAX, count) };
    Grid { start, step, steps }
}

fn subquery_columns<'a>(table: &'a Table, times: &'a [i64], row: usize, scratch: &'a mut Scratch) -> Columns<'a> {
    let cells = table.row(row);
    if cells.iter().all(|c| is_float(*c)) {
        return Columns { times, values: cells, histogram_times: &[], histograms: &[] };
    }
    scratch.clear();
    for (step, cell) in cells.iter().enumerate() {
        if is_float(*cell) {
            scratch.times.push(times[step]);
            scratch.values.push(*cell);
        } else if !is_absent(*cell)
            && let Some(h) = table.histogram(row * table.steps + step)
        {
            scratch.histogram_times.push(times[step]);
            scratch.histograms.push(without_reset_hint(h));
        }
    }
    scratch.columns()
}

/// Between the points of a subquery samples may be missing or repeated, so hints of resets mean nothing.
fn without_reset_hint(h: &Arc<FloatHistogram>) -> Arc<FloatHistogram> {
    match h.hint {
        CounterResetHint::CounterReset | CounterResetHint::NotCounterReset => {
            Arc::new(FloatHistogram { hint: CounterResetHint::Unknown, ..(**h).clone() })
        }
        CounterResetHint::Unknown | CounterResetHint::Gauge => h.clone(),
    }
}

/// The windows of a grid over one row.
pub(crate) struct Windows {
    pub grid: Grid,
    pub range: i64,
    /// The right edge of the first window, and how far the edges move with a step.
    first_end: i64,
    slide: i64,
    /// Whether storage was asked for what the first window sees, wherever the others lie.
    fixed: bool,
    /// How much further than the range `anchored` and `smoothed` look.
    widen: (i64, i64),
    closed: bool,
}

/// What walking a row came to.
#[derive(Default)]
pub(crate) struct Walked {
    pub largest_window: usize,
    pub last_window: usize,
    pub work: u64,
}

impl Walked {
    #[inline]
    fn count(&mut self, window: usize) {
        self.last_window = window;
        self.largest_window = self.largest_window.max(window);
        self.work += window as u64 + 1;
    }
}

/// The edges of a window, and the least time that it sees less one, and the last.
struct Edges {
    now: i64,
    start: i64,
    end: i64,
    before: i64,
    to: i64,
}

impl Edges {
    /// To the next step. Nothing wraps within a grid; behind its last step it does not matter.
    #[inline]
    fn slide(&mut self, step: i64, slide: i64) {
        self.now = self.now.wrapping_add(step);
        for edge in [&mut self.start, &mut self.end, &mut self.before, &mut self.to] {
            *edge = edge.wrapping_add(slide);
        }
    }
}

impl Windows {
    pub fn new(cx: &Context<'_>, grid: Grid, loaded: &Loaded) -> Self {
        let lookback = cx.options.lookback;
        let widen = match loaded.extended {
            Some(ExtendedRange::Anchored) => (lookback, 0),
            Some(ExtendedRange::Smoothed) => (lookback, lookback),
            None => (0, 0),
        };
        let closed = !cx.is_v3();
        // No sample lies that far, and all that is added from here on stays far below.
        const FAR: i64 = i64::MAX / 2;
        let first_end = loaded.fixed.unwrap_or(grid.start).saturating_sub(loaded.offset).clamp(-FAR, FAR);
        // Where a function keeps `@` from being evaluated once, 2.42 lets the window slide on from there.
        let slide = if loaded.fixed.is_some() && !closed { 0 } else { grid.step };
        Self { grid, range: loaded.range, first_end, slide, fixed: loaded.fixed.is_some(), widen, closed }
    }

    fn first(&self) -> Edges {
        let (now, end) = (self.grid.start, self.first_end);
        let start = end.saturating_sub(self.range);
        let before = start.saturating_sub(self.widen.0).saturating_sub(i64::from(self.closed));
        Edges { now, start, end, before, to: end.saturating_add(self.widen.1) }
    }

    /// First and last time that any window sees.
    pub fn seen(&self) -> (i64, i64) {
        // Also where the window slides on from `@`, storage gave only what the first one sees.
        let last = if self.fixed { 0 } else { self.grid.steps.saturating_sub(1) as i64 };
        let first = self.first();
        (first.before.saturating_add(1), first.to.saturating_add(self.slide.saturating_mul(last)))
    }

    /// Calls `f` with every window that holds a sample.
    #[inline]
    pub fn walk(
        &self,
        labels: &Labels,
        columns: &Columns<'_>,
        mut f: impl FnMut(usize, &Window<'_>) -> Result<(), EvalError>,
    ) -> Result<Walked, EvalError> {
        let mut walked = Walked::default();
        let (mut low, mut high, mut histogram_low, mut histogram_high) = (0, 0, 0, 0);
        let mut edges = self.first();
        for step in 0..self.grid.steps {
            high = advance(columns.times, high, edges.to);
            low = advance(columns.times, low, edges.before).min(high);
            histogram_high = advance(columns.histogram_times, histogram_high, edges.to);
            histogram_low = advance(columns.histogram_times, histogram_low, edges.before).min(histogram_high);
            let window = Window {
                times: &columns.times[low..high],
                values: &columns.values[low..high],
                histogram_times: &columns.histogram_times[histogram_low..histogram_high],
                histograms: &columns.histograms[histogram_low..histogram_high],
                first: low,
                start: edges.start,
                end: edges.end,
                range: self.range,
                now: edges.now,
                labels,
            };
            walked.count(window.size());
            if walked.last_window > 0 {
                f(step, &window)?;
            }
            edges.slide(self.grid.step, self.slide);
        }
        Ok(walked)
    }

    /// As [`Self::walk`] over columns without histograms.
    #[inline]
    pub fn walk_numbers(
        &self,
        labels: &Labels,
        columns: &Columns<'_>,
        mut f: impl FnMut(usize, &Window<'_>) -> Result<(), EvalError>,
    ) -> Result<Walked, EvalError> {
        let mut walked = Walked::default();
        let (times, values) = (columns.times, &columns.values[..columns.times.len()]);
        let (mut low, mut high) = (0, 0);
        let mut edges = self.first();
        for step in 0..self.grid.steps {
            high = advance(times, high, edges.to);
            low = advance(times, low, edges.before).min(high);
            walked.count(high - low);
            if low < high {
                let window = Window {
                    times: &times[low..high],
                    values: &values[low..high],
                    histogram_times: &[],
                    histograms: &[],
                    first: low,
                    start: edges.start,
                    end: edges.end,
                    range: self.range,
                    now: edges.now,
                    labels,
                };
                f(step, &window)?;
            }
            edges.slide(self.grid.step, self.slide);
        }
        Ok(walked)
    }
}

/// How many of the sorted times are at most `t`, from a count that was right for an earlier `t`: mostly one more, or as
/// many.
#[inline]
fn advance(times: &[i64], count: usize, t: i64) -> usize {
    match times[count..] {
        [next, then, ..] if next <= t && then <= t => advance_far(times, count + 2, t),
        [next, ..] if next <= t => count + 1,
        _ => count,
    }
}

fn advance_far(times: &[i64], mut count: usize, t: i64) -> usize {
    if times.last().is_some_and(|last| *last <= t) {
        return times.len();
    }
    let rest = &times[count..];
    if rest.len() > 16 && rest[15] <= t {
        return count + rest.partition_point(|x| *x <= t);
    }
    while count < times.len() && times[count] <= t {
        count += 1;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subquery_steps_are_absolute_multiples() {
        let times = |g: Grid| (0..g.steps).map(|i| g.time(i)).collect::<Vec<_>>();
        assert_eq!(times(subquery_grid(100, 300, 100, false)), [100, 200, 300]);
        assert_eq!(times(subquery_grid(100, 300, 100, true)), [200, 300]);
        assert_eq!(times(subquery_grid(-250, 30, 100, true)), [-200, -100, 0]);
        assert_eq!(times(subquery_grid(120, 190, 100, true)), Vec::<i64>::new());
    }
}
