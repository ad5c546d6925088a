//! The rules that a running Prometheus has loaded, and the sets of alerts they belong to.

use serde_json::{Value, json};

use super::LiveWorld;
use super::connection::{self, Standing, standing};
use crate::check::probe::prometheus::Rule;
use crate::check::simulated::alerts;
use crate::check::{Finding, Loads, Outcome, Program, RuleStep, Stage};
use crate::lab::AlertSet;
use crate::promql::ast::Expr;
use crate::promql::{Dialect, ParseOptions, parse};
use crate::report::Basis;

/// The alerting rules of a set, recording rules expanded.
pub fn of_set<'r>(rules: &'r [Rule], set: &AlertSet) -> Vec<&'r Rule> {
    let options = ParseOptions::experimental(Dialect::V3);
    let parsed: Vec<(&Rule, Option<Expr>)> = rules.iter().map(|r| (r, parse(&r.query, &options).ok())).collect();
    let mut recorded: Vec<&str> = Vec::new();
    let reads = |expr: &Option<Expr>, recorded: &[&str]| expr.as_ref().is_some_and(|e| alerts::reads(e, set, recorded));
    while let Some((rule, _)) =
        parsed.iter().find(|(r, e)| !r.alerting && !recorded.contains(&r.name.as_str()) && reads(e, &recorded))
    {
        recorded.push(&rule.name);
    }
    parsed.iter().filter(|(r, e)| r.alerting && reads(e, &recorded)).map(|(r, _)| *r).collect()
}

/// The rules of a set as Prometheus has them now.
///
/// # Errors
/// The outcome of a criterion behind a Prometheus that cannot be asked.
pub fn loaded(world: &mut LiveWorld<'_>, set: &str) -> Result<(Vec<Rule>, usize), Box<Outcome>> {
    connection::prometheus(world).map_err(|s| Box::new(s.behind(Stage::PrometheusConfig)))?;
    let rules = world.prometheus.rules().map_err(|no| {
        Box::new(
            standing("Prometheus", "--prometheus", world.prometheus.address(), &no).behind(Stage::PrometheusConfig),
        )
    })?;
    let Some(alerts) = world.lab.alerts.get(set) else {
        return Err(Box::new(Outcome::Error(Finding::said(format!("the lab has no set of alerts {set:?}")))));
    };
    let found = of_set(&rules, alerts).into_iter().cloned().collect();
    Ok((found, rules.iter().filter(|r| r.alerting).count()))
}

/// A rule as evidence.
pub fn evidence(rule: &Rule) -> Value {
    json!({
        "kind": "text",
        "text": format!(
            "Prometheus has loaded {} (group {}, every {} s, for {} s): {}",
            rule.name, rule.group, rule.interval, rule.hold, rule.query
        ),
    })
}

/// A program accepts its files; this criterion answers for them.
pub fn loads(world: &mut LiveWorld<'_>, step: &Loads) -> Outcome {
    match step {
        // What runs has been made.
        Loads::Container { .. } => Outcome::Holds(Finding::default()),
        Loads::Program(Program::Compose) => Outcome::Holds(Finding::default()),
        Loads::Program(Program::Alertmanager) => match connection::alertmanager(world) {
            Ok(version) => Outcome::Holds(runs("Alertmanager", &version, world.alertmanager.address())),
            Err(Standing::Down(finding)) => Outcome::Fails(finding.stage(Stage::AlertmanagerConfig)),
            Err(standing) => standing.outcome(),
        },
        Loads::Program(Program::Prometheus | Program::Rules) => prometheus(world),
        Loads::Rules { rules, .. } => match loaded(world, rules) {
            Ok((found, _)) => match found.iter().find(|r| r.health == "err") {
                Some(broken) => Outcome::Fails(
                    Finding::observed(
                        format!("the rule {} failing: {}", broken.name, broken.last_error),
                        "rules that Prometheus can evaluate",
                    )
                    .basis(Basis::Live)
                    .stage(Stage::Evaluation)
                    .evidence([evidence(broken)]),
                ),
                None => Outcome::Holds(Finding::default()),
            },
            Err(outcome) => *outcome,
        },
    }
}

fn runs(program: &str, version: &str, address: &str) -> Finding {
    Finding::said(format!("observed {program} {version} at {address}")).basis(Basis::Live)
}

fn prometheus(world: &mut LiveWorld<'_>) -> Outcome {
    let version = match connection::prometheus(world) {
        Ok(version) => version,
        Err(Standing::Down(finding)) => return Outcome::Fails(finding.stage(Stage::PrometheusConfig)),
        Err(standing) => return standing.outcome(),
    };
    let address = world.prometheus.address().to_owned();
    match world.prometheus.last_reload_succeeded() {
        Ok(false) => Outcome::Fails(
            Finding::observed(
                format!(
                    "Prometheus {version} at {address} running with an older configuration: the last reload failed"
                ),
                "a configuration that loads",
            )
            .hint("look at Prometheus' log for the line it refuses, mend it, and restart the container")
            .basis(Basis::Live)
            .stage(Stage::PrometheusConfig),
        ),
        // Older versions do not tell.
        _ => Outcome::Holds(runs("Prometheus", &version, &address)),
    }
}

/// There is an alerting rule of a kind.
pub fn rule(world: &mut LiveWorld<'_>, step: &RuleStep) -> Outcome {
    let (found, all) = match loaded(world, &step.of) {
        Ok(found) => found,
        Err(outcome) => return *outcome,
    };
    if found.is_empty() {
        let title = world.title_of(&step.of);
        let rules = if all == 1 { "1 alerting rule".to_owned() } else { format!("{all} alerting rules") };
        return Outcome::Fails(
            Finding::observed(format!("{rules} in Prometheus, none among the {title}"), format!("{title}, loaded"))
                .hint("check rule_files and the mounted path, then look at Prometheus' Alerts page")
                .basis(Basis::Live)
                .stage(Stage::Evaluation),
        );
    }
    Outcome::Holds(
        Finding::said(format!("observed {}", names(&found))).basis(Basis::Live).evidence(found.iter().map(evidence)),
    )
}

/// The names of rules, for people.
pub fn names(rules: &[Rule]) -> String {
    let mut names: Vec<&str> = rules.iter().map(|r| r.name.as_str()).collect();
    names.dedup();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_known_by_what_they_read_through_recorded_series() {
        let rule = |name: &str, query: &str, alerting| Rule {
            name: name.into(),
            query: query.into(),
            alerting,
            ..Rule::default()
        };
        let rules = [
            rule("busy:rate", "rate(node_cpu_seconds_total[1m])", false),
            rule("Busy", "busy:rate > 0.9", true),
            rule("Mock", "model_result > 0.75", true),
            rule("Broken", "((", true),
        ];
        let set = AlertSet { title: "CPU alerts".into(), reads: vec!["node_cpu_*".into()] };
        let found: Vec<&str> = of_set(&rules, &set).iter().map(|r| r.name.as_str()).collect();
        assert_eq!(found, ["Busy"]);
    }
}
