//! What a template sees of a notification.

use std::sync::Arc;

use super::kv::Kv;
use crate::alertmanager::notification::{FrozenAlert, Notification, Status, common_of};
use crate::golang::regexp::quote_meta;
use crate::golang::time::GoTime;
use crate::model::Time;

/// The root of a template's data.
#[derive(Clone, Debug, Default)]
pub struct Data {
    /// The receiver's name, quoted for a regular expression.
    pub receiver: Arc<str>,
    /// `firing` or `resolved`.
    pub status: Arc<str>,
    /// The alerts of the message.
    pub alerts: Arc<[Arc<AlertData>]>,
    /// Why it is sent (0.32).
    pub notification_reason: Arc<str>,
    /// The labels the group was made by.
    pub group_labels: Kv,
    /// Labels that all alerts share.
    pub common_labels: Kv,
    /// Annotations that all alerts share.
    pub common_annotations: Kv,
    /// The labels of the route (0.34).
    pub route_labels: Kv,
    /// Where Alertmanager says it can be reached.
    pub external_url: Arc<str>,
}

/// One alert of a template's data.
#[derive(Clone, Debug)]
pub struct AlertData {
    /// `firing` or `resolved`.
    pub status: Arc<str>,
    /// Its labels.
    pub labels: Kv,
    /// Its annotations.
    pub annotations: Kv,
    /// When it began.
    pub starts_at: GoTime,
    /// When it ended; Go's zero time while firing.
    pub ends_at: GoTime,
    /// Where it comes from.
    pub generator_url: Arc<str>,
    /// 16 hex digits.
    pub fingerprint: Arc<str>,
}

impl Data {
    /// The data of a notification.
    pub fn of(notification: &Notification) -> Self {
        Self {
            receiver: quote_meta(&notification.receiver).into(),
            status: notification.status().as_str().into(),
            alerts: notification.alerts.iter().map(|a| Arc::new(AlertData::of(a))).collect(),
            notification_reason: notification.reason.as_str().into(),
            group_labels: (&notification.group_labels).into(),
            common_labels: (&notification.common_labels).into(),
            common_annotations: (&*notification.common_annotations).into(),
            route_labels: (&*notification.route_labels).into(),
            external_url: notification.external_url.clone(),
        }
    }

    /// The data of a notification that tells of its first `max` alerts only, as if there were no others.
    pub fn of_first(notification: &Notification, max: usize) -> Self {
        let alerts = notification.alerts.get(..max).unwrap_or(&notification.alerts).to_vec();
        let (common_labels, common_annotations) = common_of(&alerts);
        Self::of(&Notification { alerts, common_labels, common_annotations, ..notification.clone() })
    }

    /// The alerts of that status.
    pub fn with_status(&self, status: Status) -> impl Iterator<Item = &Arc<AlertData>> {
        self.alerts.iter().filter(move |a| &*a.status == status.as_str())
    }
}

impl AlertData {
    fn of(alert: &FrozenAlert) -> Self {
        Self {
            status: alert.status.as_str().into(),
            labels: (&alert.labels).into(),
            annotations: (&*alert.annotations).into(),
            starts_at: go_time(alert.starts_at),
            ends_at: alert.ends_at.map_or_else(GoTime::zero, go_time),
            generator_url: alert.generator_url.clone(),
            fingerprint: format!("{:016x}", alert.fingerprint).into(),
        }
    }
}

fn go_time(time: Time) -> GoTime {
    GoTime::from_unix_nanos(time.0)
}
