//! The chain from metric to Discord: the first link that is broken for a set of alerts, in the words of a teacher.

use serde_json::{Value, json};

use super::Simulated;
use super::alerts::Place;
use super::bridge::{self, Arrives};
use super::value::{Compared, compared};
use crate::alertmanager::{self, MutedBy, Outcome, Status};
use crate::check::{Finding, Stage};
use crate::engine::{Engine, Event, SendOutcome};
use crate::golang::duration::format_prometheus_duration;
use crate::rules::{AlertState, RuleKind, RuleSpec};
use crate::simulate::Scenario;

/// What is asked of one run.
pub struct Question<'a> {
    /// The run.
    pub engine: &'a Engine,
    /// Its scenario.
    pub scenario: &'a Scenario,
    /// The alerts.
    pub places: &'a [Place],
    /// From when on, in seconds.
    pub from: f64,
    /// Until when.
    pub until: f64,
    /// Why alerts do not arrive at Alertmanager, in words for a student.
    pub lost: Option<&'a str>,
    /// What talks to Discord.
    pub world: &'a Simulated<'a>,
}

/// What the alerts of a set went through in a stretch of a run.
#[derive(Default)]
struct Way {
    errors: Vec<String>,
    became_active: bool,
    longest_pending: f64,
    fired: bool,
    sent: Option<SendOutcome>,
    muted: Option<MutedBy>,
    swallowed: bool,
    lost: Option<String>,
    /// The receiver that was told, and why that is not Discord.
    elsewhere: Option<(String, String)>,
    refused: Option<String>,
}

/// Where the chain breaks, with the links as evidence.
pub fn broken_link(question: &Question<'_>) -> Finding {
    let way = walk(question);
    let (finding, stage) = explain(question, &way);
    let links = links(&way, stage);
    finding.stage(stage).evidence([json!({"kind": "chain", "links": links})])
}

fn walk(question: &Question<'_>) -> Way {
    let mut way = Way::default();
    let within = |t: f64| t >= question.from && t <= question.until;
    let mut pending: Vec<(crate::model::Labels, f64)> = Vec::new();
    for entry in question.engine.journal().entries() {
        let t = question.scenario.seconds(entry.at);
        match &entry.event {
            Event::RuleError { group, rule, name, error } if question.places.contains(&(*group, *rule)) => {
                way.errors.push(format!("rule {name}: {error}"));
            }
            Event::Alert { group, rule, change, .. } if question.places.contains(&(*group, *rule)) => {
                let open = pending.iter().position(|(l, _)| *l == change.labels);
                if let Some((_, since)) = open.map(|i| pending.swap_remove(i)) {
                    let overlap = t.min(question.until) - since.max(question.from);
                    way.longest_pending = way.longest_pending.max(overlap);
                    way.became_active |= overlap >= 0.0;
                }
                if change.to == AlertState::Pending {
                    pending.push((change.labels.clone(), t));
                    way.became_active |= within(t);
                }
                way.fired |= change.to == AlertState::Firing && within(t);
            }
            Event::Sent { group, rule, outcome, alerts, .. }
                if question.places.contains(&(*group, *rule))
                    && within(t)
                    && alerts.iter().any(|a| a.ends_at > entry.at)
                    && way.sent != Some(SendOutcome::Delivered) =>
            {
                way.sent = Some(outcome.clone());
            }
            Event::Notification { notification, outcome, url, .. } if within(t) => {
                let told =
                    notification.alerts.iter().any(|a| a.status == Status::Firing && is_ours(question, &a.labels));
                let arrives = bridge::arrives(question.world, notification.kind(), url);
                if told && arrives == Arrives::Yes {
                    match outcome {
                        Outcome::Answered { status: 200..=299, .. } => {}
                        Outcome::Answered { status, body } => {
                            way.refused.get_or_insert_with(|| format!("Discord answers {status} ({body})"));
                        }
                        Outcome::Transport(why) | Outcome::Unsendable(why) => {
                            way.refused.get_or_insert_with(|| why.clone());
                        }
                    }
                } else if told {
                    let why = match arrives {
                        Arrives::No(Some(why)) | Arrives::Open(why) => format!(": {why}"),
                        Arrives::No(None) | Arrives::Yes => String::new(),
                    };
                    way.elsewhere = Some((notification.receiver.to_string(), why));
                }
            }
            Event::Alertmanager(event) if within(t) => note(&mut way, question, event),
            _ => {}
        }
    }
    for (_, since) in pending {
        way.longest_pending = way.longest_pending.max(question.until - since.max(question.from));
    }
    way.fired |= way.became_active && question.places.iter().any(|p| hold(question, *p) == 0);
    way
}

