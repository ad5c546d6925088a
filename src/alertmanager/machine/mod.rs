//! Alertmanager as a machine that is told the time.
//!
//! `handle` and `poll` first do all work that is due before `now`, each piece at its own time; inputs of a moment come
//! before its ticks. Ticks that provably change nothing are passed over without losing the phase of a group's timer.

mod flush;
mod group;
mod ingest;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use rustc_hash::FxHashMap;

use super::alert::Alert;
use super::config::Config;
use super::inhibit::Inhibitor;
use super::nflog::{CLEANUP_NS, NotificationLog};
use super::output::{DeliveryId, Event, GroupRef, Input, Outcome, Output};
use super::retry::Random;
use super::routing::RouteTree;
use super::silence::{PostableSilence, SilenceError, Silences};
use super::version::Version;
use crate::model::{Labels, Time};
use group::{Flush, Group, Quiet, RunState};

/// What the command line of a real Alertmanager would set, and what a simulation chooses.
#[derive(Clone, Debug)]
pub struct Options {
    /// `--web.external-url`: what templates see as `ExternalURL`.
    pub external_url: Arc<str>,
    /// How long gossip takes to settle before the first send; zero with clustering off.
    pub settle: Duration,
    /// `--dispatch.start-delay` (0.30).
    pub start_delay: Duration,
    /// `--data.retention`.
    pub retention: Duration,
    /// The length of the dispatcher's cleanup period, 30 s (0.25 to 0.31: decides when an empty group ends).
    pub maintenance: Duration,
    /// How long before the start the dispatcher's cleanup clock began to count.
    pub maintenance_phase: Duration,
    /// Whether a repeat that is due exactly at a tick is sent at that tick; the strict check says the next.
    pub repeat_at_exact_multiple: bool,
    /// What the random part of the retry delays grows from.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            external_url: "http://localhost:9093".into(),
            settle: Duration::ZERO,
            start_delay: Duration::ZERO,
            retention: Duration::from_secs(120 * 3600),
            maintenance: Duration::from_secs(30),
            maintenance_phase: Duration::ZERO,
            repeat_at_exact_multiple: false,
            seed: 0,
        }
    }
}

/// An Alertmanager. Call [`handle`](Self::handle) with what happens, then [`poll`](Self::poll) for what it wants done;
/// call `poll` again at [`next_wakeup`](Self::next_wakeup).
#[derive(Clone, Debug)]
pub struct Alertmanager {
    pub(super) config: Arc<Config>,
    pub(super) version: Version,
    pub(super) options: Options,
    pub(super) started: Time,
    pub(super) tree: Arc<RouteTree>,
    /// The alert store, by fingerprint.
    pub(super) alerts: BTreeMap<u64, Alert>,
    alerts_cleanup: Time,
    pub(super) inhibitor: Inhibitor,
    pub(super) silences: Silences,
    log: NotificationLog,
    groups: BTreeMap<u64, Group>,
    by_labels: FxHashMap<(usize, Labels), u64>,
    next_group: u64,
    next_delivery: u64,
    in_flight: FxHashMap<DeliveryId, u64>,
    /// By fingerprint, the start of the last firing that somebody was told of, or that is known to be swallowed.
    accounted: FxHashMap<u64, Time>,
    wakeups: BTreeSet<(Time, u64)>,
    /// A tick of the dispatcher's cleanup clock.
    maintenance_base: Time,
    random: Random,
    outputs: Vec<Output>,
    /// Tests compare runs that pass over quiet ticks with runs that look at every one.
    #[cfg(test)]
    every_tick: bool,
}

/// A group as the API shows it.
#[derive(Clone, Copy, Debug)]
pub(super) struct GroupView<'m> {
    pub route: usize,
    pub name: &'m GroupRef,
    pub labels: &'m Labels,
    /// By fingerprint.
    pub members: &'m BTreeMap<u64, Alert>,
}

pub(super) fn nanos(d: Duration) -> i64 {
    i64::try_from(d.as_nanos()).unwrap_or(i64::MAX / 4)
}

impl Alertmanager {
    /// Starts at `now` with empty storage.
    pub fn new(config: Arc<Config>, version: Version, options: Options, now: Time) -> Self {
        Self {
            tree: Arc::new(RouteTree::new(&config, version)),
            alerts: BTreeMap::new(),
            alerts_cleanup: now.plus_nanos(2 * CLEANUP_NS),
            inhibitor: Inhibitor::new(&config.inhibit_rules, version, now),
            silences: Silences::default(),
            log: NotificationLog::new(now),
            groups: BTreeMap::new(),
            by_labels: FxHashMap::default(),
            next_group: 0,
            next_delivery: 0,
            in_flight: FxHashMap::default(),
            accounted: FxHashMap::default(),
            wakeups: BTreeSet::new(),
            maintenance_base: now.plus_nanos(-nanos(options.maintenance_phase)),
            random: Random::new(options.seed),
            outputs: Vec::new(),
            #[cfg(test)]
            every_tick: false,
            config,
            version,
            options,
            started: now,
        }
    }

