//! Files that a pattern names, as Go's `filepath.Glob` finds them.

use std::path::{Path, PathBuf};

use crate::stack::path::part_matches;

/// Folders that one pattern may look into.
const MAX_FOLDERS: usize = 10_000;

/// The files that a pattern names, in order of name; `pattern` is relative to `folder` unless absolute. The answers are
/// spelled as the pattern is.
pub fn expand(folder: &Path, pattern: &str) -> Vec<String> {
    let mut found = vec![if pattern.starts_with('/') { PathBuf::from("/") } else { PathBuf::new() }];
    let parts: Vec<&str> = pattern.split('/').filter(|p| !p.is_empty() && *p != ".").collect();
    for part in parts {
        if found.len() > MAX_FOLDERS {
            return Vec::new();
        }
        let step = |parent: PathBuf| {
            if !part.contains(['*', '?', '[', '\\']) {
                let path = parent.join(part);
                return if folder.join(&path).exists() { vec![path] } else { Vec::new() };
            }
            let Ok(entries) = std::fs::read_dir(folder.join(&parent)) else { return Vec::new() };
            let names = entries.filter_map(|e| e.ok()?.file_name().into_string().ok());
            let mut names: Vec<String> = names.filter(|name| part_matches(part, name)).collect();
            names.sort_unstable();
            names.into_iter().map(|name| parent.join(name)).collect()
        };
        found = found.into_iter().flat_map(step).collect();
    }
    found.into_iter().filter(|p| !p.as_os_str().is_empty()).map(|p| p.to_string_lossy().into_owned()).collect()
}