fn note(way: &mut Way, question: &Question<'_>, event: &alertmanager::Event) {
    match event {
        alertmanager::Event::Muted { alert, by, resolved: false, .. } if is_ours(question, alert) => {
            way.muted = Some(by.clone());
        }
        alertmanager::Event::Swallowed { alert, .. } if is_ours(question, alert) => way.swallowed = true,
        alertmanager::Event::Lost { reason, .. } => way.lost = Some(reason.clone()),
        _ => {}
    }
}

/// Whether an alert as told comes from one of the rules in question: external labels may have been added.
fn is_ours(question: &Question<'_>, labels: &crate::model::Labels) -> bool {
    let name = labels.get("alertname").unwrap_or("");
    question.places.iter().filter_map(|p| rule(question, *p)).any(|r| &*r.name == name)
}

fn rule<'a>(question: &Question<'a>, (group, rule): Place) -> Option<&'a RuleSpec> {
    question.engine.config().prometheus.as_ref()?.groups.get(group)?.rules.get(rule)
}

fn hold(question: &Question<'_>, place: Place) -> i64 {
    match rule(question, place).map(|r| &r.kind) {
        Some(RuleKind::Alerting(a)) => a.for_ns,
        _ => 0,
    }
}

fn explain(question: &Question<'_>, way: &Way) -> (Finding, Stage) {
    let names: Vec<String> =
        question.places.iter().filter_map(|p| rule(question, *p)).map(|r| format!("`{}`", r.name)).collect();
    let names = names.join(", ");
    if let Some(error) = way.errors.first() {
        let finding =
            Finding::observed(format!("an error at every evaluation, {error}"), "a rule that can be evaluated");
        return (finding, Stage::Evaluation);
    }
    if !way.became_active && !way.fired {
        return (never_true(question, &names), Stage::Evaluation);
    }
    if !way.fired {
        let wanted = question.places.iter().map(|p| hold(question, *p)).min().unwrap_or(0);
        let finding = Finding::observed(
            format!("{names} pending for {:.0} s at most", way.longest_pending),
            format!("a condition that holds for the {} of `for`", format_prometheus_duration(wanted)),
        );
        return (finding, Stage::Evaluation);
    }
    match &way.sent {
        None => {
            let finding =
                Finding::observed(format!("{names} firing but dropped by relabelling"), "the alert at Alertmanager");
            return (finding, Stage::Delivery);
        }
        Some(SendOutcome::NoAlertmanager) => {
            let finding = Finding::observed(
                format!("{names} firing, but no Alertmanager known to Prometheus"),
                "an alerting block that names it",
            )
            .hint("add `alerting: alertmanagers:` with the address of Alertmanager to prometheus.yml")
            .cause("no-alertmanager");
            return (finding, Stage::Delivery);
        }
        Some(SendOutcome::Unreachable(reason)) => {
            let reason = question.lost.unwrap_or(reason);
            if reason.contains(" answers ") {
                let finding = Finding::observed(
                    format!("{names} firing, but not taken: {reason}"),
                    "a path that Alertmanager serves",
                )
                .hint("remove `path_prefix` and `api_version` under `alertmanagers:`, or write the prefix that Alertmanager's command line has (`--web.route-prefix`, or the path of `--web.external-url`)")
                .cause("alertmanager-path");
                return (finding, Stage::Delivery);
            }
            let finding = Finding::observed(format!("{names} firing, but Alertmanager out of reach: {reason}"), "an address of Alertmanager that Prometheus can reach")
                .hint("ask from where Prometheus calls Alertmanager: a service name on a shared network, or localhost only on the host network")
                .cause("alertmanager-unreachable");
            return (finding, Stage::Delivery);
        }
        Some(SendOutcome::Delivered) => {}
    }
    after_delivery(question, way, &names)
}

