//! `labkit grade` as a teacher runs it: outputs, resuming after any end, deadlines, limits.

#![cfg(unix)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// A temporary class of `n` copies of the lab's solution, and a folder for output beside it.
struct Class {
    _dir: tempfile::TempDir,
    root: PathBuf,
}

impl Class {
    fn of(n: usize) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let root = dir.path().canonicalize().expect("it is there");
        fs::create_dir(root.join("repos")).expect("a folder");
        let class = Self { _dir: dir, root };
        for i in 0..n {
            copy(&solution(), &class.repo(&format!("s{i:02}")));
        }
        class
    }

    fn repo(&self, name: &str) -> PathBuf {
        self.root.join("repos").join(name)
    }

    fn out(&self) -> PathBuf {
        self.root.join("out")
    }

    fn command(&self, more: &[&str]) -> Command {
        let mut command = labkit(&["grade", "7"]);
        command.arg(self.root.join("repos")).arg("--out").arg(self.out()).args(["--cpu-limit", "60"]).args(more);
        command
    }

    fn grade(&self, more: &[&str]) -> Value {
        let output = self.command(more).arg("--json").output().expect("labkit starts");
        json(&output)
    }

    fn lines(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.out().join("results.jsonl")).expect("a journal");
        text.lines().map(|l| serde_json::from_str(l).expect("a result a line")).collect()
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> =
            self.lines().iter().map(|l| l["subject"]["name"].as_str().expect("a name").to_owned()).collect();
        names.sort();
        names
    }

    fn gradebook(&self) -> Vec<Vec<String>> {
        let mut reader =
            csv::ReaderBuilder::new().has_headers(false).from_path(self.out().join("gradebook.csv")).expect("a file");
        reader.records().map(|r| r.expect("a record").iter().map(str::to_owned).collect()).collect()
    }
}

fn labkit(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_labkit"));
    command.args(args).stdin(Stdio::null());
    command
}

fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("one JSON document")
}

fn solution() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("labs/07-monitoring/solution")
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

fn git(root: &Path, date: &str, args: &[&str]) {
    let status = Command::new("git")
        .args(["-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"])
        .args(args)
        .current_dir(root)
        .env("GIT_COMMITTER_DATE", date)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    assert!(status.expect("git").success(), "git {args:?}");
}

fn verdict<'a>(line: &'a Value, criterion: &str) -> &'a str {
    let criteria = line["criteria"].as_array().expect("criteria");
    let found = criteria.iter().find(|c| c["id"] == criterion).expect("the criterion");
    found["verdict"].as_str().expect("a verdict")
}

#[test]
fn a_folder_of_repositories_gives_the_outputs_of_the_contract() {
    let class = Class::of(2);
    fs::remove_file(class.repo("s01").join("monitoring/rules.yml")).expect("it was there");
    std::os::unix::fs::symlink("s00", class.repo("s02")).expect("a link");
    let summary = class.grade(&[]);
    assert_eq!(summary["tally"]["judged"], 2, "{summary}");
    assert_eq!(class.names(), ["s00", "s01", "s02"]);
    let book = class.gradebook();
    let head: Vec<&str> = book[0].iter().map(String::as_str).collect();
    assert_eq!(head[..8], ["name", "id", "email", "score", "max_score", "open", "verdict", "late"]);
    assert_eq!(head[8], "mock-metrics");
    assert_eq!(head.len(), 8 + 16);
    assert_eq!(book[1][..8], ["s00", "", "", "16", "16", "4", "open", ""]);
    assert_eq!((book[2][0].as_str(), book[2][6].as_str()), ("s01", "fail"));
    assert_eq!((book[3][0].as_str(), book[3][5].as_str(), book[3][6].as_str()), ("s02", "20", "error"));
    let index = fs::read_to_string(class.out().join("index.md")).expect("an index");
    assert!(index.starts_with("<!-- labkit report -->") && index.contains("(s01.md)"), "{index}");
    for file in ["s00.md", "s00.svg", "s01.md", "s02.md", "distribution.svg"] {
        assert!(class.out().join(file).is_file(), "{file}");
    }
    assert!(!class.out().join(".scratch").exists());
}

