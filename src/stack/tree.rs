//! A read-only view of a repository: what lies where, how big it is, and its text on demand.
//!
//! The edge (`check::probe`) fills it from a real folder; tests fill it from memory. Links are followed inside the
//! view only: one that leads out of the repository reads as [`ReadError::Outside`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::gitignore::Gitignore;
use super::path;
use crate::text::SourceText;

/// Links followed one after another before a path counts as a loop.
const LINK_BUDGET: usize = 16;

/// What an entry is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A folder.
    Dir,
    /// A symbolic link and what it names, as written.
    Symlink(String),
    /// A pipe, socket or device: never opened.
    Other,
}

/// A path of the repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Relative to the repository's root, parts joined by `/`; bytes that are no UTF-8 are replaced.
    pub path: String,
    /// What it is.
    pub kind: EntryKind,
    /// Size in bytes; 0 for anything but a file.
    pub size: u64,
}

/// Why a path's text cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// Nothing has that path.
    #[error("does not exist")]
    Missing,
    /// It is a folder.
    #[error("is a directory")]
    Directory,
    /// It is a pipe, socket or device.
    #[error("is not a regular file")]
    NotRegular,
    /// A link on the way leads out of the repository.
    #[error("leads out of the repository")]
    Outside,
    /// Links lead in a circle.
    #[error("is a link that leads back to itself")]
    Loop,
    /// More bytes than labkit reads of one file.
    #[error("is too big to read ({0} bytes)")]
    TooBig(u64),
    /// The text is no UTF-8.
    #[error("is not UTF-8 text")]
    NotText,
    /// The operating system refused.
    #[error("cannot be read: {0}")]
    Io(String),
}

/// Where a tree's entries come from.
pub trait Files: Send + Sync {
    /// Every entry, in any order; folders may be left out where a file inside them is listed.
    fn list(&self) -> &[Entry];

    /// The bytes of a regular file, named as [`Files::list`] names it.
    ///
    /// # Errors
    /// The file has gone, is too big, or cannot be read.
    fn read(&self, path: &str) -> Result<Arc<[u8]>, ReadError>;

    /// Whether the listing was cut short because the folder holds too much.
    fn truncated(&self) -> bool {
        false
    }
}

/// What git says of the repository.
#[derive(Clone, Debug, Default)]
pub struct GitFacts {
    /// The commit that is checked out.
    pub commit: Option<String>,
    /// Whether tracked files differ from that commit.
    pub dirty: bool,
    /// Every path in the index.
    pub tracked: BTreeSet<String>,
}

/// A read-only view of a repository. Cheap to clone.
#[derive(Clone)]
pub struct FileTree {
    inner: Arc<Inner>,
}

struct Inner {
    entries: BTreeMap<String, Entry>,
    files: Arc<dyn Files>,
    git: Option<GitFacts>,
    ignore: Gitignore,
}

impl std::fmt::Debug for FileTree {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FileTree({} entries)", self.inner.entries.len())
    }
}

impl FileTree {
    /// A view of `files`, with what git says of them when the folder is a repository.
    pub fn new(files: Arc<dyn Files>, git: Option<GitFacts>) -> Self {
        let mut entries = BTreeMap::new();
        for entry in files.list() {
            for parent in path::ancestors(&entry.path) {
                entries.entry(parent.to_owned()).or_insert_with(|| Entry {
                    path: parent.to_owned(),
                    kind: EntryKind::Dir,
                    size: 0,
                });
            }
            entries.insert(entry.path.clone(), entry.clone());
        }
        let mut ignore = Gitignore::default();
        for (name, entry) in &entries {
            if entry.kind == EntryKind::File
                && path::file_name(name) == ".gitignore"
                && let Ok(bytes) = files.read(name)
            {
                ignore.add(path::parent(name), &String::from_utf8_lossy(&bytes));
            }
        }
        Self { inner: Arc::new(Inner { entries, files, git, ignore }) }
    }

