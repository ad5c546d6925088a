//! What a running Prometheus answers: queries, and the targets behind them.

use serde_json::{Value, json};

use super::LiveWorld;
use super::connection::{self, standing};
use crate::check::probe::http::Base;
use crate::check::probe::prometheus::{Answered, Target};
use crate::check::simulated::schedule::seconds;
use crate::check::{Finding, Outcome, Promql, Stage, TargetStep};
use crate::report::Basis;

/// A query has an answer in time.
pub fn promql(world: &mut LiveWorld<'_>, step: &Promql) -> Outcome {
    if let Err(standing) = connection::prometheus(world) {
        return standing.behind(Stage::PrometheusConfig);
    }
    let within = match seconds(&step.within) {
        Ok(within) => within,
        Err(e) => return Outcome::Error(Finding::said(e)),
    };
    let world = &*world;
    let outcome = world.within(within, &format!("asking Prometheus for {}", step.query), || {
        match world.prometheus.query(&step.query) {
            Ok(answer) => judge(step, &answer),
            Err(no) => standing("Prometheus", "--prometheus", world.prometheus.address(), &no).outcome(),
        }
    });
    match outcome {
        Outcome::Fails(finding) => Outcome::Fails(finding.stage(Stage::Scrape).evidence(target_evidence(world))),
        other => other,
    }
}

fn judge(step: &Promql, answer: &[Answered]) -> Outcome {
    let values: Vec<f64> = answer.iter().filter_map(|s| s.points.last().map(|p| p.1)).collect();
    if let Some(wanted) = step.expect.series
        && (values.len() as f64) < wanted.at_least
    {
        return Outcome::Fails(
            Finding::observed(
                format!("{} series for {} in Prometheus", values.len(), step.query),
                format!("at least {}", wanted.at_least),
            )
            .basis(Basis::Live),
        );
    }
    if let Some(wanted) = step.expect.value {
        let (low, high) = wanted.between;
        if let Some(outside) = values.iter().find(|v| !(low..=high).contains(*v)) {
            return Outcome::Fails(
                Finding::observed(
                    format!("{} = {outside} in Prometheus", step.query),
                    format!("a value between {low} and {high}"),
                )
                .basis(Basis::Live),
            );
        }
    }
    let shown: Vec<String> = values.iter().take(3).map(f64::to_string).collect();
    Outcome::Holds(
        Finding::said(format!("observed {} = {} in Prometheus", step.query, shown.join(", "))).basis(Basis::Live),
    )
}

/// The state of all targets, as somebody reads it on Prometheus' page.
fn target_evidence(world: &LiveWorld<'_>) -> Vec<Value> {
    let Ok(targets) = world.prometheus.targets() else { return Vec::new() };
    if targets.is_empty() {
        return vec![json!({"kind": "text", "text": "Prometheus has no targets"})];
    }
    targets.iter().map(spoken).map(|text| json!({"kind": "text", "text": text})).collect()
}

fn spoken(target: &Target) -> String {
    let error = if target.last_error.is_empty() { String::new() } else { format!(": {}", target.last_error) };
    format!("the target {} of job {} is {}{error}", target.url, target.job, target.health)
}

/// The targets on a port.
///
/// # Errors
/// The outcome of a criterion behind a Prometheus that cannot be asked.
pub fn targets_on(world: &mut LiveWorld<'_>, port: &str) -> Result<Vec<Target>, Box<Outcome>> {
    connection::prometheus(world).map_err(|s| Box::new(s.behind(Stage::PrometheusConfig)))?;
    let targets = world.prometheus.targets().map_err(|no| {
        Box::new(
            standing("Prometheus", "--prometheus", world.prometheus.address(), &no).behind(Stage::PrometheusConfig),
        )
    })?;
    Ok(targets.into_iter().filter(|t| port_of(&t.url).as_deref() == Some(port)).collect())
}

fn port_of(url: &str) -> Option<String> {
    let base = Base::parse(url).ok()?;
    let rest = base.as_str().split("://").nth(1)?;
    let authority = rest.split('/').next()?;
    let usual = if base.as_str().starts_with("https") { "443" } else { "80" };
    Some(match authority.rsplit_once(':') {
        Some((_, port)) if !port.ends_with(']') => port.to_owned(),
        _ => usual.to_owned(),
    })
}

