use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use super::*;

fn start(options: Options) -> Receiver {
    Receiver::start(SocketAddr::from(([127, 0, 0, 1], 0)), options).expect("a free port")
}

fn exchange(receiver: &Receiver, method: &str, path: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(receiver.address()).expect("the receiver listens");
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(format!("{head}{body}").as_bytes()).expect("the request is taken");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer in text");
    answer
}

#[test]
fn messages_are_answered_recorded_and_shown() {
    let folder = tempfile::tempdir().expect("a folder");
    let record = folder.path().join("messages.jsonl");
    let (tell, told) = mpsc::channel();
    let fail = "500".parse().expect("a script");
    let receiver = start(Options { record: Some(record.clone()), fail, tell: Some(tell), ..Options::default() });
    let post = || exchange(&receiver, "POST", "/api/webhooks/5/secret-token", r#"{"content":"<hello>"}"#);
    assert!(post().starts_with("HTTP/1.1 500"));
    assert!(post().starts_with("HTTP/1.1 204"));
    let statuses: Vec<_> = receiver.received().iter().map(|r| r.status).collect();
    assert_eq!(statuses, [Some(500), Some(204)]);
    assert_eq!(told.try_iter().count(), 2);
    let lines = std::fs::read_to_string(&record).expect("the record");
    assert_eq!(lines.lines().count(), 2);
    assert!(!lines.contains("secret-token"));
    assert!(exchange(&receiver, "GET", "/", "").contains("&lt;hello&gt;"));
    assert!(exchange(&receiver, "GET", "/messages.json", "").contains(r#""status":204"#));
    receiver.stop().expect("a clean end");
}

#[test]
fn only_listed_webhooks_exist_when_there_is_a_list() {
    let listed = Listed { id: 5, token: "t".to_owned(), owner: Some("ada".to_owned()) };
    let receiver = start(Options { webhooks: vec![listed], rate_limits: true, ..Options::default() });
    let post = |path: &str| exchange(&receiver, "POST", path, r#"{"content":"x"}"#);
    assert!(post("/api/webhooks/5/t").contains("x-ratelimit-remaining: 4"));
    assert!(post("/api/webhooks/5/other").starts_with("HTTP/1.1 401"));
    assert!(post("/api/webhooks/6/t").starts_with("HTTP/1.1 404"));
    let owners: Vec<_> = receiver.received().into_iter().map(|r| r.owner).collect();
    assert_eq!(owners, [Some("ada".to_owned()), Some("ada".to_owned()), None]);
}

#[test]
fn messages_are_passed_on_and_both_answers_recorded() {
    let folder = tempfile::tempdir().expect("a folder");
    // The real one answers 429 at first.
    let real = start(Options { fail: "429:0.05".parse().expect("a script"), ..Options::default() });
    let url = folder.path().join("url");
    std::fs::write(&url, format!("http://{}/api/v10/webhooks/9/real-secret\n", real.address())).expect("a file");
    let record = folder.path().join("messages.jsonl");
    let receiver = start(Options {
        record: Some(record.clone()),
        fail: "500".parse().expect("a script"),
        forward: Some(ForwardUrl::read(&url).expect("an address")),
        ..Options::default()
    });
    let post = |body: &str| exchange(&receiver, "POST", "/api/webhooks/5/t", body);
    assert!(post(r#"{"content":"lost"}"#).starts_with("HTTP/1.1 500"));
    assert!(post(r#"{"content":"one"}"#).starts_with("HTTP/1.1 204"));
    assert!(post(r#"{"content":""}"#).starts_with("HTTP/1.1 400"));
    // What waits is passed on before it ends.
    receiver.stop().expect("a clean end");
    let statuses: Vec<_> = real.received().iter().map(|r| (r.webhook, r.status)).collect();
    assert_eq!(statuses, [(Some(9), Some(429)), (Some(9), Some(204)), (Some(9), Some(400))]);
    let record = std::fs::read_to_string(&record).expect("the record");
    assert!(!record.contains("real-secret"));
    let lines: Vec<serde_json::Value> = record.lines().map(|l| serde_json::from_str(l).expect("JSON")).collect();
    let forwarded = lines.iter().filter(|l| l["forwarded"].is_object());
    let told: Vec<_> = forwarded.map(|l| (l["n"].as_u64(), l["forwarded"]["status"].as_u64())).collect();
    assert_eq!(told, [(Some(2), Some(204)), (Some(3), Some(400))]);
    assert_eq!(lines.len(), 5);
}

#[test]
fn a_webhook_that_cannot_be_reached_is_told_without_its_address() {
    let folder = tempfile::tempdir().expect("a folder");
    let gone = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("an address");
    let url = folder.path().join("url");
    std::fs::write(&url, format!("http://{gone}/api/webhooks/9/real-secret")).expect("a file");
    let (tell, told) = mpsc::channel();
    let forward = Some(ForwardUrl::read(&url).expect("an address"));
    let receiver = start(Options { forward, tell: Some(tell), ..Options::default() });
    assert!(exchange(&receiver, "POST", "/api/webhooks/5/t", r#"{"content":"x"}"#).starts_with("HTTP/1.1 204"));
    receiver.stop().expect("a clean end");
    let forwarded = told.iter().find_map(|r| r.forwarded).expect("what became of it");
    let error = forwarded.error.expect("a reason");
    assert!(forwarded.status.is_none() && !error.contains("secret"), "{error}");
}

#[test]
fn a_torn_line_does_not_spoil_the_next() {
    let folder = tempfile::tempdir().expect("a folder");
    let record = folder.path().join("messages.jsonl");
    std::fs::write(&record, "{\"torn").expect("a file");
    let receiver = start(Options { record: Some(record.clone()), ..Options::default() });
    exchange(&receiver, "POST", "/api/webhooks/5/t", r#"{"content":"x"}"#);
    receiver.stop().expect("a clean end");
    let text = std::fs::read_to_string(&record).expect("the record");
    assert!(text.starts_with("{\"torn\n{") && text.ends_with("}\n"), "{text}");
}

#[test]
fn who_is_hung_up_on_gets_no_answer() {
    let receiver = start(Options { fail: "close,ok".parse().expect("a script"), ..Options::default() });
    let post = || exchange(&receiver, "POST", "/api/webhooks/5/t", r#"{"content":"x"}"#);
    assert_eq!(post(), "");
    assert!(post().starts_with("HTTP/1.1 204"));
    let statuses: Vec<_> = receiver.received().iter().map(|r| r.status).collect();
    assert_eq!(statuses, [None, Some(204)]);
}

#[test]
fn who_watches_is_told_of_each_message_and_let_go_at_the_end() {
    let receiver = start(Options::default());
    let mut stream = TcpStream::connect(receiver.address()).expect("the receiver listens");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a time");
    stream.write_all(b"GET /events?webhook=5 HTTP/1.0\r\n\r\n").expect("the request is taken");
    let mut seen = String::new();
    let mut until = |wanted: &str| {
        while !seen.contains(wanted) {
            let mut bytes = [0; 4096];
            let n = stream.read(&mut bytes).expect("more within 20 s");
            assert!(n > 0, "no {wanted} in {seen}");
            seen.push_str(&String::from_utf8_lossy(&bytes[..n]));
        }
    };
    until("event: all");
    exchange(&receiver, "POST", "/api/webhooks/6/t", r#"{"content":"of another"}"#);
    let answer = exchange(&receiver, "POST", "/api/webhooks/5/t?wait=true", r#"{"content":"<b>\none"}"#);
    until("&lt;b&gt;");
    let id = answer.split("\"id\":\"").nth(1).and_then(|rest| rest.split('"').next()).expect("an id").to_owned();
    exchange(&receiver, "DELETE", &format!("/api/webhooks/5/t/messages/{id}"), "");
    until("(deleted)");
    let began = std::time::Instant::now();
    receiver.stop().expect("a clean end");
    assert!(began.elapsed() < Duration::from_millis(1_900), "it waited for who watches");
    stream.read_to_string(&mut seen).expect("the end");
    assert!(!seen.contains("of another"));
}