    /// The configuration it runs with.
    pub fn config(&self) -> &Arc<Config> {
        &self.config
    }

    /// The version it speaks as.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The routing tree it runs with.
    pub fn routes(&self) -> &Arc<RouteTree> {
        &self.tree
    }

    /// The alerts in the store, also resolved ones that were not cleaned up yet.
    pub fn alerts(&self) -> impl Iterator<Item = &Alert> {
        self.alerts.values()
    }

    /// The groups with their alerts, in the order they began.
    pub(super) fn group_views(&self) -> impl Iterator<Item = GroupView<'_>> {
        self.groups.values().map(|g| GroupView {
            route: g.route,
            name: &g.name,
            labels: &g.labels,
            members: &g.members,
        })
    }

    /// All silences.
    pub fn silences(&self) -> &Silences {
        &self.silences
    }

    /// Takes something that happens at `now`; due work of earlier times is done first.
    pub fn handle(&mut self, now: Time, input: Input) {
        match input {
            Input::Alerts(alerts) => {
                if let Err(reasons) = self.push(now, alerts) {
                    self.outputs.extend(reasons.into_iter().map(|reason| Output::Event(Event::Refused { reason })));
                }
            }
            Input::SetSilence(silence) => {
                if let Err(e) = self.set_silence(now, silence) {
                    self.tell(Event::Refused { reason: e.to_string() });
                }
            }
            Input::ExpireSilence(id) => {
                if let Err(e) = self.expire_silence(now, &id) {
                    self.tell(Event::Refused { reason: e.to_string() });
                }
            }
            Input::Delivered { id, outcome } => self.delivered(now, id, outcome),
            Input::Reload(config) => self.reload(now, config),
        }
    }

    /// Does what is due at `now`, and gives what came of that and of the inputs since the last call.
    pub fn poll(&mut self, now: Time) -> Vec<Output> {
        while let Some((at, group)) = self.wakeups.first().copied().filter(|(at, _)| *at <= now) {
            self.wake(group, at);
        }
        std::mem::take(&mut self.outputs)
    }

    /// When it must be polled next, if nothing happens before.
    pub fn next_wakeup(&self) -> Option<Time> {
        self.wakeups.first().map(|(at, _)| *at)
    }

    /// Makes or changes a silence; gives its id.
    ///
    /// # Errors
    /// In the words of the API.
    pub fn set_silence(&mut self, now: Time, silence: PostableSilence) -> Result<Arc<str>, SilenceError> {
        self.catch_up(now);
        let id = self.silences.set(silence, now, &mut self.random, self.version);
        self.touch_all(now);
        id
    }

    /// Ends a silence.
    ///
    /// # Errors
    /// There is none of that id.
    pub fn expire_silence(&mut self, now: Time, id: &str) -> Result<(), SilenceError> {
        self.catch_up(now);
        self.silences.expire(id, now)?;
        self.touch_all(now);
        Ok(())
    }

    /// Due work of times before `now`; ticks of `now` itself come after what happens then.
    fn catch_up(&mut self, now: Time) {
        while let Some((at, group)) = self.wakeups.first().copied().filter(|(at, _)| *at < now) {
            self.wake(group, at);
        }
        self.log.clean(now);
        self.inhibitor.clean(now);
        if now >= self.alerts_cleanup {
            let period = 2 * CLEANUP_NS;
            let last = self.alerts_cleanup.plus_nanos(now.since(self.alerts_cleanup) / period * period);
            self.alerts.retain(|_, a| !a.resolved_at(last));
            self.alerts_cleanup = last.plus_nanos(period);
            self.silences.clean(last, nanos(self.options.retention));
        }
    }

    fn tell(&mut self, event: Event) {
        self.outputs.push(Output::Event(event));
    }

    /// Works out when a group must be looked at next, and notes it.
    fn schedule(&mut self, id: u64) {
        let Some(group) = self.groups.get_mut(&id) else { return };
        let node = &self.tree.nodes()[group.route];
        let wakeup = match &group.flush {
            Some(flush) => {
                let tries = flush.runs.iter().filter(|r| r.state == RunState::Waiting).map(|r| r.next_try);
                // The timer goes on during a flush, but only one of its ticks is remembered.
                let timer = group.late_tick.is_none().then_some(group.timer);
                tries.chain(flush.settles_at).chain(timer).chain([flush.deadline]).min()
            }
            None => match group.empty_since {
                Some(since) => Some(first_tick_after(self.maintenance_base, since, nanos(self.options.maintenance))),
                None => {
                    let tick = group.next_tick(nanos(node.group_interval));
                    let ready = self.started.plus_nanos(nanos(self.options.start_delay));
                    tick.map(|t| t.max(ready))
                }
            },
        };
        if group.wakeup == wakeup {
            return;
        }
        if let Some(old) = group.wakeup {
            self.wakeups.remove(&(old, id));
        }
        group.wakeup = wakeup;
        if let Some(at) = wakeup {
            self.wakeups.insert((at, id));
        }
    }

    fn wake(&mut self, id: u64, at: Time) {
        self.log.clean(at);
        self.inhibitor.clean(at);
        let Some(group) = self.groups.get_mut(&id) else { return };
        let interval = nanos(self.tree.nodes()[group.route].group_interval);
        if let Some(flush) = &group.flush {
            if group.timer <= at && group.late_tick.is_none() {
                group.late_tick = Some(group.timer);
            }
            if flush.deadline <= at {
                self.cut(id, at);
            } else if flush.settles_at.is_some_and(|t| t <= at) {
                self.pipeline(id, at);
            } else {
                self.retry(id, at);
            }
        } else if group.empty_since.is_some() {
            self.end_group(id);
        } else if let Some(tick) = group.next_tick(interval) {
            self.start_flush(id, tick, at);
        }
        self.schedule(id);
    }

    fn start_flush(&mut self, id: u64, tick: Time, at: Time) {
        let Some(group) = self.groups.get_mut(&id) else { return };
        let interval = nanos(self.tree.nodes()[group.route].group_interval);
        group.timer = at.plus_nanos(interval);
        group.quiet_until = Quiet::No;
        group.late_tick = None;
        group.has_flushed = true;
        let settled = self.started.plus_nanos(nanos(self.options.settle));
        group.flush = Some(Flush {
            tick,
            deadline: at.plus_nanos(interval.max(10_000_000_000)),
            alerts: group.freeze(at),
            settles_at: (settled > at).then_some(settled),
            runs: Vec::new(),
        });
        if settled <= at {
            self.pipeline(id, at);
        }
    }

    fn end_group(&mut self, id: u64) {
        let Some(group) = self.groups.remove(&id) else { return };
        if let Some(at) = group.wakeup {
            self.wakeups.remove(&(at, id));
        }
        self.by_labels.remove(&(group.route, group.labels));
        self.tell(Event::GroupEnded { group: group.name });
    }

    /// The answers of muting may have changed: every group's next tick counts.
    fn touch_all(&mut self, now: Time) {
        let ids: Vec<u64> = self.groups.keys().copied().collect();
        for id in ids {
            self.touch(id, now);
        }
    }

    fn touch(&mut self, id: u64, now: Time) {
        let Some(group) = self.groups.get_mut(&id) else { return };
        if group.empty_since.is_some() {
            // Its ticks are worked out when an alert comes.
            return;
        }
        let interval = nanos(self.tree.nodes()[group.route].group_interval);
        group.touch(now, interval);
        self.schedule(id);
    }

    fn delivered(&mut self, now: Time, id: DeliveryId, outcome: Outcome) {
        self.catch_up(now);
        if let Some(group) = self.in_flight.remove(&id) {
            self.take_outcome(group, id, outcome, now);
            self.schedule(group);
        }
    }

    /// Another configuration takes over: groups and inhibitor start anew from the store, the log stays.
    fn reload(&mut self, now: Time, config: Arc<Config>) {
        self.catch_up(now);
        let mut cancelled: Vec<DeliveryId> = self.in_flight.drain().map(|(id, _)| id).collect();
        cancelled.sort_unstable();
        self.outputs.extend(cancelled.into_iter().map(Output::Cancel));
        self.groups.clear();
        self.by_labels.clear();
        self.wakeups.clear();
        self.tree = Arc::new(RouteTree::new(&config, self.version));
        self.inhibitor = Inhibitor::new(&config.inhibit_rules, self.version, now);
        self.config = config;
        self.maintenance_base = now;
        let stored: Vec<(u64, Alert)> = self.alerts.iter().map(|(f, a)| (*f, a.clone())).collect();
        for (fingerprint, alert) in &stored {
            self.inhibitor.take(alert, *fingerprint);
        }
        for (fingerprint, alert) in stored {
            self.dispatch(now, fingerprint, alert);
        }
    }
}

/// The first tick of a clock with this base and period that comes after `since`.
fn first_tick_after(base: Time, since: Time, period_ns: i64) -> Time {
    let period = period_ns.max(1);
    base.plus_nanos((since.since(base).div_euclid(period) + 1).saturating_mul(period))
}