    /// A view of files given as path and text; a path that ends in `/` is an empty folder.
    pub fn in_memory<P: Into<String>, T: Into<Vec<u8>>>(files: impl IntoIterator<Item = (P, T)>) -> Self {
        Self::new(Arc::new(Memory::new(files)), None)
    }

    /// Where its entries come from.
    pub fn source(&self) -> Arc<dyn Files> {
        self.inner.files.clone()
    }

    /// Every entry, ordered by path.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.inner.entries.values()
    }

    /// Every regular file, ordered by path.
    pub fn files(&self) -> impl Iterator<Item = &Entry> {
        self.entries().filter(|e| e.kind == EntryKind::File)
    }

    /// Everything under a folder (not itself), ordered by path; `""` is the root.
    pub fn under<'a>(&'a self, dir: &str) -> impl Iterator<Item = &'a Entry> + use<'a> {
        let prefix = if dir.is_empty() { String::new() } else { format!("{dir}/") };
        let start = prefix.clone();
        self.inner.entries.range(start..).map(|(_, e)| e).take_while(move |e| e.path.starts_with(&prefix))
    }

    /// The entry of exactly that name, links not followed.
    pub fn entry(&self, path: &str) -> Option<&Entry> {
        self.inner.entries.get(path)
    }

    /// The entry a path leads to, links followed inside the repository; `""` is the root and has no entry.
    ///
    /// # Errors
    /// Nothing is there, or a link on the way leads out or in a circle.
    pub fn resolve(&self, path: &str) -> Result<&Entry, ReadError> {
        let mut wanted = path::normalize(path).ok_or(ReadError::Outside)?;
        for _ in 0..LINK_BUDGET {
            let link = path::ancestors(&wanted).chain([wanted.as_str()]).find_map(|p| match self.entry(p) {
                Some(Entry { kind: EntryKind::Symlink(target), .. }) => Some((p, target)),
                _ => None,
            });
            let Some((at, target)) = link else {
                return self.entry(&wanted).ok_or(ReadError::Missing);
            };
            if target.starts_with('/') {
                return Err(ReadError::Outside);
            }
            let rest = &wanted[at.len()..];
            let followed = format!("{}/{target}{rest}", path::parent(at));
            wanted = path::normalize(followed.trim_start_matches('/')).ok_or(ReadError::Outside)?;
            if wanted.is_empty() {
                return Err(ReadError::Directory);
            }
        }
        Err(ReadError::Loop)
    }

    /// Whether a regular file is there, links followed.
    pub fn is_file(&self, path: &str) -> bool {
        self.resolve(path).is_ok_and(|e| e.kind == EntryKind::File)
    }

    /// Whether a folder is there, links followed; the root is one.
    pub fn is_dir(&self, path: &str) -> bool {
        path::normalize(path).is_some_and(|p| p.is_empty())
            || self.resolve(path).is_ok_and(|e| e.kind == EntryKind::Dir)
    }

    /// Whether anything is there, links followed.
    pub fn exists(&self, path: &str) -> bool {
        self.is_dir(path) || self.resolve(path).is_ok()
    }

    /// The bytes of a file, links followed inside the repository.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn read(&self, path: &str) -> Result<Arc<[u8]>, ReadError> {
        let entry = self.resolve(path)?;
        match entry.kind {
            EntryKind::File => self.inner.files.read(&entry.path),
            EntryKind::Dir => Err(ReadError::Directory),
            EntryKind::Symlink(_) | EntryKind::Other => Err(ReadError::NotRegular),
        }
    }

    /// The text of a file, named by the path it was asked for; a byte order mark is kept.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn text(&self, path: &str) -> Result<SourceText, ReadError> {
        let bytes = self.read(path)?;
        let text = std::str::from_utf8(&bytes).map_err(|_| ReadError::NotText)?;
        Ok(SourceText::new(path::normalize(path).unwrap_or_default(), text))
    }

    /// What git says, when the folder is a repository.
    pub fn git(&self) -> Option<&GitFacts> {
        self.inner.git.as_ref()
    }

    /// Whether git tracks the path, or something under it when it is a folder; `None` outside a repository.
    pub fn is_tracked(&self, path: &str) -> Option<bool> {
        let tracked = &self.git()?.tracked;
        let prefix = format!("{path}/");
        Some(tracked.contains(path) || tracked.range(prefix.clone()..).next().is_some_and(|p| p.starts_with(&prefix)))
    }

    /// Whether the `.gitignore` files of the tree exclude a path, there or not (git's rules; the index not asked).
    pub fn is_ignored(&self, path: &str, is_dir: bool) -> bool {
        self.inner.ignore.ignores(path, is_dir)
    }

    /// Whether the listing was cut short.
    pub fn truncated(&self) -> bool {
        self.inner.files.truncated()
    }
}

