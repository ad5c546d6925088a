//! `histogram_quantile`, `histogram_quantiles`, `histogram_fraction` over classic and native histograms.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::context::{Context, same_labelset};
use super::node::Node;
use super::over_range::invalid_quantile;
use super::rows::GrowingRows;
use super::table::{Grid, NOTHING, Row, Rows, Table, is_absent, is_float};
use crate::golang::float::{FloatFormat, format_float, parse_float};
use crate::model::{FloatHistogram, Labels};
use crate::promql::functions::buckets::{self, ClassicBucket};
use crate::promql::functions::native::{self, NanEffect};
use crate::promql::value::EvalError;
use crate::text::Span;

/// The label with a classic bucket's upper bound.
const BOUND: &str = "le";

/// Which function.
#[derive(Debug)]
pub(crate) enum HistogramFunction {
    Quantile,
    Fraction,
    /// Several quantiles, told apart by this label.
    Quantiles(Arc<str>),
}

/// A call of such a function; which rows are buckets of one histogram is worked out once for the same rows.
#[derive(Debug)]
pub(crate) struct HistogramCall {
    function: HistogramFunction,
    layout: Option<Layout>,
    results: GrowingRows,
}

/// The rows by histogram.
#[derive(Debug)]
struct Layout {
    input: Rows,
    with_native: bool,
    histograms: Vec<Histogram>,
    /// Rows whose bound can't be read, with the bound as written.
    unreadable: Vec<(u32, Arc<str>)>,
}

#[derive(Debug)]
struct Histogram {
    labels: Labels,
    drop_name: bool,
    /// Bounds and rows of its classic buckets, sorted by bound.
    buckets: Vec<(f64, u32)>,
    /// The row with exactly these labels, where native histograms are.
    native: Option<u32>,
}

impl Layout {
    fn of(rows: &Rows, with_native: bool) -> Self {
        let mut places: FxHashMap<Labels, usize> = FxHashMap::default();
        let mut histograms: Vec<Histogram> = Vec::new();
        let mut unreadable = Vec::new();
        let mut place = |row: &Row, labels: Labels, histograms: &mut Vec<Histogram>| {
            *places.entry(labels.clone()).or_insert_with(|| {
                histograms.push(Histogram { labels, drop_name: row.drop_name, buckets: Vec::new(), native: None });
                histograms.len() - 1
            })
        };
        for (i, row) in rows.iter().enumerate() {
            if with_native {
                let native = place(row, row.labels.clone(), &mut histograms);
                histograms[native].native = Some(i as u32);
            }
            let bound = row.labels.get(BOUND).unwrap_or("");
            match parse_float(bound) {
                Ok(bound) => {
                    let labels = row.labels.builder().remove(BOUND).build();
                    let classic = place(row, labels, &mut histograms);
                    histograms[classic].buckets.push((bound, i as u32));
                }
                Err(_) => unreadable.push((i as u32, Arc::from(bound))),
            }
        }
        for h in &mut histograms {
            h.buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        }
        Self { input: rows.clone(), with_native, histograms, unreadable }
    }
}

/// What is asked of each histogram at a step.
struct Question<'a> {
    function: &'a HistogramFunction,
    /// Quantiles, or the two ends of the fraction.
    params: Vec<f64>,
    span: Span,
    params_span: Span,
}

impl HistogramCall {
    pub fn new(function: HistogramFunction) -> Self {
        Self { function, layout: None, results: GrowingRows::default() }
    }

    pub fn eval(&mut self, cx: &mut Context<'_>, args: &mut [Node], grid: Grid) -> Result<Table, EvalError> {
        let mut params: Vec<Vec<f64>> = Vec::new();
        let mut spans = Vec::new();
        let vector_at = match self.function {
            HistogramFunction::Quantile => 1,
            HistogramFunction::Fraction => 2,
            HistogramFunction::Quantiles(_) => 0,
        };
        let first_span = args.first().map_or(Span::default(), |a| a.span);
        let mut input = None;
        for (i, node) in args.iter_mut().enumerate() {
            if i == vector_at {
                input = Some((node.span, node.eval_vector(cx, grid)?));
            } else {
                spans.push(node.span);
                params.push(node.eval_scalar(cx, grid)?);
            }
        }
        let Some((span, table)) = input else {
            return Err(EvalError::execution("a histogram function without its vector"));
        };
        self.answers(cx, grid, table, span, first_span, params, &spans)
    }

    #[allow(clippy::too_many_arguments)]
    fn answers(
        &mut self,
        cx: &mut Context<'_>,
        grid: Grid,
        table: Table,
        span: Span,
        first_span: Span,
        params: Vec<Vec<f64>>,
        spans: &[Span],
    ) -> Result<Table, EvalError> {
        cx.spend(table.cells.len() * params.len().max(1))?;
        if !matches!(self.function, HistogramFunction::Fraction) {
            for (values, span) in params.iter().zip(spans) {
                let bad = |q: &&f64| !(0.0..=1.0).contains(*q);
                values.iter().filter(bad).for_each(|q| cx.warn(invalid_quantile(*q), *span));
            }
        }
        let with_native = table.has_histograms();
        let fits = |l: &Layout| Arc::ptr_eq(&l.input, &table.rows) && l.with_native == with_native;
        if !self.layout.as_ref().is_some_and(fits) {
            self.layout = Some(Layout::of(&table.rows, with_native));
            self.results = GrowingRows::default();
        }
        let Some(layout) = &self.layout else { return Err(EvalError::execution("no layout of histograms")) };
        let mut found: Vec<(u32, usize, f64)> = Vec::new();
        let mut scratch = Vec::new();
        for step in 0..grid.steps {
            let question = Question {
                function: &self.function,
                params: params.iter().map(|p| p.get(step).copied().unwrap_or(f64::NAN)).collect(),
                span,
                params_span: first_span,
            };
            answer(cx, &question, layout, &table, step, &mut self.results, &mut scratch, &mut found);
        }
        let rows = self.results.rows();
        let cells = cx.cells(rows.len(), grid.steps, NOTHING)?;
        let mut result = Table::new(rows, grid.steps, cells);
        for (place, step, value) in &found {
            let cell = &mut result.cells[*place as usize * grid.steps + step];
            if !is_absent(*cell) {
                return Err(same_labelset());
            }
            *cell = *value;
        }
        if grid.steps == 1 {
            result.order = Some(found.iter().map(|f| f.0).collect());
        }
        params.into_iter().for_each(|p| cx.recycle(p));
        cx.recycle_table(table);
        Ok(result)
    }
}

