//! `labkit mock` as somebody runs it, scraped by hand and by a real Prometheus.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a test that is skipped says so loudly")]
#![cfg(unix)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A program that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn mock(args: &[&str]) -> (Running, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_labkit"))
        .args(["mock", "--listen", "127.0.0.1:0"])
        .args(args)
        .stderr(Stdio::piped())
        .spawn()
        .expect("labkit starts");
    let mut lines = BufReader::new(child.stderr.take().expect("a pipe")).lines();
    let first = lines.next().expect("a line").expect("text");
    let address = first.split("http://").nth(1).expect("an address").trim_end_matches("/metrics").to_owned();
    (Running(child), address)
}

fn get(address: &str, path: &str, headers: &str) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a socket");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{headers}\r\n").expect("sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer");
    answer
}

#[test]
fn the_page_is_negotiated_and_ctrl_c_ends_it() {
    let (mut running, address) = mock(&["--seed", "3"]);
    let plain = String::from_utf8(get(&address, "/metrics", "")).expect("text");
    assert!(plain.contains("content-type: text/plain; version=0.0.4"), "{plain}");
    assert!(plain.contains("\n# TYPE model_result gauge\nmodel_result 0."), "{plain}");
    let accept = "Accept: application/openmetrics-text;version=1.0.0,text/plain;q=0.5\r\n";
    let open = String::from_utf8(get(&address, "/metrics", accept)).expect("text");
    assert!(open.contains("application/openmetrics-text") && open.ends_with("# EOF\n"), "{open}");
    let packed = get(&address, "/metrics", "Accept-Encoding: gzip\r\n");
    let head = String::from_utf8_lossy(&packed);
    assert!(head.contains("content-encoding: gzip") && !head.contains("model_result"), "{head}");
    assert!(get(&address, "/other", "").starts_with(b"HTTP/1.1 404"));
    let interrupted = Command::new("kill").args(["-INT", &running.0.id().to_string()]).status();
    assert!(interrupted.expect("kill runs").success());
    assert_eq!(running.0.wait().expect("it ends").code(), Some(130));
}

#[test]
fn a_broken_script_is_wrong_usage() {
    let folder = tempfile::tempdir().expect("a folder");
    let script = folder.path().join("values");
    std::fs::write(&script, "0.5\nmuch\n").expect("written");
    let assert = assert_cmd::Command::new(env!("CARGO_BIN_EXE_labkit"))
        .args(["mock", "--listen", "127.0.0.1:0", "--script"])
        .arg(&script)
        .timeout(Duration::from_secs(20))
        .assert()
        .code(2);
    let said = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    assert!(said.contains("values:2: \"much\" is no value"), "{said}");
}

#[test]
fn a_real_prometheus_reads_the_values_of_a_script() {
    let program = "/usr/bin/prometheus";
    if !std::path::Path::new(program).exists() {
        assert!(std::env::var_os("LABKIT_REQUIRE").is_none(), "{program} is not installed");
        eprintln!("SKIPPED: {program} is not installed");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let script = folder.path().join("values");
    std::fs::write(&script, "0.25\n0.875\n").expect("written");
    let (_mock, address) = mock(&["--every", "1s", "--script", &script.display().to_string()]);
    let config = folder.path().join("prometheus.yml");
    let text = format!(
        "global: {{scrape_interval: 500ms, scrape_timeout: 400ms}}\nscrape_configs:\n- job_name: mock\n  \
         static_configs: [{{targets: ['{address}']}}]\n"
    );
    std::fs::write(&config, text).expect("written");
    let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port").port();
    let listen = format!("127.0.0.1:{port}");
    let child = Command::new(program)
        .arg(format!("--config.file={}", config.display()))
        .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
        .arg(format!("--web.listen-address={listen}"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("prometheus starts");
    let _prometheus = Running(child);
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let answer = TcpStream::connect(&listen)
            .map(|_| get(&listen, "/api/v1/query?query=model_result[30s]", ""))
            .map(|b| String::from_utf8_lossy(&b).into_owned())
            .unwrap_or_default();
        if answer.contains("\"0.25\"") && answer.contains("\"0.875\"") {
            return;
        }
        assert!(Instant::now() < deadline, "prometheus did not read the values: {answer}");
        std::thread::sleep(Duration::from_millis(300));
    }
}
