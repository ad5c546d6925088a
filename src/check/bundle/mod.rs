//! The evidence of a check in one file: a packed archive with everything that was observed, from which the same verdicts
//! follow without the machines, and the same in forms that people read.
//!
//! A bundle comes from anybody: it is read within budgets, its names are looked up and never become paths.

mod archive;
mod read;
mod readable;
mod write;

pub use read::{Bundle, read};
pub use write::{Contents, Watched, write};

use serde::{Deserialize, Serialize};

use super::live_world::Called;
use crate::report::Subject;
use crate::stack::{Entry, EntryKind, GitFacts};

/// The form of a bundle.
pub const SCHEMA: &str = "labkit/bundle/v1";

/// What the bundle is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// [`SCHEMA`]
    pub schema: String,
    /// The labkit that made it.
    pub labkit: String,
    /// How the check was called.
    pub called: Called,
    /// Whose work it is.
    pub subject: Subject,
    /// Whether everything was kept.
    pub whole: bool,
    /// The repository, when one was named.
    pub repository: Option<Repository>,
}

/// What lies in a repository; the files that were read are in the bundle.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Repository {
    entries: Vec<Listed>,
    git: Option<Git>,
    truncated: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Listed {
    path: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    link: Option<String>,
    kind: Kind,
    size: u64,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    File,
    Dir,
    Link,
    Other,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Git {
    commit: Option<String>,
    dirty: bool,
    tracked: Vec<String>,
}

impl From<&Entry> for Listed {
    fn from(entry: &Entry) -> Self {
        let (kind, link) = match &entry.kind {
            EntryKind::File => (Kind::File, None),
            EntryKind::Dir => (Kind::Dir, None),
            EntryKind::Symlink(to) => (Kind::Link, Some(to.clone())),
            EntryKind::Other => (Kind::Other, None),
        };
        Self { path: entry.path.clone(), link, kind, size: entry.size }
    }
}

impl From<Listed> for Entry {
    fn from(listed: Listed) -> Self {
        let kind = match listed.kind {
            Kind::File => EntryKind::File,
            Kind::Dir => EntryKind::Dir,
            Kind::Link => EntryKind::Symlink(listed.link.unwrap_or_default()),
            Kind::Other => EntryKind::Other,
        };
        Self { path: listed.path, kind, size: listed.size }
    }
}

impl From<&GitFacts> for Git {
    fn from(facts: &GitFacts) -> Self {
        Self { commit: facts.commit.clone(), dirty: facts.dirty, tracked: facts.tracked.iter().cloned().collect() }
    }
}

impl From<Git> for GitFacts {
    fn from(git: Git) -> Self {
        Self { commit: git.commit, dirty: git.dirty, tracked: git.tracked.into_iter().collect() }
    }
}
