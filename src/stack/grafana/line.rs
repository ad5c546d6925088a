//! Is there a red line at a value in a panel? Thresholds of time series panels, thresholds of the old graph panel, and
//! a second series that is constant and red.
//!
//! Facts: the drawing code of Grafana 9.5 and 13.2 agrees. The first step is the base and never drawn; a step up to
//! the first transparent one takes the colour of the step before it; the first series of an axis whose style is not
//! off decides for the whole axis.

use serde_json::Value;

use super::colour::{Redness, redness, resolve};
use super::dashboard::{Panel, list, text};
use super::series::Series;
use super::{Finding, Standing};

/// How far a line may be off.
const TOLERANCE: f64 = 1e-6;
/// The place of red in the classic palette, from 0.
const PALETTE_RED: usize = 4;

/// One way to a line: the finding, and how close it came (for choosing what to say).
struct Way {
    finding: Finding,
    closeness: u8,
}

fn way(standing: Standing, closeness: u8, message: impl Into<String>) -> Way {
    Way { finding: Finding { standing, message: message.into(), panel: None }, closeness }
}

/// Judges a panel's line; the metric it shows is judged elsewhere.
pub fn line(panel: &Panel, series: &[Series], at: f64) -> Finding {
    let mut ways = Vec::new();
    let migrated = panel.model.get("autoMigrateFrom").and_then(Value::as_str) == Some("graph");
    let ceiling = match panel.kind.as_str() {
        "timeseries" | "graph" => Standing::Pass,
        "trend" | "candlestick" | "barchart" => Standing::Warn,
        "" if panel.library.is_some() => {
            return Finding::unknown("a library panel: its settings are not part of the dashboard");
        }
        kind => {
            return Finding::fail(format!(
                "a panel of type {kind:?} draws no threshold line, wanted a time series panel"
            ));
        }
    };
    let Some(main) = series.iter().find(|s| s.shows.standing > Standing::Fail).or(series.first()) else {
        return Finding::fail("the panel has no visible query");
    };
    if main.hidden() {
        return Finding::fail("the series is hidden in the graph");
    }
    if panel.kind == "graph" || migrated {
        ways.extend(legacy_thresholds(panel, main, at, migrated));
    }
    if panel.kind != "graph" {
        ways.push(thresholds(series, main, at));
    }
    ways.extend(constants(panel, series, main, at));
    let best = ways.into_iter().max_by_key(|w| (w.finding.standing, w.closeness));
    let best = best.map_or_else(|| Finding::fail(format!("no threshold at {at}")), |w| w.finding);
    if best.standing > ceiling {
        return Finding::warn(format!(
            "{} in a panel of type {:?}, wanted a time series panel",
            best.message, panel.kind
        ));
    }
    best
}

/// Thresholds in the field settings.
fn thresholds(series: &[Series], main: &Series, at: f64) -> Way {
    let axis = main.axis();
    let steps_of = |s: &Series| s.config.get("thresholds").map(|t| !list(t, "steps").is_empty()).unwrap_or(false);
    let shown = |s: &&Series| s.threshold_style() != "off" && s.config.get("thresholds").is_some();
    let carrier = series.iter().filter(|s| s.axis() == axis).find(shown);
    let Some(carrier) = carrier else {
        if series.iter().any(|s| shown(&s)) {
            return way(Standing::Fail, 85, "the threshold line belongs to another axis than the metric");
        }
        if !steps_of(main) {
            return way(Standing::Fail, 10, format!("no threshold at {at}"));
        }
        let drawn = draw(main, at);
        return if drawn.finding.standing > Standing::Fail {
            way(
                Standing::Fail,
                95,
                format!("the threshold at {at} is set but not shown: set \"show thresholds\" to \"as lines\""),
            )
        } else {
            way(Standing::Fail, 20, format!("{}, and thresholds are not shown", drawn.finding.message))
        };
    };
    let drawn = draw(carrier, at);
    match carrier.threshold_style() {
        "line" | "dashed" | "line+area" | "dashed+area" => drawn,
        style if drawn.finding.standing > Standing::Fail => way(
            Standing::Fail,
            94,
            format!("thresholds are shown as {style:?}, which fills regions and draws no line: choose \"as lines\""),
        ),
        _ => drawn,
    }
}