fn after_delivery(question: &Question<'_>, way: &Way, names: &str) -> (Finding, Stage) {
    if let Some(by) = &way.muted {
        let why = match by {
            MutedBy::Inhibition { source, rule } => {
                format!(
                    "inhibited by `{}` (inhibit rule {})",
                    source.get("alertname").unwrap_or("another alert"),
                    rule + 1
                )
            }
            MutedBy::MuteInterval(name) => format!("muted by the interval `{name}`"),
            MutedBy::OutsideActiveIntervals => "outside the route's active intervals".to_owned(),
            MutedBy::Silences(_) => "silenced".to_owned(),
        };
        return (
            Finding::observed(format!("{names} at Alertmanager, but {why}"), "a message on Discord"),
            Stage::Routing,
        );
    }
    if let Some(reason) = way.refused.as_ref().or(way.lost.as_ref()) {
        let finding = Finding::observed(
            format!("{names} sent, but not accepted: {reason}"),
            "a message that Discord accepts",
        )
        .hint(if reason.contains("template:") {
            "mend the template of the title or message: it must be defined in a file that `templates:` names"
        } else if reason.contains("_file: open") {
            "put the file with the URL into Alertmanager's container, at the path the configuration names"
        } else {
            "use `discord_configs` with `webhook_url`: Discord does not understand Alertmanager's generic webhook"
        })
        .cause(format!("refused: {reason}"));
        return (finding, Stage::Notification);
    }
    if let Some((receiver, why)) = &way.elsewhere {
        let finding = Finding::observed(
            format!("{names} told to receiver `{receiver}`, which is not Discord{why}"),
            "a message on Discord",
        )
        .cause(format!("receiver {receiver} is not Discord"));
        return (finding, Stage::Routing);
    }
    if let Some(receiver) = silent_receiver(question) {
        let finding = Finding::observed(
            format!("{names} routed to receiver `{receiver}`, which sends nothing"),
            "a receiver with `discord_configs`",
        )
        .hint(format!("give the receiver {receiver} a discord_configs entry, or route the alert to one that has it"))
        .cause(format!("receiver {receiver} sends nothing"));
        return (finding, Stage::Routing);
    }
    if way.swallowed {
        let finding = Finding::observed(
            format!("{names} over before its group was told: it fired and ended within group_wait or group_interval"),
            "a message while the alert fires",
        )
        .hint("shorten group_wait and group_interval; the lab's template has 0s and 1s");
        return (finding, Stage::Notification);
    }
    let finding = Finding::observed(format!("{names} at Alertmanager, but no message in time"), "a message on Discord")
        .hint("look at group_wait and group_interval: they delay messages");
    (finding, Stage::Notification)
}

/// The receiver that the alerts end at, when it has nothing to send with.
fn silent_receiver(question: &Question<'_>) -> Option<String> {
    let alertmanager = question.engine.alertmanager()?;
    let config = alertmanager.config();
    let labels = question.engine.journal().entries().iter().find_map(|e| match &e.event {
        Event::Sent { group, rule, alerts, .. } if question.places.contains(&(*group, *rule)) => {
            alerts.first().map(|a| a.labels.clone())
        }
        _ => None,
    })?;
    let nodes = alertmanager.routes().matching(&labels);
    let names: Vec<_> = nodes.iter().map(|n| alertmanager.routes().nodes()[*n].receiver.name.clone()).collect();
    names
        .iter()
        .find(|name| config.receiver(name).is_some_and(|r| r.integrations.is_empty()))
        .map(|name| name.to_string())
}

fn never_true(question: &Question<'_>, names: &str) -> Finding {
    let Some(rule) = question.places.first().and_then(|p| rule(question, *p)) else {
        return Finding::observed("no such rule", "a rule");
    };
    let from = question.scenario.time(question.from);
    let until = question.scenario.time(question.until);
    match compared(question.engine, rule, from, until) {
        Compared::NoSeries => Finding::observed(
            format!("the expression of {names} never selecting a series: `{}`", rule.text),
            "an expression over metrics and labels that exist",
        )
        .hint("run the expression on Prometheus' Graph page and take parts away until something comes back"),
        Compared::Range { low, high, against } => {
            let against = against.map_or_else(String::new, |a| format!(", compared with {a}"));
            Finding::observed(
                format!("the condition of {names} never holding: the value went from {low} to {high}{against}"),
                "a condition that the load fulfils",
            )
        }
        Compared::Unknown => {
            Finding::observed(format!("the condition of {names} never holding"), "a condition that holds")
        }
    }
}

fn links(way: &Way, broken: Stage) -> Vec<Value> {
    let active = way.became_active || way.fired;
    let delivered = way.sent == Some(SendOutcome::Delivered);
    let stages = [
        (
            Stage::Evaluation,
            "rule",
            if way.fired {
                "an alert fires"
            } else if active {
                "pending, never firing"
            } else {
                "never active"
            },
        ),
        (Stage::Delivery, "delivery", if delivered { "Alertmanager has it" } else { "Alertmanager does not have it" }),
        (Stage::Routing, "routing", "to a receiver that tells Discord"),
        (Stage::Notification, "notification", "a message that Discord accepts"),
    ];
    stages
        .into_iter()
        .map(|(stage, name, what)| {
            let ok = match stage.cmp(&broken) {
                std::cmp::Ordering::Less => Some(true),
                std::cmp::Ordering::Equal => Some(false),
                std::cmp::Ordering::Greater => None,
            };
            json!({"stage": name, "what": what, "ok": ok})
        })
        .collect()
}
