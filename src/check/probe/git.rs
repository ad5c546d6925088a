//! What git says of a repository: commit, tracked paths, whether tracked files changed.
//!
//! A repository's own settings may name programs (filters, monitors, hooks). So git never sees them: it is started on
//! a scratch directory that holds a copy of the index and a bare `HEAD`, with only the objects borrowed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::stack::GitFacts;

/// How long one call of git may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// Bytes that git may print.
const OUTPUT_BUDGET: u64 = 96 << 20;
/// Bytes of an index that are copied.
const INDEX_BUDGET: u64 = 64 << 20;

/// The facts of the repository whose working tree is `root`; `None` when it has no `.git` folder of its own, or git
/// cannot read it.
pub fn facts(root: &Path) -> Option<GitFacts> {
    let git_dir = root.join(".git");
    if !git_dir.symlink_metadata().ok()?.is_dir() {
        return None;
    }
    let commit = head(&git_dir);
    let scratch = Scratch::new(&git_dir, commit.as_deref())?;
    let git = |args: &[&str]| scratch.git(root, &git_dir, args, None);
    let tracked = match scratch.has_index {
        true => split_nul(&git(&["ls-files", "-z"])?),
        false => Vec::new(),
    };
    let dirty = commit.is_some()
        && scratch.has_index
        && !git(&["status", "--porcelain", "-z", "--no-renames", "--untracked-files=no", "--ignore-submodules=all"])
            .unwrap_or_default()
            .is_empty();
    Some(GitFacts { commit, dirty, tracked: tracked.into_iter().collect() })
}

fn split_nul(bytes: &[u8]) -> Vec<String> {
    bytes.split(|b| *b == 0).filter(|p| !p.is_empty()).map(|p| String::from_utf8_lossy(p).into_owned()).collect()
}

/// A small regular file's text.
fn small(path: &Path) -> Option<String> {
    let meta = path.symlink_metadata().ok()?;
    (meta.is_file() && meta.len() < 8 << 20).then(|| fs::read_to_string(path).ok()).flatten()
}

/// The commit that `HEAD` names, read without git.
pub(super) fn head(git_dir: &Path) -> Option<String> {
    let head = small(&git_dir.join("HEAD"))?;
    let head = head.trim();
    let commit = match head.strip_prefix("ref:").map(str::trim) {
        None => head.to_owned(),
        Some(name) => {
            if !name.starts_with("refs/") || name.split('/').any(|p| p == ".." || p.is_empty()) {
                return None;
            }
            match small(&git_dir.join(name)) {
                Some(loose) => loose.trim().to_owned(),
                None => small(&git_dir.join("packed-refs"))?
                    .lines()
                    .filter_map(|line| line.split_once(' '))
                    .find(|(_, packed)| *packed == name)
                    .map(|(commit, _)| commit.to_owned())?,
            }
        }
    };
    (matches!(commit.len(), 40 | 64) && commit.bytes().all(|b| b.is_ascii_hexdigit())).then_some(commit)
}

/// Whether git would read the objects of this repository alone: no link and no alternate leads to somebody else's.
fn has_own_objects(git_dir: &Path) -> bool {
    let objects = git_dir.join("objects");
    let own = |path: &Path| !path.symlink_metadata().is_ok_and(|m| m.is_symlink());
    let all_own = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten().all(|e| own(&e.path()));
    let borrowed =
        ["alternates", "http-alternates"].iter().any(|f| objects.join("info").join(f).symlink_metadata().is_ok());
    own(git_dir) && own(&objects) && !borrowed && all_own(&objects) && all_own(&objects.join("pack"))
}

/// A directory that looks like an empty repository; removed when dropped.
pub(super) struct Scratch {
    path: PathBuf,
    has_index: bool,
}

