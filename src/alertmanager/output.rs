//! What goes into the machine and what comes out of it.

use std::sync::Arc;

use super::alert::PostableAlert;
use super::config::{Config, IntegrationKind};
use super::notification::Notification;
use super::silence::PostableSilence;
use crate::model::{Labels, Time};

/// Names one request of the machine; counts up, never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeliveryId(pub u64);

/// What happens to an Alertmanager.
#[derive(Clone, Debug)]
pub enum Input {
    /// Alerts are posted, as Prometheus does.
    Alerts(Vec<PostableAlert>),
    /// A silence is made or changed.
    SetSilence(PostableSilence),
    /// A silence is ended by hand.
    ExpireSilence(Arc<str>),
    /// A request came to its end.
    Delivered {
        /// Which request.
        id: DeliveryId,
        /// How it ended.
        outcome: Outcome,
    },
    /// Another configuration takes over; it was already accepted.
    Reload(Arc<Config>),
}

/// How a request ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The receiver answered.
    Answered {
        /// The HTTP status.
        status: u16,
        /// The start of the answer's body, for the log.
        body: String,
    },
    /// Refused, reset, no such host, timed out: tried again.
    Transport(String),
    /// It could not even be made: template error, unreadable url file. Not tried again.
    Unsendable(String),
}

/// What the machine wants done, or tells.
#[derive(Clone, Debug)]
pub enum Output {
    /// Send this; answer with [`Input::Delivered`].
    Deliver(Delivery),
    /// The request was given up (its time ran out, or a reload); an answer to it is ignored.
    Cancel(DeliveryId),
    /// Something worth a line in a journal.
    Event(Event),
}

/// A request to send one notification.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Its name.
    pub id: DeliveryId,
    /// What to send and where to.
    pub notification: Arc<Notification>,
    /// 1 for the first try of this flush.
    pub attempt: u32,
    /// When the request is cut, whatever happens.
    pub deadline: Time,
}

/// Where in the routing an event happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupRef {
    /// The group's identity.
    pub group_key: Arc<str>,
    /// The receiver's name.
    pub receiver: Arc<str>,
}

/// Which integration of a receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IntegrationRef {
    /// Its kind.
    pub kind: IntegrationKind,
    /// Its place in the list of that kind.
    pub index: usize,
}

/// What is worth a line in a journal: why something was, or was not, told.
#[derive(Clone, Debug)]
pub enum Event {
    /// A group began; its first flush is due then.
    GroupCreated {
        /// Which group.
        group: GroupRef,
        /// When it flushes first.
        first_flush: Time,
    },
    /// An empty group was thrown away.
    GroupEnded {
        /// Which group.
        group: GroupRef,
    },
    /// An alert is left out of its group's messages from now on.
    Muted {
        /// Which group.
        group: GroupRef,
        /// Which alert.
        alert: Labels,
        /// Whether it had ended.
        resolved: bool,
        /// Why.
        by: MutedBy,
    },
    /// A flush had nothing new to tell.
    Deduplicated {
        /// Which group.
        group: GroupRef,
        /// Which integration.
        integration: IntegrationRef,
    },
    /// An alert ended without anybody having been told that it fired.
    Swallowed {
        /// Which group.
        group: GroupRef,
        /// Which alert.
        alert: Labels,
        /// When it began.
        starts_at: Time,
        /// When it ended.
        ends_at: Time,
    },
    /// A request failed in a way that is tried again.
    Retrying {
        /// The request that failed.
        id: DeliveryId,
        /// Why.
        reason: String,
        /// When the next try is.
        at: Time,
    },
    /// A notification was given up for this flush; the same content comes again at the next tick.
    Lost {
        /// The request that failed last.
        id: DeliveryId,
        /// Which group.
        group: GroupRef,
        /// Which integration.
        integration: IntegrationRef,
        /// Why.
        reason: String,
    },
    /// A notification arrived.
    Told {
        /// The request that arrived.
        id: DeliveryId,
        /// Which group.
        group: GroupRef,
        /// Which integration.
        integration: IntegrationRef,
    },
    /// A posted alert or silence was refused.
    Refused {
        /// In the words of the API.
        reason: String,
    },
}

/// Why an alert is muted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum MutedBy {
    /// Another alert fires.
    Inhibition {
        /// The labels of the alert that mutes.
        source: Labels,
        /// The place of the rule in the configuration, from 0.
        rule: usize,
    },
    /// The route is inside this mute interval.
    MuteInterval(Arc<str>),
    /// The route is outside of all its active intervals.
    OutsideActiveIntervals,
    /// These silences.
    Silences(Vec<Arc<str>>),
}
