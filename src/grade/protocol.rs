//! What a batch and its worker processes say to one another: one JSON document a line.

use std::ffi::OsString;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::report::RunResult;

/// A student, as the roster knows them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Name.
    pub name: String,
    /// Number or login at the school.
    pub id: String,
    /// E-mail address.
    pub email: String,
    /// Group, if the roster has groups.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub group: String,
}

/// What one subject may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Processor time in milliseconds.
    pub cpu_ms: u64,
    /// Time on the clock in milliseconds.
    pub wall_ms: u64,
    /// Bytes of memory above what the worker needs itself.
    pub memory: u64,
}

/// The first line to a worker: everything that holds for all its subjects.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Setup {
    /// The lab as typed.
    pub lab: String,
    /// Folder of labs, if not the built-in ones.
    pub labs: Option<PathBuf>,
    /// Parameters set by the caller.
    pub set: Vec<(String, String)>,
    /// Judge only these criteria; all when empty.
    pub only: Vec<String>,
    /// Folder for reports.
    pub out: PathBuf,
    /// What a subject may use.
    pub limits: Limits,
}

/// Which state of a repository is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// The working tree as it is.
    WorkingTree,
    /// What `HEAD` names.
    Head,
    /// The last commit at or before this Unix time; the working tree where there is no repository.
    Until(i64),
}

/// Every further line to a worker: one subject.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Job {
    /// Its name.
    pub name: String,
    /// The path or address to show.
    pub shown: String,
    /// Its folder, or the folder of a bare repository.
    pub folder: OsString,
    /// Which state.
    pub state: State,
    /// Stem of its report's file name.
    pub stem: String,
    /// Whose work it is.
    pub people: Vec<Person>,
    /// The key of the result there is, if any: with an equal key nothing is judged again.
    pub known: Option<String>,
}

/// What `grade` adds to a result in `results.jsonl`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Grading {
    /// Hash of everything the result depends on.
    pub key: String,
    /// File name of the report.
    pub report: String,
    /// Whose work it is; empty without a roster.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub people: Vec<Person>,
    /// Whether what was judged is from after the deadline; none without a deadline or without a commit.
    pub late: Option<bool>,
    /// Unix time of the judged commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub committed: Option<i64>,
    /// Hashes of the normalised lines of the configuration, for similarity.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub lines: String,
}

/// A line of `results.jsonl`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Line {
    /// The result.
    #[serde(flatten)]
    pub result: RunResult,
    /// What `grade` adds.
    pub grade: Grading,
}

/// A worker's answers: a letter, then for [`RESULT`] the line for the journal.
pub const RESULT: char = 'R';
/// The result there is still holds.
pub const SAME: char = 'S';

/// How a worker ends itself when a subject has used up its processor time.
pub const EXIT_CPU: i32 = 81;
/// How a worker ends itself when a subject has used up its time on the clock.
pub const EXIT_WALL: i32 = 82;
