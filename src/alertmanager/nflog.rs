//! The notification log: what each integration was last told of each group.
//!
//! Facts: upstream `nflog` and the dedup stage of `notify`; section 6 of the reference's rules.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::notification::Reason;
use super::output::IntegrationRef;
use crate::model::Time;

/// What the log is asked about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LogKey {
    /// The group's identity.
    pub group_key: Arc<str>,
    /// The receiver's name.
    pub receiver: Arc<str>,
    /// Which of its integrations.
    pub integration: IntegrationRef,
}

/// What was told.
#[derive(Clone, Debug)]
pub struct Entry {
    /// When the last send was over.
    pub at: Time,
    /// Fingerprints of the alerts that fired, sorted.
    pub firing: Vec<u64>,
    /// Fingerprints of the alerts that had ended, sorted.
    pub resolved: Vec<u64>,
    /// When the entry may be forgotten.
    pub expires_at: Time,
}

/// How long between two cleanups: 15 minutes.
pub const CLEANUP_NS: i64 = 15 * 60 * 1_000_000_000;

/// The log.
#[derive(Clone, Debug)]
pub struct NotificationLog {
    entries: FxHashMap<LogKey, Entry>,
    next_cleanup: Time,
}

impl NotificationLog {
    /// An empty log that counts its cleanups from `now`.
    pub fn new(now: Time) -> Self {
        Self { entries: FxHashMap::default(), next_cleanup: now.plus_nanos(CLEANUP_NS) }
    }

    /// Forgets what the cleanups up to `now` forget.
    pub fn clean(&mut self, now: Time) {
        if now < self.next_cleanup {
            return;
        }
        let missed = now.since(self.next_cleanup) / CLEANUP_NS;
        let last = self.next_cleanup.plus_nanos(missed * CLEANUP_NS);
        self.entries.retain(|_, e| e.expires_at > last);
        self.next_cleanup = last.plus_nanos(CLEANUP_NS);
    }

    /// What was told last.
    pub fn get(&self, key: &LogKey) -> Option<&Entry> {
        self.entries.get(key)
    }

    /// When an entry that expires then is forgotten.
    pub fn forgotten_at(&self, expires_at: Time) -> Time {
        let late = expires_at.since(self.next_cleanup).max(0);
        self.next_cleanup.plus_nanos((late + CLEANUP_NS - 1) / CLEANUP_NS * CLEANUP_NS)
    }

    /// Writes down what was told.
    pub fn set(&mut self, key: LogKey, entry: Entry) {
        if self.entries.get(&key).is_none_or(|old| old.at <= entry.at) {
            self.entries.insert(key, entry);
        }
    }
}

/// Whether, and why, a group with these firing and resolved alerts (sorted fingerprints) is told. `repeat_before` is
/// the time an entry must be older than for a repeat.
pub fn needs_update(
    entry: Option<&Entry>,
    firing: &[u64],
    resolved: &[u64],
    send_resolved: bool,
    repeat_before: Time,
) -> Option<Reason> {
    let Some(entry) = entry else {
        return (!firing.is_empty()).then_some(Reason::First);
    };
    if !subset(firing, &entry.firing) {
        return Some(if entry.firing.is_empty() { Reason::First } else { Reason::NewAlerts });
    }
    if firing.is_empty() {
        return (!entry.firing.is_empty()).then_some(Reason::AllResolved);
    }
    if send_resolved && !subset(resolved, &entry.resolved) {
        return Some(Reason::SomeResolved);
    }
    (entry.at < repeat_before).then_some(Reason::Repeat)
}

fn subset(small: &[u64], large: &[u64]) -> bool {
    small.iter().all(|f| large.binary_search(f).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(firing: &[u64], resolved: &[u64]) -> Entry {
        Entry { at: Time(100), firing: firing.to_vec(), resolved: resolved.to_vec(), expires_at: Time(1000) }
    }

    #[test]
    fn a_group_is_told_for_the_reasons_in_order() {
        let quiet = Time(100);
        assert_eq!(needs_update(None, &[1], &[], true, quiet), Some(Reason::First));
        assert_eq!(needs_update(None, &[], &[1], true, quiet), None);
        assert_eq!(needs_update(Some(&entry(&[1], &[])), &[1, 2], &[], true, quiet), Some(Reason::NewAlerts));
        assert_eq!(needs_update(Some(&entry(&[], &[1])), &[1], &[], true, quiet), Some(Reason::First));
        assert_eq!(needs_update(Some(&entry(&[1], &[])), &[], &[1], false, quiet), Some(Reason::AllResolved));
        assert_eq!(needs_update(Some(&entry(&[], &[])), &[], &[1], true, quiet), None);
        assert_eq!(needs_update(Some(&entry(&[1, 2], &[])), &[1], &[2], true, quiet), Some(Reason::SomeResolved));
        assert_eq!(needs_update(Some(&entry(&[1, 2], &[])), &[1], &[2], false, quiet), None);
        assert_eq!(needs_update(Some(&entry(&[1], &[])), &[1], &[], true, Time(101)), Some(Reason::Repeat));
    }

    #[test]
    fn an_expired_entry_is_forgotten_at_the_next_cleanup_and_not_before() {
        let mut log = NotificationLog::new(Time(0));
        let key = LogKey {
            group_key: "{}:{}".into(),
            receiver: "a".into(),
            integration: IntegrationRef { kind: super::super::config::IntegrationKind::Discord, index: 0 },
        };
        log.set(key.clone(), entry(&[1], &[]));
        assert_eq!(log.forgotten_at(Time(1000)), Time(CLEANUP_NS));
        log.clean(Time(CLEANUP_NS - 1));
        assert!(log.get(&key).is_some());
        log.clean(Time(CLEANUP_NS));
        assert!(log.get(&key).is_none());
    }
}
