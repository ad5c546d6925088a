//! Whether alerts of a running stack arrive on Discord: seen by labkit's own stand-in when it listens, else by
//! Alertmanager's counters.

use serde_json::json;

use super::connection::{self, standing};
use super::{Arrived, LiveWorld, rules};
use crate::check::probe::alertmanager::Counted;
use crate::check::probe::prometheus::{NoData, Rule};
use crate::check::{Finding, Messages, Outcome, Stage};
use crate::report::Basis;

/// The shortest and the longest time that is watched, in seconds.
const WATCH: (f64, f64) = (45.0, 300.0);
/// What an alert needs besides its `for`: scrape, evaluation, grouping.
const ON_TOP: f64 = 60.0;
/// Seconds within which a Prometheus that runs knows whom it sends alerts to.
const KNOWN_WITHIN: f64 = 15.0;
/// Integrations that end at Discord.
const INTEGRATIONS: [&str; 3] = ["discord", "slack", "webhook"];

/// Messages about alerts come, whatever the load.
pub fn messages(world: &mut LiveWorld<'_>, step: &Messages) -> Outcome {
    let (found, _) = match rules::loaded(world, &step.of) {
        Ok(found) => found,
        Err(outcome) => return *outcome,
    };
    if let Err(standing) = connection::alertmanager(world) {
        return standing.behind(Stage::AlertmanagerConfig);
    }
    match alertmanagers(world) {
        Ok(list) if list.is_empty() => {
            return Outcome::Fails(
                Finding::observed("a Prometheus that sends alerts to nobody", "Alertmanager's address under alerting")
                    .basis(Basis::Live)
                    .stage(Stage::Delivery)
                    .cause("no-alertmanager"),
            );
        }
        Ok(_) => {}
        Err(no) => return standing("Prometheus", "--prometheus", world.prometheus.address(), &no).outcome(),
    }
    watch(world, &step.of, &found)
}

/// Whom Prometheus sends alerts to; one that has just started knows it after some seconds.
fn alertmanagers(world: &LiveWorld<'_>) -> Result<Vec<String>, NoData> {
    let mut list = world.prometheus.alertmanagers();
    world.within(KNOWN_WITHIN, "waiting until Prometheus knows its Alertmanager", || {
        if list.as_ref().is_ok_and(Vec::is_empty) {
            list = world.prometheus.alertmanagers();
        }
        match &list {
            Ok(none) if none.is_empty() => Outcome::Inconclusive(Finding::default()),
            _ => Outcome::Holds(Finding::default()),
        }
    });
    list
}

/// Which alerts fired, and what arrived.
#[derive(Debug, Default)]
struct Seen {
    fired: bool,
    at_alertmanager: bool,
    tried: f64,
    arrived: f64,
    /// Whether the counter went up while only these alerts had fired for a while.
    counted_alone: bool,
    /// Messages at the stand-in that name no alert.
    unnamed: usize,
}

/// Alerts that fired in a stretch of the log of alerts.
fn fired_within(world: &LiveWorld<'_>, stretch: &str) -> Vec<String> {
    let log = format!("count by (alertname) (last_over_time(ALERTS{{alertstate=\"firing\"}}[{stretch}]))");
    let series = world.prometheus.query(&log).unwrap_or_default();
    series.iter().filter_map(|s| s.metric["alertname"].as_str().map(str::to_owned)).collect()
}

fn watch(world: &LiveWorld<'_>, set: &str, found: &[Rule]) -> Outcome {
    let longest = found.iter().map(|r| r.hold).fold(0.0, f64::max);
    let time = (longest + ON_TOP).clamp(WATCH.0, WATCH.1);
    let start = world.tape().steady();
    let began = world.tape().wall() + world.clock_ahead();
    let ours = |name: &String| found.iter().any(|r| r.name == *name);
    let mut seen = Seen::default();
    loop {
        if let Some(message) = arrived(world, found, &mut seen) {
            return Outcome::Holds(
                Finding::said(format!("observed a message about {message} at the stand-in for Discord"))
                    .basis(Basis::Live)
                    .evidence([how("--discord-listen: messages were received by labkit itself")]),
            );
        }
        look(world, found, began, &mut seen);
        if seen.fired && (world.settings.arrived.is_none() && seen.arrived > 0.0 || seen.unnamed > 0) {
            let others: Vec<String> = fired_within(world, "1d").into_iter().filter(|n| !ours(n)).collect();
            if others.is_empty() || seen.counted_alone {
                return Outcome::Holds(
                    Finding::said(format!(
                        "observed {} firing, and {} notifications that Discord took",
                        rules::names(found),
                        seen.arrived.max(seen.unnamed as f64)
                    ))
                    .basis(Basis::Live)
                    .evidence([how(if others.is_empty() {
                        "Alertmanager's counters and Prometheus' log of alerts: no other alert fired within a day"
                    } else {
                        "Alertmanager's counters and Prometheus' log of alerts: the counter went up while no other alert had fired for a while"
                    })]),
                );
            }
        }
        let left = start + time - world.tape().steady();
        if left <= 0.0 {
            break;
        }
        if world.stopped() {
            return super::by_hand();
        }
        (world.settings.waiting)(&format!("waiting for {} to fire, {:.0} s at most", rules::names(found), left));
        world.tape().sleep(1.0);
    }
    broken(world, set, found, &seen, time)
}

