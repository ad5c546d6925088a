//! Who answers a notification in virtual time: Discord takes what is made for it, others as their URL says.

use std::sync::Arc;

use crate::alertmanager::Notification;
use crate::alertmanager::Outcome;
use crate::alertmanager::config::Settings;
use crate::engine::PostOutcome;

/// How a notification is answered. Real limits of Discord are not modelled here; they are advice.
pub fn answer(notification: &Notification) -> PostOutcome {
    let answered = |status: u16, body: &str| Outcome::Answered { status, body: body.to_owned() };
    let (url, outcome): (Arc<str>, Outcome) = match &notification.integration.settings {
        Settings::Discord(discord) => match &discord.webhook_url {
            Some(url) => (url.clone(), answered(204, "")),
            None => ("".into(), Outcome::Unsendable("the webhook's URL is in a file that is not there".to_owned())),
        },
        Settings::Webhook(webhook) => match &webhook.url {
            Some(url) if is_discord(url) => {
                (url.clone(), answered(400, r#"{"message": "Cannot send an empty message", "code": 50006}"#))
            }
            Some(url) => (url.clone(), answered(200, "")),
            None => ("".into(), Outcome::Unsendable("the webhook's URL is in a file that is not there".to_owned())),
        },
        Settings::Other(_) => ("".into(), answered(200, "")),
    };
    PostOutcome { url, outcome }
}

/// A plain Discord webhook; `/slack` and `/github` behind it take other bodies.
fn is_discord(url: &str) -> bool {
    is_discord_host(url) && !url.ends_with("/slack") && !url.ends_with("/github")
}

/// Whether a URL is a webhook of Discord itself.
pub(super) fn is_discord_host(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let host = host.rsplit_once('@').map_or(host, |(_, h)| h);
    let known = ["discord.com", "discordapp.com"].iter().any(|h| host == *h || host.ends_with(&format!(".{h}")));
    known && path.starts_with("api/") && path.contains("webhooks/")
}
