//! Rule groups that run: what a group stores, what it refuses, what it marks as ended.

use std::sync::Arc;

use labkit::model::{Labels, Time};
use labkit::promql::eval::{Options, Prepared};
use labkit::promql::value::Value;
use labkit::promql::{Dialect, ParseOptions, parse};
use labkit::rules::file::{self, ReadRules};
use labkit::rules::{Expansion, Group, RuleContext, RuleEvent};
use labkit::text::SourceText;
use labkit::tsdb::Tsdb;

const MINUTE: i64 = 60_000;

struct Server {
    group: Group,
    context: RuleContext,
    db: Tsdb,
}

impl Server {
    /// One group of these rules, `head` being fields of the group.
    fn new(head: &str, rules: &str) -> Self {
        let text = format!("groups:\n- name: g\n{head}  rules:\n{rules}");
        let (file, found) = file::read(&SourceText::new("r.yml", text), &ReadRules::release((3, 11)));
        assert!(found.is_empty(), "{found:?}");
        let file = file.expect("the rules are accepted");
        let spec = file.groups[0].spec("r.yml", Default::default(), Default::default(), Dialect::V3);
        let expansion = Expansion {
            external_labels: Labels::from_pairs([("dc", "eu")]),
            external_url: "http://p.test".into(),
            url_for_functions: true,
            options: Options::new(Dialect::V3),
        };
        let context = RuleContext { expansion, resend_delay_ns: 60_000_000_000 };
        let group = Group::new(Arc::new(spec), &context, true);
        Self { group, context, db: Tsdb::new() }
    }

    fn feed(&mut self, labels: &[(&str, &str)], minute: i64, value: f64) {
        let series = self.db.series_ref(&Labels::from_pairs(labels.iter().copied()));
        self.db.append(series, minute * MINUTE, value).expect("samples come in order");
    }

    /// Evaluates; the alerts sent and the errors.
    fn evaluate(&mut self, minute: i64) -> (Vec<String>, Vec<String>) {
        let (mut sent, mut errors) = (Vec::new(), Vec::new());
        for event in self.group.evaluate(&mut self.db, &self.context, Time::from_millis(minute * MINUTE)) {
            match event {
                RuleEvent::Due { alerts, .. } => sent.extend(alerts.iter().map(|a| a.labels.to_string())),
                RuleEvent::Failed { error, .. } => errors.push(error),
                RuleEvent::Changed { .. } => {}
            }
        }
        (sent, errors)
    }

    /// What a query gives at a time, as `labels value`.
    fn query(&self, text: &str, minute: i64) -> Vec<String> {
        let expr = parse(text, &ParseOptions::stock(Dialect::V3)).expect("it is a query");
        let answer = Prepared::new(&expr, &self.context.expansion.options).instant(&self.db, minute * MINUTE);
        let Ok(Value::Vector(found)) = answer.map(|a| a.value) else { panic!("{text} gives no vector") };
        let mut found: Vec<String> = found.iter().map(|s| format!("{} {:?}", s.labels, s.value)).collect();
        found.sort();
        found
    }
}

