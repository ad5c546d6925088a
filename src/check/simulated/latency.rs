//! Where the time goes between the begin of a load and its message, and the shortest load that would alert.

use serde_json::{Value, json};

use super::Simulated;
use super::alerts::Place;
use super::runs::Runs;
use crate::check::{MessageState, Messages};
use crate::simulate::{GRID, LatencyBudget, PhaseOutcome};
use crate::stack::Who;

/// The budget over all phases, and the shortest load in the quickest and the slowest of them.
pub fn evidence(world: &Simulated<'_>, runs: &Runs, places: &[Place], step: &Messages) -> Vec<Value> {
    let from = step.from.as_ref().and_then(|f| runs.schedule.moment(f).ok());
    let (Some(from), MessageState::Firing) = (from, step.state) else { return Vec::new() };
    let Some(load) = runs.schedule.stretches.iter().find(|s| s.load && s.from == from) else { return Vec::new() };
    let engine = runs.shown();
    let node = world.embedded.reasons.iter().position(|r| r.who == Who::NodeExporter);
    let target = engine.config().prometheus.as_ref().zip(node).and_then(|(p, i)| p.targets.get(i));
    let Some(target) = target else { return Vec::new() };
    let scenario = &runs.schedule.scenario;
    let budgets: Vec<LatencyBudget> = runs
        .sweep()
        .iter()
        .filter_map(|run| LatencyBudget::of(&only(run, places), engine.config(), scenario, &target.target, from))
        .collect();
    if budgets.is_empty() {
        return Vec::new();
    }
    let part = |stage: &str, of: fn(&LatencyBudget) -> f64| {
        let low = budgets.iter().map(of).fold(f64::INFINITY, f64::min);
        let high = budgets.iter().map(of).fold(0.0, f64::max);
        json!({"stage": stage, "seconds": span(low, high)})
    };
    let parts = [
        part("until the next scrape", |b| b.scrape),
        part("until the condition holds: the window fills", |b| b.ramp),
        part("until the next evaluation", |b| b.evaluation),
        part("`for`", |b| b.hold),
        part("group_wait", |b| b.group_wait),
        part("group_interval", |b| b.group_interval),
    ];
    let about = format!("from the begin of the {} load, least to most over all phases", load.name);
    let mut found = vec![json!({"kind": "budget", "about": about, "parts": parts})];
    let shortest: Option<Vec<u32>> = pairs_at_the_ends(runs, places, from)
        .into_iter()
        .map(|(fired, pair)| runs.shortest_in(places, pair, (fired - from).ceil() as u32 + 1))
        .collect();
    if let Some((low, high)) = shortest.and_then(|s| Some((*s.iter().min()?, *s.iter().max()?))) {
        let text = format!("The shortest load that would alert lasts {} s.", span(f64::from(low), f64::from(high)));
        found.push(json!({"kind": "text", "text": text, "shortest": [low, high]}));
    }
    found
}

fn span(low: f64, high: f64) -> String {
    if high - low < 0.5 { format!("{high:.0}") } else { format!("{low:.0} to {high:.0}") }
}

/// The pairs of the grid in which the alert fires first and last.
fn pairs_at_the_ends(runs: &Runs, places: &[Place], from: f64) -> Vec<(f64, usize)> {
    let mut fired: Vec<(f64, usize)> = (0..GRID)
        .zip(runs.sweep())
        .filter_map(|(pair, run)| {
            let span = run.alerts.iter().find(|a| places.contains(&a.rule) && a.active >= from && a.fired.is_some())?;
            Some((span.fired?, pair))
        })
        .collect();
    fired.sort_by(|a, b| a.0.total_cmp(&b.0));
    fired.first().into_iter().chain(fired.last()).copied().collect()
}

/// A run without what happened to other alerts.
fn only(run: &PhaseOutcome, places: &[Place]) -> PhaseOutcome {
    let mut run = run.clone();
    run.alerts.retain(|a| places.contains(&a.rule));
    run.messages.retain(|m| m.alerts.iter().any(|(place, ..)| places.contains(place)));
    run
}
