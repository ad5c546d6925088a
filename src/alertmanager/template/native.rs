//! The built-in texts of Discord messages without a template engine: a batch of repositories sends thousands of them.
//! A test holds them equal to the built-in templates.

use std::sync::Arc;

use super::data::{AlertData, Data};
use crate::alertmanager::notification::Status;

/// The title: status, group labels, and in parentheses the other labels all alerts share.
pub fn subject(data: &Data) -> String {
    let mut out = format!("[{}", data.status.to_uppercase());
    if &*data.status == Status::Firing.as_str() {
        out.push_str(&format!(":{}", data.with_status(Status::Firing).count()));
    }
    out.push_str("] ");
    push_joined(&mut out, data.group_labels.sorted_pairs().map(|(_, v)| &**v));
    out.push(' ');
    if data.common_labels.len() > data.group_labels.len() {
        out.push('(');
        let others = data.common_labels.sorted_pairs().filter(|(n, _)| data.group_labels.get(n).is_none());
        push_joined(&mut out, others.map(|(_, v)| &**v));
        out.push(')');
    }
    out
}

/// The text: firing alerts, then resolved ones, with the blank lines that the real templates leave.
pub fn message(data: &Data) -> String {
    let mut out = String::with_capacity(256 * data.alerts.len() + 64);
    out.push('\n');
    for (status, heading) in [(Status::Firing, "\nAlerts Firing:\n"), (Status::Resolved, "\nAlerts Resolved:\n")] {
        if data.with_status(status).next().is_some() {
            out.push_str(heading);
            for alert in data.with_status(status) {
                push_alert(&mut out, alert);
            }
            out.push('\n');
        }
        out.push('\n');
    }
    out
}

fn push_alert(out: &mut String, alert: &Arc<AlertData>) {
    for (heading, set) in [("Labels:\n", &alert.labels), ("Annotations:\n", &alert.annotations)] {
        out.push_str(heading);
        for (name, value) in set.sorted_pairs() {
            for part in [" - ", name, " = ", value, "\n"] {
                out.push_str(part);
            }
        }
    }
    for part in ["Source: ", &alert.generator_url, "\n"] {
        out.push_str(part);
    }
}

fn push_joined<'a>(out: &mut String, values: impl Iterator<Item = &'a str>) {
    for (i, value) in values.enumerate() {
        if i > 0 {
            out.push(' ');
        }
        out.push_str(value);
    }
}
