//! What became of the alerts about the processor in one run: when they were pending and firing, what was told.

use std::sync::Arc;

use rustc_hash::FxHashSet;

use super::scenario::Scenario;
use crate::alertmanager::config::IntegrationKind;
use crate::alertmanager::{Notification, Outcome, Reason, Status};
use crate::engine::{Event, Journal, Phases};
use crate::model::{Labels, Time};
use crate::rules::AlertState;

/// What became of the alerts about the processor in one run. All times in seconds from the first stress.
#[derive(Clone, Debug)]
pub struct PhaseOutcome {
    /// The phases of the run.
    pub phases: Phases,
    /// Each time an alert was pending or firing, in order of its beginning.
    pub alerts: Vec<AlertSpan>,
    /// The messages that spoke of such alerts, in order.
    pub messages: Vec<Message>,
    /// Whether the run was stopped because the stack asked for too much work; what came later is not known.
    pub stopped: bool,
}

/// One alert from pending to its end.
#[derive(Clone, Debug, PartialEq)]
pub struct AlertSpan {
    /// The rule's place: group, rule.
    pub rule: (usize, usize),
    /// The alert's labels, without external ones.
    pub labels: Labels,
    /// The evaluation at which its condition began to hold.
    pub active: f64,
    /// The evaluation at which it fired.
    pub fired: Option<f64>,
    /// The evaluation at which it ended.
    pub ended: Option<f64>,
    /// The value of the evaluation at which it became pending, or fired.
    pub value: f64,
}

/// A message about such alerts.
#[derive(Clone, Debug)]
pub struct Message {
    /// When it was answered.
    pub at: f64,
    /// The receiver's name.
    pub receiver: String,
    /// The kind of integration.
    pub integration: IntegrationKind,
    /// Whether it went to a Discord webhook.
    pub discord: bool,
    /// Where it went.
    pub url: Arc<str>,
    /// Whether the receiver took it.
    pub accepted: bool,
    /// Why it was sent then.
    pub reason: Reason,
    /// The alerts about the processor in it: the rule's place, the labels as told, firing or resolved.
    pub alerts: Vec<((usize, usize), Labels, Status)>,
}

impl PhaseOutcome {
    /// Reads a journal.
    pub fn of(cpu: &[(usize, usize)], scenario: &Scenario, phases: &Phases, journal: &Journal) -> Self {
        let mut spans: Vec<AlertSpan> = Vec::new();
        let mut told_as: Vec<(Labels, (usize, usize))> = Vec::new();
        let mut messages = Vec::new();
        let mut stopped = false;
        for entry in journal.entries() {
            let at = scenario.seconds(entry.at);
            match &entry.event {
                Event::Alert { group, rule, change, .. } if cpu.contains(&(*group, *rule)) => {
                    let place = (*group, *rule);
                    let active = scenario.seconds(change.active_at);
                    if change.from == AlertState::Inactive {
                        let labels = change.labels.clone();
                        let value = change.value;
                        spans.push(AlertSpan { rule: place, labels, active, fired: None, ended: None, value });
                    }
                    let open = spans.iter_mut().rev().find(|s| s.rule == place && s.labels == change.labels);
                    if let Some(span) = open {
                        match change.to {
                            AlertState::Firing => (span.fired, span.value) = (Some(at), change.value),
                            AlertState::Inactive => span.ended = Some(at),
                            AlertState::Pending => {}
                        }
                    }
                }
                Event::Sent { group, rule, alerts, .. } if cpu.contains(&(*group, *rule)) => {
                    for alert in alerts.iter() {
                        if !told_as.iter().any(|(labels, _)| *labels == alert.labels) {
                            told_as.push((alert.labels.clone(), (*group, *rule)));
                        }
                    }
                }
                Event::Notification { notification, url, outcome, .. } => {
                    messages.extend(message(at, notification, url, outcome, &told_as));
                }
                Event::Scenario { name, .. } => stopped |= **name == *super::driver::STOPPED,
                _ => {}
            }
        }
        Self { phases: phases.clone(), alerts: spans, messages, stopped }
    }

