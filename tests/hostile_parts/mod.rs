//! Repositories that mean harm, for the tests of `run` and `grade`.

mod bombs;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

pub use bombs::VARIABLE;

/// What lies beside the repositories and must be read by nobody.
pub const SECRET: &str = "not-for-anybodys-eyes";
/// What must be live in no report.
pub const SCRIPT: &str =
    "<script>alert(1)</script><img src=x onerror=alert(1)> [click](javascript:alert(1)) \u{1b}[31m";

/// What in a text could act on a terminal or mislead a reader: control characters, and marks that turn the direction of
/// writing.
pub fn acting(text: &str) -> Option<char> {
    let turns = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().find(|c| c.is_control() && !matches!(c, '\n' | '\t') || turns(*c))
}

/// What is live HTML or a live link in a Markdown text: the line that has it.
pub fn live(report: &str) -> Option<String> {
    let harms = |line: &String| ["<script", "<img", "](javascript"].iter().any(|l| line.contains(l));
    outside_of_code(report).find(harms)
}

/// The lines of a report without its code blocks and code spans.
fn outside_of_code(report: &str) -> impl Iterator<Item = String> {
    let mut fence: Option<usize> = None;
    report.lines().map(move |line| {
        let ticks = line.len() - line.trim_start_matches('`').len();
        match fence {
            None if ticks >= 3 && !line[ticks..].contains('`') => fence = Some(ticks),
            Some(open) if ticks >= open && line.trim_matches('`').trim().is_empty() => fence = None,
            None => return line.split('`').step_by(2).collect::<String>().replace("\\]", ""),
            Some(_) => {}
        }
        String::new()
    })
}

