//! The Prometheus project's compliance rules for alert generators, in virtual time: its rule file over samples that rise
//! and fall, each evaluation held against what the specification says must then be active, stored and sent.
#![allow(clippy::print_stderr)] // a skipped test says so

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use labkit::model::{Labels, Time};
use labkit::promql::eval::{Options, Prepared};
use labkit::promql::value::Value;
use labkit::promql::{Dialect, ParseOptions, parse};
use labkit::rules::file::{self, ReadRules};
use labkit::rules::{AlertState, Expansion, Group, RuleContext, RuleEvent, RuleKind, SentAlert};
use labkit::text::SourceText;
use labkit::tsdb::Tsdb;

const SECOND: i64 = 1_000_000_000;
const INTERVAL: i64 = 30 * SECOND;
const RESEND: i64 = 60 * SECOND;
const RETENTION: i64 = 15 * 60 * SECOND;
const START: i64 = 1_700_000_010 * SECOND;

fn rules() -> Option<String> {
    let root = std::env::var_os("LABKIT_CONFORMANCE")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/conformance"), PathBuf::from);
    let path = root.join("prometheus-3.x/compliance-suite/alert_generator/rules.yaml");
    if path.exists() {
        return Some(std::fs::read_to_string(path).expect("the rules can be read"));
    }
    assert!(std::env::var("LABKIT_REQUIRE").as_deref() != Ok("1"), "{} is missing", path.display());
    eprintln!("SKIPPED: {} is missing, set LABKIT_CONFORMANCE", path.display());
    None
}

/// The value of a series at a time in seconds; none where it has ended.
type Course = fn(i64) -> Option<f64>;

/// A group of the file with its own store, fed every 15 s.
struct Run {
    group: Group,
    context: RuleContext,
    db: Tsdb,
    /// Labels beside the suite's own, and the values.
    series: Vec<(Labels, Course)>,
    fed: i64,
}

/// What one evaluation did.
struct Step {
    /// Seconds since the start.
    t: i64,
    ts: Time,
    sent: Vec<SentAlert>,
}

impl Run {
    fn new(text: &str, name: &str, dialect: Dialect) -> Self {
        let release = if dialect == Dialect::V3 { (3, 11) } else { (2, 42) };
        let (file, found) = file::read(&SourceText::new("rules.yaml", text), &ReadRules::release(release));
        assert!(found.is_empty(), "{found:?}");
        let file = file.expect("the rules are accepted");
        let group = file.groups.iter().find(|g| g.name.value == name).unwrap_or_else(|| panic!("no group {name}"));
        let spec = group.spec("rules.yaml", Default::default(), Default::default(), dialect);
        assert_eq!(spec.interval_ns, INTERVAL);
        let expansion = Expansion {
            external_labels: Labels::empty(),
            external_url: "http://p.test".into(),
            url_for_functions: true,
            options: Options::new(dialect),
        };
        let context = RuleContext { expansion, resend_delay_ns: RESEND };
        let group = Group::new(Arc::new(spec), &context, true);
        Self { group, context, db: Tsdb::new(), series: Vec::new(), fed: 0 }
    }

    /// A series of the suite's metric.
    fn feed(&mut self, labels: &[(&str, &str)], value: fn(i64) -> Option<f64>) {
        let group = self.group.spec().name.to_string();
        let own = [("__name__", "alert_generator_test_suite"), ("rulegroup", &group)];
        self.series.push((Labels::from_pairs(own.into_iter().chain(labels.iter().copied())), value));
    }

    /// Evaluates at `t` seconds, with all samples until then.
    fn step(&mut self, t: i64) -> Step {
        while self.fed <= t {
            for (labels, value) in &self.series {
                if let Some(value) = value(self.fed) {
                    let series = self.db.series_ref(labels);
                    let at = START / 1_000_000 + self.fed * 1000;
                    self.db.append(series, at, value).expect("samples come in order");
                }
            }
            self.fed += 15;
        }
        let ts = Time(START + t * SECOND);
        let mut sent = Vec::new();
        for event in self.group.evaluate(&mut self.db, &self.context, ts) {
            match event {
                RuleEvent::Due { alerts, .. } => sent.extend(alerts),
                RuleEvent::Failed { error, .. } => panic!("{t}s: {error}"),
                RuleEvent::Changed { .. } => {}
            }
        }
        Step { t, ts, sent }
    }

