//! The world of `run`: a repository at rest, its stack in virtual time.

mod advice;
pub(super) mod alerts;
mod chain;
mod dashboards;
mod documents;
mod latency;
mod messages;
mod picture;
mod probing;
mod programs;
pub(super) mod runs;
pub(super) mod schedule;
mod scraping;
mod setup;
mod value;

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::document::Document;
use super::{Check, Outcome, Step, World};
use crate::lab::Lab;
use crate::report::{AdviceResult, At, CriterionResult, DiagnosticResult, DialectInfo, Timeline};
use crate::rules::{GroupSpec, RuleSpec};
use crate::simulate::outcome::PhaseOutcome;
use crate::stack::{FileTree, LabHints, Stack};
use alerts::{Named, Place};
use runs::Runs;
use schedule::Schedule;
use setup::Setup;

/// Answers steps from files and the embedded stack.
pub struct Simulated<'a> {
    lab: &'a Lab,
    checks: &'a [Check],
    tree: &'a FileTree,
    templates: Vec<Document>,
    stack: Stack,
    setup: Setup,
    template_error: Option<String>,
    places: BTreeMap<String, Vec<Place>>,
    watched: Vec<Place>,
    runs: OnceCell<Option<Runs>>,
}

impl<'a> Simulated<'a> {
    /// Reads the repository. `starter` is what everybody was given.
    pub fn new(lab: &'a Lab, checks: &'a [Check], tree: &'a FileTree, starter: &[(String, Vec<u8>)]) -> Self {
        let templates = starter
            .iter()
            .filter(|(path, _)| path.ends_with(".md"))
            .map(|(path, bytes)| Document::parse(path, &String::from_utf8_lossy(bytes)))
            .collect();
        let stack = Stack::read(tree, &hints(lab));
        let mut setup = setup::setup(&stack);
        let groups: &[Arc<GroupSpec>] = setup.config.prometheus.as_ref().map_or(&[], |p| &p.groups);
        let places = alerts::places(&lab.alerts, groups);
        let mut watched: Vec<Place> = places.values().flatten().copied().collect();
        watched.sort_unstable();
        watched.dedup();
        let template_error = setup.template_error.take();
        Self { lab, checks, tree, templates, stack, setup, template_error, places, watched, runs: OnceCell::new() }
    }

    /// The runs of the lab's scenario; none when a scenario of the lab is not valid.
    fn runs(&self) -> Option<&Runs> {
        self.runs
            .get_or_init(|| {
                let scenario = self.lab.scenarios.values().next()?;
                let schedule = Schedule::new(scenario, None).ok()?;
                let also =
                    scenario.also.as_ref().and_then(|a| Schedule::new(scenario, Some((&a.replace, &a.duration))).ok());
                let metric = self.stack.hints.metric.clone();
                Some(Runs::new(
                    self.setup.config.clone(),
                    self.setup.answers.clone(),
                    self.watched.clone(),
                    schedule,
                    also,
                    &[&metric],
                ))
            })
            .as_ref()
    }

    /// Whether the files hold rules of a set.
    pub fn has_rules(&self, set: &str) -> bool {
        !self.places(set).is_empty()
    }

    /// The lab's scenario over all phases, with the names of a set's alerts and when its phases are; nothing when the
    /// files hold nothing that can be played.
    pub fn foreseen(&self, set: &str) -> Option<(&[PhaseOutcome], Vec<Named>, &Schedule)> {
        self.setup.config.prometheus.as_ref()?;
        let runs = self.runs()?;
        let names = self.places(set).iter().filter_map(|p| Some((*p, self.rule(*p)?.name.to_string()))).collect();
        Some((runs.sweep(), names, &runs.schedule))
    }

    /// The runs, if a step asked for them.
    fn runs_played(&self) -> Option<&Runs> {
        self.runs.get().and_then(Option::as_ref)
    }

    fn places(&self, set: &str) -> &[Place] {
        self.places.get(set).map_or(&[], Vec::as_slice)
    }

    fn watched(&self) -> &[Place] {
        &self.watched
    }

    fn groups(&self) -> impl Iterator<Item = &GroupSpec> {
        self.setup.config.prometheus.iter().flat_map(|p| p.groups.iter().map(|g| &**g))
    }

    fn rule(&self, (group, rule): Place) -> Option<&RuleSpec> {
        self.setup.config.prometheus.as_ref()?.groups.get(group)?.rules.get(rule)
    }

    fn title_of(&self, set: &str) -> String {
        self.lab.alerts.get(set).map_or_else(|| set.to_owned(), |s| s.title.clone())
    }

    /// Where a rule stands in its file.
    fn rule_place(&self, place: Option<Place>) -> Option<At> {
        let (source, span) = self.rule_span(place?)?;
        Some(advice::at(source, span))
    }

    fn rule_span(&self, (group, rule): Place) -> Option<(&crate::text::SourceText, crate::text::Span)> {
        let files = &self.stack.prometheus.as_ref()?.rules;
        let mut counted = 0;
        for file in files {
            let Some(read) = &file.file else { continue };
            if let Some(found) = read.groups.get(group - counted) {
                return Some((&file.source, found.rules.get(rule)?.expr.span));
            }
            counted += read.groups.len();
        }
        None
    }

