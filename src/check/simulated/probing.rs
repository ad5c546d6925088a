//! Alerting rules themselves: are there any of a set, and do they react to values as they should?

use super::Simulated;
use super::alerts::Place;
use super::runs::Runs;
use super::value::short;
use crate::check::{Finding, Outcome, Probe, ProbeExpect, RuleStep, Stage, Step};
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
    let runs = match world.runs(None) {
        Ok(runs) => runs,
        Err(e) => return Outcome::Error(Finding::said(e)),
    };
    let places = world.places(&step.of);
    let journal = runs.holding(places, &step.when, |place| places.contains(&place));
    let active = journal.entries().iter().find_map(|e| match &e.event {
        Event::Alert { group, rule, .. } if places.contains(&(*group, *rule)) => Some((*group, *rule)),
        _ => None,
    });
    let error = journal.entries().iter().find_map(|e| match &e.event {
        Event::RuleError { group, rule, error, .. } if places.contains(&(*group, *rule)) => Some(error.clone()),
        _ => None,
    });
    let what = world.title_of(&step.of);
    let names: Vec<String> =
        places.iter().filter_map(|p| world.rule(*p)).map(|r| format!("`{}` (`{}`)", r.name, r.text)).collect();
    let names = names.join(", ");
    let evidence = active.or(places.first().copied()).map(|p| world.rule_evidence(p)).unwrap_or_default();
    let held: Vec<String> = step.when.iter().map(|(metric, v)| format!("{metric} stays at {}", short(*v))).collect();
    let held = held.join(" and ");
    let wanted = |usual: &str| step.wanted.clone().unwrap_or_else(|| format!("{usual} while {held}"));
    let advised = |finding: Finding| Finding { hint: step.hint.clone(), ..finding };
    let finding = match (step.expect, active, error) {
        (ProbeExpect::Fires, Some(_), _) => return Outcome::Holds(Finding::default()),
        (ProbeExpect::Silent, None, None) => {
            return super::stopped::of(&journal).unwrap_or_else(|| Outcome::Holds(Finding::default()));
        }
        (_, None, Some(error)) => {
            Finding::observed(format!("{names} failing at every evaluation: {error}"), "a rule that can be evaluated")
        }
        (ProbeExpect::Fires, None, None) => {
            if let Some(undecided) = super::stopped::of(&journal) {
                return undecided;
            }
            advised(Finding::observed(format!("{names} silent while {held}"), wanted("an alert")))
        }
        (ProbeExpect::Silent, Some(place), _) => {
            let name = world.rule(place).map_or_else(|| what.clone(), |r| format!("`{}` (`{}`)", r.name, r.text));
            advised(Finding::observed(format!("{name} active while {held}"), wanted("silence")))
        }
    };
    let finding = finding.basis(Basis::Simulated).stage(Stage::Evaluation).evidence(evidence);
    let others = places.len() > 1 && step.expect == ProbeExpect::Silent && active.is_some();
    if others && another_does_as_asked(world, runs, &step.of, places) {
        return Outcome::Review(
            finding.hint("decide whether this is an alert of its own beside the one that the lab asks for"),
        );
    }
    Outcome::Fails(finding)
}

/// Whether an alert does all that the lab's probes of its set ask for, whatever others do.
fn another_does_as_asked(world: &Simulated<'_>, runs: &Runs, set: &str, places: &[Place]) -> bool {
    let probes = world.checks.iter().flat_map(|c| &c.steps).filter_map(|step| match step {
        Step::Probe(probe) if probe.of == set => Some(probe),
        _ => None,
    });
    let mut left = places.to_vec();
    for probe in probes {
        let journal = runs.holding(&left, &probe.when, |_| false);
        let active = |place: &Place| {
            journal
                .entries()
                .iter()
                .any(|e| matches!(&e.event, Event::Alert { group, rule, .. } if (*group, *rule) == *place))
        };
        left.retain(|place| active(place) == (probe.expect == ProbeExpect::Fires));
    }
    !left.is_empty()
}
