//! The fields of every kind of integration, by release.

use super::fields::{Field, FieldKind};
use super::integration::IntegrationKind;

use FieldKind::{
    Any, Bool, Duration, GoDuration, HostPort, Http, Int, List, Many, Map, Nested, Secret, SecretUrl, Structs,
    TemplateUrl, Text, Tls, Uint, Url,
};

const fn f(name: &'static str, kind: FieldKind, since: u8) -> Field {
    Field { name, kind, since }
}

const SEND_RESOLVED: Field = f("send_resolved", Bool, 0);
const HTTP: Field = f("http_config", Http, 0);

const DISCORD: &[Field] = &[
    SEND_RESOLVED,
    HTTP,
    f("webhook_url", SecretUrl, 0),
    f("webhook_url_file", Text, 27),
    f("title", Text, 0),
    f("message", Text, 0),
    f("content", Text, 28),
    f("username", Text, 28),
    f("avatar_url", Text, 28),
];

const WEBHOOK: &[Field] = &[
    SEND_RESOLVED,
    HTTP,
    f("url", TemplateUrl, 0),
    f("url_file", Text, 26),
    f("max_alerts", Uint, 0),
    f("timeout", GoDuration, 28),
    f("payload", FieldKind::Tree, 32),
];

const THREADING: &[Field] = &[f("enabled", Bool, 0), f("thread_by_date", Text, 0)];

const EMAIL: &[Field] = &[
    SEND_RESOLVED,
    f("to", Text, 0),
    f("from", Text, 0),
    f("hello", Text, 0),
    f("smarthost", HostPort, 0),
    f("auth_username", Text, 0),
    f("auth_password", Secret, 0),
    f("auth_password_file", Text, 0),
    f("auth_secret", Secret, 0),
    f("auth_secret_file", Text, 31),
    f("auth_identity", Text, 0),
    f("headers", Map, 0),
    f("html", Text, 0),
    f("text", Text, 0),
    f("require_tls", Bool, 0),
    f("force_implicit_tls", Bool, 31),
    f("tls_config", Tls, 0),
    f("threading", Nested(THREADING), 30),
];

const PAGERDUTY_LINK: &[Field] = &[f("href", Text, 0), f("text", Text, 0)];
const PAGERDUTY_IMAGE: &[Field] = &[f("src", Text, 0), f("alt", Text, 0), f("href", Text, 0)];

const PAGERDUTY: &[Field] = &[
    SEND_RESOLVED,
    HTTP,
    f("service_key", Secret, 0),
    f("service_key_file", Text, 0),
    f("routing_key", Secret, 0),
    f("routing_key_file", Text, 0),
    f("url", Url, 0),
    f("client", Text, 0),
    f("client_url", Text, 0),
    f("description", Text, 0),
    f("details", Map, 0),
    f("images", Many(PAGERDUTY_IMAGE), 0),
    f("links", Many(PAGERDUTY_LINK), 0),
    f("source", Text, 0),
    f("severity", Text, 0),
    f("class", Text, 0),
    f("component", Text, 0),
    f("group", Text, 0),
    f("timeout", GoDuration, 30),
];

const SLACK_CONFIRM: &[Field] =
    &[f("text", Text, 0), f("title", Text, 0), f("ok_text", Text, 0), f("dismiss_text", Text, 0)];
const SLACK_ACTION: &[Field] = &[
    f("type", Text, 0),
    f("text", Text, 0),
    f("url", Text, 0),
    f("style", Text, 0),
    f("name", Text, 0),
    f("value", Text, 0),
    f("confirm", Nested(SLACK_CONFIRM), 0),
];
const SLACK_FIELD: &[Field] = &[f("title", Text, 0), f("value", Text, 0), f("short", Bool, 0)];

const SLACK: &[Field] = &[
    SEND_RESOLVED,
    HTTP,
    f("api_url", SecretUrl, 0),
    f("api_url_file", Text, 0),
    f("app_token", Secret, 30),
    f("app_token_file", Text, 30),
    f("app_url", Url, 30),
    f("channel", Text, 0),
    f("username", Text, 0),
    f("color", Text, 0),
    f("title", Text, 0),
    f("title_link", Text, 0),
    f("pretext", Text, 0),
    f("text", Text, 0),
    f("message_text", Text, 31),
    f("fields", Many(SLACK_FIELD), 0),
    f("short_fields", Bool, 0),
    f("footer", Text, 0),
    f("fallback", Text, 0),
    f("callback_id", Text, 0),
    f("icon_emoji", Text, 0),
    f("icon_url", Text, 0),
    f("image_url", Text, 0),
    f("thumb_url", Text, 0),
    f("link_names", Bool, 0),
    f("mrkdwn_in", List, 0),
    f("actions", Many(SLACK_ACTION), 0),
    f("update_message", Bool, 32),
    f("timeout", GoDuration, 30),
];

const RESPONDER: &[Field] = &[f("id", Text, 0), f("name", Text, 0), f("username", Text, 0), f("type", Text, 0)];

