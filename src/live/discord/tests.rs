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
    let receiver = start(Options { webhooks: vec![(5, "t".to_owned())], rate_limits: true, ..Options::default() });
    let post = |path: &str| exchange(&receiver, "POST", path, r#"{"content":"x"}"#);
    assert!(post("/api/webhooks/5/t").contains("x-ratelimit-remaining: 4"));
    assert!(post("/api/webhooks/5/other").starts_with("HTTP/1.1 401"));
    assert!(post("/api/webhooks/6/t").starts_with("HTTP/1.1 404"));
}
