//! Files that are accepted or refused, with what people are told.

use super::{Config, Settings};
use crate::alertmanager::Version;
use crate::text::{Severity, SourceText};

fn errors(text: &str, version: Version) -> Vec<String> {
    let loaded = Config::load(&SourceText::new("am.yml", text), version);
    let errors = loaded.diagnostics.iter().filter(|d| d.severity == Severity::Error);
    let lines: Vec<String> = errors
        .map(|d| format!("{}: {} ({})", d.position().map_or(0, |p| p.line), d.message, d.help.as_deref().unwrap_or("")))
        .collect();
    assert_eq!(loaded.config.is_none(), !lines.is_empty(), "{lines:?}");
    lines
}

fn with_receiver(integration: &str) -> String {
    format!("route: {{receiver: a}}\nreceivers:\n- name: a\n  {integration}\n")
}

#[test]
fn all_errors_of_a_file_are_told_at_once_with_their_lines() {
    let text = "
route:
  receiver: Discord
  group_by: alertname
  group_wait: 30
receivers:
- name: discord
  discord_config:
  - webhook_url: https://discord.com/api/webhooks/1/t
- name: other
  discord_configs:
  - webhook_url: ${DISCORD_URL}
";
    let found = errors(text, Version::LATEST);
    let starts = [
        "3: undefined receiver \"Discord\"",
        "4: observed `alertname`, wanted a list",
        "5: not a valid duration",
        "8: unknown field `discord_config`",
        "12: unsupported scheme \"\" for URL",
    ];
    assert_eq!(found.len(), starts.len(), "{found:#?}");
    for (line, start) in found.iter().zip(starts) {
        assert!(line.starts_with(start), "{line} should start with {start}");
    }
    assert!(found[0].contains("write discord"), "{}", found[0]);
    assert!(found[4].contains("does not expand variables"), "{}", found[4]);
}

#[test]
fn a_field_that_came_later_is_refused_and_the_release_is_named() {
    let text = with_receiver("discord_configs: [{webhook_url_file: /run/secret}]");
    assert!(errors(&text, Version::V0_27).is_empty());
    let found = errors(&text, Version::V0_26);
    assert!(found.iter().any(|e| e.contains("webhook_url_file") && e.contains("0.27")), "{found:?}");
    let text = with_receiver("mattermost_configs: [{webhook_url: 'https://h/x'}]");
    assert!(errors(&text, Version::V0_30).is_empty());
    assert_eq!(errors(&text, Version::V0_29).len(), 1);
}

#[test]
fn the_root_route_takes_everything() {
    let text =
        "route: {receiver: a, matchers: [x=y], continue: true, mute_time_intervals: [m]}\nreceivers: [{name: a}]\n";
    let found = errors(text, Version::LATEST);
    assert_eq!(found.len(), 4, "{found:#?}");
    assert!(errors("", Version::LATEST)[0].contains("no route provided in config"));
}