/// The line that the steps of one series draw, were they shown as lines.
fn draw(series: &Series, at: f64) -> Way {
    let thresholds = series.config.get("thresholds").cloned().unwrap_or_default();
    let steps = list(&thresholds, "steps");
    let percentage = text(&thresholds, "mode") == Some("percentage");
    let range = axis_range(series);
    let near = |y: f64| (y - at).abs() <= TOLERANCE;
    let colour_of = |i: usize| steps[i].get("color").and_then(Value::as_str).unwrap_or_default();
    let transparent = steps.iter().position(|s| text(s, "color") == Some("transparent")).unwrap_or(0);
    let mut best: Option<Way> = None;
    let mut keep = |w: Way| {
        let key = |w: &Way| (w.finding.standing, w.closeness);
        if best.as_ref().is_none_or(|b| key(&w) > key(b)) {
            best = Some(w);
        }
    };
    let values: Vec<(f64, bool)> = steps.iter().map(|s| step_value(s.get("value"))).collect();
    let sorted = values.windows(2).skip(1).all(|w| w[0].0 <= w[1].0);
    for (i, (value, as_text)) in values.iter().copied().enumerate().skip(1) {
        let colour = if i <= transparent { colour_of(i - 1) } else { colour_of(i) };
        if percentage {
            let Some((low, high)) = range.fixed else {
                let message = format!(
                    "the line at {value} % of the data moves with the data: set minimum and maximum, or use absolute {at}"
                );
                keep(way(Standing::Fail, 80, message));
                continue;
            };
            let y = low + (high - low) * value / 100.0;
            if !near(y) {
                keep(way(Standing::Fail, 60, format!("the line is at {}, wanted {at}", short(y))));
                continue;
            }
        } else if !near(value) {
            let close = if near(value / 100.0) { 75 } else { 60 };
            keep(way(Standing::Fail, close, format!("the line is at {}, wanted {at}", short(value))));
            continue;
        }
        if let Some(reason) = range.hides(at) {
            keep(way(Standing::Fail, 88, reason));
            continue;
        }
        keep(match redness(colour) {
            Redness::Red if as_text => {
                way(Standing::Warn, 90, format!("the threshold is stored as the text \"{at}\", wanted the number"))
            }
            Redness::Red if !sorted => way(Standing::Warn, 90, "a red line, but the steps are not in order"),
            Redness::Red => way(Standing::Pass, 100, format!("a red threshold line at {at}")),
            Redness::Borderline => {
                way(Standing::Warn, 90, format!("the line at {at} is {colour:?}, wanted a clear red"))
            }
            Redness::No if invisible(colour) => {
                way(Standing::Fail, 86, format!("the line at {at} is too transparent to be seen"))
            }
            Redness::No => way(Standing::Fail, 87, format!("the line at {at} is {colour:?}, wanted red")),
        });
    }
    let base = values.first().is_some_and(|(v, _)| near(*v));
    if base && best.as_ref().is_none_or(|b| b.finding.standing == Standing::Fail) {
        let message = format!("the step at {at} is the first one, the base, which is never drawn: add a step");
        return way(Standing::Fail, 89, message);
    }
    best.unwrap_or_else(|| way(Standing::Fail, 10, format!("no threshold at {at}")))
}

/// A step's value as drawn, and whether it was stored as text. Nothing counts as 0.
fn step_value(value: Option<&Value>) -> (f64, bool) {
    match value {
        Some(Value::Number(n)) => (n.as_f64().unwrap_or(f64::NAN), false),
        Some(Value::String(s)) => (s.trim().parse().unwrap_or(f64::NAN), true),
        _ => (0.0, false),
    }
}

fn invisible(colour: &str) -> bool {
    resolve(colour).is_some_and(|c| c.a < 0.2)
}

/// A number without noise.
fn short(x: f64) -> String {
    let rounded = (x * 1e6).round() / 1e6;
    format!("{rounded}")
}

