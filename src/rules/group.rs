//! A rule group that runs: its rules in order, each one's samples stored before the next is evaluated.
//!
//! Mirrors `Group.Eval` and `Group.run`.

use std::sync::Arc;

use super::alerting::{ActiveAlert, AlertingRule, Annotations, Evaluation, SentAlert, Transition};
use super::expansion::Expansion;
use super::recording::RecordingRule;
use super::spec::{GroupSpec, RuleKind, RuleSpec};
use super::template::table_link;
use crate::model::{Labels, Time};
use crate::promql::eval::Prepared;
use crate::promql::value::{Sample, Value};
use crate::tsdb::{SampleValue, Tsdb};

/// What all groups of a server share.
#[derive(Clone, Debug)]
pub struct RuleContext {
    /// What texts are expanded with.
    pub expansion: Expansion,
    /// How often a firing alert is sent again, in nanoseconds (1 minute).
    pub resend_delay_ns: i64,
}

/// What came of a rule's evaluation, beside stored samples.
#[derive(Clone, Debug)]
pub enum RuleEvent {
    /// An alert changed its state.
    Changed {
        /// The rule's place in the group.
        rule: usize,
        /// What changed.
        change: Transition,
    },
    /// The evaluation failed, and did not fail in the same way before.
    Failed {
        /// The rule's place in the group.
        rule: usize,
        /// Why, in Prometheus' words.
        error: String,
    },
    /// Alerts are due to be sent.
    Due {
        /// The rule's place in the group.
        rule: usize,
        /// The alerts, without external labels.
        alerts: Vec<SentAlert>,
    },
}

/// A group that runs.
#[derive(Debug)]
pub struct Group {
    spec: Arc<GroupSpec>,
    rules: Vec<Rule>,
    evaluations: u64,
    evaluated_at: Option<Time>,
    restored: bool,
    writes_alerts: bool,
    sends: bool,
}

#[derive(Debug)]
struct Rule {
    query: Prepared,
    state: RuleState,
    last_error: Option<String>,
}

#[derive(Clone, Debug)]
enum RuleState {
    Recording(RecordingRule),
    Alerting { rule: AlertingRule, generator_url: Arc<str> },
}

impl Group {
    /// A group that has not been evaluated. `restored` tells that `ALERTS` is written from the first evaluation on
    /// (a group added by a reload); after a start it takes two evaluations.
    pub fn new(spec: Arc<GroupSpec>, context: &RuleContext, restored: bool) -> Self {
        let rules = spec
            .rules
            .iter()
            .map(|rule| Rule {
                query: Prepared::new(&rule.expr, &context.expansion.options),
                last_error: None,
                state: match &rule.kind {
                    RuleKind::Recording => RuleState::Recording(RecordingRule::default()),
                    RuleKind::Alerting(alerting) => RuleState::Alerting {
                        rule: AlertingRule::new(rule, alerting, &context.expansion),
                        generator_url: generator_url(&context.expansion.external_url, &rule.text),
                    },
                },
            })
            .collect();
        Self { spec, rules, evaluations: 0, evaluated_at: None, restored, writes_alerts: true, sends: true }
    }

    /// The same group once more, for a copy of its store. Its queries have to remember anew what they select, and their
    /// work counts from zero.
    pub fn fork(&self, context: &RuleContext) -> Self {
        let of = |(rule, spec): (&Rule, &RuleSpec)| Rule {
            query: Prepared::new(&spec.expr, &context.expansion.options),
            state: rule.state.clone(),
            last_error: rule.last_error.clone(),
        };
        Self { spec: self.spec.clone(), rules: self.rules.iter().zip(&self.spec.rules).map(of).collect(), ..*self }
    }

    /// Whether `ALERTS` and `ALERTS_FOR_STATE` are written; they can be left out where nobody reads them.
    pub fn write_alert_series(&mut self, write: bool) {
        self.writes_alerts = write;
    }

    /// Whether alerts are told as due; that can be left out where they go nowhere.
    pub fn send_alerts(&mut self, send: bool) {
        self.sends = send;
    }

    /// Gives alerts no annotations, where nobody sees them.
    pub fn leave_out_annotations(&mut self) {
        for rule in &mut self.rules {
            if let RuleState::Alerting { rule, .. } = &mut rule.state {
                rule.leave_out_annotations();
            }
        }
    }

    /// What it runs.
    pub fn spec(&self) -> &Arc<GroupSpec> {
        &self.spec
    }

    /// The alerts a rule knows, resolved ones of the last 15 minutes included; none for a recording rule.
    pub fn active(&self, rule: usize) -> impl Iterator<Item = &ActiveAlert> {
        let alerting = self.rules.get(rule).and_then(|r| match &r.state {
            RuleState::Alerting { rule, .. } => Some(rule),
            RuleState::Recording(_) => None,
        });
        alerting.into_iter().flat_map(AlertingRule::active)
    }