#[test]
fn discord_settings_have_their_defaults_and_the_global_login() {
    let text = "global: {http_config: {bearer_token: s3}}\n".to_owned()
        + &with_receiver("discord_configs: [{webhook_url: 'https://h/x', title: ''}]");
    let config = Config::load(&SourceText::new("am.yml", text), Version::LATEST).config.expect("a good file");
    let integration = &config.receivers[0].integrations[0];
    assert!(integration.send_resolved);
    let Settings::Discord(discord) = &integration.settings else { panic!("{integration:?}") };
    assert_eq!(&*discord.title, "");
    assert_eq!(&*discord.message, r#"{{ template "discord.default.message" . }}"#);
    assert!(discord.http.authorization.is_some());
}

#[test]
fn a_plain_webhook_to_discord_is_warned_of_and_slack_s_path_is_not() {
    let warned = |url: &str| {
        let text = with_receiver(&format!("webhook_configs: [{{url: '{url}'}}]"));
        let loaded = Config::load(&SourceText::new("am.yml", text), Version::LATEST);
        loaded.diagnostics.iter().any(|d| d.message.contains("posts to Discord"))
    };
    assert!(warned("https://discord.com/api/webhooks/1/t"));
    assert!(warned("https://ptb.discord.com/api/webhooks/1/t?wait=true"));
    assert!(!warned("https://discord.com/api/webhooks/1/t/slack"));
    assert!(!warned("https://notdiscord.com/api/webhooks/1/t"));
}

#[test]
fn hostile_files_end_in_errors() {
    let deep =
        format!("route: {}receiver: a{}\nreceivers: [{{name: a}}]\n", "{routes: [{".repeat(150), "}]}".repeat(150));
    let _ = Config::load(&SourceText::new("am.yml", deep), Version::LATEST);
    let wide = with_receiver(&format!("discord_configs: [{}]", "{}, ".repeat(5_000)));
    let loaded = Config::load(&SourceText::new("am.yml", wide), Version::LATEST);
    assert!(loaded.config.is_none() && loaded.diagnostics.len() <= 300);
}

#[test]
fn numbers_and_empty_items_are_taken_as_go_takes_them() {
    let telegram = |chat: &str| {
        let text = format!("telegram_configs: [{{bot_token: t, api_url: 'http://h', chat_id: {chat}}}]");
        errors(&with_receiver(&text), Version::V0_25).len()
    };
    assert_eq!((telegram("-9223372036854775809"), telegram("9223372036854775808"), telegram("1.5")), (0, 1, 0));
    let responders = |list: &str| {
        let text = format!("opsgenie_configs: [{{api_key: k, responders: {list}}}]");
        errors(&with_receiver(&text), Version::V0_25).len()
    };
    assert_eq!(responders("[{id: a, type: '{{ .CommonLabels.team }}'}]"), 0);
    assert_eq!(responders("[{id: a, type: '{{ toUpper .Status }}'}]"), 1, "notification functions are unknown there");
    assert!(responders("[~]") > 0);
}

#[test]
fn webex_wants_an_authorization_and_no_other_login() {
    let webex = |http: &str| {
        errors(&with_receiver(&format!("webex_configs: [{{room_id: r, http_config: {http}}}]")), Version::V0_25).len()
    };
    assert_eq!(webex("{authorization: {credentials: t}}"), 0);
    assert_eq!(webex("{bearer_token_file: /t}"), 0);
    assert_eq!(webex("{basic_auth: {username: a, password_file: /t}}"), 1);
    assert_eq!(webex("{oauth2: {client_id: a, client_secret: b, token_url: 'http://h'}}"), 1);
}

#[test]
fn zones_are_files_under_the_folder_of_zones() {
    let zone = |name: &str| {
        let text = format!(
            "{}time_intervals: [{{name: t, time_intervals: [{{location: '{name}'}}]}}]\n",
            with_receiver("webhook_configs: [{url: 'http://h'}]")
        );
        errors(&text, Version::V0_25).len()
    };
    for known in ["Europe/Brussels", "posix/Europe/Brussels", "./UTC", "Europe//Brussels", "localtime"] {
        assert_eq!(zone(known), 0, "{known}");
    }
    for unknown in ["europe/brussels", "/UTC", "UTC/", "Europe", "posix"] {
        assert_eq!(zone(unknown), 1, "{unknown}");
    }
}

#[test]
fn matchers_that_two_parsers_read_differently_are_warned_of_and_features_refuse_them() {
    use crate::alertmanager::matchers::Names;
    let text = "route:\n  receiver: a\n  routes:\n  - matchers: ['a=~(x=y)', 'b=c']\nreceivers: [{name: a}]\n";
    let load = |names| Config::load_with(&SourceText::new("am.yml", text), Version::LATEST, names);
    let loaded = load(Names::Both);
    assert!(loaded.config.is_some());
    let told: Vec<_> = loaded.diagnostics.iter().filter(|d| d.message.contains("UTF-8 parser")).collect();
    assert_eq!(told.len(), 1, "{:?}", loaded.diagnostics);
    assert_eq!(told[0].help.as_deref(), Some(r#"write 'a=~"(x=y)"'"#));
    assert!(load(Names::Classic).diagnostics.iter().all(|d| !d.message.contains("UTF-8 parser")));
    assert!(load(Names::Utf8).config.is_none());
}
