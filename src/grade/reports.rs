//! The report of one subject on disk, and results for subjects that could not be judged.

use std::fs;
use std::path::{Path, PathBuf};

use super::protocol::{Grading, Job, Line, Setup};
use crate::check::acceptance;
use crate::lab::Lab;
use crate::report::{Blame, MARKER, RunResult, Subject, markdown, svg};

/// The file name of a subject's report.
pub fn file_name(job: &Job) -> String {
    format!("{}.md", job.stem)
}

/// Whether the report of an earlier run is still there.
pub fn is_there(setup: &Setup, job: &Job) -> bool {
    is_ours(&setup.out.join(file_name(job)))
}

fn is_ours(path: &Path) -> bool {
    let mut start = vec![0; MARKER.len()];
    let regular = path.symlink_metadata().is_ok_and(|m| m.is_file());
    regular
        && fs::File::open(path).and_then(|mut f| std::io::Read::read_exact(&mut f, &mut start)).is_ok()
        && start == MARKER.as_bytes()
}

/// Writes the Markdown report and its picture.
///
/// # Errors
/// A file cannot be written, or is there and was not written by labkit.
pub fn write(result: &RunResult, setup: &Setup, job: &Job) -> Result<(), String> {
    let report = setup.out.join(file_name(job));
    let picture = result.timeline.as_ref().map(|t| (format!("{}.svg", job.stem), svg::timeline(t)));
    let options = markdown::Options {
        picture: picture.as_ref().map(|(name, _)| name.clone()),
        reproduce: format!("labkit run {} --repo {}", setup.lab, shell_word(&job.shown)),
    };
    if let Some((name, text)) = picture {
        put(&setup.out.join(name), &text)?;
    }
    if report.symlink_metadata().is_ok() && !is_ours(&report) {
        return Err(format!("{} is there and was not written by labkit; choose another --out", report.display()));
    }
    put(&report, &markdown::render(result, &options))
}

/// Writes a file that is none yet or a regular one: never through a link.
///
/// # Errors
/// It is something else, or cannot be written.
pub fn put(path: &Path, text: &str) -> Result<(), String> {
    if path.symlink_metadata().is_ok_and(|m| !m.is_file()) {
        return Err(format!("{} is no regular file; choose another --out", path.display()));
    }
    fs::write(path, text).map_err(|e| format!("cannot write {}: {e}", path.display()))
}

/// Replaces a file as a whole: a reader sees the old text or the new one.
///
/// # Errors
/// It cannot be written.
pub fn replace(path: &Path, text: &str) -> Result<(), String> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside: PathBuf = path.with_file_name(format!(".{name}.new"));
    put(&beside, text)?;
    fs::rename(&beside, path).map_err(|e| format!("cannot write {}: {e}", path.display()))
}

/// The result of a subject that labkit itself broke on.
pub fn broken(lab: &Lab, setup: &Setup, job: &Job, what: &str) -> Line {
    let result = acceptance::broken(lab, subject(job), what);
    finished(result, setup, job)
}

/// The result of a subject that could not be judged, and why.
pub fn refused(lab: &Lab, setup: &Setup, job: &Job, why: &str) -> Line {
    let mut result = acceptance::broken(lab, subject(job), why);
    for c in &mut result.criteria {
        c.reason = format!("could not be judged: {why}");
        c.hint = "look at the repository by hand; no point is lost by this and no other subject is touched".to_owned();
        c.blame = Blame::Environment;
    }
    finished(result, setup, job)
}

fn subject(job: &Job) -> Subject {
    Subject { name: job.name.clone(), path: job.shown.clone(), commit: None, dirty: false }
}

fn finished(result: RunResult, setup: &Setup, job: &Job) -> Line {
    let written = write(&result, setup, job).is_ok();
    let report = if written { file_name(job) } else { String::new() };
    // No key: what could not be judged is tried again by the next batch.
    let grade = Grading { key: String::new(), report, people: job.people.clone(), ..Grading::default() };
    Line { result, grade }
}

fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,@".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}
