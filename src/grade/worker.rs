//! A worker process: judges one subject after another, writes each one's report, and answers with its result.
//!
//! It ends itself when a subject uses up its time; the batch then starts another one. Panics are caught per subject.

use std::fs;
use std::io::{self, BufRead, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::content_key::{lab_key, subject_key};
use super::limits;
use super::protocol::{EXIT_CPU, EXIT_WALL, Grading, Job, Limits, Line, RESULT, SAME, Setup, State};
use super::reports;
use super::similarity;
use crate::check::Check;
use crate::check::acceptance::{self, Memory, Request};
use crate::check::probe::{commit, files};
use crate::lab::{Lab, LabFiles};
use crate::report::Subject;
use crate::stack::FileTree;

/// Stack of the thread that judges: deep but legal files must not end a worker.
const STACK: usize = 32 << 20;
/// How often the watchdog looks at the clocks.
const LOOK: Duration = Duration::from_millis(10);
/// Longest line of the journal; a result that is longer loses its evidence.
const LONGEST_LINE: usize = 2 << 20;

/// A lab, ready to judge with.
#[derive(Debug)]
pub struct Course {
    /// The lab.
    pub lab: Lab,
    /// Its scripts.
    pub checks: Vec<Check>,
    /// Its files.
    pub files: LabFiles,
}

/// Judges every job of `input` until it ends, with an answer each on `output`.
///
/// # Errors
/// The batch has gone away.
pub fn serve(course: &Course, setup: &Setup, input: impl BufRead + Send, output: impl Write + Send) -> io::Result<()> {
    let watch = Watch::start(setup.limits);
    let key = lab_key(&course.files, setup);
    std::thread::scope(|scope| {
        let judge = || serve_all(course, setup, &key, &watch, input, output);
        let thread = std::thread::Builder::new().name("judge".into()).stack_size(STACK).spawn_scoped(scope, judge)?;
        thread.join().unwrap_or_else(|_| Err(io::Error::other("the worker broke down")))
    })
}

fn serve_all(
    course: &Course,
    setup: &Setup,
    key: &str,
    watch: &Watch,
    input: impl BufRead,
    mut output: impl Write,
) -> io::Result<()> {
    let cpu = Duration::from_millis(setup.limits.cpu_ms);
    let memory = Memory::default();
    for line in input.lines() {
        let job: Job = serde_json::from_str(&line?).map_err(io::Error::other)?;
        limits::bound(cpu, setup.limits.memory);
        watch.begin();
        let answer = answer(course, setup, (key, &memory), &job);
        watch.end();
        writeln!(output, "{answer}")?;
        output.flush()?;
    }
    Ok(())
}

fn answer(course: &Course, setup: &Setup, (lab_key, memory): (&str, &Memory), job: &Job) -> String {
    let opened = match catch_unwind(AssertUnwindSafe(|| open(job))) {
        Ok(Ok(opened)) => opened,
        Ok(Err(why)) => return told(reports::refused(&course.lab, setup, job, &why)),
        Err(panic) => return told(reports::broken(&course.lab, setup, job, &panic_text(panic.as_ref()))),
    };
    let key = subject_key(lab_key, job, &opened.tree);
    if job.known.as_deref() == Some(&key) && reports::is_there(setup, job) {
        return SAME.to_string();
    }
    let attempt = catch_unwind(AssertUnwindSafe(|| {
        let subject = opened.subject(job);
        let request = Request {
            lab: &course.lab,
            checks: &course.checks,
            starter: &course.files.starter,
            tree: &opened.tree,
            subject,
            only: &setup.only,
        };
        (acceptance::run_remembering(&request, memory), similarity::fingerprint(&opened.tree))
    }));
    let (result, lines) = match attempt {
        Ok(judged) => judged,
        Err(panic) => return told(reports::broken(&course.lab, setup, job, &panic_text(panic.as_ref()))),
    };
    let grade = Grading {
        key,
        report: reports::file_name(job),
        people: job.people.clone(),
        late: opened.late,
        committed: opened.committed,
        lines,
    };
    match reports::write(&result, setup, job) {
        Ok(()) => told(Line { result, grade }),
        Err(why) => told(reports::refused(&course.lab, setup, job, &why)),
    }
}

fn told(line: Line) -> String {
    format!("{RESULT}{}", journal_line(line))
}

/// The line of a result, without its evidence when that is too much.
pub fn journal_line(mut line: Line) -> String {
    let text = serde_json::to_string(&line).expect("a result is plain data");
    if text.len() <= LONGEST_LINE {
        return text;
    }
    let shorten = |text: &mut String| {
        if let Some((at, _)) = text.char_indices().nth(2000) {
            text.truncate(at);
        }
    };
    line.result.diagnostics.truncate(20);
    for d in &mut line.result.diagnostics {
        shorten(&mut d.message);
        d.rendered = None;
    }
    line.result.advice.truncate(50);
    for c in &mut line.result.criteria {
        c.evidence.clear();
        shorten(&mut c.reason);
    }
    serde_json::to_string(&line).expect("a result is plain data")
}

struct Opened {
    tree: FileTree,
    late: Option<bool>,
    committed: Option<i64>,
}

impl Opened {
    fn subject(&self, job: &Job) -> Subject {
        let (commit, dirty) = self.tree.git().map_or((None, false), |g| (g.commit.clone(), g.dirty));
        Subject { name: job.name.clone(), path: job.shown.clone(), commit, dirty }
    }
}

fn open(job: &Job) -> Result<Opened, String> {
    let folder = Path::new(&job.folder);
    let meta = fs::symlink_metadata(folder).map_err(|e| format!("the folder cannot be read: {e}"))?;
    if !meta.is_dir() && !meta.is_symlink() {
        return Err("is no folder".to_owned());
    }
    let chosen = match job.state {
        State::WorkingTree => None,
        State::Head => Some(commit::at(folder, None).ok_or("the clone has no commit that git can read")?),
        State::Until(time) => commit::at(&folder.join(".git"), Some(time)),
    };
    if let Some(chosen) = chosen {
        let late = chosen.late;
        return Ok(Opened { tree: chosen.tree, late, committed: Some(chosen.committed) });
    }
    let tree = files::open(folder).map_err(|e| format!("the folder cannot be read: {e}"))?;
    Ok(Opened { tree, late: None, committed: None })
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()))
        .unwrap_or_else(|| "unknown panic".to_owned())
}

