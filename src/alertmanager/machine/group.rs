//! An aggregation group: its alerts, its timer, the flush it is in.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::alertmanager::alert::{Alert, message_order};
use crate::alertmanager::config::Integration;
use crate::alertmanager::notification::{FrozenAlert, Notification};
use crate::alertmanager::output::{DeliveryId, GroupRef, IntegrationRef, MutedBy};
use crate::alertmanager::retry::Backoff;
use crate::model::{Labels, Time};

/// Alerts that are told together.
#[derive(Clone, Debug)]
pub(super) struct Group {
    /// The node of the routing tree.
    pub route: usize,
    pub labels: Labels,
    pub name: GroupRef,
    /// By fingerprint.
    pub members: BTreeMap<u64, Alert>,
    /// When the timer fires next; its phase never moves but by an immediate first flush or a late tick.
    pub timer: Time,
    /// Ticks before this moment provably do nothing.
    pub quiet_until: Quiet,
    /// A tick that came while a flush was under way.
    pub late_tick: Option<Time>,
    pub has_flushed: bool,
    pub flush: Option<Flush>,
    /// Since when the group is empty and idle.
    pub empty_since: Option<Time>,
    /// Who is left out at the moment, to tell changes only.
    pub muted: BTreeMap<u64, MutedBy>,
    /// When the machine must look at it next.
    pub wakeup: Option<Time>,
}

/// From when on ticks matter again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quiet {
    /// The next tick may do something.
    No,
    /// Ticks before this moment do nothing.
    Until(Time),
    /// No tick does anything until something happens.
    Forever,
}

impl Group {
    /// The members, frozen at `now`, in the order of a message.
    pub fn freeze(&self, now: Time) -> Vec<Frozen> {
        let mut alerts: Vec<Frozen> = self
            .members
            .iter()
            .map(|(fingerprint, alert)| Frozen {
                fingerprint: *fingerprint,
                updated_at: alert.updated_at,
                alert: FrozenAlert::at(alert, *fingerprint, now),
            })
            .collect();
        alerts.sort_by(|a, b| message_order(&a.alert.labels, &b.alert.labels));
        alerts
    }

    /// The first tick that may matter.
    pub fn next_tick(&self, interval_ns: i64) -> Option<Time> {
        let at_least = match self.quiet_until {
            Quiet::No => return Some(self.timer),
            Quiet::Forever => return None,
            Quiet::Until(t) => t,
        };
        Some(tick_at_or_after(self.timer, at_least, interval_ns))
    }

    /// Something happened at `now`: the next tick counts again. Ticks that were passed over did nothing.
    pub fn touch(&mut self, now: Time, interval_ns: i64) {
        if self.quiet_until != Quiet::No {
            self.timer = tick_at_or_after(self.timer, now, interval_ns);
            self.quiet_until = Quiet::No;
        }
    }
}

fn tick_at_or_after(timer: Time, at_least: Time, interval_ns: i64) -> Time {
    let missing = at_least.since(timer);
    if missing <= 0 {
        return timer;
    }
    let ticks = missing.saturating_add(interval_ns - 1) / interval_ns.max(1);
    timer.plus_nanos(ticks.saturating_mul(interval_ns))
}

/// A member as a flush saw it.
#[derive(Clone, Debug)]
pub(super) struct Frozen {
    pub fingerprint: u64,
    pub updated_at: Time,
    pub alert: FrozenAlert,
}

/// One pass of a group through the pipeline.
#[derive(Clone, Debug)]
pub(super) struct Flush {
    /// The time of the tick.
    pub tick: Time,
    /// When everything of it is cut.
    pub deadline: Time,
    /// All members, muted ones too.
    pub alerts: Vec<Frozen>,
    /// Waits for gossip to settle until then.
    pub settles_at: Option<Time>,
    /// One per integration of the receiver.
    pub runs: Vec<Run>,
}

/// One integration's part of a flush.
#[derive(Clone, Debug)]
pub(super) struct Run {
    pub integration: Arc<Integration>,
    pub state: RunState,
    /// Fingerprints for the notification log, sorted.
    pub firing: Vec<u64>,
    pub resolved: Vec<u64>,
    /// None when there is nothing to send but the log is to be written.
    pub notification: Option<Arc<Notification>>,
    pub backoff: Backoff,
    pub attempt: u32,
    /// When the next try may start, counted from the start of the last one.
    pub next_try: Time,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RunState {
    InFlight(DeliveryId),
    /// Waits for the time of its next try.
    Waiting,
    Done {
        ok: bool,
    },
}

impl Run {
    pub fn name(&self) -> IntegrationRef {
        IntegrationRef { kind: self.integration.kind, index: self.integration.index }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skipped_ticks_keep_the_phase() {
        assert_eq!(tick_at_or_after(Time(105), Time(100), 10), Time(105));
        assert_eq!(tick_at_or_after(Time(105), Time(105), 10), Time(105));
        assert_eq!(tick_at_or_after(Time(105), Time(106), 10), Time(115));
        assert_eq!(tick_at_or_after(Time(105), Time(125), 10), Time(125));
        assert_eq!(tick_at_or_after(Time(105), Time(i64::MAX), 10), Time(i64::MAX));
    }
}
