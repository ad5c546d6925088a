//! Reads check scripts.

use serde::Deserialize;

use super::{Step, faults};
use crate::lab::{Key, Lab, LabError, place};

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
/// A script is not valid, names what does not exist, has a time or query that is none (file, line and column are told),
/// judges an unknown criterion or one that another script judges, or a criterion has no script.
pub fn parse_scripts(lab: &Lab, files: &[(String, String)]) -> Result<Vec<Check>, LabError> {
    let mut checks: Vec<Check> = Vec::new();
    for (file, text) in files {
        let filled = lab.parameters.fill(file, text)?;
        let parsed: Vec<Check> = serde_yaml::from_str(&filled).map_err(|e| LabError(format!("{file}: {e}")))?;
        for (i, check) in parsed.into_iter().enumerate() {
            let at = |way: &[Key]| place(file, &filled, &[&[i.into()], way].concat());
            if lab.criterion(&check.id).is_none() {
                return Err(LabError(format!("{}: {:?} is no criterion of {}", at(&["id".into()]), check.id, lab.id)));
            }
            if checks.iter().any(|c| c.id == check.id) {
                return Err(LabError(format!(
                    "{}: {:?} is judged by another script already",
                    at(&["id".into()]),
                    check.id
                )));
            }
            if check.steps.is_empty() {
                return Err(LabError(format!(
                    "{}: {:?} has no steps, so it could not fail",
                    at(&["steps".into()]),
                    check.id
                )));
            }
            for (j, step) in check.steps.iter().enumerate() {
                if let Some((way, wrong)) = faults::of_step(lab, step) {
                    let at = at(&[vec!["steps".into(), j.into()], way].concat());
                    return Err(LabError(format!("{at}: {:?}: {wrong}", check.id)));
                }
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
    fn what_a_step_says_wrong_is_told_with_its_place() {
        let (lab, _) = lab();
        for (step, wanted) in [
            (
                "messages: {of: cpu-alerts, scenario: cpu-strees, state: firing}",
                "3:44: \"cpu-100\": the lab has no scenario",
            ),
            (
                "messages: {of: cpu, scenario: cpu-stress, state: firing}",
                "3:22: \"cpu-100\": the lab has no set of alerts",
            ),
            (
                "messages: {of: cpu-alerts, state: firing, until: long.ende}",
                ":3:56: \"cpu-100\": \"long.ende\" is no moment",
            ),
            (
                "messages: {of: cpu-alerts, state: firing, from: long.end + 1 min}",
                "not a valid duration string: \"1 min\"",
            ),
            ("messages: {of: cpu-alerts, state: firing, unless-another-behaves: fail}", "wanted review"),
            ("can-alert: {of: cpu-alerts, within: 30m, otherwise: stress}", "\"stress\" is no criterion"),
            ("can-alert: {of: cpu-alerts, within: half, otherwise: cpu-100}", "not a valid duration string"),
            ("promql: {query: 'up =', expect: {}, within: 30s}", "the query does not parse: 1:4: parse error"),
            ("http: {get: moc}", "\"moc\" is nothing here, wanted mock or node-exporter"),
            ("http: {get: mock, body: {sample: m, changes: often}}", "3:52: \"cpu-100\": not a valid duration string"),
            ("target: {port: '0'}", "\"0\" is no port, wanted 1 to 65535"),
            ("grafana: {panel-of: m, refresh: 5}", "not a valid duration string: \"5\""),
            ("grafana: {cpu-values-during: loong}", "no scenario has a phase \"loong\""),
            ("ssh: {cpu-busy: {at-least: 95}, during: never}", "no scenario has a phase \"never\""),
            ("markdown: {find: raport}", "wanted report or cheat-sheet"),
            ("answers: {in: cheat-sheet}", "wanted report"),
            ("probe: {of: cpu-alerts, when: {m: lots}, expect: fires}", "\"lots\" is no number"),
        ] {
            let text = format!("- id: cpu-100\n  steps:\n    - {step}\n");
            let error = parse_scripts(&lab, &[("checks/x.yaml".into(), text)]).expect_err(step);
            assert!(error.0.starts_with("checks/x.yaml:") && error.0.contains(wanted), "{step}: {error}");
        }
    }

    #[test]
    fn the_patterns_of_the_embedded_lab_are_read_and_a_wrong_one_is_told() {
        let (lab, files) = lab();
        let checks = parse_scripts(&lab, &files.checks).unwrap_or_else(|e| panic!("{e}"));
        assert!(faults::check_patterns(&lab, &checks).is_ok());
        let mut wrong = lab.clone();
        wrong.questions[0].ideas[0].push("(a".into());
        let error = faults::check_patterns(&wrong, &checks).expect_err("a wrong pattern");
        assert!(error.0.contains(&wrong.questions[0].id) && error.0.contains("missing closing )"), "{error}");
    }
}
