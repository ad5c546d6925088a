//! A commit as a [`FileTree`], read from git's objects into memory: nothing is checked out, no filter is run.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use super::files::OPAQUE;
use super::git::{self, Scratch};
use crate::stack::{Entry, EntryKind, FileTree, Files, GitFacts, ReadError};

/// Entries of a commit that are listed.
const ENTRY_BUDGET: usize = 50_000;
/// Bytes of one file that are read.
const SIZE_BUDGET: u64 = 4 << 20;
/// Bytes of one commit that are read.
const WHOLE_BUDGET: u64 = 48 << 20;

/// A commit that was chosen.
#[derive(Debug)]
pub struct Chosen {
    /// Its files, with itself as what git says of them.
    pub tree: FileTree,
    /// When it was committed, Unix time in seconds; what the student's machine said.
    pub committed: i64,
    /// Whether that is after the deadline; none without one.
    pub late: Option<bool>,
}

/// The last commit at or before `until` on the way from `HEAD`; `HEAD` itself without a time, and, marked late, where
/// no commit is early enough. None when git cannot read the repository.
pub fn at(git_dir: &Path, until: Option<i64>) -> Option<Chosen> {
    if !git_dir.symlink_metadata().ok()?.is_dir() {
        return None;
    }
    let head = git::head(git_dir)?;
    let scratch = Scratch::new(git_dir, Some(&head))?;
    let git = |args: &[&str], input: Option<&[u8]>| scratch.git(git_dir, git_dir, args, input);
    let text = |args: &[&str]| git(args, None).map(|out| String::from_utf8_lossy(&out).trim().to_owned());
    let in_time = match until {
        Some(time) => Some(text(&["rev-list", "-1", &format!("--min-age={time}"), &head])?).filter(|c| !c.is_empty()),
        None => None,
    };
    let commit = in_time.unwrap_or(head);
    let committed = text(&["rev-list", "-1", "--format=%ct", &commit])?.lines().last()?.trim().parse().ok()?;
    let listing = git(&["ls-tree", "-r", "-z", "-l", "--full-tree", &commit], None)?;
    let objects = listed(&listing);
    let tracked: BTreeSet<String> = objects.iter().map(|o| o.path.clone()).collect();
    let truncated = objects.len() >= ENTRY_BUDGET;
    let objects = shown(objects);
    let mut left = WHOLE_BUDGET;
    let wanted: BTreeSet<&str> = objects
        .iter()
        .filter(|o| {
            let fits = o.size <= SIZE_BUDGET.min(left);
            left -= if fits { o.size } else { 0 };
            fits && o.mode != SUBMODULE
        })
        .map(|o| o.hash.as_str())
        .collect();
    let names = wanted.iter().fold(String::new(), |all, hash| all + hash + "\n");
    let blobs = match wanted.is_empty() {
        true => BTreeMap::new(),
        false => contents(&git(&["cat-file", "--batch"], Some(names.as_bytes()))?),
    };
    let files = Commit::new(objects, &blobs, truncated);
    let facts = GitFacts { commit: Some(commit), dirty: false, tracked };
    let late = until.map(|time| committed > time);
    Some(Chosen { tree: FileTree::new(Arc::new(files), Some(facts)), committed, late })
}

const LINK: &str = "120000";
const SUBMODULE: &str = "160000";

struct Object {
    mode: String,
    hash: String,
    size: u64,
    path: String,
}

/// `MODE TYPE HASH SIZE\tPATH\0` each.
fn listed(out: &[u8]) -> Vec<Object> {
    out.split(|b| *b == 0)
        .take(ENTRY_BUDGET)
        .filter_map(|record| {
            let record = String::from_utf8_lossy(record);
            let (facts, path) = record.split_once('\t')?;
            let mut facts = facts.split_ascii_whitespace();
            let (mode, _, hash, size) = (facts.next()?, facts.next()?, facts.next()?, facts.next()?);
            Some(Object {
                mode: mode.to_owned(),
                hash: hash.to_owned(),
                size: size.parse().unwrap_or(0),
                path: path.to_owned(),
            })
        })
        .collect()
}

/// Without what lies in tool folders and virtual environments, as a walk through a folder leaves it out.
fn shown(objects: Vec<Object>) -> Vec<Object> {
    let environments: BTreeSet<String> =
        objects.iter().filter_map(|o| o.path.strip_suffix("/pyvenv.cfg")).map(str::to_owned).collect();
    objects
        .into_iter()
        .filter(|o| {
            let ancestors: Vec<&str> = o.path.match_indices('/').map(|(at, _)| &o.path[..at]).collect();
            let tool = ancestors.iter().any(|a| OPAQUE.contains(&a.rsplit('/').next().unwrap_or(a)));
            let inside = ancestors.iter().any(|a| environments.contains(*a));
            !tool && (!inside || o.path.ends_with("/pyvenv.cfg"))
        })
        .collect()
}

