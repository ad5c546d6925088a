//! Calls of functions over instant vectors.

use std::sync::Arc;

use super::build::{Around, absent_rows, bare, node};
use super::context::Context;
use super::histogram_calls::{HistogramCall, HistogramFunction};
use super::info::Info;
use super::node::{Kind, Node, absent_steps, scalar_table};
use super::rows::RowMap;
use super::sorting::Sorting;
use super::table::{Grid, NOTHING, Output, Row, Table, is_absent, is_float};
use crate::golang::regexp::Regexp;
use crate::model::{FloatHistogram, METRIC_NAME};
use crate::promql::ast::{Call, ExprKind};
use crate::promql::functions::{date, kahan::Kahan, labels, math};
use crate::promql::value::EvalError;
use crate::text::Span;

/// A call over instant vectors: the function and its arguments.
#[derive(Debug)]
pub(crate) struct VectorCall {
    name: &'static str,
    span: Span,
    args: Vec<Node>,
    function: Function,
    names: RowMap,
}

/// The functions by what they need.
#[derive(Debug)]
enum Function {
    /// One number in, one out.
    Math(fn(f64) -> f64),
    Date(fn(f64) -> f64),
    Round,
    Clamp,
    ClampMin,
    ClampMax,
    Timestamp,
    Vector,
    Absent(Arc<[Row]>),
    Sort(Sorting),
    LabelReplace(Texts),
    LabelJoin(Texts),
    /// One histogram in, one number out.
    OfHistogram(fn(&FloatHistogram) -> f64),
    Histogram(Box<HistogramCall>),
    Info(Box<Info>),
    Unknown,
}

/// The string arguments of a call.
type Texts = Vec<Arc<str>>;

impl VectorCall {
    pub fn new(c: &Call, span: Span, around: Around) -> Self {
        let name = c.function.name;
        let mut texts: Texts = Vec::new();
        let mut args = Vec::new();
        for arg in &c.args {
            match &bare(arg).kind {
                ExprKind::String(text) => texts.push(text.clone()),
                _ => args.push(node(bare(arg), around)),
            }
        }
        let histogram = |function: HistogramFunction| Function::Histogram(Box::new(HistogramCall::new(function)));
        let function = match name {
            "round" => Function::Round,
            "clamp" => Function::Clamp,
            "clamp_min" => Function::ClampMin,
            "clamp_max" => Function::ClampMax,
            "timestamp" => Function::Timestamp,
            "vector" => Function::Vector,
            "absent" => Function::Absent(c.args.first().map_or_else(|| Arc::new([]) as Arc<[Row]>, absent_rows)),
            "sort" => Function::Sort(Sorting::ByValue { descending: false }),
            "sort_desc" => Function::Sort(Sorting::ByValue { descending: true }),
            "sort_by_label" => Function::Sort(Sorting::ByLabels { labels: texts, descending: false }),
            "sort_by_label_desc" => Function::Sort(Sorting::ByLabels { labels: texts, descending: true }),
            "label_replace" => Function::LabelReplace(texts),
            "label_join" => Function::LabelJoin(texts),
            "histogram_count" => Function::OfHistogram(|h| h.count),
            "histogram_sum" => Function::OfHistogram(|h| h.sum),
            "histogram_avg" => Function::OfHistogram(|h| h.sum / h.count),
            "histogram_stddev" => Function::OfHistogram(|h| variance(h).sqrt()),
            "histogram_stdvar" => Function::OfHistogram(variance),
            "histogram_quantile" => histogram(HistogramFunction::Quantile),
            "histogram_fraction" => histogram(HistogramFunction::Fraction),
            "histogram_quantiles" => {
                histogram(HistogramFunction::Quantiles(texts.first().cloned().unwrap_or_default()))
            }
            "info" => Function::Info(Box::new(Info::new(c))),
            _ => match (math::by_name(name), date::by_name(name)) {
                (Some(f), _) => Function::Math(f),
                (_, Some(f)) => Function::Date(f),
                _ => Function::Unknown,
            },
        };
        Self { name, span, args, function, names: RowMap::default() }
    }

