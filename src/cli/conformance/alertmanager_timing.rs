//! Suite `alertmanager-timing`: when the real Alertmanager notified, replayed in virtual time.
//!
//! Times may differ by 150 ms, as upstream's own acceptance tests allow. Scenarios with random backoff or a known race
//! are held to the order of their notifications.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::{SuiteError, SuiteReport, read};
use crate::alertmanager::config::{Config, Settings};
use crate::alertmanager::{
    Alertmanager, Delivery, Input, Notification, Options, Outcome, Output, PostableAlert, PostableSilence, Status,
    Version,
};
use crate::model::{Labels, MatchOp, Matcher, Time};
use crate::text::SourceText;

const TOLERANCE_MS: i64 = 150;

#[derive(Deserialize)]
struct IndexEntry {
    id: String,
    file: String,
    #[serde(default = "yes")]
    replay: bool,
    #[serde(default = "yes")]
    times_are_deterministic: bool,
}

fn yes() -> bool {
    true
}

#[derive(Deserialize)]
struct Scenario {
    config: String,
    run_ms: i64,
    events: Vec<Event>,
    notifications: Vec<Arrival>,
}

#[derive(Deserialize)]
struct Event {
    at_ms: i64,
    measured_at_ms: Option<i64>,
    #[serde(flatten)]
    what: What,
}

#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
enum What {
    PostAlerts {
        alerts: Vec<EventAlert>,
    },
    CreateSilence {
        r#ref: String,
        silence: EventSilence,
        start: Value,
        end: Value,
    },
    ExpireSilence {
        r#ref: String,
    },
    PlanResponses {
        path: String,
        responses: Vec<Response>,
        #[serde(default)]
        forever: bool,
    },
    Reload,
}

