//! `webhook_configs`: the payload of version 4.
//!
//! Facts: measured with 0.25; field order of later releases from upstream source.

use super::discord::escapes;
use super::request::{NotifyError, Outgoing, address, post_json, postable};
use super::{Context, ReadFile};
use crate::alertmanager::config::WebhookSettings;
use crate::alertmanager::notification::Notification;
use crate::alertmanager::template::{AlertData, Data, Kv};
use crate::alertmanager::version::Version;
use crate::golang::json::{ShortEscapes, write_string};
use crate::golang::time::{GoTime, RFC3339_NANO};

pub(super) fn render(
    context: &Context<'_>,
    settings: &WebhookSettings,
    read: ReadFile<'_>,
) -> Result<Outgoing, NotifyError> {
    let notification = context.notification;
    let mut url = address(settings.url.as_ref(), "url_file", settings.url_file.as_ref(), read)?;
    if notification.version >= Version::V0_31 && url.contains("{{") {
        url = postable(context.expand(&url)?.trim())?;
    }
    let body = payload(notification, settings.max_alerts);
    Ok(Outgoing::Request(post_json(notification.version, url, &settings.http, body)))
}

/// The body, with the newline at its end. `max_alerts` of 0 means all.
pub fn payload(notification: &Notification, max_alerts: u64) -> String {
    let max = usize::try_from(max_alerts).ok().filter(|max| *max > 0);
    let told = max.map_or(notification.alerts.len(), |max| max.min(notification.alerts.len()));
    let data =
        if told < notification.alerts.len() { Data::of_first(notification, told) } else { Data::of(notification) };
    let version = notification.version;
    let mut out = Writer { out: String::with_capacity(512 * (told + 1)), escapes: escapes(version) };
    out.out.push('{');
    write_data(&mut out, &data, version);
    out.field("version", "4");
    out.field("groupKey", &notification.group_key);
    out.key("truncatedAlerts");
    out.out.push_str(&(notification.alerts.len() - told).to_string());
    out.out.push_str("}\n");
    out.out
}

struct Writer {
    out: String,
    escapes: ShortEscapes,
}

impl Writer {
    fn key(&mut self, name: &str) {
        if !self.out.ends_with(['{', '[']) {
            self.out.push(',');
        }
        write_string(&mut self.out, name, self.escapes);
        self.out.push(':');
    }

    fn field(&mut self, name: &str, text: &str) {
        self.key(name);
        write_string(&mut self.out, text, self.escapes);
    }

    fn kv(&mut self, name: &str, set: &Kv) {
        self.key(name);
        self.out.push('{');
        for (name, value) in set.iter() {
            self.field(name, value);
        }
        self.out.push('}');
    }

    fn time(&mut self, name: &str, time: &GoTime) {
        self.field(name, &time.format(RFC3339_NANO));
    }
}

/// The data of a notification as JSON members.
fn write_data(out: &mut Writer, data: &Data, version: Version) {
    out.field("receiver", &data.receiver);
    out.field("status", &data.status);
    out.key("alerts");
    out.out.push('[');
    for (i, alert) in data.alerts.iter().enumerate() {
        if i > 0 {
            out.out.push(',');
        }
        write_alert(out, alert);
    }
    out.out.push(']');
    if version >= Version::V0_32 {
        out.field("notification_reason", &data.notification_reason);
    }
    out.kv("groupLabels", &data.group_labels);
    out.kv("commonLabels", &data.common_labels);
    out.kv("commonAnnotations", &data.common_annotations);
    if version >= Version::V0_34 {
        out.kv("routeLabels", &data.route_labels);
    }
    out.field("externalURL", &data.external_url);
}

fn write_alert(out: &mut Writer, alert: &AlertData) {
    out.out.push('{');
    out.field("status", &alert.status);
    out.kv("labels", &alert.labels);
    out.kv("annotations", &alert.annotations);
    out.time("startsAt", &alert.starts_at);
    out.time("endsAt", &alert.ends_at);
    out.field("generatorURL", &alert.generator_url);
    out.field("fingerprint", &alert.fingerprint);
    out.out.push('}');
}
