use super::*;
use crate::golang::time::GoTime;

fn kv(pairs: &[(&str, &str)]) -> Kv {
    pairs.iter().map(|(n, v)| (Arc::from(*n), Arc::from(*v))).collect()
}

fn alert(status: &str, instance: &str) -> Arc<AlertData> {
    Arc::new(AlertData {
        status: status.into(),
        labels: kv(&[("job", "node"), ("alertname", "Load"), ("instance", instance)]),
        annotations: kv(&[("summary", "a < b"), ("empty", "")]),
        starts_at: GoTime::from_unix(1_700_000_000, 0),
        ends_at: GoTime::zero(),
        generator_url: "http://p/graph?a=1&b=2".into(),
        fingerprint: "00000000000000aa".into(),
    })
}

fn data(statuses: &[&str]) -> Arc<Data> {
    let status = if statuses.contains(&"firing") { "firing" } else { "resolved" };
    Arc::new(Data {
        receiver: r"lab\.discord".into(),
        status: status.into(),
        alerts: statuses.iter().enumerate().map(|(i, s)| alert(s, &format!("node{i}"))).collect(),
        group_labels: kv(&[("alertname", "Load")]),
        common_labels: kv(&[("alertname", "Load"), ("job", "node")]),
        external_url: "http://am.test".into(),
        notification_reason: "first notification".into(),
        ..Data::default()
    })
}

fn expand(version: Version, text: &str) -> String {
    let result = Templates::new(version).expand(text, &data(&["firing", "resolved"]), Time(1_700_000_060_000_000_000));
    result.unwrap_or_else(|e| format!("error: {e}"))
}

#[test]
fn every_release_parses_its_definitions() {
    for minor in 25..=34 {
        let version = format!("0.{minor}").parse().expect("a known release");
        let templates = Templates::new(version);
        assert!(templates.contains("__text_alert_list"));
        assert_eq!(templates.contains("discord.default.content"), minor >= 28);
    }
}

#[test]
fn native_texts_equal_the_templates() {
    let templates = Templates::new(Version::LATEST);
    let cases: [&[&str]; 5] = [&["firing"], &["resolved"], &["firing", "resolved"], &["resolved", "resolved"], &[]];
    for statuses in cases {
        let mut data = data(statuses);
        for group in [kv(&[]), kv(&[("alertname", "Load")]), kv(&[("a", "1"), ("b", "2"), ("c", "3")])] {
            Arc::make_mut(&mut data).group_labels = group;
            for text in [DISCORD_TITLE, DISCORD_MESSAGE] {
                let native = templates.expand(text, &data, Time(0));
                assert_eq!(native, templates.execute(text, &data, Time(0), true), "{statuses:?} {text}");
            }
        }
    }
}

#[test]
fn a_file_replaces_what_others_call() {
    let mut templates = Templates::new(Version::V0_25);
    templates.add_file("own.tmpl", r#"{{ define "__subject" }}mine {{ .Status }}{{ end }}"#).expect("a template");
    let expanded = templates.expand(DISCORD_TITLE, &data(&["firing"]), Time(0));
    assert_eq!(expanded.as_deref(), Ok("mine firing"));
    assert!(templates.add_file("broken.tmpl", "{{ define").is_err());
}

#[test]
fn label_sets_print_as_their_release_does() {
    assert_eq!(expand(Version::V0_25, "{{ .CommonLabels }}"), "map[alertname:Load job:node]");
    assert_eq!(expand(Version::V0_26, "{{ .CommonLabels }}"), "alertname=Load, job=node");
    assert_eq!(expand(Version::V0_26, "{{ .CommonLabels.SortedPairs }}"), "alertname=Load, job=node");
}

#[test]
fn newer_data_and_functions_are_unknown_to_older_releases() {
    assert_eq!(expand(Version::V0_32, "{{ .NotificationReason }}"), "first notification");
    assert!(expand(Version::V0_31, "{{ .NotificationReason }}").contains("can't evaluate field NotificationReason"));
    assert!(expand(Version::V0_27, "{{ date \"2006\" .Status }}").contains("function \"date\" not defined"));
    let age = "{{ since (index .Alerts 0).StartsAt | humanizeDuration }}";
    assert_eq!(expand(Version::V0_28, age), "1m 0s");
    assert_eq!(expand(Version::V0_34, "{{ routeLabels \"x\" }}|{{ .RouteLabels.x }}"), "|");
}

#[test]
fn data_as_json_has_the_keys_of_the_webhook() {
    let json = expand(Version::V0_30, "{{ .CommonLabels | toJson }}{{ (index .Alerts 0).Annotations | toJson }}");
    assert_eq!(json, r#"{"alertname":"Load","job":"node"}{"empty":"","summary":"a \u003c b"}"#);
    assert!(expand(Version::V0_30, "{{ toJson .Alerts }}").contains(r#""startsAt":"2023-11-14T22:13:20Z""#));
}

#[test]
fn markdown_lists_and_priorities_are_as_upstream_writes_them() {
    let text = expand(Version::V0_28, r#"{{ template "__text_alert_list_markdown" .Alerts.Firing }}"#);
    let wanted = "\nLabels:\n  - alertname = Load\n  - instance = node0\n  - job = node\n\nAnnotations:\n  - empty = \n  - summary = a < b\n\nSource: http://p/graph?a=1&b=2\n\n";
    assert_eq!(text, wanted);
    assert_eq!(expand(Version::V0_28, r#"[{{ template "jira.default.priority" . }}]"#), "[]");
}

#[test]
fn a_part_of_the_alerts_is_still_a_list_of_alerts() {
    assert_eq!(
        expand(Version::V0_25, "{{ len (slice .Alerts 0 1).Firing }}{{ len (slice .Alerts 0 1).Resolved }}"),
        "10"
    );
}

#[test]
fn wrong_verbs_keep_their_width_and_dates_run_on() {
    assert_eq!(expand(Version::V0_25, r#"{{ printf "%05c|%-5O|" "a b" 1 }}"#), "%!c(string=00a b)|0o1  |");
    let date = r#"{{ ((index .Alerts 0).StartsAt.AddDate 0 3 20).Format "2006-01-02" }}"#;
    assert_eq!(expand(Version::V0_25, date), "2024-03-05");
}
