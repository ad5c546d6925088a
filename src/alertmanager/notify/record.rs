//! Integrations whose protocol labkit does not speak: their texts, expanded.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::request::{NotifyError, Outgoing, Record};
use super::{Context, slack};
use crate::alertmanager::config::IntegrationKind;

/// Fields that are templates, with the name of the built-in one that they call when not set (none: empty).
fn templated(kind: IntegrationKind) -> &'static [(&'static str, Option<&'static str>)] {
    match kind {
        IntegrationKind::Email => {
            &[("subject", Some("email.default.subject")), ("to", None), ("from", None), ("text", None), ("html", None)]
        }
        IntegrationKind::Slack => &[
            ("channel", None),
            ("username", Some("slack.default.username")),
            ("title", Some("slack.default.title")),
            ("title_link", Some("slack.default.titlelink")),
            ("pretext", Some("slack.default.pretext")),
            ("text", Some("slack.default.text")),
            ("fallback", Some("slack.default.fallback")),
            ("callback_id", Some("slack.default.callbackid")),
            ("icon_emoji", Some("slack.default.iconemoji")),
            ("icon_url", Some("slack.default.iconurl")),
            ("footer", Some("slack.default.footer")),
            ("color", None),
            ("image_url", None),
            ("thumb_url", None),
        ],
        IntegrationKind::Pagerduty => &[
            ("description", Some("pagerduty.default.description")),
            ("client", Some("pagerduty.default.client")),
            ("client_url", Some("pagerduty.default.clientURL")),
            ("severity", None),
        ],
        IntegrationKind::Opsgenie => &[
            ("message", Some("opsgenie.default.message")),
            ("description", Some("opsgenie.default.description")),
            ("source", Some("opsgenie.default.source")),
            ("priority", None),
            ("tags", None),
        ],
        IntegrationKind::Victorops => &[
            ("state_message", Some("victorops.default.state_message")),
            ("entity_display_name", Some("victorops.default.entity_display_name")),
            ("monitoring_tool", Some("victorops.default.monitoring_tool")),
        ],
        IntegrationKind::Wechat => &[
            ("message", Some("wechat.default.message")),
            ("to_user", Some("wechat.default.to_user")),
            ("to_party", Some("wechat.default.to_party")),
            ("to_tag", Some("wechat.default.to_tag")),
        ],
        IntegrationKind::Pushover => &[
            ("title", Some("pushover.default.title")),
            ("message", Some("pushover.default.message")),
            ("url", Some("pushover.default.url")),
        ],
        IntegrationKind::Sns => &[("subject", Some("sns.default.subject")), ("message", Some("sns.default.message"))],
        IntegrationKind::Telegram => &[("message", Some("telegram.default.message"))],
        IntegrationKind::Webex => &[("message", Some("webex.default.message"))],
        IntegrationKind::Msteams => &[("title", Some("msteams.default.title")), ("text", Some("msteams.default.text"))],
        IntegrationKind::MsteamsV2 => {
            &[("title", Some("msteamsv2.default.title")), ("text", Some("msteamsv2.default.text"))]
        }
        IntegrationKind::Jira => &[
            ("summary", Some("jira.default.summary")),
            ("description", Some("jira.default.description")),
            ("priority", Some("jira.default.priority")),
        ],
        IntegrationKind::Rocketchat => &[
            ("title", Some("rocketchat.default.title")),
            ("title_link", Some("rocketchat.default.titlelink")),
            ("text", Some("rocketchat.default.text")),
        ],
        IntegrationKind::Mattermost => {
            &[("title", Some("mattermost.default.title")), ("text", Some("mattermost.default.text"))]
        }
        IntegrationKind::Incidentio | IntegrationKind::Discord | IntegrationKind::Webhook => &[],
    }
}

pub(super) fn render(context: &Context<'_>, fields: &BTreeMap<Arc<str>, Arc<str>>) -> Result<Outgoing, NotifyError> {
    let kind = context.notification.kind();
    let mut texts = Vec::new();
    for (field, default) in templated(kind) {
        let header = || {
            let of = |path: &str| path.strip_prefix("headers.").is_some_and(|h| h.eq_ignore_ascii_case("subject"));
            fields.iter().find(|(path, _)| *field == "subject" && of(path)).map(|(_, text)| text)
        };
        let text = match (fields.get(*field).or_else(header), default) {
            (Some(written), _) => context.expand(written)?,
            (None, Some(name)) => context.expand(&format!("{{{{template \"{name}\" .}}}}"))?,
            (None, None) if kind == IntegrationKind::Slack && *field == "color" => context.expand(slack::COLOR)?,
            (None, None) => continue,
        };
        texts.push((Arc::from(*field), text));
    }
    let version = context.notification.version;
    let body = match kind {
        IntegrationKind::Slack => Some(slack::body(&texts, &slack::Extras::read(context, fields)?, version)),
        _ => None,
    };
    for (path, text) in fields {
        // Other headers of a mail; the subject was told above.
        if let Some(name) = path.strip_prefix("headers.")
            && !name.eq_ignore_ascii_case("subject")
        {
            texts.push((path.clone(), context.expand(text)?));
        }
    }
    Ok(Outgoing::Record(Record { kind, texts, body }))
}
