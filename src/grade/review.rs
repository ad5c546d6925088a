//! The teacher's decisions on what a person must look at: kept beside the journal, applied whenever outputs are made,
//! so that they survive a new batch.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::reports;
use crate::report::escape::{cell, code, inline, sentence};
use crate::report::{RunResult, Summary, Verdict};

/// File name of the decisions.
pub const DECISIONS: &str = "reviews.jsonl";
/// What a report's section of decisions begins and ends with.
const BEGIN: &str = "<!-- labkit decisions -->";
const END: &str = "<!-- labkit end of decisions -->";

/// A decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// The subject.
    pub subject: String,
    /// The criterion.
    pub criterion: String,
    /// `pass` or `fail`.
    pub verdict: Verdict,
    /// Why.
    pub note: String,
    /// The commit that was looked at.
    pub commit: Option<String>,
}

/// Every decision in an output folder; a later one on the same thing replaces an earlier one.
#[derive(Clone, Debug, Default)]
pub struct Decisions {
    by_subject: HashMap<String, Vec<Decision>>,
}

impl Decisions {
    /// Reads them; a missing file has none.
    ///
    /// # Errors
    /// The file cannot be read, or a whole line of it is no decision.
    pub fn read(out: &Path) -> io::Result<Self> {
        let path = out.join(DECISIONS);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == io::ErrorKind::NotFound => String::new(),
            Err(e) => return Err(e),
        };
        let mut decisions = Self::default();
        for line in text.split_inclusive('\n').filter(|l| l.ends_with('\n') && !l.trim().is_empty()) {
            let decision = serde_json::from_str(line)
                .map_err(|e| io::Error::new(io::ErrorKind::InvalidData, format!("{}: {e}", path.display())))?;
            decisions.put(decision);
        }
        Ok(decisions)
    }

    fn put(&mut self, decision: Decision) {
        let of_subject = self.by_subject.entry(decision.subject.clone()).or_default();
        of_subject.retain(|d| d.criterion != decision.criterion);
        of_subject.push(decision);
    }

    /// The decisions on a subject.
    pub fn of(&self, subject: &str) -> &[Decision] {
        self.by_subject.get(subject).map_or(&[], Vec::as_slice)
    }

    /// The subjects with decisions.
    pub fn subjects(&self) -> impl Iterator<Item = &str> {
        self.by_subject.keys().map(String::as_str)
    }

    /// Lets decisions count in a result, where the criterion is still one for a person; gives their criteria.
    pub fn apply(&self, result: &mut RunResult) -> Vec<String> {
        let mut decided = Vec::new();
        for decision in self.of(&result.subject.name) {
            let open = |v: Verdict| matches!(v, Verdict::Review | Verdict::Inconclusive | Verdict::Unverified);
            let Some(c) = result.criteria.iter_mut().find(|c| c.id == decision.criterion && open(c.verdict)) else {
                continue;
            };
            c.verdict = decision.verdict;
            c.score = if decision.verdict == Verdict::Pass { c.max_score } else { 0 };
            c.reason = format!("decided by the teacher: {}", decision.note);
            decided.push(decision.criterion.clone());
        }
        if !decided.is_empty() {
            result.summary = Summary::of(&result.criteria);
        }
        decided
    }
}

/// Stores a decision.
///
/// # Errors
/// The file cannot be written.
pub fn store(out: &Path, decision: &Decision) -> io::Result<()> {
    use std::io::Write as _;
    let mut file = fs::OpenOptions::new().create(true).append(true).open(out.join(DECISIONS))?;
    let line = serde_json::to_string(decision).map_err(io::Error::other)?;
    file.write_all(format!("{line}\n").as_bytes())
}

/// Shows the decisions in a subject's report; a section from before is replaced.
///
/// # Errors
/// The report cannot be written.
pub fn show(report: &Path, result: &RunResult, decisions: &[Decision]) -> Result<(), String> {
    let Ok(text) = fs::read_to_string(report) else { return Ok(()) };
    let mut section = String::new();
    if !decisions.is_empty() {
        let s = &result.summary;
        let _ = writeln!(
            section,
            "{BEGIN}\n## Decided by the teacher\n\n| criterion | decision | note | commit |\n| --- | --- | --- | --- |"
        );
        for d in decisions {
            let commit = d.commit.as_deref().map_or_else(|| "–".to_owned(), |c| code(c.get(..10).unwrap_or(c)));
            let _ =
                writeln!(section, "| {} | {} | {} | {commit} |", code(&d.criterion), d.verdict.as_str(), cell(&d.note));
        }
        let _ = writeln!(
            section,
            "\nWith that: **{} — {} of {} points**, {} still open.\n\n{END}\n",
            sentence(s.verdict.as_str()),
            s.score,
            s.max_score,
            inline(&s.open.to_string())
        );
    }
    let bare = match text.split_once(BEGIN).and_then(|(a, rest)| Some((a, rest.split_once(END)?.1))) {
        Some((before, after)) => format!("{before}{}", after.trim_start_matches('\n')),
        None => text.clone(),
    };
    // Behind the headline: before the first section.
    let at = bare.find("\n## ").map_or(bare.len(), |at| at + 1);
    let with = format!("{}{section}{}", &bare[..at], &bare[at..]);
    if with == text { Ok(()) } else { reports::replace(report, &with) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_decision_counts_and_is_shown_once() {
        let dir = tempfile::tempdir().unwrap();
        let decision = |verdict, note: &str| Decision {
            subject: "a".into(),
            criterion: "x".into(),
            verdict,
            note: note.into(),
            commit: None,
        };
        for (verdict, note) in [(Verdict::Fail, "no"), (Verdict::Pass, "yes <b>")] {
            store(dir.path(), &decision(verdict, note)).unwrap();
        }
        let read = Decisions::read(dir.path()).unwrap();
        assert_eq!(read.of("a"), [decision(Verdict::Pass, "yes <b>")]);

        let report = dir.path().join("a.md");
        fs::write(&report, "head\n\n## Criteria\n\nrest\n").unwrap();
        let result: RunResult = serde_json::from_str(include_str!("../../fixtures/grade/result.json")).unwrap();
        for _ in 0..2 {
            show(&report, &result, read.of("a")).unwrap();
        }
        let text = fs::read_to_string(&report).unwrap();
        assert_eq!(text.matches(BEGIN).count(), 1);
        assert!(text.find("yes &lt;b&gt;") < text.find("## Criteria"), "{text}");
        show(&report, &result, &[]).unwrap();
        assert_eq!(fs::read_to_string(&report).unwrap(), "head\n\n## Criteria\n\nrest\n");
    }
}
