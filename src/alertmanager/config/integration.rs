//! One way of telling a receiver, with its settings.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::tree::Tree;
use crate::text::Span;

/// One entry of a `*_configs` list.
#[derive(Clone, Debug)]
pub struct Integration {
    /// Which list it stands in.
    pub kind: IntegrationKind,
    /// Its place in that list, from 0.
    pub index: usize,
    /// Whether it wants to hear of the end.
    pub send_resolved: bool,
    /// What it is told with.
    pub settings: Settings,
    /// Where it stands.
    pub span: Span,
}

/// The settings by kind. Kinds that labkit only checks keep their fields as text.
#[derive(Clone, Debug)]
pub enum Settings {
    /// `discord_configs`
    Discord(DiscordSettings),
    /// `webhook_configs`
    Webhook(WebhookSettings),
    /// Any other kind: its scalar fields as written; secrets are left out.
    Other(BTreeMap<Arc<str>, Arc<str>>),
}

/// `discord_configs`
#[derive(Clone, Debug, Default)]
pub struct DiscordSettings {
    /// `webhook_url` (secret).
    pub webhook_url: Option<Arc<str>>,
    /// `webhook_url_file` (0.27), read at every send.
    pub webhook_url_file: Option<Arc<str>>,
    /// The title's template.
    pub title: Arc<str>,
    /// The message's template.
    pub message: Arc<str>,
    /// The content's template (0.28).
    pub content: Arc<str>,
    /// `username` (0.28), used as written.
    pub username: Arc<str>,
    /// `avatar_url` (0.28), used as written.
    pub avatar_url: Arc<str>,
    /// How it is posted.
    pub http: HttpSettings,
}

/// `webhook_configs`
#[derive(Clone, Debug, Default)]
pub struct WebhookSettings {
    /// `url` (secret); a template since 0.31.
    pub url: Option<Arc<str>>,
    /// `url_file` (0.26), read at every send.
    pub url_file: Option<Arc<str>>,
    /// `max_alerts`; 0: no limit.
    pub max_alerts: u64,
    /// `timeout` (0.28); zero: none of its own.
    pub timeout: Duration,
    /// `payload` (0.32): what is sent instead of the usual body, its texts templates.
    pub payload: Option<Tree>,
    /// How it is posted.
    pub http: HttpSettings,
}

/// The parts of `http_config` that can be seen at the receiver.
#[derive(Clone, Debug, Default)]
pub struct HttpSettings {
    /// How the request authorises itself.
    pub authorization: Option<Authorization>,
    /// Whether `authorization` (or its older spelling `bearer_token`) is written.
    pub by_authorization: bool,
    /// `follow_redirects: false`
    pub no_redirects: bool,
}

/// The `Authorization` header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authorization {
    /// `type` and `credentials` (secret).
    Header {
        /// The word before the credentials.
        scheme: Arc<str>,
        /// The secret.
        credentials: Arc<str>,
    },
    /// User name and password (secret).
    Basic {
        /// The user.
        username: Arc<str>,
        /// The secret.
        password: Arc<str>,
    },
    /// In a file, or by OAuth 2: labkit does not read or fetch it.
    External,
}

macro_rules! kinds {
    ($($variant:ident $list:literal $name:literal $since:literal $resolved:literal;)*) => {
        /// The lists of integrations a receiver can have.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum IntegrationKind {
            $(#[doc = concat!("`", $list, "`")] $variant,)*
        }

        impl IntegrationKind {
            /// All kinds, in the order Alertmanager builds them.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The key in a receiver, for example `discord_configs`.
            pub fn list_key(self) -> &'static str {
                match self { $(Self::$variant => $list,)* }
            }

            /// The name in logs and metrics, for example `discord`.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The minor release that brought it; 25 stands for all older ones.
            pub fn since(self) -> u8 {
                match self { $(Self::$variant => $since,)* }
            }

            /// What `send_resolved` is when not set.
            pub fn default_send_resolved(self) -> bool {
                match self { $(Self::$variant => $resolved,)* }
            }
        }
    };
}

kinds! {
    Webhook "webhook_configs" "webhook" 25 true;
    Email "email_configs" "email" 25 false;
    Pagerduty "pagerduty_configs" "pagerduty" 25 true;
    Opsgenie "opsgenie_configs" "opsgenie" 25 true;
    Wechat "wechat_configs" "wechat" 25 false;
    Slack "slack_configs" "slack" 25 false;
    Victorops "victorops_configs" "victorops" 25 true;
    Pushover "pushover_configs" "pushover" 25 true;
    Sns "sns_configs" "sns" 25 true;
    Telegram "telegram_configs" "telegram" 25 true;
    Discord "discord_configs" "discord" 25 true;
    Webex "webex_configs" "webex" 25 true;
    Msteams "msteams_configs" "msteams" 26 true;
    MsteamsV2 "msteamsv2_configs" "msteamsv2" 28 true;
    Jira "jira_configs" "jira" 28 true;
    Rocketchat "rocketchat_configs" "rocketchat" 28 false;
    Incidentio "incidentio_configs" "incidentio" 29 true;
    Mattermost "mattermost_configs" "mattermost" 30 true;
}
