//! Whether the programs of a stack accept their files and start, and whose criterion a refused file is.

use serde_json::{Value, json};

use super::Simulated;
use crate::check::{Finding, Loads, Outcome, Program, Stage};
use crate::lab::AlertSet;
use crate::report::Basis;
use crate::stack::compose::image::Role;
use crate::stack::{ConfigState, RuleSource};
use crate::text::{Diagnostic, Severity, SourceText};

/// How it stands with a program.
pub enum Standing {
    /// It runs with files of the repository.
    Runs,
    /// It does not run, or not with the lab's files.
    Broken(Stage, Box<Finding>),
    /// The repository cannot tell.
    Unknown(Box<Finding>),
}

impl Standing {
    fn broken(stage: Stage, finding: Finding) -> Self {
        Self::Broken(stage, Box::new(finding.basis(Basis::Static).stage(stage)))
    }
}

/// `loads:`: the criterion answers for the program.
pub fn loads(world: &Simulated<'_>, step: &Loads) -> Outcome {
    match step {
        Loads::Program(program) => match standing(world, *program) {
            Standing::Runs => Outcome::Holds(Finding::default()),
            Standing::Broken(Stage::Compose, finding) if *program == Program::Compose => match start_failure(world) {
                Some((Role::Grafana | Role::Alertmanager, _)) => Outcome::Blocked(Stage::Compose, *finding),
                _ => Outcome::Fails(*finding),
            },
            Standing::Broken(stage, finding) if stage == own_stage(*program) => Outcome::Fails(*finding),
            Standing::Broken(stage, finding) => Outcome::Blocked(stage, *finding),
            Standing::Unknown(finding) => Outcome::Unverified(*finding),
        },
        Loads::Rules { rules, also_unclaimed } => rules_of(world, rules, *also_unclaimed),
        Loads::Container { container } => match start_failure(world) {
            Some((role, finding)) if role_name(role) == container => Outcome::Fails(finding),
            _ => Outcome::Holds(Finding::default()),
        },
    }
}

fn role_name(role: Role) -> &'static str {
    match role {
        Role::Prometheus => "prometheus",
        Role::Alertmanager => "alertmanager",
        Role::Grafana => "grafana",
        Role::NodeExporter | Role::Other => "other",
    }
}

/// A container that cannot be made although docker compose accepts the file: then it starts none of them.
fn start_failure(world: &Simulated<'_>) -> Option<(Role, Finding)> {
    let found = world.stack.compose.as_ref()?;
    let d = found.project.fails_to_start().filter(|_| found.project.is_accepted())?;
    let file = found.project.files.first().map_or("the compose file", String::as_str);
    let role = d.primary.as_ref().and_then(|label| {
        let before = |place: &crate::stack::compose::Place| {
            place.source.name() == label.source.name() && place.span.start <= label.span.start
        };
        let services = found.project.services.iter().zip(&found.containers);
        let (_, container) = services.filter(|(s, _)| before(&s.place)).max_by_key(|(s, _)| s.place.span.start)?;
        Some(container.role)
    });
    let finding = refused("docker compose", file, d).basis(Basis::Static).stage(Stage::Compose);
    Some((role.unwrap_or(Role::Other), finding))
}

/// `requires:`: another criterion answers for the program.
pub fn requires(world: &Simulated<'_>, program: Program) -> Outcome {
    match standing(world, program) {
        Standing::Runs => Outcome::Holds(Finding::default()),
        Standing::Broken(stage, finding) => Outcome::Blocked(stage, *finding),
        Standing::Unknown(finding) => Outcome::Unverified(*finding),
    }
}

fn own_stage(program: Program) -> Stage {
    match program {
        Program::Compose => Stage::Compose,
        Program::Prometheus => Stage::PrometheusConfig,
        Program::Rules => Stage::Rules,
        Program::Alertmanager => Stage::AlertmanagerConfig,
    }
}

/// How it stands with a program.
pub fn standing(world: &Simulated<'_>, program: Program) -> Standing {
    match program {
        Program::Compose => compose(world),
        Program::Prometheus => prometheus(world),
        Program::Rules => rules(world),
        Program::Alertmanager => alertmanager(world),
    }
}

fn compose(world: &Simulated<'_>) -> Standing {
    let Some(found) = &world.stack.compose else { return Standing::Runs };
    let refusal = found.project.refused.first().or_else(|| found.project.fails_to_start());
    match refusal {
        Some(d) if !found.project.is_accepted() || d.severity == Severity::Error => Standing::broken(
            Stage::Compose,
            refused("docker compose", found.project.files.first().map_or("the compose file", String::as_str), d),
        ),
        _ => Standing::Runs,
    }
}

