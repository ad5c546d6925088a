//! Parts of a running stack for tests: the real programs on loopback, and a Grafana that is none.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a test that is skipped says so loudly")]
#![allow(dead_code, reason = "each test uses some")]

pub mod grafana;
pub mod load;
pub mod somebody;

use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A program that ends with the test.
pub struct Running(pub Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Whether all these programs are there; says so loudly when one is not, and fails when it must be.
pub fn installed(programs: &[&str]) -> bool {
    let missing: Vec<&&str> = programs.iter().filter(|p| !Path::new(p).exists()).collect();
    if missing.is_empty() {
        return true;
    }
    assert!(std::env::var_os("LABKIT_REQUIRE").is_none(), "not installed: {missing:?}");
    eprintln!("SKIPPED: not installed: {missing:?}");
    false
}

/// A port nobody listens on.
pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port").port()
}

/// Starts a program and waits until it listens.
pub fn start(program: &str, args: &[String], port: u16) -> Running {
    let child = Command::new(program)
        .args(args)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|e| panic!("{program} starts: {e}"));
    let running = Running(child);
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let deadline = Instant::now() + Duration::from_secs(60);
    while TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_err() {
        assert!(Instant::now() < deadline, "{program} does not listen on {port}");
        std::thread::sleep(Duration::from_millis(100));
    }
    running
}

/// Starts `labkit mock` with the values of a script.
pub fn mock(folder: &Path, script: &str) -> (Running, String) {
    let file = folder.join("values");
    std::fs::write(&file, script).expect("written");
    let mut child = Command::new(env!("CARGO_BIN_EXE_labkit"))
        .args(["mock", "--listen", "127.0.0.1:0", "--script"])
        .arg(&file)
        .stderr(Stdio::piped())
        .spawn()
        .expect("labkit starts");
    let mut lines = BufReader::new(child.stderr.take().expect("a pipe")).lines();
    let first = lines.next().expect("a line").expect("text");
    let address = first.split("http://").nth(1).expect("an address").trim_end_matches("/metrics").to_owned();
    (Running(child), address)
}

/// Starts Prometheus with a configuration and a rule file.
pub fn prometheus(folder: &Path, config: &str, rules: &str) -> (Running, u16) {
    let (file, port) = (folder.join("prometheus.yml"), free_port());
    std::fs::write(&file, config).expect("written");
    std::fs::write(folder.join("rules.yml"), rules).expect("written");
    let args = [
        format!("--config.file={}", file.display()),
        format!("--storage.tsdb.path={}", folder.join("prometheus-data").display()),
        format!("--web.listen-address=127.0.0.1:{port}"),
    ];
    (start("/usr/bin/prometheus", &args, port), port)
}

/// Starts Alertmanager on a port with a webhook of Discord's kind.
pub fn alertmanager(folder: &Path, port: u16, discord: u16) -> Running {
    let file = folder.join("alertmanager.yml");
    let config = format!(
        "route: {{receiver: discord, group_by: [alertname], group_wait: 1s, group_interval: 1s, repeat_interval: 1h}}\n\
         receivers:\n- name: discord\n  discord_configs:\n  - webhook_url: http://127.0.0.1:{discord}/api/webhooks/1/lab\n"
    );
    std::fs::write(&file, config).expect("written");
    let args = [
        format!("--config.file={}", file.display()),
        format!("--storage.path={}", folder.join("alertmanager-data").display()),
        format!("--web.listen-address=127.0.0.1:{port}"),
        "--cluster.listen-address=".to_owned(),
    ];
    start("/usr/bin/prometheus-alertmanager", &args, port)
}

/// Starts Node Exporter.
pub fn node_exporter() -> (Running, u16) {
    let port = free_port();
    let args = [
        "--collector.disable-defaults".to_owned(),
        "--collector.cpu".to_owned(),
        format!("--web.listen-address=127.0.0.1:{port}"),
    ];
    (start("/usr/bin/prometheus-node-exporter", &args, port), port)
}

/// Runs `labkit check --json` and gives its exit code and its result.
pub fn check(out: &Path, args: &[String]) -> (i32, serde_json::Value) {
    let output = assert_cmd::Command::new(env!("CARGO_BIN_EXE_labkit"))
        .args(["check", "7", "--json", "--out"])
        .arg(out)
        .args(args)
        .timeout(Duration::from_secs(300))
        .output()
        .expect("labkit ends");
    let text = String::from_utf8_lossy(&output.stdout);
    let result = serde_json::from_str(&text)
        .unwrap_or_else(|e| panic!("{e}: {text}\n{}", String::from_utf8_lossy(&output.stderr)));
    (output.status.code().unwrap_or(-1), result)
}

