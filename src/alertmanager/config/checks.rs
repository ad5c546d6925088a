//! What the real program demands of an integration, alone and together with `global`.
//!
//! Facts: upstream `config/notifiers.go` and `config/config.go`, probed with amtool 0.25.

use super::fields::Fields;
use super::integration::IntegrationKind;
use crate::alertmanager::version::Version;
use crate::golang::template::{GoVersion, NoFunctions, TemplateSet};
use crate::yaml::Decoder;

/// Collects the errors of one integration.
struct Check<'c> {
    d: &'c Decoder,
    own: &'c Fields,
    global: &'c Fields,
    version: Version,
}

/// Says what is wrong with an integration that was read.
pub(super) fn check(d: &Decoder, kind: IntegrationKind, own: &Fields, global: &Fields, version: Version) {
    let c = Check { d, own, global, version };
    match kind {
        IntegrationKind::Discord => c.discord(),
        IntegrationKind::Webhook => c.webhook(),
        IntegrationKind::Email => c.email(),
        IntegrationKind::Pagerduty => c.pagerduty(),
        IntegrationKind::Opsgenie => c.opsgenie(),
        IntegrationKind::Wechat => c.wechat(),
        IntegrationKind::Slack => c.slack(),
        IntegrationKind::Victorops => c.victorops(),
        IntegrationKind::Pushover => c.pushover(),
        IntegrationKind::Sns => c.sns(),
        IntegrationKind::Telegram => c.telegram(),
        IntegrationKind::Webex => c.webex(),
        IntegrationKind::Msteams | IntegrationKind::MsteamsV2 => c.msteams(),
        IntegrationKind::Jira => c.jira(),
        IntegrationKind::Rocketchat => c.rocketchat(),
        IntegrationKind::Incidentio => c.incidentio(),
        IntegrationKind::Mattermost => c.mattermost(),
    }
}

/// What `global` must keep to by itself.
pub(super) fn check_global(d: &Decoder, global: &Fields) {
    let pairs = [
        ("slack_app_token", "slack_app_token_file"),
        ("slack_api_url", "slack_api_url_file"),
        ("opsgenie_api_key", "opsgenie_api_key_file"),
        ("victorops_api_key", "victorops_api_key_file"),
        ("telegram_bot_token", "telegram_bot_token_file"),
        ("smtp_auth_password", "smtp_auth_password_file"),
        ("smtp_auth_secret", "smtp_auth_secret_file"),
        ("rocketchat_token", "rocketchat_token_file"),
        ("rocketchat_token_id", "rocketchat_token_id_file"),
        ("wechat_api_secret", "wechat_api_secret_file"),
        ("mattermost_webhook_url", "mattermost_webhook_url_file"),
    ];
    for (inline, file) in pairs {
        if global.set(inline) && global.set(file) {
            let why = format!("at most one of {inline} & {file} must be configured");
            d.error_help(global.place(file), why, format!("remove `{inline}:` or `{file}:`"));
        }
    }
    let app = global.set("slack_app_token") || global.set("slack_app_token_file");
    let url = global.set("slack_api_url") || global.set("slack_api_url_file");
    if app && url && global.text("slack_api_url") != slack_app_url(global) {
        let why = "at most one of slack_app_token/slack_app_token_file & slack_api_url/slack_api_url_file must be \
                   configured";
        d.error_help(global.place("slack_api_url"), why, "keep the token or the address");
    }
}

fn slack_app_url(global: &Fields) -> &str {
    if global.set("slack_app_url") { global.text("slack_app_url") } else { "https://slack.com/api/chat.postMessage" }
}

