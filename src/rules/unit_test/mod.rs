//! promtool's unit-test files for rules, unchanged: series in, alerts and query results expected.
//!
//! Mirrors `promtool test rules`: time starts at the epoch, every group is evaluated at every step of the file's
//! `evaluation_interval` (a group's own interval does not count), only firing alerts are compared. Pure: rule files
//! are handed in read.

mod run;

pub use run::{Loaded, run};

use crate::promql::Dialect;
use crate::promql::signature::Release;
use crate::text::{Diagnostic, SourceText};
use crate::yaml::{self, Decoder, Duration, GoYaml, Mapping, Node, Spanned};

/// A unit-test file.
#[derive(Clone, Debug, Default)]
pub struct UnitTestFile {
    /// `rule_files`: paths and patterns relative to the folder of this file.
    pub rule_files: Vec<Spanned<String>>,
    /// `evaluation_interval`, 1 m by default.
    pub evaluation_interval: Duration,
    /// `group_eval_order`
    pub group_eval_order: Vec<String>,
    /// `fuzzy_compare` (since 3.5): floats agree when they differ in the last places only.
    pub fuzzy_compare: bool,
    /// `tests`
    pub tests: Vec<TestGroup>,
}

/// One of `tests`.
#[derive(Clone, Debug)]
pub struct TestGroup {
    /// `name`
    pub name: String,
    /// `interval`: the time between values of the series.
    pub interval: Duration,
    /// `input_series`: series and values.
    pub input_series: Vec<(String, String)>,
    /// `alert_rule_test`
    pub alerts: Vec<AlertCase>,
    /// `promql_expr_test`
    pub queries: Vec<QueryCase>,
    /// `external_labels`
    pub external_labels: Vec<(String, String)>,
    /// `external_url`
    pub external_url: String,
}

/// Which alerts of a name fire at a moment.
#[derive(Clone, Debug)]
pub struct AlertCase {
    /// `eval_time`, since the epoch.
    pub eval_time: Duration,
    /// `alertname`
    pub alertname: String,
    /// `exp_alerts`: labels without the name, and annotations.
    pub expected: Vec<(Pairs, Pairs)>,
}

/// Names and values.
pub type Pairs = Vec<(String, String)>;

/// What a query answers at a moment.
#[derive(Clone, Debug)]
pub struct QueryCase {
    /// `expr`
    pub expr: String,
    /// `eval_time`, since the epoch.
    pub eval_time: Duration,
    /// `exp_samples`: labels as a metric is written, value, histogram.
    pub expected: Vec<(String, f64, Option<String>)>,
}

/// Reads a unit-test file.
pub fn read(source: &SourceText, release: Release) -> (Option<UnitTestFile>, Vec<Diagnostic>) {
    let root = match yaml::parse(source) {
        Ok(root) => root,
        Err(e) => return (None, vec![*e]),
    };
    let d = Decoder::new(source, GoYaml::V2);
    let minute = Duration::from_secs(60);
    let file = match root.filter(|n| !n.is_null()) {
        None => Some(UnitTestFile { evaluation_interval: minute, ..UnitTestFile::default() }),
        Some(root) => d.mapping(&root, "main.unitTestFile").map(|m| {
            let interval = m.duration("evaluation_interval").map(|d| d.value).filter(|d| d.nanos > 0).unwrap_or(minute);
            let file = UnitTestFile {
                rule_files: m.strings("rule_files"),
                evaluation_interval: interval,
                group_eval_order: m.strings("group_eval_order").into_iter().map(|s| s.value).collect(),
                fuzzy_compare: release >= (3, 5) && m.bool("fuzzy_compare").unwrap_or(false),
                tests: m.list("tests", "[]main.testGroup", |d, n| test_group(d, n, interval, release)),
            };
            for (i, name) in file.group_eval_order.iter().enumerate() {
                if file.group_eval_order[..i].contains(name) {
                    d.error(m.key_span("group_eval_order"), format!("group name repeated in evaluation order: {name}"));
                }
            }
            m.finish();
            file
        }),
    };
    (file, d.into_diagnostics())
}

