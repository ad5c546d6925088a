//! `notification_test`: a test's alerts through an embedded Alertmanager, and what it sends.

use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use super::files::read_source;
use super::glob;
use crate::alertmanager::config::Config;
use crate::alertmanager::template::Templates;
use crate::alertmanager::{self, Alertmanager, Input, Outcome, Output, PostableAlert, Version};
use crate::engine::AlertmanagerSetup;
use crate::golang::duration::format_prometheus_duration;
use crate::model::{Labels, Time};
use crate::rules::SentAlert;
use crate::rules::notifier::{NotifierSettings, prepare};
use crate::rules::unit_test::{ExpectedNotification, Failure, GroupOutcome, NotificationCase, TestGroup};
use crate::simulate::receivers;
use crate::text::Severity;

/// A notification that was sent.
struct Sent {
    /// Nanoseconds from the test's start.
    time: i64,
    receiver: Arc<str>,
    kind: &'static str,
    status: &'static str,
    title: String,
    body: String,
    answer: String,
}

/// Runs a test's alerts through its Alertmanager; gives what is not as expected.
pub(super) fn judge(
    case: &NotificationCase,
    test: &TestGroup,
    outcome: &GroupOutcome,
    folder: &Path,
    base: &Path,
) -> Vec<Failure> {
    let setup = match setup(case, folder, base) {
        Ok(setup) => setup,
        Err(error) => {
            let expected = format!("an Alertmanager that runs with {}", case.config.value);
            return vec![Failure::Notifications { expected, got: vec![error], span: case.config.span }];
        }
    };
    let sent = run(&setup, test, outcome);
    case.expected.iter().filter_map(|expected| compare(expected, &sent)).collect()
}

fn setup(case: &NotificationCase, folder: &Path, base: &Path) -> Result<AlertmanagerSetup, String> {
    let version = match &case.version {
        Some(version) => Version::from_str(&version.value)?,
        None => Version::LATEST,
    };
    let path = base.join(&case.config.value);
    let source = read_source(folder, &path.to_string_lossy()).map_err(|e| e.message.clone())?;
    let loaded = Config::load(&source, version);
    let Some(config) = loaded.config else {
        let errors = loaded.diagnostics.iter().filter(|d| d.severity == Severity::Error);
        let told = errors.map(|d| match d.position() {
            Some(at) => format!("{}:{}:{}: {}", source.name(), at.line, at.column, d.message),
            None => d.message.clone(),
        });
        return Err(told.collect::<Vec<_>>().join("; "));
    };
    let mut templates = Templates::new(version);
    let beside = path.parent().unwrap_or(Path::new(""));
    for pattern in &config.templates {
        for name in glob::expand(folder, &beside.join(&**pattern).to_string_lossy()) {
            let text = read_source(folder, &name).map_err(|e| e.message.clone())?;
            let file = Path::new(&name).file_name().unwrap_or_default().to_string_lossy();
            templates.add_file(&file, text.text()).map_err(|e| format!("{name}: {e}"))?;
        }
    }
    Ok(AlertmanagerSetup {
        config: Arc::new(config),
        version,
        options: alertmanager::Options::default(),
        templates,
        files: Arc::default(),
    })
}

fn run(setup: &AlertmanagerSetup, test: &TestGroup, outcome: &GroupOutcome) -> Vec<Sent> {
    let start = Time(test.start_ns);
    let end = start.plus_nanos(test.end());
    let settings = NotifierSettings {
        external_labels: Labels::from_pairs(test.external_labels.iter().map(|(k, v)| (k.as_str(), v.as_str()))),
        alert_relabel: Vec::new(),
        max_batch: 256,
    };
    let mut machine = Alertmanager::new(setup.config.clone(), setup.version, setup.options.clone(), start);
    let mut batches = outcome.sent.iter().peekable();
    let mut sent = Vec::new();
    loop {
        let next = batches.peek().map(|(at, _)| *at);
        let Some(now) = machine.next_wakeup().into_iter().chain(next).min().filter(|t| *t <= end) else {
            return sent;
        };
        // What is due at the moment of an evaluation comes before its alerts.
        for output in machine.poll(now) {
            if let Output::Deliver(delivery) = output {
                let answer = receivers::answer(Some(setup), &delivery.notification);
                sent.push(told(setup, &delivery.notification, &answer.outcome, now.since(start)));
                machine.handle(now, Input::Delivered { id: delivery.id, outcome: answer.outcome });
            }
        }
        while let Some((_, alerts)) = batches.next_if(|(at, _)| *at <= now) {
            let alerts = prepare(&settings, alerts.clone()).iter().map(postable).collect();
            machine.handle(now, Input::Alerts(alerts));
        }
    }
}

