//! Functions over range vectors, a series at a time over all steps.

use std::sync::Arc;

use super::context::{Context, too_many_samples};
use super::node::Node;
use super::rows::RowMap;
use super::source::{Loaded, RangeSource, Walked, Windows};
use super::table::{Cell, Grid, NOTHING, Output, Table};
use crate::promql::Dialect;
use crate::promql::ast::ExtendedRange;
use crate::promql::functions::over_time_histogram::{self as of_histograms, Seen};
use crate::promql::functions::rate_histogram::{self, Remark};
use crate::promql::functions::window::{Columns, Scratch, Window, range_seconds};
use crate::promql::functions::{extended, over_time, rate, regression};
use crate::promql::value::EvalError;
use crate::text::Span;

/// The functions over a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RangeFunction {
    AbsentOverTime,
    AvgOverTime,
    Changes,
    CountOverTime,
    Delta,
    Deriv,
    DoubleExponentialSmoothing,
    FirstOverTime,
    Idelta,
    Increase,
    Irate,
    LastOverTime,
    MadOverTime,
    MaxOverTime,
    MinOverTime,
    PredictLinear,
    PresentOverTime,
    QuantileOverTime,
    Rate,
    Resets,
    StddevOverTime,
    StdvarOverTime,
    SumOverTime,
    TsOfFirstOverTime,
    TsOfLastOverTime,
    TsOfMaxOverTime,
    TsOfMinOverTime,
}

impl RangeFunction {
    pub fn by_name(name: &str) -> Option<Self> {
        Some(match name {
            "absent_over_time" => Self::AbsentOverTime,
            "avg_over_time" => Self::AvgOverTime,
            "changes" => Self::Changes,
            "count_over_time" => Self::CountOverTime,
            "delta" => Self::Delta,
            "deriv" => Self::Deriv,
            "double_exponential_smoothing" | "holt_winters" => Self::DoubleExponentialSmoothing,
            "first_over_time" => Self::FirstOverTime,
            "idelta" => Self::Idelta,
            "increase" => Self::Increase,
            "irate" => Self::Irate,
            "last_over_time" => Self::LastOverTime,
            "mad_over_time" => Self::MadOverTime,
            "max_over_time" => Self::MaxOverTime,
            "min_over_time" => Self::MinOverTime,
            "predict_linear" => Self::PredictLinear,
            "present_over_time" => Self::PresentOverTime,
            "quantile_over_time" => Self::QuantileOverTime,
            "rate" => Self::Rate,
            "resets" => Self::Resets,
            "stddev_over_time" => Self::StddevOverTime,
            "stdvar_over_time" => Self::StdvarOverTime,
            "sum_over_time" => Self::SumOverTime,
            "ts_of_first_over_time" => Self::TsOfFirstOverTime,
            "ts_of_last_over_time" => Self::TsOfLastOverTime,
            "ts_of_max_over_time" => Self::TsOfMaxOverTime,
            "ts_of_min_over_time" => Self::TsOfMinOverTime,
            _ => return None,
        })
    }

    fn keeps_name(self) -> bool {
        matches!(self, Self::LastOverTime | Self::FirstOverTime)
    }

    fn is_rate(self) -> bool {
        matches!(self, Self::Rate | Self::Increase)
    }

    /// Whether histograms beside numbers are left out with a remark.
    fn ignores_histograms(self) -> bool {
        matches!(
            self,
            Self::Deriv
                | Self::PredictLinear
                | Self::DoubleExponentialSmoothing
                | Self::MadOverTime
                | Self::MaxOverTime
                | Self::MinOverTime
                | Self::QuantileOverTime
                | Self::StddevOverTime
                | Self::StdvarOverTime
                | Self::TsOfMaxOverTime
                | Self::TsOfMinOverTime
        )
    }
}