    /// The annotations of one of [`Self::active`]'s alerts.
    pub fn annotations(&self, rule: usize, alert: &ActiveAlert, context: &RuleContext, db: &Tsdb) -> Annotations {
        match self.rules.get(rule).map(|r| &r.state) {
            Some(RuleState::Alerting { rule, .. }) => rule.annotations_of(alert, &context.expansion, db),
            _ => Annotations::default(),
        }
    }

    /// The steps that its queries have taken so far, as budgets count them.
    pub fn work(&self) -> u64 {
        self.rules.iter().fold(0, |sum, rule| sum.saturating_add(rule.query.work()))
    }

    /// The slot of its last evaluation, if there was one.
    pub fn evaluated_at(&self) -> Option<Time> {
        self.evaluated_at
    }

    /// Why a rule's last evaluation failed, if it did.
    pub fn last_error(&self, rule: usize) -> Option<&str> {
        self.rules.get(rule)?.last_error.as_deref()
    }

    /// Evaluates all rules at the slot `ts`.
    pub fn evaluate(&mut self, db: &mut Tsdb, context: &RuleContext, ts: Time) -> Vec<RuleEvent> {
        let write_series = self.writes_alerts && (self.restored || self.evaluations >= 2);
        self.evaluations += 1;
        self.evaluated_at = Some(ts);
        let sample_t = ts.plus_nanos(-self.spec.query_offset_ns).millis();
        let at = Evaluation { ts, sample_t, limit: self.spec.limit, write_series };
        let mut events = Vec::new();
        for (i, (rule, spec)) in self.rules.iter_mut().zip(&self.spec.rules).enumerate() {
            match rule.evaluate(spec, db, context, at, i, &mut events) {
                Ok(()) => match rule.take_refused() {
                    None => rule.last_error = None,
                    // The alerts go out all the same.
                    Some(error) => {
                        if rule.last_error.as_ref() != Some(&error) {
                            events.push(RuleEvent::Failed { rule: i, error: error.clone() });
                        }
                        rule.last_error = Some(error);
                    }
                },
                Err(error) => {
                    if rule.last_error.as_ref() != Some(&error) {
                        events.push(RuleEvent::Failed { rule: i, error: error.clone() });
                    }
                    rule.last_error = Some(error);
                    continue;
                }
            }
            if !self.sends {
                continue;
            }
            if let RuleState::Alerting { rule, generator_url } = &mut rule.state {
                let interval = self.spec.interval_ns;
                let due = rule.take_due(&context.expansion, generator_url, db, ts, context.resend_delay_ns, interval);
                if !due.is_empty() {
                    events.push(RuleEvent::Due { rule: i, alerts: due });
                }
            }
        }
        events
    }
}

impl Rule {
    /// Why the store refused a sample of the last evaluation, which ran for the rest.
    fn take_refused(&mut self) -> Option<String> {
        let refused = match &mut self.state {
            RuleState::Recording(rule) => rule.take_refused(),
            RuleState::Alerting { rule, .. } => rule.take_refused(),
        };
        refused.map(|e| e.to_string())
    }

    fn evaluate(
        &mut self,
        spec: &RuleSpec,
        db: &mut Tsdb,
        context: &RuleContext,
        at: Evaluation,
        index: usize,
        events: &mut Vec<RuleEvent>,
    ) -> Result<(), String> {
        let answer = self.query.instant(db, at.sample_t).map_err(|e| e.to_string())?;
        let result = match answer.value {
            Value::Vector(samples) => samples,
            Value::Scalar { t, value } => {
                vec![Sample { labels: Labels::empty(), t, value: SampleValue::Float(value) }]
            }
            Value::String { .. } | Value::Matrix(_) => return Err("rule result is not a vector or scalar".to_owned()),
        };
        match (&mut self.state, &spec.kind) {
            (RuleState::Alerting { rule, .. }, RuleKind::Alerting(alerting)) => {
                let mut changes = Vec::new();
                let done = rule.update((spec, alerting), &context.expansion, &result, db, at, &mut changes);
                events.extend(changes.into_iter().map(|change| RuleEvent::Changed { rule: index, change }));
                done?;
                rule.finish(db, at.sample_t);
                Ok(())
            }
            (RuleState::Recording(rule), _) => rule.store(spec, at.limit, result, db, at.sample_t),
            (RuleState::Alerting { .. }, RuleKind::Recording) => Ok(()),
        }
    }
}

/// Where a rule's alerts say they come from: the expression browser with its query.
fn generator_url(external_url: &str, expr: &str) -> Arc<str> {
    format!("{}{}", external_url.trim_end_matches('/'), table_link(expr)).into()
}