/// Files held in memory.
#[derive(Debug, Default)]
struct Memory {
    entries: Vec<Entry>,
    bytes: BTreeMap<String, Arc<[u8]>>,
}

impl Memory {
    fn new<P: Into<String>, T: Into<Vec<u8>>>(files: impl IntoIterator<Item = (P, T)>) -> Self {
        let mut memory = Self::default();
        for (name, text) in files {
            let (name, text) = (name.into(), text.into());
            if let Some(dir) = name.strip_suffix('/') {
                memory.entries.push(Entry { path: dir.to_owned(), kind: EntryKind::Dir, size: 0 });
            } else if let Some((from, to)) = name.split_once(" -> ") {
                let kind = EntryKind::Symlink(to.to_owned());
                memory.entries.push(Entry { path: from.to_owned(), kind, size: 0 });
            } else {
                memory.entries.push(Entry { path: name.clone(), kind: EntryKind::File, size: text.len() as u64 });
                memory.bytes.insert(name, text.into());
            }
        }
        memory
    }
}

impl Files for Memory {
    fn list(&self) -> &[Entry] {
        &self.entries
    }

    fn read(&self, path: &str) -> Result<Arc<[u8]>, ReadError> {
        self.bytes.get(path).cloned().ok_or(ReadError::Missing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> FileTree {
        FileTree::in_memory([
            ("lab/prometheus.yml", "global: {}\n"),
            ("lab/link.yml -> prometheus.yml", ""),
            ("lab/out -> ../../etc", ""),
            ("abs -> /etc/passwd", ""),
            ("a -> b", ""),
            ("b -> a", ""),
            ("dir -> lab", ""),
            ("empty/", ""),
            ("binary", "\u{0}"),
            (".gitignore", "secret\n"),
        ])
    }

    #[test]
    fn links_are_followed_inside_the_repository_only() {
        let tree = tree();
        assert_eq!(tree.text("lab/link.yml").unwrap().text(), "global: {}\n");
        assert_eq!(tree.text("dir/link.yml").unwrap().text(), "global: {}\n");
        assert_eq!(tree.read("lab/out/passwd").unwrap_err(), ReadError::Outside);
        assert_eq!(tree.read("abs").unwrap_err(), ReadError::Outside);
        assert_eq!(tree.read("a").unwrap_err(), ReadError::Loop);
        assert_eq!(tree.read("../x").unwrap_err(), ReadError::Outside);
    }

    #[test]
    fn folders_exist_without_being_listed() {
        let tree = tree();
        assert!(tree.is_dir("lab") && tree.is_dir("dir") && tree.is_dir("") && tree.is_dir("empty/"));
        assert!(!tree.is_file("lab") && tree.is_file("./lab/../lab/prometheus.yml"));
        assert_eq!(tree.read("lab").unwrap_err(), ReadError::Directory);
        assert_eq!(tree.under("lab").count(), 3);
    }

    #[test]
    fn ignore_files_of_the_tree_are_honoured() {
        assert!(tree().is_ignored("lab/secret", false));
        assert!(!tree().is_ignored("lab/prometheus.yml", false));
        assert_eq!(tree().is_tracked("lab"), None);
    }
}