/// What the settings say of an axis.
struct AxisRange {
    min: Option<f64>,
    max: Option<f64>,
    /// Both ends, soft limits included, when the data have no say.
    fixed: Option<(f64, f64)>,
}

fn axis_range(series: &Series) -> AxisRange {
    let number = |v: Option<&Value>| v.and_then(Value::as_f64);
    let (min, max) = (number(series.config.get("min")), number(series.config.get("max")));
    let low = min.or_else(|| number(series.custom("axisSoftMin")));
    let high = max.or_else(|| number(series.custom("axisSoftMax")));
    AxisRange { min, max, fixed: low.zip(high) }
}

impl AxisRange {
    /// Why a line at `y` cannot be seen on the axis.
    fn hides(&self, y: f64) -> Option<String> {
        // Grafana swaps the ends when they are the wrong way round.
        let (min, max) = match (self.min, self.max) {
            (Some(a), Some(b)) if a > b => (Some(b), Some(a)),
            ends => ends,
        };
        if let Some(min) = min.filter(|m| y < m - TOLERANCE) {
            return Some(format!("the axis begins at {min}, so the line at {y} is below it"));
        }
        max.filter(|m| y > m + TOLERANCE).map(|max| format!("the axis ends at {max}, so the line at {y} is above it"))
    }
}

/// `thresholds` of the graph panel, and `grid` of its first versions.
fn legacy_thresholds(panel: &Panel, main: &Series, at: f64, migrated: bool) -> Vec<Way> {
    let model = &panel.model;
    let right = legacy_override(model, main, "yaxis").and_then(|v| v.as_i64()) == Some(2);
    let mut ways: Vec<Way> =
        list(model, "thresholds").iter().map(|t| legacy_threshold(t, model, right, at, migrated)).collect();
    if let Some(grid) = model.get("grid") {
        let lines = grid.get("thresholdLine") == Some(&Value::Bool(true));
        for n in ["1", "2"] {
            let Some(value) = grid.get(format!("threshold{n}")).and_then(Value::as_f64) else { continue };
            let colour = text(grid, &format!("threshold{n}Color")).unwrap_or_default();
            ways.push(if !lines {
                way(Standing::Fail, 70, "the threshold fills a region, wanted a line")
            } else {
                coloured(value, at, colour)
            });
        }
    }
    ways
}

fn legacy_threshold(threshold: &Value, model: &Value, right: bool, at: f64, migrated: bool) -> Way {
    let (value, as_text) = step_value(threshold.get("value"));
    if threshold.get("line") != Some(&Value::Bool(true)) {
        return way(Standing::Fail, 70, "the threshold fills a region, wanted a line");
    }
    if (text(threshold, "yaxis") == Some("right")) != right {
        return way(Standing::Fail, 72, "the threshold is on the other axis than the metric");
    }
    let axis = &list(model, "yaxes").get(usize::from(right)).cloned().unwrap_or_default();
    let end = |key: &str| axis.get(key).map(|v| step_value(Some(v)).0).filter(|_| !axis[key].is_null());
    let range = AxisRange { min: end("min"), max: end("max"), fixed: None };
    let (line, fill) = (text(threshold, "lineColor"), text(threshold, "fillColor"));
    let colour = match text(threshold, "colorMode") {
        Some("critical") => "red",
        Some("warning") => "orange",
        Some("ok") => "green",
        _ if migrated => fill.or(line).unwrap_or_default(),
        _ => line.or(fill).unwrap_or_default(),
    };
    let custom = !matches!(text(threshold, "colorMode"), Some("critical" | "warning" | "ok"));
    let judged = coloured(value, at, colour);
    if judged.finding.standing == Standing::Fail {
        return judged;
    }
    if let Some(reason) = range.hides(at) {
        return way(Standing::Fail, 88, reason);
    }
    // A newer Grafana takes the fill's colour for the line.
    let fill_hue = fill.filter(|_| custom).and_then(resolve).map(|c| format!("#{:06x}", c.opaque().rgb24()));
    if fill_hue.is_some_and(|f| redness(&f) != Redness::Red) {
        return way(Standing::Warn, 90, "the line is red, but a newer Grafana draws it in the colour of the filling");
    }
    if as_text {
        return way(Standing::Warn, 90, format!("the threshold is stored as the text \"{at}\", wanted the number"));
    }
    judged
}