/// A call of such a function.
#[derive(Debug)]
pub(crate) struct OverRange {
    pub function: RangeFunction,
    pub name: &'static str,
    pub source: RangeSource,
    /// The other arguments, scalars, in order.
    pub params: Vec<Node>,
    /// The first argument's place in the query.
    pub first_span: Span,
    pub names: RowMap,
    pub resets: Vec<u32>,
    pub floats: Vec<f64>,
}

/// What the functions need beside the window.
struct Call<'a> {
    function: RangeFunction,
    dialect: Dialect,
    extended: Option<ExtendedRange>,
    params: &'a [Vec<f64>],
    span: Span,
}

impl OverRange {
    pub fn eval(&mut self, cx: &mut Context<'_>, grid: Grid) -> Result<Output, EvalError> {
        let loaded = self.source.load(cx, grid)?;
        let mut params = Vec::with_capacity(self.params.len());
        for node in &mut self.params {
            params.push(node.eval_scalar(cx, grid)?);
        }
        self.over_windows(cx, grid, &loaded, params).map(Output::Vector)
    }

    fn over_windows(
        &mut self,
        cx: &mut Context<'_>,
        grid: Grid,
        loaded: &Loaded,
        params: Vec<Vec<f64>>,
    ) -> Result<Table, EvalError> {
        self.check_extended(loaded.extended)?;
        let call = Call {
            function: self.function,
            dialect: cx.dialect(),
            extended: loaded.extended,
            params: &params,
            span: self.first_span,
        };
        let windows = Windows::new(cx, grid, loaded);
        let seen = windows.seen();
        let cells = cx.cells(loaded.rows.len(), grid.steps, NOTHING)?;
        let mut table = Table::new(loaded.rows.clone(), grid.steps, cells);
        let mut scratch = Scratch::default();
        let per_second_of = (self.function == RangeFunction::Rate).then(|| range_seconds(loaded.range));
        let mut rate = rate::Extrapolator::new(per_second_of, cx.dialect());
        for row in 0..loaded.rows.len() {
            let columns = self.source.columns(cx, loaded, row, seen, &mut scratch);
            if columns.times.is_empty() && columns.histograms.is_empty() {
                continue;
            }
            if loaded.extended.is_some() && !columns.histograms.is_empty() {
                return Err(EvalError::execution("smoothed and anchored modifiers do not work with native histograms"));
            }
            self.resets.clear();
            if columns.histograms.is_empty() && self.function.is_rate() {
                rate::find_resets(columns.values, &mut self.resets);
            }
            let labels = &loaded.rows[row].labels;
            let mut buffers = Buffers { resets: &self.resets, floats: &mut self.floats, rate: &mut rate };
            let walked = run(cx, &call, &windows, labels, &columns, &mut table, row, &mut buffers)?;
            cx.spend(walked.work as usize)?;
            account(cx, &walked, &table, row)?;
            if self.function.is_rate() && cx.is_v3() && !table.row_is_empty(row) {
                note_non_counter(cx, &table, row, self.first_span);
            }
        }
        cx.samples = cx.samples.saturating_sub(loaded.held);
        for p in params {
            cx.recycle(p);
        }
        if self.function.keeps_name() || self.function == RangeFunction::AbsentOverTime {
            return Ok(table);
        }
        let strict = !cx.delayed();
        self.names.drop_name(cx, table, strict)
    }

    fn check_extended(&self, extended: Option<ExtendedRange>) -> Result<(), EvalError> {
        let (word, allowed): (_, &[&str]) = match extended {
            Some(ExtendedRange::Anchored) => ("anchored", &["changes", "delta", "increase", "rate", "resets"]),
            Some(ExtendedRange::Smoothed) => ("smoothed", &["delta", "increase", "rate"]),
            None => return Ok(()),
        };
        if allowed.contains(&self.name) {
            return Ok(());
        }
        Err(EvalError::execution(format!(
            "{word} modifier can only be used with: {} - not with {}",
            allowed.join(", "),
            self.name
        )))
    }
}