/// Ends the process when the subject in hand has used up its time.
struct Watch {
    current: Arc<Mutex<Option<Begun>>>,
}

#[derive(Clone, Copy)]
struct Begun {
    at: Instant,
    cpu: Option<Duration>,
}

impl Watch {
    fn start(limits: Limits) -> Self {
        let current = Arc::new(Mutex::new(None::<Begun>));
        let seen = Arc::clone(&current);
        std::thread::spawn(move || {
            loop {
                std::thread::sleep(LOOK);
                // The lock is held while ending, so that no answer goes out for a subject that is over its time.
                let begun = seen.lock().unwrap_or_else(PoisonError::into_inner);
                let Some(begun) = *begun else { continue };
                let used = begun.cpu.zip(limits::cpu_used()).map(|(from, to)| to.saturating_sub(from));
                if used.is_some_and(|u| u > Duration::from_millis(limits.cpu_ms)) {
                    std::process::exit(EXIT_CPU);
                }
                if begun.at.elapsed() > Duration::from_millis(limits.wall_ms) {
                    std::process::exit(EXIT_WALL);
                }
            }
        });
        Self { current }
    }

    fn begin(&self) {
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(Begun { at: Instant::now(), cpu: limits::cpu_used() });
    }

    fn end(&self) {
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
