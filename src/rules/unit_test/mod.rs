//! promtool's unit-test files for rules, unchanged: series in, alerts and query results expected.
//!
//! Mirrors `promtool test rules`: every group is evaluated at every step of the file's `evaluation_interval` (a group's
//! own interval does not count), alerts are written from the first evaluation on, a case is judged at the last
//! evaluation before its time, a rule's error ends the test. Pure: rule files are handed in read.

mod difference;
mod file;
mod input;
mod outcome;
mod run;
mod timeline;

pub use difference::{AlertDifference, PairDifference, alert_differences, sample_differences};
pub use file::{
    AlertCase, ExpectedAlert, ExpectedNotification, ExpectedSample, InputSeries, NotificationCase, Pairs, QueryCase,
    TestGroup, UnitTestFile, read,
};
pub use outcome::{Failure, GroupOutcome, ShownAlert, ShownSample, ShownValue, braces};
pub use run::{Loaded, RuleSet, RunAs, run};
pub use timeline::Track;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::file::{self, ReadRules};
    use crate::text::SourceText;

    const RULES: &str =
        "groups:\n- name: g\n  rules:\n  - {alert: High, expr: 'm > 5', for: 2m, annotations: {v: '{{ $value }}'}}\n";

    fn failures(cases: &str) -> Vec<String> {
        let rules = file::read(&SourceText::new("r.yml", RULES), &ReadRules::release((2, 42))).0.expect("good rules");
        let text =
            format!("tests:\n- interval: 1m\n  input_series: [{{series: 'm{{a=\"b\"}}', values: '0 9x5'}}]\n{cases}");
        let (tests, found) = read(&SourceText::new("t.yml", text), (2, 42));
        assert!(found.is_empty(), "{found:?}");
        let loaded = [Loaded { path: "r.yml".to_owned(), file: rules }];
        let (tests, run_as) = (tests.expect("a good test"), RunAs::release((2, 42)));
        let rules = RuleSet::new(&tests, &loaded, &run_as);
        let outcome = run(&tests, 0, &rules, &run_as).expect("there is a test");
        outcome.failures.iter().map(|f| f.promtool(&outcome.name)).collect()
    }

    #[test]
    fn alerts_count_once_they_fire() {
        let fires = "  alert_rule_test:\n  - {alertname: High, eval_time: 2m30s, exp_alerts: []}\n  - {alertname: High, eval_time: 3m, exp_alerts: [{exp_labels: {a: b}, exp_annotations: {v: '9'}}]}\n";
        assert_eq!(failures(fires), Vec::<String>::new());
        let wrong = failures("  alert_rule_test:\n  - {alertname: High, eval_time: 3m}\n");
        assert!(
            wrong[0].contains(
                "exp:[], \n        got:[\n            0:\n              Labels:{a=\"b\", alertname=\"High\"}"
            ),
            "{wrong:?}"
        );
    }

    #[test]
    fn query_results_are_compared_exactly() {
        let query = |value: &str| {
            format!(
                "  promql_expr_test:\n  - {{expr: m + 1, eval_time: 1m, exp_samples: [{{labels: '{{a=\"b\"}}', value: {value}}}]}}\n"
            )
        };
        assert_eq!(failures(&query("10")), Vec::<String>::new());
        assert_eq!(
            failures(&query("11")),
            ["    expr: \"m + 1\", time: 1m,\n        exp: {a=\"b\"} 1.1E+01\n        got: {a=\"b\"} 1E+01"]
        );
    }

    #[test]
    fn pending_alerts_count_where_a_case_names_them() {
        let pending = "  alert_rule_test:\n  - {alertname: High, eval_time: 1m, exp_alerts: [{state: pending, exp_labels: {a: b}, exp_annotations: {v: '9'}}]}\n";
        assert_eq!(failures(pending), Vec::<String>::new());
        let late = pending.replace("eval_time: 1m", "eval_time: 3m");
        assert_eq!(failures(&late).len(), 1);
    }

    #[test]
    fn a_rule_whose_series_is_fed_too_fails_as_in_promtool() {
        let rules = "groups: [{name: g, rules: [{record: m, expr: vector(5)}]}]";
        let rules = file::read(&SourceText::new("r.yml", rules), &ReadRules::release((2, 42))).0.expect("good rules");
        let text = "tests: [{interval: 1m, input_series: [{series: m, values: '1'}]}]";
        let tests = read(&SourceText::new("t.yml", text), (2, 42)).0.expect("a good test");
        let run_as = RunAs::release((2, 42));
        let rules = RuleSet::new(&tests, &[Loaded { path: "r.yml".to_owned(), file: rules }], &run_as);
        let outcome = run(&tests, 0, &rules, &run_as).expect("there is a test");
        let words: Vec<String> = outcome.failures.iter().map(|f| f.promtool("")).collect();
        assert_eq!(words, ["    rule: m, time: 0s, err: duplicate sample for timestamp"]);
    }

    #[test]
    fn an_empty_line_among_the_values_ends_all_series() {
        let text = "tests:\n- interval: 1m\n  input_series:\n  - {series: m, values: \"1\\n\"}\n  - {series: 'no{', values: '1'}\n  promql_expr_test: [{expr: m, eval_time: 0, exp_samples: [{labels: m, value: 1}]}]\n";
        let tests = read(&SourceText::new("t.yml", text), (2, 42)).0.expect("a good test");
        let run_as = RunAs::release((2, 42));
        let outcome = run(&tests, 0, &RuleSet::new(&tests, &[], &run_as), &run_as).expect("there is a test");
        assert!(outcome.passed(), "{:?}", outcome.failures);
    }

    #[test]
    fn newer_fields_are_refused_by_older_releases() {
        let text = "fuzzy_compare: true\ntests: [{start_timestamp: '2026-01-01T00:00:00Z'}]\n";
        let source = SourceText::new("t.yml", text);
        assert_eq!(read(&source, (2, 42)).1.len(), 2);
        let (tests, found) = read(&source, (3, 11));
        assert!(found.is_empty(), "{found:?}");
        assert_eq!(tests.expect("good").tests[0].start_ns, 1_767_225_600_000_000_000);
    }
}
