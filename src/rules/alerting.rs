//! An alerting rule's state machine: inactive, pending, firing, resolved.
//!
//! Mirrors `AlertingRule.Eval` and `needsSending` of 2.42, unchanged in 3.x; times verified against recorded runs.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::expansion::{Expansion, Seen, Text};
use super::spec::{AlertingSpec, RuleSpec};
use super::written::WrittenSeries;
use crate::model::{Labels, METRIC_NAME, Time};
use crate::promql::value::Sample;
use crate::tsdb::{AppendError, SampleValue, SeriesRef, Tsdb};

/// How long a resolved alert is still sent.
const RESOLVED_RETENTION_NS: i64 = 15 * 60 * 1_000_000_000;

/// Annotations in order of name.
pub type Annotations = Arc<BTreeMap<Arc<str>, Arc<str>>>;

/// The states of an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AlertState {
    /// Its condition does not hold.
    Inactive,
    /// Its condition holds, not yet for long enough.
    Pending,
    /// It fires.
    Firing,
}

impl AlertState {
    /// `inactive`, `pending` or `firing`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Inactive => "inactive",
            Self::Pending => "pending",
            Self::Firing => "firing",
        }
    }
}

/// An alert that a rule knows of.
#[derive(Clone, Debug)]
pub struct ActiveAlert {
    /// Its labels, without external ones.
    pub labels: Labels,
    /// Its state.
    pub state: AlertState,
    /// The evaluation at which the condition began to hold.
    pub active_at: Time,
    /// The evaluation at which it fired.
    pub fired_at: Option<Time>,
    /// The evaluation at which it ended.
    pub resolved_at: Option<Time>,
    /// The evaluation after which it was last queued for Alertmanager.
    pub last_sent_at: Option<Time>,
    /// When Alertmanager takes it for ended if nothing more is sent.
    pub valid_until: Time,
    /// The first evaluation at which only `keep_firing_for` held it.
    pub keep_firing_since: Option<Time>,
    /// The value of the last evaluation that had it.
    pub value: f64,
    /// What annotations are expanded from, and when: the sample's labels and the time of evaluation.
    source: (Labels, Time),
    annotations: Option<Annotations>,
    series: Option<[SeriesRef; 3]>,
    /// Whether the evaluation that runs has it.
    present: bool,
    /// The state before the evaluation that runs.
    before: AlertState,
}

/// A change of an alert's state.
#[derive(Clone, Debug, PartialEq)]
pub struct Transition {
    /// The alert's labels, without external ones.
    pub labels: Labels,
    /// The state before.
    pub from: AlertState,
    /// The state after.
    pub to: AlertState,
    /// The evaluation at which the condition began to hold.
    pub active_at: Time,
    /// The value of the last evaluation that had it.
    pub value: f64,
}

/// An alert on its way to Alertmanager.
#[derive(Clone, Debug, PartialEq)]
pub struct SentAlert {
    /// The labels.
    pub labels: Labels,
    /// The annotations.
    pub annotations: Annotations,
    /// When it fired.
    pub starts_at: Time,
    /// When it ended, or will be taken for ended.
    pub ends_at: Time,
    /// Where it comes from.
    pub generator_url: Arc<str>,
}

/// What an evaluation needs to know beside the rule.
#[derive(Clone, Copy, Debug)]
pub(super) struct Evaluation {
    /// The evaluation's time.
    pub ts: Time,
    /// The time of written samples in ms: `ts` less the query offset.
    pub sample_t: i64,
    /// The group's limit, 0 for none.
    pub limit: usize,
    /// Whether `ALERTS` is written: not in the first two evaluations after a start.
    pub write_series: bool,
}

/// An alerting rule and the alerts it knows.
#[derive(Clone, Debug)]
pub(super) struct AlertingRule {
    labels: Vec<(Arc<str>, Text)>,
    annotations: Vec<(Arc<str>, Text)>,
    /// Annotations without any template are the same for every alert.
    fixed_annotations: Option<Annotations>,
    fixed_labels: bool,
    queries_in_annotations: bool,
    active: BTreeMap<Labels, ActiveAlert>,
    final_labels: rustc_hash::FxHashMap<Labels, Labels>,
    written: WrittenSeries,
}

