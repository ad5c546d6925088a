//! A hash of everything a result depends on, so that what has not changed is not judged again.

use std::fmt::Write as _;

use md5::{Digest, Md5};

use super::protocol::{Job, Setup};
use crate::lab::LabFiles;
use crate::stack::{EntryKind, FileTree};

/// Files up to this size count with their content, bigger ones with their size.
const READ_WHOLE: u64 = 1 << 20;
/// Bytes of content that are hashed of one repository; what lies behind them counts with its size.
const READ_IN_ALL: u64 = 64 << 20;

/// Hash of the lab: manifest, scripts, starter, parameters, choice of criteria, and labkit's version.
pub fn lab_key(files: &LabFiles, setup: &Setup) -> String {
    let mut hash = Hash::default();
    hash.add(env!("CARGO_PKG_VERSION").as_bytes());
    hash.add(files.manifest.as_bytes());
    for (name, text) in &files.checks {
        hash.add(name.as_bytes());
        hash.add(text.as_bytes());
    }
    for (name, bytes) in &files.starter {
        hash.add(name.as_bytes());
        hash.add(bytes);
    }
    for (name, value) in &setup.set {
        hash.add(name.as_bytes());
        hash.add(value.as_bytes());
    }
    hash.add(setup.only.join(",").as_bytes());
    hash.hex()
}

/// Hash of a subject: its files, what git says of them, whose they are, and the lab.
pub fn subject_key(lab: &str, job: &Job, tree: &FileTree) -> String {
    let mut hash = Hash::default();
    hash.add(lab.as_bytes());
    hash.add(format!("{:?} {:?}", job.state, job.people).as_bytes());
    if let Some(git) = tree.git() {
        hash.add(git.commit.as_deref().unwrap_or("none").as_bytes());
        hash.add(&[u8::from(git.dirty)]);
        for path in &git.tracked {
            hash.add(path.as_bytes());
        }
    }
    let mut left = READ_IN_ALL;
    for entry in tree.entries() {
        hash.add(entry.path.as_bytes());
        match &entry.kind {
            EntryKind::File => {
                hash.add(&entry.size.to_le_bytes());
                if entry.size <= READ_WHOLE.min(left) {
                    left -= entry.size;
                    match tree.read(&entry.path) {
                        Ok(bytes) => hash.add(&bytes),
                        Err(e) => hash.add(e.to_string().as_bytes()),
                    }
                }
            }
            EntryKind::Symlink(target) => hash.add(target.as_bytes()),
            EntryKind::Dir => hash.add(b"dir"),
            EntryKind::Other => hash.add(b"other"),
        }
    }
    hash.hex()
}

#[derive(Default)]
struct Hash(Md5);

impl Hash {
    /// Adds a part; its length goes first so that parts cannot run into one another.
    fn add(&mut self, part: &[u8]) {
        self.0.update((part.len() as u64).to_le_bytes());
        self.0.update(part);
    }

    fn hex(self) -> String {
        self.0.finalize().iter().fold(String::with_capacity(32), |mut out, b| {
            let _ = write!(out, "{b:02x}");
            out
        })
    }
}
