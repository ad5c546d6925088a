//! The first links of the chain: a script that exposes the metric, a target that answers, a query that has an answer.

use serde_json::{Value as Json, json};

use super::Simulated;
use super::programs::{Standing, excerpt, standing};
use super::schedule::seconds;
use crate::check::{Finding, HttpStep, Outcome, Program, Promql, ScriptStep, SshStep, Stage, TargetStep};
use crate::model::Time;
use crate::promql::ast::ExprKind;
use crate::promql::eval::Prepared;
use crate::promql::value::Value;
use crate::promql::{ParseOptions, parse};
use crate::report::Basis;
use crate::stack::Who;
use crate::stack::mock::{Exposes, Mock};

/// A target and what was found out about it.
struct Fact<'a> {
    job: &'a str,
    address: &'a str,
    who: Who,
    why: &'a str,
    uncertain: bool,
}

fn facts<'a>(world: &'a Simulated<'_>) -> impl Iterator<Item = Fact<'a>> {
    world.embedded.targets().map(|(target, answer)| Fact {
        job: target.labels.get("job").unwrap_or(""),
        address: &target.address,
        who: answer.who.clone(),
        why: &answer.why,
        uncertain: answer.uncertain,
    })
}

/// A script of the repository can expose the metric.
pub fn script(world: &Simulated<'_>, step: &ScriptStep) -> Outcome {
    let Some(mock) = &world.stack.mock else {
        return Outcome::Unverified(Finding::said("no script of a mocked model is in the repository"));
    };
    match mock.exposes(&step.exposes) {
        Exposes::Yes => client_left_out(world, mock).map_or_else(|| Outcome::Holds(Finding::default()), Outcome::Fails),
        Exposes::Unknown(why) => {
            Outcome::Unverified(Finding::said(format!("{} may expose {}: {why}", mock.path, step.exposes)))
        }
        Exposes::No(why) => {
            let place = mock.metrics.first().map_or(mock.port_span, |m| m.span);
            let line = mock.source.position(place.start as usize).line;
            Outcome::Fails(
                Finding::observed(format!("{}: {why}", mock.path), format!("a gauge named {}", step.exposes))
                    .hint(format!(
                        "make it Gauge(\"{}\", ...): the rule and the dashboard ask for exactly that name",
                        step.exposes
                    ))
                    .basis(Basis::Static)
                    .stage(Stage::Scrape)
                    .evidence([excerpt(&mock.source, line, "")]),
            )
        }
    }
}

/// The script needs the client library, and the requirements beside it do not name it, nor does anything else that
/// could install it.
fn client_left_out(world: &Simulated<'_>, mock: &Mock) -> Option<Finding> {
    const CLIENT: [&str; 2] = ["prometheus-client", "prometheus_client"];
    const INSTALLERS: [&str; 10] =
        ["toml", "Pipfile", "environment.yml", "setup.py", ".lock", "Dockerfile", ".md", ".sh", "Makefile", "justfile"];
    if !mock.source.text().contains("prometheus_client") {
        return None;
    }
    let folder = mock.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let beside = if folder.is_empty() { "requirements.txt".to_owned() } else { format!("{folder}/requirements.txt") };
    let written = world.tree.text(&beside).ok()?;
    let asked = |text: &str| {
        let code = text.lines().map(|l| l.split('#').next().unwrap_or("").to_ascii_lowercase());
        code.into_iter().any(|l| CLIENT.iter().any(|c| l.contains(c)) || l.trim_start().starts_with("-r"))
    };
    let elsewhere = world
        .tree
        .files()
        .filter(|e| e.path != beside && e.size < 1 << 20)
        .filter(|e| INSTALLERS.iter().any(|i| e.path.ends_with(i)) || e.path.contains("requirements"))
        .filter_map(|e| world.tree.text(&e.path).ok())
        .any(|s| CLIENT.iter().any(|c| s.text().contains(c)));
    if elsewhere || asked(written.text()) {
        return None;
    }
    let finding = Finding::observed(
        format!("{beside} without prometheus_client, which {} imports", mock.path),
        "requirements that install what the script imports",
    );
    let finding = finding.hint("add prometheus_client to requirements.txt and install it in the virtual environment");
    Some(
        finding
            .basis(Basis::Static)
            .stage(Stage::Scrape)
            .evidence([json!({"kind": "file", "file": beside, "line": 1})]),
    )
}

/// A page over HTTP: nothing runs here.
pub fn http(_: &Simulated<'_>, step: &HttpStep) -> Outcome {
    let what = match step.get.as_str() {
        "mock" => "whether the mocked model runs and answers",
        "node-exporter" => "whether Node Exporter runs on the VM and answers",
        other => other,
    };
    Outcome::Unverified(Finding::said(format!("files alone do not show {what}")))
}