#[derive(Deserialize)]
struct EventAlert {
    labels: BTreeMap<String, String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
    #[serde(default)]
    start: Value,
    #[serde(default)]
    end: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EventSilence {
    matchers: Vec<EventMatcher>,
    created_by: String,
    comment: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EventMatcher {
    name: String,
    value: String,
    is_regex: bool,
    #[serde(default = "yes")]
    is_equal: bool,
}

#[derive(Clone, Deserialize)]
struct Response {
    status: u16,
    #[serde(default)]
    body: String,
    /// Seconds before the answer.
    #[serde(default)]
    delay: f64,
}

#[derive(Clone, Debug, Deserialize, PartialEq)]
struct Arrival {
    at_ms: i64,
    path: String,
    answered: u16,
    title: String,
    color: u32,
    alerts: Vec<String>,
}

impl Arrival {
    fn says_the_same(&self, other: &Self) -> bool {
        (&self.path, self.answered, &self.title, self.color, &self.alerts)
            == (&other.path, other.answered, &other.title, other.color, &other.alerts)
    }
}

/// Runs the suite.
pub fn run(path: &Path, dialect: Option<&str>) -> Result<SuiteReport, SuiteError> {
    let version = dialect.unwrap_or("0.25").parse::<Version>().map_err(SuiteError)?;
    let index = path.join("index.json");
    let entries: Vec<IndexEntry> = serde_json::from_str(&read(&index)?)
        .map_err(|e| SuiteError(format!("cannot read {}: {e}", index.display())))?;
    let mut report = SuiteReport::default();
    for entry in entries {
        if !entry.replay {
            report.skip();
            continue;
        }
        let scenario = read(&path.join(&entry.file)).and_then(|text| {
            serde_json::from_str::<Scenario>(&text).map_err(|e| SuiteError(format!("cannot read {}: {e}", entry.file)))
        });
        let replayed = scenario.and_then(|s| replay(&s, version).map(|arrivals| (s, arrivals)));
        match replayed {
            Err(e) => report.fail(entry.id, "a replay", e.to_string()),
            Ok((scenario, actual)) => {
                let expected = &scenario.notifications;
                let same = if entry.times_are_deterministic {
                    in_time(expected, &actual)
                } else {
                    in_order(expected, &actual)
                };
                if same {
                    report.pass();
                } else {
                    report.fail(entry.id, show(expected), show(&actual));
                }
            }
        }
    }
    Ok(report)
}

fn show(arrivals: &[Arrival]) -> String {
    let one = |a: &Arrival| format!("{} {} {} {:?}", a.at_ms, a.path, a.title, a.alerts);
    arrivals.iter().map(one).collect::<Vec<_>>().join(" | ")
}

fn in_time(expected: &[Arrival], actual: &[Arrival]) -> bool {
    let mut left: Vec<&Arrival> = actual.iter().collect();
    let all_found = expected.iter().all(|e| {
        let found = left.iter().position(|a| a.says_the_same(e) && (a.at_ms - e.at_ms).abs() <= TOLERANCE_MS);
        found.map(|i| left.remove(i)).is_some()
    });
    all_found && left.is_empty()
}

/// The same notifications in the same order; one more or less at the end is the race the data speaks of.
fn in_order(expected: &[Arrival], actual: &[Arrival]) -> bool {
    let lengths_agree = expected.len().abs_diff(actual.len()) <= 1;
    lengths_agree && expected.iter().zip(actual).all(|(e, a)| e.says_the_same(a))
}

/// Zero of the scenarios' clock; any time will do.
const ZERO_MS: i64 = 1_700_000_000_000;

fn at(ms: i64) -> Time {
    Time::from_millis(ZERO_MS + ms)
}

/// `now`, `now+N`, `now-N`, or milliseconds from zero.
fn moment(value: &Value, now_ms: i64) -> Option<Time> {
    let text = match value {
        Value::Number(n) => return n.as_f64().map(|ms| at(ms as i64)),
        Value::String(s) => s.as_str(),
        _ => return None,
    };
    let offset = text.strip_prefix("now")?;
    let offset: i64 = if offset.is_empty() { 0 } else { offset.parse().ok()? };
    Some(at(now_ms + offset))
}

struct Replay {
    machine: Alertmanager,
    config: Arc<Config>,
    silences: BTreeMap<String, Arc<str>>,
    planned: BTreeMap<String, (VecDeque<Response>, bool)>,
    /// Answers on their way, by arrival.
    answers: Vec<(Time, Input)>,
    arrivals: Vec<Arrival>,
}

fn replay(scenario: &Scenario, version: Version) -> Result<Vec<Arrival>, SuiteError> {
    let text = scenario.config.replace("RECEIVER", "127.0.0.1:9999");
    let loaded = Config::load(&SourceText::new("alertmanager.yml", text), version);
    let config = Arc::new(loaded.config.ok_or_else(|| SuiteError("the configuration was refused".to_owned()))?);
    // The recorded processes had been started about 0.4 s before zero.
    let options = Options { maintenance_phase: Duration::from_millis(400), ..Options::default() };
    let mut r = Replay {
        machine: Alertmanager::new(config.clone(), version, options, at(0)),
        config,
        silences: BTreeMap::new(),
        planned: BTreeMap::new(),
        answers: Vec::new(),
        arrivals: Vec::new(),
    };
    let end = at(scenario.run_ms);
    let mut events = scenario.events.iter().peekable();
    loop {
        let event_at = events.peek().map(|e| at(e.measured_at_ms.unwrap_or(e.at_ms)));
        let answer_at = r.answers.iter().map(|(t, _)| *t).min();
        let next = [event_at, answer_at, r.machine.next_wakeup()].into_iter().flatten().min();
        let Some(now) = next.filter(|t| *t <= end) else { break };
        if event_at == Some(now) {
            if let Some(event) = events.next() {
                r.apply(&event.what, event.measured_at_ms.unwrap_or(event.at_ms))?;
            }
            continue;
        }
        if let Some(i) = r.answers.iter().position(|(t, _)| *t == now) {
            let (_, answer) = r.answers.remove(i);
            r.machine.handle(now, answer);
        }
        for output in r.machine.poll(now) {
            if let Output::Deliver(delivery) = output {
                r.receive(now, &delivery);
            }
        }
    }
    Ok(r.arrivals)
}

impl Replay {
    fn apply(&mut self, what: &What, now_ms: i64) -> Result<(), SuiteError> {
        let now = at(now_ms);
        match what {
            What::PostAlerts { alerts } => {
                let alerts = alerts.iter().map(|a| PostableAlert {
                    labels: Labels::from_pairs(a.labels.iter().map(|(k, v)| (k.as_str(), v.as_str()))),
                    annotations: Arc::new(
                        a.annotations.iter().map(|(k, v)| (k.as_str().into(), v.as_str().into())).collect(),
                    ),
                    starts_at: moment(&a.start, now_ms),
                    ends_at: moment(&a.end, now_ms),
                    generator_url: "".into(),
                });
                self.machine.handle(now, Input::Alerts(alerts.collect()));
            }
            What::CreateSilence { r#ref, silence, start, end } => {
                let matchers = silence.matchers.iter().map(|m| {
                    let op = match (m.is_equal, m.is_regex) {
                        (true, false) => MatchOp::Equal,
                        (false, false) => MatchOp::NotEqual,
                        (true, true) => MatchOp::Regexp,
                        (false, true) => MatchOp::NotRegexp,
                    };
                    Matcher::new(op, m.name.as_str(), m.value.as_str(), false).map_err(|e| SuiteError(e.to_string()))
                });
                let posted = PostableSilence {
                    id: None,
                    matchers: matchers.collect::<Result<_, _>>()?,
                    starts_at: moment(start, now_ms).unwrap_or(now),
                    ends_at: moment(end, now_ms).unwrap_or(now),
                    created_by: silence.created_by.as_str().into(),
                    comment: silence.comment.as_str().into(),
                };
                let id = self.machine.set_silence(now, posted).map_err(|e| SuiteError(e.to_string()))?;
                self.silences.insert(r#ref.clone(), id);
            }
            What::ExpireSilence { r#ref } => {
                let id =
                    self.silences.get(r#ref).ok_or_else(|| SuiteError(format!("no silence {ref}", ref = r#ref)))?;
                self.machine.handle(now, Input::ExpireSilence(id.clone()));
            }
            What::PlanResponses { path, responses, forever } => {
                self.planned.insert(path.clone(), (responses.iter().cloned().collect(), *forever));
            }
            What::Reload => self.machine.handle(now, Input::Reload(self.config.clone())),
        }
        Ok(())
    }

    /// The recorder: notes the request, and answers as planned.
    fn receive(&mut self, now: Time, delivery: &Delivery) {
        let n = &delivery.notification;
        let path = path_of(n);
        let planned = self.planned.get_mut(&path).and_then(|(queue, forever)| {
            if *forever && queue.len() == 1 { queue.front().cloned() } else { queue.pop_front() }
        });
        let response = planned.unwrap_or(Response { status: 204, body: String::new(), delay: 0.0 });
        let firing = n.status() == Status::Firing;
        self.arrivals.push(Arrival {
            at_ms: now.millis() - ZERO_MS,
            path,
            answered: response.status,
            title: title_of(n),
            color: if firing { 10_038_562 } else { 3_066_993 },
            alerts: lines_of(n),
        });
        let outcome = Outcome::Answered { status: response.status, body: response.body };
        let back = now.plus_nanos((response.delay * 1e9) as i64);
        self.answers.push((back, Input::Delivered { id: delivery.id, outcome }));
    }
}

fn path_of(n: &Notification) -> String {
    let url = match &n.integration.settings {
        Settings::Discord(s) => s.webhook_url.clone(),
        Settings::Webhook(s) => s.url.clone(),
        Settings::Other(_) => None,
    };
    let url = url.unwrap_or_default();
    let rest = url.split_once("://").map_or(&*url, |(_, rest)| rest);
    rest.find('/').map_or(String::new(), |i| rest[i..].to_owned())
}

/// What the scenarios' title template gives: the status and the values of the group's labels.
fn title_of(n: &Notification) -> String {
    let mut labels: Vec<_> = n.group_labels.iter().collect();
    labels.sort_by_key(|l| (&*l.name != "alertname", l.name.clone()));
    let values: Vec<&str> = labels.iter().map(|l| &*l.value).collect();
    format!("{} {}", n.status(), values.join(",")).trim_end().to_owned()
}

/// What the scenarios' message template gives, one text an alert.
fn lines_of(n: &Notification) -> Vec<String> {
    let one = |a: &crate::alertmanager::FrozenAlert| {
        let mut line = format!("{} {}", a.status, a.labels.get("alertname").unwrap_or(""));
        if let Some(instance) = a.labels.get("instance") {
            line.push_str(&format!(" instance={instance}"));
        }
        if let Some(rev) = a.annotations.get("rev").filter(|r| !r.is_empty()) {
            line.push_str(&format!(" rev={rev}"));
        }
        line
    };
    n.alerts.iter().map(one).collect()
}
