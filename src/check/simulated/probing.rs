//! Alerting rules themselves: are there any of a set, and do they react to values as they should?

use std::collections::HashSet;

use super::Simulated;
use super::value::short;
use crate::check::{Finding, Outcome, Probe, ProbeExpect, RuleStep, Stage};
use crate::engine::Event;
use crate::report::Basis;
use crate::rules::RuleKind;

/// An alerting rule of the set is loaded.
pub fn rule(world: &Simulated<'_>, step: &RuleStep) -> Outcome {
    let places = world.places(&step.of);
    if !places.is_empty() {
        return Outcome::Holds(Finding::default());
    }
    if let Some(hidden) = hidden_rules(world) {
        return hidden;
    }
    let reads = world.lab.alerts.get(&step.of).map_or_else(String::new, |s| s.reads.join(", "));
    let loaded: Vec<String> = world
        .groups()
        .flat_map(|g| &g.rules)
        .filter(|r| matches!(r.kind, RuleKind::Alerting(_)))
        .map(|r| format!("`{}`", r.name))
        .collect();
    let loaded =
        if loaded.is_empty() { "no alerting rule at all".to_owned() } else { format!("only {}", loaded.join(", ")) };
    Outcome::Fails(
        Finding::observed(
            format!("no alerting rule that reads {reads} ({loaded})"),
            format!("an alerting rule among the {}", world.title_of(&step.of)),
        )
        .hint("add the rule to a file that rule_files names, beside the others, and mind the exact name of the metric")
        .basis(Basis::Static)
        .stage(Stage::Evaluation),
    )
}

/// Rule files that the configuration names and the repository rightly does not hold.
pub fn hidden_rules(world: &Simulated<'_>) -> Option<Outcome> {
    let (_, why, _) = world.stack.prometheus.as_ref()?.missing_rules.iter().find(|(_, _, hidden)| *hidden)?;
    Some(Outcome::Unverified(Finding::said(format!("the rule files cannot be judged from the repository: {why}"))))
}

/// With the metrics held at these values, the alerts are active or not.
pub fn probe(world: &Simulated<'_>, step: &Probe) -> Outcome {
    let Some(runs) = world.runs() else {
        return Outcome::Error(Finding::said("the stack cannot be played: its programs were not judged before"));
    };
    let metric = world.lab.parameters.get("mock.metric").unwrap_or("model_result");
    let Some(value) = step.when.get(metric).copied().filter(|_| step.when.len() == 1) else {
        return Outcome::Error(Finding::said(format!("only {metric} can be held at a value in virtual time")));
    };
    let places = world.places(&step.of);
    let engine = runs.with_constant(value);
    let active = engine.journal().entries().iter().find_map(|e| match &e.event {
        Event::Alert { group, rule, .. } if places.contains(&(*group, *rule)) => Some((*group, *rule)),
        _ => None,
    });
    let error = engine.journal().entries().iter().find_map(|e| match &e.event {
        Event::RuleError { group, rule, error, .. } if places.contains(&(*group, *rule)) => Some(error.clone()),
        _ => None,
    });
    let what = world.title_of(&step.of);
    let names: Vec<String> =
        places.iter().filter_map(|p| world.rule(*p)).map(|r| format!("`{}` (`{}`)", r.name, r.text)).collect();
    let names = names.join(", ");
    let evidence = active.or(places.first().copied()).map(|p| world.rule_evidence(p)).unwrap_or_default();
    let threshold = world.lab.parameters.get("mock.threshold").unwrap_or("0.75");
    let finding = match (step.expect, active, error) {
        (ProbeExpect::Fires, Some(_), _) | (ProbeExpect::Silent, None, None) => {
            return Outcome::Holds(Finding::default());
        }
        (_, None, Some(error)) => {
            Finding::observed(format!("{names} failing at every evaluation: {error}"), "a rule that can be evaluated")
        }
        (ProbeExpect::Fires, None, None) => Finding::observed(
            format!("{names} silent while {metric} stays at {}", short(value)),
            format!("an alert above {threshold}"),
        )
        .hint(format!(
            "compare {metric} itself, which lies between 0 and 1: > {threshold}; and select only labels that exist"
        )),
        (ProbeExpect::Silent, Some(place), _) => {
            let name = world.rule(place).map_or_else(|| what.clone(), |r| format!("`{}` (`{}`)", r.name, r.text));
            Finding::observed(
                format!("{name} active while {metric} stays at {}", short(value)),
                format!("silence up to {threshold}"),
            )
            .hint(format!("set the threshold back to {threshold} after testing, with > as comparison"))
        }
    };
    let finding = finding.basis(Basis::Simulated).stage(Stage::Evaluation).evidence(evidence);
    let others = places.len() > 1 && step.expect == ProbeExpect::Silent && active.is_some();
    if others && another_minds_the_threshold(world, &places) {
        return Outcome::Review(
            finding.hint("decide whether this is an alert of its own beside the one that the lab asks for"),
        );
    }
    Outcome::Fails(finding)
}

/// Whether an alert speaks up above the lab's threshold and is silent below it, whatever others do.
fn another_minds_the_threshold(world: &Simulated<'_>, places: &[(usize, usize)]) -> bool {
    let threshold = world.lab.parameters.get("mock.threshold").and_then(|t| t.parse::<f64>().ok()).unwrap_or(0.75);
    let Some(runs) = world.runs() else { return false };
    let active = |value: f64| -> HashSet<(usize, usize)> {
        let engine = runs.with_constant(value);
        let entries = engine.journal().entries().iter();
        entries
            .filter_map(|e| match &e.event {
                Event::Alert { group, rule, .. } => Some((*group, *rule)),
                _ => None,
            })
            .collect()
    };
    let [above, high, below, low] = [0.01, 0.2, -0.05, -0.65].map(|away| active(threshold + away));
    let minds = |p| above.contains(p) && high.contains(p) && !below.contains(p) && !low.contains(p);
    places.iter().any(minds)
}