    pub fn eval(&mut self, cx: &mut Context<'_>, grid: Grid) -> Result<Output, EvalError> {
        let before = cx.samples;
        let table = self.table(cx, grid)?;
        settled(cx, table, before)
    }

    /// Each kind has a method of its own: calls may nest deep, and together their variables would fill the stack.
    fn table(&mut self, cx: &mut Context<'_>, grid: Grid) -> Result<Table, EvalError> {
        let Self { args, names, span, .. } = self;
        match &mut self.function {
            Function::Math(f) => mapped(cx, args, *f, names, grid),
            Function::Round | Function::Clamp | Function::ClampMin | Function::ClampMax => {
                limited(cx, &self.function, args, names, grid)
            }
            Function::Date(f) if args.is_empty() => date_now(cx, *f, grid),
            Function::Date(f) => mapped(cx, args, *f, names, grid),
            Function::Timestamp => timestamp(cx, args, names, grid),
            Function::Vector => vector_of_scalar(cx, args, grid),
            Function::Absent(rows) => absent(cx, args, rows, grid),
            Function::Sort(sorting) => sorted(cx, args, sorting, *span, grid),
            Function::LabelReplace(texts) => label_replace(cx, args, texts, names, grid),
            Function::LabelJoin(texts) => label_join(cx, args, texts, names, grid),
            Function::OfHistogram(f) => of_histograms(cx, args, *f, names, grid),
            Function::Histogram(call) => histogram(cx, call, args, names, grid),
            Function::Info(info) => info.eval(cx, &mut args[0], grid),
            Function::Unknown => Err(EvalError::execution(format!("unknown function {:?}", self.name))),
        }
    }
}

fn settled(cx: &mut Context<'_>, table: Table, before: usize) -> Result<Output, EvalError> {
    cx.spend(table.cells.len())?;
    let produced = cx.size_of(&table);
    cx.check(cx.samples.max(before + produced))?;
    cx.samples = before + produced;
    Ok(Output::Vector(table))
}

fn mapped(
    cx: &mut Context<'_>,
    args: &mut [Node],
    f: fn(f64) -> f64,
    names: &mut RowMap,
    grid: Grid,
) -> Result<Table, EvalError> {
    let mut table = vector(cx, args, 0, grid)?;
    map_floats(&mut table, |v, _| f(v));
    names.drop_name(cx, table, false)
}

fn limited(
    cx: &mut Context<'_>,
    function: &Function,
    args: &mut [Node],
    names: &mut RowMap,
    grid: Grid,
) -> Result<Table, EvalError> {
    let table = vector(cx, args, 0, grid)?;
    let mut params = Vec::new();
    for node in &mut args[1..] {
        params.push(node.eval_scalar(cx, grid)?);
    }
    let table = bounded(function, table, &params);
    params.into_iter().for_each(|p| cx.recycle(p));
    names.drop_name(cx, table, false)
}

/// A part of the date of the evaluation's time.
fn date_now(cx: &mut Context<'_>, f: fn(f64) -> f64, grid: Grid) -> Result<Table, EvalError> {
    cx.hold(grid.steps)?;
    let mut cells = cx.cells(1, grid.steps, 0.0)?;
    for (step, cell) in cells.iter_mut().enumerate() {
        *cell = f((grid.time(step) / 1000) as f64);
    }
    Ok(scalar_table(cells))
}

fn timestamp(cx: &mut Context<'_>, args: &mut [Node], names: &mut RowMap, grid: Grid) -> Result<Table, EvalError> {
    let table = timestamps(cx, args, grid)?;
    names.drop_name(cx, table, false)
}

fn vector_of_scalar(cx: &mut Context<'_>, args: &mut [Node], grid: Grid) -> Result<Table, EvalError> {
    match args.first_mut() {
        Some(node) => node.eval_scalar(cx, grid).map(scalar_table),
        None => Err(EvalError::execution("vector() without an argument")),
    }
}

