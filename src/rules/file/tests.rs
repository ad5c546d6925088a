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
    let spec = file.expect("it is valid").groups[0].spec("r", Duration::from_secs(5), Duration::default(), Dialect::V3);
    assert_eq!(spec.interval_ns, 5_000_000_000);
    let labels: Vec<(&str, &str)> = spec.rules[0].labels.iter().map(|(k, v)| (&**k, &**v)).collect();
    assert_eq!(labels, [("severity", "high"), ("team", "x")]);
}

/// A rule file that holds, to be broken in one place.
const GOOD: &str = "groups:\n- name: example\n  rules:\n  - alert: High\n    expr: m > 0.75\n    for: 3m\n    labels:\n      severity: page\n    annotations:\n      summary: high\n";

#[test]
fn one_mistake_gives_the_real_programs_words_and_advice() {
    assert_eq!(upstream(GOOD), Vec::<String>::new());
    let in_rule = "group \"example\", rule 1, \"High\"";
    for (old, new, words, advice) in [
        ("groups:", "group:", "line 1: field group not found in type rulefmt.RuleGroups", "`groups:`"),
        (
            "0.75",
            "0,75",
            &format!("5:11: {in_rule}: could not parse expression: 1:6: parse error: unexpected \",\""),
            "point",
        ),
        ("3m", "3 minutes", "not a valid duration string: \"3 minutes\"", "3m"),
        (
            "      severity: page",
            "    - severity: page",
            "line 8: cannot unmarshal !!seq into map[string]string",
            "`- `",
        ),
        (
            "summary: high",
            "summary: high: now",
            "yaml: line 10: mapping values are not allowed in this context",
            "quotes",
        ),
        ("summary: high", "summary: {{ $value }}", "line 10: cannot unmarshal !!map into string", "quotes"),
        ("summary: high", "summary: \"high", "yaml: line 10: found unexpected end of stream", "close the quote"),
        (
            "    for: 3m",
            "    for: 3m\n    for: 4m",
            "line 7: mapping key \"for\" already defined at line 6",
            "remove one",
        ),
        ("m > 0.75", "\"m{a=\"b\"} > 1\"", "yaml: line 3: did not find expected key", "single quotes"),
        ("m > 0.75", "{a=\"b\"} > 1", "yaml: line 5: did not find expected comment or line break", "single quotes"),
        ("expr: m > 0.75", "expr:", &format!("5:10: {in_rule}: field 'expr' must be set in rule"), "`expr:`"),
        ("name: example", "interval: 5s", "2:3: Groupname must not be empty", "name"),
    ] {
        let text = GOOD.replacen(old, new, 1);
        let found = found(&text);
        let first = found.first().unwrap_or_else(|| panic!("{text}"));
        assert_eq!(first.upstream.as_deref(), Some(words), "{text}");
        assert!(first.help.as_deref().is_some_and(|h| h.contains(advice)), "{text}: {found:?}");
    }
}

#[test]
fn empty_items_are_passed_over_and_places_are_those_of_2_42() {
    assert!(upstream("groups:\n- null\n- name: g\n  rules:\n  -\n").is_empty());
    assert_eq!(upstream("groups:\n- name: g\n- {name: g}\n"), ["3:3: groupname: \"g\" is repeated in the same file"]);
    let unnamed = "groups:\n- name: g\n  rules:\n  - {record: '', expr: up}\n  - {alert: '', expr: up}\n";
    let words = "one of 'record' or 'alert' must be set";
    assert_eq!(
        upstream(unnamed),
        [format!("4:14: group \"g\", rule 1, \"\": {words}"), format!("0:0: group \"g\", rule 2, \"\": {words}")]
    );
}