#[test]
fn what_has_not_changed_is_not_judged_again() {
    let class = Class::of(2);
    class.grade(&[]);
    let first = class.lines();
    let again = class.grade(&["--diff", class.out().to_str().expect("text")]);
    assert_eq!((&again["tally"]["judged"], &again["tally"]["reused"]), (&0.into(), &2.into()));
    assert_eq!(again["changes"], serde_json::json!([]));
    assert_eq!(class.lines().len(), first.len());
    let rules = class.repo("s01").join("monitoring/rules.yml");
    let text = fs::read_to_string(&rules).expect("rules");
    fs::write(&rules, text.replace("groups:", "groups: oops")).expect("written");
    let changed = class.grade(&["--diff", class.out().to_str().expect("text")]);
    assert_eq!((&changed["tally"]["judged"], &changed["tally"]["reused"]), (&1.into(), &1.into()));
    let changes = changed["changes"].as_array().expect("changes");
    assert!(!changes.is_empty() && changes.iter().all(|c| c["subject"] == "s01"), "{changes:?}");
    assert_eq!(class.grade(&["--force"])["tally"]["judged"], 2);
}

#[test]
fn kill_9_at_any_moment_loses_and_doubles_nothing() {
    let class = Class::of(8);
    let all: Vec<String> = (0..8).map(|i| format!("s{i:02}")).collect();
    let journal = class.out().join("results.jsonl");
    for wanted in [1, 3, 5] {
        let mut child = class
            .command(if wanted == 1 { &[] } else { &["--resume"] })
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("labkit starts");
        let begun = Instant::now();
        let lines = || fs::read_to_string(&journal).unwrap_or_default().lines().count();
        while lines() < wanted && begun.elapsed() < Duration::from_secs(30) {
            std::thread::sleep(Duration::from_millis(2));
        }
        child.kill().expect("it runs");
        child.wait().expect("it ends");
        // As a machine that stops in the middle of a line leaves it.
        let text = fs::read_to_string(&journal).expect("a journal");
        fs::write(&journal, format!("{text}{{\"schema\":\"labkit/res")).expect("written");
    }
    class.grade(&["--resume"]);
    assert_eq!(class.names(), all);
    assert_eq!(class.gradebook().len(), 9);
}

#[test]
fn a_kill_at_a_random_moment_loses_and_doubles_nothing() {
    let class = Class::of(6);
    let all: Vec<String> = (0..6).map(|i| format!("s{i:02}")).collect();
    // Moments that differ from run to run; the seed is told when something is off.
    let seed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").subsec_nanos();
    let mut state = u64::from(seed) | 1;
    for round in 0..5 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let wait = Duration::from_millis((state >> 33) % 900);
        let mut command = class.command(if round == 0 { &[] } else { &["--resume"] });
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("labkit starts");
        std::thread::sleep(wait);
        child.kill().expect("it can be killed");
        child.wait().expect("it ends");
    }
    class.grade(&["--resume"]);
    assert_eq!(class.names(), all, "seed {seed}");
    assert_eq!(class.gradebook().len(), 7, "seed {seed}");
    assert!(!class.out().join(".scratch").exists());
}

