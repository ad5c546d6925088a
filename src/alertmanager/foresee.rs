//! What would be sent for one alert, and when: an Alertmanager of its own is given the alert and played to the end.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::alert::PostableAlert;
use super::config::Config;
use super::machine::{Alertmanager, Options};
use super::notification::{Notification, Reason, Status};
use super::notify::{Outgoing, render};
use super::output::{Event, Input, MutedBy, Outcome, Output};
use super::silence::PostableSilence;
use super::template::Templates;
use super::version::Version;
use crate::model::{Labels, Time};

/// So many lines are told.
const LINES: usize = 100;
/// So many ticks are played: a group_interval of a millisecond must not keep anybody waiting.
const TICKS: usize = 200_000;

/// What is asked.
#[derive(Clone, Debug)]
pub struct Question<'a> {
    /// The configuration.
    pub config: &'a Arc<Config>,
    /// The release.
    pub version: Version,
    /// The definitions its texts call.
    pub templates: &'a Templates,
    /// The alert.
    pub labels: &'a Labels,
    /// When it fires.
    pub at: Time,
    /// For how long.
    pub lasts: Duration,
    /// The silences there are.
    pub silences: &'a [PostableSilence],
    /// Other alerts that fire all the while.
    pub others: &'a [Labels],
}

/// Something that would happen.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Foreseen {
    /// Seconds after the alert fires.
    pub after: f64,
    /// `firing`, `resolved`, `muted`, `swallowed`, `lost`.
    pub what: &'static str,
    /// The receiver.
    pub receiver: String,
    /// How it is told, for example `discord[0]`; none when nothing is sent.
    pub integration: Option<String>,
    /// Why it is sent then, or why not.
    pub why: String,
    /// The title or subject that is sent, where there is one.
    pub title: Option<String>,
}

/// Plays the alert from its begin to its end, and until its end was told.
pub fn foresee(question: &Question<'_>) -> Vec<Foreseen> {
    let at = question.at;
    let nanos = |d: Duration| i64::try_from(d.as_nanos()).unwrap_or(i64::MAX / 8);
    let ends_at = at.plus_nanos(nanos(question.lasts));
    let mut machine = Alertmanager::new(question.config.clone(), question.version, Options::default(), at);
    for silence in question.silences {
        // One that is over, or is none, mutes nothing.
        let _ = machine.set_silence(at, PostableSilence { id: None, ..silence.clone() });
    }
    let routes = machine.routes().clone();
    let reach = routes.matching(question.labels).into_iter().map(|n| &routes.nodes()[n]);
    let wait = reach.map(|n| nanos(n.group_wait).max(nanos(n.group_interval))).max().unwrap_or(0);
    let end = ends_at.plus_nanos(wait).plus_nanos(1);
    let post = |labels: &Labels, ends_at: Time| PostableAlert {
        labels: labels.clone(),
        starts_at: Some(at),
        ends_at: Some(ends_at),
        ..PostableAlert::default()
    };
    let others = question.others.iter().filter(|l| *l != question.labels).map(|l| post(l, end.plus_nanos(1)));
    let alerts = others.chain([post(question.labels, ends_at)]).collect();
    machine.handle(at, Input::Alerts(alerts));
    let mut found = Vec::new();
    for _ in 0..TICKS {
        let Some(now) = machine.next_wakeup().filter(|t| *t <= end) else { break };
        for output in machine.poll(now) {
            let after = now.since(at) as f64 / 1e9;
            match output {
                Output::Deliver(delivery) => {
                    let (seen, outcome) = sent(question, after, &delivery.notification);
                    found.extend(seen);
                    machine.handle(now, Input::Delivered { id: delivery.id, outcome });
                }
                Output::Event(event) => found.extend(unsent(question, after, &event)),
                Output::Cancel(_) => {}
            }
        }
        if found.len() >= LINES {
            break;
        }
    }
    found
}

fn sent(question: &Question<'_>, after: f64, told: &Notification) -> (Option<Foreseen>, Outcome) {
    let about = told.alerts.iter().find(|a| a.labels == *question.labels);
    let rendered = render(told, question.templates, &|_| Ok("http://localhost/".into()));
    let (what, why, title, outcome) = match &rendered {
        Ok(outgoing) => {
            let firing = about.is_some_and(|a| a.status == Status::Firing);
            let what = if firing { "firing" } else { "resolved" };
            let outcome = Outcome::Answered { status: 200, body: String::new() };
            (what, words(told.reason).to_owned(), title(outgoing), outcome)
        }
        Err(e) => ("lost", e.to_string(), None, Outcome::Unsendable(e.to_string())),
    };
    let seen = about.map(|_| Foreseen {
        after,
        what,
        receiver: told.receiver.to_string(),
        integration: Some(format!("{}[{}]", told.kind().as_str(), told.integration.index)),
        why,
        title,
    });
    (seen, outcome)
}

