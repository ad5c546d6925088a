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
