//! `lab.yaml`.

use std::collections::{BTreeMap, HashSet};
use std::sync::OnceLock;

use serde::Deserialize;

use super::{Kind, LabError, LabFiles, Parameters, Scenario, place};
use crate::golang::regexp::{Alternatives, RegexpError};

/// A lab as its manifest describes it, parameters filled in.
#[derive(Clone, Debug)]
pub struct Lab {
    /// Such as `07-monitoring`.
    pub id: String,
    /// The number it goes by: `7`.
    pub number: u32,
    /// Its title.
    pub title: String,
    /// The parameters with their values.
    pub parameters: Parameters,
    /// Sets of alerts, recognised by what they read.
    pub alerts: BTreeMap<String, AlertSet>,
    /// Scenarios by name.
    pub scenarios: BTreeMap<String, Scenario>,
    /// The criteria in the order of reports.
    pub criteria: Vec<Criterion>,
    /// The questions a report answers.
    pub questions: Vec<Question>,
    /// The advice this lab gives.
    pub advice: Vec<AdviceEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    schema: String,
    id: String,
    number: u32,
    title: String,
    #[allow(dead_code, reason = "read beforehand, in `Head`")]
    checks: String,
    #[serde(default)]
    #[allow(dead_code, reason = "read beforehand, in `Head`")]
    parameters: serde_json::Value,
    #[serde(default)]
    alerts: BTreeMap<String, AlertSet>,
    #[serde(default)]
    scenarios: BTreeMap<String, Scenario>,
    criteria: Vec<Criterion>,
    #[serde(default)]
    questions: Vec<Question>,
    #[serde(default)]
    advice: Vec<AdviceEntry>,
}

/// The part of a manifest that must be read before parameters can be filled in.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Head {
    /// The folder below `checks/` that the manifest names.
    pub(super) checks: String,
    #[serde(default)]
    parameters: BTreeMap<String, Declared>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Declared {
    default: String,
    #[serde(default)]
    kind: Kind,
    #[allow(dead_code, reason = "documentation for authors")]
    about: String,
}

/// A set of alerts.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlertSet {
    /// What reports call them.
    pub title: String,
    /// Metric names their expressions read, recording rules expanded; a `*` at the end stands for any rest.
    pub reads: Vec<String>,
}

impl AlertSet {
    /// Whether a metric is one of those read.
    pub fn reads_metric(&self, metric: &str) -> bool {
        self.reads.iter().any(|r| r.strip_suffix('*').map_or(metric == r, |prefix| metric.starts_with(prefix)))
    }
}

/// One thing a lab asks for.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Criterion {
    /// The id that gradebooks rely on.
    pub id: String,
    /// What reports call it.
    pub title: String,
    /// What it is worth.
    pub points: u32,
    /// Criteria without which it is not judged.
    #[serde(default)]
    pub needs: Vec<String>,
    /// What to try; begins with a verb.
    pub hint: String,
}

/// A question the report answers.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// Such as `q-for`.
    pub id: String,
    /// The question.
    pub title: String,
    /// Whether it must be answered to pass.
    #[serde(default)]
    pub required: bool,
    /// What a missing answer means when it is not required.
    #[serde(default)]
    pub missing: Missing,
    /// How many blocks (paragraphs, list items, cells) the passage with the answer may have.
    #[serde(default = "usual_passage")]
    pub within: usize,
    /// Finds the passages that deal with the question, regular expressions on lower-case text.
    #[serde(default)]
    pub about: Vec<String>,
    /// Finds passages that speak of something else in the same words, regular expressions on lower-case text: what
    /// stands there alone is for a person to judge.
    #[serde(default)]
    pub elsewhere: Vec<String>,
    /// Each idea is a list of alternatives, regular expressions on lower-case text.
    pub ideas: Vec<Vec<String>>,
    #[serde(skip)]
    patterns: OnceLock<Result<QuestionPatterns, RegexpError>>,
}

/// The patterns of a question, ready to be looked for.
#[derive(Clone, Debug)]
pub struct QuestionPatterns {
    /// Finds the passages that deal with it; none when it tells none.
    pub about: Option<Alternatives>,
    /// One for each idea.
    pub ideas: Vec<Option<Alternatives>>,
    /// Finds passages that speak of something else.
    pub elsewhere: Option<Alternatives>,
}

impl Question {
    /// Its patterns, made once and kept: a course has many reports.
    ///
    /// # Errors
    /// A pattern is not a regular expression.
    pub fn patterns(&self) -> Result<&QuestionPatterns, RegexpError> {
        let of = || {
            let ideas = self.ideas.iter().map(|i| one_of(i)).collect::<Result<_, _>>()?;
            let elsewhere = one_of(&self.elsewhere)?;
            Ok(QuestionPatterns { about: one_of(&self.about)?, ideas, elsewhere })
        };
        self.patterns.get_or_init(of).as_ref().map_err(Clone::clone)
    }
}

fn one_of(patterns: &[String]) -> Result<Option<Alternatives>, RegexpError> {
    if patterns.is_empty() { Ok(None) } else { Alternatives::new(patterns).map(Some) }
}

fn usual_passage() -> usize {
    6
}

/// What a missing answer means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Missing {
    /// The criterion fails.
    #[default]
    Fail,
    /// A person must look.
    Review,
}

/// A kind of advice.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdviceEntry {
    /// Its id.
    pub id: String,
    /// `warning` or `info`.
    pub severity: String,
    /// What it is about.
    pub about: String,
}

