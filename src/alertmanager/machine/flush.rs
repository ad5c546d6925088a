//! A flush: muting, dedup against the notification log, sending with retry, writing the log.

use std::sync::Arc;

use super::group::{Flush, Frozen, Quiet, Run, RunState};
use super::{Alertmanager, first_tick_after, nanos};
use crate::alertmanager::config::{Integration, IntegrationKind};
use crate::alertmanager::nflog::{Entry, LogKey, needs_update};
use crate::alertmanager::notification::{FrozenAlert, Notification, Reason, Status, common_of};
use crate::alertmanager::output::{Delivery, DeliveryId, Event, GroupRef, IntegrationRef, MutedBy, Outcome, Output};
use crate::alertmanager::retry::{Backoff, is_tried_again};
use crate::alertmanager::routing::RouteNode;
use crate::alertmanager::silence::SilenceState;
use crate::alertmanager::version::Version;
use crate::model::{Labels, Time};

impl Alertmanager {
    /// The stages behind the wait for gossip, at `at`: muting, then every integration.
    pub(super) fn pipeline(&mut self, id: u64, at: Time) {
        let Some(mut group) = self.groups.remove(&id) else { return };
        let Some(mut flush) = group.flush.take() else {
            self.groups.insert(id, group);
            return;
        };
        let tree = self.tree.clone();
        let node = &tree.nodes()[group.route];
        flush.settles_at = None;
        let outside = self.interval_mute(node, flush.tick);
        let mut passing: Vec<&Frozen> = Vec::with_capacity(flush.alerts.len());
        for frozen in &flush.alerts {
            // A real tick comes a little late: a silence that ends with it is over.
            match self.muted_by(&frozen.alert.labels, outside.as_ref(), at.plus_nanos(1)) {
                None => {
                    group.muted.remove(&frozen.fingerprint);
                    passing.push(frozen);
                }
                Some(by) => {
                    if group.muted.get(&frozen.fingerprint) != Some(&by) {
                        group.muted.insert(frozen.fingerprint, by.clone());
                        self.outputs.push(Output::Event(Event::Muted {
                            group: group.name.clone(),
                            alert: frozen.alert.labels.clone(),
                            resolved: frozen.alert.status == Status::Resolved,
                            by,
                        }));
                    }
                }
            }
        }
        let mut runs = Vec::new();
        if !passing.is_empty() {
            let of = |status: Status| {
                let mut prints: Vec<u64> =
                    passing.iter().filter(|f| f.alert.status == status).map(|f| f.fingerprint).collect();
                prints.sort_unstable();
                prints
            };
            let (firing, resolved) = (of(Status::Firing), of(Status::Resolved));
            for integration in &node.receiver.integrations {
                let name = IntegrationRef { kind: integration.kind, index: integration.index };
                let key = LogKey {
                    group_key: group.name.group_key.clone(),
                    receiver: group.name.receiver.clone(),
                    integration: name,
                };
                let entry = self.log.get(&key);
                let now = if self.version >= Version::V0_32 { flush.tick } else { at };
                let mut repeat_before = now.plus_nanos(-nanos(node.repeat_interval));
                if self.options.repeat_at_exact_multiple {
                    repeat_before = repeat_before.plus_nanos(1);
                }
                let reason = needs_update(entry, &firing, &resolved, integration.send_resolved, repeat_before);
                let Some(reason) = reason else {
                    let event = Event::Deduplicated { group: group.name.clone(), integration: name };
                    self.outputs.push(Output::Event(event));
                    continue;
                };
                let wanted = passing.iter().filter(|f| integration.send_resolved || f.alert.status == Status::Firing);
                let alerts: Vec<FrozenAlert> = wanted.map(|f| f.alert.clone()).collect();
                let notification = (!alerts.is_empty()).then(|| {
                    self.notification(node, integration, &group.name.group_key, &group.labels, alerts, reason, at)
                });
                runs.push(Run {
                    integration: integration.clone(),
                    state: RunState::Waiting,
                    firing: firing.clone(),
                    resolved: resolved.clone(),
                    notification,
                    backoff: Backoff::default(),
                    attempt: 0,
                    next_try: at,
                });
            }
        }
        flush.runs = runs;
        group.flush = Some(flush);
        self.groups.insert(id, group);
        self.retry(id, at);
    }