    /// The `ALERTS` series with a sample at a time: their labels with the state.
    fn alerts_series(&self, ts: Time) -> Vec<String> {
        let dialect = self.context.expansion.options.dialect;
        let query = parse("ALERTS", &ParseOptions::stock(dialect)).expect("it is a query");
        let answer = Prepared::new(&query, &self.context.expansion.options).instant(&self.db, ts.millis());
        let Ok(Value::Vector(found)) = answer.map(|a| a.value) else { panic!("a selector gives a vector") };
        let mut found: Vec<String> = found.iter().map(|s| s.labels.to_string()).collect();
        found.sort();
        found
    }
}

/// An alert as the specification tells its life.
struct Expected {
    hold: i64,
    active_at: Option<i64>,
    fired_at: Option<i64>,
    resolved_at: Option<i64>,
    last_sent: i64,
}

impl Expected {
    fn new(hold: i64) -> Self {
        Self { hold, active_at: None, fired_at: None, resolved_at: None, last_sent: i64::MIN / 2 }
    }

    /// Goes on to `ts`; gives the state, and `startsAt` and `endsAt` of what must be sent.
    fn advance(&mut self, ts: i64, present: bool) -> (AlertState, Option<(i64, i64)>) {
        if present {
            if self.active_at.is_none() {
                *self = Self { active_at: Some(ts), ..Self::new(self.hold) };
            }
            let active = self.active_at.unwrap_or(ts);
            if ts - active >= self.hold && self.fired_at.is_none() {
                self.fired_at = Some(ts);
            }
        } else if self.active_at.take().is_some() && self.fired_at.is_some() {
            self.resolved_at = Some(ts);
            self.last_sent = i64::MIN / 2;
        }
        let state = match (self.active_at, self.fired_at) {
            (None, _) => AlertState::Inactive,
            (Some(_), None) => AlertState::Pending,
            (Some(_), Some(_)) => AlertState::Firing,
        };
        let wanted = match (state, self.resolved_at) {
            (AlertState::Firing, _) => true,
            (AlertState::Inactive, Some(resolved)) => ts - resolved <= RETENTION,
            _ => false,
        };
        if !wanted || ts - self.last_sent <= RESEND {
            return (state, None);
        }
        self.last_sent = ts;
        let ends = self.resolved_at.unwrap_or(ts + 4 * RESEND.max(INTERVAL));
        (state, Some((self.fired_at.unwrap_or(ts), ends)))
    }
}

/// Holds a group whose rules each have one series against the specification, for `seconds`; the states that were seen.
fn hold(run: &mut Run, seconds: i64, present: impl Fn(&str, i64) -> bool) -> Vec<(i64, String, AlertState)> {
    let spec = run.group.spec().clone();
    let mut expected: BTreeMap<String, Expected> = BTreeMap::new();
    let mut changes = Vec::new();
    for t in (0..=seconds).step_by(30) {
        let step = run.step(t);
        let mut active = Vec::new();
        for (i, rule) in spec.rules.iter().enumerate() {
            let RuleKind::Alerting(alerting) = &rule.kind else { panic!("only alerts here") };
            let life = expected.entry(rule.name.to_string()).or_insert_with(|| Expected::new(alerting.for_ns));
            let before = (life.active_at.is_some(), life.fired_at.is_some());
            let (state, send) = life.advance(step.ts.0, present(&rule.name, t));
            let place = format!("{} at {}s", rule.name, step.t);
            let actual = run.group.active(i).next().map_or(AlertState::Inactive, |a| a.state);
            assert_eq!(actual, state, "{place}");
            if before != (life.active_at.is_some(), life.fired_at.is_some()) {
                changes.push((t, rule.name.to_string(), state));
            }
            let sent: Vec<&SentAlert> =
                step.sent.iter().filter(|a| a.labels.get("alertname") == Some(&*rule.name)).collect();
            let times: Vec<(i64, i64)> = sent.iter().map(|a| (a.starts_at.0, a.ends_at.0)).collect();
            assert_eq!(times, send.into_iter().collect::<Vec<_>>(), "{place}");
            if state != AlertState::Inactive {
                let mut labels = Labels::from_pairs([("alertname", &*rule.name), ("rulegroup", &*spec.name)]).builder();
                for (name, value) in &rule.labels {
                    labels.set(name.clone(), value.clone());
                }
                for alert in sent {
                    assert_eq!(alert.labels, labels.build(), "{place}");
                    assert!(alert.generator_url.starts_with("http://p.test/graph?g0.expr="), "{place}");
                }
                labels.set("__name__", "ALERTS").set("alertstate", state.as_str());
                active.push(labels.build().to_string());
            }
        }
        active.sort();
        assert_eq!(run.alerts_series(step.ts), active, "at {t}s");
    }
    changes
}

