//! `webhook_configs`: the payload of version 4.
//!
//! Facts: measured with 0.25; field order of later releases from upstream source.

use std::collections::BTreeMap;

use super::discord::escapes;
use super::request::{NotifyError, Outgoing, address, post_json, postable};
use super::{Context, ReadFile};
use crate::alertmanager::config::{Tree, WebhookSettings};
use crate::alertmanager::notification::Notification;
use crate::alertmanager::template::{AlertData, Data, Kv};
use crate::alertmanager::version::Version;
use crate::golang::json::{ShortEscapes, write_float, write_string};
use crate::golang::time::{GoTime, RFC3339_NANO};
use crate::text::SourceText;
use crate::yaml;

/// So deep a payload may be, counting what its texts expand to.
const MAX_DEPTH: usize = 100;
/// So long its body, in bytes.
const MAX_BODY: usize = 4 * 1024 * 1024;

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
    let body = match &settings.payload {
        None => payload(notification, settings.max_alerts),
        Some(tree) => {
            let mut out = String::new();
            write_tree(&mut out, &Leaves::of(context), tree, 0)?;
            out.push('\n');
            out
        }
    };
    Ok(Outgoing::Request(post_json(notification.version, url, &settings.http, body)))
}

/// What becomes of the texts in a payload of one's own.
enum Leaves<'a> {
    /// Each is a template, and one whose expansion reads as YAML of another kind (a number, a list) becomes that.
    Templates(&'a Context<'a>),
    /// They stay as they are.
    Verbatim(ShortEscapes),
}

impl<'a> Leaves<'a> {
    fn of(context: &'a Context<'a>) -> Self {
        Self::Templates(context)
    }

    /// The texts inside of what an expansion read as: 0.32 and 0.33 took those for templates too, so that a quoted
    /// `"1"` became a number.
    fn inner(&self) -> Self {
        match self {
            Self::Templates(context) if context.notification.version < Version::V0_34 => Self::Templates(context),
            _ => Self::Verbatim(self.escapes()),
        }
    }

    fn escapes(&self) -> ShortEscapes {
        match self {
            Self::Templates(context) => escapes(context.notification.version),
            Self::Verbatim(short) => *short,
        }
    }

    fn write(&self, out: &mut String, text: &str, depth: usize) -> Result<(), NotifyError> {
        let Self::Templates(context) = self else {
            write_string(out, text, self.escapes());
            return Ok(());
        };
        let expanded = context.expand(text)?;
        let source = SourceText::new("payload", expanded.as_str());
        let read = yaml::parse(&source).ok().map(|node| node.map_or(Tree::Null, |n| Tree::of(&n)));
        match read {
            None | Some(Tree::Text(_)) => write_string(out, &expanded, self.escapes()),
            Some(other) => write_tree(out, &self.inner(), &other, depth + 1)?,
        }
        Ok(())
    }

    fn key(&self, name: &str) -> Result<String, NotifyError> {
        match self {
            Self::Templates(context) => context.expand(name),
            Self::Verbatim(_) => Ok(name.to_owned()),
        }
    }
}

fn write_tree(out: &mut String, leaves: &Leaves<'_>, tree: &Tree, depth: usize) -> Result<(), NotifyError> {
    if depth > MAX_DEPTH || out.len() > MAX_BODY {
        return Err(NotifyError::Template("the payload is too deep or too long".to_owned()));
    }
    match tree {
        Tree::Null => out.push_str("null"),
        Tree::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
        Tree::Int(n) => out.push_str(&n.to_string()),
        Tree::Uint(n) => out.push_str(&n.to_string()),
        Tree::Float(f) => write_float(out, *f).map_err(NotifyError::Template)?,
        Tree::Text(text) => leaves.write(out, text, depth)?,
        Tree::List(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                out.push_str(if i > 0 { "," } else { "" });
                write_tree(out, leaves, item, depth + 1)?;
            }
            out.push(']');
        }
        Tree::Map(pairs) => {
            // Names may change by expansion; the order of the JSON is that of the expanded ones.
            let named = pairs.iter().map(|(name, value)| Ok((leaves.key(name)?, value)));
            let named: BTreeMap<String, &Tree> = named.collect::<Result<_, NotifyError>>()?;
            out.push('{');
            for (i, (name, value)) in named.iter().enumerate() {
                out.push_str(if i > 0 { "," } else { "" });
                write_string(out, name, leaves.escapes());
                out.push(':');
                write_tree(out, leaves, value, depth + 1)?;
            }
            out.push('}');
        }
    }
    Ok(())
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
