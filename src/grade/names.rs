//! File names for subjects: safe on every system, one for each, the subject's own name where that is possible.

use std::collections::HashSet;

use twox_hash::XxHash64;

/// Names that are taken by the batch's own files.
const TAKEN: [&str; 5] = ["index", "gradebook", "results", "diff", "distribution"];
/// Longest stem in bytes.
const LONGEST: usize = 80;

/// Gives out stems, no two alike even where upper and lower case are one.
#[derive(Debug)]
pub struct Stems {
    taken: HashSet<String>,
}

impl Default for Stems {
    fn default() -> Self {
        Self { taken: TAKEN.iter().map(|t| (*t).to_owned()).collect() }
    }
}

impl Stems {
    /// The stem for a subject's files: the same name gets the same one in every batch, unless two of a batch collide.
    pub fn stem(&mut self, name: &str) -> String {
        let mut plain = plain(name);
        if plain != name || self.taken.contains(&plain.to_lowercase()) {
            plain.truncate(LONGEST - 9);
            plain = format!("{plain}-{:08x}", XxHash64::oneshot(0, name.as_bytes()) >> 32);
        }
        let mut stem = plain.clone();
        let mut number = 2;
        while !self.taken.insert(stem.to_lowercase()) {
            stem = format!("{plain}-{number}");
            number += 1;
        }
        stem
    }
}

fn plain(name: &str) -> String {
    let mut out: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '_' }).collect();
    out.truncate(LONGEST);
    if out.is_empty() || out.starts_with(['.', '-']) {
        out.insert(0, '_');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_names_stay_and_others_become_safe() {
        let mut stems = Stems::default();
        assert_eq!(stems.stem("alice"), "alice");
        assert!(stems.stem("Alice").starts_with("Alice-"));
        for hostile in ["../x", "a\nb", "\u{1b}[31m", "index", "", ".git", "-rf", "ü"] {
            let stem = stems.stem(hostile);
            assert!(stem.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)), "{stem}");
            assert!(!stem.starts_with(['.', '-']) && stem != "index" && stem.len() <= LONGEST + 4, "{stem}");
        }
    }

    #[test]
    fn two_long_names_do_not_meet() {
        let mut stems = Stems::default();
        let (a, b) = ("x".repeat(300), "x".repeat(301));
        assert_ne!(stems.stem(&a), stems.stem(&b));
    }
}
