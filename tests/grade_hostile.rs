//! Everything a student hands in is hostile: one batch of repositories that mean harm, and a check of each.

#![cfg(unix)]

mod hostile_parts;

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use hostile_parts::{SECRET, VARIABLE, acting, build, live};
use serde_json::Value;

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
        .env(VARIABLE, SECRET)
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
    let costs = ["processor time", "it took more than", "of memory", "no commit that git can read"];
    let given_up = costs.iter().any(|words| said.contains(words));
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
fn nothing_outside_a_repository_is_shown() {
    judged("links-out");
    judged("environment");
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
        assert_eq!(acting(text), None, "in {}", path.display());
        assert_eq!(live(text), None, "in {}", path.display());
    }
}

#[test]
fn no_export_has_a_formula_or_a_control_character() {
    let export = |format: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_labkit"))
            .args(["export", format, "--out"])
            .arg(BATCH.root.join("out"))
            .output()
            .expect("labkit starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).expect("text");
        assert_eq!(acting(&text), None, "{format}");
        assert!(!text.contains(SECRET), "{format}");
        text
    };
    assert_eq!(live(&export("github-summary")), None);
    assert!(!export("junit").contains("<script"));
    export("ctrf");
}

#[test]
fn every_bomb_is_judged_or_given_up_without_harm_to_the_others() {
    for line in &BATCH.lines {
        bounded(line["subject"]["name"].as_str().expect("a name"));
    }
    for name in ["merge-keys", "variables", "growing-template", "messages", "link-loops", "dashboard-variables"] {
        judged(name);
    }
    for name in ["git-file-0", "git-file-1", "git-linked", "git-of-pipes", "git-zeros"] {
        judged(name);
        assert_eq!(line(name)["subject"]["commit"], Value::Null, "{name}");
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