fn each(name: &str, work: impl Fn(Run)) {
    let Some(text) = rules() else { return };
    for dialect in [Dialect::V2_42, Dialect::V3] {
        work(Run::new(&text, name, dialect));
    }
}

#[test]
fn an_alert_is_pending_then_fires_then_is_resolved_and_told_for_fifteen_minutes() {
    each("PendingAndFiringAndResolved", |mut run| {
        // High from 1 to 10 minutes, and again from 40 minutes on.
        run.feed(&[("alertname", "PendingAndFiringAndResolved_SimpleAlert")], |t| {
            Some(if (60..600).contains(&t) || t >= 2400 { 11.0 } else { 7.0 })
        });
        let changes = hold(&mut run, 3000, |_, t| (60..600).contains(&t) || t >= 2400);
        let seen: Vec<(i64, AlertState)> = changes.into_iter().map(|(t, _, s)| (t, s)).collect();
        use AlertState::{Firing, Inactive, Pending};
        assert_eq!(seen, [(60, Pending), (420, Firing), (600, Inactive), (2400, Pending), (2760, Firing)]);
    });
}

#[test]
fn annotations_are_those_of_the_latest_evaluation() {
    each("PendingAndFiringAndResolved", |mut run| {
        run.feed(&[("alertname", "PendingAndFiringAndResolved_SimpleAlert")], |t| Some(11.0 + (t / 30) as f64));
        let mut summaries = Vec::new();
        for t in (0..=600).step_by(30) {
            for alert in run.step(t).sent {
                let text =
                    |name: &str| alert.annotations.iter().find(|(n, _)| n.as_ref() == name).map(|(_, v)| v.to_string());
                assert_eq!(text("description").as_deref(), Some("SimpleAlert is firing"));
                summaries.push((t, text("summary").expect("it has one")));
            }
        }
        assert_eq!(summaries[0], (360, "The value is 23 23".to_owned()));
        assert_eq!(summaries[1], (450, "The value is 26 26".to_owned()));
    });
}

#[test]
fn what_only_was_pending_is_never_sent() {
    each("PendingAndResolved_AlwaysInactive", |mut run| {
        run.feed(&[("alertname", "PendingAndResolved_AlwaysInactive_PendingAlert")], |t| {
            Some(if (60..180).contains(&t) { 11.0 } else { 5.0 })
        });
        run.feed(&[("alertname", "PendingAndResolved_AlwaysInactive_InactiveAlert")], |_| Some(98.0));
        let changes = hold(&mut run, 1200, |name, t| name.ends_with("PendingAlert") && (60..180).contains(&t));
        assert_eq!(changes.len(), 2, "{changes:?}");
    });
}