fn words(reason: Reason) -> &'static str {
    match reason {
        Reason::First => "first message of the group",
        Reason::NewAlerts => "new in its group",
        Reason::SomeResolved => "part of the group is over",
        Reason::AllResolved => "the group is over",
        Reason::Repeat => "repeat_interval has passed",
        Reason::Unknown => "",
    }
}

fn title(outgoing: &Outgoing) -> Option<String> {
    match outgoing {
        Outgoing::Request(request) => {
            let body: serde_json::Value = serde_json::from_str(&request.body).ok()?;
            body["embeds"][0]["title"].as_str().map(str::to_owned)
        }
        Outgoing::Record(record) => {
            let named = ["title", "subject", "summary", "message", "description"];
            let text = |name: &str| record.texts.iter().find(|(field, _)| &**field == name);
            named.into_iter().find_map(text).map(|(_, text)| text.clone())
        }
    }
}

fn unsent(question: &Question<'_>, after: f64, event: &Event) -> Option<Foreseen> {
    let (what, group, why) = match event {
        Event::Muted { group, alert, by, .. } if alert == question.labels => ("muted", group, muted(by)),
        Event::Swallowed { group, alert, .. } if alert == question.labels => {
            ("swallowed", group, "over before its group was looked at: nobody is told".to_owned())
        }
        _ => return None,
    };
    Some(Foreseen { after, what, receiver: group.receiver.to_string(), integration: None, why, title: None })
}

fn muted(by: &MutedBy) -> String {
    match by {
        MutedBy::Inhibition { source, rule } => format!("inhibited by {source} (inhibit rule {})", rule + 1),
        MutedBy::MuteInterval(name) => format!("inside time interval {name}"),
        MutedBy::OutsideActiveIntervals => "outside every active time interval of its route".to_owned(),
        MutedBy::Silences(_) => "silenced".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{MatchOp, Matcher};
    use crate::text::SourceText;

    const FILE: &str = "
route: {receiver: a, group_by: [n], group_wait: 10s, group_interval: 1m, repeat_interval: 5m}
receivers:
- name: a
  discord_configs: [{webhook_url: 'https://discord.com/api/webhooks/1/t', title: '{{ .Status }} {{ len .Alerts }}'}]
inhibit_rules:
- {source_matchers: [n=loud], target_matchers: [n=quiet]}
";

    fn play(name: &str, seconds: u64, silenced_for: Option<i64>, others: &[&str]) -> Vec<(f64, &'static str, String)> {
        let loaded = Config::load(&SourceText::new("am.yml", FILE), Version::LATEST);
        let at = Time::from_millis(1_700_000_000_000);
        let silence = silenced_for.map(|seconds| PostableSilence {
            id: None,
            matchers: vec![Matcher::new(MatchOp::Equal, "n", name, false).expect("no pattern")],
            starts_at: at,
            ends_at: at.plus_nanos(seconds * 1_000_000_000),
            created_by: "t".into(),
            comment: "t".into(),
        });
        let others: Vec<Labels> = others.iter().map(|n| Labels::from_pairs([("n", *n)])).collect();
        let question = Question {
            config: &Arc::new(loaded.config.expect("a good file")),
            version: Version::LATEST,
            templates: &Templates::new(Version::LATEST),
            labels: &Labels::from_pairs([("n", name)]),
            at,
            lasts: Duration::from_secs(seconds),
            silences: silence.as_slice(),
            others: &others,
        };
        foresee(&question).into_iter().map(|f| (f.after, f.what, f.title.unwrap_or_default())).collect()
    }

    #[test]
    fn messages_come_with_the_ticks_and_repeat_late() {
        let wanted = [(10.0, "firing", "firing 1"), (370.0, "firing", "firing 1"), (430.0, "resolved", "resolved 1")];
        assert_eq!(play("x", 400, None, &[]), wanted.map(|(t, what, title)| (t, what, title.to_owned())));
    }

    #[test]
    fn what_is_not_told_is_said_too() {
        let what = |found: Vec<(f64, &'static str, String)>| found.iter().map(|(t, w, _)| (*t, *w)).collect::<Vec<_>>();
        assert_eq!(what(play("x", 5, None, &[])), [(10.0, "swallowed")]);
        assert_eq!(what(play("x", 100, Some(60), &[])), [(10.0, "muted"), (70.0, "firing"), (130.0, "resolved")]);
        assert_eq!(what(play("quiet", 30, None, &["loud"])).first(), Some(&(10.0, "muted")));
    }
}