/// Counts a row's samples as Prometheus does: the window while it is looked at, the results for good.
fn account(cx: &mut Context<'_>, walked: &Walked, table: &Table, row: usize) -> Result<(), EvalError> {
    cx.check(cx.samples + walked.largest_window)?;
    let results = if cx.exact || table.has_histograms() {
        let range = row * table.steps..(row + 1) * table.steps;
        let present = table.row(row).iter().filter(|c| !super::table::is_absent(**c)).count();
        let extra: usize =
            table.histograms.get(range).unwrap_or_default().iter().flatten().map(|h| h.sample_size() - 1).sum();
        present + extra
    } else {
        table.steps
    };
    if results > 0 && cx.samples + walked.last_window + results > cx.options.max_samples {
        return Err(too_many_samples());
    }
    cx.samples += results;
    Ok(())
}

fn note_non_counter(cx: &mut Context<'_>, table: &Table, row: usize, span: Span) {
    let name = table.rows[row].labels.metric_name();
    let is_counter = ["_total", "_sum", "_count", "_bucket"].iter().any(|s| name.ends_with(s));
    if name.is_empty() || is_counter || table.row(row).iter().all(|c| !super::table::is_float(*c)) {
        return;
    }
    let name = crate::golang::quote(name);
    cx.inform(format!("metric might not be a counter, name does not end in _total/_sum/_count/_bucket: {name}"), span);
}

struct Buffers<'a> {
    resets: &'a [u32],
    floats: &'a mut Vec<f64>,
    rate: &'a mut rate::Extrapolator,
}

#[allow(clippy::too_many_arguments)]
fn run(
    cx: &mut Context<'_>,
    call: &Call<'_>,
    windows: &Windows,
    labels: &crate::model::Labels,
    columns: &Columns<'_>,
    table: &mut Table,
    row: usize,
    buffers: &mut Buffers<'_>,
) -> Result<Walked, EvalError> {
    let base = row * table.steps;
    if !columns.histograms.is_empty() {
        return windows.walk(labels, columns, |step, w| {
            let cell = with_histograms(cx, call, w, step, buffers)?;
            table.set(base + step, cell);
            Ok(())
        });
    }
    let cells = &mut table.cells[base..base + table.steps];
    macro_rules! floats {
        (|$w:ident| $value:expr) => {
            windows.walk_numbers(labels, columns, |step, $w| {
                cells[step] = $value;
                Ok(())
            })
        };
    }
    let dialect = call.dialect;
    if call.extended.is_none() {
        // The ones that matter for speed, each its own loop.
        match call.function {
            RangeFunction::Rate | RangeFunction::Increase => {
                let (rate, resets) = (&mut *buffers.rate, buffers.resets);
                return floats!(|w| rate.value(w, resets).unwrap_or(NOTHING));
            }
            RangeFunction::MaxOverTime => {
                let mut most = over_time::Sliding::default();
                return floats!(|w| most.extreme(w, |a, b| a > b));
            }
            RangeFunction::MinOverTime => {
                let mut least = over_time::Sliding::default();
                return floats!(|w| least.extreme(w, |a, b| a < b));
            }
            RangeFunction::SumOverTime => {
                let mut sum = Reused::default();
                return floats!(|w| sum.of(w, |w| over_time::sum(w.values)));
            }
            RangeFunction::AvgOverTime => {
                let mut mean = Reused::default();
                return floats!(|w| mean.of(w, |w| over_time::avg(w.values, dialect)));
            }
            _ => {}
        }
    }
    windows.walk_numbers(labels, columns, |step, w| {
        cells[step] = of_floats(cx, call, w, step, buffers)?.unwrap_or(NOTHING);
        Ok(())
    })
}

/// The value of the window before, which holds as long as the window sees the same samples.
struct Reused {
    samples: (usize, usize),
    value: f64,
}

impl Default for Reused {
    fn default() -> Self {
        Self { samples: (0, 0), value: NOTHING }
    }
}

