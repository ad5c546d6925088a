//! From a check to its bundle.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Manifest, Repository, SCHEMA, archive, readable};
use crate::check::live_world::{Called, State};
use crate::check::probe::tape::Line;
use crate::report::{RunResult, Subject};
use crate::stack::{Entry, FileTree, Files, GitFacts, ReadError};
use crate::text::mask_secrets;

/// Bytes of a repository's files that are kept.
const MAX_KEPT: usize = 32 * 1024 * 1024;
/// What stands for a webhook's address in a file: one that every program takes for an address.
const WEBHOOK: &str = "https://discord.com/api/webhooks/000000000000000000/hidden";

/// A repository's files, watched: what is read of them is kept, without secrets, and read that way.
pub struct Watched {
    files: Arc<dyn Files>,
    read: Mutex<BTreeMap<String, Arc<[u8]>>>,
}

impl Watched {
    /// Watches these files.
    pub fn new(files: Arc<dyn Files>) -> Arc<Self> {
        Arc::new(Self { files, read: Mutex::default() })
    }

    fn kept(&self) -> Vec<(String, Arc<[u8]>)> {
        let read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let mut room = MAX_KEPT;
        read.iter()
            .filter(|(name, bytes)| {
                let fits = archive::has_room(&in_archive(name)) && bytes.len() <= room;
                room -= if fits { bytes.len() } else { 0 };
                fits
            })
            .map(|(name, bytes)| (name.clone(), bytes.clone()))
            .collect()
    }
}

/// Where a file of the repository is in the bundle.
pub(super) fn in_archive(path: &str) -> String {
    format!("repository/{path}")
}

/// A file without secrets: addresses stay addresses.
fn clean(bytes: Arc<[u8]>) -> Arc<[u8]> {
    let Ok(text) = std::str::from_utf8(&bytes) else { return bytes };
    let masked = mask_secrets(text).replace("https://discord.com/api/webhooks/…/•••", WEBHOOK);
    if masked == text { bytes } else { masked.into_bytes().into() }
}

impl Files for Watched {
    fn list(&self) -> &[Entry] {
        self.files.list()
    }

    fn read(&self, path: &str) -> Result<Arc<[u8]>, ReadError> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bytes) = read.get(path) {
            return Ok(bytes.clone());
        }
        let bytes = clean(self.files.read(path)?);
        read.insert(path.to_owned(), bytes.clone());
        Ok(bytes)
    }

    fn truncated(&self) -> bool {
        self.files.truncated()
    }
}

impl Repository {
    /// What lies in a tree.
    fn of(tree: &FileTree) -> Self {
        Self {
            entries: tree.entries().map(Into::into).collect(),
            git: tree.git().map(|facts: &GitFacts| facts.into()),
            truncated: tree.truncated(),
        }
    }
}

/// What goes into a bundle.
pub struct Contents<'a> {
    /// How the check was called.
    pub called: &'a Called,
    /// Whose work it is.
    pub subject: &'a Subject,
    /// The observations, and whether they are all.
    pub lines: (Vec<Line>, bool),
    /// The repository with what was read of it.
    pub repository: Option<(&'a FileTree, &'a Watched)>,
    /// What an interrupted run had judged before.
    pub resumed: Option<&'a State>,
    /// What was seen.
    pub state: &'a State,
    /// The verdicts.
    pub result: &'a RunResult,
    /// The report, with its picture.
    pub report: Vec<(String, String)>,
}

/// Packs a bundle.
pub fn write(contents: &Contents<'_>) -> Vec<u8> {
    let manifest = Manifest {
        schema: SCHEMA.to_owned(),
        labkit: env!("CARGO_PKG_VERSION").to_owned(),
        called: contents.called.clone(),
        subject: contents.subject.clone(),
        whole: contents.lines.1,
        repository: contents.repository.map(|(tree, _)| Repository::of(tree)),
    };
    let json = |value: &dyn erased::Json| value.pretty().into_bytes();
    let mut files = vec![("manifest.json".to_owned(), json(&manifest))];
    let mut tape = Vec::new();
    for line in &contents.lines.0 {
        // What cannot be written as JSON cannot have been read as such.
        tape.extend(serde_json::to_vec(line).unwrap_or_default());
        tape.push(b'\n');
    }
    files.push(("observations.jsonl".to_owned(), tape));
    if let Some(resumed) = contents.resumed {
        files.push(("resumed.json".to_owned(), json(resumed)));
    }
    files.push(("result.json".to_owned(), contents.result.to_json().into_bytes()));
    files.extend(contents.report.iter().map(|(name, text)| (name.clone(), text.clone().into_bytes())));
    files.extend(readable::files(&contents.lines.0, contents.state));
    if let Some((_, watched)) = contents.repository {
        files.extend(watched.kept().into_iter().map(|(name, bytes)| (in_archive(&name), bytes.to_vec())));
    }
    archive::pack(&files)
}

/// Writing values of several types the same way.
mod erased {
    pub trait Json {
        fn pretty(&self) -> String;
    }

    impl<T: serde::Serialize> Json for T {
        fn pretty(&self) -> String {
            serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_of_files_are_not_kept_and_addresses_stay_addresses() {
        let bytes = b"webhook_url: https://discord.com/api/webhooks/12/abc-DEF\npassword: hunter2\n".to_vec();
        let text = String::from_utf8(clean(bytes.into()).to_vec()).expect("text");
        assert_eq!(text, format!("webhook_url: {WEBHOOK}\npassword: •••\n"));
    }
}
