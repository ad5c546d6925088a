//! The verdicts on a dashboard: does it show the metric, refresh as asked, cover the range, have the line?

use serde_json::Value;

use super::dashboard::{Dashboard, Panel};
use super::datasource::DataSources;
use super::line::line;
use super::series::{Series, series};
use super::time::{Moment, moment, refresh_millis, spoken};
use super::{Finding, Standing};

/// What a lab asks of a dashboard.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The metric's name.
    pub metric: String,
    /// How often it refreshes, in milliseconds.
    pub refresh_millis: f64,
    /// How far back it reaches, in seconds.
    pub range_seconds: i64,
    /// Where the red line is.
    pub line_at: f64,
}

/// The verdicts.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    /// Does a panel show the metric?
    pub metric: Finding,
    /// Does the dashboard refresh as asked?
    pub refresh: Finding,
    /// Does the panel cover the range?
    pub range: Finding,
    /// Does the panel that shows the metric have the line?
    pub line: Finding,
}

/// Whether a panel draws data at all.
fn queries(panel: &Panel) -> bool {
    !matches!(panel.kind.as_str(), "text" | "row" | "dashlist" | "news" | "welcome" | "gettingstarted")
}

/// Judges one panel: metric, line, range.
pub fn judge_panel(
    panel: &Panel,
    dashboard: &Dashboard,
    sources: &DataSources,
    wanted: &Wanted,
) -> (Finding, Finding, Finding) {
    let drawn = series(panel, dashboard, sources, &wanted.metric);
    let metric = metric(panel, &drawn, &wanted.metric);
    let line = line(panel, &drawn, wanted.line_at);
    let line = if metric.standing < line.standing { metric.clone() } else { line };
    let range = panel_range(panel, dashboard, wanted);
    (metric.of(panel), line.of(panel), range)
}

/// Judges a dashboard.
pub fn judge(dashboard: &Dashboard, sources: &DataSources, wanted: &Wanted) -> Judgement {
    if let Some(why) = &dashboard.conversion_failed {
        let unknown = Finding::unknown(why.clone());
        return Judgement { metric: unknown.clone(), refresh: unknown.clone(), range: unknown.clone(), line: unknown };
    }
    let judged: Vec<_> = dashboard.panels.iter().map(|p| judge_panel(p, dashboard, sources, wanted)).collect();
    let none = || Finding::fail("the dashboard has no panels");
    let metric = judged.iter().map(|j| &j.0).max_by_key(|f| f.standing).cloned().unwrap_or_else(none);
    let showing: Vec<_> = judged.iter().filter(|j| j.0.standing > Standing::Fail).collect();
    let mut line = showing.iter().map(|j| &j.1).max_by_key(|f| f.standing).cloned().unwrap_or_else(|| metric.clone());
    if line.standing == Standing::Fail && !showing.is_empty() {
        let elsewhere = judged.iter().zip(&dashboard.panels).find(|(j, panel)| {
            j.0.standing == Standing::Fail
                && super::line::line(panel, &series(panel, dashboard, sources, &wanted.metric), wanted.line_at).standing
                    == Standing::Pass
        });
        if let Some((_, panel)) = elsewhere {
            let shown = line.panel.clone().unwrap_or_default();
            line.message =
                format!("the line is in {}, which does not show {}; {shown} has none", panel.label(), wanted.metric);
        }
    }
    let ranges = showing.iter().filter(|j| j.1.standing == line.standing).map(|j| &j.2);
    let range = ranges.max_by_key(|f| f.standing).cloned().unwrap_or_else(|| dashboard_range(dashboard, wanted));
    Judgement { metric, refresh: refresh(dashboard, wanted), range, line }
}

fn metric(panel: &Panel, drawn: &[Series], name: &str) -> Finding {
    if panel.library.is_some() {
        return Finding::unknown("a library panel: its query is not part of the dashboard");
    }
    if !queries(panel) {
        return Finding::fail(format!("a panel of type {:?} shows no data", panel.kind));
    }
    let Some(best) = drawn.iter().max_by_key(|s| s.shows.standing) else {
        return Finding::fail("the panel has no visible query");
    };
    let message = match best.shows.standing {
        Standing::Pass => format!("the query `{}` shows {name}", best.query),
        _ if best.query.is_empty() => format!("the query {}", best.shows.why),
        _ => format!("the query `{}` {}", best.query, best.shows.why),
    };
    Finding { standing: best.shows.standing, message, panel: None }
}