/// `HASH TYPE SIZE\n`, the bytes, `\n` each.
fn contents(mut out: &[u8]) -> BTreeMap<String, Arc<[u8]>> {
    let mut found = BTreeMap::new();
    while let Some(end) = out.iter().position(|b| *b == b'\n') {
        let header = String::from_utf8_lossy(&out[..end]).into_owned();
        out = &out[end + 1..];
        let mut words = header.split(' ');
        let (Some(hash), Some("blob"), Some(size)) = (words.next(), words.next(), words.next()) else { continue };
        let Some(bytes) = size.parse().ok().and_then(|n: usize| out.get(..n)) else { break };
        found.insert(hash.to_owned(), bytes.into());
        out = out.get(bytes.len() + 1..).unwrap_or_default();
    }
    found
}

struct Commit {
    entries: Vec<Entry>,
    blobs: BTreeMap<String, Arc<[u8]>>,
    truncated: bool,
}

impl Commit {
    fn new(objects: Vec<Object>, read: &BTreeMap<String, Arc<[u8]>>, truncated: bool) -> Self {
        let mut commit = Self { entries: Vec::with_capacity(objects.len()), blobs: BTreeMap::new(), truncated };
        for object in objects {
            let bytes = read.get(&object.hash);
            let kind = match (object.mode.as_str(), bytes) {
                (LINK, target) => {
                    EntryKind::Symlink(target.map_or_else(String::new, |t| String::from_utf8_lossy(t).into_owned()))
                }
                (SUBMODULE, _) => EntryKind::Dir,
                _ => EntryKind::File,
            };
            if let (EntryKind::File, Some(bytes)) = (&kind, bytes) {
                commit.blobs.insert(object.path.clone(), Arc::clone(bytes));
            }
            let size = if kind == EntryKind::File { object.size } else { 0 };
            commit.entries.push(Entry { path: object.path, kind, size });
        }
        commit
    }
}

impl Files for Commit {
    fn list(&self) -> &[Entry] {
        &self.entries
    }

    fn read(&self, path: &str) -> Result<Arc<[u8]>, ReadError> {
        if let Some(bytes) = self.blobs.get(path) {
            return Ok(Arc::clone(bytes));
        }
        match self.entries.iter().find(|e| e.path == path) {
            Some(entry) => Err(ReadError::TooBig(entry.size)),
            None => Err(ReadError::Missing),
        }
    }

    fn truncated(&self) -> bool {
        self.truncated
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::process::{Command, Stdio};

    use super::*;

    fn git(root: &Path, date: &str, args: &[&str]) {
        let status = Command::new("git")
            .args(["-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"])
            .args(args)
            .current_dir(root)
            .env("GIT_COMMITTER_DATE", date)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        assert!(status.unwrap().success(), "git {args:?}");
    }

    #[test]
    fn the_last_commit_before_the_deadline_is_read_and_a_late_one_marked() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        git(root, "", &["init", "-q"]);
        for (text, date) in [("one", "1700000000 +0000"), ("two", "1700001000 +0000")] {
            fs::create_dir_all(root.join("venv")).unwrap();
            fs::write(root.join("a\nb.txt"), text).unwrap();
            fs::write(root.join("venv/pyvenv.cfg"), "").unwrap();
            fs::write(root.join("venv/junk"), "").unwrap();
            git(root, "", &["add", "."]);
            git(root, date, &["commit", "-q", "-m", text]);
        }
        let read = |until| {
            let chosen = at(&root.join(".git"), until).unwrap();
            (chosen.tree.text("a\nb.txt").unwrap().text().to_owned(), chosen.committed, chosen.late)
        };
        assert_eq!(read(Some(1_700_000_500)), ("one".to_owned(), 1_700_000_000, Some(false)));
        assert_eq!(read(Some(1_700_001_000)), ("two".to_owned(), 1_700_001_000, Some(false)));
        assert_eq!(read(Some(1_600_000_000)), ("two".to_owned(), 1_700_001_000, Some(true)));
        assert_eq!(read(None).2, None);
        let chosen = at(&root.join(".git"), None).unwrap();
        assert!(chosen.tree.entry("venv/junk").is_none() && chosen.tree.entry("venv/pyvenv.cfg").is_some());
        assert!(chosen.tree.git().unwrap().tracked.contains("venv/junk"));
        assert!(at(root, None).is_none());
    }
}
