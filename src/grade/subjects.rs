//! From paths as given to the subjects of a batch: a repository is one, a folder of repositories is many.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Where a subject's files come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A folder on this machine.
    Folder(PathBuf),
    /// An address for `git clone`.
    Url(String),
    /// It cannot be judged, and why.
    Unreadable(String),
}

/// Somebody whose work is to be judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The name it goes by; unique in a batch.
    pub name: String,
    /// The path or address to show.
    pub shown: String,
    /// Where its files are.
    pub origin: Origin,
}

/// Files that make a folder a stack when they lie directly in it.
const STACK_FILES: [&str; 6] =
    ["compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml", "prometheus.yml", "prometheus.yaml"];

/// Whether text given by the caller is an address for git and no path.
pub fn is_url(text: &str) -> bool {
    let scheme = ["https://", "http://", "ssh://", "file://", "git://"].iter().any(|s| text.starts_with(s));
    let scp_like = || {
        let (host, path) = text.split_once(':')?;
        (host.contains('@') && !host.contains('/') && !path.is_empty()).then_some(())
    };
    scheme || (!text.starts_with(['-', '/', '.']) && scp_like().is_some())
}

/// The last part of an address or path, without `.git`.
pub fn last_part(address: &str) -> &str {
    let trimmed = address.trim_end_matches('/');
    let last = trimmed.rsplit(['/', ':']).next().unwrap_or(trimmed);
    last.strip_suffix(".git").filter(|s| !s.is_empty()).unwrap_or(last)
}

/// The subjects of the paths and addresses given, in order; `leave_out` is a folder that is none (labkit's output).
///
/// # Errors
/// A path does not exist, is no folder, or cannot be listed.
pub fn discover(given: &[OsString], leave_out: &Path) -> Result<Vec<Found>, String> {
    let mut found = Vec::new();
    for one in given {
        if let Some(url) = one.to_str().filter(|t| is_url(t)) {
            found.push(Found {
                name: last_part(url).to_owned(),
                shown: url.to_owned(),
                origin: Origin::Url(url.to_owned()),
            });
            continue;
        }
        let path = Path::new(one);
        let cannot = |e: io::Error| format!("cannot read {}: {e}", path.display());
        if !fs::metadata(path).map_err(cannot)?.is_dir() {
            return Err(format!("{} is a file, wanted a repository or a folder of repositories", path.display()));
        }
        if is_subject(path) {
            found.push(folder(path, own_name(path)));
        } else {
            found.extend(inside(path, leave_out).map_err(cannot)?);
        }
    }
    Ok(unique(found))
}

/// Whether a folder is a repository itself, and no folder of repositories.
fn is_subject(path: &Path) -> bool {
    let there = |name: &str| path.join(name).symlink_metadata();
    there(".git").is_ok() || STACK_FILES.iter().any(|name| there(name).is_ok_and(|m| m.is_file()))
}

fn own_name(path: &Path) -> OsString {
    let named = |p: &Path| p.file_name().map(OsStr::to_owned);
    named(path)
        .or_else(|| path.canonicalize().ok().as_deref().and_then(named))
        .unwrap_or_else(|| path.as_os_str().to_owned())
}

fn folder(path: &Path, name: OsString) -> Found {
    Found {
        name: name.to_string_lossy().into_owned(),
        shown: path.display().to_string(),
        origin: Origin::Folder(path.to_owned()),
    }
}

fn inside(path: &Path, leave_out: &Path) -> io::Result<Vec<Found>> {
    let out = leave_out.canonicalize().ok();
    let mut names: Vec<OsString> = Vec::new();
    for entry in fs::read_dir(path)? {
        names.push(entry?.file_name());
    }
    names.sort();
    let mut found = Vec::new();
    for name in names {
        let below = path.join(&name);
        let Ok(meta) = below.symlink_metadata() else { continue };
        if meta.is_symlink() {
            // Looked at, never entered: a link to a file is no subject, a link to a folder or to nothing is a broken one.
            if !fs::metadata(&below).is_ok_and(|m| !m.is_dir()) {
                let mut linked = folder(&below, name);
                linked.origin = Origin::Unreadable("is a link, wanted a folder of its own".to_owned());
                found.push(linked);
            }
        } else if meta.is_dir() && (out.is_none() || below.canonicalize().ok() != out) {
            found.push(folder(&below, name));
        }
    }
    Ok(found)
}

fn unique(mut found: Vec<Found>) -> Vec<Found> {
    name_apart(found.iter_mut());
    found
}

/// Gives every subject a name of its own again, after some were added.
pub fn renamed<T>(mut subjects: Vec<(Found, T)>) -> Vec<(Found, T)> {
    name_apart(subjects.iter_mut().map(|(found, _)| found));
    subjects
}

fn name_apart<'a>(found: impl Iterator<Item = &'a mut Found>) {
    let mut taken = HashSet::new();
    for one in found {
        if !taken.insert(one.name.clone()) {
            let parent = Path::new(&one.shown).parent().and_then(Path::file_name).map(|p| p.to_string_lossy());
            let base = parent.map_or_else(|| one.name.clone(), |p| format!("{p}/{}", one.name));
            let mut name = base.clone();
            let mut number = 2;
            while !taken.insert(name.clone()) {
                name = format!("{base} ({number})");
                number += 1;
            }
            one.name = name;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(found: &[Found]) -> Vec<&str> {
        found.iter().map(|f| f.name.as_str()).collect()
    }

    #[test]
    fn a_repository_is_one_subject_and_a_folder_of_them_many() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["b/.git", "a/monitoring", "c", "reports"] {
            fs::create_dir_all(dir.path().join(name)).unwrap();
        }
        fs::write(dir.path().join("c/compose.yaml"), "").unwrap();
        fs::write(dir.path().join("README.md"), "").unwrap();
        let out = dir.path().join("reports");
        let many = discover(&[dir.path().into()], &out).unwrap();
        assert_eq!(names(&many), ["a", "b", "c"]);
        for one in ["b", "c"] {
            assert_eq!(names(&discover(&[dir.path().join(one).into()], &out).unwrap()), [one]);
        }
        assert_eq!(names(&discover(&[dir.path().join("a").into()], &out).unwrap()), ["monitoring"]);
        assert!(discover(&[dir.path().join("README.md").into()], &out).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_a_subject_that_cannot_be_judged() {
        let dir = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/", dir.path().join("root")).unwrap();
        let found = discover(&[dir.path().into()], Path::new("reports")).unwrap();
        assert!(matches!(&found[..], [Found { origin: Origin::Unreadable(_), .. }]), "{found:?}");
    }

    #[test]
    fn equal_names_are_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["one/x", "two/x"] {
            fs::create_dir_all(dir.path().join(name)).unwrap();
        }
        let given = [dir.path().join("one").into(), dir.path().join("two").into()];
        assert_eq!(names(&discover(&given, Path::new("reports")).unwrap()), ["x", "two/x"]);
    }

    #[test]
    fn addresses_are_told_from_paths() {
        for url in ["https://h/a.git", "git@github.com:o/a.git", "file:///srv/a.git"] {
            assert!(is_url(url), "{url}");
            assert_eq!(last_part(url), "a");
        }
        for path in ["repos", "./a@b:c", "C:\\x", "-oProxy@h:x", "/a/b@c:d"] {
            assert!(!is_url(path), "{path}");
        }
    }
}
