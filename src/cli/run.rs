//! `labkit run LAB`: the whole acceptance run in virtual time, and its report.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use super::args::{Output, RunArgs};
use super::exit::Exit;
use super::lab_source::{self, Loaded};
use super::print;
use super::progress::Progress;
use crate::check::acceptance::{self, Request};
use crate::check::probe::files;
use crate::grade::limits;
use crate::report::{MARKER, RunResult, Subject, Verdict, junit, markdown, svg, terminal};
use crate::stack::{EntryKind, FileTree};

/// Stack of the thread that judges: deep but legal files must not end labkit.
const STACK: usize = 32 << 20;
/// How often time and memory are looked at.
const LOOK: Duration = Duration::from_millis(10);
/// What the system allows for one limit of memory: what grows faster than it is looked at ends labkit.
const HARD: u64 = 4;

/// Runs the command.
pub fn run(args: &RunArgs) -> Exit {
    let loaded = match lab_source::load(&args.lab, &args.source) {
        Ok(loaded) => loaded,
        Err(e) => return print::usage(&e.0),
    };
    if let Some(unknown) = args.output.only.iter().find(|id| loaded.lab.criterion(id).is_none()) {
        let known: Vec<&str> = loaded.lab.criteria.iter().map(|c| c.id.as_str()).collect();
        return print::usage(&format!("--only: no criterion {unknown:?}; there is {}", known.join(", ")));
    }
    let (tree, subject) = match chosen(args.repo.as_deref(), &loaded, "judging") {
        Ok(found) => found,
        Err(e) => return print::usage(&e),
    };
    let progress = Progress::start(&format!("judging {}", subject.name), args.output.quiet || args.output.json);
    let loaded = Arc::new(loaded);
    let result = in_time(&loaded, tree, subject, args);
    drop(progress);
    let reproduce = reproduce(args, &loaded);
    let written = match write_reports(&result, &args.output, &format!("labkit-{}", loaded.lab.id), &reproduce) {
        Ok(path) => path,
        Err(e) => return print::usage(&e),
    };
    show(&result, &args.output, &written);
    exit_of(&result, args.output.exit_zero)
}

/// The exit code of a result.
pub fn exit_of(result: &RunResult, exit_zero: bool) -> Exit {
    let any = |wanted: &[Verdict]| result.criteria.iter().any(|c| wanted.contains(&c.verdict));
    if any(&[Verdict::Fail, Verdict::Skipped]) {
        if exit_zero { Exit::Ok } else { Exit::Failed }
    } else if any(&[Verdict::Error]) {
        Exit::Error
    } else {
        Exit::Ok
    }
}

/// Judges beside the clock: what takes more time or memory than it may is nobody's fault but labkit's, and is told as
/// that.
fn in_time(loaded: &Arc<Loaded>, tree: FileTree, subject: Subject, args: &RunArgs) -> RunResult {
    let (send, answer) = channel();
    let (shared, whose, only) = (Arc::clone(loaded), subject.clone(), args.output.only.clone());
    let judging = move || {
        // Nobody listens any more when the time is over.
        let _ = send.send(judged(&shared, &tree, whose, &only));
    };
    let before = limits::memory_used();
    let memory = args.memory_limit * 1_000_000;
    limits::bound_memory(memory.saturating_mul(HARD).saturating_add(STACK as u64));
    if let Err(e) = std::thread::Builder::new().name("judge".into()).stack_size(STACK).spawn(judging) {
        return acceptance::broken(&loaded.lab, subject, &format!("no thread to judge on: {e}"));
    }
    let begun = Instant::now();
    let (over, option) = loop {
        let taken = before.zip(limits::memory_used()).map_or(0, |(before, now)| now.saturating_sub(before));
        match answer.recv_timeout(LOOK) {
            Ok(result) => return result,
            Err(RecvTimeoutError::Disconnected) => {
                return acceptance::broken(&loaded.lab, subject, "the thread that judges is gone");
            }
            Err(RecvTimeoutError::Timeout) if begun.elapsed() > Duration::from_secs(args.time_limit) => {
                break (format!("it took more than {} s", args.time_limit), "time");
            }
            Err(RecvTimeoutError::Timeout) if taken > memory => {
                break (format!("it needed more than {} MB of memory", args.memory_limit), "memory");
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
    };
    let mut result = acceptance::broken(&loaded.lab, subject, "");
    for c in &mut result.criteria {
        c.reason = format!("could not be judged: {over}");
        c.hint = format!("give it more with --{option}-limit, or look at the repository by hand");
    }
    result
}

/// Judges, and turns a panic of ours into a result that blames nobody else.
fn judged(loaded: &Loaded, tree: &FileTree, subject: Subject, only: &[String]) -> RunResult {
    let request = Request {
        lab: &loaded.lab,
        checks: &loaded.checks,
        starter: &loaded.files.starter,
        tree,
        subject: subject.clone(),
        only,
    };
    let attempt = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| acceptance::run(&request)));
    attempt.unwrap_or_else(|panic| {
        let what = panic
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()))
            .unwrap_or_else(|| "unknown panic".to_owned());
        acceptance::broken(&loaded.lab, subject, &what)
    })
}

