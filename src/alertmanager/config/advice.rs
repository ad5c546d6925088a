//! Warnings about a file that the real program accepts, but that hardly does what was meant.

use super::{Config, Settings};
use crate::alertmanager::version::Version;
use crate::text::{Diagnostic, SourceText, Span};

/// Adds what is worth a warning.
pub(super) fn advise(config: &Config, source: &SourceText, version: Version, found: &mut Vec<Diagnostic>) {
    let mut warn = |span: Span, message: String, help: &str| {
        found.push(Diagnostic::warning(message).at(source, span).help(help));
    };
    for receiver in &config.receivers {
        for integration in &receiver.integrations {
            if let Settings::Webhook(webhook) = &integration.settings
                && webhook.url.as_deref().is_some_and(is_plain_discord)
            {
                let message = "webhook_configs posts to Discord, which does not understand this body".to_owned();
                warn(integration.span, message, "use `discord_configs:` with `webhook_url:`");
            }
        }
    }
    let mut open = vec![&config.route];
    while let Some(route) = open.pop() {
        open.extend(&route.routes);
        let receiver = route.receiver.as_deref().and_then(|r| config.receiver(r));
        if let Some(receiver) = receiver.filter(|r| r.integrations.is_empty()) {
            let message = format!("receiver {:?} has no integration: it tells nobody", &*receiver.name);
            warn(route.receiver_span, message, "add a list such as `discord_configs:` to the receiver");
        }
        if let (Some(interval), Some(repeat)) = (route.group_interval, route.repeat_interval)
            && !repeat.as_nanos().is_multiple_of(interval.as_nanos().max(1))
        {
            let message =
                "repeat_interval is not a multiple of group_interval: repeats come at the next look".to_owned();
            warn(route.span, message, "make repeat_interval a multiple of group_interval");
        }
    }
    for rule in &config.inhibit_rules {
        if rule.source.is_empty() && !rule.target.is_empty() {
            let message = "inhibition rule without source matchers: every alert mutes".to_owned();
            warn(rule.span, message, "add `source_matchers:`");
        }
    }
    if version < Version::V0_26 && config.inhibit_rules.iter().any(|r| r.span.start == r.span.end) {
        let span = config.inhibit_rules.iter().map(|r| r.span).next().unwrap_or_default();
        warn(span, "an empty inhibition rule crashes this version at start".to_owned(), "remove the empty rule");
    }
}

fn is_plain_discord(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let host = host.rsplit('@').next().unwrap_or(host);
    let host = host.split(':').next().unwrap_or(host).to_ascii_lowercase();
    let ours = ["discord.com", "discordapp.com"].iter().any(|d| host == *d || host.ends_with(&format!(".{d}")));
    let path = path.split(['?', '#']).next().unwrap_or(path).trim_end_matches('/');
    ours && !path.ends_with("/slack") && !path.ends_with("/github")
}
