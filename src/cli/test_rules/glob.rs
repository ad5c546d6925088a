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
            let place = folder.join(&parent);
            // An empty path is no folder to the system.
            let place = if place.as_os_str().is_empty() { Path::new(".") } else { &place };
            let Ok(entries) = std::fs::read_dir(place) else { return Vec::new() };
            let names = entries.filter_map(|e| e.ok()?.file_name().into_string().ok());
            let mut names: Vec<String> = names.filter(|name| part_matches(part, name)).collect();
            names.sort_unstable();
            names.into_iter().map(|name| parent.join(name)).collect()
        };
        found = found.into_iter().flat_map(step).collect();
    }
    found.into_iter().filter(|p| !p.as_os_str().is_empty()).map(|p| p.to_string_lossy().into_owned()).collect()
}

/// Whether Go takes a pattern: brackets are closed and hold something, nothing ends with a backslash.
pub fn is_pattern(pattern: &str) -> bool {
    let mut rest = pattern.chars();
    while let Some(c) = rest.next() {
        match c {
            '\\' if rest.next().is_none() => return false,
            '[' => {
                let mut held = 0;
                loop {
                    match rest.next() {
                        Some(']') if held > 0 => break,
                        Some('^') if held == 0 => {}
                        Some('\\') if rest.next().is_some() => held += 1,
                        None | Some('\\') => return false,
                        Some(_) => held += 1,
                    }
                }
            }
            _ => {}
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_reach_into_folders_and_are_spelled_as_given() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["a/x1.yml", "b/x2.yml", "b/y.yml", "b/z/x3.yml"] {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("has one")).expect("a folder");
            std::fs::write(path, "").expect("a file");
        }
        let found = |pattern: &str| expand(folder.path(), pattern);
        assert_eq!(found("*/x?.yml"), ["a/x1.yml", "b/x2.yml"]);
        assert_eq!(found("b/../a/[w-z]*.yml"), ["b/../a/x1.yml"]);
        assert_eq!(found("b/y.yml"), ["b/y.yml"]);
        assert_eq!(found("c/*.yml"), Vec::<String>::new());
    }

    #[test]
    fn malformed_patterns_are_known() {
        assert!(["*.yml", "[a-z]", "[]a]", "a\\*", "[^a]"].iter().all(|p| is_pattern(p)));
        assert!(["[", "[a", "a\\", "[]", "[^"].iter().all(|p| !is_pattern(p)));
    }
}