impl Check<'_> {
    fn wrong(&self, key: &str, why: impl Into<String>, help: impl Into<String>) {
        self.d.error_help(self.own.place(key), why, help);
    }

    fn missing(&self, why: impl Into<String>, help: impl Into<String>) {
        self.d.error_help(self.own.whole(), why, help);
    }

    fn any(&self, keys: &[&str]) -> bool {
        keys.iter().any(|k| self.own.set(k))
    }

    fn any_global(&self, keys: &[&str]) -> bool {
        keys.iter().any(|k| self.global.set(k))
    }

    /// Not both of two spellings of one thing.
    fn at_most_one(&self, inline: &str, file: &str) {
        if self.own.set(inline) && self.own.set(file) {
            let why = format!("at most one of {inline} & {file} must be configured");
            self.wrong(file, why, format!("remove `{inline}:` or `{file}:`"));
        }
    }

    /// Whether its own `http_config` has an `authorization`.
    fn authorized(&self) -> bool {
        self.own.http("http_config").is_some_and(|h| h.by_authorization)
    }

    fn discord(&self) {
        let help = "paste the webhook's address from Discord's channel settings after `webhook_url:`";
        if self.version < Version::V0_27 {
            if !self.own.has("webhook_url") {
                self.missing("no discord webhook URL provided", help);
            }
            return;
        }
        if !self.own.has("webhook_url") && !self.own.set("webhook_url_file") {
            self.missing("one of webhook_url or webhook_url_file must be configured", help);
        }
        self.at_most_one("webhook_url", "webhook_url_file");
    }

    fn webhook(&self) {
        let help = "add `url:` with the address to post to";
        let has = if self.version >= Version::V0_31 { self.own.set("url") } else { self.own.has("url") };
        if self.version < Version::V0_26 {
            if !has {
                self.missing("missing URL in webhook config", help);
            }
            return;
        }
        if !has && !self.own.set("url_file") {
            self.missing("one of url or url_file must be configured", help);
        }
        self.at_most_one("url", "url_file");
    }

    fn email(&self) {
        if !self.own.set("to") {
            self.missing("missing to address in email config", "add `to:` with the address of whoever is told");
        }
        let mut seen: Vec<String> = Vec::new();
        for (name, _) in self.own.map("headers") {
            let canonical = canonical_header(name);
            if seen.contains(&canonical) {
                let shown = crate::golang::quote(&canonical);
                let why = format!("duplicate header {shown} in email config");
                self.wrong("headers", why, "keep one spelling of the header");
            }
            seen.push(canonical);
        }
        if !self.own.set("smarthost") && !self.global.set("smtp_smarthost") {
            let help = "add `smtp_smarthost: host:port` under `global:`, or `smarthost:` here";
            self.missing("no global SMTP smarthost set", help);
        }
        if !self.own.set("from") && !self.global.set("smtp_from") {
            self.missing("no global SMTP from set", "add `smtp_from:` under `global:`, or `from:` here");
        }
        if self.version >= Version::V0_31 {
            self.at_most_one("auth_password", "auth_password_file");
            self.at_most_one("auth_secret", "auth_secret_file");
        }
    }

    fn pagerduty(&self) {
        if !self.any(&["routing_key", "service_key", "routing_key_file", "service_key_file"]) {
            self.missing("missing service or routing key in PagerDuty config", "add `routing_key:`");
        }
        self.at_most_one("routing_key", "routing_key_file");
        self.at_most_one("service_key", "service_key_file");
    }

    fn opsgenie(&self) {
        self.at_most_one("api_key", "api_key_file");
        for responder in self.own.many("responders") {
            let shown = format!(
                "{{{} {} {} {}}}",
                responder.text("id"),
                responder.text("name"),
                responder.text("username"),
                responder.text("type")
            );
            if !["id", "name", "username"].iter().any(|k| responder.set(k)) {
                let why = format!(
                    "opsGenieConfig responder {shown} has to have at least one of id, username or name specified"
                );
                self.d.error_help(responder.whole(), why, "add `name:`");
            }
            let kind = responder.text("type");
            let kinds = ["team", "teams", "user", "escalation", "schedule"];
            if kind.contains("{{") {
                // Upstream parses it without the functions of notifications.
                let mut set = TemplateSet::new(GoVersion::default(), false);
                if let Err(e) = set.parse("", kind, &NoFunctions) {
                    let why = format!("opsGenieConfig responder {shown} type is not a valid template: {e}");
                    self.d.error_help(responder.whole(), why, "write one of team, teams, user, escalation, schedule");
                }
            } else if !kinds.contains(&kind.to_lowercase().as_str()) {
                let why = format!(
                    "opsGenieConfig responder {shown} type does not match valid options \
                     ^(team|teams|user|escalation|schedule)$"
                );
                self.d.error_help(responder.whole(), why, "write one of team, teams, user, escalation, schedule");
            }
        }
        let keys = ["opsgenie_api_key", "opsgenie_api_key_file"];
        if !self.any(&["api_key", "api_key_file"]) && !self.any_global(&keys) {
            let why = "no global OpsGenie API Key set either inline or in a file";
            self.missing(why, "add `api_key:`, or `opsgenie_api_key:` under `global:`");
        }
    }

    fn wechat(&self) {
        let kind = self.own.text("message_type");
        if !matches!(kind, "" | "text" | "markdown") {
            let shown = crate::golang::quote(kind);
            let why = format!("weChat message type {shown} does not match valid options ^(text|markdown)$");
            self.wrong("message_type", why, "write text or markdown");
        }
        let secret = self.any(&["api_secret", "api_secret_file"])
            || self.any_global(&["wechat_api_secret", "wechat_api_secret_file"]);
        if !secret {
            let why = if self.version < Version::V0_31 {
                "no global Wechat ApiSecret set"
            } else {
                "no global Wechat Api Secret set either inline or in a file"
            };
            self.missing(why, "add `api_secret:`");
        }
        if self.version >= Version::V0_31 {
            self.at_most_one("api_secret", "api_secret_file");
        }
        if !self.own.set("corp_id") && !self.global.set("wechat_api_corp_id") {
            self.missing("no global Wechat CorpID set", "add `corp_id:`");
        }
    }

    fn slack(&self) {
        self.at_most_one("api_url", "api_url_file");
        self.at_most_one("app_token", "app_token_file");
        for field in self.own.many("fields") {
            for key in ["title", "value"] {
                if !field.set(key) {
                    let why = format!("missing {key} in Slack field configuration");
                    self.d.error_help(field.whole(), why, format!("add `{key}:`"));
                }
            }
        }
        for action in self.own.many("actions") {
            for key in ["type", "text"] {
                if !action.set(key) {
                    let why = format!("missing {key} in Slack action configuration");
                    self.d.error_help(action.whole(), why, format!("add `{key}:`"));
                }
            }
            if !action.set("url") && !action.set("name") {
                let why = "missing name or url in Slack action configuration";
                self.d.error_help(action.whole(), why, "add `url:`");
            }
            if action.nested("confirm").is_some_and(|c| !c.set("text")) {
                let why = "missing text in Slack confirmation configuration";
                self.d.error_help(action.whole(), why, "add `text:` under `confirm:`");
            }
        }
        if self.version < Version::V0_30 {
            if !self.own.has("api_url")
                && !self.own.set("api_url_file")
                && !self.any_global(&["slack_api_url", "slack_api_url_file"])
            {
                let why = "no global Slack API URL set either inline or in a file";
                self.missing(why, "add `api_url:`, or `slack_api_url:` under `global:`");
            }
            return;
        }
        self.slack_with_app_tokens();
    }

    fn slack_with_app_tokens(&self) {
        let own_token = self.any(&["app_token", "app_token_file"]);
        let own_url = self.own.has("api_url") || self.own.set("api_url_file");
        let authorization = self.authorized();
        if own_token && own_url {
            let why = "at most one of app_token/app_token_file & api_url/api_url_file must be configured";
            self.missing(why, "keep the token or the address");
        }
        let global_token = self.any_global(&["slack_app_token", "slack_app_token_file"]);
        let token = own_token || (global_token && !authorization && !self.own.has("api_url"));
        let url = own_url || self.any_global(&["slack_api_url", "slack_api_url_file"]);
        if !token && !url {
            let why = "no Slack API URL nor App token set either inline or in a file";
            self.missing(why, "add `api_url:`, or `slack_api_url:` under `global:`");
        }
        if token && authorization {
            let why = "http authorization can't be set when using Slack App tokens";
            self.missing(why, "remove `authorization:` from `http_config:`");
        }
        let post_message = "https://slack.com/api/chat.postMessage";
        let posts = if self.own.set("api_url") { self.own.text("api_url") } else { self.global.text("slack_api_url") };
        if self.own.bool("update_message") == Some(true) && !token && posts != post_message {
            let why = "update_message can only be used with bot tokens. api_url must be set to \
                       https://slack.com/api/chat.postMessage";
            self.wrong("update_message", why, "remove `update_message:`");
        }
    }

    fn victorops(&self) {
        if !self.own.set("routing_key") {
            self.missing("missing Routing key in VictorOps config", "add `routing_key:`");
        }
        self.at_most_one("api_key", "api_key_file");
        let reserved = [
            "routing_key",
            "message_type",
            "state_message",
            "entity_display_name",
            "monitoring_tool",
            "entity_id",
            "entity_state",
        ];
        for (name, _) in self.own.map("custom_fields").iter().filter(|(k, _)| reserved.contains(&k.as_str())) {
            let why = format!(
                "victorOps config contains custom field {name} which cannot be used as it conflicts with the \
                 fixed/static fields"
            );
            self.wrong("custom_fields", why, "rename the field");
        }
        let keys = ["victorops_api_key", "victorops_api_key_file"];
        if !self.any(&["api_key", "api_key_file"]) && !self.any_global(&keys) {
            self.missing("no global VictorOps API Key set", "add `api_key:`");
        }
    }

    fn pushover(&self) {
        if self.version < Version::V0_26 {
            for (key, name) in [("user_key", "user key"), ("token", "token")] {
                if !self.own.set(key) {
                    self.missing(format!("missing {name} in Pushover config"), format!("add `{key}:`"));
                }
            }
            return;
        }
        for (inline, file) in [("user_key", "user_key_file"), ("token", "token_file")] {
            if !self.any(&[inline, file]) {
                self.missing(format!("one of {inline} or {file} must be configured"), format!("add `{inline}:`"));
            }
            self.at_most_one(inline, file);
        }
        if self.own.bool("html") == Some(true) && self.own.bool("monospace") == Some(true) {
            self.wrong("html", "at most one of monospace & html must be configured", "keep one of the two");
        }
    }

    fn sns(&self) {
        // As upstream has it: one or all three are let through, two are not.
        let unset = |key: &str| !self.own.set(key);
        if (unset("target_arn") != unset("topic_arn")) != unset("phone_number") {
            let why = "must provide either a Target ARN, Topic ARN, or Phone Number for SNS config";
            self.missing(why, "add `topic_arn:`");
        }
        if let Some(sigv4) = self.own.nested("sigv4")
            && sigv4.set("access_key") != sigv4.set("secret_key")
        {
            let why = "must provide a AWS SigV4 Access key and Secret Key if credentials are specified in the \
                           SigV4 config";
            self.wrong("sigv4", why, "add both keys, or none");
        }
    }

    fn telegram(&self) {
        let (token, file) = (self.own.set("bot_token"), self.own.set("bot_token_file"));
        let global = self.any_global(&["telegram_bot_token", "telegram_bot_token_file"]);
        if !token && !file && !global {
            let why = if self.version < Version::V0_26 {
                "missing bot_token on telegram_config"
            } else {
                "missing bot_token or bot_token_file on telegram_config"
            };
            self.missing(why, "add `bot_token:`");
        }
        self.at_most_one("bot_token", "bot_token_file");
        if self.own.int("chat_id") == 0 && !self.own.set("chat_id_file") {
            let why = if self.version < Version::V0_31 {
                "missing chat_id on telegram_config"
            } else {
                "missing chat_id or chat_id_file on telegram_config"
            };
            self.missing(why, "add `chat_id:`");
        }
        self.at_most_one("chat_id", "chat_id_file");
        let mode = self.own.text("parse_mode");
        if !matches!(mode, "" | "Markdown" | "MarkdownV2" | "HTML") {
            let why = "unknown parse_mode on telegram_config, must be Markdown, MarkdownV2, HTML or empty string";
            self.wrong("parse_mode", why, "write Markdown, MarkdownV2, HTML or nothing");
        }
    }

    fn webex(&self) {
        if !self.own.set("room_id") {
            self.missing("missing room_id on webex_config", "add `room_id:`");
        }
        if !self.authorized() {
            let why = "missing webex_configs.http_config.authorization";
            self.missing(why, "add `http_config: {authorization: {credentials: ...}}` with the bot's token");
        }
    }

    fn msteams(&self) {
        if self.version < Version::V0_27 {
            if !self.own.has("webhook_url") {
                self.missing("no msteams webhook URL provided", "add `webhook_url:`");
            }
            return;
        }
        if !self.own.has("webhook_url") && !self.own.set("webhook_url_file") {
            let why = "one of webhook_url or webhook_url_file must be configured";
            self.missing(why, "add `webhook_url:`");
        }
        self.at_most_one("webhook_url", "webhook_url_file");
    }

    fn jira(&self) {
        for key in ["project", "issue_type"] {
            if !self.own.set(key) {
                self.missing(format!("missing {key} in jira_config"), format!("add `{key}:`"));
            }
        }
        if self.own.set("api_type") && !matches!(self.own.text("api_type"), "auto" | "cloud" | "datacenter") {
            let why = "unknown api_type on jira_config, must be auto, cloud, or datacenter";
            self.wrong("api_type", why, "write auto, cloud or datacenter");
        }
        if !self.own.set("api_url") && !self.global.set("jira_api_url") {
            self.missing("no global Jira Cloud URL set", "add `api_url:`");
        }
    }

    fn rocketchat(&self) {
        let pairs = [
            ("token_id", "token_id_file", ["rocketchat_token_id", "rocketchat_token_id_file"], "TokenID"),
            ("token", "token_file", ["rocketchat_token", "rocketchat_token_file"], "Token"),
        ];
        for (inline, file, global, name) in pairs {
            self.at_most_one(inline, file);
            let has_own = self.own.has(inline) || self.own.set(file);
            if !has_own && !global.iter().any(|k| self.global.has(k)) {
                let why = format!("no global Rocketchat {name} set either inline or in a file");
                self.missing(why, format!("add `{inline}:`"));
            }
        }
    }

    fn incidentio(&self) {
        if !self.any(&["url", "url_file"]) {
            self.missing("one of url or url_file must be configured", "add `url:`");
        }
        self.at_most_one("url", "url_file");
        self.at_most_one("alert_source_token", "alert_source_token_file");
        let authorized = self.authorized();
        let token = self.any(&["alert_source_token", "alert_source_token_file"]);
        if !token && !authorized {
            let why = "at least one of alert_source_token, alert_source_token_file or http_config.authorization must \
                       be configured";
            self.missing(why, "add `alert_source_token:`");
        }
        if token && authorized {
            let why = "cannot specify alert_source_token or alert_source_token_file when using \
                       http_config.authorization";
            self.missing(why, "keep one way to log in");
        }
    }

    fn mattermost(&self) {
        let global = ["mattermost_webhook_url", "mattermost_webhook_url_file"];
        if !self.own.has("webhook_url") && !self.own.set("webhook_url_file") && !self.any_global(&global) {
            let why = "missing webhook_url or webhook_url_file on mattermost_config";
            self.missing(why, "add `webhook_url:`");
        }
        self.at_most_one("webhook_url", "webhook_url_file");
    }
}

/// Go's canonical form of a header name: each word with a capital, when the name is a token.
fn canonical_header(name: &str) -> String {
    if !name.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b)) {
        return name.to_owned();
    }
    let mut upper = true;
    name.chars()
        .map(|c| {
            let c = if upper { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() };
            upper = c == '-';
            c
        })
        .collect()
}