#[test]
fn a_query_offset_looks_back_and_stores_there() {
    let mut server = Server::new("  query_offset: 2m\n", "  - {record: 'm:copy', expr: m}\n");
    for minute in 0..=10 {
        server.feed(&[("__name__", "m")], minute, minute as f64);
    }
    server.evaluate(10);
    assert!(server.query("m:copy", 7).is_empty());
    assert_eq!(server.query("m:copy", 8), [r#"{__name__="m:copy"} Float(8.0)"#]);
    assert_eq!(server.query("timestamp(m:copy)", 10), [r"{} Float(480.0)"]);
}

#[test]
fn results_that_become_the_same_series_fail_the_rule_and_nothing_is_sent() {
    let rules = "  - {record: one, expr: 'm', labels: {a: same}}\n  - {alert: Two, expr: 'm', labels: {a: same}}\n  - {record: after, expr: 'vector(1)'}\n";
    let mut server = Server::new("", rules);
    server.feed(&[("__name__", "m"), ("a", "x")], 0, 1.0);
    server.feed(&[("__name__", "m"), ("a", "y")], 0, 1.0);
    let (sent, errors) = server.evaluate(0);
    assert!(sent.is_empty(), "{sent:?}");
    assert_eq!(
        errors,
        [
            "vector contains metrics with the same labelset after applying rule labels",
            "vector contains metrics with the same labelset after applying alert labels",
        ]
    );
    assert_eq!(server.query("after", 0).len(), 1, "a failed rule does not stop its group");
}

#[test]
fn a_label_that_expands_to_nothing_is_left_out() {
    let rules = "  - {alert: A, expr: m, labels: {a: '', b: '{{ $labels.nope }}', c: '{{ $externalLabels.dc }}'}}\n";
    let mut server = Server::new("", rules);
    server.feed(&[("__name__", "m"), ("a", "x")], 0, 1.0);
    assert_eq!(server.evaluate(0).0, [r#"{alertname="A", c="eu"}"#]);
}

#[test]
fn series_of_an_alert_end_when_its_state_or_its_labels_change() {
    let rules =
        "  - {alert: A, expr: m, for: 1m, labels: {level: '{{ if gt $value 5.0 }}high{{ else }}low{{ end }}'}}\n";
    let mut server = Server::new("", rules);
    let states = |server: &Server, minute| server.query("sum by (alertstate, level) (ALERTS)", minute);
    for (minute, value, wanted) in [
        (0, 1.0, r#"{alertstate="pending", level="low"} Float(1.0)"#),
        (1, 1.0, r#"{alertstate="firing", level="low"} Float(1.0)"#),
        // Another label makes another alert, which begins anew.
        (2, 9.0, r#"{alertstate="pending", level="high"} Float(1.0)"#),
        (3, 9.0, r#"{alertstate="firing", level="high"} Float(1.0)"#),
    ] {
        server.feed(&[("__name__", "m")], minute, value);
        server.evaluate(minute);
        assert_eq!(states(&server, minute), [wanted], "minute {minute}");
        assert_eq!(server.query("ALERTS_FOR_STATE", minute).len(), 1, "minute {minute}");
    }
    assert_eq!(
        server.query("ALERTS_FOR_STATE", 3),
        [r#"{__name__="ALERTS_FOR_STATE", alertname="A", level="high"} Float(120.0)"#]
    );
}

#[test]
fn recorded_series_that_are_gone_end_at_once() {
    let mut server = Server::new("", "  - {record: 'm:high', expr: 'm > 5'}\n");
    server.feed(&[("__name__", "m"), ("a", "x")], 0, 9.0);
    server.feed(&[("__name__", "m"), ("a", "y")], 0, 9.0);
    server.evaluate(0);
    server.feed(&[("__name__", "m"), ("a", "x")], 1, 1.0);
    server.evaluate(1);
    assert_eq!(server.query("m:high", 1), [r#"{__name__="m:high", a="y"} Float(9.0)"#]);
}

#[test]
fn a_limit_counts_results_and_wipes_what_goes_beyond() {
    let rules = "  - {record: r, expr: m}\n  - {alert: A, expr: m}\n";
    let mut server = Server::new("  limit: 1\n", rules);
    server.feed(&[("__name__", "m"), ("a", "x")], 0, 1.0);
    assert_eq!(server.evaluate(0).1, Vec::<String>::new());
    server.feed(&[("__name__", "m"), ("a", "x")], 1, 1.0);
    server.feed(&[("__name__", "m"), ("a", "y")], 1, 1.0);
    let (sent, errors) = server.evaluate(1);
    assert_eq!(errors, ["exceeded limit of 1 with 2 series", "exceeded limit of 1 with 2 alerts"]);
    assert!(sent.is_empty(), "{sent:?}");
    assert_eq!(server.group.active(1).count(), 0);
}