    /// The first message of which some alert fires, accepted between two moments (both included).
    pub fn first_firing(&self, from: f64, to: f64) -> Option<&Message> {
        let fires = |m: &&Message| m.alerts.iter().any(|(_, _, status)| *status == Status::Firing);
        self.messages.iter().filter(|m| m.accepted && m.at >= from && m.at <= to).find(fires)
    }

    /// The first accepted message after `from`, up to `to`, that tells the end of an alert with these labels.
    pub fn first_resolved(&self, labels: &Labels, from: f64, to: f64) -> Option<&Message> {
        let ends = |m: &&Message| m.alerts.iter().any(|(_, l, status)| l == labels && *status == Status::Resolved);
        self.messages.iter().filter(|m| m.accepted && m.at >= from && m.at <= to).find(ends)
    }

    /// Whether an alert about the processor fires at a moment.
    pub fn firing_at(&self, at: f64) -> bool {
        self.alerts.iter().any(|a| a.fired.is_some_and(|f| f <= at) && a.ended.is_none_or(|e| e > at))
    }
}

fn message(
    at: f64,
    notification: &Notification,
    url: &Arc<str>,
    outcome: &Outcome,
    told_as: &[(Labels, (usize, usize))],
) -> Option<Message> {
    let alerts: Vec<_> = notification
        .alerts
        .iter()
        .filter_map(|a| {
            let (_, place) = told_as.iter().find(|(labels, _)| *labels == a.labels)?;
            Some((*place, a.labels.clone(), a.status))
        })
        .collect();
    if alerts.is_empty() {
        return None;
    }
    let discord = super::receivers::leads_to_discord(notification.kind(), url);
    Some(Message {
        at,
        receiver: notification.receiver.to_string(),
        integration: notification.kind(),
        discord,
        url: Arc::clone(url),
        accepted: matches!(outcome, Outcome::Answered { status: 200..=299, .. }),
        reason: notification.reason,
        alerts,
    })
}

/// Watches a journal while it grows, to end a run once nothing about the processor is left to happen.
#[derive(Debug)]
pub(super) struct Watch<'a> {
    cpu: &'a [(usize, usize)],
    /// Before this moment no run ends.
    not_before: Time,
    read: usize,
    active: FxHashSet<Labels>,
    sent: FxHashSet<Labels>,
    told: FxHashSet<Labels>,
}

impl<'a> Watch<'a> {
    pub(super) fn new(cpu: &'a [(usize, usize)], scenario: &Scenario) -> Self {
        // A minute after the last stress a firing message still counts; another one for the windows to run empty.
        let last = scenario.stresses.last().map_or(scenario.end, |s| s.to + 120.0);
        Self {
            cpu,
            not_before: scenario.time(last),
            read: 0,
            active: FxHashSet::default(),
            sent: FxHashSet::default(),
            told: FxHashSet::default(),
        }
    }

    pub(super) fn is_over(&mut self, journal: &Journal, now: Time) -> bool {
        if now < self.not_before {
            return false;
        }
        for entry in &journal.entries()[self.read..] {
            match &entry.event {
                Event::Alert { group, rule, change, .. } if self.cpu.contains(&(*group, *rule)) => {
                    if change.to == AlertState::Inactive {
                        self.active.remove(&change.labels);
                    } else {
                        self.active.insert(change.labels.clone());
                    }
                }
                Event::Sent { group, rule, alerts, .. } if self.cpu.contains(&(*group, *rule)) => {
                    self.sent.extend(alerts.iter().map(|a| a.labels.clone()));
                }
                Event::Notification { notification, outcome: Outcome::Answered { status: 200..=299, .. }, .. } => {
                    for alert in notification.alerts.iter().filter(|a| self.sent.contains(&a.labels)) {
                        match alert.status {
                            Status::Firing => self.told.insert(alert.labels.clone()),
                            Status::Resolved => self.told.remove(&alert.labels),
                        };
                    }
                }
                _ => {}
            }
        }
        self.read = journal.entries().len();
        self.active.is_empty() && self.told.is_empty()
    }
}