/// A command `labkit check --json` with a home of its own, for tests that stop it or let it go on.
pub fn labkit_check(home: &Path, out: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_labkit"));
    command.args(["check", "7", "--json", "--out"]).arg(out).env("HOME", home).env_remove("SSH_AUTH_SOCK");
    command
}

/// Sends a signal to a process.
pub fn signal(name: &str, process: u32) {
    let done = Command::new("kill").args([&format!("-{name}"), &process.to_string()]).status();
    assert!(done.expect("kill runs").success());
}

/// Waits for something.
pub fn wait_for(what: &str, seconds: u64, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(seconds);
    while !holds() {
        assert!(Instant::now() < deadline, "waited {seconds} s for {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// The processes that a process has started.
pub fn children(of: u32) -> Vec<u32> {
    let processes = std::fs::read_dir("/proc").expect("Linux").flatten();
    let ids = processes.filter_map(|p| p.file_name().to_str()?.parse::<u32>().ok());
    let parent = |id: u32| {
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        stat.rsplit(") ").next()?.split(' ').nth(1)?.parse::<u32>().ok()
    };
    ids.filter(|id| parent(*id) == Some(of)).collect()
}

/// Who runs the tests.
pub fn user() -> String {
    let id = Command::new("id").arg("-un").output().expect("id runs");
    String::from_utf8_lossy(&id.stdout).trim().to_owned()
}

/// A machine `vm` in the `~/.ssh/config` of a home that is below a folder.
pub fn home(folder: &Path, sshd: &Sshd) -> PathBuf {
    let home = folder.join("home");
    std::fs::create_dir_all(home.join(".ssh")).expect("made");
    let config = format!(
        "Host vm\n  HostName 127.0.0.1\n  Port {}\n  User {}\n  IdentityFile {}\n  UserKnownHostsFile {}\n",
        sshd.port,
        user(),
        sshd.identity.display(),
        sshd.known_hosts.display()
    );
    std::fs::write(home.join(".ssh/config"), config).expect("written");
    home
}

/// Verdict and reason of a criterion.
pub fn of(result: &serde_json::Value, id: &str) -> (String, String) {
    let criteria = result["criteria"].as_array().expect("criteria");
    let found = criteria.iter().find(|c| c["id"] == id).unwrap_or_else(|| panic!("a criterion {id}"));
    let text = |key: &str| found[key].as_str().unwrap_or_default().to_owned();
    (text("verdict"), text("reason"))
}

/// A scratch folder.
pub fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().to_owned();
    (folder, path)
}

/// An sshd on loopback that lets the test's own key in.
pub struct Sshd {
    /// The program.
    pub running: Running,
    /// Its port.
    pub port: u16,
    /// The key that opens it.
    pub identity: PathBuf,
    /// A file that knows its host key.
    pub known_hosts: PathBuf,
}

/// Starts sshd with keys of its own.
pub fn sshd(folder: &Path) -> Sshd {
    sshd_with(folder, "PasswordAuthentication no")
}

/// The same, with more lines of configuration, which count before the usual ones.
pub fn sshd_with(folder: &Path, more: &str) -> Sshd {
    let (host_key, identity) = (folder.join("host_key"), folder.join("id"));
    for key in [&host_key, &identity] {
        let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(key).status();
        assert!(made.expect("ssh-keygen runs").success());
    }
    let public = |key: &Path| std::fs::read_to_string(key.with_extension("pub")).expect("a public key");
    let authorized = folder.join("authorized_keys");
    std::fs::write(&authorized, public(&identity)).expect("written");
    // Where sshd goes when it gives up its rights; made by the package, or by the first start.
    let _ = std::fs::create_dir_all("/run/sshd");
    let port = free_port();
    let config = format!(
        "{more}\nListenAddress 127.0.0.1:{port}\nHostKey {}\nAuthorizedKeysFile {}\nStrictModes no\nUsePAM no\n\
         PidFile none\nPermitRootLogin yes\n",
        host_key.display(),
        authorized.display()
    );
    let file = folder.join("sshd_config");
    std::fs::write(&file, config).expect("written");
    let args = ["-D".to_owned(), "-f".to_owned(), file.display().to_string()];
    let running = start("/usr/sbin/sshd", &args, port);
    let known_hosts = folder.join("known_hosts");
    std::fs::write(&known_hosts, format!("[127.0.0.1]:{port} {}", public(&host_key))).expect("written");
    Sshd { running, port, identity, known_hosts }
}