fn postable(alert: &SentAlert) -> PostableAlert {
    PostableAlert {
        labels: alert.labels.clone(),
        annotations: alert.annotations.clone(),
        starts_at: Some(Time::from_millis(alert.starts_at.millis())),
        ends_at: Some(Time::from_millis(alert.ends_at.millis())),
        generator_url: alert.generator_url.clone(),
    }
}

fn told(setup: &AlertmanagerSetup, n: &alertmanager::Notification, outcome: &Outcome, time: i64) -> Sent {
    let body = receivers::body_json(Some(setup), n);
    let title = body.as_ref().ok().and_then(|b| {
        let places = ["/embeds/0/title", "/attachments/0/title", "/title", "/subject", "/text"];
        places.iter().find_map(|p| b.pointer(p)?.as_str())
    });
    Sent {
        time,
        receiver: n.receiver.clone(),
        kind: n.kind().as_str(),
        status: n.status().as_str(),
        title: title.unwrap_or_default().to_owned(),
        body: match &body {
            Ok(body) => body.to_string(),
            Err(e) => e.clone(),
        },
        answer: match outcome {
            Outcome::Answered { status, .. } => status.to_string(),
            Outcome::Transport(e) | Outcome::Unsendable(e) => e.clone(),
        },
    }
}

fn compare(expected: &ExpectedNotification, sent: &[Sent]) -> Option<Failure> {
    let agrees = |s: &&Sent| {
        expected.receiver.as_ref().is_none_or(|r| **r == *s.receiver)
            && expected.status.as_ref().is_none_or(|status| status == s.status)
            && expected.title_contains.as_ref().is_none_or(|t| s.title.contains(t.as_str()))
            && expected.body_contains.as_ref().is_none_or(|t| s.body.contains(t.as_str()))
            && s.time >= expected.after.nanos
            && expected.before.is_none_or(|b| s.time <= b.nanos)
    };
    let found = sent.iter().filter(agrees).count();
    let holds = match expected.count {
        Some(count) => i64::try_from(found).is_ok_and(|n| n == count),
        None => found > 0,
    };
    if holds {
        return None;
    }
    let got = sent.iter().map(|s| {
        let time = format_prometheus_duration(s.time);
        format!("{time} {} to {} ({}), title {:?}, answer {}", s.status, s.receiver, s.kind, s.title, s.answer)
    });
    Some(Failure::Notifications { expected: words(expected, found), got: got.collect(), span: expected.span })
}

fn words(e: &ExpectedNotification, found: usize) -> String {
    let mut words = match e.count {
        Some(count) => format!("{count} notifications (there are {found})"),
        None => "a notification".to_owned(),
    };
    let mut add = |what: &str, value: &Option<String>| {
        if let Some(value) = value {
            words.push_str(&format!(", {what} {value:?}"));
        }
    };
    add("receiver", &e.receiver);
    add("status", &e.status);
    add("title with", &e.title_contains);
    add("body with", &e.body_contains);
    if e.after.nanos > 0 {
        words.push_str(&format!(", not before {}", format_prometheus_duration(e.after.nanos)));
    }
    if let Some(before) = e.before {
        words.push_str(&format!(", not after {}", format_prometheus_duration(before.nanos)));
    }
    words
}
