//! `labkit/result/v1`: what a run came to.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How a criterion was judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Observed, and as asked.
    Pass,
    /// Observed, and not as asked.
    Fail,
    /// Not judged, because something it needs failed.
    Skipped,
    /// This mode cannot see it.
    Unverified,
    /// Tried, and could not decide.
    Inconclusive,
    /// A person must look.
    Review,
    /// The grader's or the environment's fault.
    Error,
    /// Only of a whole run: nothing failed, something is still to be seen.
    Open,
}

impl Verdict {
    /// As written in JSON and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Skipped => "skipped",
            Self::Unverified => "unverified",
            Self::Inconclusive => "inconclusive",
            Self::Review => "review",
            Self::Error => "error",
            Self::Open => "open",
        }
    }

    /// A sign that goes with the word, for people who scan.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Pass => "✅",
            Self::Fail => "❌",
            Self::Skipped => "⏭️",
            Self::Unverified => "👁️",
            Self::Inconclusive => "❔",
            Self::Review => "🔎",
            Self::Error => "💥",
            Self::Open => "◻️",
        }
    }
}

/// From what a verdict was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Basis {
    /// From the embedded stack in virtual time.
    Simulated,
    /// From files.
    Static,
    /// From a running stack.
    Live,
}

/// Whose it is to act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Blame {
    /// The student's files.
    Student,
    /// The machine or the network.
    Environment,
    /// labkit itself.
    Grader,
    /// Nobody.
    None,
}

/// A place in a student's file.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct At {
    /// Path in the repository.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in Unicode characters, from 1.
    pub column: usize,
}

/// A criterion's outcome.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CriterionResult {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// The verdict.
    pub verdict: Verdict,
    /// Points earned.
    pub score: u32,
    /// Points to earn.
    pub max_score: u32,
    /// From what it was taken; none where nothing was observed.
    pub basis: Option<Basis>,
    /// What was observed and what was wanted.
    pub reason: String,
    /// What to try.
    pub hint: String,
    /// The criterion or stage that failed instead, when skipped.
    pub root_cause: Option<String>,
    /// Whose it is to act.
    pub blame: Blame,
    /// What the verdict rests on: objects with a `kind`.
    pub evidence: Vec<Value>,
}

/// Advice, which never changes the score.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AdviceResult {
    /// Its id.
    pub id: String,
    /// `warning` or `info`.
    pub severity: String,
    /// What was seen and what would be better.
    pub reason: String,
    /// Where, if somewhere.
    pub at: Option<At>,
}

/// A finding in a student's file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DiagnosticResult {
    /// `error`, `warning` or `info`.
    pub severity: String,
    /// What is wrong.
    pub message: String,
    /// Where.
    pub at: Option<At>,
    /// How to mend it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// The lines with the place underlined, as a terminal shows them without colour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rendered: Option<String>,
}

/// The lab of a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LabInfo {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
}

/// Whose work was judged.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Subject {
    /// The name it goes by.
    pub name: String,
    /// The path as given.
    pub path: String,
    /// The commit, if it is a repository.
    pub commit: Option<String>,
    /// Whether tracked files differ from that commit.
    pub dirty: bool,
}

/// Which versions the engine spoke as.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DialectInfo {
    /// `2.42` or `3`.
    pub prometheus: String,
    /// Such as `0.34`.
    pub alertmanager: String,
}

/// The sum of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The verdict of the whole.
    pub verdict: Verdict,
    /// Points earned over pass, fail and skipped.
    pub score: u32,
    /// Points to earn over pass, fail and skipped.
    pub max_score: u32,
    /// Points of the criteria that are still open.
    pub open: u32,
    /// How many criteria have which verdict.
    pub counts: BTreeMap<String, usize>,
}

impl Summary {
    /// The sum over criteria, by the rules of the contract.
    pub fn of(criteria: &[CriterionResult]) -> Self {
        let mut summary = Self { verdict: Verdict::Pass, score: 0, max_score: 0, open: 0, counts: BTreeMap::new() };
        for c in criteria {
            *summary.counts.entry(c.verdict.as_str().to_owned()).or_default() += 1;
            match c.verdict {
                Verdict::Pass | Verdict::Fail | Verdict::Skipped => {
                    summary.score += c.score;
                    summary.max_score += c.max_score;
                }
                _ => summary.open += c.max_score,
            }
        }
        let any = |wanted: &[Verdict]| criteria.iter().any(|c| wanted.contains(&c.verdict));
        summary.verdict = if any(&[Verdict::Fail, Verdict::Skipped]) {
            Verdict::Fail
        } else if any(&[Verdict::Error]) {
            Verdict::Error
        } else if any(&[Verdict::Unverified, Verdict::Inconclusive, Verdict::Review]) {
            Verdict::Open
        } else {
            Verdict::Pass
        };
        summary
    }
}

/// The whole result of one subject.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RunResult {
    /// `labkit/result/v1`
    pub schema: String,
    /// The version of labkit.
    pub labkit: String,
    /// The lab.
    pub lab: LabInfo,
    /// Whose work.
    pub subject: Subject,
    /// `virtual` or `real`.
    pub clock: String,
    /// Which versions the engine spoke as.
    pub dialect: DialectInfo,
    /// The sum.
    pub summary: Summary,
    /// Every criterion, in the lab's order.
    pub criteria: Vec<CriterionResult>,
    /// Advice.
    pub advice: Vec<AdviceResult>,
    /// Findings in files.
    pub diagnostics: Vec<DiagnosticResult>,
    /// What happened over time; not part of the JSON.
    #[serde(skip)]
    pub timeline: Option<super::Timeline>,
}

impl RunResult {
    /// The id of the schema.
    pub const SCHEMA: &'static str = "labkit/result/v1";

    /// The criterion to mend first: the first that failed, else the first that could not be judged for a root cause.
    pub fn fix_first(&self) -> Option<&CriterionResult> {
        self.criteria.iter().find(|c| c.verdict == Verdict::Fail)
    }

    /// One JSON document on one line.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a result is plain data")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn criterion(verdict: Verdict, points: u32) -> CriterionResult {
        CriterionResult {
            id: "x".into(),
            title: "x".into(),
            verdict,
            score: if verdict == Verdict::Pass { points } else { 0 },
            max_score: points,
            basis: None,
            reason: String::new(),
            hint: String::new(),
            root_cause: None,
            blame: Blame::None,
            evidence: Vec::new(),
        }
    }

    #[test]
    fn open_criteria_count_neither_way() {
        let s = Summary::of(&[criterion(Verdict::Pass, 3), criterion(Verdict::Unverified, 2)]);
        assert_eq!((s.verdict, s.score, s.max_score, s.open), (Verdict::Open, 3, 3, 2));
    }

    #[test]
    fn a_skipped_criterion_makes_the_whole_a_fail_even_beside_an_error() {
        let s = Summary::of(&[criterion(Verdict::Skipped, 1), criterion(Verdict::Error, 1)]);
        assert_eq!((s.verdict, s.score, s.max_score, s.open), (Verdict::Fail, 0, 1, 1));
    }
}