fn prometheus(world: &Simulated<'_>) -> Standing {
    if let Standing::Broken(stage, finding) = compose(world) {
        return Standing::Broken(stage, finding);
    }
    let Some(prometheus) = &world.stack.prometheus else {
        let observed = match &world.stack.compose {
            Some(_) => "a compose file without Prometheus, and no configuration for it",
            None => "no configuration of Prometheus in the repository: the lab has not been started",
        };
        return Standing::broken(
            Stage::PrometheusConfig,
            Finding::observed(observed, "a prometheus.yml and a compose file that mounts it")
                .hint("write docker-compose.yml with a Prometheus service and mount prometheus.yml to /etc/prometheus/prometheus.yml"),
        );
    };
    match &prometheus.state {
        ConfigState::Readable(text) => match first_error(&prometheus.diagnostics) {
            Some(d) => Standing::broken(Stage::PrometheusConfig, refused("Prometheus", text.name(), d)),
            None => Standing::Runs,
        },
        other => unread("Prometheus", other, Stage::PrometheusConfig),
    }
}

fn rules(world: &Simulated<'_>) -> Standing {
    match prometheus(world) {
        Standing::Runs => {}
        other => return other,
    }
    let Some(prometheus) = &world.stack.prometheus else { return Standing::Runs };
    if let Some((file, d)) = rule_errors(&prometheus.rules).next() {
        return Standing::broken(Stage::Rules, refused("Prometheus", file.source.name(), d));
    }
    Standing::Runs
}

fn alertmanager(world: &Simulated<'_>) -> Standing {
    if let Standing::Broken(stage, finding) = compose(world) {
        return Standing::Broken(stage, finding);
    }
    let Some(alertmanager) = &world.stack.alertmanager else {
        return Standing::broken(
            Stage::AlertmanagerConfig,
            Finding::observed("no Alertmanager in the stack", "an Alertmanager service and its alertmanager.yml")
                .hint("add an Alertmanager service to the compose file and mount alertmanager.yml to /etc/alertmanager/alertmanager.yml"),
        );
    };
    match &alertmanager.state {
        ConfigState::Readable(text) => {
            if let Some(d) = first_error(&alertmanager.diagnostics) {
                return Standing::broken(Stage::AlertmanagerConfig, refused("Alertmanager", text.name(), d));
            }
            match &world.embedded.template_error {
                Some(error) => Standing::broken(
                    Stage::AlertmanagerConfig,
                    Finding::observed(
                        format!("Alertmanager refusing a template file: {error}"),
                        "template files that parse",
                    ),
                ),
                None => Standing::Runs,
            }
        }
        other => unread("Alertmanager", other, Stage::AlertmanagerConfig),
    }
}

fn unread(program: &str, state: &ConfigState, stage: Stage) -> Standing {
    let why = state.reason().unwrap_or("its configuration cannot be read");
    match state {
        ConfigState::Unverified(..) => Standing::Unknown(Box::new(Finding::said(format!(
            "{program}'s configuration cannot be judged from the repository: {why}"
        )))),
        ConfigState::ImageDefault(_) => Standing::broken(
            stage,
            Finding::observed(why, format!("{program} reading the file of the repository")).hint(
                "mount the file to the path that --config.file names; without the flag the image's default path counts",
            ),
        ),
        ConfigState::Missing(_, place) => {
            let evidence =
                place.as_ref().map(|p| excerpt(&p.source, p.source.position(p.span.start as usize).line, ""));
            Standing::broken(
                stage,
                Finding::observed(
                    format!("{program} without its configuration: {why}"),
                    "a file that exists, mounted where the program reads it",
                )
                .hint("check the file name on the left of the mount, and the path on its right")
                .evidence(evidence),
            )
        }
        ConfigState::Readable(_) => Standing::Runs,
    }
}

