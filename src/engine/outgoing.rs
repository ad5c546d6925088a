//! What leaves the machine for a receiver: the request of a notification, and whether it goes to Discord.

use super::AlertmanagerSetup;
use crate::alertmanager::Notification;
use crate::alertmanager::config::IntegrationKind;
use crate::alertmanager::notify::{NotifyError, Outgoing, render};

/// What is sent for a notification.
///
/// # Errors
/// It cannot be rendered, or there is no address.
pub fn body(setup: Option<&AlertmanagerSetup>, notification: &Notification) -> Result<Outgoing, NotifyError> {
    let Some(setup) = setup else { return Err(NotifyError::Url("no Alertmanager runs".to_owned())) };
    render(notification, &setup.templates, &|path| match setup.files.get(path) {
        Some(content) => Ok(content.clone()),
        None => Err(format!("open {path}: no such file or directory")),
    })
}

/// Whether a request goes to Discord: by its own integration, by another program's form of its webhook, or over a
/// bridge that carries the name.
pub fn leads_to_discord(kind: IntegrationKind, url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = rest.split(['/', ':', '?']).next().unwrap_or("");
    kind == IntegrationKind::Discord || host.contains("discord")
}
