//! The world of `run`: a repository at rest, its stack in virtual time.

mod advice;
pub(super) mod alerts;
mod bridge;
mod chain;
mod dashboards;
mod documents;
mod fates;
mod flood;
mod latency;
mod memory;
mod messages;
mod picture;
mod probing;
mod programs;
pub(super) mod runs;
pub(super) mod schedule;
mod scraping;
mod stopped;
mod value;

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::document::Document;
use super::{Check, Outcome, Step, World};
use crate::lab::Lab;
use crate::promql::{Dialect, ParseOptions, parse};
use crate::report::{AdviceResult, At, CriterionResult, DiagnosticResult, DialectInfo, Timeline, Verdict};
use crate::rules::{GroupSpec, RuleSpec};
use crate::simulate::outcome::PhaseOutcome;
use crate::simulate::reads::for_each_selector;
use crate::simulate::{Embedded, Overrides};
use crate::stack::{FileTree, LabHints, Stack};
use alerts::{Named, Place};
pub use memory::Memory;
use memory::Remembered;
use runs::Runs;
use schedule::Schedule;

/// Answers steps from files and the embedded stack.
pub struct Simulated<'a> {
    lab: &'a Lab,
    checks: &'a [Check],
    tree: &'a FileTree,
    templates: Vec<Document>,
    stack: Stack,
    embedded: Arc<Embedded>,
    places: BTreeMap<String, Vec<Place>>,
    watched: Vec<Place>,
    /// The scenario that load is judged in, and whatever else needs one.
    main: String,
    runs: BTreeMap<String, OnceCell<Result<Runs, String>>>,
    /// Whether a step asked for runs of the main scenario.
    played: bool,
    keeping: Option<Keeping<'a>>,
}