/// Something on the VM: there is none here.
pub fn ssh(_: &Simulated<'_>, _: &SshStep) -> Outcome {
    Outcome::Unverified(Finding::said("files alone do not show the CPU of the VM"))
}

/// Prometheus has a target that leads to Node Exporter.
pub fn target(world: &Simulated<'_>, step: &TargetStep) -> Outcome {
    if world.stack.prometheus.as_ref().is_none_or(|p| p.config.is_none()) {
        if let Some(p) = &world.stack.prometheus {
            let why = p.state.reason().unwrap_or("Prometheus refuses it");
            return Outcome::Unverified(Finding::said(format!("the targets cannot be read: {why}")));
        }
        return Outcome::Blocked(
            Stage::PrometheusConfig,
            Finding::said("there is no configuration that could name a target"),
        );
    }
    let facts: Vec<Fact<'_>> = facts(world).collect();
    let exporters = || facts.iter().filter(|t| t.who == Who::NodeExporter);
    let alone = exporters().find(|t| t.why.contains("is the container itself"));
    if let (Some(t), 1) = (alone, exporters().count()) {
        return Outcome::Review(
            Finding::observed(format!("the target `{}` of job `{}`: {}", t.address, t.job, t.why), "the VM's address")
                .hint("ask whether Node Exporter of the VM really answers at that address, and from where")
                .basis(Basis::Static)
                .evidence(target_line(world, t.address)),
        );
    }
    if exporters().next().is_some() || facts.iter().any(|t| t.uncertain) {
        return Outcome::Holds(Finding::default());
    }
    // What a refused file says of its targets is not what it was meant to say.
    if let Standing::Broken(Stage::PrometheusConfig, _) = standing(world, Program::Prometheus) {
        return Outcome::Unverified(Finding::said("the targets cannot be read: Prometheus refuses its configuration"));
    }
    if !world.embedded.untold_jobs.is_empty() {
        return Outcome::Unverified(Finding::said(format!(
            "the targets of job {} are discovered at run time",
            world.embedded.untold_jobs.join(", ")
        )));
    }
    let near = facts.iter().find(|t| t.address.ends_with(&format!(":{}", step.port)));
    let finding = match near {
        Some(t) => Finding::observed(
            format!("the target `{}` of job `{}` leading nowhere: {}", t.address, t.job, t.why),
            format!("the address of the VM with port {}", step.port),
        )
        .evidence(target_line(world, t.address)),
        None => {
            let list: Vec<String> = facts.iter().map(|t| format!("`{}`", t.address)).collect();
            let list = if list.is_empty() { "none".to_owned() } else { list.join(", ") };
            Finding::observed(
                format!("no target with port {} (targets: {list})", step.port),
                format!("a job with the address of the VM and port {}, where Node Exporter listens", step.port),
            )
        }
    };
    Outcome::Fails(finding.basis(Basis::Static).stage(Stage::Scrape))
}

/// A query has the expected answer in time.
pub fn promql(world: &Simulated<'_>, step: &Promql) -> Outcome {
    let runs = match world.runs(None) {
        Ok(runs) => runs,
        Err(e) => return Outcome::Error(Finding::said(e)),
    };
    let engine = runs.shown();
    let Some(setup) = &engine.config().prometheus else {
        return Outcome::Blocked(Stage::PrometheusConfig, Finding::said("Prometheus does not run"));
    };
    let options = &setup.context.expansion.options;
    let parsed = parse(&step.query, &ParseOptions::stock(options.dialect));
    let (expr, within) = match (parsed, seconds(&step.within)) {
        (Ok(expr), Ok(within)) => (expr, within),
        (Err(e), _) => return Outcome::Error(Finding::said(format!("the query of the check does not parse: {e}"))),
        (_, Err(e)) => return Outcome::Error(Finding::said(e)),
    };
    let least = step.expect.series.map_or(1.0, |s| s.at_least);
    let start = runs.schedule.scenario.time(-within.max(5.0));
    let mut query = Prepared::new(&expr, options);
    let mut seen: Vec<f64> = Vec::new();
    for i in 0..=(within / 5.0).ceil() as i64 {
        let at: Time = start.plus_millis(i * 5000);
        let values = match query.instant(engine.db(), at.millis()).map(|a| a.value) {
            Ok(Value::Vector(samples)) => samples.iter().map(crate::promql::value::Sample::float).collect(),
            Ok(Value::Scalar { value, .. }) => vec![value],
            _ => Vec::new(),
        };
        let bounds = step.expect.value.map(|v| v.between);
        let inside = |v: &f64| bounds.is_none_or(|(low, high)| *v >= low && *v <= high);
        if values.len() as f64 >= least && values.iter().all(inside) {
            let from = facts(world).find(|t| t.who == Who::Mock);
            let source = from.map_or_else(String::new, |t| format!(" from target `{}` of job `{}`", t.address, t.job));
            return Outcome::Holds(
                Finding::said(format!("observed `{}` with {} series{source}", step.query, values.len()))
                    .basis(Basis::Simulated),
            );
        }
        if !values.is_empty() {
            seen = values;
        }
    }
    let metric = match &expr.kind {
        ExprKind::VectorSelector(s) => s.name.as_deref().unwrap_or(&step.query).to_owned(),
        _ => step.query.clone(),
    };
    if !seen.is_empty() {
        return Outcome::Fails(
            Finding::observed(
                format!("`{}` with other values than wanted: {seen:?}", step.query),
                "the expected values",
            )
            .basis(Basis::Simulated)
            .stage(Stage::Scrape),
        );
    }
    if let Some(undecided) = super::stopped::of(engine.journal()) {
        return undecided;
    }
    unanswered(world, &step.query, &metric)
}