impl Reused {
    #[inline]
    fn of(&mut self, w: &Window<'_>, work_out: impl FnOnce(&Window<'_>) -> f64) -> f64 {
        let samples = (w.first, w.values.len());
        if samples != self.samples {
            *self = Self { samples, value: work_out(w) };
        }
        self.value
    }
}

/// The function over the window's numbers.
fn of_floats(
    cx: &mut Context<'_>,
    call: &Call<'_>,
    w: &Window<'_>,
    step: usize,
    buffers: &mut Buffers<'_>,
) -> Result<Option<f64>, EvalError> {
    use RangeFunction as F;
    let param = |i: usize| call.params.get(i).and_then(|p| p.get(step)).copied().unwrap_or(f64::NAN);
    let values = w.values;
    let seconds = |t: i64| t as f64 / 1000.0;
    if let Some(kind) = call.extended {
        let smoothed = kind == ExtendedRange::Smoothed;
        return Ok(match call.function {
            F::Rate => extended::rate(w, smoothed, true, true),
            F::Increase => extended::rate(w, smoothed, true, false),
            F::Delta => extended::rate(w, smoothed, false, false),
            F::Changes => extended::anchored_from(w).map(|w| over_time::changes(w.values)),
            F::Resets => extended::anchored_from(w).map(|w| over_time::resets(w.values)),
            _ => None,
        });
    }
    if values.is_empty() {
        return Ok(None);
    }
    Ok(match call.function {
        F::Rate => rate::extrapolated(w, buffers.resets, true, true, call.dialect),
        F::Increase => rate::extrapolated(w, buffers.resets, true, false, call.dialect),
        F::Delta => rate::extrapolated(w, &[], false, false, call.dialect),
        F::Irate => rate::instant(w, true),
        F::Idelta => rate::instant(w, false),
        F::SumOverTime => Some(over_time::sum(values)),
        F::AvgOverTime => Some(over_time::avg(values, call.dialect)),
        F::MaxOverTime => Some(over_time::extreme(values, |a, b| a > b).0),
        F::MinOverTime => Some(over_time::extreme(values, |a, b| a < b).0),
        F::TsOfMaxOverTime => Some(seconds(w.times[over_time::extreme(values, |a, b| a >= b).1])),
        F::TsOfMinOverTime => Some(seconds(w.times[over_time::extreme(values, |a, b| a <= b).1])),
        F::CountOverTime => Some(values.len() as f64),
        F::PresentOverTime | F::AbsentOverTime => Some(1.0),
        F::FirstOverTime => Some(values[0]),
        F::LastOverTime => values.last().copied(),
        F::TsOfFirstOverTime => Some(seconds(w.times[0])),
        F::TsOfLastOverTime => w.times.last().map(|t| seconds(*t)),
        F::StdvarOverTime => Some(over_time::variance(values, call.dialect)),
        F::StddevOverTime => Some(over_time::variance(values, call.dialect).sqrt()),
        F::MadOverTime => Some(over_time::median_absolute_deviation(values, buffers.floats)),
        F::QuantileOverTime => {
            let q = param(0);
            if !(0.0..=1.0).contains(&q) {
                cx.warn(invalid_quantile(q), call.span);
            }
            Some(over_time::quantile_over_time(q, values, buffers.floats))
        }
        F::Changes => Some(over_time::changes(values)),
        F::Resets => Some(over_time::resets(values)),
        F::Deriv => {
            (values.len() > 1).then(|| regression::linear_regression(w.times, values, w.times[0], call.dialect).0)
        }
        F::PredictLinear => (values.len() > 1).then(|| {
            let (slope, intercept) = regression::linear_regression(w.times, values, w.now, call.dialect);
            slope * param(0) + intercept
        }),
        F::DoubleExponentialSmoothing => {
            let (smoothing, trend) = (param(0), param(1));
            check_factor("smoothing", "sf", smoothing)?;
            check_factor("trend", "tf", trend)?;
            regression::double_exponential_smoothing(values, smoothing, trend)
        }
    })
}