/// Where outcomes of runs are remembered, and under which key.
struct Keeping<'a> {
    memory: &'a Memory,
    key: String,
    known: Arc<Remembered>,
    /// Whether there is more now than was recalled.
    grown: bool,
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
        let overrides = Overrides { as_far_as_readable: true, ..Overrides::default() };
        let embedded = Arc::new(Embedded::of(&stack, &overrides));
        let groups: &[Arc<GroupSpec>] = embedded.config.prometheus.as_ref().map_or(&[], |p| &p.groups);
        let places = alerts::places(&lab.alerts, groups);
        let mut watched: Vec<Place> = places.values().flatten().copied().collect();
        watched.sort_unstable();
        watched.dedup();
        let main = main_scenario(lab, checks);
        let names = lab.scenarios.keys().chain([&main]);
        let runs = names.map(|name| (name.clone(), OnceCell::new())).collect();
        Self {
            lab,
            checks,
            tree,
            templates,
            stack,
            embedded,
            places,
            watched,
            main,
            runs,
            played: false,
            keeping: None,
        }
    }

    /// Recalls what runs of an equal stack came to, or remembers what those of this one will.
    pub fn remembering(mut self, memory: &'a Memory) -> Self {
        self.keeping = memory::key(&self).map(|key| {
            let known = memory.recall(&key);
            let grown = known.is_none();
            Keeping { memory, key, known: known.unwrap_or_default(), grown }
        });
        self
    }

    /// Whether the files hold rules of a set.
    pub fn has_rules(&self, set: &str) -> bool {
        !self.places(set).is_empty()
    }

    /// The lab's scenario over all phases, with the names of a set's alerts and when its phases are; nothing when the
    /// files hold nothing that can be played.
    pub fn foreseen(&self, set: &str) -> Option<(&[PhaseOutcome], Vec<Named>, &Schedule)> {
        self.embedded.config.prometheus.as_ref()?;
        let runs = self.runs(None).ok()?;
        let names = self.places(set).iter().filter_map(|p| Some((*p, self.rule(*p)?.name.to_string()))).collect();
        Some((runs.sweep(), names, &runs.schedule))
    }

    fn step(&mut self, criterion: &str, step: &Step) -> Outcome {
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

    /// The runs of a scenario of the lab; without a name, of the one in which load is judged.
    fn runs(&self, scenario: Option<&str>) -> Result<&Runs, String> {
        let name = scenario.unwrap_or(&self.main);
        let cell = self.runs.get(name).ok_or_else(|| format!("the lab has no scenario {name:?}"))?;
        cell.get_or_init(|| self.play(name)).as_ref().map_err(Clone::clone)
    }

    fn play(&self, name: &str) -> Result<Runs, String> {
        let of_lab = |e: String| format!("scenario {name:?} of the lab: {e}");
        let (schedule, also) = match self.lab.scenarios.get(name) {
            None => (Schedule::rest(), None),
            Some(scenario) => {
                let also = scenario.also.as_ref().map(|a| Schedule::new(scenario, Some((&a.replace, &a.duration))));
                (Schedule::new(scenario, None).map_err(of_lab)?, also.transpose().map_err(of_lab)?)
            }
        };
        Ok(Runs::new(self.embedded.clone(), self.watched.clone(), schedule, also, &self.read_by_checks()))
    }

    /// Metrics that checks read beside the rules.
    fn read_by_checks(&self) -> Vec<String> {
        let queries = self.checks.iter().flat_map(|c| &c.steps).filter_map(|step| match step {
            Step::Promql(s) => parse(&s.query, &ParseOptions::stock(Dialect::V3)).ok(),
            _ => None,
        });
        let mut names = vec![self.stack.hints.metric.clone()];
        for query in queries {
            for_each_selector(&query, &mut |selector| names.extend(selector.name.as_deref().map(str::to_owned)));
        }
        names.sort();
        names.dedup();
        names
    }

    fn places(&self, set: &str) -> &[Place] {
        self.places.get(set).map_or(&[], Vec::as_slice)
    }

    fn watched(&self) -> &[Place] {
        &self.watched
    }

    fn groups(&self) -> impl Iterator<Item = &GroupSpec> {
        self.embedded.config.prometheus.iter().flat_map(|p| p.groups.iter().map(|g| &**g))
    }

    fn rule(&self, (group, rule): Place) -> Option<&RuleSpec> {
        self.embedded.config.prometheus.as_ref()?.groups.get(group)?.rules.get(rule)
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
    fn silent_about_resolved(&self, runs: &Runs, places: &[Place]) -> bool {
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
        load_steps(self.checks)
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
        let of_load = criteria.iter().find(|c| self.judges_load(&c.id)).map(|c| c.verdict);
        let (of_runs, timeline) = match self.played {
            true => (self.advice_of_runs(of_load), self.picture()),
            false => (Vec::new(), None),
        };
        let advice = advice::all(self, &of_runs);
        let diagnostics = self.stack.diagnostics().iter().map(diagnostic).collect();
        if let Some(Keeping { memory, key, mut known, grown: true }) = self.keeping.take() {
            if self.played {
                let known = Arc::make_mut(&mut known);
                known.advice = Some((of_load, of_runs));
                known.picture.clone_from(&timeline);
            }
            memory.keep(key, known);
        }
        (advice, diagnostics, timeline)
    }
}

/// The steps that ask for a message in a part of a scenario.
fn load_steps(checks: &[Check]) -> impl Iterator<Item = (&str, &super::Messages)> {
    message_steps(checks).filter(|(_, m)| !m.never && m.state == super::MessageState::Firing && m.from.is_some())
}

fn message_steps(checks: &[Check]) -> impl Iterator<Item = (&str, &super::Messages)> {
    checks.iter().flat_map(|c| c.steps.iter().map(move |s| (c.id.as_str(), s))).filter_map(|(id, s)| match s {
        Step::Messages(m) => Some((id, m)),
        _ => None,
    })
}

/// The scenario in which load is judged, else the first one that scripts name, else the lab's first; `rest` when the lab
/// has none.
fn main_scenario(lab: &Lab, checks: &[Check]) -> String {
    let named = |(_, m): (_, &super::Messages)| m.scenario.clone().filter(|s| lab.scenarios.contains_key(s));
    let name = load_steps(checks).find_map(named).or_else(|| message_steps(checks).find_map(named));
    name.or_else(|| lab.scenarios.keys().next().cloned()).unwrap_or_else(|| "rest".to_owned())
}

impl Simulated<'_> {
    fn advice_of_runs(&self, of_load: Option<Verdict>) -> Vec<AdviceResult> {
        match self.keeping.as_ref().and_then(|k| k.known.advice.as_ref()) {
            Some((of, advice)) if *of == of_load => advice.clone(),
            _ => advice::of_runs(self, of_load),
        }
    }

    fn picture(&self) -> Option<Timeline> {
        let drawn = || {
            let (runs, set) = self.runs(None).ok().zip(self.load_alerts())?;
            Some(picture::timeline(self, runs, self.places(&set)))
        };
        self.keeping.as_ref().and_then(|k| k.known.picture.clone()).or_else(drawn)
    }

    /// Whether a scenario's name stands for the time of the main one without load.
    fn is_control(&self, scenario: &str) -> bool {
        scenario == "control" && !self.lab.scenarios.contains_key("control")
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
        if !memory::rests_on_runs(step) {
            return self.step(criterion, step);
        }
        self.played |= match step {
            Step::Messages(m) => m.scenario.as_ref().is_none_or(|s| *s == self.main || self.is_control(s)),
            _ => true,
        };
        if let Some(outcome) = self.keeping.as_ref().and_then(|k| k.known.outcome(criterion, step)) {
            return outcome.clone();
        }
        let outcome = self.step(criterion, step);
        if let Some(keeping) = &mut self.keeping {
            let known = Arc::make_mut(&mut keeping.known);
            known.outcomes.push((criterion.to_owned(), step.clone(), outcome.clone()));
            keeping.grown = true;
        }
        outcome
    }

    fn how_to_verify(&self) -> String {
        "run `labkit check` against the running stack and the VM".to_owned()
    }
}
