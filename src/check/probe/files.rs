//! A real folder as a [`FileTree`]: walked once without following a link, read on demand, within budgets.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::git;
use crate::stack::{Entry, EntryKind, FileTree, Files, ReadError};

/// Entries a walk lists before it stops.
const ENTRY_BUDGET: usize = 50_000;
/// Bytes read of one file.
const SIZE_BUDGET: u64 = 16 << 20;
/// Folders whose inside says nothing about a lab; they are listed, their content is not.
pub(super) const OPAQUE: [&str; 5] = [".git", "node_modules", "site-packages", "__pycache__", ".terraform"];

/// A folder that has been walked.
#[derive(Debug)]
pub struct Folder {
    root: PathBuf,
    entries: Vec<Entry>,
    truncated: bool,
}

/// Views a folder as a tree, with what git says of it when it is a repository of its own.
///
/// # Errors
/// The folder cannot be read.
pub fn open(root: &Path) -> std::io::Result<FileTree> {
    let folder = Folder::walk(root)?;
    let git = git::facts(&folder.root);
    Ok(FileTree::new(Arc::new(folder), git))
}

impl Folder {
    /// Lists everything under `root`.
    ///
    /// # Errors
    /// `root` itself cannot be read; folders below that cannot be read are left out.
    pub fn walk(root: &Path) -> std::io::Result<Self> {
        let root = root.canonicalize()?;
        let mut folder = Self { entries: Vec::new(), truncated: false, root };
        let first = fs::read_dir(&folder.root)?;
        let mut open = vec![(String::new(), first)];
        while let Some((prefix, dir)) = open.pop() {
            for item in dir.flatten() {
                if folder.entries.len() >= ENTRY_BUDGET {
                    folder.truncated = true;
                    return Ok(folder);
                }
                let Some(name) = item.file_name().to_str().map(str::to_owned) else { continue };
                let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}/{name}") };
                let Ok(meta) = item.path().symlink_metadata() else { continue };
                let (kind, size) = if meta.is_dir() {
                    if !is_opaque(&item.path(), &name) {
                        if let Ok(inside) = fs::read_dir(item.path()) {
                            open.push((path.clone(), inside));
                        }
                    } else if item.path().join("pyvenv.cfg").is_file() {
                        // The mark of a virtual environment stays visible.
                        let mark = format!("{path}/pyvenv.cfg");
                        folder.entries.push(Entry { path: mark, kind: EntryKind::Other, size: 0 });
                    }
                    (EntryKind::Dir, 0)
                } else if meta.is_symlink() {
                    let target = fs::read_link(item.path()).unwrap_or_default();
                    (EntryKind::Symlink(target.to_string_lossy().into_owned()), 0)
                } else if meta.is_file() {
                    (EntryKind::File, meta.len())
                } else {
                    (EntryKind::Other, 0)
                };
                folder.entries.push(Entry { path, kind, size });
            }
        }
        Ok(folder)
    }
}

/// Whether a folder is listed without its content: tool folders, and virtual environments under any name.
fn is_opaque(path: &Path, name: &str) -> bool {
    OPAQUE.contains(&name) || path.join("pyvenv.cfg").symlink_metadata().is_ok_and(|m| m.is_file())
}

impl Files for Folder {
    fn list(&self) -> &[Entry] {
        &self.entries
    }

    fn read(&self, path: &str) -> Result<Arc<[u8]>, ReadError> {
        let io = |e: std::io::Error| match e.kind() {
            std::io::ErrorKind::NotFound => ReadError::Missing,
            kind => ReadError::Io(kind.to_string()),
        };
        let full = self.root.join(path);
        // Looked at again before opening: a pipe would block for ever.
        let meta = full.symlink_metadata().map_err(io)?;
        if !meta.is_file() {
            return Err(ReadError::NotRegular);
        }
        if meta.len() > SIZE_BUDGET {
            return Err(ReadError::TooBig(meta.len()));
        }
        let mut bytes = Vec::with_capacity(usize::try_from(meta.len()).unwrap_or(0));
        fs::File::open(&full).map_err(io)?.take(SIZE_BUDGET + 1).read_to_end(&mut bytes).map_err(io)?;
        if bytes.len() as u64 > SIZE_BUDGET {
            return Err(ReadError::TooBig(bytes.len() as u64));
        }
        Ok(bytes.into())
    }

    fn truncated(&self) -> bool {
        self.truncated
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn links_pipes_and_odd_names_do_no_harm() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("repo");
        fs::create_dir_all(root.join("lab/venv/bin")).unwrap();
        fs::write(root.join("lab/venv/pyvenv.cfg"), "home = /usr").unwrap();
        fs::write(root.join("lab/venv/bin/activate"), "").unwrap();
        fs::write(root.join("two\nlines.yml"), "a: 1").unwrap();
        fs::write(dir.path().join("outside"), "secret").unwrap();
        std::os::unix::fs::symlink("../outside", root.join("leak")).unwrap();
        std::os::unix::fs::symlink(".", root.join("circle")).unwrap();
        let made = std::process::Command::new("mkfifo").arg(root.join("pipe")).status();
        let tree = open(&root).unwrap();
        assert_eq!(tree.text("two\nlines.yml").unwrap().text(), "a: 1");
        assert_eq!(tree.read("leak").unwrap_err(), ReadError::Outside);
        assert!(tree.entry("lab/venv/bin/activate").is_none() && tree.entry("lab/venv/pyvenv.cfg").is_some());
        assert_eq!(tree.entry("circle/circle"), None);
        if made.is_ok_and(|s| s.success()) {
            assert_eq!(tree.read("pipe").unwrap_err(), ReadError::NotRegular);
        }
    }

    #[test]
    fn a_file_past_the_budget_is_told_by_its_size() {
        let dir = tempfile::tempdir().unwrap();
        fs::File::create(dir.path().join("big")).unwrap().set_len(SIZE_BUDGET + 1).unwrap();
        let tree = open(dir.path()).unwrap();
        assert_eq!(tree.read("big").unwrap_err(), ReadError::TooBig(SIZE_BUDGET + 1));
    }
}