fn check_factor(name: &str, short: &str, v: f64) -> Result<(), EvalError> {
    if v <= 0.0 || v >= 1.0 {
        return Err(EvalError::execution(format!(
            "invalid {name} factor. Expected: 0 < {short} < 1, got: {}",
            crate::golang::float::format_float(v, crate::golang::float::FloatFormat::Fixed, Some(6))
        )));
    }
    Ok(())
}

pub(crate) fn invalid_quantile(q: f64) -> String {
    let q = crate::golang::float::format_value(q);
    format!("quantile value should be between 0 and 1, got {q}")
}

/// The function over a window of a series that holds histograms.
fn with_histograms(
    cx: &mut Context<'_>,
    call: &Call<'_>,
    w: &Window<'_>,
    step: usize,
    buffers: &mut Buffers<'_>,
) -> Result<Cell, EvalError> {
    use RangeFunction as F;
    let mixed = !w.values.is_empty() && !w.histograms.is_empty();
    if w.histograms.is_empty() && !matches!(call.function, F::Rate | F::Increase) {
        return Ok(of_floats(cx, call, w, step, buffers)?.map_or(Cell::Nothing, Cell::Float));
    }
    let name = crate::golang::quote(w.labels.metric_name());
    let seconds = |t: i64| Cell::Float(t as f64 / 1000.0);
    match call.function {
        F::Rate | F::Increase | F::Delta => {
            let counter = call.function != F::Delta;
            let per_second = call.function == F::Rate;
            if mixed {
                cx.warn(mixed_floats(&name), call.span);
                return Ok(Cell::Nothing);
            }
            if w.histograms.is_empty() {
                let mut resets = Vec::new();
                rate::find_resets(w.values, &mut resets);
                let own = Window { first: 0, ..*w };
                let v = rate::extrapolated(&own, &resets, counter, per_second, call.dialect);
                return Ok(v.map_or(Cell::Nothing, Cell::Float));
            }
            let mut remarks = Vec::new();
            let h = rate_histogram::extrapolated(w, counter, per_second, cx.rules(), &mut remarks);
            say(cx, &remarks, &name, call.span);
            Ok(h.map_or(Cell::Nothing, |h| Cell::Histogram(Arc::new(h))))
        }
        F::Irate | F::Idelta => Ok(instant_mixed(cx, w, call, &name)),
        F::SumOverTime | F::AvgOverTime => {
            if mixed {
                cx.warn(mixed_floats(&name), call.span);
                return Ok(Cell::Nothing);
            }
            let mut seen = Seen::default();
            let result = if call.function == F::SumOverTime {
                of_histograms::sum(w.histograms, cx.rules(), &mut seen)
            } else {
                of_histograms::avg(w.histograms, cx.rules(), &mut seen)
            };
            let h = match result {
                Ok(h) => h,
                Err(why) => {
                    say(cx, &[why.into()], &name, call.span);
                    return Ok(Cell::Nothing);
                }
            };
            if seen.collision() && cx.rules().tells_collisions {
                cx.warn("conflicting counter resets during histogram aggregation".to_owned(), call.span);
            }
            if seen.reconciled {
                cx.inform("mismatched custom buckets were reconciled during aggregation".to_owned(), call.span);
            }
            Ok(Cell::Histogram(Arc::new(h)))
        }
        F::CountOverTime => Ok(Cell::Float((w.values.len() + w.histograms.len()) as f64)),
        F::PresentOverTime | F::AbsentOverTime => Ok(Cell::Float(1.0)),
        F::FirstOverTime => Ok(match w.times.first() {
            Some(t) if *t < w.histogram_times[0] => Cell::Float(w.values[0]),
            _ => Cell::Histogram(w.histograms[0].clone()),
        }),
        F::LastOverTime => {
            let (h, last) = (w.histograms.len() - 1, w.times.len().wrapping_sub(1));
            Ok(match w.times.last() {
                Some(t) if *t > w.histogram_times[h] => Cell::Float(w.values[last]),
                _ => Cell::Histogram(w.histograms[h].clone()),
            })
        }
        F::TsOfFirstOverTime => Ok(seconds(w.times.iter().chain(w.histogram_times).copied().min().unwrap_or(0))),
        F::TsOfLastOverTime => Ok(seconds(w.times.iter().chain(w.histogram_times).copied().max().unwrap_or(0))),
        F::Changes => Ok(Cell::Float(of_histograms::changes(w))),
        F::Resets => Ok(Cell::Float(of_histograms::resets(w, cx.rules()))),
        _ => {
            if mixed && call.function.ignores_histograms() {
                cx.inform(
                    format!(
                        "ignored histograms in a range containing both floats and histograms for metric name {name}"
                    ),
                    call.span,
                );
            }
            Ok(of_floats(cx, call, w, step, buffers)?.map_or(Cell::Nothing, Cell::Float))
        }
    }
}