    #[allow(clippy::too_many_arguments)]
    fn notification(
        &self,
        node: &RouteNode,
        integration: &Arc<Integration>,
        group_key: &Arc<str>,
        group_labels: &Labels,
        alerts: Vec<FrozenAlert>,
        reason: Reason,
        at: Time,
    ) -> Arc<Notification> {
        let (common_labels, common_annotations) = common_of(&alerts);
        Arc::new(Notification {
            version: self.version,
            receiver: node.receiver.name.clone(),
            integration: integration.clone(),
            group_key: group_key.clone(),
            group_labels: group_labels.clone(),
            alerts,
            common_labels,
            common_annotations,
            external_url: self.options.external_url.clone(),
            reason,
            route_labels: node.labels.clone(),
            receiver_labels: node.receiver.labels.clone(),
            at,
        })
    }

    /// Starts every try that is due; ends the flush when all are over.
    pub(super) fn retry(&mut self, id: u64, at: Time) {
        let Some(group) = self.groups.get_mut(&id) else { return };
        let Some(flush) = &mut group.flush else { return };
        for place in 0..flush.runs.len() {
            let run = &mut flush.runs[place];
            if run.state != RunState::Waiting || run.next_try > at {
                continue;
            }
            let Some(notification) = run.notification.clone() else {
                // Nothing but resolved alerts for somebody who does not want them: noted as if told.
                run.state = RunState::Done { ok: true };
                let (key, entry) =
                    log_entry(&group.name, run, &self.tree.nodes()[group.route], at, self.options.retention);
                self.log.set(key, entry);
                continue;
            };
            let delivery = DeliveryId(self.next_delivery);
            self.next_delivery += 1;
            run.attempt += 1;
            run.state = RunState::InFlight(delivery);
            run.next_try = at.plus_nanos(run.backoff.next(&mut self.random));
            self.in_flight.insert(delivery, id);
            self.outputs.push(Output::Deliver(Delivery {
                id: delivery,
                notification,
                attempt: run.attempt,
                deadline: flush.deadline,
            }));
        }
        self.finish_if_over(id, at);
    }

    /// A request came to its end.
    pub(super) fn take_outcome(&mut self, id: u64, delivery: DeliveryId, outcome: Outcome, at: Time) {
        let Some(group) = self.groups.get_mut(&id) else { return };
        let Some(flush) = &mut group.flush else { return };
        let deadline = flush.deadline;
        let Some(run) = flush.runs.iter_mut().find(|r| r.state == RunState::InFlight(delivery)) else { return };
        let integration = run.name();
        let event = match verdict(&outcome, run.integration.kind) {
            Verdict::Arrived => {
                run.state = RunState::Done { ok: true };
                let (key, entry) =
                    log_entry(&group.name, run, &self.tree.nodes()[group.route], at, self.options.retention);
                let told = run.notification.iter().flat_map(|n| &n.alerts).filter(|a| a.status == Status::Firing);
                self.accounted.extend(told.map(|a| (a.fingerprint, a.starts_at)));
                self.log.set(key, entry);
                Event::Told { id: delivery, group: group.name.clone(), integration }
            }
            Verdict::TryAgain(reason) if run.next_try.max(at) < deadline => {
                run.state = RunState::Waiting;
                run.next_try = run.next_try.max(at);
                Event::Retrying { id: delivery, reason, at: run.next_try }
            }
            Verdict::TryAgain(reason) => {
                // The next try would come after the end of the flush; it stays in retry until then.
                run.state = RunState::Waiting;
                run.next_try = deadline;
                Event::Lost { id: delivery, group: group.name.clone(), integration, reason }
            }
            Verdict::GivenUp(reason) => {
                run.state = RunState::Done { ok: false };
                Event::Lost { id: delivery, group: group.name.clone(), integration, reason }
            }
        };
        self.tell(event);
        self.retry(id, at);
    }

