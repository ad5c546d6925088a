//! How many messages a run sends to one webhook, and what Discord's rate limits would say to them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::runs::Runs;
use crate::alertmanager::Notification;
use crate::alertmanager::config::IntegrationKind;
use crate::discord::rate_advice::{Flood, rate_limited};
use crate::engine::{Engine, Event};
use crate::golang::duration::format_prometheus_duration;
use crate::model::Time;
use crate::rules::RuleKind;
use crate::simulate::receivers::leads_to_discord;

/// Discord's limits of a webhook and of a channel; what [`rate_limited`] counts by.
const LIMITS: &str = "Discord takes 5 requests in 2 s and 30 messages a minute";

/// What there is to say about the busiest webhook of the shown run, and whether Discord would refuse messages to it.
pub fn reason(runs: &Runs) -> Option<(String, bool)> {
    let engine = runs.shown();
    let mut by_url: BTreeMap<&str, Vec<(Time, &Arc<Notification>)>> = BTreeMap::new();
    for entry in engine.journal().entries() {
        if let Event::Notification { notification, url, .. } = &entry.event
            && leads_to_discord(notification.kind(), url)
        {
            by_url.entry(url).or_default().push((entry.at, notification));
        }
    }
    let busiest = by_url.into_values().max_by_key(|sent| (of(sent).refused, sent.len()))?;
    let times: Vec<Time> = busiest.iter().map(|(at, _)| *at).collect();
    let flood = Flood::of(&times).filter(Flood::is_too_much)?;
    let scenario = &runs.schedule.scenario;
    let minutes = (scenario.end + scenario.idle_before) / 60.0;
    let minute = most_within(&times, 60_000_000_000);
    let mut text = format!(
        "{} messages in {minutes:.0} minutes to one webhook, {} in the busiest ten, {minute} in the busiest one, {} \
         within two seconds; {LIMITS}, and would answer 429 to ",
        flood.messages,
        flood.busiest,
        most_within(&times, 2_000_000_000)
    );
    match rate_limited(&times).first().and_then(|i| busiest.get(*i)) {
        None => text.push_str("none of them, but nobody reads that many"),
        Some((at, told)) => {
            let patient = if told.kind() == IntegrationKind::Discord {
                format!("Alertmanager {} does not try those again before the group's next tick", told.version)
            } else {
                "those are lost until the group's next tick".to_owned()
            };
            text.push_str(&format!("{}, the first at {:.0} s: {patient}", flood.refused, scenario.seconds(*at)));
        }
    }
    text.push_str(&flapping(engine, &busiest).unwrap_or_default());
    Some((text, flood.refused > 0))
}

fn of(sent: &[(Time, &Arc<Notification>)]) -> Flood {
    let times: Vec<Time> = sent.iter().map(|(at, _)| *at).collect();
    Flood::of(&times).unwrap_or(Flood { messages: 0, busiest: 0, busiest_from: Time(0), refused: 0 })
}

fn most_within(times: &[Time], window_ns: i64) -> usize {
    let within = |(i, from): (usize, &Time)| times[i..].iter().take_while(|t| t.since(*from) < window_ns).count();
    times.iter().enumerate().map(within).max().unwrap_or(0)
}

/// What the alert that speaks most could send at worst: a message at every evaluation that its group may tell.
fn flapping(engine: &Engine, sent: &[(Time, &Arc<Notification>)]) -> Option<String> {
    let mut counts: BTreeMap<&str, (usize, &Notification)> = BTreeMap::new();
    for (_, told) in sent {
        for name in told.alerts.iter().filter_map(|a| a.labels.get("alertname")) {
            counts.entry(name).or_insert((0, told)).0 += 1;
        }
    }
    let (name, (_, told)) = counts.into_iter().max_by_key(|(_, (count, _))| *count)?;
    let groups = &engine.config().prometheus.as_ref()?.groups;
    let group =
        groups.iter().find(|g| g.rules.iter().any(|r| matches!(r.kind, RuleKind::Alerting(_)) && &*r.name == name))?;
    let routes = engine.alertmanager()?.routes();
    let key = |key: &str| told.group_key.strip_prefix(key).is_some_and(|rest| rest.starts_with(':'));
    let node = routes.nodes().iter().find(|n| n.receiver.name == told.receiver && key(&n.key))?;
    let tick = i64::try_from(node.group_interval.as_nanos()).unwrap_or(i64::MAX);
    // Without the end of an alert, every second change is told.
    let changes = if told.integration.send_resolved { 1 } else { 2 };
    let gap = tick.max(group.interval_ns.saturating_mul(changes)).max(1);
    let a_minute = 60_000_000_000 / gap;
    (a_minute > 0).then(|| {
        format!(
            "; `{name}` flapping at every evaluation ({}) with group_interval {} could send {a_minute} a minute",
            format_prometheus_duration(group.interval_ns),
            format_prometheus_duration(tick)
        )
    })
}