impl Scratch {
    pub(super) fn new(git_dir: &Path, commit: Option<&str>) -> Option<Self> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("labkit-git-{}-{number}", std::process::id()));
        fs::create_dir(&path).ok()?;
        let mut scratch = Self { path, has_index: false };
        fs::create_dir(scratch.path.join("refs")).ok()?;
        let head = commit.unwrap_or("ref: refs/heads/none");
        fs::write(scratch.path.join("HEAD"), format!("{head}\n")).ok()?;
        let sha256 = commit.is_some_and(|c| c.len() == 64);
        let format = if sha256 { "[extensions]\n\tobjectFormat = sha256\n" } else { "" };
        let version = u8::from(sha256);
        let config = format!("[core]\n\trepositoryFormatVersion = {version}\n\tbare = false\n{format}");
        fs::write(scratch.path.join("config"), config).ok()?;
        let index = git_dir.join("index");
        if index.symlink_metadata().is_ok_and(|m| m.is_file() && m.len() <= INDEX_BUDGET) {
            fs::copy(&index, scratch.path.join("index")).ok()?;
            scratch.has_index = true;
        }
        Some(scratch)
    }

    /// What git prints when it is given `input`, if it ends well, in time and within the budget.
    pub(super) fn git(&self, root: &Path, git_dir: &Path, args: &[&str], input: Option<&[u8]>) -> Option<Vec<u8>> {
        let out = self.path.join("out");
        let stdin = match input {
            Some(bytes) => {
                let path = self.path.join("in");
                fs::write(&path, bytes).ok()?;
                Stdio::from(fs::File::open(&path).ok()?)
            }
            None => Stdio::null(),
        };
        // Without objects of its own a repository still has an index to ask.
        let objects = if has_own_objects(git_dir) { git_dir.join("objects") } else { self.path.join("none") };
        let mut child = Command::new("git")
            .args(["-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "core.quotePath=false"])
            .args(args)
            .current_dir(root)
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .env("GIT_DIR", &self.path)
            .env("GIT_WORK_TREE", root)
            .env("GIT_OBJECT_DIRECTORY", objects)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_ATTR_NOSYSTEM", "1")
            .env("GIT_OPTIONAL_LOCKS", "0")
            .env("GIT_NO_LAZY_FETCH", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("LC_ALL", "C")
            .stdin(stdin)
            .stdout(fs::File::create(&out).ok()?)
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let started = Instant::now();
        let status = loop {
            match child.try_wait().ok()? {
                Some(status) => break status,
                None if started.elapsed() > PATIENCE || out.metadata().is_ok_and(|m| m.len() > OUTPUT_BUDGET) => {
                    let _ = child.kill();
                    let _ = child.wait();
                    return None;
                }
                None => std::thread::sleep(Duration::from_millis(3)),
            }
        };
        status.success().then(|| fs::read(&out).ok()).flatten()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Left behind at worst: it holds nothing but a copy of the index.
        let _ = fs::remove_dir_all(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn git(root: &Path, args: &[&str]) {
        let status = Command::new("git")
            .args(["-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"])
            .args(args)
            .current_dir(root)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        assert!(status.unwrap().success(), "git {args:?}");
    }

    #[test]
    fn commit_tracked_and_dirty_are_read_without_running_the_repositorys_programs() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        git(root, &["init", "-q"]);
        fs::write(root.join("a.txt"), "one").unwrap();
        fs::write(root.join("b\nc.txt"), "two").unwrap();
        git(root, &["add", "."]);
        git(root, &["commit", "-q", "-m", "one"]);
        let clean = facts(root).unwrap();
        assert_eq!(clean.tracked.iter().map(String::as_str).collect::<Vec<_>>(), ["a.txt", "b\nc.txt"]);
        assert!(!clean.dirty && clean.commit.is_some());

        let trap = root.join("trap-sprung");
        let touch = format!("touch {}", trap.display());
        for key in ["filter.x.clean", "filter.x.smudge", "filter.x.process", "core.fsmonitor", "core.sshCommand"] {
            git(root, &["config", key, &touch]);
        }
        fs::write(root.join(".gitattributes"), "* filter=x\n").unwrap();
        fs::write(root.join("a.txt"), "changed").unwrap();
        fs::write(root.join("untracked.txt"), "").unwrap();
        assert!(facts(root).unwrap().dirty);
        assert!(!trap.exists());
    }

    #[test]
    fn a_folder_that_is_no_repository_has_no_facts() {
        let dir = tempfile::tempdir().unwrap();
        assert!(facts(dir.path()).is_none());
        fs::write(dir.path().join(".git"), "gitdir: /somewhere/else").unwrap();
        assert!(facts(dir.path()).is_none());
        fs::remove_file(dir.path().join(".git")).unwrap();
        fs::create_dir(dir.path().join(".git")).unwrap();
        assert!(facts(dir.path()).is_some_and(|f| f.commit.is_none() && f.tracked.is_empty()));
    }
}