fn coloured(value: f64, at: f64, colour: &str) -> Way {
    if (value - at).abs() > TOLERANCE {
        return way(Standing::Fail, 60, format!("the line is at {}, wanted {at}", short(value)));
    }
    match redness(colour) {
        Redness::Red => way(Standing::Pass, 100, format!("a red threshold line at {at}")),
        Redness::Borderline => way(Standing::Warn, 90, format!("the line at {at} is {colour:?}, wanted a clear red")),
        Redness::No => way(Standing::Fail, 87, format!("the line at {at} is {colour:?}, wanted red")),
    }
}

/// A setting of the graph panel for one series.
fn legacy_override(model: &Value, series: &Series, key: &str) -> Option<Value> {
    list(model, "seriesOverrides")
        .iter()
        .filter(|o| {
            text(o, "alias").is_some_and(|alias| {
                series.names.is(alias) || (alias.len() > 2 && alias.starts_with('/') && series.matches_pattern(alias))
            })
        })
        .find_map(|o| o.get(key).cloned())
}

/// A second series that stays at the value.
fn constants(panel: &Panel, series: &[Series], main: &Series, at: f64) -> Vec<Way> {
    let mut ways = Vec::new();
    for (i, s) in series.iter().enumerate() {
        let Some(value) = s.constant.filter(|_| s.shows.standing == Standing::Fail) else { continue };
        if (value - at).abs() > TOLERANCE {
            ways.push(way(Standing::Fail, 55, format!("the constant series is at {}, wanted {at}", short(value))));
            continue;
        }
        let legacy = panel.kind == "graph" || panel.model.get("autoMigrateFrom").is_some();
        let mut colour = fixed_colour(s);
        if legacy && colour.is_none() {
            colour =
                legacy_override(&panel.model, s, "color").and_then(|c| c.as_str().map(str::to_owned)).or_else(|| {
                    let colours = panel.model.get("aliasColors")?.as_object()?;
                    colours.iter().find(|(alias, _)| s.names.is(alias))?.1.as_str().map(str::to_owned)
                });
        }
        let width = s.custom("lineWidth").and_then(Value::as_f64).unwrap_or(1.0);
        let width = if panel.kind == "graph" {
            let lines = panel.model.get("lines").and_then(Value::as_bool).unwrap_or(true);
            if lines { panel.model.get("linewidth").and_then(Value::as_f64).unwrap_or(1.0) } else { 0.0 }
        } else {
            width
        };
        let style = s.custom("drawStyle").and_then(Value::as_str).unwrap_or("line");
        ways.push(if s.hidden() {
            way(Standing::Fail, 84, format!("the constant series at {at} is hidden in the graph"))
        } else if style == "points" || (style == "line" && width < 1.0) {
            way(Standing::Fail, 84, format!("the constant series at {at} is drawn without a line"))
        } else {
            match colour.as_deref().map(redness) {
                Some(Redness::Red) if fixed_colour(main).is_some_and(|c| redness(&c) == Redness::Red) => {
                    way(Standing::Warn, 90, "the constant line is red, but so is the metric")
                }
                Some(Redness::Red) if style == "bars" => {
                    way(Standing::Warn, 90, "the constant series is drawn as bars")
                }
                Some(Redness::Red) => way(Standing::Pass, 100, format!("a red constant series at {at}")),
                Some(Redness::Borderline) => way(Standing::Warn, 89, "the constant line is not clearly red"),
                None if i == PALETTE_RED && !legacy => {
                    way(Standing::Warn, 89, "the constant line is red only by its place in the palette")
                }
                _ => way(Standing::Fail, 83, format!("the constant line at {at} is not red: give it a fixed colour")),
            }
        });
    }
    ways
}

/// The colour a series is given by its settings.
fn fixed_colour(series: &Series) -> Option<String> {
    let colour = series.config.get("color")?;
    matches!(text(colour, "mode"), Some("fixed" | "shades"))
        .then(|| text(colour, "fixedColor").map(str::to_owned))
        .flatten()
}
