//! A VM in a container and a student's compose project on a real engine: `labkit up` with a short lab, and how it ends.
//!
//! tests/containers/make-images builds the images, tagged as the real ones.

#![cfg(unix)]

mod live_parts;

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use live_parts::of;
use testcontainers::core::{ExecCommand, IntoContainerPort as _, WaitFor};
use testcontainers::runners::SyncRunner as _;
use testcontainers::{GenericImage, ImageExt as _};

/// Whether there is an engine with the images, and a compose program; says so loudly when not.
#[allow(clippy::print_stderr, reason = "a test that is skipped says so loudly")]
fn engine() -> bool {
    let answers = |program: &str, args: &[&str]| {
        let words: Vec<&str> = program.split_whitespace().collect();
        let status =
            Command::new(words[0]).args(&words[1..]).args(args).stdout(Stdio::null()).stderr(Stdio::null()).status();
        status.is_ok_and(|s| s.success())
    };
    let named = std::env::var("LABKIT_COMPOSE");
    let compose = named.map_or_else(
        |_| ["docker compose", "docker-compose"].iter().any(|p| answers(p, &["version"])),
        |named| answers(&named, &["version"]),
    );
    let missing = if !answers("docker", &["info"]) {
        "no Docker engine answers"
    } else if !compose {
        "no compose program answers"
    } else if !answers("docker", &["image", "inspect", "labkit-test/vm:1", "grafana/grafana-oss:12.1.0"]) {
        "the images are missing, run tests/containers/make-images"
    } else {
        return true;
    };
    assert!(std::env::var_os("LABKIT_REQUIRE").is_none(), "{missing}");
    eprintln!("SKIPPED: {missing}");
    false
}

/// The lab's solution with the versions of the images, ports that are free, and a rule that counts seconds.
fn project(folder: &Path, exporter: u16) -> PathBuf {
    let repo = folder.join("solution");
    let solution = Path::new(env!("CARGO_MANIFEST_DIR")).join("labs/07-monitoring/solution");
    let copied = Command::new("cp").arg("-r").arg(solution).arg(&repo).status();
    assert!(copied.expect("cp runs").success());
    let edit = |name: &str, changes: &[(&str, &str)]| {
        let path = repo.join("monitoring").join(name);
        let mut text = std::fs::read_to_string(&path).expect("a file of the solution");
        for (old, new) in changes {
            assert!(text.contains(old), "{name} has no {old}");
            text = text.replace(old, new);
        }
        std::fs::write(&path, text).expect("written");
    };
    let port = || format!("\"{}:", live_parts::free_port());
    edit(
        "docker-compose.yml",
        &[
            ("prom/prometheus:v3.5.0", "prom/prometheus:v2.42.0"),
            ("prom/alertmanager:v0.28.1", "prom/alertmanager:v0.25.0\n    container_name: alertmanager"),
            ("\"9090:", &port()),
            ("\"9093:", &port()),
            ("\"3000:", &port()),
        ],
    );
    let mock = live_parts::free_port();
    edit("modelmock.py", &[("PORT = 9000", &format!("PORT = {mock}"))]);
    let vm = format!("host.docker.internal:{exporter}");
    edit("prometheus.yml", &[("192.168.56.20:9100", &vm), (":9000", &format!(":{mock}")), ("5s", "1s")]);
    // 0.25 knows no webhook_url_file.
    let webhook = "webhook_url: https://discord.com/api/webhooks/123456/not-to-be-called";
    edit("alertmanager.yml", &[("webhook_url_file: /etc/alertmanager/discord-webhook", webhook)]);
    let busy = "100 - avg by (instance) (rate(node_cpu_seconds_total{mode=\"idle\"}[30s])) * 100 > 90";
    edit("rules.yml", &[(busy, "node_load1 > 0.5"), ("for: 3m", "for: 9s")]);
    repo
}

/// Everything below a folder, with its text.
fn snapshot(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(std::fs::read_dir(&path).expect("a folder").map(|e| e.expect("an entry").path()));
            found.push((path, String::new()));
        } else {
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            found.push((path, text));
        }
    }
    found.sort();
    found
}