    /// The time of a flush has run out.
    pub(super) fn cut(&mut self, id: u64, at: Time) {
        let Some(group) = self.groups.get_mut(&id) else { return };
        let Some(flush) = &mut group.flush else { return };
        for run in &mut flush.runs {
            if let RunState::InFlight(delivery) = run.state {
                self.in_flight.remove(&delivery);
                self.outputs.push(Output::Cancel(delivery));
                self.outputs.push(Output::Event(Event::Lost {
                    id: delivery,
                    group: group.name.clone(),
                    integration: run.name(),
                    reason: "context deadline exceeded".to_owned(),
                }));
            }
            if !matches!(run.state, RunState::Done { .. }) {
                run.state = RunState::Done { ok: false };
            }
        }
        flush.settles_at = None;
        self.finish_if_over(id, at);
    }

    fn finish_if_over(&mut self, id: u64, at: Time) {
        let Some(group) = self.groups.get_mut(&id) else { return };
        let Some(flush) = group
            .flush
            .take_if(|f| f.settles_at.is_none() && f.runs.iter().all(|r| matches!(r.state, RunState::Done { .. })))
        else {
            return;
        };
        let ok = flush.runs.iter().all(|r| r.state == RunState::Done { ok: true });
        if ok {
            self.forget_resolved(id, &flush);
        }
        let Some(group) = self.groups.get_mut(&id) else { return };
        if group.members.is_empty() {
            if self.version >= Version::V0_32 {
                self.end_group(id);
                return;
            }
            group.empty_since = Some(at);
            // A tick that waited finds nothing, but the rhythm counts from it.
            if group.late_tick.take().is_some() {
                let interval = nanos(self.tree.nodes()[group.route].group_interval);
                group.timer = at.plus_nanos(interval);
            }
            group.quiet_until = Quiet::Forever;
            return;
        }
        if let Some(tick) = group.late_tick {
            self.start_flush(id, tick, at);
        } else if ok {
            let quiet = self.quiet_after(id, &flush, at);
            if let Some(group) = self.groups.get_mut(&id) {
                group.quiet_until = quiet;
            }
        }
    }

    /// Resolved alerts of a successful flush leave the group, unless they changed meanwhile.
    fn forget_resolved(&mut self, id: u64, flush: &Flush) {
        let Some(group) = self.groups.get_mut(&id) else { return };
        for frozen in flush.alerts.iter().filter(|f| f.alert.status == Status::Resolved) {
            let Some(alert) = group.members.get(&frozen.fingerprint) else { continue };
            if alert.updated_at != frozen.updated_at {
                continue;
            }
            let (starts_at, ends_at) = (alert.starts_at, alert.ends_at);
            group.members.remove(&frozen.fingerprint);
            group.muted.remove(&frozen.fingerprint);
            if self.accounted.insert(frozen.fingerprint, starts_at) != Some(starts_at) {
                self.outputs.push(Output::Event(Event::Swallowed {
                    group: group.name.clone(),
                    alert: frozen.alert.labels.clone(),
                    starts_at,
                    ends_at,
                }));
            }
        }
    }