/// What the machine itself says of its exporter.
#[derive(Default)]
struct OnMachine {
    evidence: Vec<Value>,
    hint: Option<String>,
}

fn on_machine(world: &mut LiveWorld<'_>, port: &str) -> OnMachine {
    let Some(facts) = world.machine() else { return OnMachine::default() };
    let service = facts.service.as_deref().map_or_else(
        || "no service of Node Exporter's usual names is active".to_owned(),
        |name| format!("the service {name} is active"),
    );
    let (page, hint) = match (facts.page, &facts.service) {
        (Some(n), _) => (
            format!("curl http://localhost:{port}/metrics gives {n} values of node_cpu_seconds_total"),
            Some(format!(
                "open port {port} in the machine's firewall (firewall-cmd --add-port={port}/tcp), and check its address in prometheus.yml"
            )),
        ),
        (None, Some(name)) => (
            format!("curl http://localhost:{port}/metrics gives no node_cpu_seconds_total"),
            Some(format!("look at its log (journalctl -u {name}) and at the port it listens on (ss -tln)")),
        ),
        (None, None) => (
            format!("curl http://localhost:{port}/metrics gives no node_cpu_seconds_total"),
            Some("start the service: systemctl enable --now node_exporter".to_owned()),
        ),
    };
    let text = format!("on the machine ({}, {}) {service}; {page}", facts.system, facts.cores_text());
    OnMachine { evidence: vec![json!({"kind": "text", "text": text})], hint }
}

/// Prometheus has a target.
pub fn target(world: &mut LiveWorld<'_>, step: &TargetStep) -> Outcome {
    let mut found = match targets_on(world, &step.port) {
        Ok(found) => found,
        Err(outcome) => return *outcome,
    };
    // One that has just started knows no targets for some seconds.
    let starting = || world.prometheus.targets().is_ok_and(|all| all.is_empty());
    if found.iter().all(|t| t.health != "up") && (!found.is_empty() || starting()) {
        // A target that has just been added is unknown until its first scrape.
        let shared = &*world;
        let outcome =
            shared.within(20.0, "waiting for the target to be scraped", || match shared.prometheus.targets() {
                Ok(all) if all.iter().any(|t| t.health == "up" && port_of(&t.url).as_deref() == Some(&step.port)) => {
                    Outcome::Holds(Finding::default())
                }
                _ => Outcome::Inconclusive(Finding::default()),
            });
        if matches!(outcome, Outcome::Holds(_)) {
            found = match targets_on(world, &step.port) {
                Ok(found) => found,
                Err(outcome) => return *outcome,
            };
        }
    }
    let on_machine = on_machine(world, &step.port);
    match found.iter().find(|t| t.health == "up").or(found.first()) {
        None => Outcome::Fails(
            Finding::observed(
                format!("no target on port {} in Prometheus", step.port),
                "one for the machine's Node Exporter",
            )
            .basis(Basis::Live)
            .stage(Stage::Scrape)
            .evidence(target_evidence(world))
            .evidence(on_machine.evidence),
        ),
        Some(up) if up.health == "up" => {
            let finding = Finding::said(format!("observed {}", spoken(up))).basis(Basis::Live);
            Outcome::Holds(finding.evidence(on_machine.evidence))
        }
        Some(down) => {
            let finding =
                Finding::observed(spoken(down), "a target that is up").basis(Basis::Live).stage(Stage::Scrape);
            let finding = finding.evidence(on_machine.evidence);
            Outcome::Fails(match on_machine.hint {
                Some(hint) => finding.hint(hint),
                None => finding,
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_has_a_port_also_when_none_is_written() {
        assert_eq!(port_of("http://vm:9100/metrics").as_deref(), Some("9100"));
        assert_eq!(port_of("https://[::1]/metrics").as_deref(), Some("443"));
        assert_eq!(port_of("http://vm/metrics").as_deref(), Some("80"));
    }
}
