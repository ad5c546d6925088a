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
        .code(2)
        .stderr(format!(
            "labkit: cannot listen on {address}: Address already in use (os error 98); choose another address with --listen\n"
        ));
}

#[test]
fn wrong_arguments_are_told_before_it_listens() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("a file");
        path.display().to_string()
    };
    let wanted = [
        (["--fail", "never"], "\"never\" is no answer, wanted a status (200 to 599), 429:SECONDS"),
        (["--fail", &path("script", "500\nhang # silence\nmaybe\n")], "\"maybe\" is no answer"),
        (["--token", "lonely"], "wanted NAME=TOKEN or ID/TOKEN"),
        (["--token-file", &path("tokens", "# nobody\n")], "observed no webhook, wanted one a line"),
        (["--token-file", "/nowhere"], "cannot read /nowhere"),
        (["--forward-url-file", &path("url", "discord.com/api\n")], "the first line is no http or https address"),
        (["--record", "/nowhere/messages"], "cannot write the record /nowhere/messages"),
        (["--listen", "9099"], "invalid socket address"),
    ];
    for (args, told) in wanted {
        let output = assert_cmd::Command::new(env!("CARGO_BIN_EXE_labkit"))
            .args(["discord", "--listen", "127.0.0.1:0"].iter().take(if args[0] == "--listen" { 1 } else { 3 }))
            .args(args)
            .timeout(std::time::Duration::from_secs(20))
            .output()
            .expect("it ends");
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {error}");
        assert!(error.contains(told), "{args:?}: {error}");
    }
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
    // It is killed while messages come: what was answered is in the record, and of each student.
    let (answered, told) = std::sync::mpsc::channel();
    let sender = std::thread::spawn(move || {
        for i in 0.. {
            let Ok(mut stream) = TcpStream::connect(&address) else { return };
            let body = format!(r#"{{"content":"{i}"}}"#);
            let (path, length) = (if i % 2 == 0 { "1/ada-secret" } else { "2/bob-secret" }, body.len());
            let _ = write!(
                stream,
                "POST /api/webhooks/{path} HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            );
            let mut answer = String::new();
            if stream.read_to_string(&mut answer).is_err() || !answer.starts_with("HTTP/1.1 204") {
                return;
            }
            let _ = answered.send(i);
        }
    });
    for _ in 0..20 {
        told.recv_timeout(std::time::Duration::from_secs(20)).expect("an answer");
    }
    child.kill().expect("it is killed");
    child.wait().expect("it ends");
    sender.join().expect("it ends");
    let last = told.try_iter().last().unwrap_or(19);
    let text = std::fs::read_to_string(&record).expect("the record");
    assert!(!text.contains("secret"));
    let lines: Vec<serde_json::Value> = text.lines().map(|l| serde_json::from_str(l).expect("JSON")).collect();
    assert!(lines.len() > last, "{} lines, message {last} was answered", lines.len());
    assert_eq!((&lines[18]["student"], &lines[19]["student"]), (&"ada".into(), &"bob".into()));
    assert_eq!(lines[last]["body"]["content"], last.to_string());
}
