//! One notification: everything a template needs, and where it goes.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::alert::{Alert, Annotations};
use super::config::{Integration, IntegrationKind};
use super::version::Version;
use crate::model::{Labels, Time};

/// What a notification says, frozen at its flush.
#[derive(Clone, Debug)]
pub struct Notification {
    /// The version that sends it.
    pub version: Version,
    /// The receiver's name as written (templates see it regex-quoted).
    pub receiver: Arc<str>,
    /// The integration it goes to, with all its settings.
    pub integration: Arc<Integration>,
    /// The identity of the group, for example `{}:{alertname="Down"}`.
    pub group_key: Arc<str>,
    /// The labels the group was made by.
    pub group_labels: Labels,
    /// The alerts in the order of the message; without resolved ones when the integration does not want them.
    pub alerts: Vec<FrozenAlert>,
    /// Labels that all alerts share.
    pub common_labels: Labels,
    /// Annotations that all alerts share.
    pub common_annotations: Annotations,
    /// Where Alertmanager says it can be reached.
    pub external_url: Arc<str>,
    /// Why it is sent now.
    pub reason: Reason,
    /// The labels of the route (0.34).
    pub route_labels: Arc<BTreeMap<Arc<str>, Arc<str>>>,
    /// The labels of the receiver (0.33).
    pub receiver_labels: Arc<BTreeMap<Arc<str>, Arc<str>>>,
    /// When it is rendered: what `now` is in templates.
    pub at: Time,
}

impl Notification {
    /// Firing when any alert of the message fires.
    pub fn status(&self) -> Status {
        if self.alerts.iter().any(|a| a.status == Status::Firing) { Status::Firing } else { Status::Resolved }
    }

    /// The kind of the integration.
    pub fn kind(&self) -> IntegrationKind {
        self.integration.kind
    }
}

/// An alert as it was at the flush.
#[derive(Clone, Debug)]
pub struct FrozenAlert {
    /// Whether it fired then.
    pub status: Status,
    /// Its labels.
    pub labels: Labels,
    /// Its annotations.
    pub annotations: Annotations,
    /// When it began.
    pub starts_at: Time,
    /// When it ended; none while firing (shown as `0001-01-01T00:00:00Z`).
    pub ends_at: Option<Time>,
    /// Where it comes from.
    pub generator_url: Arc<str>,
    /// 16 hex digits when shown.
    pub fingerprint: u64,
}

impl FrozenAlert {
    /// Freezes an alert of this fingerprint at `now`.
    pub fn at(alert: &Alert, fingerprint: u64, now: Time) -> Self {
        let resolved = alert.resolved_at(now);
        Self {
            status: if resolved { Status::Resolved } else { Status::Firing },
            labels: alert.labels.clone(),
            annotations: alert.annotations.clone(),
            starts_at: alert.starts_at,
            ends_at: resolved.then_some(alert.ends_at),
            generator_url: alert.generator_url.clone(),
            fingerprint,
        }
    }
}

/// Firing or resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// The alert fires.
    Firing,
    /// It has ended.
    Resolved,
}

impl Status {
    /// `firing` or `resolved`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Firing => "firing",
            Self::Resolved => "resolved",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a notification is sent (shown since 0.32).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize)]
pub enum Reason {
    /// The group was never told, or nothing of it fired when it last was.
    #[serde(rename = "first notification")]
    First,
    /// An alert fires that was not told.
    #[serde(rename = "new alerts added")]
    NewAlerts,
    /// Part of the group has ended.
    #[serde(rename = "some alerts resolved")]
    SomeResolved,
    /// The whole group has ended.
    #[serde(rename = "all alerts resolved")]
    AllResolved,
    /// Nothing new, but `repeat_interval` has passed.
    #[serde(rename = "repeat interval elapsed")]
    Repeat,
    /// Not worked out.
    #[default]
    #[serde(rename = "unknown")]
    Unknown,
}

impl Reason {
    /// In Alertmanager's words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::First => "first notification",
            Self::NewAlerts => "new alerts added",
            Self::SomeResolved => "some alerts resolved",
            Self::AllResolved => "all alerts resolved",
            Self::Repeat => "repeat interval elapsed",
            Self::Unknown => "unknown",
        }
    }
}

/// Labels and annotations that all alerts share; nothing when there are no alerts.
pub fn common_of(alerts: &[FrozenAlert]) -> (Labels, Annotations) {
    let Some((first, rest)) = alerts.split_first() else {
        return (Labels::empty(), Annotations::default());
    };
    if rest.is_empty() {
        return (first.labels.clone(), first.annotations.clone());
    }
    let mut labels = first.labels.builder();
    labels.retain(|l| rest.iter().all(|a| a.labels.get(&l.name) == Some(&*l.value)));
    let mut annotations = (*first.annotations).clone();
    // As in Go, where an absent annotation reads as the empty one.
    let of = |a: &FrozenAlert, name: &str| a.annotations.get(name).cloned().unwrap_or_default();
    annotations.retain(|name, value| rest.iter().all(|a| of(a, name) == *value));
    (labels.build(), Arc::new(annotations))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alert(annotations: &[(&str, &str)]) -> FrozenAlert {
        FrozenAlert {
            status: Status::Firing,
            labels: Labels::from_pairs([("alertname", "A")]),
            annotations: Arc::new(annotations.iter().map(|(n, v)| (Arc::from(*n), Arc::from(*v))).collect()),
            starts_at: Time(0),
            ends_at: None,
            generator_url: "".into(),
            fingerprint: 1,
        }
    }

    #[test]
    fn an_empty_annotation_is_shared_with_alerts_that_have_none() {
        let common = |alerts: &[FrozenAlert]| common_of(alerts).1.keys().map(|k| k.to_string()).collect::<Vec<_>>();
        let (empty, none) = (alert(&[("empty", ""), ("full", "x")]), alert(&[]));
        assert_eq!(common(&[empty.clone(), none.clone()]), ["empty"]);
        assert!(common(&[none, empty]).is_empty());
    }
}