const OPSGENIE: &[Field] = &[
    SEND_RESOLVED,
    HTTP,
    f("api_key", Secret, 0),
    f("api_key_file", Text, 0),
    f("api_url", Url, 0),
    f("message", Text, 0),
    f("description", Text, 0),
    f("source", Text, 0),
    f("details", Map, 0),
    f("entity", Text, 0),
    f("responders", Structs(RESPONDER), 0),
    f("actions", Text, 0),
    f("tags", Text, 0),
    f("note", Text, 0),
    f("priority", Text, 0),
    f("update_alerts", Bool, 0),
];

const WECHAT: &[Field] = &[
    SEND_RESOLVED,
    HTTP,
    f("api_secret", Secret, 0),
    f("api_secret_file", Text, 31),
    f("corp_id", Text, 0),
    f("message", Text, 0),
    f("api_url", Url, 0),
    f("to_user", Text, 0),
    f("to_party", Text, 0),
    f("to_tag", Text, 0),
    f("agent_id", Text, 0),
    f("message_type", Text, 0),
];

const VICTOROPS: &[Field] = &[
    SEND_RESOLVED,
    HTTP,
    f("api_key", Secret, 0),
    f("api_key_file", Text, 0),
    f("api_url", Url, 0),
    f("routing_key", Text, 0),
    f("message_type", Text, 0),
    f("state_message", Text, 0),
    f("entity_display_name", Text, 0),
    f("monitoring_tool", Text, 0),
    f("custom_fields", Map, 0),
];

const PUSHOVER: &[Field] = &[
    SEND_RESOLVED,
    HTTP,
    f("user_key", Secret, 0),
    f("user_key_file", Text, 26),
    f("token", Secret, 0),
    f("token_file", Text, 26),
    f("title", Text, 0),
    f("message", Text, 0),
    f("url", Text, 0),
    f("url_title", Text, 0),
    f("device", Text, 26),
    f("sound", Text, 0),
    f("priority", Text, 0),
    f("retry", GoDuration, 0),
    f("expire", GoDuration, 0),
    f("ttl", GoDuration, 27),
    f("html", Bool, 0),
    f("monospace", Bool, 29),
];

const SIGV4: &[Field] = &[
    f("region", Text, 0),
    f("access_key", Text, 0),
    f("secret_key", Secret, 0),
    f("profile", Text, 0),
    f("role_arn", Text, 0),
    f("use_fips_sts_endpoint", Bool, 28),
    f("external_id", Text, 29),
];

const SNS: &[Field] = &[
    SEND_RESOLVED,
    HTTP,
    f("api_url", Text, 0),
    f("sigv4", Nested(SIGV4), 0),
    f("topic_arn", Text, 0),
    f("phone_number", Text, 0),
    f("target_arn", Text, 0),
    f("subject", Text, 0),
    f("message", Text, 0),
    f("attributes", Map, 0),
    f("use_aws_http_client", Bool, 33),
];

const TELEGRAM: &[Field] = &[
    SEND_RESOLVED,
    HTTP,
    f("api_url", Url, 0),
    f("bot_token", Secret, 0),
    f("bot_token_file", Text, 26),
    f("chat_id", Int, 0),
    f("chat_id_file", Text, 31),
    f("message_thread_id", Int, 28),
    f("message", Text, 0),
    f("disable_notifications", Bool, 0),
    f("parse_mode", Text, 0),
];

const WEBEX: &[Field] = &[SEND_RESOLVED, HTTP, f("api_url", Url, 0), f("message", Text, 0), f("room_id", Text, 0)];

const MSTEAMS: &[Field] = &[
    SEND_RESOLVED,
    HTTP,
    f("webhook_url", SecretUrl, 0),
    f("webhook_url_file", Text, 27),
    f("title", Text, 0),
    f("summary", Text, 27),
    f("text", Text, 0),
];

const MSTEAMS_V2: &[Field] = &[
    SEND_RESOLVED,
    HTTP,
    f("webhook_url", SecretUrl, 0),
    f("webhook_url_file", Text, 0),
    f("title", Text, 0),
    f("text", Text, 0),
];

const JIRA: &[Field] = &[
    SEND_RESOLVED,
    HTTP,
    f("api_url", Url, 0),
    f("api_type", Text, 29),
    f("project", Text, 0),
    f("summary", Any, 0),
    f("description", Any, 0),
    f("labels", List, 0),
    f("priority", Text, 0),
    f("issue_type", Text, 0),
    f("reopen_transition", Text, 0),
    f("resolve_transition", Text, 0),
    f("wont_fix_resolution", Text, 0),
    f("reopen_duration", Duration, 0),
    f("fields", Any, 0),
];