/// The name that annotations show: it is known only while names are kept.
fn shown_name(cx: &Context<'_>, labels: &Labels) -> String {
    let name = labels.metric_name();
    if name.is_empty() || !cx.delayed() {
        String::new()
    } else {
        format!(" for metric name {}", crate::golang::quote(name))
    }
}

#[allow(clippy::too_many_arguments)]
fn answer(
    cx: &mut Context<'_>,
    question: &Question<'_>,
    layout: &Layout,
    table: &Table,
    step: usize,
    results: &mut GrowingRows,
    scratch: &mut Vec<ClassicBucket>,
    found: &mut Vec<(u32, usize, f64)>,
) {
    let index = |row: u32| row as usize * table.steps + step;
    for (row, bound) in &layout.unreadable {
        if is_float(table.cells[index(*row)]) {
            let name = shown_name(cx, &table.rows[*row as usize].labels);
            let bound = crate::golang::quote(bound);
            let message = format!("bucket label \"le\" is missing or has a malformed value of {bound}{name}");
            cx.warn(message, question.span);
        }
    }
    for h in &layout.histograms {
        let native = h.native.and_then(|row| table.histogram(index(row)));
        scratch.clear();
        scratch.extend(h.buckets.iter().filter_map(|(bound, row)| {
            let count = table.cells[index(*row)];
            is_float(count).then_some(ClassicBucket { bound: *bound, count })
        }));
        if native.is_some() && !scratch.is_empty() {
            let name = shown_name(cx, &h.labels);
            cx.warn(format!("vector contains a mix of classic and native histograms{name}"), question.span);
            continue;
        }
        let mut put = |cx: &mut Context<'_>, label: Option<(&Arc<str>, f64)>, value: f64| {
            let labels = match label {
                Some((name, q)) => h.labels.builder().set(name.clone(), open_metrics_float(q)).build(),
                None => h.labels.clone(),
            };
            let place = results.place(&labels, h.drop_name || cx.delayed());
            found.push((place, step, value));
        };
        match question.function {
            HistogramFunction::Fraction => {
                let [low, high] = question.params[..] else { continue };
                if let Some(native) = native {
                    let value = native_fraction(cx, question, h, native, low, high);
                    put(cx, None, value);
                } else if !scratch.is_empty() {
                    let value = buckets::fraction(low, high, scratch);
                    put(cx, None, value);
                }
            }
            HistogramFunction::Quantile | HistogramFunction::Quantiles(_) => {
                let gathered = scratch.clone();
                for q in &question.params {
                    let value = match native {
                        Some(native) => native_quantile(cx, question, h, native, *q),
                        None if gathered.is_empty() => continue,
                        None => {
                            scratch.clone_from(&gathered);
                            let (value, forced) = buckets::quantile(*q, scratch, cx.is_v3());
                            if forced {
                                note_forced(cx, h, question.span);
                            }
                            value
                        }
                    };
                    match question.function {
                        HistogramFunction::Quantiles(label) => put(cx, Some((label, *q)), value),
                        _ => put(cx, None, value),
                    }
                }
            }
        }
    }
}

fn note_forced(cx: &mut Context<'_>, h: &Histogram, span: Span) {
    let name = shown_name(cx, &h.labels);
    let message = format!(
        "input to histogram_quantile needed to be fixed for monotonicity (see \
         https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile){name}"
    );
    cx.inform(message, span);
}

fn native_quantile(
    cx: &mut Context<'_>,
    question: &Question<'_>,
    h: &Histogram,
    native: &FloatHistogram,
    q: f64,
) -> f64 {
    let (value, effect) = native::quantile(q, native);
    let what = match effect {
        NanEffect::Result => "result is NaN",
        NanEffect::Skew => "result is skewed higher",
        NanEffect::None | NanEffect::Excluded => return value,
    };
    let name = shown_name(cx, &h.labels);
    cx.inform(format!("input to histogram_quantile has NaN observations, {what}{name}"), question.params_span);
    value
}

fn native_fraction(
    cx: &mut Context<'_>,
    question: &Question<'_>,
    h: &Histogram,
    native: &FloatHistogram,
    low: f64,
    high: f64,
) -> f64 {
    let (value, effect) = native::fraction(low, high, native);
    if effect == NanEffect::Excluded {
        let name = shown_name(cx, &h.labels);
        let message =
            format!("input to histogram_fraction has NaN observations, which are excluded from all fractions{name}");
        cx.inform(message, question.params_span);
    }
    value
}

/// A number as OpenMetrics writes label values: `1.0`, `0.5`, `+Inf`.
fn open_metrics_float(v: f64) -> String {
    let text = format_float(v, FloatFormat::General, None);
    if text.contains(['.', 'e', 'N', 'I']) { text } else { format!("{text}.0") }
}
