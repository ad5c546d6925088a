//! A whole batch: which subjects are judged anew, the journal, and the outputs that are made of it at the end.

use std::collections::{HashSet, VecDeque};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;

use super::clone;
use super::journal::{Journal, Known};
use super::names::Stems;
use super::pool::{self, Hire, Outcome};
use super::protocol::{Job, Person, State};
use super::reports;
use super::subjects::{Found, Origin};
use super::worker::{Course, journal_line};

/// File name of the journal.
pub const RESULTS: &str = "results.jsonl";
/// File name of the journal of the batch before.
pub const PREVIOUS: &str = "results.previous.jsonl";
/// Folder for what is needed for a moment.
const SCRATCH: &str = ".scratch";

/// A subject of a batch and whose work it is.
#[derive(Clone, Debug)]
pub struct Subject {
    /// What was found.
    pub found: Found,
    /// Whose work it is; empty without a roster.
    pub people: Vec<Person>,
}

/// How a batch is to be run.
#[derive(Debug)]
pub struct Plan {
    /// How workers are started.
    pub hire: Hire,
    /// How many there are.
    pub workers: usize,
    /// Judge the last commit at or before this Unix time.
    pub deadline: Option<i64>,
    /// Continue an interrupted batch.
    pub resume: bool,
    /// Judge again what has not changed.
    pub force: bool,
}

/// How far a batch is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Subjects of the batch.
    pub subjects: usize,
    /// Judged now.
    pub judged: usize,
    /// Taken over, because nothing has changed or the interrupted batch had judged them.
    pub reused: usize,
    /// Could not be judged.
    pub stopped: usize,
    /// Left, because the batch was interrupted.
    pub left: usize,
}

impl Tally {
    /// Subjects that have a result.
    pub fn finished(&self) -> usize {
        self.judged + self.reused + self.stopped
    }
}

/// Runs a batch; `progress` hears of every subject that ends.
///
/// # Errors
/// The output folder cannot be written.
pub fn run(
    course: &Course,
    plan: &Plan,
    subjects: &[Subject],
    stop: &AtomicBool,
    mut progress: impl FnMut(&Tally, &str),
) -> Result<Tally, String> {
    let out = &plan.hire.setup.out;
    let cannot = |e: std::io::Error| format!("cannot write to {}: {e}", out.display());
    fs::create_dir_all(out).map_err(cannot)?;
    let (mut journal, known) = open_journal(out, plan).map_err(cannot)?;
    let _scratch = Scratch::make(&plan.hire.scratch).map_err(cannot)?;
    let mut tally = Tally { subjects: subjects.len(), ..Tally::default() };
    let mut failure = None;
    let mut queue = VecDeque::new();
    let mut stems = Stems::default();
    for subject in subjects {
        let stem = stems.stem(&subject.found.name);
        let place = known.place(&subject.found.name);
        if plan.resume && place.is_some() {
            tally.reused += 1;
            continue;
        }
        let mut job = job(subject, stem, plan);
        if let Origin::Unreadable(why) = &subject.found.origin {
            let line = reports::refused(&course.lab, &plan.hire.setup, &job, why);
            journal.append(&journal_line(line)).map_err(cannot)?;
            tally.stopped += 1;
            continue;
        }
        job.known = place.filter(|_| !plan.force).map(|p| p.key.clone()).filter(|k| !k.is_empty());
        queue.push_back(job);
    }
    progress(&tally, "");
    let urls: HashSet<String> = subjects
        .iter()
        .filter_map(|s| match &s.found.origin {
            Origin::Url(url) => Some(url.clone()),
            _ => None,
        })
        .collect();
    let clones = plan.hire.scratch.join("clones");
    let prepare = |job: &mut Job| match urls.contains(&job.shown) {
        true => clone::fetch(&job.shown, &clones.join(&job.stem), plan.deadline.is_some(), stop).map(|folder| {
            job.folder = folder.into_os_string();
        }),
        false => Ok(()),
    };
    pool::run(&plan.hire, queue, plan.workers, stop, prepare, |job, outcome| {
        if urls.contains(&job.shown) {
            // Read already; what is left of it at worst is removed with the scratch folder.
            let _ = fs::remove_dir_all(clones.join(&job.stem));
        }
        let line = match outcome {
            Outcome::Judged(line) => {
                tally.judged += 1;
                line
            }
            Outcome::Same => {
                tally.reused += 1;
                match known.place(&job.name).map(|p| known.text(p)) {
                    Some(Ok(line)) => line,
                    _ => journal_line(reports::broken(
                        &course.lab,
                        &plan.hire.setup,
                        &job,
                        "the earlier result could not be read again",
                    )),
                }
            }
            Outcome::Stopped(_) | Outcome::Left if stop.load(Ordering::Relaxed) => {
                tally.left += 1;
                return;
            }
            Outcome::Left => {
                tally.left += 1;
                return;
            }
            Outcome::Stopped(why) => {
                tally.stopped += 1;
                journal_line(reports::refused(&course.lab, &plan.hire.setup, &job, &why))
            }
        };
        if let Err(e) = journal.append(&line) {
            failure = Some(e);
            stop.store(true, Ordering::Relaxed);
        }
        progress(&tally, &job.name);
    });
    tally.left = tally.subjects - tally.finished();
    match failure {
        Some(e) => Err(cannot(e)),
        None => Ok(tally),
    }
}

fn job(subject: &Subject, stem: String, plan: &Plan) -> Job {
    let (folder, state) = match &subject.found.origin {
        Origin::Folder(path) => {
            let whole = path.canonicalize().unwrap_or_else(|_| path.clone());
            (whole.into_os_string(), plan.deadline.map_or(State::WorkingTree, State::Until))
        }
        Origin::Url(_) => (OsString::new(), plan.deadline.map_or(State::Head, State::Until)),
        Origin::Unreadable(_) => (OsString::new(), State::WorkingTree),
    };
    Job {
        name: subject.found.name.clone(),
        shown: subject.found.shown.clone(),
        folder,
        state,
        stem,
        people: subject.people.clone(),
        known: None,
    }
}

/// The journal to append to, and the results that may be taken over.
fn open_journal(out: &Path, plan: &Plan) -> std::io::Result<(Journal, Known)> {
    let (path, previous) = (out.join(RESULTS), out.join(PREVIOUS));
    for p in [&path, &previous] {
        if p.symlink_metadata().is_ok_and(|m| !m.is_file()) {
            return Err(std::io::Error::other(format!("{} is no regular file", p.display())));
        }
    }
    if plan.resume {
        let known = Known::read(&path)?;
        return Ok((Journal::resume(&path, &known)?, known));
    }
    // An interrupted batch may have left fewer results than the one before it: the richer one is kept to reuse.
    if Known::read(&path)?.len() >= Known::read(&previous)?.len() && path.exists() {
        fs::rename(&path, &previous)?;
    }
    Ok((Journal::create(&path)?, Known::read(&previous)?))
}

/// A folder that is removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn make(path: &Path) -> std::io::Result<Self> {
        if path.symlink_metadata().is_ok_and(|m| !m.is_dir()) {
            return Err(std::io::Error::other(format!("{} is no folder", path.display())));
        }
        let _ = fs::remove_dir_all(path);
        fs::create_dir_all(path.join("clones"))?;
        Ok(Self(path.canonicalize()?))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Left behind at worst: it holds nothing that is needed.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The scratch folder of an output folder.
pub fn scratch_in(out: &Path) -> PathBuf {
    out.join(SCRATCH)
}