fn absent(cx: &mut Context<'_>, args: &mut [Node], rows: &Arc<[Row]>, grid: Grid) -> Result<Table, EvalError> {
    let table = vector(cx, args, 0, grid)?;
    absent_steps(cx, table, rows)
}

fn sorted(
    cx: &mut Context<'_>,
    args: &mut [Node],
    sorting: &Sorting,
    span: Span,
    grid: Grid,
) -> Result<Table, EvalError> {
    let table = vector(cx, args, 0, grid)?;
    if cx.is_range && cx.is_v3() {
        cx.warn("sort is ineffective for range queries since results are always ordered by labels".to_owned(), span);
    }
    Ok(sorting.apply(table, cx.dialect()))
}

fn of_histograms(
    cx: &mut Context<'_>,
    args: &mut [Node],
    f: fn(&FloatHistogram) -> f64,
    names: &mut RowMap,
    grid: Grid,
) -> Result<Table, EvalError> {
    let mut table = vector(cx, args, 0, grid)?;
    for i in 0..table.cells.len() {
        table.cells[i] = table.histogram(i).map_or(NOTHING, |h| f(h));
    }
    table.histograms.clear();
    names.drop_name(cx, table, false)
}

fn histogram(
    cx: &mut Context<'_>,
    call: &mut HistogramCall,
    args: &mut [Node],
    names: &mut RowMap,
    grid: Grid,
) -> Result<Table, EvalError> {
    let table = call.eval(cx, args, grid)?;
    names.drop_name(cx, table, false)
}

fn vector(cx: &mut Context<'_>, args: &mut [Node], index: usize, grid: Grid) -> Result<Table, EvalError> {
    match args.get_mut(index) {
        Some(node) => node.eval_vector(cx, grid),
        None => Err(EvalError::execution("a call without its vector")),
    }
}

/// Applies a function to every number; histograms are left out.
fn map_floats(table: &mut Table, mut f: impl FnMut(f64, usize) -> f64) {
    let steps = table.steps.max(1);
    for (i, cell) in table.cells.iter_mut().enumerate() {
        *cell = if is_float(*cell) { f(*cell, i % steps) } else { NOTHING };
    }
    table.histograms.clear();
}

fn bounded(function: &Function, mut table: Table, params: &[Vec<f64>]) -> Table {
    let param = |i: usize, step: usize| params.get(i).and_then(|p| p.get(step)).copied();
    map_floats(&mut table, |v, step| match function {
        Function::Round => math::round(v, param(0, step).unwrap_or(1.0)),
        Function::ClampMin => math::clamp(v, param(0, step).unwrap_or(f64::NAN), f64::INFINITY),
        Function::ClampMax => math::clamp(v, f64::NEG_INFINITY, param(0, step).unwrap_or(f64::NAN)),
        _ => {
            let (min, max) = (param(0, step).unwrap_or(f64::NAN), param(1, step).unwrap_or(f64::NAN));
            if max < min { NOTHING } else { math::clamp(v, min, max) }
        }
    });
    table
}

/// A plain selector gives its samples' own times, everything else the evaluation's.
fn timestamps(cx: &mut Context<'_>, args: &mut [Node], grid: Grid) -> Result<Table, EvalError> {
    if let Some(Node { kind: Kind::Selector(selector), .. }) = args.first_mut() {
        return selector.instant(cx, grid, true);
    }
    let mut table = vector(cx, args, 0, grid)?;
    let steps = table.steps.max(1);
    for (i, cell) in table.cells.iter_mut().enumerate() {
        if !is_absent(*cell) {
            *cell = grid.time(i % steps) as f64 / 1000.0;
        }
    }
    table.histograms.clear();
    Ok(table)
}

