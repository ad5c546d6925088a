//! What became of alerts on their way to a receiver: sent, swallowed, muted, inhibited, lost, and why, by phase of the
//! load. Read from a run's journal.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};
use serde_json::{Value, json};

use super::chain::Question;
use super::schedule::Stretch;
use crate::alertmanager::config::IntegrationKind;
use crate::alertmanager::{self, GroupRef, MutedBy, Notification, Outcome, Reason, Status, is_tried_again};
use crate::engine::{Event, SendOutcome};
use crate::golang::duration::format_prometheus_duration;
use crate::model::{Labels, Time};
use crate::text::mask_secrets;

/// So many rows are told of one phase.
const ROWS: usize = 12;

/// Something that became of an alert.
struct Fate {
    /// Seconds from the first load.
    t: f64,
    labels: Labels,
    what: &'static str,
    /// Rows of the same reason are counted together.
    reason: String,
    /// The reason with the figures of this time.
    why: String,
}

/// Which integration told.
type Teller = (Arc<str>, Arc<str>, IntegrationKind, usize);

struct Walk<'a> {
    question: &'a Question<'a>,
    /// Labels of the alerts in question as Alertmanager knows them.
    ours: FxHashSet<Labels>,
    /// When a group was made and flushes first.
    groups: FxHashMap<(Arc<str>, Arc<str>), (Time, Time)>,
    told: FxHashSet<(Labels, i64, Teller)>,
    /// Receivers that told of an alert and do not tell its end.
    tells_no_end: FxHashMap<Labels, Arc<str>>,
    muted: FxHashMap<Labels, (&'static str, String)>,
    /// Firing alerts that Prometheus posted: labels, when they fired, when they were posted first, whether they arrived.
    posted: Vec<(Labels, Time, f64, bool)>,
    fates: Vec<Fate>,
}

/// The evidence of a run: one row for each alert, what became of it, and why, in each phase.
pub fn evidence(question: &Question<'_>, stretches: &[Stretch]) -> Option<Value> {
    let mut walk = Walk {
        question,
        ours: FxHashSet::default(),
        groups: FxHashMap::default(),
        told: FxHashSet::default(),
        tells_no_end: FxHashMap::default(),
        muted: FxHashMap::default(),
        posted: Vec::new(),
        fates: Vec::new(),
    };
    for entry in question.engine.journal().entries() {
        walk.note(entry.at, &entry.event);
    }
    walk.rest();
    let mut fates = walk.fates;
    fates.retain(|f| f.t >= question.from && f.t <= question.until);
    fates.sort_by(|a, b| a.t.total_cmp(&b.t));
    let first = stretches.first().map_or(0.0, |s| s.from);
    let idle = Stretch { name: "idle".to_owned(), from: f64::NEG_INFINITY, to: first, load: false };
    let last = stretches.last().map_or(0.0, |s| s.to);
    let phases: Vec<Value> = std::iter::once(&idle)
        .chain(stretches)
        .filter_map(|s| {
            let inside = |f: &&Fate| f.t >= s.from && (f.t < s.to || s.to == last);
            let rows = rows(fates.iter().filter(inside));
            let begins = if s.from.is_finite() { json!(s.from) } else { Value::Null };
            (!rows.is_empty()).then(|| json!({"phase": s.name, "from": begins, "to": s.to, "rows": rows}))
        })
        .collect();
    (!phases.is_empty()).then(|| json!({"kind": "fates", "phases": phases}))
}

fn rows<'f>(fates: impl Iterator<Item = &'f Fate>) -> Vec<Value> {
    let mut rows: Vec<(&Fate, usize, f64)> = Vec::new();
    for fate in fates {
        let same = |(f, ..): &&mut (&Fate, usize, f64)| {
            f.what == fate.what && f.reason == fate.reason && name(&f.labels) == name(&fate.labels)
        };
        match rows.iter_mut().find(same) {
            Some((_, count, last)) => (*count, *last) = (*count + 1, fate.t),
            None => rows.push((fate, 1, fate.t)),
        }
    }
    let round = |t: f64| (t * 10.0).round() / 10.0;
    let shown = rows.into_iter().take(ROWS).map(|(f, count, last)| {
        json!({"alert": name(&f.labels), "what": f.what, "count": count, "first": round(f.t), "last": round(last),
            "why": f.why})
    });
    shown.collect()
}

fn name(labels: &Labels) -> &str {
    labels.get("alertname").unwrap_or("")
}

fn duration(d: std::time::Duration) -> String {
    format_prometheus_duration(i64::try_from(d.as_nanos()).unwrap_or(i64::MAX))
}