impl AlertingRule {
    pub(super) fn new(spec: &RuleSpec, alerting: &AlertingSpec, expansion: &Expansion) -> Self {
        let texts = |list: &[(Arc<str>, Arc<str>)]| -> Vec<(Arc<str>, Text)> {
            list.iter().map(|(name, text)| (name.clone(), expansion.prepare(&spec.name, text))).collect()
        };
        let (labels, annotations) = (texts(&spec.labels), texts(&alerting.annotations));
        let fixed = annotations.iter().all(|(_, t)| t.is_fixed());
        Self {
            fixed_annotations: fixed.then(|| Arc::new(alerting.annotations.iter().cloned().collect())),
            fixed_labels: labels.iter().all(|(_, t)| t.is_fixed()),
            queries_in_annotations: annotations.iter().any(|(_, t)| t.may_query()),
            labels,
            annotations,
            active: BTreeMap::new(),
            final_labels: rustc_hash::FxHashMap::default(),
            written: WrittenSeries::default(),
        }
    }

    /// Alerts get no annotations from now on.
    pub(super) fn leave_out_annotations(&mut self) {
        self.fixed_annotations = Some(Annotations::default());
        self.queries_in_annotations = false;
    }

    /// The alerts it knows, resolved ones of the last 15 minutes included.
    pub(super) fn active(&self) -> impl Iterator<Item = &ActiveAlert> {
        self.active.values()
    }

    /// Takes a query's result; gives what changed.
    ///
    /// # Errors
    /// Two elements get the same labels (nothing changes then), or there are more alerts than the limit (all are
    /// forgotten then, which is among the changes that `changes` gets).
    pub(super) fn update(
        &mut self,
        (spec, alerting): (&RuleSpec, &AlertingSpec),
        expansion: &Expansion,
        result: &[Sample],
        db: &mut Tsdb,
        at: Evaluation,
        changes: &mut Vec<Transition>,
    ) -> Result<(), String> {
        if result.is_empty() && self.active.is_empty() {
            return Ok(());
        }
        self.take_in(spec, expansion, result, db, at.ts)?;
        let mut count = 0;
        for alert in self.active.values_mut() {
            alert.advance(alerting, at.ts);
            count += usize::from(alert.state != AlertState::Inactive);
        }
        let overflow = at.limit > 0 && count > at.limit;
        for alert in self.active.values_mut() {
            if overflow {
                alert.state = AlertState::Inactive;
            }
            if alert.before != alert.state {
                changes.push(alert.transition());
            }
            if at.write_series && alert.state != AlertState::Inactive {
                let series = *alert.series.get_or_insert_with(|| alert_series(spec, &alert.labels, db));
                let state = series[usize::from(alert.state == AlertState::Firing)];
                self.written.append(db, state, at.sample_t, 1.0);
                let since = alert.active_at.0.div_euclid(1_000_000_000) as f64;
                self.written.append(db, series[2], at.sample_t, since);
            }
        }
        if overflow {
            self.active.clear();
            return Err(format!("exceeded limit of {} with {count} alerts", at.limit));
        }
        self.active.retain(|_, alert| alert.is_kept(at.ts));
        Ok(())
    }

    /// Ends an evaluation that succeeded: what was not written again gets a marker.
    pub(super) fn finish(&mut self, db: &mut Tsdb, t: i64) {
        self.written.finish(db, t);
    }

    /// Why the store refused a sample of the last evaluation.
    pub(super) fn take_refused(&mut self) -> Option<AppendError> {
        self.written.take_refused()
    }

    fn take_in(
        &mut self,
        spec: &RuleSpec,
        expansion: &Expansion,
        result: &[Sample],
        db: &Tsdb,
        ts: Time,
    ) -> Result<(), String> {
        let mut found: Vec<(Labels, &Sample, f64)> = Vec::with_capacity(result.len());
        for sample in result {
            let value = match &sample.value {
                SampleValue::Float(v) => *v,
                SampleValue::Histogram(_) => 0.0,
            };
            let labels = self.alert_labels(spec, expansion, sample, value, db, ts);
            found.push((labels, sample, value));
        }
        if found.len() > 1 {
            let distinct: rustc_hash::FxHashSet<&Labels> = found.iter().map(|(l, ..)| l).collect();
            if distinct.len() < found.len() {
                return Err("vector contains metrics with the same labelset after applying alert labels".to_owned());
            }
        }
        for alert in self.active.values_mut() {
            alert.present = false;
        }
        for (labels, sample, value) in found {
            let source = (sample.labels.clone(), ts);
            let annotations = self.annotate_at_once(expansion, &source, value, db);
            match self.active.get_mut(&labels) {
                Some(alert) if alert.state != AlertState::Inactive => {
                    alert.value = value;
                    alert.source = source;
                    alert.annotations = annotations;
                    alert.present = true;
                }
                known => {
                    let series = known.and_then(|a| a.series);
                    let alert = ActiveAlert {
                        labels: labels.clone(),
                        state: AlertState::Pending,
                        active_at: ts,
                        fired_at: None,
                        resolved_at: None,
                        last_sent_at: None,
                        valid_until: ts,
                        keep_firing_since: None,
                        value,
                        source,
                        annotations,
                        series,
                        present: true,
                        before: AlertState::Inactive,
                    };
                    self.active.insert(labels, alert);
                }
            }
        }
        Ok(())
    }