fn mixed_floats(name: &str) -> String {
    format!("encountered a mix of histograms and floats for metric name {name}")
}

/// What is said of exponential beside custom buckets; the name is quoted.
pub(crate) fn mixed_schemas(name: &str) -> String {
    format!("vector contains a mix of histograms with exponential and custom buckets schemas for metric name {name}")
}

/// What releases before 3.8 say of custom buckets with different bounds; the name is quoted.
pub(crate) fn mixed_bounds(name: &str) -> String {
    format!("vector contains histograms with incompatible custom buckets for metric name {name}")
}

fn say(cx: &mut Context<'_>, remarks: &[Remark], name: &str, span: Span) {
    for remark in remarks {
        match remark {
            Remark::MixedFloats => cx.warn(mixed_floats(name), span),
            Remark::MixedSchemas => cx.warn(mixed_schemas(name), span),
            Remark::MixedBounds => cx.warn(mixed_bounds(name), span),
            Remark::NotCounter => cx.warn(format!("this native histogram metric is not a counter: {name}"), span),
            Remark::NotGauge => cx.warn(format!("this native histogram metric is not a gauge: {name}"), span),
            Remark::Reconciled(subtracted) => {
                let what = if *subtracted { "subtraction" } else { "addition" };
                cx.inform(format!("mismatched custom buckets were reconciled during {what}"), span);
            }
        }
    }
}

/// `irate` and `idelta` over the last two samples of either kind.
fn instant_mixed(cx: &mut Context<'_>, w: &Window<'_>, call: &Call<'_>, name: &str) -> Cell {
    let counter = call.function == RangeFunction::Irate;
    let mut points: Vec<(i64, Cell)> = Vec::with_capacity(4);
    let floats = w.times.len().saturating_sub(2);
    points.extend((floats..w.times.len()).map(|i| (w.times[i], Cell::Float(w.values[i]))));
    let histograms = w.histograms.len().saturating_sub(2);
    points.extend(
        (histograms..w.histograms.len()).map(|i| (w.histogram_times[i], Cell::Histogram(w.histograms[i].clone()))),
    );
    points.sort_by_key(|p| p.0);
    let [.., (t0, previous), (t1, last)] = &points[..] else { return Cell::Nothing };
    match (previous, last) {
        (Cell::Float(a), Cell::Float(b)) => {
            let two = Window { times: &[*t0, *t1], values: &[*a, *b], histogram_times: &[], histograms: &[], ..*w };
            rate::instant(&two, counter).map_or(Cell::Nothing, Cell::Float)
        }
        (Cell::Histogram(a), Cell::Histogram(b)) => {
            let mut remarks = Vec::new();
            let h = rate_histogram::instant(a, b, t1 - t0, counter, cx.rules(), &mut remarks);
            say(cx, &remarks, name, call.span);
            h.map_or(Cell::Nothing, |h| Cell::Histogram(Arc::new(h)))
        }
        _ => {
            say(cx, &[Remark::MixedFloats], name, call.span);
            Cell::Nothing
        }
    }
}
