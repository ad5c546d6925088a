//! The named templates that every Alertmanager brings along, written from the texts they give.
//!
//! Student files may call them and define them anew, so the names, and which of them calls which, are upstream's.

use crate::alertmanager::version::Version;

/// Name and body of every built-in template of a release.
pub(super) fn definitions(version: Version) -> Vec<(&'static str, String)> {
    let mut all = basics();
    for (since, integration) in [
        (Version::V0_25, slack as fn(Version) -> _),
        (Version::V0_25, email),
        (Version::V0_25, paging),
        (Version::V0_25, chats),
        (Version::V0_26, teams),
        (Version::V0_28, jira_and_rocketchat),
        (Version::V0_30, mattermost),
    ] {
        if version >= since {
            all.extend(integration(version));
        }
    }
    all
}

type Definitions = Vec<(&'static str, String)>;

const SUBJECT: &str = r#"{{template "__subject" .}}"#;
const SOFTWARE: &str = r#"{{template "__alertmanager" .}}"#;
const LINK: &str = r#"{{template "__alertmanagerURL" .}}"#;
const ANNOTATIONS: &str = r#"{{join " " .CommonAnnotations.Values}}"#;
const PLAIN_LIST: &str = "__text_alert_list";
const MARKDOWN_LIST: &str = "__text_alert_list_markdown";
/// Slack's word for the colour of a status.
const COLOR: &str = r#"{{if eq "firing" .Status}}danger{{else}}good{{end}}"#;

fn basics() -> Definitions {
    let shared = r#"{{if lt (len .GroupLabels) (len .CommonLabels)}}({{with .GroupLabels.Names | $.CommonLabels.Remove}}{{join " " .Values}}{{end}}){{end}}"#;
    let status = r#"[{{toUpper .Status}}{{if eq "firing" .Status}}:{{len .Alerts.Firing}}{{end}}]"#;
    let set = |of: &str, bullet: &str| {
        format!("{{{{range .{of}.SortedPairs}}}}{bullet}{{{{.Name}}}} = {{{{.Value}}}}\n{{{{end}}}}")
    };
    let list = |gap: &str, bullet: &str| {
        let (labels, annotations) = (set("Labels", bullet), set("Annotations", bullet));
        format!(
            "{{{{range .}}}}{gap}Labels:\n{labels}{gap}Annotations:\n{annotations}{gap}Source: {{{{.GeneratorURL}}}}\n{{{{end}}}}{gap}"
        )
    };
    vec![
        ("__alertmanager", "Alertmanager".to_owned()),
        ("__alertmanagerURL", "{{.ExternalURL}}/#/alerts?receiver={{urlquery .Receiver}}".to_owned()),
        ("__subject", format!(r#"{status} {{{{join " " .GroupLabels.Values}}}} {shared}"#)),
        ("__description", String::new()),
        (PLAIN_LIST, list("", " - ")),
        (MARKDOWN_LIST, list("\n", "  - ")),
    ]
}

/// One block per status that has alerts: what stands before, the heading, the list, and what stands behind.
fn blocks(before: &str, mark: &str, list: &str, after: &str, between: &str) -> String {
    let block = |status: &str| {
        format!(
            "{{{{with .Alerts.{status}}}}}{before}{mark}Alerts {status}:\n{{{{template \"{list}\" .}}}}{after}{{{{end}}}}"
        )
    };
    format!("{}{between}{}", block("Firing"), block("Resolved"))
}

/// Blocks with blank lines around them.
fn spaced(mark: &str, list: &str) -> String {
    format!("\n{}\n", blocks("\n", mark, list, "\n", "\n"))
}

fn slack(version: Version) -> Definitions {
    let fallback = r#"{{template "slack.default.title" .}} | {{template "slack.default.titlelink" .}}"#;
    let mut all = vec![
        ("slack.default.title", SUBJECT.to_owned()),
        ("slack.default.username", SOFTWARE.to_owned()),
        ("slack.default.fallback", fallback.to_owned()),
        ("slack.default.callbackid", String::new()),
        ("slack.default.pretext", String::new()),
        ("slack.default.titlelink", LINK.to_owned()),
        ("slack.default.iconemoji", String::new()),
        ("slack.default.iconurl", String::new()),
        ("slack.default.text", String::new()),
        ("slack.default.footer", String::new()),
    ];
    if version >= Version::V0_30 {
        all.push(("slack.default.color", COLOR.to_owned()));
    }
    all
}

/// The subject is exact; of the HTML body only that there is one.
fn email(_: Version) -> Definitions {
    let html = r#"<!DOCTYPE html><title>{{template "__subject" .}}</title><pre>{{template "__text_alert_list" .Alerts}}</pre>"#;
    vec![("email.default.subject", SUBJECT.to_owned()), ("email.default.html", html.to_owned())]
}

fn paging(_: Version) -> Definitions {
    let tight = blocks("", "", PLAIN_LIST, "", "\n");
    vec![
        ("pagerduty.default.description", SUBJECT.to_owned()),
        ("pagerduty.default.client", SOFTWARE.to_owned()),
        ("pagerduty.default.clientURL", LINK.to_owned()),
        ("pagerduty.default.instances", format!("{{{{template \"{PLAIN_LIST}\" .}}}}")),
        ("opsgenie.default.message", SUBJECT.to_owned()),
        ("opsgenie.default.description", format!("{ANNOTATIONS}\n{tight}")),
        ("opsgenie.default.source", LINK.to_owned()),
        ("victorops.default.state_message", format!("{ANNOTATIONS}\n{tight}")),
        ("victorops.default.entity_display_name", SUBJECT.to_owned()),
        ("victorops.default.monitoring_tool", SOFTWARE.to_owned()),
        ("wechat.default.message", format!("{SUBJECT}\n{ANNOTATIONS}\n{tight}\nAlertmanagerUrl:\n{LINK}")),
        ("wechat.default.to_user", String::new()),
        ("wechat.default.to_party", String::new()),
        ("wechat.default.to_tag", String::new()),
        ("wechat.default.agent_id", String::new()),
    ]
}

fn chats(version: Version) -> Definitions {
    let text = spaced("", PLAIN_LIST);
    let annotated = format!("{ANNOTATIONS}{text}");
    let mut all = vec![
        ("pushover.default.title", SUBJECT.to_owned()),
        ("pushover.default.message", annotated.clone()),
        ("pushover.default.url", LINK.to_owned()),
        ("sns.default.subject", SUBJECT.to_owned()),
        ("sns.default.message", annotated.clone()),
        ("telegram.default.message", text.clone()),
        ("discord.default.title", SUBJECT.to_owned()),
        ("discord.default.message", text),
        ("webex.default.message", annotated),
    ];
    if version >= Version::V0_28 {
        all.push(("discord.default.content", String::new()));
    }
    all
}

fn teams(version: Version) -> Definitions {
    let text = spaced("# ", MARKDOWN_LIST);
    let mut all = vec![("msteams.default.title", SUBJECT.to_owned()), ("msteams.default.text", text.clone())];
    if version >= Version::V0_27 {
        all.push(("msteams.default.summary", SUBJECT.to_owned()));
    }
    if version >= Version::V0_28 {
        all.push(("msteamsv2.default.title", SUBJECT.to_owned()));
        all.push(("msteamsv2.default.text", text));
    }
    all
}

fn jira_and_rocketchat(_: Version) -> Definitions {
    vec![
        ("jira.default.summary", SUBJECT.to_owned()),
        ("jira.default.description", spaced("# ", MARKDOWN_LIST)),
        ("jira.default.priority", jira_priority()),
        ("rocketchat.default.title", SUBJECT.to_owned()),
        ("rocketchat.default.alias", SOFTWARE.to_owned()),
        ("rocketchat.default.titlelink", LINK.to_owned()),
        ("rocketchat.default.emoji", String::new()),
        ("rocketchat.default.iconurl", String::new()),
        ("rocketchat.default.text", String::new()),
    ]
}

/// The highest severity among the firing alerts, or among the resolved ones when no firing alert has one.
fn jira_priority() -> String {
    let highest_of = |status: &str| {
        let levels = [("info", "Low"), ("warning", "Medium"), ("critical", "High")];
        let tests = levels.map(|(severity, priority)| {
            format!(
                r#"{{{{range .Alerts.{status}}}}}{{{{if eq "{severity}" .Labels.severity}}}}{{{{$p = "{priority}"}}}}{{{{end}}}}{{{{end}}}}"#
            )
        });
        tests.concat()
    };
    format!(
        r#"{{{{$p := ""}}}}{}{{{{if not $p}}}}{}{{{{end}}}}{{{{$p}}}}"#,
        highest_of("Firing"),
        highest_of("Resolved")
    )
}

fn mattermost(_: Version) -> Definitions {
    let fallback = r#"{{template "mattermost.default.title" .}} | {{template "mattermost.default.titlelink" .}}"#;
    vec![
        ("mattermost.default.color", COLOR.to_owned()),
        ("mattermost.default.username", SOFTWARE.to_owned()),
        ("mattermost.default.title", SUBJECT.to_owned()),
        ("mattermost.default.titlelink", LINK.to_owned()),
        ("mattermost.default.fallback", fallback.to_owned()),
        ("mattermost.default.text", spaced("# ", MARKDOWN_LIST)),
    ]
}
