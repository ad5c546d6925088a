//! Everything a student hands in is hostile: one batch of repositories that mean harm, and a check of each.

#![cfg(unix)]

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use serde_json::Value;

const SECRET: &str = "not-for-anybodys-eyes";
const SCRIPT: &str = "<script>alert(1)</script><img src=x onerror=alert(1)> [click](javascript:alert(1)) \u{1b}[31m";

struct Batch {
    _dir: tempfile::TempDir,
    root: PathBuf,
    lines: Vec<Value>,
    /// Every text under the output folder that people read.
    texts: Vec<(PathBuf, String)>,
}

static BATCH: LazyLock<Batch> = LazyLock::new(|| {
    let dir = tempfile::tempdir().expect("a folder");
    let root = dir.path().canonicalize().expect("it is there");
    for name in ["repos", "tmp"] {
        fs::create_dir(root.join(name)).expect("a folder");
    }
    fs::write(root.join("secret.yml"), SECRET).expect("written");
    build(&root);
    let output = Command::new(env!("CARGO_BIN_EXE_labkit"))
        .args(["grade", "7", "--json", "--cpu-limit", &cpu_limit().to_string(), "--time-limit", "25"])
        .arg(root.join("repos"))
        .arg(format!("file://{}", root.join("repos/tree-bomb").display()))
        .arg("--out")
        .arg(root.join("out"))
        .env("TMPDIR", root.join("tmp"))
        .stdin(Stdio::null())
        .output()
        .expect("labkit starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let journal = fs::read_to_string(root.join("out/results.jsonl")).expect("a journal");
    let lines = journal.lines().map(|l| serde_json::from_str(l).expect("a result a line")).collect();
    let texts = fs::read_dir(root.join("out"))
        .expect("a folder")
        .flatten()
        .map(|e| e.path())
        .filter(|p| p.extension().is_some_and(|e| e != "jsonl"))
        .map(|p| (p.clone(), fs::read_to_string(&p).expect("text")))
        .collect();
    Batch { _dir: dir, root, lines, texts }
});

/// Without optimisation everything takes a multiple of its time.
fn cpu_limit() -> u32 {
    if cfg!(debug_assertions) { 10 } else { 2 }
}

fn build(root: &Path) {
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

    tree_bomb(&repo("tree-bomb"));
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

fn line(name: &str) -> &'static Value {
    let found = BATCH.lines.iter().find(|l| l["subject"]["name"] == name);
    found.unwrap_or_else(|| panic!("no result of {name}"))
}

fn told(name: &str) -> String {
    let criteria = line(name)["criteria"].as_array().expect("criteria");
    criteria.iter().map(|c| format!("{} {}: {}\n", c["id"], c["verdict"], c["reason"])).collect()
}

/// Judged to the end, or given up for what it would have cost; labkit's own fault in no case.
fn bounded(name: &str) {
    let said = told(name);
    let given_up = said.contains("processor time") || said.contains("it took more than") || said.contains("of memory");
    assert!(line(name)["summary"]["counts"].get("error").is_none() || given_up, "{said}");
}

/// Judged to the end, by a worker that lived through it.
fn judged(name: &str) {
    let line = line(name);
    assert_ne!(line["grade"]["key"], "", "{name} was given up: {}", told(name));
    assert!(line["summary"]["counts"].get("error").is_none(), "{}", told(name));
}

#[test]
fn every_subject_has_exactly_one_result_and_the_honest_one_its_points() {
    let folders = fs::read_dir(BATCH.root.join("repos")).expect("a folder").count();
    assert_eq!(BATCH.lines.len(), folders + 1);
    assert_eq!(line("honest")["summary"]["score"], 16, "{}", told("honest"));
}

#[test]
fn no_link_is_followed_out_of_a_repository() {
    judged("links-out");
    assert!(!BATCH.lines.iter().any(|l| l.to_string().contains(SECRET)));
    assert!(!BATCH.texts.iter().any(|(_, t)| t.contains(SECRET)));
}

#[test]
fn pipes_sockets_and_devices_are_not_opened() {
    judged("pipes-and-devices");
}

#[test]
fn aliases_do_not_multiply() {
    judged("alias-bomb");
}

#[test]
fn a_hundred_thousand_levels_overflow_no_stack() {
    judged("nested");
}

#[test]
fn two_hundred_sparse_megabytes_are_not_read() {
    judged("sparse");
}

#[test]
fn promql_that_would_take_for_ever_is_cut_short() {
    bounded("promql-bomb");
    bounded("long-subquery");
}

#[test]
fn regular_expressions_that_explode_are_refused() {
    judged("regex-bomb");
}

#[test]
fn templates_that_call_themselves_end() {
    judged("template-bomb");
}

#[test]
fn names_of_any_bytes_are_judged_and_shown_without_harm() {
    judged("names");
    judged("no-utf8-\u{fffd}\u{fffd}");
    assert!(BATCH.lines.iter().any(|l| l["subject"]["name"].as_str().is_some_and(|n| n.starts_with("=cmd"))));
    let book = fs::read_to_string(BATCH.root.join("out/gradebook.csv")).expect("a gradebook");
    assert!(book.contains("'=cmd") && !book.contains("\n=cmd") && !book.contains(",=cmd"), "{book}");
}

#[test]
fn bytes_that_are_no_text_are_judged() {
    judged("invalid-utf8");
}

#[test]
fn nothing_of_a_student_is_live_in_a_report() {
    judged("markup");
    assert!(BATCH.texts.len() > 20);
    for (path, text) in &BATCH.texts {
        assert!(!text.contains('\u{1b}'), "an escape in {}", path.display());
        let mut fence: Option<usize> = None;
        for line in text.lines() {
            let ticks = line.len() - line.trim_start_matches('`').len();
            match fence {
                None if ticks >= 3 && !line[ticks..].contains('`') => fence = Some(ticks),
                Some(open) if ticks >= open && line.trim_matches('`').trim().is_empty() => fence = None,
                Some(_) => continue,
                None => {}
            }
            let outside: String = line.split('`').step_by(2).collect();
            let outside = outside.replace("\\]", "");
            for live in ["<script", "<img", "](javascript"] {
                assert!(!outside.contains(live), "{live} is live in {}: {line}", path.display());
            }
        }
    }
}

#[test]
fn no_program_of_a_repository_runs() {
    judged("git-programs");
    judged("git-elsewhere");
    assert_eq!(line("git-programs")["subject"]["dirty"], true);
    assert_eq!(line("git-elsewhere")["subject"]["commit"], Value::Null);
    assert!(!BATCH.root.join("trap").exists());
}

#[test]
fn a_repository_of_countless_files_is_given_up_or_cut_short() {
    let bombs: Vec<&Value> =
        BATCH.lines.iter().filter(|l| l["subject"]["name"].as_str().is_some_and(|n| n.contains("tree-bomb"))).collect();
    assert_eq!(bombs.len(), 2);
}

#[test]
fn nothing_is_written_outside_the_output_folder() {
    let mut names: Vec<String> = fs::read_dir(&BATCH.root)
        .expect("a folder")
        .flatten()
        .map(|e| e.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    assert_eq!(names, ["out", "repos", "secret.yml", "tmp"]);
    assert_eq!(fs::read_dir(BATCH.root.join("tmp")).expect("a folder").count(), 0);
    assert_eq!(fs::read_to_string(BATCH.root.join("secret.yml")).expect("text"), SECRET);
}
