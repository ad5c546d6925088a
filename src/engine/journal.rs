//! Everything that happened, as plain events in order of time: the only thing between the machine and its readers.

use std::sync::Arc;

use crate::alertmanager::{self, Notification};
use crate::model::{Labels, Time};
use crate::rules::{SentAlert, Transition};

/// What happened, in order of time.
#[derive(Clone, Debug, Default)]
pub struct Journal {
    entries: Vec<Entry>,
}

/// Something that happened.
#[derive(Clone, Debug)]
pub struct Entry {
    /// When.
    pub at: Time,
    /// What.
    pub event: Event,
}

/// What happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// The scenario did something.
    Scenario {
        /// For example `stress-start`.
        name: Arc<str>,
        /// How long it will last.
        seconds: Option<f64>,
    },
    /// A target answers for the first time, or its health or the reason of its failure changed.
    Target {
        /// The target's labels.
        labels: Labels,
        /// Why its scrape fails; none when it is up.
        error: Option<String>,
    },
    /// An alert changed its state.
    Alert {
        /// The group's place in the configuration.
        group: usize,
        /// The rule's place in its group.
        rule: usize,
        /// The alert's name.
        alert: Arc<str>,
        /// What changed.
        change: Transition,
    },
    /// A rule cannot be evaluated (told once per reason).
    RuleError {
        /// The group's place in the configuration.
        group: usize,
        /// The rule's place in its group.
        rule: usize,
        /// The rule's name.
        name: Arc<str>,
        /// Why, in Prometheus' words.
        error: String,
    },
    /// Prometheus posted alerts of a rule, or tried to.
    Sent {
        /// The group's place in the configuration.
        group: usize,
        /// The rule's place in its group.
        rule: usize,
        /// The alerts, external labels included.
        alerts: Arc<[SentAlert]>,
        /// To which Alertmanager; none when none is known.
        url: Option<Arc<str>>,
        /// What came of it.
        outcome: SendOutcome,
    },
    /// A notification was answered, or could not be sent.
    Notification {
        /// What was sent.
        notification: Arc<Notification>,
        /// 1 for the first try of a flush.
        attempt: u32,
        /// Where to.
        url: Arc<str>,
        /// What came of it.
        outcome: alertmanager::Outcome,
    },
    /// Why Alertmanager did, or did not, tell something.
    Alertmanager(alertmanager::Event),
}

/// What came of posting alerts to Alertmanager.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SendOutcome {
    /// It took them.
    Delivered,
    /// None is configured, or none is known yet.
    NoAlertmanager,
    /// It cannot be reached: why.
    Unreachable(Arc<str>),
}

impl Journal {
    /// Adds what happened at `at`.
    pub fn push(&mut self, at: Time, event: Event) {
        self.entries.push(Entry { at, event });
    }

    /// Adds what is known beforehand to happen at `at`, before everything else of that moment.
    pub fn insert(&mut self, at: Time, event: Event) {
        let place = self.entries.partition_point(|e| e.at < at);
        self.entries.insert(place, Entry { at, event });
    }

    /// Changes what the events say, not when they happened.
    pub fn for_each_mut(&mut self, mut change: impl FnMut(&mut Event)) {
        self.entries.iter_mut().for_each(|e| change(&mut e.event));
    }

    /// Everything, in order of time.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }
}