fn text(m: &Mapping<'_>, name: &'static str) -> String {
    m.string(name).map_or_else(String::new, |s| s.value)
}

fn pairs(m: &Mapping<'_>, name: &'static str) -> Pairs {
    m.string_map(name).into_iter().map(|(k, v)| (k.value, v.value)).collect()
}

fn test_group(d: &Decoder, node: &Node, evaluation: Duration, release: Release) -> Option<TestGroup> {
    let m = d.mapping(node, "main.testGroup")?;
    let interval = m.duration("interval").map(|d| d.value);
    let default = if release >= (3, 0) { evaluation } else { Duration::default() };
    let group = TestGroup {
        name: text(&m, "name"),
        interval: interval.unwrap_or(default),
        input_series: m.list("input_series", "[]main.series", |d, n| {
            let s = d.mapping(n, "main.series")?;
            let series = (text(&s, "series"), text(&s, "values"));
            s.finish();
            Some(series)
        }),
        alerts: m.list("alert_rule_test", "[]main.alertTestCase", alert_case),
        queries: m.list("promql_expr_test", "[]main.promqlTestCase", query_case),
        external_labels: pairs(&m, "external_labels"),
        external_url: text(&m, "external_url"),
    };
    m.finish();
    Some(group)
}

fn alert_case(d: &Decoder, node: &Node) -> Option<AlertCase> {
    let m = d.mapping(node, "main.alertTestCase")?;
    let case = AlertCase {
        eval_time: m.duration("eval_time").map_or(Duration::default(), |d| d.value),
        alertname: text(&m, "alertname"),
        expected: m.list("exp_alerts", "[]main.alert", |d, n| {
            let a = d.mapping(n, "main.alert")?;
            let alert = (pairs(&a, "exp_labels"), pairs(&a, "exp_annotations"));
            a.finish();
            Some(alert)
        }),
    };
    m.finish();
    Some(case)
}

fn query_case(d: &Decoder, node: &Node) -> Option<QueryCase> {
    let m = d.mapping(node, "main.promqlTestCase")?;
    let case = QueryCase {
        expr: text(&m, "expr"),
        eval_time: m.duration("eval_time").map_or(Duration::default(), |d| d.value),
        expected: m.list("exp_samples", "[]main.sample", |d, n| {
            let s = d.mapping(n, "main.sample")?;
            let sample =
                (text(&s, "labels"), s.float("value").map_or(0.0, |v| v.value), s.string("histogram").map(|h| h.value));
            s.finish();
            Some(sample)
        }),
    };
    m.finish();
    Some(case)
}

/// The language of a release.
fn dialect_of(release: Release) -> Dialect {
    if release >= (3, 0) { Dialect::V3 } else { Dialect::V2_42 }
}

impl TestGroup {
    /// The last moment that any case asks about, in nanoseconds.
    fn end(&self) -> i64 {
        let alerts = self.alerts.iter().map(|c| c.eval_time.nanos);
        alerts.chain(self.queries.iter().map(|c| c.eval_time.nanos)).max().unwrap_or(0)
    }
}

/// A failure without a place in the file.
fn failure(words: impl Into<String>) -> Diagnostic {
    let words = words.into();
    Diagnostic::error(words.clone()).upstream(words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::file::{self, ReadRules};

    const RULES: &str =
        "groups:\n- name: g\n  rules:\n  - {alert: High, expr: 'm > 5', for: 2m, annotations: {v: '{{ $value }}'}}\n";

    fn failures(cases: &str) -> Vec<String> {
        let rules = file::read(&SourceText::new("r.yml", RULES), &ReadRules::release((2, 42))).0.expect("good rules");
        let text =
            format!("tests:\n- interval: 1m\n  input_series: [{{series: 'm{{a=\"b\"}}', values: '0 9x5'}}]\n{cases}");
        let (tests, found) = read(&SourceText::new("t.yml", text), (2, 42));
        assert!(found.is_empty(), "{found:?}");
        let loaded = [Loaded { path: "r.yml".to_owned(), file: rules }];
        run(&tests.expect("a good test"), &loaded, (2, 42)).into_iter().map(|d| d.message).collect()
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
}