    /// The line of a rule's expression, as evidence.
    fn rule_evidence(&self, place: Place) -> Vec<Value> {
        let Some((source, span)) = self.rule_span(place) else { return Vec::new() };
        vec![programs::excerpt(source, source.position(span.start as usize).line, "")]
    }

    /// Whether Discord is not told about the end of these alerts.
    fn silent_about_resolved(&self, places: &[Place]) -> bool {
        let Some(runs) = self.runs_played() else { return false };
        runs.shown().journal().entries().iter().any(|e| match &e.event {
            crate::engine::Event::Notification { notification, .. } => {
                !notification.integration.send_resolved
                    && notification.alerts.iter().any(|a| {
                        let name = a.labels.get("alertname").unwrap_or("");
                        places.iter().filter_map(|p| self.rule(*p)).any(|r| &*r.name == name)
                    })
            }
            _ => false,
        })
    }

    /// The set of alerts that the load is about: the one whose messages a check bounds by phases of load.
    fn load_alerts(&self) -> Option<String> {
        self.load_steps().map(|(_, m)| m.of.clone()).next()
    }

    /// Whether a criterion asks for a message under load.
    fn judges_load(&self, criterion: &str) -> bool {
        self.load_steps().any(|(id, _)| id == criterion)
    }

    fn load_steps(&self) -> impl Iterator<Item = (&str, &super::Messages)> {
        self.checks.iter().flat_map(|c| c.steps.iter().map(move |s| (c.id.as_str(), s))).filter_map(|(id, s)| match s {
            Step::Messages(m) if !m.never && m.state == super::MessageState::Firing && m.from.is_some() => {
                Some((id, m))
            }
            _ => None,
        })
    }

    /// The documents of a kind: `report`, `cheat-sheet`.
    fn documents(&self, kind: &str) -> Vec<Document> {
        documents::find(self.tree, kind)
    }

    /// Which versions the engine speaks as.
    pub fn dialect(&self) -> DialectInfo {
        DialectInfo {
            prometheus: self.stack.prometheus.as_ref().map_or("3", |p| p.dialect.as_str()).to_owned(),
            alertmanager: self.stack.alertmanager.as_ref().map_or_else(|| "0.34".to_owned(), |a| a.version.to_string()),
        }
    }

    /// Advice, findings in files, and the picture.
    pub fn finish(
        &mut self,
        criteria: &[CriterionResult],
    ) -> (Vec<AdviceResult>, Vec<DiagnosticResult>, Option<Timeline>) {
        let advice = advice::all(self, criteria);
        let diagnostics = self.stack.diagnostics().iter().map(diagnostic).collect();
        let timeline = self.runs_played().zip(self.load_alerts()).map(|(runs, set)| {
            let places = self.places(&set).to_vec();
            picture::timeline(self, runs, &places)
        });
        (advice, diagnostics, timeline)
    }
}

fn hints(lab: &Lab) -> LabHints {
    let usual = LabHints::default();
    let number = |name: &str, default: u16| lab.parameters.get(name).and_then(|v| v.parse().ok()).unwrap_or(default);
    LabHints {
        metric: lab.parameters.get("mock.metric").map_or(usual.metric, str::to_owned),
        mock_port: number("mock.port", usual.mock_port),
        exporter_port: number("node.port", usual.exporter_port),
    }
}

fn diagnostic(d: &crate::text::Diagnostic) -> DiagnosticResult {
    DiagnosticResult {
        severity: match d.severity {
            crate::text::Severity::Error => "error",
            crate::text::Severity::Warning => "warning",
            crate::text::Severity::Info => "info",
        }
        .to_owned(),
        message: crate::text::mask_secrets(&d.message).into_owned(),
        at: d.primary.as_ref().map(|l| advice::at(&l.source, l.span)),
        help: d.help.clone(),
        rendered: Some(crate::text::render(d, false)),
    }
}

impl World for Simulated<'_> {
    fn observe(&mut self, criterion: &str, step: &Step) -> Outcome {
        match step {
            Step::Loads(s) => programs::loads(self, s),
            Step::Requires(p) => programs::requires(self, *p),
            Step::Script(s) => scraping::script(self, s),
            Step::Http(s) => scraping::http(self, s),
            Step::Ssh(s) => scraping::ssh(self, s),
            Step::Promql(s) => scraping::promql(self, s),
            Step::Target(s) => scraping::target(self, s),
            Step::Rule(s) => probing::rule(self, s),
            Step::Probe(s) => probing::probe(self, s),
            Step::CanAlert(s) => messages::can_alert(self, s),
            Step::Messages(s) => messages::messages(self, criterion, s),
            Step::Grafana(s) => dashboards::grafana(self, s),
            Step::Markdown(s) => documents::markdown(self, s),
            Step::Answers(s) => documents::answers(self, s),
        }
    }

    fn how_to_verify(&self, _: &str) -> String {
        "run `labkit check` against the running stack and the VM".to_owned()
    }
}