/// The files that are meant: a repository that is named, the current folder if it holds a stack, or the lab's solution.
/// `doing` says what is done with them.
///
/// # Errors
/// The repository cannot be read.
pub(super) fn chosen(repo: Option<&Path>, loaded: &Loaded, doing: &str) -> Result<(FileTree, Subject), String> {
    if let Some(repo) = repo {
        return open(repo);
    }
    let here = PathBuf::from(".");
    let found = if is_own_source(&here) { None } else { open(&here).ok() };
    if let Some((tree, subject)) = found.filter(|(tree, _)| holds_stack(tree)) {
        print::remark(&format!("{doing} the current folder ({})", subject.name));
        return Ok((tree, subject));
    }
    print::remark(&format!("no stack in the current folder, {doing} the solution of {}", loaded.lab.id));
    let tree = FileTree::in_memory(loaded.files.solution.iter().map(|(p, b)| (p.clone(), b.clone())));
    let subject = Subject {
        name: "solution".into(),
        path: format!("labs/{}/solution", loaded.files.name),
        commit: None,
        dirty: false,
    };
    Ok((tree, subject))
}

pub(super) fn open(repo: &Path) -> Result<(FileTree, Subject), String> {
    let kind = std::fs::metadata(repo).map_err(|e| format!("cannot read {}: {e}", repo.display()))?;
    if !kind.is_dir() {
        return Err(format!("{} is a file, wanted the folder of a repository", repo.display()));
    }
    let tree = files::open(repo).map_err(|e| format!("cannot read {}: {e}", repo.display()))?;
    let name = repo
        .canonicalize()
        .ok()
        .and_then(|p| p.file_name().map(|n| n.to_string_lossy().into_owned()))
        .unwrap_or_else(|| repo.display().to_string());
    let (commit, dirty) = tree.git().map_or((None, false), |g| (g.commit.clone(), g.dirty));
    Ok((tree, Subject { name, path: repo.display().to_string(), commit, dirty }))
}

/// labkit's own source tree holds stacks of labs, none of a student.
fn is_own_source(folder: &Path) -> bool {
    std::fs::read_to_string(folder.join("Cargo.toml")).is_ok_and(|t| t.lines().any(|l| l.trim() == "name = \"labkit\""))
}

/// Whether a Prometheus configuration lies at most three folders down.
fn holds_stack(tree: &FileTree) -> bool {
    tree.entries()
        .filter(|e| e.kind == EntryKind::File && e.path.matches('/').count() <= 3)
        .filter(|e| e.path.ends_with(".yml") || e.path.ends_with(".yaml"))
        .any(|e| tree.text(&e.path).is_ok_and(|s| s.text().lines().any(|l| l.trim_end() == "scrape_configs:")))
}

fn reproduce(args: &RunArgs, loaded: &Loaded) -> String {
    let mut line = format!("labkit run {}", loaded.lab.number);
    if let Some(repo) = &args.repo {
        let _ = write!(line, " --repo {}", shell_word(&repo.display().to_string()));
    }
    for (name, value) in &args.source.set {
        let _ = write!(line, " --set {}", shell_word(&format!("{name}={value}")));
    }
    line
}

pub(super) fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,@".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

/// The Markdown report and its picture, by name.
pub(super) fn reports(result: &RunResult, stem: &str, reproduce: &str) -> Vec<(String, String)> {
    let picture = result.timeline.as_ref().map(|t| (format!("{stem}.svg"), svg::timeline(t)));
    let options =
        markdown::Options { picture: picture.as_ref().map(|(name, _)| name.clone()), reproduce: reproduce.to_owned() };
    let report = (format!("{stem}.md"), markdown::render(result, &options));
    [report].into_iter().chain(picture).collect()
}

/// Writes the Markdown report, its picture, and JUnit if wanted; gives the report's path.
///
/// # Errors
/// A file cannot be written, or is there and was not written by labkit.
pub fn write_reports(result: &RunResult, output: &Output, stem: &str, reproduce: &str) -> Result<PathBuf, String> {
    let cannot = |p: &Path, e: std::io::Error| format!("cannot write {}: {e}", p.display());
    std::fs::create_dir_all(&output.out).map_err(|e| cannot(&output.out, e))?;
    let report = output.out.join(format!("{stem}.md"));
    if std::fs::read_to_string(&report).is_ok_and(|there| !there.starts_with(MARKER)) {
        return Err(format!("{} is there and was not written by labkit; choose another --out", report.display()));
    }
    for (name, text) in reports(result, stem, reproduce) {
        let path = output.out.join(name);
        std::fs::write(&path, text).map_err(|e| cannot(&path, e))?;
    }
    if let Some(path) = &output.junit {
        std::fs::write(path, junit::render(result)).map_err(|e| cannot(path, e))?;
    }
    Ok(report)
}

pub(super) fn show(result: &RunResult, output: &Output, report: &Path) {
    if output.json {
        print::result(&format!("{}\n", result.to_json()));
        return;
    }
    let detail = match (output.quiet, output.verbose) {
        (true, _) => terminal::Detail::Headline,
        (_, true) => terminal::Detail::Full,
        _ => terminal::Detail::Normal,
    };
    print::result(&terminal::render(result, detail, print::coloured(output.color)));
    if !output.quiet {
        print::remark(&format!("report written to {}", report.display()));
    }
}