    fn alert_labels(
        &mut self,
        spec: &RuleSpec,
        expansion: &Expansion,
        sample: &Sample,
        value: f64,
        db: &Tsdb,
        ts: Time,
    ) -> Labels {
        if let (true, Some(labels)) = (self.fixed_labels, self.final_labels.get(&sample.labels)) {
            return labels.clone();
        }
        let mut builder = sample.labels.builder();
        builder.remove(METRIC_NAME);
        let data = Seen { labels: &sample.labels, value, ts };
        for (name, text) in &self.labels {
            builder.set(name.clone(), expansion.expand(text, data, db));
        }
        builder.set("alertname", spec.name.clone());
        let labels = builder.build();
        if self.fixed_labels {
            self.final_labels.insert(sample.labels.clone(), labels.clone());
        }
        labels
    }

    /// Annotations that may query are expanded when upstream does; others not before somebody reads them.
    fn annotate_at_once(
        &self,
        expansion: &Expansion,
        source: &(Labels, Time),
        value: f64,
        db: &Tsdb,
    ) -> Option<Annotations> {
        if self.fixed_annotations.is_some() || !self.queries_in_annotations {
            return self.fixed_annotations.clone();
        }
        Some(self.annotate(expansion, source, value, db))
    }

    fn annotate(&self, expansion: &Expansion, source: &(Labels, Time), value: f64, db: &Tsdb) -> Annotations {
        let data = Seen { labels: &source.0, value, ts: source.1 };
        Arc::new(self.annotations.iter().map(|(n, t)| (n.clone(), expansion.expand(t, data, db))).collect())
    }

    /// The annotations of an alert as of its last evaluation.
    pub(super) fn annotations_of(&self, alert: &ActiveAlert, expansion: &Expansion, db: &Tsdb) -> Annotations {
        alert.annotations.clone().unwrap_or_else(|| self.annotate(expansion, &alert.source, alert.value, db))
    }

    /// The alerts that are due to be sent after the evaluation at `ts`; each counts as sent from now on.
    pub(super) fn take_due(
        &mut self,
        expansion: &Expansion,
        generator_url: &Arc<str>,
        db: &Tsdb,
        ts: Time,
        resend_delay_ns: i64,
        interval_ns: i64,
    ) -> Vec<SentAlert> {
        let mut active = std::mem::take(&mut self.active);
        let mut due = Vec::new();
        for alert in active.values_mut() {
            if !alert.needs_sending(ts, resend_delay_ns) {
                continue;
            }
            alert.last_sent_at = Some(ts);
            alert.valid_until = ts.plus_nanos(resend_delay_ns.max(interval_ns).saturating_mul(4));
            let annotations = self.annotations_of(alert, expansion, db);
            alert.annotations = Some(annotations.clone());
            due.push(SentAlert {
                labels: alert.labels.clone(),
                annotations,
                starts_at: alert.fired_at.unwrap_or(alert.active_at),
                ends_at: alert.resolved_at.unwrap_or(alert.valid_until),
                generator_url: generator_url.clone(),
            });
        }
        self.active = active;
        due
    }
}

impl ActiveAlert {
    fn advance(&mut self, alerting: &AlertingSpec, ts: Time) {
        let is_new = self.present && self.active_at == ts;
        self.before = if is_new { AlertState::Inactive } else { self.state };
        if self.present {
            self.keep_firing_since = None;
        } else {
            let mut keeps_firing = false;
            if self.state == AlertState::Firing && alerting.keep_firing_for_ns > 0 {
                let since = *self.keep_firing_since.get_or_insert(ts);
                keeps_firing = ts.since(since) < alerting.keep_firing_for_ns;
            }
            if self.state != AlertState::Inactive && !keeps_firing {
                if self.state == AlertState::Firing {
                    self.resolved_at = Some(ts);
                }
                self.state = AlertState::Inactive;
            }
        }
        if self.state == AlertState::Pending && ts.since(self.active_at) >= alerting.for_ns {
            self.state = AlertState::Firing;
            self.fired_at = Some(ts);
        }
    }

