use serde_json::Value;

use super::*;

const HOOK: &str = "/api/v10/webhooks/5/tok";

fn server() -> DiscordServer {
    let mut server = DiscordServer::new(Settings { policy: Policy::Listed, ..Settings::default() });
    server.add_webhook(Webhook { channel: Channel::Text { threads: [7].into() }, ..Webhook::new(5, "tok") });
    server
}

fn send(server: &mut DiscordServer, ms: i64, method: &str, target: &str, body: &str) -> (u16, Value) {
    let response = raw(server, ms, method, target, body);
    (response.status, serde_json::from_slice(&response.body).unwrap_or(Value::Null))
}

fn raw(server: &mut DiscordServer, ms: i64, method: &str, target: &str, body: &str) -> Response {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let headers = [("Content-Type".to_owned(), "application/json".to_owned())];
    let request = Request { method, path, query, headers: &headers, body: body.as_bytes() };
    server.handle(Time::from_millis(1_700_000_000_000 + ms), &request)
}

#[test]
fn a_message_is_kept_with_blanks_trimmed() {
    let mut server = server();
    let body = r#"{"embeds":[{"title":" t ","description":"\n\nd\n","color":5}]}"#;
    let (status, message) = send(&mut server, 0, "POST", &format!("{HOOK}?wait=true"), body);
    assert_eq!(status, 200);
    let embed = serde_json::json!({"type": "rich", "title": "t", "description": "d", "color": 5});
    assert_eq!(message["embeds"][0], embed);
    assert_eq!(message["timestamp"], "2023-11-14T22:13:20.000000+00:00");
    assert_eq!(server.messages().len(), 1);
}

#[test]
fn an_embed_of_empty_texts_is_refused_with_a_note() {
    let body = r#"{"content":"","embeds":[{"title":"","description":"","color":10038562}]}"#;
    let response = raw(&mut server(), 0, "POST", HOOK, body);
    assert_eq!(response.status, 400);
    assert!(response.note.is_some());
}

