//! Alerts as they are pushed, stored and merged.
//!
//! Facts: upstream `types` and `provider/mem`, measured with 0.25.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::{Labels, Time};

/// Annotations in order of name. Unlike labels, empty values stay.
pub type Annotations = Arc<BTreeMap<Arc<str>, Arc<str>>>;

/// An alert as a client posts it.
#[derive(Clone, Debug, Default)]
pub struct PostableAlert {
    /// Its labels; empty values were already left out.
    pub labels: Labels,
    /// Its annotations.
    pub annotations: Annotations,
    /// When it began to fire; left out: now, or the end.
    pub starts_at: Option<Time>,
    /// When it ends or ended; left out: now and `resolve_timeout` more.
    pub ends_at: Option<Time>,
    /// Where it comes from; empty when not told.
    pub generator_url: Arc<str>,
}

/// An alert in the store.
#[derive(Clone, Debug)]
pub struct Alert {
    /// Its identity.
    pub labels: Labels,
    /// What it says.
    pub annotations: Annotations,
    /// When it began to fire.
    pub starts_at: Time,
    /// When it ends or ended.
    pub ends_at: Time,
    /// Where it comes from; empty when not told.
    pub generator_url: Arc<str>,
    /// When it last arrived.
    pub updated_at: Time,
    /// Whether `ends_at` was made up from `resolve_timeout`.
    pub timeout: bool,
}

impl Alert {
    /// Whether it has ended; an end at `now` counts.
    pub fn resolved_at(&self, now: Time) -> bool {
        self.ends_at <= now
    }

    /// What becomes of this stored alert when `younger`, of the same labels, arrives at `now`.
    pub fn succeeded_by(&self, younger: Self, now: Time) -> Self {
        let overlap = (younger.ends_at > self.starts_at && younger.ends_at < self.ends_at)
            || (younger.starts_at > self.starts_at && younger.starts_at < self.ends_at);
        if !overlap {
            return younger;
        }
        let mut merged = younger;
        merged.starts_at = merged.starts_at.min(self.starts_at);
        let keeps_old_end = if merged.resolved_at(now) { self.resolved_at(now) } else { !self.timeout };
        if keeps_old_end {
            merged.ends_at = merged.ends_at.max(self.ends_at);
        }
        merged
    }
}

/// The order of alerts in a message: job, then instance, then the whole set with fewer labels first.
pub fn message_order(a: &Labels, b: &Labels) -> Ordering {
    for name in ["job", "instance"] {
        match (a.get(name), b.get(name)) {
            (Some(x), Some(y)) if x != y => return x.cmp(y),
            (Some(_), None) => return Ordering::Less,
            (None, Some(_)) => return Ordering::Greater,
            _ => {}
        }
    }
    set_before(a, b)
}

/// Upstream's order of label sets: fewer labels first; then, at the first name that only one of them has, the one
/// without it comes first.
pub(super) fn set_before(a: &Labels, b: &Labels) -> Ordering {
    if a.len() != b.len() {
        return a.len().cmp(&b.len());
    }
    for (x, y) in a.iter().zip(b.iter()) {
        match x.name.cmp(&y.name) {
            Ordering::Less => return Ordering::Greater,
            Ordering::Greater => return Ordering::Less,
            Ordering::Equal if x.value != y.value => return x.value.cmp(&y.value),
            Ordering::Equal => {}
        }
    }
    Ordering::Equal
}