    /// A pending alert whose condition ended is forgotten at once, a resolved one after a while.
    fn is_kept(&self, ts: Time) -> bool {
        match self.resolved_at {
            Some(resolved) => ts.since(resolved) <= RESOLVED_RETENTION_NS,
            None => self.state != AlertState::Inactive,
        }
    }

    fn transition(&self) -> Transition {
        Transition {
            labels: self.labels.clone(),
            from: self.before,
            to: self.state,
            active_at: self.active_at,
            value: self.value,
        }
    }

    fn needs_sending(&self, ts: Time, resend_delay_ns: i64) -> bool {
        if self.state == AlertState::Pending {
            return false;
        }
        match self.last_sent_at {
            None => true,
            Some(sent) => self.resolved_at.is_some_and(|r| r > sent) || sent.plus_nanos(resend_delay_ns) < ts,
        }
    }
}

/// `ALERTS` as pending and as firing, and `ALERTS_FOR_STATE`. They start from the rule's raw label texts, as upstream.
fn alert_series(spec: &RuleSpec, alert: &Labels, db: &mut Tsdb) -> [SeriesRef; 3] {
    let mut builder = Labels::from_pairs(spec.labels.iter().cloned()).builder();
    for label in alert.iter() {
        builder.set(label.name.clone(), label.value.clone());
    }
    let mut series = |name: &str, state: &str| {
        let mut labels = builder.clone();
        labels.set(METRIC_NAME, name).set("alertname", spec.name.clone());
        if !state.is_empty() {
            labels.set("alertstate", state);
        }
        db.series_ref(&labels.build())
    };
    [series("ALERTS", "pending"), series("ALERTS", "firing"), series("ALERTS_FOR_STATE", "")]
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Bench {
        db: Tsdb,
        spec: RuleSpec,
        alerting: AlertingSpec,
        expansion: Expansion,
        rule: AlertingRule,
        limit: usize,
    }

    const S: i64 = 1_000_000_000;

    fn bench(for_s: i64, keep_s: i64) -> Bench {
        let alerting = AlertingSpec { for_ns: for_s * S, keep_firing_for_ns: keep_s * S, annotations: Vec::new() };
        let number = crate::promql::ast::ExprKind::Number { value: 1.0, duration: false };
        let spec = RuleSpec {
            kind: super::super::spec::RuleKind::Alerting(alerting.clone()),
            name: "A".into(),
            expr: Arc::new(crate::promql::ast::Expr { span: crate::text::Span::default(), kind: number }),
            text: "up".into(),
            labels: vec![("severity".into(), "page".into())],
        };
        let expansion = Expansion {
            external_labels: Labels::empty(),
            external_url: "http://p".into(),
            url_for_functions: true,
            options: crate::promql::eval::Options::new(crate::promql::Dialect::V3),
        };
        let rule = AlertingRule::new(&spec, &alerting, &expansion);
        Bench { db: Tsdb::new(), spec, alerting, expansion, rule, limit: 0 }
    }

    impl Bench {
        /// Evaluates at `s` seconds with these `x` labels true; gives changes as `x:from>to`.
        fn eval(&mut self, s: i64, true_for: &[&str]) -> Result<Vec<String>, String> {
            let ts = Time(s * S);
            let result: Vec<Sample> = true_for
                .iter()
                .map(|x| Sample {
                    labels: Labels::from_pairs([("__name__", "m"), ("x", x)]),
                    t: ts.millis(),
                    value: SampleValue::Float(s as f64),
                })
                .collect();
            let at = Evaluation { ts, sample_t: ts.millis(), limit: self.limit, write_series: true };
            let mut changes = Vec::new();
            let (rule, db) = (&mut self.rule, &mut self.db);
            rule.update((&self.spec, &self.alerting), &self.expansion, &result, db, at, &mut changes)?;
            rule.finish(db, ts.millis());
            let text =
                |c: &Transition| format!("{}:{}>{}", c.labels.get("x").unwrap_or(""), c.from.as_str(), c.to.as_str());
            Ok(changes.iter().map(text).collect())
        }

        fn due(&mut self, s: i64) -> Vec<(i64, i64)> {
            let due = self.rule.take_due(&self.expansion, &"".into(), &self.db, Time(s * S), 60 * S, 5 * S);
            due.iter().map(|a| (a.starts_at.0 / S, a.ends_at.0 / S)).collect()
        }

        fn stored(&self, name: &str, state: Option<&str>) -> Vec<(i64, String)> {
            let wanted =
                |s: &&crate::tsdb::Series| s.labels().metric_name() == name && s.labels().get("alertstate") == state;
            let series = self.db.iter().map(|(_, s)| s).find(wanted).expect("the series was written");
            let text = |v: f64| if crate::model::is_stale_nan(v) { "stale".to_owned() } else { v.to_string() };
            series.timestamps().iter().map(|t| t / 1000).zip(series.values().iter().map(|v| text(*v))).collect()
        }
    }

    #[test]
    fn an_alert_fires_once_its_condition_held_for_long_enough_and_one_gap_resets_it() {
        let mut b = bench(10, 0);
        assert_eq!(b.eval(0, &["a"]).unwrap(), ["a:inactive>pending"]);
        assert_eq!(b.eval(5, &[]).unwrap(), ["a:pending>inactive"]);
        assert_eq!(b.due(5), []);
        b.eval(10, &["a"]).unwrap();
        assert!(b.eval(15, &["a"]).unwrap().is_empty());
        assert_eq!(b.eval(20, &["a"]).unwrap(), ["a:pending>firing"]);
        assert_eq!(b.eval(25, &[]).unwrap(), ["a:firing>inactive"]);
    }

    #[test]
    fn without_for_it_fires_in_the_first_evaluation() {
        assert_eq!(bench(0, 0).eval(0, &["a"]).unwrap(), ["a:inactive>firing"]);
    }

    #[test]
    fn keep_firing_for_holds_a_firing_alert() {
        let mut b = bench(0, 10);
        b.eval(0, &["a"]).unwrap();
        assert!(b.eval(5, &[]).unwrap().is_empty());
        assert!(b.eval(10, &[]).unwrap().is_empty());
        assert_eq!(b.eval(15, &[]).unwrap(), ["a:firing>inactive"]);
    }

    #[test]
    fn a_firing_alert_is_sent_again_after_more_than_a_minute_and_a_resolved_one_for_a_quarter_of_an_hour() {
        let mut b = bench(0, 0);
        let mut sent = Vec::new();
        for s in (0..1200).step_by(5) {
            b.eval(s, if s < 130 { &["a"] } else { &[] }).unwrap();
            sent.extend(b.due(s).into_iter().map(|due| (s, due)));
        }
        assert_eq!(sent[..3], [(0, (0, 240)), (65, (0, 305)), (130, (0, 130))]);
        assert_eq!(sent.last(), Some(&(975, (0, 130))), "the last resend before 130 s + 15 min");
    }

    #[test]
    fn alerts_series_follow_the_state_and_end_with_a_marker() {
        let mut b = bench(5, 0);
        b.eval(100, &["a"]).unwrap();
        b.eval(105, &["a"]).unwrap();
        b.eval(110, &[]).unwrap();
        let text = |list: &[(i64, &str)]| list.iter().map(|(t, v)| (*t, (*v).to_owned())).collect::<Vec<_>>();
        assert_eq!(b.stored("ALERTS", Some("pending")), text(&[(100, "1"), (105, "stale")]));
        assert_eq!(b.stored("ALERTS", Some("firing")), text(&[(105, "1"), (110, "stale")]));
        assert_eq!(b.stored("ALERTS_FOR_STATE", None), text(&[(100, "100"), (105, "100"), (110, "stale")]));
    }

    #[test]
    fn more_alerts_than_the_limit_wipe_the_state_without_a_resolve() {
        let mut b = bench(0, 0);
        b.limit = 1;
        b.eval(0, &["a"]).unwrap();
        assert_eq!(b.due(0).len(), 1);
        assert_eq!(b.eval(5, &["a", "b"]).unwrap_err(), "exceeded limit of 1 with 2 alerts");
        assert_eq!(b.due(5), []);
        assert_eq!(b.eval(10, &["a"]).unwrap(), ["a:inactive>firing"]);
    }

    #[test]
    fn two_elements_with_the_same_labels_are_an_error_that_changes_nothing() {
        let mut b = bench(0, 0);
        b.eval(0, &["a"]).unwrap();
        let error = b.eval(5, &["a", "a"]).unwrap_err();
        assert_eq!(error, "vector contains metrics with the same labelset after applying alert labels");
        assert!(b.eval(10, &["a"]).unwrap().is_empty());
    }

    #[test]
    fn an_alert_that_fires_again_is_a_new_one() {
        let mut b = bench(0, 0);
        b.eval(0, &["a"]).unwrap();
        b.due(0);
        b.eval(5, &[]).unwrap();
        b.due(5);
        assert_eq!(b.eval(10, &["a"]).unwrap(), ["a:inactive>firing"]);
        assert_eq!(b.due(10), [(10, 250)]);
    }
}
