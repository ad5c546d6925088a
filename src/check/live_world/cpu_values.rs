//! The CPU's values of the load, as Grafana gives them back afterwards.

use serde_json::{Value, json};

use super::Seen;
use super::messages::{clock_text, why};
use super::stress::Record;
use crate::check::probe::grafana::Grafana;
use crate::check::probe::prometheus::Answered;
use crate::check::{Finding, Outcome};
use crate::report::Basis;
use crate::stack::grafana::{self as shown, Dashboard, DataSource, node_full};

/// What panels of Node Exporter Full call CPU busy.
pub const CPU_BUSY: &str = "100 * (1 - avg by (instance) (rate(node_cpu_seconds_total{mode=\"idle\"}[1m])))";
/// The busiest core: with fewer workers than cores the mean stays low.
const BUSIEST_CORE: &str =
    "100 * (1 - min by (instance) (sum by (instance, cpu) (rate(node_cpu_seconds_total{mode=\"idle\"}[1m]))))";
/// Who is told of.
const MACHINES: &str = "count by (job, instance) (node_cpu_seconds_total{mode=\"idle\"})";
/// Percent from which a CPU counts as loaded.
const BUSY: f64 = 95.0;
/// Seconds that it must be so, where the load is long enough for that.
const BUSY_FOR: f64 = 60.0;
/// What the rest may have of the load's value.
const REST: f64 = 0.5;
/// Seconds that a value looks back.
const WINDOW: f64 = 60.0;
/// Seconds between two points that still belong together.
const GAP: f64 = 31.0;

/// The values of one load and of the rests around it.
#[derive(Debug, Default, PartialEq)]
struct Values {
    highest: f64,
    /// The longest time at [`BUSY`] or above.
    busy_for: f64,
    /// The middle value at rest: what else the machine does now and then is no load.
    rest: Option<f64>,
}

/// The CPU's values are to be read in Grafana.
pub fn judge(record: &Record, during: &str, seen: &Seen) -> Outcome {
    let moment = |edge: &str| record.schedule.moment(&format!("{during}.{edge}"));
    let (from, to) = match (moment("start"), moment("end")) {
        (Ok(from), Ok(to)) => (from, to),
        (Err(e), _) | (_, Err(e)) => return Outcome::Error(Finding::said(e)),
    };
    if record.until < to {
        return Outcome::Inconclusive(
            Finding::said(format!("the scenario ended after {:.0} s: {}", record.until, why(&record.ended)))
                .basis(Basis::Live),
        );
    }
    let sources: Vec<&DataSource> = seen.sources.known.iter().filter(|s| s.is_prometheus()).collect();
    if sources.is_empty() {
        return Outcome::Fails(
            Finding::observed("no data source of type prometheus in Grafana", "one with the machine's CPU values")
                .basis(Basis::Live),
        );
    }
    let mut troubles = Vec::new();
    for source in sources {
        match of_source(record, (from, to), seen, source) {
            Ok(holds) => {
                return Outcome::Holds(holds.basis(Basis::Live).evidence(full(record, (from, to), seen, source)));
            }
            Err(trouble) => troubles.push(trouble),
        }
    }
    Outcome::Fails(
        Finding::observed(troubles.join("; "), format!("the {during} load to be seen in Grafana"))
            .hint("choose the data source and the machine's job at the top of Node Exporter Full; its target must be up in Prometheus")
            .basis(Basis::Live),
    )
}

fn of_source(record: &Record, load: (f64, f64), seen: &Seen, source: &DataSource) -> Result<Finding, String> {
    let named = format!("Grafana's data source {}", source.name);
    let mut lower = None;
    for (expr, what) in [(CPU_BUSY, "all cores"), (BUSIEST_CORE, "its busiest core")] {
        let values = ask(record, load, &seen.grafana, source, expr).map_err(|why| format!("{why} from {named}"))?;
        let Some(values) = values else { return Err(format!("no CPU values through {named}")) };
        let wanted = BUSY_FOR.min((load.1 - load.0 - WINDOW).max(0.0));
        // A load that is shorter than the window of a rate cannot be seen whole.
        let enough = if wanted > 0.0 { values.busy_for >= wanted } else { values.highest > 0.0 };
        let falls = wanted <= 0.0 || values.rest.is_none_or(|rest| rest <= REST * values.highest);
        if enough && falls {
            let rest = values.rest.map_or_else(String::new, |r| format!(", {r:.0} % at rest"));
            return Ok(Finding::said(format!(
                "observed at most {:.0} % CPU on {what}{rest} through {named}",
                values.highest
            )));
        }
        let told = if enough {
            format!("{:.0} % under load and {:.0} % at rest", values.highest, values.rest.unwrap_or_default())
        } else {
            format!(
                "at most {:.0} % CPU, {:.0} s of it at {BUSY} % or more, wanted {wanted:.0} s,",
                values.highest, values.busy_for
            )
        };
        lower = lower.or(Some(format!("{told} through {named}")));
    }
    Err(lower.unwrap_or_default())
}