    /// From when on a tick of a group that was just flushed in peace may do something again.
    fn quiet_after(&self, id: u64, flush: &Flush, at: Time) -> Quiet {
        #[cfg(test)]
        if self.every_tick {
            return Quiet::No;
        }
        let Some(group) = self.groups.get(&id) else { return Quiet::No };
        let node = &self.tree.nodes()[group.route];
        let unchanged = flush.alerts.iter().all(|f| {
            f.alert.status == Status::Resolved
                || group.members.get(&f.fingerprint).is_some_and(|a| a.updated_at == f.updated_at)
        });
        let only_these =
            group.members.len() == flush.alerts.iter().filter(|f| f.alert.status == Status::Firing).count();
        if !unchanged || !only_these || node.shares_key {
            return Quiet::No;
        }
        let mut until: Option<Time> = group.members.values().map(|a| a.ends_at).min();
        let mut sooner = |t: Time| until = Some(until.map_or(t, |u| u.min(t)));
        if let Some(t) = self.silences.next_change(at) {
            sooner(t);
        }
        if let Some(t) = self.inhibitor.next_change(at) {
            sooner(t);
        }
        if !node.mute_time_intervals.is_empty() || !node.active_time_intervals.is_empty() {
            sooner(first_tick_after(Time(0), flush.tick, 60_000_000_000));
        }
        for integration in &node.receiver.integrations {
            let key = LogKey {
                group_key: group.name.group_key.clone(),
                receiver: group.name.receiver.clone(),
                integration: IntegrationRef { kind: integration.kind, index: integration.index },
            };
            if let Some(entry) = self.log.get(&key) {
                let strict = i64::from(!self.options.repeat_at_exact_multiple);
                sooner(entry.at.plus_nanos(nanos(node.repeat_interval)).plus_nanos(strict));
                sooner(self.log.forgotten_at(entry.expires_at));
            }
        }
        until.map_or(Quiet::Forever, Quiet::Until)
    }

    /// Whether a route may send at this tick: the reason when not.
    pub(crate) fn interval_mute(&self, node: &RouteNode, tick: Time) -> Option<MutedBy> {
        let inside = |name: &Arc<str>| {
            let named = self.config.time_intervals.iter().filter(|i| i.name == *name);
            named.flat_map(|i| &i.intervals).any(|i| i.contains(tick))
        };
        if !node.active_time_intervals.is_empty() && !node.active_time_intervals.iter().any(inside) {
            return Some(MutedBy::OutsideActiveIntervals);
        }
        node.mute_time_intervals.iter().find(|n| inside(n)).cloned().map(MutedBy::MuteInterval)
    }

    /// Why an alert may not be told; inhibition first, then intervals, then silences.
    pub(crate) fn muted_by(&self, labels: &Labels, interval: Option<&MutedBy>, at: Time) -> Option<MutedBy> {
        if let Some((rule, source)) = self.inhibitor.mutes(labels, at) {
            return Some(MutedBy::Inhibition { source, rule });
        }
        if let Some(by) = interval {
            return Some(by.clone());
        }
        if self.silences.list().iter().all(|s| s.state(at) != SilenceState::Active) {
            return None;
        }
        let ids = self.silences.muting(labels, at);
        (!ids.is_empty()).then_some(MutedBy::Silences(ids))
    }
}

fn log_entry(
    name: &GroupRef,
    run: &Run,
    node: &RouteNode,
    at: Time,
    retention: std::time::Duration,
) -> (LogKey, Entry) {
    let keep = nanos(node.repeat_interval).saturating_mul(2).min(nanos(retention));
    let key = LogKey { group_key: name.group_key.clone(), receiver: name.receiver.clone(), integration: run.name() };
    let entry =
        Entry { at, firing: run.firing.clone(), resolved: run.resolved.clone(), expires_at: at.plus_nanos(keep) };
    (key, entry)
}

enum Verdict {
    Arrived,
    TryAgain(String),
    GivenUp(String),
}

/// What an answer means: success, tried again, or given up.
fn verdict(outcome: &Outcome, kind: IntegrationKind) -> Verdict {
    match outcome {
        Outcome::Answered { status: 200..=299, .. } => Verdict::Arrived,
        Outcome::Answered { status, body } => {
            let reason = match body.trim() {
                "" => format!("unexpected status code {status}"),
                body => format!("unexpected status code {status}: {body}"),
            };
            if is_tried_again(kind, *status) { Verdict::TryAgain(reason) } else { Verdict::GivenUp(reason) }
        }
        Outcome::Transport(reason) => Verdict::TryAgain(reason.clone()),
        Outcome::Unsendable(reason) => Verdict::GivenUp(reason.clone()),
    }
}
