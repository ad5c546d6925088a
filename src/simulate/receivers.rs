//! Who answers a notification in virtual time: Discord takes what is made for it, others as their URL says.

use std::sync::Arc;

use crate::alertmanager::config::{DiscordSettings, Settings};
use crate::alertmanager::notify::{NotifyError, Outgoing};
use crate::alertmanager::template::{DISCORD_MESSAGE, DISCORD_TITLE};
use crate::alertmanager::{Notification, Outcome};
use crate::engine::{AlertmanagerSetup, PostOutcome};

pub use crate::engine::outgoing::{body, leads_to_discord};

/// How a notification is answered. Real limits of Discord are not modelled here; they are advice.
pub fn answer(setup: Option<&AlertmanagerSetup>, notification: &Notification) -> PostOutcome {
    match address(setup, notification) {
        Ok(url) => {
            let (status, body) = match notification.integration.settings {
                Settings::Webhook(_) | Settings::Other(_) if takes_only_messages(&url) => {
                    (400, r#"{"message": "Cannot send an empty message", "code": 50006}"#)
                }
                _ if is_discord_host(&url) || matches!(notification.integration.settings, Settings::Discord(_)) => {
                    (204, "")
                }
                _ => (200, ""),
            };
            PostOutcome { url, outcome: Outcome::Answered { status, body: body.to_owned() } }
        }
        Err(e) => PostOutcome { url: "".into(), outcome: Outcome::Unsendable(e.to_string()) },
    }
}

/// Where a notification goes. Its texts are expanded only where that could fail: those that Alertmanager brings along
/// cannot.
fn address(setup: Option<&AlertmanagerSetup>, notification: &Notification) -> Result<Arc<str>, NotifyError> {
    if let Some(url) = setup.and_then(|s| address_without_texts(s, &notification.integration.settings)) {
        return Ok(url);
    }
    match body(setup, notification)? {
        Outgoing::Request(request) => Ok(request.url),
        Outgoing::Record(_) => match &notification.integration.settings {
            Settings::Other(fields) => Ok(fields.get("api_url").cloned().unwrap_or_else(|| "".into())),
            _ => Ok("".into()),
        },
    }
}

/// Whether every notification of an Alertmanager can be rendered, so that no text decides about anything.
pub(super) fn is_always_rendered(setup: &AlertmanagerSetup) -> bool {
    let integrations = setup.config.receivers.iter().flat_map(|r| &r.integrations);
    integrations.into_iter().all(|i| address_without_texts(setup, &i.settings).is_some())
}

/// Where notifications of an integration go whose texts are those that Alertmanager brings along.
fn address_without_texts(setup: &AlertmanagerSetup, settings: &Settings) -> Option<Arc<str>> {
    let Settings::Discord(settings) = settings else { return None };
    if !setup.config.templates.is_empty() || !has_default_texts(settings) {
        return None;
    }
    match (&settings.webhook_url, &settings.webhook_url_file) {
        (Some(url), _) => Some(url.clone()),
        (None, Some(file)) => setup.files.get(file).map(|c| c.trim()).filter(|url| has_host(url)).map(Arc::from),
        (None, None) => None,
    }
}

fn has_host(url: &str) -> bool {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    rest.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphanumeric()))
}

fn has_default_texts(settings: &DiscordSettings) -> bool {
    *settings.title == *DISCORD_TITLE && *settings.message == *DISCORD_MESSAGE && !settings.content.contains("{{")
}

/// What is sent for a notification, as JSON: a request's body, or the texts by field.
///
/// # Errors
/// It cannot be rendered, or there is no address.
pub fn body_json(setup: Option<&AlertmanagerSetup>, notification: &Notification) -> Result<serde_json::Value, String> {
    match body(setup, notification).map_err(|e| e.to_string())? {
        Outgoing::Request(request) => {
            Ok(serde_json::from_str(&request.body).unwrap_or(serde_json::Value::String(request.body)))
        }
        Outgoing::Record(record) => {
            let texts = record.texts.into_iter().map(|(field, text)| (field.to_string(), text.into()));
            Ok(serde_json::Value::Object(texts.collect()))
        }
    }
}

/// A plain Discord webhook; `/slack` and `/github` behind it take other bodies.
fn takes_only_messages(url: &str) -> bool {
    is_discord_host(url) && !url.ends_with("/slack") && !url.ends_with("/github")
}

/// Whether a URL is a webhook of Discord itself.
fn is_discord_host(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let host = host.rsplit_once('@').map_or(host, |(_, h)| h);
    let known = ["discord.com", "discordapp.com"].iter().any(|h| host == *h || host.ends_with(&format!(".{h}")));
    known && path.starts_with("api/") && path.contains("webhooks/")
}
