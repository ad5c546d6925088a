//! Reads check scripts.

use serde::Deserialize;

use super::Step;
use crate::lab::{Lab, LabError};

/// The script of one criterion.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// The criterion.
    pub id: String,
    /// The steps, in order; the first that does not hold decides.
    pub steps: Vec<Step>,
}

/// Reads all scripts of a lab and holds them against its criteria.
///
/// # Errors
/// A script is not valid (file, line and column are told), judges an unknown criterion or one that another script
/// judges, or a criterion has no script.
pub fn parse_scripts(lab: &Lab, files: &[(String, String)]) -> Result<Vec<Check>, LabError> {
    let mut checks: Vec<Check> = Vec::new();
    for (file, text) in files {
        let filled = lab.parameters.fill(file, text)?;
        let parsed: Vec<Check> = serde_yaml::from_str(&filled).map_err(|e| LabError(format!("{file}: {e}")))?;
        for check in parsed {
            if lab.criterion(&check.id).is_none() {
                return Err(LabError(format!("{file}: {:?} is no criterion of {}", check.id, lab.id)));
            }
            if checks.iter().any(|c| c.id == check.id) {
                return Err(LabError(format!("{file}: {:?} is judged by another script already", check.id)));
            }
            if check.steps.is_empty() {
                return Err(LabError(format!("{file}: {:?} has no steps, so it could not fail", check.id)));
            }
            let wrong = check.steps.iter().find_map(|step| names_nothing(lab, step));
            if let Some(wrong) = wrong {
                return Err(LabError(format!("{file}: {:?}: {wrong}", check.id)));
            }
            checks.push(check);
        }
    }
    for criterion in &lab.criteria {
        if !checks.iter().any(|c| c.id == criterion.id) {
            return Err(LabError(format!("{}: no check script judges {:?}", lab.id, criterion.id)));
        }
    }
    Ok(checks)
}

/// A set of alerts or a scenario that a step names and the lab does not have.
fn names_nothing(lab: &Lab, step: &Step) -> Option<String> {
    let (set, scenario) = match step {
        Step::Rule(s) => (&s.of, None),
        Step::Probe(s) => (&s.of, None),
        Step::CanAlert(s) => (&s.of, None),
        Step::Messages(s) => (&s.of, s.scenario.as_ref()),
        _ => return None,
    };
    if !lab.alerts.contains_key(set) {
        return Some(format!("the lab has no set of alerts {set:?}"));
    }
    let scenario = scenario.filter(|s| *s != "control" && !lab.scenarios.contains_key(*s))?;
    Some(format!("the lab has no scenario {scenario:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::LabFiles;

    fn lab() -> (Lab, LabFiles) {
        let files = LabFiles::embedded("07-monitoring").expect("embedded");
        (Lab::parse(&files, &[]).expect("valid"), files)
    }

    #[test]
    fn the_embedded_scripts_judge_every_criterion() {
        let (lab, files) = lab();
        let checks = parse_scripts(&lab, &files.checks).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(checks.len(), 16);
    }

    #[test]
    fn a_misspelt_step_is_refused_with_line_and_column() {
        let (lab, _) = lab();
        let text = "- id: cpu-100\n  steps:\n    - promqll: {query: up}\n";
        let error = parse_scripts(&lab, &[("checks/x.yaml".into(), text.into())]).expect_err("misspelt");
        assert!(error.0.contains("checks/x.yaml") && error.0.contains("3") && error.0.contains("promqll"), "{error}");
    }

    #[test]
    fn a_criterion_without_a_script_is_refused() {
        let (lab, files) = lab();
        let error = parse_scripts(&lab, &files.checks[..1]).expect_err("incomplete");
        assert!(error.0.contains("no check script judges"), "{error}");
    }

    #[test]
    fn a_scenario_or_a_set_of_alerts_that_the_lab_does_not_have_is_refused() {
        let (lab, _) = lab();
        let script = |of: &str, scenario: &str| {
            format!("- id: cpu-100\n  steps: [{{messages: {{of: {of}, scenario: {scenario}, state: firing}}}}]\n")
        };
        for (of, scenario, wanted) in [("cpu-alerts", "cpu-strees", "cpu-strees"), ("cpu", "cpu-stress", "\"cpu\"")] {
            let files = [("checks/x.yaml".to_owned(), script(of, scenario))];
            let error = parse_scripts(&lab, &files).expect_err("unknown");
            assert!(error.0.contains("checks/x.yaml") && error.0.contains(wanted), "{error}");
        }
    }
}
