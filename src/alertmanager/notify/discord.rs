//! `discord_configs`.

use super::request::{NotifyError, Outgoing, address, post_json};
use super::{Context, ReadFile};
use crate::alertmanager::config::DiscordSettings;
use crate::alertmanager::notification::Status;
use crate::alertmanager::version::Version;
use crate::discord::message::{Dialect, NotifierMessage};
use crate::golang::json::ShortEscapes;

/// What a release's Discord notifier does.
pub fn dialect(version: Version) -> Dialect {
    Dialect { shortens: version >= Version::V0_27, has_content: version >= Version::V0_28, escapes: escapes(version) }
}

/// How a release's Go writes control characters: 0.28 is the first built with Go 1.22 or later.
pub(super) fn escapes(version: Version) -> ShortEscapes {
    if version >= Version::V0_28 { ShortEscapes::Five } else { ShortEscapes::Three }
}

pub(super) fn render(
    context: &Context<'_>,
    settings: &DiscordSettings,
    read: ReadFile<'_>,
) -> Result<Outgoing, NotifyError> {
    let version = context.notification.version;
    let dialect = dialect(version);
    let message = NotifierMessage {
        title: context.expand(&settings.title)?,
        description: context.expand(&settings.message)?,
        content: if dialect.has_content { context.expand(&settings.content)? } else { String::new() },
        firing: context.notification.status() == Status::Firing,
        username: settings.username.to_string(),
        avatar_url: settings.avatar_url.to_string(),
    };
    let file = settings.webhook_url_file.as_ref();
    let url = address(settings.webhook_url.as_ref(), "webhook_url_file", file, read)?;
    Ok(Outgoing::Request(post_json(version, url, &settings.http, message.body(dialect))))
}
