use std::collections::BTreeMap;

use super::*;
use crate::alertmanager::config::{
    Authorization, DiscordSettings, HttpSettings, Integration, IntegrationKind, WebhookSettings,
};
use crate::alertmanager::template::{DISCORD_MESSAGE, DISCORD_TITLE};
use crate::alertmanager::{FrozenAlert, Reason, Status, Version, common_of};
use crate::model::{Labels, Time};
use crate::text::Span;

fn alert(status: Status, instance: &str) -> FrozenAlert {
    let labels = Labels::from_pairs([("alertname", "Load"), ("instance", instance)]);
    let ends_at = (status == Status::Resolved).then_some(Time::from_millis(1_700_000_060_000));
    FrozenAlert {
        status,
        fingerprint: labels.fingerprint(),
        labels,
        annotations: Arc::default(),
        starts_at: Time::from_millis(1_700_000_000_250),
        ends_at,
        generator_url: "http://p/g?a&b".into(),
    }
}

fn notification(version: Version, settings: Settings, alerts: Vec<FrozenAlert>) -> Notification {
    let (common_labels, common_annotations) = common_of(&alerts);
    let kind = match settings {
        Settings::Discord(_) => IntegrationKind::Discord,
        Settings::Webhook(_) => IntegrationKind::Webhook,
        Settings::Other(_) => IntegrationKind::Slack,
    };
    let integration = Integration { kind, index: 0, send_resolved: true, settings, span: Span::default() };
    Notification {
        version,
        receiver: "lab.1".into(),
        integration: Arc::new(integration),
        group_key: "{}:{alertname=\"Load\"}".into(),
        group_labels: Labels::from_pairs([("alertname", "Load")]),
        alerts,
        common_labels,
        common_annotations,
        external_url: "http://am.test".into(),
        reason: Reason::First,
        route_labels: Arc::new(BTreeMap::from([("team".into(), "ops".into())])),
        receiver_labels: Arc::default(),
        at: Time::from_millis(1_700_000_100_000),
    }
}

fn discord() -> DiscordSettings {
    DiscordSettings {
        webhook_url: Some("http://d.test/api/webhooks/1/t?wait=true".into()),
        title: DISCORD_TITLE.into(),
        message: DISCORD_MESSAGE.into(),
        ..DiscordSettings::default()
    }
}

fn send(version: Version, settings: Settings, alerts: Vec<FrozenAlert>) -> Result<OutgoingRequest, NotifyError> {
    let read = |path: &str| match path {
        "url" => Ok("\n http://file.test/x \n".into()),
        "empty" => Ok("".into()),
        other => Err(format!("open {other}: no such file or directory")),
    };
    match render(&notification(version, settings, alerts), &Templates::new(version), &read)? {
        Outgoing::Request(request) => Ok(request),
        Outgoing::Record(record) => panic!("a record: {record:?}"),
    }
}