fn yaml_error(file: &str, e: &impl std::fmt::Display) -> LabError {
    LabError(format!("{file}: {e}"))
}

/// Reads what stands before everything else in a manifest.
pub(super) fn head(text: &str, file: &str) -> Result<Head, LabError> {
    serde_yaml::from_str(text).map_err(|e| yaml_error(file, &e))
}

impl Lab {
    /// Reads a manifest, with `overrides` in place of the defaults of parameters.
    ///
    /// # Errors
    /// The manifest is not valid, names an unknown parameter or a criterion that does not exist; a parameter's value is
    /// not of its kind; a scenario cannot be played.
    pub fn parse(files: &LabFiles, overrides: &[(String, String)]) -> Result<Self, LabError> {
        let file = format!("labs/{}/lab.yaml", files.name);
        let mut parameters = Parameters::default();
        for (name, declared) in &files.head.parameters {
            if let Err(wrong) = declared.kind.accepts(&declared.default) {
                let way = ["parameters".into(), name.as_str().into(), "default".into()];
                return Err(LabError(format!("{}: {wrong}", place(&file, &files.manifest, &way))));
            }
            parameters.declare(name, declared.kind, &declared.default);
        }
        for (name, value) in overrides {
            if !parameters.contains(name) {
                let known: Vec<&str> = parameters.names().collect();
                return Err(LabError(format!("unknown parameter {name:?}, this lab has {}", known.join(", "))));
            }
            parameters.kind(name).accepts(value).map_err(|wrong| LabError(format!("parameter {name}: {wrong}")))?;
            parameters.set(name.clone(), value.clone());
        }
        let text = parameters.fill(&file, &files.manifest)?;
        let manifest: Manifest = serde_yaml::from_str(&text).map_err(|e| yaml_error(&file, &e))?;
        if manifest.schema != "labkit/lab/v1" {
            return Err(LabError(format!("{file}: schema is {:?}, wanted \"labkit/lab/v1\"", manifest.schema)));
        }
        let lab = Self {
            id: manifest.id,
            number: manifest.number,
            title: manifest.title,
            parameters,
            alerts: manifest.alerts,
            scenarios: manifest.scenarios,
            criteria: manifest.criteria,
            questions: manifest.questions,
            advice: manifest.advice,
        };
        lab.check(&file)?;
        for (name, scenario) in &lab.scenarios {
            if let Some((mut way, wrong)) = scenario.fault() {
                way.splice(0..0, ["scenarios".into(), name.as_str().into()]);
                return Err(LabError(format!("{}: {wrong}", place(&file, &text, &way))));
            }
        }
        Ok(lab)
    }

    fn check(&self, file: &str) -> Result<(), LabError> {
        let mut seen = HashSet::new();
        for criterion in &self.criteria {
            for need in &criterion.needs {
                if !seen.contains(need.as_str()) {
                    return Err(LabError(format!(
                        "{file}: criterion {:?} needs {need:?}, which is no criterion above it",
                        criterion.id
                    )));
                }
            }
            if !seen.insert(criterion.id.as_str()) {
                return Err(LabError(format!("{file}: criterion {:?} is there twice", criterion.id)));
            }
        }
        Ok(())
    }

    /// A criterion by id.
    pub fn criterion(&self, id: &str) -> Option<&Criterion> {
        self.criteria.iter().find(|c| c.id == id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_lab_is_valid_and_worth_twenty_points() {
        let files = LabFiles::embedded("07-monitoring").expect("embedded");
        let lab = Lab::parse(&files, &[]).expect("valid");
        assert_eq!(lab.number, 7);
        assert_eq!(lab.criteria.len(), 16);
        assert_eq!(lab.criteria.iter().map(|c| c.points).sum::<u32>(), 20);
        assert!(lab.alerts["cpu-alerts"].reads_metric("node_cpu_seconds_total"));
        assert!(!lab.alerts["cpu-alerts"].reads_metric("node_memory_MemFree_bytes"));
    }

    fn overridden(name: &str, value: &str) -> Result<Lab, LabError> {
        let files = LabFiles::embedded("07-monitoring").expect("embedded");
        Lab::parse(&files, &[(name.into(), value.into())])
    }

    #[test]
    fn an_override_must_be_of_the_parameters_kind() {
        for (name, value, wanted) in [
            ("stress.long", "abc", "parameter stress.long: \"abc\" is no duration, wanted such as 4m or 90s"),
            ("stress.long", "0s", "parameter stress.long: \"0s\" takes no time, wanted such as 4m or 90s"),
            ("mock.port", "99999", "parameter mock.port: \"99999\" is no port, wanted 1 to 65535"),
            ("mock.threshold", "high", "parameter mock.threshold: \"high\" is no number, wanted such as 0.75"),
            (
                "mock.metric",
                "9bad",
                "parameter mock.metric: \"9bad\" is no name of a metric, wanted such as model_result",
            ),
            ("stress.long", "2d", "lasts 2d"),
        ] {
            let error = overridden(name, value).expect_err(value);
            assert!(error.0.contains(wanted), "{error}");
        }
        assert!(overridden("stress.long", "5m").is_ok() && overridden("mock.threshold", "-1e3").is_ok());
    }

    #[test]
    fn an_override_of_an_unknown_parameter_is_refused() {
        let files = LabFiles::embedded("07-monitoring").expect("embedded");
        let error = Lab::parse(&files, &[("stress.lnog".into(), "4m".into())]).expect_err("unknown");
        assert!(error.0.contains("stress.long"), "{error}");
    }
}