/// What of a project is on the engine: containers, networks, volumes.
fn left(project: &str) -> String {
    let filter = format!("label=com.docker.compose.project={project}");
    let list = |args: &[&str]| {
        let output =
            Command::new("docker").args(args).args(["--quiet", "--filter", &filter]).output().expect("docker runs");
        assert!(output.status.success());
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    [list(&["ps", "--all"]), list(&["network", "ls"]), list(&["volume", "ls"])].concat()
}

/// The name a project had, from what labkit said.
fn name_of(said: &str) -> String {
    let after = said.split(" as labkit-").nth(1).unwrap_or_else(|| panic!("nothing was started: {said}"));
    format!("labkit-{}", after.split_whitespace().next().unwrap_or_default())
}

fn up(repo: &Path, folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_labkit"));
    command.args(["up", "7", "--json", "--repo"]).arg(repo).arg("--out").arg(folder.join("reports"));
    command
}

#[test]
fn a_project_is_started_put_under_load_judged_and_taken_down() {
    if !engine() {
        return;
    }
    let (_keep, folder) = live_parts::folder();
    let identity = folder.join("id");
    let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&identity).status();
    assert!(made.expect("ssh-keygen runs").success());
    let public = std::fs::read_to_string(identity.with_extension("pub")).expect("a public key");
    let vm = GenericImage::new("labkit-test/vm", "1")
        .with_exposed_port(22.tcp())
        .with_exposed_port(9100.tcp())
        .with_wait_for(WaitFor::message_on_stderr("Server listening on 0.0.0.0 port 22"))
        .with_env_var("AUTHORIZED_KEY", public.trim())
        .start()
        .expect("the VM starts");
    let ssh = vm.get_host_port_ipv4(22.tcp()).expect("a port");
    let exporter = vm.get_host_port_ipv4(9100.tcp()).expect("a port");
    let mut key = vm.exec(ExecCommand::new(["cat", "/etc/ssh/ssh_host_ed25519_key.pub"])).expect("cat runs");
    let key = String::from_utf8(key.stdout_to_vec().expect("a key")).expect("text");
    let known_hosts = folder.join("known_hosts");
    std::fs::write(&known_hosts, format!("[127.0.0.1]:{ssh} {key}")).expect("written");

    let repo = project(&folder, exporter);
    let before = snapshot(&repo);
    let output = up(&repo, &folder)
        // labkit stands in for the mocked model, where its script listens.
        .arg(format!("--set=stress.short=4s,stress.rest=10s,stress.long=20s,node.port={exporter}"))
        .arg(format!("--vm=root@127.0.0.1:{ssh}"))
        .arg(format!("--identity={}", identity.display()))
        .arg(format!("--known-hosts={}", known_hosts.display()))
        .output()
        .expect("labkit ends");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let result: serde_json::Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {}\n{said}", output.status));
    for id in [
        "prometheus-scrapes-mock",
        "grafana-shows-mock",
        "grafana-threshold-line",
        "discord-mock-alert",
        "node-exporter",
        "cpu-100",
        "stress-2m-silent",
        "stress-4m-alert",
        "stress-resolve",
    ] {
        assert_eq!(of(&result, id).0, "pass", "{id}: {}\n{said}", of(&result, id).1);
    }
    assert_eq!(left(&name_of(&said)), "", "something was left");
    assert_eq!(snapshot(&repo), before, "the student's files were changed");
    assert!(vm.is_running().expect("the engine answers"), "a container of others was touched");
}