/// The values around a load; nothing when there are none.
fn ask(
    record: &Record,
    (from, to): (f64, f64),
    grafana: &Grafana,
    source: &DataSource,
    expr: &str,
) -> Result<Option<Values>, String> {
    let first = record.schedule.stretches.iter().find(|s| s.load).map_or(from, |s| s.from);
    let (begin, end) = (record.start + first - 2.0 * WINDOW, record.start + record.until.max(to + 5.0));
    let series = grafana.query(source, expr, begin, end)?;
    let resting = |t: f64| {
        let loads = record.schedule.stretches.iter().filter(|s| s.load);
        loads.into_iter().all(|s| t < s.from || t > s.to + WINDOW)
    };
    let all = series.iter().filter_map(|s| values_of(s, record.start, (from, to), resting));
    Ok(all.max_by(|a, b| a.busy_for.total_cmp(&b.busy_for).then(a.highest.total_cmp(&b.highest))))
}

fn values_of(series: &Answered, start: f64, (from, to): (f64, f64), resting: impl Fn(f64) -> bool) -> Option<Values> {
    let points = series.points.iter().map(|(t, v)| (t - start, *v)).filter(|(_, v)| v.is_finite());
    let mut values: Option<Values> = None;
    let mut since: Option<(f64, f64)> = None;
    for (t, v) in points {
        if (from..=to + 5.0).contains(&t) {
            let found = values.get_or_insert_default();
            found.highest = found.highest.max(v);
            since = match since {
                Some((begin, last)) if v >= BUSY && t - last <= GAP => Some((begin, t)),
                _ if v >= BUSY => Some((t, t)),
                _ => None,
            };
            if let Some((begin, last)) = since {
                found.busy_for = found.busy_for.max(last - begin);
            }
        }
    }
    let mut rest: Vec<f64> =
        settled(&series.points).filter(|(t, v)| resting(t - start) && v.is_finite()).map(|p| p.1).collect();
    rest.sort_by(f64::total_cmp);
    values.map(|v| Values { rest: rest.get(rest.len() / 2).copied(), ..v })
}

/// The points whose window is full. With fewer samples a rate is too small, which makes a machine look busy whose
/// target was read for the first time just before, or again after a while.
fn settled(points: &[(f64, f64)]) -> impl Iterator<Item = (f64, f64)> {
    let mut begun = f64::INFINITY;
    let mut last = f64::NEG_INFINITY;
    points.iter().copied().filter(move |(t, _)| {
        if t - last > GAP {
            begun = *t;
        }
        last = *t;
        t - begun >= WINDOW
    })
}

/// What the student's own panel of Node Exporter Full shows.
fn full(record: &Record, load: (f64, f64), seen: &Seen, source: &DataSource) -> Vec<Value> {
    let text = match seen.dashboards.iter().find(|d| node_full::judge(d).standing > shown::Standing::Fail) {
        None => "no dashboard in Grafana is Node Exporter Full".to_owned(),
        Some(dashboard) => match busy_query(dashboard, &machine(record, &seen.grafana, source)) {
            None => format!("no panel of {:?} asks for the CPU's busy share", dashboard.title),
            Some((panel, expr)) => match ask(record, load, &seen.grafana, source, &expr) {
                Ok(Some(values)) => format!(
                    "panel {panel:?} of {:?} shows at most {:.0} % during the load, until {}",
                    dashboard.title,
                    values.highest,
                    clock_text(load.1)
                ),
                Ok(None) => format!("panel {panel:?} of {:?} shows nothing of the load", dashboard.title),
                Err(why) => format!("{why} for panel {panel:?} of {:?}", dashboard.title),
            },
        },
    };
    vec![json!({"kind": "text", "text": text})]
}

/// Job and instance of the machine.
fn machine(record: &Record, grafana: &Grafana, source: &DataSource) -> (String, String) {
    let end = record.start + record.until;
    let series = grafana.query(source, MACHINES, end - WINDOW, end).unwrap_or_default();
    let label = |name: &str| {
        let value = series.first().and_then(|s| s.metric[name].as_str());
        value.unwrap_or_default().to_owned()
    };
    (label("job"), label("instance"))
}

