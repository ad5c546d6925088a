//! Which configurations resemble one another more than the assignment explains.
//!
//! Each configuration is a set of lines without comments, quotes and white space. Lines that much of the class has say
//! nothing and are left out; two subjects are told when most of what is left is the same.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;

use twox_hash::XxHash64;

use crate::stack::FileTree;

/// Lines that are kept of one subject.
const LINES: usize = 400;
/// Bytes read of one file.
const FILE_BUDGET: u64 = 256 << 10;
/// Files read of one subject.
const FILES: usize = 64;
/// A line that more than this share of the class has is the assignment's.
const COMMON: f64 = 0.15;
/// Rare lines two subjects must share at least.
const AT_LEAST: usize = 4;
/// Share of the rare lines of both that must be the same.
const ALIKE: f64 = 0.6;
/// Pairs that are told.
const PAIRS: usize = 100;

/// Two subjects that resemble one another.
#[derive(Clone, Debug, PartialEq)]
pub struct Pair {
    /// Index of the one.
    pub one: usize,
    /// Index of the other.
    pub other: usize,
    /// Rare lines both have.
    pub shared: usize,
    /// Share of the rare lines of both that are the same, in (0, 1].
    pub share: f64,
}

/// The hashes of a subject's configuration lines, as text.
pub fn fingerprint(tree: &FileTree) -> String {
    let mut hashes = BTreeSet::new();
    let configuration = tree.files().filter(|e| {
        e.size <= FILE_BUDGET
            && [".yml", ".yaml"].iter().any(|end| e.path.ends_with(end))
            && !e.path.split('/').any(|part| part.starts_with(".git"))
    });
    for entry in configuration.take(FILES) {
        let Ok(bytes) = tree.read(&entry.path) else { continue };
        for line in String::from_utf8_lossy(&bytes).lines() {
            let line = normalised(line);
            if line.len() >= 6 {
                hashes.insert(XxHash64::oneshot(7, line.as_bytes()) as u32);
            }
        }
    }
    hashes.into_iter().take(LINES).fold(String::new(), |mut out, h| {
        let _ = write!(out, "{h:08x}");
        out
    })
}

fn normalised(line: &str) -> String {
    let line = line.trim_start();
    let text = if line.starts_with('#') { "" } else { line.split(" #").next().unwrap_or("") };
    text.chars().filter(|c| !c.is_whitespace() && !matches!(c, '"' | '\'' | '-')).collect()
}

/// The hashes of a fingerprint, each once.
fn hashes(text: &str) -> impl Iterator<Item = u32> {
    (0..text.len() / 8).filter_map(|i| u32::from_str_radix(text.get(i * 8..i * 8 + 8)?, 16).ok())
}

/// The pairs that stand out among the fingerprints of a class, the most alike first.
pub fn pairs(fingerprints: &[&str]) -> Vec<Pair> {
    // In a small class a line of two is rare; in a big one a group of a dozen may still have copied.
    let most = ((fingerprints.len() as f64 * COMMON) as usize).clamp(2, 12);
    let mut counts: HashMap<u32, usize> = HashMap::new();
    for hash in fingerprints.iter().flat_map(|f| hashes(f)) {
        *counts.entry(hash).or_default() += 1;
    }
    counts.retain(|_, count| *count <= most);
    // Only what is rare is kept by owner: of a big class that is little.
    let mut owners: HashMap<u32, Vec<usize>> = HashMap::new();
    for (i, fingerprint) in fingerprints.iter().enumerate() {
        for hash in hashes(fingerprint).filter(|h| counts.contains_key(h)) {
            let who = owners.entry(hash).or_default();
            if who.last() != Some(&i) {
                who.push(i);
            }
        }
    }
    let mut rare = vec![0_usize; fingerprints.len()];
    let mut shared: HashMap<(usize, usize), usize> = HashMap::new();
    for who in owners.values() {
        for (n, one) in who.iter().enumerate() {
            rare[*one] += 1;
            for other in &who[n + 1..] {
                *shared.entry((*one, *other)).or_default() += 1;
            }
        }
    }
    let mut pairs: Vec<Pair> = shared
        .into_iter()
        .filter(|(_, shared)| *shared >= AT_LEAST)
        .map(|((one, other), shared)| {
            let either = rare[one] + rare[other] - shared;
            Pair { one, other, shared, share: shared as f64 / either as f64 }
        })
        .filter(|p| p.share >= ALIKE)
        .collect();
    pairs.sort_by(|a, b| {
        b.share.total_cmp(&a.share).then(b.shared.cmp(&a.shared)).then((a.one, a.other).cmp(&(b.one, b.other)))
    });
    pairs.truncate(PAIRS);
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn print(text: &str) -> String {
        fingerprint(&FileTree::in_memory([("rules.yml".to_owned(), text.as_bytes().to_vec())]))
    }

    #[test]
    fn a_copy_with_other_comments_and_quotes_stands_out() {
        let common = "groups:\n  - name: cpu\n    rules:\n";
        let own: Vec<String> =
            (0..20).map(|i| format!("{common}  - alert: Own{i}\n    expr: x{i} > {i}\n    for: {i}0m0s\n")).collect();
        let copied = "  - alert: Funny\n    expr: y > 0.123\n    for: 3m7s\n    summary: \"peculiar words\"\n";
        let mut class: Vec<String> = own.iter().map(|t| print(t)).collect();
        class.push(print(&format!("{common}{copied}")));
        class.push(print(&format!("# mine\n{common}\n{}", copied.replace('"', "").replace("\n", "   # note\n"))));
        let class: Vec<&str> = class.iter().map(String::as_str).collect();
        let found = pairs(&class);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!((found[0].one, found[0].other, found[0].share), (20, 21, 1.0));
    }
}