#[test]
fn ctrl_c_takes_the_project_down() {
    if !engine() {
        return;
    }
    let (_keep, folder) = live_parts::folder();
    let repo = project(&folder, 9100);
    let mut child = up(&repo, &folder).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("labkit starts");
    let mut said = String::new();
    for line in BufReader::new(child.stderr.take().expect("a pipe")).lines() {
        said.push_str(&line.expect("text"));
        said.push('\n');
        if said.contains(" as labkit-") {
            break;
        }
    }
    let name = name_of(&said);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while left(&name).is_empty() {
        assert!(std::time::Instant::now() < deadline, "nothing starts");
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    let interrupted = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(interrupted.expect("kill runs").success());
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
    assert_eq!(left(&name), "", "something was left");
}

/// The solution with its mocked model in a container of its own, which is built; nothing of it is published.
fn with_built_mock(folder: &Path, step: &str) -> PathBuf {
    let repo = project(folder, 9100);
    let monitoring = repo.join("monitoring");
    let dockerfile = format!(
        "FROM python:3.11-slim\nWORKDIR /app\nRUN {step}\nCOPY modelmock.py .\nCMD [\"python3\", \"modelmock.py\"]\n"
    );
    std::fs::write(monitoring.join("Dockerfile"), dockerfile).expect("written");
    let edit = |name: &str, change: &dyn Fn(&str) -> String| {
        let text = std::fs::read_to_string(monitoring.join(name)).expect("there");
        std::fs::write(monitoring.join(name), change(&text)).expect("written");
    };
    edit("docker-compose.yml", &|text| text.replacen("services:\n", "services:\n  mock:\n    build: .\n\n", 1));
    let script = std::fs::read_to_string(monitoring.join("modelmock.py")).expect("there");
    let port = script.lines().find_map(|l| l.strip_prefix("PORT = ")).expect("a port").to_owned();
    edit("prometheus.yml", &|text| text.replace(&format!("host.docker.internal:{port}"), &format!("mock:{port}")));
    repo
}

/// Images that were built for a project.
fn built(project: &str) -> String {
    let output = Command::new("docker").args(["image", "ls", "--format", "{{.Repository}}"]).output().expect("it runs");
    let all = String::from_utf8_lossy(&output.stdout).into_owned();
    all.lines().filter(|l| l.starts_with(project)).collect()
}

#[test]
fn a_mock_that_is_built_is_checked_and_its_image_goes_again() {
    if !engine() {
        return;
    }
    let (_keep, folder) = live_parts::folder();
    let repo = with_built_mock(&folder, "python3 -c 'import prometheus_client'");
    let before = snapshot(&repo);
    let output = up(&repo, &folder).arg("--only=mock-metrics,prometheus-scrapes-mock").output().expect("labkit ends");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let result: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {said}"));
    for id in ["mock-metrics", "prometheus-scrapes-mock"] {
        assert_eq!(of(&result, id).0, "pass", "{id}: {}", of(&result, id).1);
    }
    assert!(said.contains("mock (built from the repository)"), "{said}");
    let name = name_of(&said);
    assert_eq!((left(&name), built(&name)), (String::new(), String::new()), "something was left");
    assert_eq!(snapshot(&repo), before, "the student's files were changed");

    let broken = folder.join("broken");
    std::fs::create_dir(&broken).expect("made");
    let output = up(&with_built_mock(&broken, "cat no-such-file"), &broken).output().expect("labkit ends");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains(" up ends with exit status: 1") && said.contains("cat no-such-file"), "{said}");
    assert!(said.contains("try it by hand: docker compose up --build"), "{said}");
    assert_eq!(left(&name_of(&said)), "", "something was left");
}

#[test]
fn ctrl_c_in_the_middle_of_a_build_leaves_nothing() {
    if !engine() {
        return;
    }
    let (_keep, folder) = live_parts::folder();
    let mark = format!("sleep 7{:04}", std::process::id() % 10_000);
    let repo = with_built_mock(&folder, &mark);
    let child = up(&repo, &folder).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("labkit starts");
    let words = mark.replace(' ', "\0");
    let runs = || {
        let processes = std::fs::read_dir("/proc").expect("Linux").flatten();
        let lines = processes.filter_map(|p| std::fs::read_to_string(p.path().join("cmdline")).ok());
        lines.filter(|l| l.trim_end_matches('\0') == words).count() > 0
    };
    live_parts::wait_for("the build", 60, runs);
    live_parts::signal("INT", child.id());
    let output = child.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(130), "{said}");
    let name = name_of(&said);
    assert_eq!((left(&name), built(&name)), (String::new(), String::new()), "something was left");
    live_parts::wait_for("the build to end", 20, || !runs());
}

#[test]
fn a_project_that_does_not_start_is_taken_down_and_one_that_reaches_too_far_is_not_started() {
    if !engine() {
        return;
    }
    let (_keep, folder) = live_parts::folder();
    let repo = project(&folder, 9100);
    let compose = repo.join("monitoring/docker-compose.yml");
    let right = std::fs::read_to_string(&compose).expect("there");
    let run = |text: String| {
        std::fs::write(&compose, text).expect("written");
        let output = up(&repo, &folder).output().expect("labkit ends");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    // Pulled from nowhere.
    let (code, said) = run(right.replace("prom/prometheus:v2.42.0", "127.0.0.1:1/prom/prometheus:v0"));
    assert_eq!(code, Some(3), "{said}");
    assert_eq!(left(&name_of(&said)), "", "something was left");
    let (code, said) = run(right.replace("    container_name: alertmanager", "    privileged: true\n    pid: host"));
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("alertmanager is privileged") && said.contains("use --trust"), "{said}");
    let (code, said) = run(right.replace("./rules.yml:", "/etc/shadow:"));
    assert!(code == Some(2) && said.contains("prometheus mounts /etc/shadow, outside the repository"), "{said}");
}