const ROCKETCHAT: &[Field] = &[
    SEND_RESOLVED,
    HTTP,
    f("api_url", Url, 0),
    f("token_id", Secret, 0),
    f("token_id_file", Text, 0),
    f("token", Secret, 0),
    f("token_file", Text, 0),
    f("channel", Text, 0),
    f("color", Text, 0),
    f("title", Text, 0),
    f("title_link", Text, 0),
    f("text", Text, 0),
    f("fields", Any, 0),
    f("short_fields", Bool, 0),
    f("emoji", Text, 0),
    f("icon_url", Text, 0),
    f("image_url", Text, 0),
    f("thumb_url", Text, 0),
    f("link_names", Bool, 0),
    f("actions", Any, 0),
];

const INCIDENTIO: &[Field] = &[
    SEND_RESOLVED,
    HTTP,
    f("url", Url, 0),
    f("url_file", Text, 0),
    f("alert_source_token", Secret, 0),
    f("alert_source_token_file", Text, 0),
    f("max_alerts", Uint, 0),
    f("timeout", GoDuration, 0),
];

const MATTERMOST: &[Field] = &[
    SEND_RESOLVED,
    HTTP,
    f("webhook_url", SecretUrl, 0),
    f("webhook_url_file", Text, 0),
    f("channel", Text, 0),
    f("username", Text, 0),
    f("text", Text, 0),
    f("icon_url", Text, 0),
    f("icon_emoji", Text, 0),
    f("type", Text, 0),
    f("props", Any, 0),
    f("priority", Any, 0),
    f("attachments", Any, 0),
    f("fallback", Text, 32),
    f("color", Text, 32),
    f("pretext", Text, 32),
    f("author_name", Text, 32),
    f("author_link", Text, 32),
    f("author_icon", Text, 32),
    f("title", Text, 32),
    f("title_link", Text, 32),
    f("fields", Any, 32),
    f("thumb_url", Text, 32),
    f("footer", Text, 32),
    f("footer_icon", Text, 32),
    f("image_url", Text, 32),
];

/// The fields an integration of this kind can have.
pub(super) fn fields_of(kind: IntegrationKind) -> &'static [Field] {
    match kind {
        IntegrationKind::Webhook => WEBHOOK,
        IntegrationKind::Email => EMAIL,
        IntegrationKind::Pagerduty => PAGERDUTY,
        IntegrationKind::Opsgenie => OPSGENIE,
        IntegrationKind::Wechat => WECHAT,
        IntegrationKind::Slack => SLACK,
        IntegrationKind::Victorops => VICTOROPS,
        IntegrationKind::Pushover => PUSHOVER,
        IntegrationKind::Sns => SNS,
        IntegrationKind::Telegram => TELEGRAM,
        IntegrationKind::Discord => DISCORD,
        IntegrationKind::Webex => WEBEX,
        IntegrationKind::Msteams => MSTEAMS,
        IntegrationKind::MsteamsV2 => MSTEAMS_V2,
        IntegrationKind::Jira => JIRA,
        IntegrationKind::Rocketchat => ROCKETCHAT,
        IntegrationKind::Incidentio => INCIDENTIO,
        IntegrationKind::Mattermost => MATTERMOST,
    }
}

/// The fields of `global`.
pub(super) const GLOBAL: &[Field] = &[
    f("resolve_timeout", Duration, 0),
    HTTP,
    f("smtp_from", Text, 0),
    f("smtp_hello", Text, 0),
    f("smtp_smarthost", HostPort, 0),
    f("smtp_auth_username", Text, 0),
    f("smtp_auth_password", Secret, 0),
    f("smtp_auth_password_file", Text, 0),
    f("smtp_auth_secret", Secret, 0),
    f("smtp_auth_secret_file", Text, 31),
    f("smtp_auth_identity", Text, 0),
    f("smtp_require_tls", Bool, 0),
    f("smtp_tls_config", Tls, 28),
    f("smtp_force_implicit_tls", Bool, 31),
    f("slack_api_url", SecretUrl, 0),
    f("slack_api_url_file", Text, 0),
    f("slack_app_token", Secret, 30),
    f("slack_app_token_file", Text, 30),
    f("slack_app_url", Url, 30),
    f("pagerduty_url", Url, 0),
    f("opsgenie_api_url", Url, 0),
    f("opsgenie_api_key", Secret, 0),
    f("opsgenie_api_key_file", Text, 0),
    f("wechat_api_url", Url, 0),
    f("wechat_api_secret", Secret, 0),
    f("wechat_api_secret_file", Text, 31),
    f("wechat_api_corp_id", Text, 0),
    f("victorops_api_url", Url, 0),
    f("victorops_api_key", Secret, 0),
    f("victorops_api_key_file", Text, 0),
    f("telegram_api_url", Url, 0),
    f("telegram_bot_token", Secret, 31),
    f("telegram_bot_token_file", Text, 31),
    f("webex_api_url", Url, 0),
    f("jira_api_url", Url, 28),
    f("rocketchat_api_url", Url, 28),
    f("rocketchat_token", Secret, 28),
    f("rocketchat_token_file", Text, 28),
    f("rocketchat_token_id", Secret, 28),
    f("rocketchat_token_id_file", Text, 28),
    f("mattermost_webhook_url", SecretUrl, 30),
    f("mattermost_webhook_url_file", Text, 30),
];
