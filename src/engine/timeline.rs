//! The journal as other programs read it (one JSON object a line) and as people do.

use serde_json::{Map, Value, json};

use super::journal::{Entry, Event, SendOutcome};
use crate::alertmanager::{self, Notification, Outcome};
use crate::model::{Labels, Time};
use crate::text::masked_url;

/// Gives the body of a notification as it is sent, or why it cannot be rendered.
pub type Render<'a> = &'a dyn Fn(&Notification) -> Result<Value, String>;

/// One line of `simulate --json`; `None` for what the contract does not show. Times are seconds from `origin`.
pub fn json(entry: &Entry, origin: Time, render: Render<'_>) -> Option<Value> {
    let mut line = Map::new();
    line.insert("t".to_owned(), number(seconds(entry.at, origin)));
    let mut put = |kind: &str, fields: Value| {
        line.insert("kind".to_owned(), json!(kind));
        if let Value::Object(fields) = fields {
            line.extend(fields);
        }
    };
    match &entry.event {
        Event::Scenario { name, seconds: Some(s) } => {
            // Whole seconds are written as such.
            let length = if s.fract() == 0.0 { json!(*s as i64) } else { json!(s) };
            put("scenario", json!({"event": &**name, "seconds": length}));
        }
        Event::Scenario { name, seconds: None } => put("scenario", json!({"event": &**name})),
        Event::Target { labels, error } => {
            put("scrape", json!({"labels": labels_json(labels), "up": error.is_none(), "error": error}));
        }
        Event::Alert { alert, change, .. } => put(
            "alert",
            json!({
                "alert": &**alert,
                "labels": labels_json(&change.labels),
                "from": change.from.as_str(),
                "to": change.to.as_str(),
                "active_at": number(seconds(change.active_at, origin)),
                "value": number(change.value),
            }),
        ),
        Event::RuleError { name, error, .. } => put("rule-error", json!({"rule": &**name, "error": error})),
        Event::Sent { outcome: SendOutcome::Delivered, .. } => return None,
        Event::Sent { alerts, url, outcome, .. } => {
            let labels: Vec<Value> = alerts.iter().map(|a| labels_json(&a.labels)).collect();
            put("undelivered", json!({"alerts": labels, "url": url.as_deref(), "reason": reason(outcome)}));
        }
        Event::Notification { notification, url, outcome, attempt } => {
            let answer = match outcome {
                Outcome::Answered { status, .. } => json!(status),
                Outcome::Transport(_) | Outcome::Unsendable(_) => Value::Null,
            };
            let error = match outcome {
                Outcome::Answered { .. } => None,
                Outcome::Transport(e) | Outcome::Unsendable(e) => Some(e.clone()),
            };
            let (body, error) = match render(notification) {
                Ok(body) => (body, error),
                Err(e) => (Value::Null, error.or(Some(e))),
            };
            let mut fields = json!({
                "receiver": &*notification.receiver,
                "integration": notification.kind().as_str(),
                "url": masked_url(url),
                "answer": answer,
                "body": body,
            });
            if let (Value::Object(fields), Some(error)) = (&mut fields, error) {
                fields.insert("error".to_owned(), json!(error));
            }
            if let (Value::Object(fields), true) = (&mut fields, *attempt > 1) {
                fields.insert("attempt".to_owned(), json!(attempt));
            }
            put("notification", fields);
        }
        Event::Alertmanager(event) => match quiet_reason(event) {
            Some((what, labels, why)) => {
                put("untold", json!({"event": what, "labels": labels.map(labels_json), "reason": why}));
            }
            None => return None,
        },
    }
    Some(Value::Object(line))
}