#[test]
fn without_for_an_alert_fires_at_once_and_a_short_for_waits_for_the_next_evaluation() {
    each("ZeroFor_SmallFor", |mut run| {
        run.feed(&[("alertname", "ZeroFor_SmallFor_ZeroFor")], |t| Some(if t >= 120 { 11.0 } else { 3.0 }));
        // The second one's series ends, which resolves it once it is out of sight.
        run.feed(&[("alertname", "ZeroFor_SmallFor_SmallFor")], |t| match t {
            ..120 => Some(3.0),
            120..600 => Some(14.0),
            _ => None,
        });
        // 2.42 still sees a sample that is exactly five minutes old.
        let last = if run.context.expansion.options.dialect == Dialect::V3 { 885 } else { 886 };
        let present = |name: &str, t: i64| t >= 120 && (name.ends_with("_ZeroFor") || t < last);
        let changes = hold(&mut run, 2100, |name, t| present(name, t));
        let seen: Vec<(i64, AlertState)> = changes.iter().map(|(t, _, s)| (*t, *s)).collect();
        use AlertState::{Firing, Inactive, Pending};
        assert_eq!(seen[..3], [(120, Firing), (120, Pending), (150, Firing)]);
        assert_eq!(seen[3].1, Inactive);
    });
}

#[test]
fn templates_of_the_suite_expand() {
    each("ZeroFor_SmallFor", |mut run| {
        run.feed(&[("alertname", "ZeroFor_SmallFor_ZeroFor")], |_| Some(11.0));
        run.feed(&[("alertname", "ZeroFor_SmallFor_SmallFor")], |_| Some(14.0));
        run.feed(&[("for", "template"), ("id", "2")], |_| Some(20.0));
        run.feed(&[("for", "template"), ("id", "1")], |_| Some(10.0));
        let mut texts: BTreeMap<String, String> = BTreeMap::new();
        for t in [0, 30] {
            for alert in run.step(t).sent {
                let name = alert.labels.get("alertname").unwrap_or_default().to_owned();
                texts.extend(alert.annotations.iter().map(|(k, v)| (format!("{name} {k}"), v.to_string())));
            }
        }
        let text = |key: &str| texts.get(&format!("ZeroFor_SmallFor_{key}")).map_or("", String::as_str);
        assert_eq!(text("ZeroFor template_test"), "1.049M 1Mi 2m 15s 95.9% 2022-01-25 12:36:43 +0000 UTC");
        assert_eq!(text("ZeroFor template_query_test"), "Args are: foo bar 99. first_id:1,1:10,2:20,");
        assert_eq!(
            text("SmallFor template_test"),
            "This Part IS TESTING the strings. ::1 127.0.0.1. 7815. replaced text. ."
        );
    });
}

#[test]
fn a_later_rule_sees_what_an_earlier_one_wrote_in_the_same_evaluation() {
    each("NewAlerts_OrderCheck", |mut run| {
        let name = ("alertname", "NewAlerts_OrderCheck_Rule1");
        run.feed(&[name, ("variant", "one")], |t| Some(if t >= 60 { 11.0 } else { 3.0 }));
        run.feed(&[name, ("variant", "two")], |t| Some(if t >= 120 { 11.0 } else { 3.0 }));
        let mut first: BTreeMap<String, (i64, SentAlert)> = BTreeMap::new();
        for t in (0..=420).step_by(30) {
            for alert in run.step(t).sent {
                first.entry(alert.labels.to_string()).or_insert((t, alert));
            }
        }
        let times: Vec<i64> = first.values().map(|(t, _)| *t).collect();
        assert_eq!(times, [240, 300, 300], "{:?}", first.keys());
        let labels = r#"{alertname="NewAlerts_OrderCheck_Rule2", alertstate="firing", ba_dum="tss", foo="baz", rulegroup="NewAlerts_OrderCheck"}"#;
        let (_, second) = &first[labels];
        let description =
            second.annotations.iter().find(|(n, _)| n.as_ref() == "description").map(|(_, v)| v.to_string());
        assert_eq!(
            description.as_deref(),
            Some("Based on ALERTS. Old alertname was NewAlerts_OrderCheck_Rule1. foo was bar.")
        );
    });
}
