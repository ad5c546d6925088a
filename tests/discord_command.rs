//! `labkit discord` as somebody runs it: it says where it listens, tells of each message, and ends when asked to.

#![cfg(unix)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};

#[test]
fn a_message_is_told_and_ctrl_c_ends_it() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_labkit"))
        .args(["discord", "--listen", "127.0.0.1:0", "--json", "--fail", "503"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("labkit starts");
    let mut hints = BufReader::new(child.stderr.take().expect("a pipe")).lines();
    let first = hints.next().expect("a line").expect("text");
    let address = first.split("http://").nth(1).expect("an address").trim_end_matches('/').to_owned();
    let post = |body: &str| {
        let mut stream = TcpStream::connect(&address).expect("it listens");
        let length = body.len();
        write!(
            stream,
            "POST /api/webhooks/1/lab HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        )
        .expect("the request is taken");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        answer.split(' ').nth(1).map(str::to_owned)
    };
    assert_eq!(post(r#"{"content":"one"}"#).as_deref(), Some("503"));
    assert_eq!(post(r#"{"content":"two"}"#).as_deref(), Some("204"));
    let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines().take(2);
    let told: Vec<serde_json::Value> =
        lines.map(|l| serde_json::from_str(&l.expect("text")).expect("one document a line")).collect();
    assert_eq!((&told[0]["status"], &told[1]["status"]), (&503.into(), &204.into()));
    assert_eq!(told[1]["body"]["content"], "two");
    let interrupted = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(interrupted.expect("kill runs").success());
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
}

#[test]
fn an_address_that_is_taken_is_wrong_usage() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("an address").to_string();
    assert_cmd::Command::new(env!("CARGO_BIN_EXE_labkit"))
        .args(["discord", "--listen", &address])
        .timeout(std::time::Duration::from_secs(20))
        .assert()
        .code(2);
}

#[test]
fn nothing_recorded_is_lost_when_it_is_killed() {
    let folder = tempfile::tempdir().expect("a folder");
    let (record, tokens) = (folder.path().join("messages.jsonl"), folder.path().join("tokens"));
    std::fs::write(&tokens, "ada=ada-secret\nbob=bob-secret\n").expect("a file");
    let mut child = Command::new(env!("CARGO_BIN_EXE_labkit"))
        .args(["discord", "--listen", "127.0.0.1:0", "--no-rate-limits", "--record"])
        .arg(&record)
        .arg("--token-file")
        .arg(&tokens)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("labkit starts");
    let mut hints = BufReader::new(child.stderr.take().expect("a pipe")).lines();
    let first = hints.next().expect("a line").expect("text");
    let address = first.split("http://").nth(1).expect("an address").trim_end_matches('/').to_owned();
    for i in 0..20 {
        let mut stream = TcpStream::connect(&address).expect("it listens");
        let body = format!(r#"{{"content":"{i}"}}"#);
        let (path, length) = (if i % 2 == 0 { "1/ada-secret" } else { "2/bob-secret" }, body.len());
        write!(
            stream,
            "POST /api/webhooks/{path} HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        )
        .expect("the request is taken");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");
    }
    child.kill().expect("it is killed");
    child.wait().expect("it ends");
    let text = std::fs::read_to_string(&record).expect("the record");
    assert!(!text.contains("secret"));
    let lines: Vec<serde_json::Value> = text.lines().map(|l| serde_json::from_str(l).expect("JSON")).collect();
    assert_eq!(lines.len(), 20);
    assert_eq!((&lines[18]["student"], &lines[19]["student"]), (&"ada".into(), &"bob".into()));
    assert_eq!(lines[19]["body"]["content"], "19");
}