/// The rules of one set of alerts are accepted; refused ones of another set are that set's affair.
fn rules_of(world: &Simulated<'_>, name: &str, also_unclaimed: bool) -> Outcome {
    match prometheus(world) {
        Standing::Runs => {}
        Standing::Broken(stage, finding) => return Outcome::Blocked(stage, *finding),
        Standing::Unknown(finding) => return Outcome::Unverified(*finding),
    }
    let Some(prometheus) = &world.stack.prometheus else { return Outcome::Holds(Finding::default()) };
    for (file, d) in rule_errors(&prometheus.rules) {
        let owner = owner(world, file, d);
        let finding = refused("Prometheus", file.source.name(), d).basis(Basis::Static).stage(Stage::Rules);
        if owner == Some(name) || (owner.is_none() && also_unclaimed) {
            return Outcome::Fails(finding);
        }
    }
    if let Some((file, d)) = rule_errors(&prometheus.rules).next() {
        return Outcome::Blocked(Stage::Rules, refused("Prometheus", file.source.name(), d));
    }
    if prometheus.rules.is_empty() {
        if let Some((_, why, _)) = prometheus.missing_rules.iter().find(|(_, _, hidden)| *hidden) {
            return Outcome::Unverified(Finding::said(format!(
                "the rule files cannot be judged from the repository: {why}"
            )));
        }
        let observed = match prometheus.missing_rules.first() {
            Some((entry, why, _)) => format!("no rule file loaded: rule_files names `{entry}`, but {why}"),
            None => "no rule file loaded: prometheus.yml has no rule_files".to_owned(),
        };
        let finding = Finding::observed(observed, "a rule file that Prometheus finds")
            .hint("mount rules.yml into the container and name it in rule_files, relative to the folder of prometheus.yml")
            .basis(Basis::Static);
        return Outcome::Fails(finding.stage(Stage::Rules).cause("no-rules"));
    }
    Outcome::Holds(Finding::default())
}

/// The set of alerts that a refused rule is for, told by the metrics its text names.
fn owner<'a>(world: &'a Simulated<'_>, file: &RuleSource, d: &Diagnostic) -> Option<&'a str> {
    let line = d.position()?.line;
    let block = block_around(&file.source, line)?;
    world.lab.alerts.iter().find(|(_, set)| names_metric_of(&block, set)).map(|(name, _)| name.as_str())
}

fn names_metric_of(text: &str, set: &AlertSet) -> bool {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != ':').any(|word| set.reads_metric(word))
}

/// The text of the rule that a line belongs to.
fn block_around(source: &SourceText, line: usize) -> Option<String> {
    let lines: Vec<&str> = source.text().lines().collect();
    let begins = |l: &&str| {
        let item = l.trim_start();
        ["- alert", "- record", "- expr", "-alert"].iter().any(|b| item.starts_with(b))
    };
    let at = line.min(lines.len());
    let first = (0..at).rev().find(|i| begins(&lines[*i]))?;
    // What stands as far left as the rule's dash is no longer inside the rule.
    let indent = |l: &str| l.len() - l.trim_start().len();
    let inside = |l: &str| l.trim().is_empty() || indent(l) > indent(lines[first]);
    if at > first + 1 && !lines[first + 1..at].iter().all(|l| inside(l)) {
        return None;
    }
    let last = (first + 1..lines.len()).find(|i| begins(&lines[*i])).unwrap_or(lines.len());
    Some(lines[first..last].join("\n"))
}

fn rule_errors(files: &[RuleSource]) -> impl Iterator<Item = (&RuleSource, &Diagnostic)> {
    files.iter().flat_map(|f| f.diagnostics.iter().filter(|d| d.severity == Severity::Error).map(move |d| (f, d)))
}

fn first_error(diagnostics: &[Diagnostic]) -> Option<&Diagnostic> {
    diagnostics.iter().find(|d| d.severity == Severity::Error)
}

/// A program refuses a file: its first error as reason, help as hint, the underlined line as evidence.
fn refused(program: &str, file: &str, d: &Diagnostic) -> Finding {
    let place = d.position().map_or_else(
        || file.to_owned(),
        |at| {
            let name = d.primary.as_ref().map_or(file, |l| l.source.name());
            format!("{name}:{}:{}", at.line, at.column)
        },
    );
    let mut finding =
        Finding::observed(format!("{program} refusing {place}: {}", d.message), "a file that the program accepts");
    if let Some(help) = &d.help {
        finding = finding.hint(help.clone());
    }
    finding.evidence([json!({"kind": "diagnostic", "rendered": crate::text::render(d, false)})])
}

/// A line of a file as evidence.
pub fn excerpt(source: &SourceText, line: usize, note: &str) -> Value {
    let text = crate::text::mask_secrets(source.line(line).unwrap_or(""));
    json!({"kind": "file", "file": source.name(), "line": line, "text": text, "note": note})
}