#[test]
fn a_discord_message_is_posted_as_its_release_does() {
    let request = send(Version::V0_25, Settings::Discord(discord()), vec![alert(Status::Firing, "n1")]);
    let request = request.expect("a request");
    assert_eq!(&*request.url, "http://d.test/api/webhooks/1/t?wait=true");
    let headers = [("User-Agent", "Alertmanager/0.25.0"), ("Content-Type", "application/json")];
    assert_eq!(request.headers, headers.map(|(n, v)| (n, v.to_owned())));
    let start = r#"{"content":"","embeds":[{"title":"[FIRING:1] Load (n1)","description":"\n\nAlerts Firing:\nLabels:\n - alertname"#;
    assert!(request.body.starts_with(start), "{}", request.body);
    assert!(request.body.ends_with("Source: http://p/g?a\\u0026b\\n\\n\\n\\n\",\"color\":10038562}]}\n"));
    let named = DiscordSettings { username: "{{ x".into(), content: "c {{ .Status }}".into(), ..discord() };
    let request = send(Version::V0_28, Settings::Discord(named), vec![alert(Status::Resolved, "n1")]);
    let body = request.expect("a request").body;
    assert!(body.starts_with(r#"{"content":"c resolved","embeds":[{"title":"[RESOLVED] Load (n1)""#), "{body}");
    assert!(body.ends_with("\"color\":3066993}],\"username\":\"{{ x\"}\n"), "{body}");
}

#[test]
fn an_address_may_stand_in_a_file() {
    let with_file = |path: &str| {
        let settings = DiscordSettings { webhook_url: None, webhook_url_file: Some(path.into()), ..discord() };
        send(Version::V0_27, Settings::Discord(settings), vec![alert(Status::Firing, "n1")]).map(|r| r.url.to_string())
    };
    assert_eq!(with_file("url"), Ok("http://file.test/x".to_owned()));
    let missing = with_file("none").expect_err("no such file").to_string();
    assert_eq!(missing, "read webhook_url_file: open none: no such file or directory");
    assert!(matches!(with_file("empty"), Err(NotifyError::Url(_))));
}

#[test]
fn a_text_that_cannot_be_expanded_sends_nothing() {
    let settings = DiscordSettings { title: "{{ .Nope }}".into(), ..discord() };
    let error = send(Version::V0_25, Settings::Discord(settings), vec![alert(Status::Firing, "n1")]);
    let wanted = "template: :1:3: executing \"\" at <.Nope>: can't evaluate field Nope in type *template.Data";
    assert_eq!(error.expect_err("an error").to_string(), wanted);
}

#[test]
fn a_webhook_gets_the_payload_of_its_release() {
    let http = HttpSettings {
        authorization: Some(Authorization::Basic { username: "lab".into(), password: "secret".into() }),
        ..HttpSettings::default()
    };
    let settings = WebhookSettings { url: Some("http://w.test/".into()), max_alerts: 1, http, ..Default::default() };
    let alerts = || vec![alert(Status::Resolved, "n1"), alert(Status::Firing, "n2")];
    let request = send(Version::V0_25, Settings::Webhook(settings.clone()), alerts()).expect("a request");
    assert_eq!(request.headers[1], ("Authorization", "Basic bGFiOnNlY3JldA==".to_owned()));
    let wanted = concat!(
        r#"{"receiver":"lab\\.1","status":"resolved","alerts":[{"status":"resolved","#,
        r#""labels":{"alertname":"Load","instance":"n1"},"annotations":{},"#,
        r#""startsAt":"2023-11-14T22:13:20.25Z","endsAt":"2023-11-14T22:14:20Z","#,
        r#""generatorURL":"http://p/g?a\u0026b","fingerprint":"FP"}],"#,
        r#""groupLabels":{"alertname":"Load"},"commonLabels":{"alertname":"Load","instance":"n1"},"#,
        r#""commonAnnotations":{},"externalURL":"http://am.test","version":"4","#,
        r#""groupKey":"{}:{alertname=\"Load\"}","truncatedAlerts":1}"#,
        "\n"
    );
    let fingerprint = format!("{:016x}", alerts()[0].fingerprint);
    assert_eq!(request.body, wanted.replace("FP", &fingerprint));
    let newest = send(Version::V0_34, Settings::Webhook(settings), alerts()).expect("a request").body;
    assert!(newest.contains(r#""notification_reason":"first notification","groupLabels""#), "{newest}");
    assert!(newest.contains(r#""routeLabels":{"team":"ops"},"externalURL""#), "{newest}");
}

#[test]
fn a_webhook_address_is_a_template_since_0_31() {
    let settings = WebhookSettings { url: Some("http://w.test/{{ .Status }}".into()), ..Default::default() };
    let url = |version| send(version, Settings::Webhook(settings.clone()), vec![alert(Status::Firing, "n")]);
    assert_eq!(&*url(Version::V0_31).expect("a request").url, "http://w.test/firing");
    assert_eq!(&*url(Version::V0_30).expect("a request").url, "http://w.test/{{ .Status }}");
}

#[test]
fn other_integrations_leave_a_record_of_their_texts() {
    let fields = BTreeMap::from([("channel".into(), "#{{ .Status }}".into())]);
    let notification = notification(Version::V0_34, Settings::Other(fields), vec![alert(Status::Firing, "n1")]);
    let no_files = |_: &str| Err(String::new());
    let Ok(Outgoing::Record(record)) = render(&notification, &Templates::new(Version::V0_34), &no_files) else {
        panic!("no record");
    };
    let text = |name: &str| record.texts.iter().find(|(n, _)| &**n == name).map(|(_, t)| t.as_str());
    assert_eq!((text("channel"), text("color")), (Some("#firing"), Some("danger")));
    assert!(record.body.is_some_and(|b| b.starts_with(r##"{"channel":"#firing","username":"Alertmanager","##)));
}

fn loaded(integration: &str, version: Version) -> Settings {
    let text = format!("route: {{receiver: a}}\nreceivers:\n- name: a\n{integration}");
    let loaded = crate::alertmanager::config::Config::load(&crate::text::SourceText::new("am.yml", text), version);
    let config = loaded.config.unwrap_or_else(|| panic!("{:?}", loaded.diagnostics));
    config.receivers[0].integrations[0].settings.clone()
}

#[test]
fn a_payload_of_one_s_own_takes_the_place_of_the_usual_body() {
    let settings = loaded(
        "  webhook_configs:
  - url: http://h/x
    payload:
      text: '{{ .Status }} <{{ len .Alerts }}>'
      count: '{{ len .Alerts }}'
      names: '[{{ range .Alerts }}{{ .Labels.instance }},{{ end }}]'
      fixed: {a: 1, b: [true, ~, 1.5], empty: ''}
",
        Version::V0_32,
    );
    let sent = send(Version::V0_32, settings, vec![alert(Status::Firing, "n1"), alert(Status::Firing, "n2")]);
    let wanted = concat!(
        r#"{"count":2,"fixed":{"a":1,"b":[true,null,1.5],"empty":null},"names":["n1","n2"],"#,
        r#""text":"firing \u003c2\u003e"}"#,
        "\n"
    );
    assert_eq!(sent.map(|r| r.body).as_deref(), Ok(wanted));
}

#[test]
fn the_texts_inside_an_expansion_stay_texts_since_0_34() {
    let payload = |version, text: &str| {
        let settings = loaded(&format!("  webhook_configs:\n  - url: http://h/x\n    payload: {text}\n"), version);
        send(version, settings, vec![alert(Status::Firing, "n1")]).map(|r| r.body).expect("a body")
    };
    let quoted = r#"{a: '{"n": "1", "k:": "x:", "d": 1e21, "u": 18446744073709551615}'}"#;
    let before = r#"{"a":{"d":1e+21,"k:":{"x":null},"n":1,"u":18446744073709551615}}"#;
    let since = r#"{"a":{"d":1e+21,"k:":"x:","n":"1","u":18446744073709551615}}"#;
    assert_eq!(payload(Version::V0_33, quoted), format!("{before}\n"));
    assert_eq!(payload(Version::V0_34, quoted), format!("{since}\n"));
    let nested = r#"'["{{ print "{{ .Status }}" }}", 2.0]'"#;
    assert_eq!(payload(Version::V0_33, nested), "[\"firing\",2]\n");
    assert_eq!(payload(Version::V0_34, nested), "[\"{{ .Status }}\",2]\n");
    // A template's own name may come to stand elsewhere.
    let names = r#"{'{{ print "z" }}': 1, m: 2}"#;
    assert_eq!(payload(Version::V0_34, names), "{\"m\":2,\"z\":1}\n");
}

#[test]
fn slack_is_told_fields_and_buttons() {
    let settings = loaded(
        "  slack_configs:
  - api_url: http://h/x
    short_fields: true
    link_names: true
    mrkdwn_in: [text]
    fields:
    - {title: 'T {{ .Status }}', value: V}
    - {title: U, value: '', short: false}
    actions:
    - {type: button, text: go, url: '{{ .ExternalURL }}', value: v, confirm: {text: sure}}
    - {type: button, text: go, name: n, confirm: {text: sure, ok_text: yes}}
"
        .replace("value: ''", "value: x")
        .as_str(),
        Version::V0_25,
    );
    let templates = Templates::new(Version::V0_25);
    let told = notification(Version::V0_25, settings, vec![alert(Status::Firing, "n1")]);
    let Ok(Outgoing::Record(record)) = render(&told, &templates, &|_| Err("none".to_owned())) else {
        panic!("a record")
    };
    let body = record.body.expect("a body");
    for part in [
        r#""link_names":true,"attachments":[{"#,
        r#""fields":[{"title":"T firing","value":"V","short":true},{"title":"U","value":"x","short":false}],"#,
        r#""actions":[{"type":"button","text":"go","url":"http://am.test"},"#,
        r#"{"type":"button","text":"go","name":"n","confirm":{"text":"sure","ok_text":"yes"}}],"#,
        r#""mrkdwn_in":["text"]}]}"#,
    ] {
        assert!(body.contains(part), "{part} in {body}");
    }
}
