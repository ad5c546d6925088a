//! What Grafana would show, from the dashboards and provisioning files of the repository.

use serde_json::json;

use super::Simulated;
use super::programs::excerpt;
use super::schedule::seconds;
use crate::check::{Finding, GrafanaStep, Outcome, Stage};
use crate::report::Basis;
use crate::stack::FoundDashboard;
use crate::stack::compose::network::Reach;
use crate::stack::grafana::{self, Judgement, Standing, Wanted, judge};
use crate::text::Severity;

/// A dashboard, or a data source, is as asked.
pub fn grafana(world: &Simulated<'_>, step: &GrafanaStep) -> Outcome {
    if step.reaches.is_some() {
        return data_source(world);
    }
    if step.cpu_values_during.is_some() {
        return Outcome::Unverified(Finding::said("files alone do not show what Grafana displayed during the load"));
    }
    panel(world, step)
}

/// The provisioned data source leads to Prometheus.
fn data_source(world: &Simulated<'_>) -> Outcome {
    let grafana = &world.stack.grafana;
    if let Some(d) = grafana.provisioning.diagnostics.iter().find(|d| d.severity == Severity::Error) {
        let mut finding = Finding::observed(
            format!("Grafana refusing its provisioning: {}", d.message),
            "provisioning files that Grafana accepts",
        )
        .basis(Basis::Static)
        .evidence([json!({"kind": "diagnostic", "rendered": crate::text::render(d, false)})]);
        if let Some(help) = &d.help {
            finding = finding.hint(help.clone());
        }
        return Outcome::Fails(finding);
    }
    let ours = world.stack.prometheus.as_ref().and_then(|p| p.service.as_deref());
    let leads = |reach: &Reach| leads_to_prometheus(reach, ours);
    if grafana.reaches.is_empty() || grafana.reaches.iter().any(|(_, r)| leads(r) != Some(false)) {
        return Outcome::Holds(Finding::default());
    }
    let Some((source, reach)) = grafana.reaches.first() else { return Outcome::Holds(Finding::default()) };
    let url = source.source.url.clone().unwrap_or_default();
    let why = match reach {
        Reach::Unreachable(why) => why.clone(),
        Reach::Service { name, port } => format!("it leads to {name} on port {port}"),
        Reach::Host { port, .. } => format!("nothing of the stack listens on port {port} of the machine"),
        Reach::External { host, port } => format!("it leads to {host}:{port}"),
        Reach::DependsOnPlatform { reason, .. } => reason.clone(),
    };
    let line = source.file.position(source.span.start as usize).line;
    Outcome::Fails(
        Finding::observed(
            format!("a data source `{url}` that Grafana cannot reach: {why}"),
            "an address at which Grafana reaches Prometheus",
        )
        .hint("ask who that name is for the Grafana container: http://prometheus:9090 on a shared network, the host's address when Prometheus is on the host network")
        .basis(Basis::Static)
        .stage(Stage::Delivery)
        .evidence([excerpt(&source.file, line, "")]),
    )
}

/// Whether an address leads to Prometheus; none when it may.
fn leads_to_prometheus(reach: &Reach, service: Option<&str>) -> Option<bool> {
    match reach {
        Reach::Service { name, .. } => Some(Some(name.as_str()) == service || service.is_none()),
        Reach::Host { port, .. } => Some(*port == 9090 || service.is_none()),
        Reach::DependsOnPlatform { otherwise, .. } => leads_to_prometheus(otherwise, service),
        Reach::External { .. } => None,
        Reach::Unreachable(_) => Some(false),
    }
}

fn wanted(world: &Simulated<'_>, step: &GrafanaStep) -> Result<Wanted, String> {
    let default = |text: &Option<String>, default: f64| text.as_ref().map_or(Ok(default), |t| seconds(t));
    Ok(Wanted {
        metric: step.panel_of.clone().unwrap_or_else(|| world.stack.hints.metric.clone()),
        refresh_millis: default(&step.refresh, 5.0)? * 1000.0,
        range_seconds: default(&step.range, 900.0)? as i64,
        line_at: step.line.as_ref().map_or(0.75, |l| l.at),
    })
}

fn panel(world: &Simulated<'_>, step: &GrafanaStep) -> Outcome {
    let wanted = match wanted(world, step) {
        Ok(wanted) => wanted,
        Err(e) => return Outcome::Error(Finding::said(e)),
    };
    let sources = world.stack.grafana.sources();
    let judged: Vec<(&FoundDashboard, Judgement)> =
        world.stack.grafana.dashboards.iter().map(|d| (d, judge(&d.dashboard, &sources, &wanted))).collect();
    // A dashboard on something else, such as Node Exporter Full, says nothing about this one.
    let about = judged.iter().filter(|(d, j)| j.metric.standing > Standing::Fail || mentions(d, &wanted.metric));
    let Some((found, judgement)) = about.max_by_key(|(_, j)| rank(j)) else {
        return Outcome::Unverified(Finding::said(format!(
            "no dashboard of the repository shows {}, so only Grafana itself can tell",
            wanted.metric
        )));
    };
    let of = |finding: &grafana::Finding, cause: Option<&str>| outcome(found, finding, cause);
    match &judgement.metric.standing {
        Standing::Fail => return of(&judgement.metric, Some("no-panel")),
        Standing::Unknown => return of(&judgement.metric, None),
        Standing::Warn | Standing::Pass => {}
    }
    if step.refresh.is_some() {
        of(&judgement.refresh, None)
    } else if step.range.is_some() {
        of(&judgement.range, None)
    } else if step.line.is_some() {
        of(&judgement.line, None)
    } else {
        of(&judgement.metric, None)
    }
}

fn rank(j: &Judgement) -> (Standing, Standing, Standing, Standing) {
    (j.metric.standing, j.line.standing, j.refresh.standing, j.range.standing)
}

fn mentions(found: &FoundDashboard, metric: &str) -> bool {
    found.dashboard.panels.iter().any(|p| p.model.to_string().contains(metric))
}

fn outcome(found: &FoundDashboard, finding: &grafana::Finding, cause: Option<&str>) -> Outcome {
    let panel = finding.panel.as_ref().map_or_else(String::new, |p| format!(", {p}"));
    let said = format!("{}{panel}: {}", found.path, finding.message);
    let place = json!({"kind": "file", "file": found.path});
    match finding.standing {
        Standing::Pass | Standing::Warn => {
            Outcome::Holds(Finding::said(format!("observed {said}")).basis(Basis::Static).evidence([place]))
        }
        Standing::Unknown => Outcome::Unverified(Finding::said(said)),
        Standing::Fail => {
            let mut failed = Finding::said(format!("observed {said}")).basis(Basis::Static).evidence([place]);
            failed.cause = cause.map(str::to_owned);
            Outcome::Fails(failed)
        }
    }
}
