//! From a bundle back to what was observed.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::write::in_archive;
use super::{Manifest, SCHEMA, archive};
use crate::check::live_world::State;
use crate::check::probe::tape::Line;
use crate::report::RunResult;
use crate::stack::{Entry, FileTree, Files, ReadError};

/// Entries of a repository that are taken.
const MAX_ENTRIES: usize = 60_000;
/// Lines of observations that are taken.
const MAX_LINES: usize = 500_000;

/// What a bundle holds.
pub struct Bundle {
    /// What it is.
    pub manifest: Manifest,
    /// The observations.
    pub lines: Vec<Line>,
    /// What an interrupted run had judged before.
    pub resumed: Option<State>,
    /// The verdicts then.
    pub result: Option<RunResult>,
    /// The repository, as far as it was read.
    pub tree: Option<FileTree>,
}

struct Kept {
    entries: Vec<Entry>,
    contents: BTreeMap<String, Arc<[u8]>>,
    truncated: bool,
}

impl Files for Kept {
    fn list(&self) -> &[Entry] {
        &self.entries
    }

    fn read(&self, path: &str) -> Result<Arc<[u8]>, ReadError> {
        self.contents.get(path).cloned().ok_or_else(|| ReadError::Io("not in the bundle".to_owned()))
    }

    fn truncated(&self) -> bool {
        self.truncated
    }
}

/// Reads a bundle.
///
/// # Errors
/// It is none, or not one that this labkit understands; in words.
pub fn read(bytes: &[u8]) -> Result<Bundle, String> {
    let mut files: BTreeMap<String, Vec<u8>> = archive::unpack(bytes)?.into_iter().collect();
    let manifest = files.remove("manifest.json").ok_or("no manifest.json in it")?;
    let schema: serde_json::Value = serde_json::from_slice(&manifest).map_err(|e| format!("manifest.json: {e}"))?;
    if schema["schema"] != SCHEMA {
        return Err(format!("observed the schema {}, wanted {SCHEMA:?}", schema["schema"]));
    }
    let mut manifest: Manifest = serde_json::from_slice(&manifest).map_err(|e| format!("manifest.json: {e}"))?;
    let tape = files.remove("observations.jsonl").ok_or("no observations.jsonl in it")?;
    let mut lines = Vec::new();
    for (i, line) in tape.split(|b| *b == b'\n').enumerate().filter(|(_, l)| !l.is_empty()) {
        if lines.len() >= MAX_LINES {
            return Err(format!("more than {MAX_LINES} observations in it"));
        }
        lines.push(serde_json::from_slice(line).map_err(|e| format!("observations.jsonl, line {}: {e}", i + 1))?);
    }
    drop(tape);
    let resumed = match files.remove("resumed.json") {
        Some(bytes) => Some(serde_json::from_slice(&bytes).map_err(|e| format!("resumed.json: {e}"))?),
        None => None,
    };
    // Another labkit may have written more or less of it.
    let result = files.remove("result.json").and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let tree = manifest.repository.take().map(|repository| {
        let entries: Vec<Entry> = repository.entries.into_iter().take(MAX_ENTRIES).map(Entry::from).collect();
        let contents =
            entries.iter().filter_map(|e| Some((e.path.clone(), files.remove(&in_archive(&e.path))?.into()))).collect();
        let kept = Kept { entries, contents, truncated: repository.truncated };
        FileTree::new(Arc::new(kept), repository.git.map(Into::into))
    });
    Ok(Bundle { manifest, lines, resumed, result, tree })
}