#[test]
fn a_changed_message_may_not_become_empty() {
    let mut server = server();
    let (_, message) = send(&mut server, 0, "POST", &format!("{HOOK}?wait=1"), r#"{"content":"a"}"#);
    let path = format!("{HOOK}/messages/{}", message["id"].as_str().expect("an id"));
    assert_eq!(send(&mut server, 1, "PATCH", &path, r#"{"content":null}"#).1["code"], 50006);
    let (status, changed) = send(&mut server, 2, "PATCH", &path, r#"{"embeds":[{"title":"t"}]}"#);
    assert_eq!((status, &changed["content"]), (200, &Value::from("a")));
    assert!(changed["edited_timestamp"].is_string());
    assert_eq!(send(&mut server, 3, "DELETE", &path, "").0, 204);
    assert_eq!(send(&mut server, 4, "GET", &path, "").1["code"], 10008);
}

#[test]
fn threads_are_found_or_unknown() {
    let mut server = server();
    let (_, message) = send(&mut server, 0, "POST", &format!("{HOOK}?wait=1&thread_id=7"), r#"{"content":"a"}"#);
    assert_eq!(message["channel_id"], "7");
    assert_eq!(send(&mut server, 1, "POST", &format!("{HOOK}?thread_id=8"), r#"{"content":"a"}"#).1["code"], 10003);
    let not_a_number = format!("{HOOK}?thread_id=x");
    assert_eq!(send(&mut server, 2, "POST", &not_a_number, r#"{"content":"a"}"#).1["code"], 50035);
}

#[test]
fn a_forum_wants_exactly_one_way_to_a_thread() {
    let mut server = server();
    server.add_webhook(Webhook { channel: Channel::Forum { threads: [7].into() }, ..Webhook::new(5, "tok") });
    assert_eq!(send(&mut server, 0, "POST", HOOK, r#"{"content":"a"}"#).1["code"], 220001);
    assert_eq!(send(&mut server, 1, "POST", HOOK, r#"{"content":"a","thread_name":"t"}"#).0, 204);
    let with_thread = format!("{HOOK}?thread_id=7");
    assert_eq!(send(&mut server, 2, "POST", &with_thread, r#"{"content":"a","thread_name":"t"}"#).1["code"], 220002);
    assert_eq!(send(&mut server, 3, "POST", &with_thread, r#"{"content":"a"}"#).0, 204);
}

#[test]
fn mentions_are_allowed_by_kind_or_by_id() {
    let allowed = |what: &str| {
        let body = format!(r#"{{"content":"@everyone","allowed_mentions":{what}}}"#);
        send(&mut server(), 0, "POST", &format!("{HOOK}?wait=true"), &body)
    };
    assert_eq!(allowed(r#"{"parse":["everyone"],"users":["1"]}"#).1["mention_everyone"], true);
    assert_eq!(allowed(r#"{"parse":[]}"#).1["mention_everyone"], false);
    let (status, both) = allowed(r#"{"parse":["users"],"users":["1"]}"#);
    let code = &both["errors"]["allowed_mentions"]["_errors"][0]["code"];
    assert_eq!((status, code), (400, &Value::from("MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE")));
    let many = serde_json::json!({"roles": vec!["1"; 101]}).to_string();
    assert_eq!(allowed(&many).0, 400);
}

#[test]
fn a_path_without_a_token_is_for_those_who_are_logged_in() {
    assert_eq!(send(&mut server(), 0, "GET", "/api/v10/webhooks/5", "").0, 401);
}

#[test]
fn a_deleted_webhook_is_unknown_even_when_any_would_do() {
    let mut server = DiscordServer::new(Settings::default());
    assert_eq!(send(&mut server, 0, "POST", HOOK, r#"{"content":"a"}"#).0, 204);
    assert_eq!(send(&mut server, 1, "POST", "/api/webhooks/5/other", r#"{"content":"a"}"#).1["code"], 50027);
    assert_eq!(send(&mut server, 2, "DELETE", HOOK, "").0, 204);
    assert_eq!(send(&mut server, 3, "POST", HOOK, r#"{"content":"a"}"#).1["code"], 10015);
}

#[test]
fn slack_and_github_bodies_become_messages() {
    let mut server = server();
    let slack = r#"{"text":"hello","attachments":[{"title":"T","text":"x","color":"danger"}]}"#;
    assert_eq!(raw(&mut server, 0, "POST", &format!("{HOOK}/slack"), slack).body, b"ok");
    assert_eq!(server.messages()[0].embeds[0].color, Some(0xa3_00_00));
    let headers = [("Content-Type", "application/json"), ("X-GitHub-Event", "push")];
    let headers = headers.map(|(n, v)| (n.to_owned(), v.to_owned()));
    let body = br#"{"ref":"refs/heads/main","repository":{"full_name":"o/r"},"commits":[{}],"sender":{"login":"me"}}"#;
    let path = format!("{HOOK}/github");
    let request = Request { method: "POST", path: &path, query: "wait=false", headers: &headers, body };
    assert_eq!(server.handle(Time(0), &request).status, 204);
    assert_eq!(server.messages()[1].embeds[0].title.as_deref(), Some("[o/r:main] 1 new commit"));
}

#[test]
fn an_address_with_too_many_refusals_is_shut_out() {
    let invalid = Some(super::super::rate::Limit::per_seconds(3, 600));
    let limits = RateLimits { invalid, ..RateLimits::NONE };
    let mut server = DiscordServer::new(Settings { policy: Policy::Listed, limits, ..Settings::default() });
    server.add_webhook(Webhook::new(5, "tok"));
    for _ in 0..3 {
        assert_eq!(send(&mut server, 0, "POST", "/api/webhooks/5/wrong", "{}").0, 401);
    }
    let response = raw(&mut server, 1_000, "POST", HOOK, r#"{"content":"a"}"#);
    assert_eq!((response.status, response.header("X-RateLimit-Bucket")), (429, None));
    assert_eq!(raw(&mut server, 600_000, "POST", HOOK, r#"{"content":"a"}"#).status, 204);
}

proptest::proptest! {
    #[test]
    fn any_request_is_answered(
        method in "GET|POST|PATCH|DELETE|PUT",
        path in "/api(/v[0-9]{1,2})?/webhooks/[0-9a-z]{0,3}(/[a-z]{0,3})?(/(slack|github|messages/[0-9a]{0,4}))?",
        query in "[a-z_=%0-9&+]{0,20}",
        kind in "application/json|multipart/form-data; boundary=X|application/x-www-form-urlencoded|",
        body in ".{0,60}",
        embed in ".{0,10}",
    ) {
        let mut server = DiscordServer::new(Settings::default());
        let headers = [("content-type".to_owned(), kind)];
        let json = serde_json::json!({"content": body.as_str(), "embeds": [{embed: [body.as_str()]}, body.as_str()]}).to_string();
        for body in [body.as_str(), json.as_str()] {
            let request = Request { method: &method, path: &path, query: &query, headers: &headers, body: body.as_bytes() };
            let response = server.handle(Time::from_millis(1_700_000_000_000), &request);
            assert!((200..500).contains(&response.status));
        }
    }
}
