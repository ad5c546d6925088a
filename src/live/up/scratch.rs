//! A folder of labkit's own beside the student's files: what is changed for a check lies here.

use std::fs;
use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::path::{Path, PathBuf};

/// Bytes of folders that are copied.
const COPY_BUDGET: u64 = 1 << 30;
/// Entries of folders that are copied.
const COPY_ENTRIES: u64 = 50_000;

/// Where a path really leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The path with links followed, as far as it exists.
    pub real: PathBuf,
    /// Whether all of it exists.
    pub exists: bool,
}

impl Place {
    /// Follows a path.
    pub fn of(path: &str) -> Self {
        let path = Path::new(path);
        for (depth, ancestor) in path.ancestors().enumerate() {
            if let Ok(real) = ancestor.canonicalize() {
                let rest = path.strip_prefix(ancestor).unwrap_or(Path::new(""));
                // What is not there is no link; a step upwards from it has been resolved by compose already.
                let real = if depth == 0 { real } else { real.join(rest) };
                return Self { real, exists: depth == 0 };
            }
        }
        Self { real: path.to_owned(), exists: false }
    }
}

/// A number that nobody guesses.
pub fn random() -> u64 {
    RandomState::new().hash_one(0u8)
}

/// The folder. It is removed when it is dropped.
#[derive(Debug)]
pub struct Scratch {
    root: PathBuf,
    made: usize,
    bytes: u64,
    entries: u64,
}

impl Scratch {
    /// Makes the folder.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn new() -> io::Result<Self> {
        let root = std::env::temp_dir().join(format!("labkit-up-{:016x}", random()));
        // Fails when somebody has made it before.
        fs::create_dir(&root)?;
        let root = root.canonicalize()?;
        Ok(Self { root, made: 0, bytes: 0, entries: 0 })
    }

    fn next(&mut self) -> PathBuf {
        self.made += 1;
        self.root.join(self.made.to_string())
    }

    /// Writes a file that containers may read.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn file(&mut self, text: &str) -> io::Result<PathBuf> {
        let path = self.next();
        fs::write(&path, text)?;
        #[cfg(unix)]
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o644))?;
        Ok(path)
    }

    /// Makes an empty folder, as Docker makes one for a mount whose source is missing.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn empty(&mut self) -> io::Result<PathBuf> {
        let path = self.next();
        fs::create_dir(&path)?;
        Ok(path)
    }

    /// Copies a file or folder with its rights; links stay links, and what is neither is left out.
    ///
    /// # Errors
    /// It cannot be read or written, or it is too much.
    pub fn copy(&mut self, from: &Path) -> io::Result<PathBuf> {
        let path = self.next();
        self.copy_to(from, &path)?;
        Ok(path)
    }

    fn copy_to(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let mut open = vec![(from.to_owned(), to.to_owned())];
        while let Some((from, to)) = open.pop() {
            let meta = from.symlink_metadata()?;
            self.entries += 1;
            self.bytes += if meta.is_file() { meta.len() } else { 0 };
            if self.entries > COPY_ENTRIES || self.bytes > COPY_BUDGET {
                return Err(io::Error::other("too much to copy: containers write into a folder of the repository"));
            }
            if meta.is_dir() {
                fs::create_dir(&to)?;
                for entry in fs::read_dir(&from)? {
                    let entry = entry?;
                    open.push((entry.path(), to.join(entry.file_name())));
                }
                fs::set_permissions(&to, meta.permissions())?;
            } else if meta.is_file() {
                fs::copy(&from, &to)?;
            } else if meta.is_symlink() {
                #[cfg(unix)]
                std::os::unix::fs::symlink(fs::read_link(&from)?, &to)?;
                continue;
            } else {
                continue;
            }
            #[cfg(unix)]
            {
                use std::os::unix::fs::MetadataExt as _;
                // Only root may give files away; for others they stay their own.
                let _ = std::os::unix::fs::chown(&to, Some(meta.uid()), Some(meta.gid()));
            }
        }
        Ok(())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Files that containers made may belong to others: then they stay where temporary files are cleaned up.
        let _ = fs::remove_dir_all(&self.root);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_are_apart_and_are_gone_in_the_end() {
        let lab = tempfile::tempdir().expect("a folder");
        fs::create_dir(lab.path().join("data")).expect("made");
        fs::write(lab.path().join("data/grafana.db"), "old").expect("written");
        let mut scratch = Scratch::new().expect("a folder");
        let copy = scratch.copy(&lab.path().join("data")).expect("copied");
        fs::write(copy.join("grafana.db"), "new").expect("written");
        assert_eq!(fs::read_to_string(lab.path().join("data/grafana.db")).expect("there"), "old");
        let text = scratch.file("x").expect("written");
        assert_ne!(text, scratch.empty().expect("made"));
        drop(scratch);
        assert!(!copy.exists() && !text.exists());
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_as_far_as_there_is_something() {
        let lab = tempfile::tempdir().expect("a folder");
        let root = lab.path().canonicalize().expect("there");
        std::os::unix::fs::symlink("/", root.join("out")).expect("linked");
        let of = |path: &str| Place::of(&format!("{}/{path}", root.display()));
        assert_eq!(of("out"), Place { real: "/".into(), exists: true });
        assert_eq!(of("out/none/such"), Place { real: "/none/such".into(), exists: false });
        assert_eq!(of("new/folder"), Place { real: root.join("new/folder"), exists: false });
    }
}