/// Makes every repository under `root/repos`; what they try to run makes `root/trap`.
pub fn build(root: &Path) {
    let repo = |name: &str| {
        let repo = root.join("repos").join(name);
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("labs/07-monitoring/solution"), &repo);
        repo
    };
    let rules = |repo: &Path, text: &str| fs::write(repo.join("monitoring/rules.yml"), text).expect("written");
    let alert = |expr: &str, annotation: &str| {
        format!(
            "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: {expr}\n    annotations:\n      summary: {annotation}\n"
        )
    };
    repo("honest");

    let links = repo("links-out");
    for file in ["monitoring/prometheus.yml", "monitoring/rules.yml", "reports/07-monitoring.md"] {
        fs::remove_file(links.join(file)).expect("it was there");
        symlink(root.join("secret.yml"), links.join(file)).expect("a link");
    }
    symlink("/", links.join("everything")).expect("a link");

    let pipes = repo("pipes-and-devices");
    for file in ["monitoring/prometheus.yml", "monitoring/docker-compose.yml"] {
        fs::remove_file(pipes.join(file)).expect("it was there");
        assert!(Command::new("mkfifo").arg(pipes.join(file)).status().expect("mkfifo").success());
    }
    symlink("/dev/zero", pipes.join("monitoring/alertmanager.yaml")).expect("a link");
    let _socket = std::os::unix::net::UnixListener::bind(pipes.join("s")).ok();

    let alias = repo("alias-bomb");
    let mut bomb = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
    for i in 1..30 {
        let before = format!("*a{},", i - 1).repeat(10);
        bomb += &format!("a{i}: &a{i} [{before}]\n");
    }
    for file in ["prometheus.yml", "rules.yml", "docker-compose.yml", "alertmanager.yml"] {
        fs::write(alias.join("monitoring").join(file), &bomb).expect("written");
    }

    let nested = repo("nested");
    let depth = 100_000;
    for (file, text) in [
        ("monitoring/prometheus.yml", "[".repeat(depth)),
        ("monitoring/rules.yml", alert(&format!("\"{}1{}\"", "(".repeat(depth), ")".repeat(depth)), "x")),
        ("monitoring/alertmanager.yml", "a: {".repeat(depth)),
        ("monitoring/grafana/dashboards/model.json", "[".repeat(depth)),
        ("reports/07-monitoring.md", "> ".repeat(depth) + &"[".repeat(depth)),
        ("monitoring/modelmock.py", "(".repeat(depth)),
    ] {
        fs::write(nested.join(file), text).expect("written");
    }

    let sparse = repo("sparse");
    for file in ["monitoring/rules.yml", "monitoring/prometheus.yml", "reports/07-monitoring.md", "big.bin"] {
        fs::File::create(sparse.join(file)).and_then(|f| f.set_len(200 << 20)).expect("a sparse file");
    }

    let promql = repo("promql-bomb");
    let deep = "sum_over_time(".repeat(30) + "node_load1" + &"[1d:1s])".repeat(30);
    rules(&promql, &alert(&format!("'{deep} > 0'"), "x"));
    rules(&repo("long-subquery"), &alert("'count_over_time(node_load1[100d:1ms]) > 0'", "x"));
    let regex = "((a{1,1000}){1,1000}){1,1000}|(x+x+)+y";
    rules(
        &repo("regex-bomb"),
        &alert(&format!("'label_replace(node_load1, \"a\", \"$1\", \"job\", \"{regex}\") > 0'"), "x"),
    );
    let template = "'{{ define \"a\" }}{{ template \"a\" . }}{{ template \"a\" . }}{{ end }}{{ template \"a\" . }}{{ printf \"%1000000000d\" 1 }}'";
    rules(&repo("template-bomb"), &alert("model_result > 0", template));

    let names = repo("names");
    fs::write(names.join("monitoring/two\nlines\u{1b}[31m.yml"), SCRIPT).expect("written");
    fs::write(names.join("reports/<script>alert(1)</script>.md"), format!("# 7\n{SCRIPT}")).ok();
    fs::write(names.join(OsStr::from_bytes(b"monitoring/\xff\xfe.yml")), "x").expect("written");
    repo(&format!("=cmd|' /C calc'!A0 {}\n", SCRIPT.replace('/', "")));
    let bytes = root.join("repos").join(OsStr::from_bytes(b"no-utf8-\xff\xfe"));
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("labs/07-monitoring/solution"), &bytes);

    let markup = repo("markup");
    let quoted = SCRIPT.replace('\u{1b}', "\\e");
    rules(
        &markup,
        &format!(
            "groups:\n- name: g\n  rules:\n  - alert: \"`` {quoted} |\\n```\\n# head\"\n    expr: model_result > 0.75\n    annotations: {{summary: \"```\\n{quoted}\\n````\\n\"}}\n"
        ),
    );
    fs::write(markup.join("monitoring/prometheus.yml"), format!("global:\n  \"{quoted}```\": 1\n")).expect("written");
    fs::write(markup.join("reports/07-monitoring.md"), format!("# Lab 7\n\n```\n{SCRIPT}\n")).expect("written");

    let utf8 = repo("invalid-utf8");
    for file in
        ["monitoring/rules.yml", "monitoring/prometheus.yml", "reports/07-monitoring.md", "monitoring/modelmock.py"]
    {
        fs::write(utf8.join(file), b"groups: \xff\xfe\x80 [\xc0").expect("written");
    }

    let trap = format!("touch {}", root.join("trap").display());
    let git = repo("git-programs");
    run(&git, &["init", "-q"]);
    run(&git, &["add", "."]);
    run(&git, &["commit", "-q", "-m", "x"]);
    for key in [
        "core.fsmonitor",
        "core.sshCommand",
        "core.pager",
        "filter.x.clean",
        "filter.x.smudge",
        "diff.external",
        "core.editor",
        "gpg.program",
        "core.alternateRefsCommand",
    ] {
        run(&git, &["config", key, &trap]);
    }
    fs::write(git.join(".gitattributes"), "* filter=x diff=x\n").expect("written");
    fs::write(
        git.join(".gitmodules"),
        format!("[submodule \"x\"]\n\tpath = x\n\turl = ext::sh -c {trap}\n\tupdate = !{trap}\n"),
    )
    .expect("written");
    for hook in ["post-checkout", "post-index-change", "reference-transaction", "fsmonitor-watchman", "pre-auto-gc"] {
        let path = git.join(".git/hooks").join(hook);
        fs::create_dir_all(git.join(".git/hooks")).expect("a folder");
        fs::write(&path, format!("#!/bin/sh\n{trap}\n")).expect("written");
        assert!(Command::new("chmod").arg("+x").arg(&path).status().expect("chmod").success());
    }
    fs::write(git.join("monitoring/rules.yml"), "changed: yes\n").expect("written");

    let outside = repo("git-elsewhere");
    fs::write(outside.join(".git"), format!("gitdir: {}/.git\n", git.display())).expect("written");

    let borrowed = repo("git-borrowed");
    run(&borrowed, &["init", "-q"]);
    let theirs = git.join(".git/objects");
    fs::write(borrowed.join(".git/objects/info/alternates"), format!("{}\n", theirs.display())).expect("written");
    let head = feed(&git, &["rev-parse", "HEAD"], "");
    fs::write(borrowed.join(".git/refs/heads/main"), format!("{head}\n")).expect("written");
    let include = root.join("repos/git-programs/included");
    fs::write(&include, format!("[core]\n\tfsmonitor = {trap}\n\tsshCommand = {trap}\n")).expect("written");
    for key in ["include.path", "includeIf.gitdir:**.path", "includeIf.onbranch:**.path"] {
        run(&git, &["config", "--file", ".git/config", key, &include.display().to_string()]);
    }

    tree_bomb(&repo("tree-bomb"));
    thousands(&repo);
    bombs::build(root, &repo);
}

