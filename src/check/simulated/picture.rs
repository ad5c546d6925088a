//! The shown run as a picture: load, what the rule compares, phases, bands, messages.

use super::Simulated;
use super::alerts::Place;
use super::runs::Runs;
use super::value::{points, sides};
use crate::alertmanager::Outcome;
use crate::engine::{Engine, Event};
use crate::report::{Band, BandState, Message, PhaseMark, Series, Timeline};
use crate::rules::AlertState;
use crate::simulate::receivers::{self, leads_to_discord};

/// Seconds before the first load that are shown.
const BEFORE: f64 = 60.0;
/// Seconds after the last thing that happened.
const AFTER: f64 = 60.0;
/// Milliseconds between two points.
const STEP_MS: i64 = 5000;

/// The picture of a set of alerts.
pub fn timeline(world: &Simulated<'_>, runs: &Runs, places: &[Place]) -> Timeline {
    let engine = runs.shown();
    let scenario = &runs.schedule.scenario;
    let mut bands = bands(runs, engine, places);
    let messages = messages(runs, engine, places);
    let last_load = runs.schedule.stretches.iter().filter(|s| s.load).map(|s| s.to).fold(0.0, f64::max);
    let last_event = bands.iter().map(|b| b.until).chain(messages.iter().filter(|m| m.in_focus).map(|m| m.t));
    let until = (last_event.fold(last_load, f64::max) + AFTER).min(runs.schedule.end());
    for band in &mut bands {
        band.from = band.from.max(-BEFORE);
        band.until = band.until.min(until);
    }
    bands.retain(|b| b.until > b.from);
    let load = scenario.load();
    let steps = ((until + BEFORE) * 1000.0 / STEP_MS as f64) as i64;
    let mut times: Vec<f64> = (0..=steps).map(|i| -BEFORE + i as f64 * STEP_MS as f64 / 1000.0).collect();
    // Both sides of an edge, so that it is drawn upright.
    times.extend(runs.schedule.stretches.iter().flat_map(|s| [s.from - 0.001, s.from, s.to - 0.001, s.to]));
    times.retain(|t| *t >= -BEFORE && *t <= until);
    times.sort_by(f64::total_cmp);
    let times = times.into_iter();
    let load_points = times.map(|t| (t, 100.0 * load.busy_share(scenario.time(t)))).collect();
    let mut values = Vec::new();
    let mut threshold = None;
    for place in places.iter().take(2) {
        let Some((rule, (side, _, limit))) = world.rule(*place).and_then(|r| Some((r, sides(&r.expr)?))) else {
            continue;
        };
        threshold.get_or_insert(limit);
        for series in points(engine, side, scenario.time(-BEFORE), scenario.time(until), STEP_MS).into_iter().take(4) {
            let origin = scenario.time(0.0).secs_f64();
            let shifted = series.into_iter().map(|(t, v)| (t - origin, v)).collect();
            values.push(Series { name: rule.name.to_string(), points: shifted });
        }
    }
    Timeline {
        title: "Load, alert and messages".to_owned(),
        note: "One of the phases of the sweep; times count from the start of the first load.".to_owned(),
        load: Series { name: "load of the VM".to_owned(), points: load_points },
        values,
        threshold,
        phases: runs
            .schedule
            .stretches
            .iter()
            .filter(|s| s.load)
            .map(|s| PhaseMark { name: format!("{} load", s.name), from: s.from, until: s.to })
            .collect(),
        bands,
        messages,
    }
}

fn bands(runs: &Runs, engine: &Engine, places: &[Place]) -> Vec<Band> {
    let mut bands: Vec<Band> = Vec::new();
    let mut open: Vec<(String, BandState, f64)> = Vec::new();
    for entry in engine.journal().entries() {
        let Event::Alert { group, rule, change, .. } = &entry.event else { continue };
        if !places.contains(&(*group, *rule)) {
            continue;
        }
        let t = runs.schedule.scenario.seconds(entry.at);
        let name = name_of(&change.labels);
        if let Some(i) = open.iter().position(|(n, ..)| *n == name) {
            let (alert, state, from) = open.swap_remove(i);
            bands.push(Band { alert, state, from, until: t });
        }
        match change.to {
            AlertState::Pending => open.push((name, BandState::Pending, t)),
            AlertState::Firing => open.push((name, BandState::Firing, t)),
            AlertState::Inactive => {}
        }
    }
    let end = runs.schedule.end();
    bands.extend(open.into_iter().map(|(alert, state, from)| Band { alert, state, from, until: end }));
    bands
}

fn name_of(labels: &crate::model::Labels) -> String {
    let name = labels.get("alertname").unwrap_or("alert");
    match (labels.get("instance"), labels.get("cpu")) {
        (Some(instance), Some(cpu)) => format!("{name} {instance} cpu {cpu}"),
        (Some(instance), None) => format!("{name} {instance}"),
        _ => name.to_owned(),
    }
}

fn messages(runs: &Runs, engine: &Engine, places: &[Place]) -> Vec<Message> {
    let setup = engine.config().alertmanager.as_ref();
    let names: Vec<&str> = places
        .iter()
        .filter_map(|(g, r)| engine.config().prometheus.as_ref()?.groups.get(*g)?.rules.get(*r))
        .map(|r| &*r.name)
        .collect();
    let mut messages = Vec::new();
    for entry in engine.journal().entries() {
        let Event::Notification { notification, outcome, url, .. } = &entry.event else { continue };
        if !leads_to_discord(notification.kind(), url) {
            continue;
        }
        let body = receivers::body_json(setup, notification).unwrap_or_default();
        let embed = &body["embeds"][0];
        let text = |key: &str| embed[key].as_str().unwrap_or("").to_owned();
        messages.push(Message {
            t: runs.schedule.scenario.seconds(entry.at),
            firing: notification.status() == crate::alertmanager::Status::Firing,
            receiver: notification.receiver.to_string(),
            answer: match outcome {
                Outcome::Answered { status, .. } => Some(*status),
                _ => None,
            },
            title: text("title"),
            text: text("description"),
            in_focus: notification.alerts.iter().any(|a| a.labels.get("alertname").is_some_and(|n| names.contains(&n))),
        });
    }
    messages
}