/// Whether the dialect takes it for a label's name.
pub(crate) fn is_label(cx: &Context<'_>, name: &str) -> bool {
    if cx.is_v3() { !name.is_empty() && !crate::golang::quoting::has_raw_bytes(name) } else { is_legacy_label(name) }
}

fn is_legacy_label(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn check_label(cx: &Context<'_>, what: &str, function: &str, name: &str) -> Result<(), EvalError> {
    if is_label(cx, name) {
        return Ok(());
    }
    Err(EvalError::execution(format!("invalid {what} label name in {function}(): {name}")))
}

/// What `check` makes of a function's strings, and the vector. 3 looks at the strings first; 2.42 at every step once the
/// vector is there, so not at all where there is no step.
fn checked_and_evaluated<T>(
    cx: &mut Context<'_>,
    args: &mut [Node],
    grid: Grid,
    check: impl Fn(&Context<'_>) -> Result<T, EvalError>,
) -> Result<(Option<T>, Table), EvalError> {
    if cx.is_v3() {
        let checked = check(cx)?;
        return Ok((Some(checked), vector(cx, args, 0, grid)?));
    }
    let table = vector(cx, args, 0, grid)?;
    let checked = if grid.steps > 0 { Some(check(cx)?) } else { None };
    Ok((checked, table))
}

fn label_replace(
    cx: &mut Context<'_>,
    args: &mut [Node],
    texts: &[Arc<str>],
    names: &mut RowMap,
    grid: Grid,
) -> Result<Table, EvalError> {
    let [target, replacement, source, pattern] = texts else {
        return Err(EvalError::execution("label_replace() without its strings"));
    };
    let (regexp, table) = checked_and_evaluated(cx, args, grid, |cx| {
        let Ok(regexp) = Regexp::anchored(pattern, cx.is_v3()) else {
            return Err(EvalError::execution(format!("invalid regular expression in label_replace(): {pattern}")));
        };
        check_label(cx, "destination", "label_replace", target)?;
        Ok(regexp)
    })?;
    let Some(regexp) = regexp else { return Ok(table) };
    names.apply(cx, table, false, true, |row| {
        match labels::replaced(&regexp, replacement, row.labels.get(source).unwrap_or("")) {
            None => row.clone(),
            Some(value) => Row {
                labels: row.labels.builder().set(target.clone(), value).build(),
                drop_name: row.drop_name && **target != *METRIC_NAME,
            },
        }
    })
}

fn label_join(
    cx: &mut Context<'_>,
    args: &mut [Node],
    texts: &[Arc<str>],
    names: &mut RowMap,
    grid: Grid,
) -> Result<Table, EvalError> {
    let [target, separator, sources @ ..] = texts else {
        return Err(EvalError::execution("label_join() without its strings"));
    };
    let (_, table) = checked_and_evaluated(cx, args, grid, |cx| {
        for source in sources {
            check_label(cx, "source", "label_join", source)?;
        }
        check_label(cx, "destination", "label_join", target)
    })?;
    names.apply(cx, table, false, true, |row| {
        let values: Vec<&str> = sources.iter().map(|s| row.labels.get(s).unwrap_or("")).collect();
        Row {
            labels: row.labels.builder().set(target.clone(), values.join(separator)).build(),
            drop_name: row.drop_name && **target != *METRIC_NAME,
        }
    })
}

/// The estimated variance of a histogram's observations.
fn variance(h: &FloatHistogram) -> f64 {
    let mean = h.sum / h.count;
    let mut sum = Kahan::default();
    for b in h.buckets().into_iter().filter(|b| b.count != 0.0) {
        let value = if h.uses_custom_buckets() {
            f64::midpoint(b.upper, b.lower)
        } else if b.lower <= 0.0 && b.upper >= 0.0 {
            0.0
        } else {
            let v = (b.upper * b.lower).sqrt();
            if b.upper < 0.0 { -v } else { v }
        };
        let delta = value - mean;
        sum.add(b.count * delta * delta);
    }
    sum.total() / h.count
}
