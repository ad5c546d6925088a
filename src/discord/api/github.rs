//! GitHub's events, as Discord's GitHub-compatible endpoint takes them. Only the outline of an event is shown.

use serde_json::{Map, Value, json};

use super::body::Payload;

/// The message for an event; none for events that Discord takes without showing anything.
pub(super) fn from_github(event: &str, payload: &Payload) -> Option<Payload> {
    let map = &payload.fields;
    let at = |path: &str| map_pointer(map, path);
    let repository = at("/repository/full_name").unwrap_or("a repository");
    let number = map.get("issue").or(map.get("pull_request")).and_then(|o| o["number"].as_i64());
    let subject = at("/issue/title").or(at("/pull_request/title")).or(at("/release/name")).unwrap_or("");
    let url = at("/comment/html_url")
        .or(at("/issue/html_url"))
        .or(at("/pull_request/html_url"))
        .or(at("/release/html_url"))
        .or(at("/compare"));
    let action = at("/action").unwrap_or("");
    let title = match event {
        "push" => {
            let branch = at("/ref").unwrap_or("").trim_start_matches("refs/heads/");
            let commits = map.get("commits").and_then(Value::as_array).map_or(0, Vec::len);
            let plural = if commits == 1 { "" } else { "s" };
            format!("[{repository}:{branch}] {commits} new commit{plural}")
        }
        "issues" | "issue_comment" => format!("[{repository}] Issue {action}: #{} {subject}", number.unwrap_or(0)),
        "pull_request" | "pull_request_review" | "pull_request_review_comment" => {
            format!("[{repository}] Pull request {action}: #{} {subject}", number.unwrap_or(0))
        }
        "release" => format!("[{repository}] Release {action}: {subject}"),
        "create" | "delete" | "fork" | "member" | "public" | "commit_comment" | "discussion" | "watch" => {
            format!("[{repository}] {event} {action}").trim_end().to_owned()
        }
        _ => return None,
    };
    let title: String = title.chars().take(256).collect();
    let mut embed = json!({"title": title});
    if let Some(url) = url.filter(|u| u.starts_with("https://")) {
        embed["url"] = url.into();
    }
    if let Some(sender) = at("/sender/login") {
        embed["author"] = json!({"name": sender});
    }
    let mut fields = Map::new();
    fields.insert("embeds".to_owned(), json!([embed]));
    Some(Payload { fields, files: Vec::new() })
}

fn map_pointer<'a>(map: &'a Map<String, Value>, path: &str) -> Option<&'a str> {
    let (first, rest) = path.strip_prefix('/')?.split_once('/').map_or((&path[1..], ""), |(f, r)| (f, r));
    let value = map.get(first)?;
    if rest.is_empty() { value.as_str() } else { value.get(rest)?.as_str() }
}
