//! Students' rule files and what is said of them.

use super::*;

fn found(text: &str) -> Vec<Diagnostic> {
    read(&SourceText::new("rules.yml", text), &ReadRules::release((2, 42))).1
}

fn upstream(text: &str) -> Vec<String> {
    found(text).into_iter().filter_map(|d| d.upstream).collect()
}

#[test]
fn structure_comes_before_meaning() {
    let text = "groups:\n- name: a\n  for: 5m\n  rules:\n  - alert: x\n    expr: up ==\n";
    assert_eq!(upstream(text), ["line 3: field for not found in type rulefmt.RuleGroup"]);
    assert!(found(text)[0].help.as_deref().is_some_and(|h| h.contains("beside `expr`")));
}

#[test]
fn an_expression_is_placed_inside_a_block() {
    let text = "groups:\n- name: a\n  rules:\n  - alert: x\n    expr: |\n      up\n        > bool bool 1\n";
    let found = found(text);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].position().map(|p| p.line), Some(7), "{found:?}");
    assert!(
        found[0]
            .upstream
            .as_deref()
            .is_some_and(|u| u.starts_with("5:11: group \"a\", rule 1, \"x\": could not parse")),
        "{found:?}"
    );
}

#[test]
fn a_recording_rule_has_no_for_and_an_empty_rule_has_no_name() {
    let text = "groups:\n- name: a\n  rules:\n  - record: x\n    expr: up\n    for: 1m\n  - expr: up\n";
    assert_eq!(
        upstream(text),
        [
            "4:13: group \"a\", rule 1, \"x\": invalid field 'for' in recording rule",
            "0:0: group \"a\", rule 2, \"\": one of 'record' or 'alert' must be set",
        ]
    );
}

#[test]
fn group_labels_are_under_the_rules_own() {
    let text = "groups:\n- name: a\n  labels: {team: x, severity: low}\n  rules:\n  - alert: b\n    expr: up\n    labels: {severity: high}\n";
    let (file, problems) = read(&SourceText::new("r", text), &ReadRules::release((3, 11)));
    assert!(problems.is_empty(), "{problems:?}");
    let spec = file.expect("it is valid").groups[0].spec(
        "r",
        Duration::from_secs(5),
        Duration::default(),
        crate::promql::Dialect::V3,
    );
    assert_eq!(spec.interval_ns, 5_000_000_000);
    let labels: Vec<(&str, &str)> = spec.rules[0].labels.iter().map(|(k, v)| (&**k, &**v)).collect();
    assert_eq!(labels, [("severity", "high"), ("team", "x")]);
}