fn refresh(dashboard: &Dashboard, wanted: &Wanted) -> Finding {
    let asked = spoken_millis(wanted.refresh_millis);
    let advice = format!("choose {asked} beside the refresh button, then save the dashboard");
    match &dashboard.refresh {
        Value::String(text) if refresh_millis(text) == Some(wanted.refresh_millis) => {
            Finding::pass(format!("the dashboard refreshes every {asked}"))
        }
        Value::String(text) if text.is_empty() => Finding::fail(format!(
            "refresh is off, wanted {asked}: {advice} (a `?refresh=` in the address is not stored)"
        )),
        Value::String(text) => match refresh_millis(text) {
            Some(millis) => {
                Finding::fail(format!("refreshes every {} ({text:?}), wanted {asked}: {advice}", spoken_millis(millis)))
            }
            None => Finding::fail(format!("refresh is {text:?}, wanted {asked}: {advice}")),
        },
        Value::Null | Value::Bool(_) => Finding::fail(format!("refresh is off, wanted {asked}: {advice}")),
        other => Finding::fail(format!("refresh is {other}, wanted the text \"{asked}\"")),
    }
}

fn spoken_millis(millis: f64) -> String {
    if millis % 1000.0 == 0.0 { spoken((millis / 1000.0) as i64).replace(" s", "s") } else { format!("{millis} ms") }
}

fn dashboard_range(dashboard: &Dashboard, wanted: &Wanted) -> Finding {
    let asked = spoken(wanted.range_seconds);
    let (Value::String(from), Value::String(to)) = (&dashboard.from, &dashboard.to) else {
        return match (&dashboard.from, &dashboard.to) {
            (Value::Null, Value::Null) => Finding::fail(format!("no range is stored, so it shows 6 h, wanted {asked}")),
            _ => Finding::fail(format!("a fixed range is stored, wanted the last {asked}")),
        };
    };
    let end_rounded = match moment(to) {
        Moment::Relative { seconds: 0, calendar: false, rounded } => rounded.is_some(),
        _ => return Finding::fail(format!("the range ends at {to:?}, wanted now")),
    };
    match moment(from) {
        Moment::Relative { seconds, calendar: false, rounded } if seconds == -wanted.range_seconds => {
            match (rounded, &dashboard.now_delay) {
                (Some('s' | 'm'), _) => Finding::warn(format!("shows about the last {asked}: {from:?} is rounded")),
                (Some(unit), _) => {
                    Finding::fail(format!("{from:?} is rounded to a whole {unit:?}, wanted the last {asked}"))
                }
                (None, Some(delay)) => Finding::warn(format!("shows {asked} that end {delay} ago")),
                (None, None) if end_rounded => {
                    Finding::warn(format!("shows about the last {asked}: {to:?} is rounded"))
                }
                (None, None) => Finding::pass(format!("the dashboard shows the last {asked}")),
            }
        }
        Moment::Relative { seconds, calendar: false, .. } => Finding::fail(format!(
            "shows the last {}, wanted {asked}: choose it, then save the dashboard",
            spoken(-seconds)
        )),
        Moment::Relative { .. } => Finding::fail(format!("{from:?} goes back months (M) or years, wanted {asked} (m)")),
        Moment::Absolute => Finding::fail(format!("a fixed range from {from} is stored, wanted the last {asked}")),
        Moment::Invalid => {
            Finding::fail(format!("Grafana cannot read the range's start {from:?}, wanted the last {asked}"))
        }
    }
}

/// The range of a panel: the dashboard's, unless the panel has its own.
fn panel_range(panel: &Panel, dashboard: &Dashboard, wanted: &Wanted) -> Finding {
    let whole = dashboard_range(dashboard, wanted);
    let own = |key: &str| panel.model.get(key).and_then(Value::as_str).map(str::trim).filter(|t| !t.is_empty());
    if let Some(shift) = own("timeShift").filter(|s| !matches!(*s, "0s" | "0m" | "0h")) {
        return Finding::fail(format!("the panel shows a window that lies {shift} back")).of(panel);
    }
    let Some(from) = own("timeFrom") else { return whole };
    let text = if from.starts_with("now") { from.to_owned() } else { format!("now-{from}") };
    let right = moment(&text) == Moment::Relative { seconds: -wanted.range_seconds, calendar: false, rounded: None };
    let asked = spoken(wanted.range_seconds);
    if !right {
        return Finding::fail(format!("the panel's own range is {from}, wanted {asked}")).of(panel);
    }
    if whole.standing == Standing::Pass {
        return whole;
    }
    Finding::warn(format!("the panel shows {asked} by a setting of its own, the dashboard does not")).of(panel)
}