/// Too many, too big, too often.
fn thousands(repo: &dyn Fn(&str) -> PathBuf) {
    let edit = |repo: &Path, file: &str, from: &str, to: &str| {
        let path = repo.join("monitoring").join(file);
        let text = fs::read_to_string(&path).expect("there");
        assert!(text.contains(from), "{file} has {from:?}");
        fs::write(path, text.replacen(from, to, 1)).expect("written");
    };
    let rules: String = (0..10_000).map(|i| format!("  - alert: A{i}\n    expr: model_result > 0.{i}\n")).collect();
    fs::write(repo("many-rules").join("monitoring/rules.yml"), format!("groups:\n- name: g\n  rules:\n{rules}"))
        .expect("written");
    let targets: String = (0..1000).map(|i| format!("          - 10.1.{}.{}:9100\n", i / 250, i % 250 + 1)).collect();
    edit(&repo("many-targets"), "prometheus.yml", "          - 192.168.56.20:9100\n", &targets);
    let services: String =
        (0..10_000).map(|i| format!("  s{i}: {{image: nginx, depends_on: [s{}]}}\n", (i + 1) % 9_000)).collect();
    edit(&repo("many-services"), "docker-compose.yml", "services:\n", &format!("services:\n{services}"));
    let circle = "services:\n  a: {extends: b}\n  b: {extends: {service: a}}\ninclude: [docker-compose.yml]\n";
    fs::write(repo("services-in-a-circle").join("monitoring/docker-compose.yml"), circle).expect("written");
    let dashboards = repo("huge-dashboards").join("monitoring/grafana/dashboards");
    let panel = r#"{"type": "timeseries", "targets": [{"expr": "model_result"}, {"expr": "model_result"}]},"#;
    let text = format!("{{\"panels\": [{}{{}}]}}", panel.repeat(10_000));
    for i in 0..30 {
        fs::write(dashboards.join(format!("{i}.json")), &text).expect("written");
    }
    let report = "prometheus grafana alertmanager `for` [x](y) **z** | ".repeat(1000);
    let report = format!("# Lab 7\n\n{}", format!("{report}\n\n").repeat(950));
    fs::write(repo("big-report").join("reports/07-monitoring.md"), report).expect("written");
    let growing = format!(
        "    metric_relabel_configs:\n    - {{target_label: a, replacement: {}}}\n{}",
        "x".repeat(1000),
        "    - {source_labels: [a, a, a, a], target_label: a}\n".repeat(30)
    );
    edit(&repo("growing-label"), "prometheus.yml", "  - job_name: vm\n", &format!("  - job_name: vm\n{growing}"));
    edit(&repo("milliseconds"), "prometheus.yml", "scrape_interval: 5s", "scrape_interval: 1ms");
}

/// Ten folders in each of ten in each of ten …: a few objects, ten thousand million files.
fn tree_bomb(repo: &Path) {
    run(repo, &["init", "-q"]);
    let blob = feed(repo, &["hash-object", "-w", "--stdin"], "x\n");
    let mut inner =
        feed(repo, &["mktree"], &(0..10).map(|i| format!("100644 blob {blob}\tf{i}\n")).collect::<String>());
    for _ in 0..9 {
        inner = feed(repo, &["mktree"], &(0..10).map(|i| format!("040000 tree {inner}\td{i}\n")).collect::<String>());
    }
    let commit = feed(repo, &["commit-tree", "-m", "x", &inner], "");
    run(repo, &["update-ref", "HEAD", &commit]);
}

fn feed(root: &Path, args: &[&str], input: &str) -> String {
    use std::io::Write as _;
    let mut child = git(root, args).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("git");
    child.stdin.take().expect("a pipe").write_all(input.as_bytes()).expect("git reads");
    let output = child.wait_with_output().expect("git ends");
    assert!(output.status.success(), "git {args:?}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn run(root: &Path, args: &[&str]) {
    let status = git(root, args).stdout(Stdio::null()).stderr(Stdio::null()).status();
    assert!(status.expect("git").success(), "git {args:?}");
}

fn git(root: &Path, args: &[&str]) -> Command {
    let mut command = Command::new("git");
    command
        .args(["-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"])
        .args(args)
        .current_dir(root);
    command
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder").flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), &target).expect("a copy");
        }
    }
}