fn seconds(t: f64) -> String {
    format!("{:.0} s", (t * 10.0).round() / 10.0)
}

impl Walk<'_> {
    fn t(&self, at: Time) -> f64 {
        self.question.scenario.seconds(at)
    }

    fn fate(&mut self, t: f64, labels: &Labels, what: &'static str, reason: String, why: String) {
        self.fates.push(Fate { t, labels: labels.clone(), what, reason, why });
    }

    fn note(&mut self, at: Time, event: &Event) {
        match event {
            Event::Sent { group, rule, alerts, outcome, .. } if self.question.places.contains(&(*group, *rule)) => {
                for alert in alerts.iter() {
                    self.ours.insert(alert.labels.clone());
                    if alert.ends_at > at {
                        self.post(at, &alert.labels, alert.starts_at, outcome);
                    } else if let Some(receiver) = self.tells_no_end.remove(&alert.labels) {
                        let why = format!("receiver `{receiver}` has `send_resolved: false`");
                        self.fate(self.t(at), &alert.labels, "resolve not sent", why.clone(), why);
                    }
                }
            }
            Event::Notification { notification, outcome, .. } => self.notification(at, notification, outcome),
            Event::Alertmanager(alertmanager::Event::GroupCreated { group, first_flush }) => {
                self.groups.insert((group.group_key.clone(), group.receiver.clone()), (at, *first_flush));
            }
            Event::Alertmanager(alertmanager::Event::Swallowed { group, alert, starts_at, ends_at })
                if self.ours.contains(alert) =>
            {
                let (reason, until) = self.between(group, *ends_at, at);
                let why = format!(
                    "fired at {}, over at {}, {reason} ended at {}",
                    seconds(self.t(*starts_at)),
                    seconds(self.t(*ends_at)),
                    seconds(self.t(until))
                );
                self.fate(self.t(*starts_at), alert, "swallowed", reason, why);
            }
            Event::Alertmanager(alertmanager::Event::Muted { alert, by, resolved, .. })
                if self.ours.contains(alert) =>
            {
                let (what, why) = muted(by, *resolved);
                self.muted.insert(alert.clone(), (what, why.clone()));
                self.fate(self.t(at), alert, what, why.clone(), why);
            }
            _ => {}
        }
    }

    fn post(&mut self, at: Time, labels: &Labels, starts_at: Time, outcome: &SendOutcome) {
        let arrived = *outcome == SendOutcome::Delivered;
        match self.posted.iter_mut().find(|(l, start, ..)| *start == starts_at && l == labels) {
            Some((.., known)) => *known |= arrived,
            None => {
                let t = self.t(at);
                self.posted.push((labels.clone(), starts_at, t, arrived));
                let why = match outcome {
                    SendOutcome::Delivered => return,
                    SendOutcome::NoAlertmanager => "Prometheus knows no Alertmanager".to_owned(),
                    SendOutcome::Unreachable(why) => {
                        format!("Alertmanager does not take it: {}", self.question.lost.unwrap_or(why))
                    }
                };
                self.fate(t, labels, "not delivered", why.clone(), why);
            }
        }
    }

    fn notification(&mut self, at: Time, told: &Notification, outcome: &Outcome) {
        let teller: Teller = (told.group_key.clone(), told.receiver.clone(), told.kind(), told.integration.index);
        for alert in told.alerts.iter().filter(|a| self.ours.contains(&a.labels)).cloned().collect::<Vec<_>>() {
            let firing = alert.status == Status::Firing;
            let (what, reason, why) = match outcome {
                Outcome::Answered { status: status @ 200..=299, .. } => {
                    let key = (alert.labels.clone(), alert.starts_at.millis(), teller.clone());
                    let new = if firing { self.told.insert(key) } else { true };
                    if !new && told.reason != Reason::Repeat {
                        continue;
                    }
                    self.muted.remove(&alert.labels);
                    if firing && !told.integration.send_resolved {
                        self.tells_no_end.insert(alert.labels.clone(), told.receiver.clone());
                    }
                    let what = match (firing, new) {
                        (true, true) => "sent",
                        (true, false) => "repeated",
                        (false, _) => "resolve sent",
                    };
                    let since = if firing { Some(alert.starts_at) } else { alert.ends_at };
                    let after = since.map_or(0.0, |s| at.since(s) as f64 / 1e9);
                    let event = if firing { "it fired" } else { "it was over" };
                    let reason = format!("receiver `{}` answered {status}", told.receiver);
                    (what, reason.clone(), format!("{reason}, {} after {event}", seconds(after)))
                }
                Outcome::Answered { status, .. } if is_tried_again(told.kind(), *status) => {
                    let why =
                        format!("receiver `{}` answered {status}: tried again with growing delays", told.receiver);
                    ("tried again", why.clone(), why)
                }
                Outcome::Answered { status, body } => {
                    let version = told.version;
                    let mut why = format!(
                        "receiver `{}` answered {status}, and Alertmanager {version} does not try that again before \
                         the group's next tick",
                        told.receiver
                    );
                    if let Some(interval) = self.interval(&told.group_key, &told.receiver) {
                        why.push_str(&format!(" (group_interval {interval})"));
                    }
                    let body = mask_secrets(body.trim());
                    let shown = if body.is_empty() { why.clone() } else { format!("{why}: {body}") };
                    ("lost", why, shown)
                }
                Outcome::Transport(reason) => {
                    let why = format!("receiver `{}`: {}: tried again", told.receiver, mask_secrets(reason));
                    ("tried again", why.clone(), why)
                }
                Outcome::Unsendable(reason) => {
                    let why = format!("receiver `{}`: nothing could be sent: {}", told.receiver, mask_secrets(reason));
                    ("lost", why.clone(), why)
                }
            };
            let t = self.t(at);
            self.fate(t, &alert.labels, what, reason, why);
        }
    }

    /// Inside which wait of its group an alert ended, and when that wait was over.
    fn between(&self, group: &GroupRef, ends_at: Time, flush: Time) -> (String, Time) {
        let made = self.groups.get(&(group.group_key.clone(), group.receiver.clone()));
        match made {
            Some((made, first)) if ends_at <= *first => {
                let wait = format_prometheus_duration(first.since(*made));
                (format!("before group_wait {wait}"), *first)
            }
            _ => {
                let interval = self.interval(&group.group_key, &group.receiver).unwrap_or_default();
                (format!("between two ticks of group_interval {interval}, before the wait"), flush)
            }
        }
    }

    fn interval(&self, group_key: &str, receiver: &str) -> Option<String> {
        let routes = self.question.engine.alertmanager()?.routes();
        let of_group = |key: &str| group_key.strip_prefix(key).is_some_and(|rest| rest.starts_with(':'));
        let node = routes.nodes().iter().find(|n| &*n.receiver.name == receiver && of_group(&n.key))?;
        Some(duration(node.group_interval))
    }

    /// Alerts that arrived and that nothing more is known of.
    fn rest(&mut self) {
        let Some(alertmanager) = self.question.engine.alertmanager() else { return };
        let end = self.question.engine.journal().entries().last().map_or(0.0, |e| self.t(e.at));
        for (labels, starts_at, posted, arrived) in std::mem::take(&mut self.posted) {
            let fired = self.t(starts_at).min(posted);
            let known = self.fates.iter().any(|f| {
                f.t >= fired - 0.001 && f.labels == labels && !matches!(f.what, "resolve sent" | "resolve not sent")
            });
            if known || !arrived {
                continue;
            }
            let nodes = alertmanager.routes().matching(&labels);
            let nodes: Vec<_> = nodes.iter().map(|n| &alertmanager.routes().nodes()[*n]).collect();
            let wait = nodes.iter().map(|n| n.group_wait.max(n.group_interval)).max().unwrap_or_default();
            let (what, why) = if let Some(silent) = nodes.iter().find(|n| n.receiver.integrations.is_empty()) {
                ("not sent", format!("receiver `{}` sends nothing", silent.receiver.name))
            } else if let Some((what, why)) = self.muted.get(&labels) {
                (*what, why.clone())
            } else if posted + wait.as_secs_f64() >= end {
                ("not sent yet", format!("the run ended before its group's next tick ({})", duration(wait)))
            } else {
                ("not sent", "its group took it for told: the end of an earlier message was never told".to_owned())
            };
            self.fate(posted, &labels, what, why.clone(), why);
        }
    }
}

fn muted(by: &MutedBy, resolved: bool) -> (&'static str, String) {
    let end = if resolved { "; it is over, and nobody will be told" } else { "" };
    match by {
        MutedBy::Inhibition { source, rule } => {
            ("inhibited", format!("inhibited by `{}` (inhibit rule {}){end}", name(source), rule + 1))
        }
        MutedBy::MuteInterval(interval) => ("muted", format!("muted by time interval `{interval}`{end}")),
        MutedBy::OutsideActiveIntervals => ("muted", format!("outside every active time interval of its route{end}")),
        MutedBy::Silences(_) => ("silenced", format!("silenced{end}")),
    }
}