/// Why nothing of the metric is stored: the target that was meant for it, and what it leads to.
fn unanswered(world: &Simulated<'_>, query: &str, metric: &str) -> Outcome {
    let facts: Vec<Fact<'_>> = facts(world).collect();
    if !world.embedded.untold_jobs.is_empty() {
        return Outcome::Unverified(Finding::said(format!(
            "the targets of job {} are discovered at run time, so files do not show who is scraped",
            world.embedded.untold_jobs.join(", ")
        )));
    }
    let port = world.stack.mock_port();
    let meant = facts
        .iter()
        .find(|t| t.who == Who::Mock)
        .or_else(|| facts.iter().find(|t| t.who == Who::Nobody && t.address.ends_with(&format!(":{port}"))))
        .or_else(|| facts.iter().find(|t| t.who == Who::Nobody && (t.job.contains("mock") || t.job.contains("model"))))
        .or_else(|| facts.iter().find(|t| t.who == Who::Nobody));
    if meant.is_none_or(|t| t.uncertain) && facts.iter().any(|t| t.uncertain) {
        let open: Vec<&str> = facts.iter().filter(|t| t.uncertain).map(|t| t.address).collect();
        return Outcome::Unverified(Finding::said(format!("files do not tell what answers at {}", open.join(", "))));
    }
    let finding = match meant {
        Some(t) if t.who == Who::Mock => Finding::observed(
            format!("`{query}` without a series although `{}` is scraped", t.address),
            format!("{metric} stored under its own name"),
        )
        .hint("look at metric_relabel_configs, metrics_path and limits of the job")
        .evidence(target_line(world, t.address)),
        Some(t) => Finding::observed(
            format!("`{query}` without a series: the target `{}` of job `{}` is down, {}", t.address, t.job, t.why),
            "a target that leads to the mocked model",
        )
        .evidence(target_line(world, t.address)),
        None => {
            let list: Vec<String> = facts.iter().map(|t| format!("`{}`", t.address)).collect();
            let list = if list.is_empty() {
                "there is no target at all".to_owned()
            } else {
                format!("targets are {}", list.join(", "))
            };
            Finding::observed(
                format!("`{query}` without a series: no job scrapes the mocked model ({list})"),
                format!("a job with the address of the mocked model, port {port}"),
            )
            .hint("keep the job of the mocked model in prometheus.yml: the script may be stopped, its job stays")
        }
    };
    Outcome::Fails(finding.basis(Basis::Simulated).stage(Stage::Scrape))
}

/// The line of the configuration that names a target.
pub fn target_line(world: &Simulated<'_>, address: &str) -> Vec<Json> {
    let Some(prometheus) = &world.stack.prometheus else { return Vec::new() };
    let (Some(config), Some(source)) = (&prometheus.config, prometheus.state.text()) else { return Vec::new() };
    let written = config
        .scrape_configs
        .iter()
        .flat_map(|j| &j.discovery.static_configs)
        .flat_map(|g| &g.targets)
        .find(|t| t.value == address || format!("{}:80", t.value) == address);
    match written {
        Some(t) if (t.span.end as usize) <= source.text().len() => {
            vec![excerpt(source, source.position(t.span.start as usize).line, "")]
        }
        _ => vec![json!({"kind": "file", "file": source.name()})],
    }
}