#[test]
fn objects_of_another_repository_are_not_graded_as_ones_own() {
    let class = Class::of(2);
    let (theirs, own) = (class.repo("s00"), class.repo("s01"));
    for repo in [&theirs, &own] {
        git(repo, "", &["init", "-q"]);
    }
    git(&theirs, "", &["add", "."]);
    git(&theirs, "1700000000 +0000", &["commit", "-q", "-m", "one"]);
    let main = fs::read_to_string(theirs.join(".git/refs/heads/main")).expect("a commit");
    fs::write(own.join(".git/refs/heads/main"), main).expect("written");
    let objects = theirs.join(".git/objects").display().to_string();
    fs::create_dir_all(own.join(".git/objects/info")).expect("a folder");
    fs::write(own.join(".git/objects/info/alternates"), objects + "\n").expect("written");
    fs::remove_file(own.join("monitoring/prometheus.yml")).expect("it was there");
    class.grade(&["--deadline", "@1700005000"]);
    let book = class.gradebook();
    assert_eq!((book[1][6].as_str(), book[2][6].as_str()), ("open", "fail"), "{book:?}");
}

#[test]
fn an_interrupt_leaves_partial_outputs_and_code_130() {
    let class = Class::of(8);
    let mut child =
        class.command(&["--jobs", "1"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("starts");
    let journal = class.out().join("results.jsonl");
    while fs::read_to_string(&journal).unwrap_or_default().lines().count() < 1 {
        std::thread::sleep(Duration::from_millis(2));
    }
    let told = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill");
    assert!(told.success());
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
    let rows = class.gradebook().len();
    assert!((2..9).contains(&rows), "{rows} rows");
    assert_eq!(rows - 1, class.names().len());
}

#[test]
fn a_subject_over_its_limits_is_an_error_and_the_batch_goes_on() {
    let class = Class::of(3);
    let output = class.command(&["--cpu-limit", "0.02"]).output().expect("labkit starts");
    assert!(output.status.code() == Some(2), "an argument given twice is refused");
    let mut command = labkit(&["grade", "7", "--cpu-limit", "0.02", "--json"]);
    let summary = json(&command.arg(class.root.join("repos")).arg("--out").arg(class.out()).output().expect("starts"));
    assert_eq!(summary["tally"]["stopped"], 3, "{summary}");
    let line = &class.lines()[0];
    assert!(line["criteria"][0]["reason"].as_str().expect("a reason").contains("processor time"), "{line}");
    assert_eq!(class.grade(&["--resume"])["tally"]["reused"], 3);
    assert_eq!(class.grade(&[])["tally"]["judged"], 3, "what could not be judged is tried again");
}

#[test]
fn the_last_commit_before_the_deadline_counts() {
    let class = Class::of(2);
    for name in ["s00", "s01"] {
        git(&class.repo(name), "", &["init", "-q"]);
    }
    let late = class.repo("s01");
    git(&late, "", &["add", "."]);
    git(&late, "1700009000 +0000", &["commit", "-q", "-m", "late"]);
    let changed = class.repo("s00");
    git(&changed, "", &["add", "."]);
    git(&changed, "1700000000 +0000", &["commit", "-q", "-m", "in time"]);
    fs::remove_file(changed.join("monitoring/prometheus.yml")).expect("it was there");
    git(&changed, "", &["add", "."]);
    git(&changed, "1700009000 +0000", &["commit", "-q", "-m", "broken later"]);
    class.grade(&["--deadline", "@1700005000"]);
    let book = class.gradebook();
    assert_eq!(book[1][..8], ["s00", "", "", "16", "16", "4", "open", "no"]);
    assert_eq!(book[2][..8], ["s01", "", "", "16", "16", "4", "open", "yes"]);
    class.grade(&[]);
    assert_eq!(class.gradebook()[1][6], "fail");
}

#[test]
fn an_address_is_fetched_without_checking_anything_out() {
    let class = Class::of(1);
    let repo = class.repo("s00");
    git(&repo, "", &["init", "-q"]);
    git(&repo, "", &["add", "."]);
    git(&repo, "", &["commit", "-q", "-m", "one"]);
    let url = format!("file://{}", repo.display());
    let mut command = labkit(&["grade", "7", &url, "file:///nowhere/x.git", "--cpu-limit", "60", "--json"]);
    let summary = json(&command.arg("--out").arg(class.out()).output().expect("starts"));
    assert_eq!((&summary["tally"]["judged"], &summary["tally"]["stopped"]), (&1.into(), &1.into()), "{summary}");
    let lines = class.lines();
    let good = lines.iter().find(|l| l["subject"]["name"] == "s00").expect("a line");
    assert_eq!((&good["summary"]["score"], verdict(good, "stress-4m-alert")), (&16.into(), "pass"));
    assert_eq!(good["subject"]["commit"].as_str().map(str::len), Some(40));
    let left: BTreeSet<_> = fs::read_dir(class.out()).expect("a folder").flatten().map(|e| e.file_name()).collect();
    assert!(left.iter().all(|n| !n.to_string_lossy().contains("clone") && n != ".scratch"), "{left:?}");
}

#[test]
fn wrong_calls_are_told() {
    let class = Class::of(1);
    let code = |args: &[&str]| labkit(args).output().expect("starts").status.code();
    assert_eq!(code(&["grade", "7", "/nowhere/at/all"]), Some(2));
    assert_eq!(class.command(&["--only", "no-such-thing"]).output().expect("starts").status.code(), Some(2));
    let out = class.out();
    fs::create_dir(&out).expect("a folder");
    fs::write(out.join("index.md"), "my own notes").expect("written");
    assert_eq!(class.command(&[]).output().expect("starts").status.code(), Some(2));
}

#[test]
fn a_roster_gives_names_and_tells_who_handed_in_nothing() {
    let class = Class::of(2);
    let roster = class.root.join("students.csv");
    fs::write(
        &roster,
        "Naam;Studentnummer;E-mail;Repo\nAda;17;ada@x;s00\nBob;18;bob@x;s01\nCas;19;cas@x;\nDot;20;dot@x;s01\n",
    )
    .expect("written");
    class.grade(&["--roster", roster.to_str().expect("text")]);
    let book = class.gradebook();
    let people: Vec<_> = book[1..].iter().map(|r| (r[0].as_str(), r[1].as_str(), r[6].as_str())).collect();
    assert_eq!(people, [("Cas", "19", "error"), ("Ada", "17", "open"), ("Bob", "18", "open"), ("Dot", "20", "open")]);
    assert_eq!(class.lines().len(), 3);
}

#[test]
fn shards_merge_into_the_whole() {
    let class = Class::of(3);
    class.grade(&[]);
    let whole = class.gradebook();
    let repos = class.root.join("repos");
    let parts: Vec<PathBuf> = (1..=2).map(|k| class.root.join(format!("part{k}"))).collect();
    for (k, part) in parts.iter().enumerate() {
        let mut command = labkit(&["grade", "7", "--cpu-limit", "60", "--json", "--shard", &format!("{}/2", k + 1)]);
        json(&command.arg(&repos).arg("--out").arg(part).output().expect("starts"));
    }
    fs::remove_dir_all(class.out()).expect("it was there");
    let status = labkit(&["merge"]).args(&parts).arg("--out").arg(class.out()).status().expect("starts");
    assert!(status.success());
    assert_eq!(class.gradebook(), whole);
    assert_eq!(class.names(), ["s00", "s01", "s02"]);
    assert!(["s00.md", "s01.svg", "index.md"].iter().all(|f| class.out().join(f).is_file()));
    assert_eq!(
        fs::read_dir(class.out())
            .expect("a folder")
            .flatten()
            .filter(|e| e.file_name().to_string_lossy().starts_with('.'))
            .count(),
        0
    );
}

#[test]
fn a_decision_counts_is_shown_and_survives_a_new_batch() {
    let class = Class::of(1);
    // An answer that is missing although not required asks for a person.
    let report = class.repo("s00").join("reports/07-monitoring.md");
    let text = fs::read_to_string(&report).expect("a report");
    let without: String =
        text.lines().filter(|l| !l.to_lowercase().contains("volume")).map(|l| format!("{l}\n")).collect();
    fs::write(&report, without).expect("written");
    class.grade(&[]);
    let out = class.out();
    let review =
        |more: &[&str]| labkit(&["review", "--out", out.to_str().expect("text")]).args(more).output().expect("starts");
    let list = json(&review(&["--json"]));
    let items = list["items"].as_array().expect("items");
    assert_eq!(items.len(), 1, "{list} {}", class.lines()[0]["criteria"]);
    let criterion = items[0]["criterion"].as_str().expect("a criterion").to_owned();
    let before: u32 = class.gradebook()[1][3].parse().expect("points");
    assert!(review(&["--set", &format!("s00/{criterion}=pass"), "--note", "seen <b>in class</b>"]).status.success());
    let check = || {
        let after: u32 = class.gradebook()[1][3].parse().expect("points");
        assert!(after > before, "{after}");
        let shown = fs::read_to_string(out.join("s00.md")).expect("a report");
        assert!(shown.contains("Decided by the teacher") && shown.contains("seen &lt;b&gt;in class"), "{shown}");
    };
    check();
    class.grade(&["--force"]);
    check();
    assert_eq!(review(&["--set", "s00/cpu-99=pass"]).status.code(), Some(2));
}

#[test]
fn a_person_is_asked_for_a_decision_and_a_note() {
    let class = Class::of(2);
    for name in ["s00", "s01"] {
        fs::write(class.repo(name).join("reports/cheat-sheet.md"), "# Cheat sheet\n\n- `stress-ng --cpu 0`\n")
            .expect("written");
    }
    class.grade(&[]);
    let out = class.out();
    let ask = |answers: &str| {
        use std::io::Write as _;
        let mut command = labkit(&["review", "--ask", "--out", out.to_str().expect("text")]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("labkit starts");
        child.stdin.take().expect("a pipe").write_all(answers.as_bytes()).expect("it listens");
        let output = child.wait_with_output().expect("it ends");
        assert!(output.status.success());
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let said = ask("what?\np\nshown in class\nq\n");
    assert!(said.contains("1 of 2") && said.contains("2 of 2") && said.contains("kinds of commands"), "{said}");
    let shown = |name: &str| fs::read_to_string(out.join(name)).expect("a report");
    assert!(shown("s00.md").contains("shown in class") && !shown("s01.md").contains("Decided by the teacher"));
    class.grade(&["--force"]);
    let said = ask("f\n\n");
    assert!(said.contains("1 of 1") && said.contains("s01") && !said.contains("s00"), "{said}");
    let book = class.gradebook();
    let cheat = book[0].iter().position(|h| h == "cheat-sheet").expect("a column");
    assert_eq!((book[1][cheat].as_str(), book[2][cheat].as_str()), ("pass", "fail"), "{book:?}");
    assert!(shown("s00.md").contains("shown in class"));
}

#[test]
fn a_downloaded_sheet_is_filled() {
    let class = Class::of(1);
    class.grade(&[]);
    let sheet = class.root.join("canvas.csv");
    fs::write(&sheet, "Student,ID,SIS Login ID,Section,Lab 7 (12)\nPoints Possible,,,,10\nS,1,s00,A,\n")
        .expect("written");
    let export = |args: &[&str]| {
        let out = class.out();
        let output = labkit(&["export", "--out", out.to_str().expect("text")]).args(args).output().expect("starts");
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (code, text) = export(&["canvas", "--from", sheet.to_str().expect("text"), "--column", "Lab 7"]);
    assert_eq!((code, text.lines().last()), (Some(0), Some("S,1,s00,A,10")));
    let (code, text) = export(&["gradescope"]);
    let results: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!((code, results["score"].as_f64()), (Some(0), Some(16.0)));
    assert_eq!(export(&["moodle"]).0, Some(2));
}