/// One line for a person: what happened, without the time.
pub fn text(entry: &Entry) -> Option<String> {
    Some(match &entry.event {
        Event::Scenario { name, seconds: Some(s) } => format!("{name} for {s} s"),
        Event::Scenario { name, seconds: None } => name.to_string(),
        Event::Target { labels, error: None } => format!("target up {labels}"),
        Event::Target { labels, error: Some(e) } => format!("target down {labels}: {e}"),
        Event::Alert { alert, change, .. } => {
            let value = crate::golang::float::format_value(change.value);
            format!("{alert} {} → {} {} value {value}", change.from.as_str(), change.to.as_str(), change.labels)
        }
        Event::RuleError { name, error, .. } => format!("rule {name} fails: {error}"),
        Event::Sent { outcome: SendOutcome::Delivered, .. } => return None,
        Event::Sent { alerts, outcome, .. } => format!("{} alerts lost: {}", alerts.len(), reason(outcome)),
        Event::Notification { notification, url, outcome, .. } => {
            let status = notification.status().as_str();
            let kind = notification.kind().as_str();
            let answer = match outcome {
                Outcome::Answered { status, .. } => status.to_string(),
                Outcome::Transport(e) | Outcome::Unsendable(e) => e.clone(),
            };
            let alerts: Vec<&str> = notification.alerts.iter().filter_map(|a| a.labels.get("alertname")).collect();
            let (who, url) = (&notification.receiver, masked_url(url));
            format!("{kind} message ({status}) to {who} at {url}: {}, answer {answer}", alerts.join(", "))
        }
        Event::Alertmanager(event) => {
            let (what, labels, why) = quiet_reason(event)?;
            let labels = labels.map(Labels::to_string).unwrap_or_default();
            [what, &labels, &why].into_iter().filter(|s| !s.is_empty()).collect::<Vec<_>>().join(" ")
        }
    })
}

fn seconds(at: Time, origin: Time) -> f64 {
    at.since(origin) as f64 / 1e9
}

/// A number, or the words for what JSON cannot say.
fn number(v: f64) -> Value {
    match v {
        v if v.is_nan() => json!("NaN"),
        f64::INFINITY => json!("+Inf"),
        f64::NEG_INFINITY => json!("-Inf"),
        v => json!(v),
    }
}

fn labels_json(labels: &Labels) -> Value {
    Value::Object(labels.iter().map(|l| (l.name.to_string(), Value::from(&*l.value))).collect())
}

fn reason(outcome: &SendOutcome) -> String {
    match outcome {
        SendOutcome::Delivered => String::new(),
        SendOutcome::NoAlertmanager => "no Alertmanager is known".to_owned(),
        SendOutcome::Unreachable(reason) => reason.to_string(),
    }
}

/// Events that explain why nothing was told: what, which alert, why.
fn quiet_reason(event: &alertmanager::Event) -> Option<(&'static str, Option<&Labels>, String)> {
    use alertmanager::{Event as E, MutedBy};
    Some(match event {
        E::Muted { alert, by, .. } => {
            let why = match by {
                MutedBy::Inhibition { source, .. } => format!("inhibited by {source}"),
                MutedBy::MuteInterval(name) => format!("inside the mute interval {name}"),
                MutedBy::OutsideActiveIntervals => "outside of all active intervals".to_owned(),
                MutedBy::Silences(ids) => format!("silenced by {}", ids.join(", ")),
            };
            ("muted", Some(alert), why)
        }
        E::Swallowed { alert, .. } => ("swallowed", Some(alert), "it ended before anybody was told".to_owned()),
        E::Lost { reason, .. } => ("lost", None, reason.clone()),
        E::Refused { reason } => ("refused", None, reason.clone()),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{AlertState, Transition};

    const ORIGIN: Time = Time(1_000_000_000_000);

    fn line(seconds: f64, event: Event) -> String {
        let entry = Entry { at: ORIGIN.plus_nanos((seconds * 1e9) as i64), event };
        json(&entry, ORIGIN, &|_| Err("no renderer".to_owned())).expect("it is shown").to_string()
    }

    #[test]
    fn lines_have_the_form_of_the_contract() {
        let stress = Event::Scenario { name: "stress-start".into(), seconds: Some(120.0) };
        assert_eq!(line(0.0, stress), r#"{"t":0.0,"kind":"scenario","event":"stress-start","seconds":120}"#);
        let change = Transition {
            labels: Labels::from_pairs([("alertname", "A"), ("job", "node")]),
            from: AlertState::Inactive,
            to: AlertState::Pending,
            active_at: ORIGIN.plus_nanos(55_000_000_000),
            value: f64::INFINITY,
        };
        let alert = Event::Alert { group: 0, rule: 0, alert: "A".into(), change };
        assert_eq!(
            line(55.0, alert),
            concat!(
                r#"{"t":55.0,"kind":"alert","alert":"A","labels":{"alertname":"A","job":"node"},"#,
                r#""from":"inactive","to":"pending","active_at":55.0,"value":"+Inf"}"#
            )
        );
    }
}