fn how(text: &str) -> serde_json::Value {
    json!({"kind": "text", "text": format!("how messages were observed: {text}")})
}

/// The name of an alert that a received message is about.
fn arrived(world: &LiveWorld<'_>, found: &[Rule], seen: &mut Seen) -> Option<String> {
    let messages = world.arrived()?;
    let taken: Vec<&Arrived> = messages.iter().filter(|m| matches!(m.answer, Some(200..=299))).collect();
    seen.unnamed = taken.iter().filter(|m| super::messages::names_no_alert(m)).count();
    found.iter().find(|r| taken.iter().any(|m| super::messages::mentions(m, &r.name))).map(|r| r.name.clone())
}

/// Looks once; what cannot be asked in this moment is asked again in the next.
fn look(world: &LiveWorld<'_>, found: &[Rule], began: f64, seen: &mut Seen) {
    let now = world.tape().wall() + world.clock_ahead();
    for rule in found {
        let name = rule.name.replace('\\', "\\\\").replace('"', "\\\"");
        let expr = format!("ALERTS{{alertname=\"{name}\",alertstate=\"firing\"}}");
        // An alert that fired in the last minutes counts as well.
        if let Ok(series) = world.prometheus.query_range(&expr, began - 600.0, now, 5.0) {
            seen.fired |= series.iter().any(|s| !s.points.is_empty());
        }
    }
    if let Ok(alerts) = world.alertmanager.alerts() {
        seen.at_alertmanager |= alerts.iter().any(|l| found.iter().any(|r| l["alertname"] == r.name.as_str()));
    }
    if let Some(counted) = counted(world) {
        if seen.tried > 0.0 && counted.arrived() > seen.arrived && world.settings.arrived.is_none() {
            let lately = fired_within(world, "330s");
            let alone = !lately.is_empty() && lately.iter().all(|n| found.iter().any(|r| r.name == *n));
            seen.counted_alone |= alone;
        }
        (seen.tried, seen.arrived) = (counted.tried, counted.arrived());
    }
}

/// Notifications of all integrations that end at Discord; nothing when Alertmanager cannot be asked now.
fn counted(world: &LiveWorld<'_>) -> Option<Counted> {
    let mut sum = Counted::default();
    for integration in INTEGRATIONS {
        let one = world.alertmanager.notifications(integration).ok()?;
        sum.tried += one.tried;
        sum.failed += one.failed;
    }
    Some(sum)
}

/// How many notifications arrived so far.
pub fn delivered(world: &LiveWorld<'_>) -> Option<f64> {
    counted(world).map(Counted::arrived)
}

/// The first link of the chain at which it ended.
fn broken(world: &LiveWorld<'_>, set: &str, found: &[Rule], seen: &Seen, time: f64) -> Outcome {
    let names = rules::names(found);
    let wanted = "a message on Discord";
    if !seen.fired && !seen.at_alertmanager {
        return Outcome::Inconclusive(
            Finding::said(format!("observed no firing alert among the {} in {time:.0} s", world.title_of(set)))
                .hint("run again, or let `labkit mock --script` serve values that must alert in place of the mock")
                .basis(Basis::Live),
        );
    }
    let link = |observed: String, stage: Stage| {
        Outcome::Fails(Finding::observed(observed, wanted).basis(Basis::Live).stage(stage))
    };
    if !seen.at_alertmanager && seen.tried == 0.0 {
        return link(format!("{names} firing in Prometheus, nothing of it in Alertmanager"), Stage::Delivery);
    }
    if seen.tried == 0.0 {
        return link(
            format!("{names} in Alertmanager, and no notification to Discord within {time:.0} s"),
            Stage::Routing,
        );
    }
    if seen.arrived == 0.0 {
        let tried = if seen.tried == 1.0 { "1 try".to_owned() } else { format!("{} tries", seen.tried) };
        let observed = format!("{names} firing and {tried} of Alertmanager to tell it, all of which failed");
        return match link(observed, Stage::Notification) {
            Outcome::Fails(f) => Outcome::Fails(
                f.hint("look at Alertmanager's log for Discord's answer, and check the webhook's address"),
            ),
            other => other,
        };
    }
    if world.settings.arrived.is_none() || seen.unnamed > 0 {
        return Outcome::Review(
            Finding::observed(
                format!(
                    "{names} firing and {} notifications that Discord took, some of them about other alerts",
                    seen.arrived
                ),
                "to know whether one is about these",
            )
            .hint("look at the channel on Discord; or let labkit receive the messages with --discord-listen")
            .basis(Basis::Live),
        );
    }
    link(
        format!("{} notifications that somebody took, none of them at the stand-in for Discord", seen.arrived),
        Stage::Notification,
    )
}