/// The panel that shows how busy the CPU is, with its variables filled in as its menus would.
fn busy_query(dashboard: &Dashboard, (job, instance): &(String, String)) -> Option<(String, String)> {
    let queries = dashboard.panels.iter().flat_map(|p| {
        let targets = p.model["targets"].as_array().into_iter().flatten();
        targets.filter_map(|t| Some((p.title.clone(), t["expr"].as_str()?.to_owned())))
    });
    let mut queries: Vec<(String, String)> = queries.filter(|(_, e)| e.contains("node_cpu_seconds_total")).collect();
    queries.sort_by_key(|(title, _)| !title.to_ascii_lowercase().contains("cpu busy"));
    let (title, expr) = queries.into_iter().next()?;
    let mut filled = expr;
    for (name, value) in [
        ("__rate_interval", "1m"),
        ("__interval", "15s"),
        ("node", instance.as_str()),
        ("instance", instance.as_str()),
        ("job", job.as_str()),
    ] {
        filled = filled.replace(&format!("${{{name}}}"), value).replace(&format!("[[{name}]]"), value);
        filled = replace_word(&filled, &format!("${name}"), value);
    }
    Some((title, dashboard.interpolate(&filled)))
}

/// Replaces a variable where no longer name begins with its own.
fn replace_word(text: &str, word: &str, value: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(word) {
        let behind = &rest[at + word.len()..];
        out.push_str(&rest[..at]);
        let longer = behind.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
        out.push_str(if longer { word } else { value });
        rest = behind;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(points: &[(f64, f64)]) -> Answered {
        Answered { metric: Value::Null, points: points.to_vec() }
    }

    #[test]
    fn a_load_is_a_minute_of_busy_values_between_rests() {
        let mut points: Vec<(f64, f64)> = (0..100).map(|i| (1000.0 + f64::from(i) * 5.0, 4.0)).collect();
        for point in points.iter_mut().filter(|p| (1160.0..=1300.0).contains(&p.0)) {
            point.1 = 100.0;
        }
        let resting = |t: f64| !(100.0..=400.0).contains(&t);
        let values = values_of(&series(&points), 1000.0, (100.0, 300.0), resting).expect("values");
        assert_eq!(values, Values { highest: 100.0, busy_for: 140.0, rest: Some(4.0) });
        points[45].1 = 20.0;
        let broken = values_of(&series(&points), 1000.0, (100.0, 300.0), resting).expect("values");
        assert_eq!(broken.busy_for, 70.0);
        assert_eq!(values_of(&series(&[]), 1000.0, (100.0, 300.0), resting), None);
    }

    #[test]
    fn a_target_that_was_just_read_for_the_first_time_is_no_machine_under_load() {
        // What Prometheus 2.42 gave for an idle machine, then under load, then idle again with one busy moment.
        let fresh = [79.7, 71.3, 63.1, 54.8, 46.6, 38.3, 30.0, 21.7, 13.4, 4.0, 1.0, 1.1, 1.0, 1.0];
        let load = [10.0, 19.0, 28.0, 37.0, 46.0, 55.0, 64.0, 73.0, 82.0, 91.0, 99.8, 99.8, 99.8];
        let after = [1.0, 1.0, 70.0, 1.2, 1.3];
        let points: Vec<(f64, f64)> =
            (0u32..).map(|i| 1000.0 + f64::from(i) * 5.0).zip(fresh.into_iter().chain(load).chain(after)).collect();
        let resting = |t: f64| !(70.0..135.0).contains(&t);
        let values = values_of(&series(&points), 1000.0, (70.0, 130.0), resting).expect("values");
        assert_eq!(values.rest, Some(1.0));
        assert_eq!(settled(&points[..13]).next(), Some(points[12]));
        let again: Vec<(f64, f64)> = points.iter().copied().filter(|p| !(1020.0..=1055.0).contains(&p.0)).collect();
        assert_eq!(settled(&again).next().map(|p| p.0), Some(1120.0));
    }

    #[test]
    fn variables_of_the_panel_are_filled_in() {
        let dashboard = Dashboard::read(&json!({"title": "Node Exporter Full", "schemaVersion": 39, "panels": [
            {"id": 1, "type": "timeseries", "title": "CPU Basic", "targets": [{"expr": "node_cpu_seconds_total"}]},
            {"id": 2, "type": "gauge", "title": "CPU Busy", "targets": [
                {"expr": "rate(node_cpu_seconds_total{instance=\"$node\",job=\"${job}\",x=\"$nodename\"}[$__rate_interval])"}]},
        ]}));
        let of = busy_query(&dashboard.expect("a dashboard"), &("vm".into(), "h:9100".into())).expect("a query");
        assert_eq!(of.0, "CPU Busy");
        assert!(of.1.starts_with("rate(node_cpu_seconds_total{instance=\"h:9100\",job=\"vm\",x="), "{}", of.1);
        assert!(of.1.ends_with("[1m])"), "{}", of.1);
    }
}
