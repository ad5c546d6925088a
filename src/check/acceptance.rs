//! A lab's whole acceptance run on a repository at rest, in virtual time.

pub use super::simulated::Memory;
use super::simulated::Simulated;
use super::{Check, judge};
use crate::lab::Lab;
use crate::report::{Blame, CriterionResult, DialectInfo, LabInfo, RunResult, Subject, Summary, Verdict};
use crate::stack::FileTree;

/// What is to be judged.
pub struct Request<'a> {
    /// The lab.
    pub lab: &'a Lab,
    /// Its scripts.
    pub checks: &'a [Check],
    /// The starter's files: what stands in them is nobody's own words.
    pub starter: &'a [(String, Vec<u8>)],
    /// The repository.
    pub tree: &'a FileTree,
    /// Whose it is.
    pub subject: Subject,
    /// Judge only these criteria; all when empty.
    pub only: &'a [String],
}

/// Judges every criterion.
pub fn run(request: &Request<'_>) -> RunResult {
    judged(request, Simulated::new(request.lab, request.checks, request.tree, request.starter))
}

/// As [`run`], and runs of equal stacks are made once only; a memory is for one lab and its scripts.
pub fn run_remembering(request: &Request<'_>, memory: &Memory) -> RunResult {
    let world = Simulated::new(request.lab, request.checks, request.tree, request.starter);
    judged(request, world.remembering(memory))
}

fn judged(request: &Request<'_>, mut world: Simulated<'_>) -> RunResult {
    let mut criteria = judge(request.lab, request.checks, &mut world);
    if !request.only.is_empty() {
        for c in criteria.iter_mut().filter(|c| !request.only.contains(&c.id)) {
            leave_out(c);
        }
    }
    let (advice, diagnostics, timeline) = world.finish(&criteria);
    RunResult {
        schema: RunResult::SCHEMA.to_owned(),
        labkit: env!("CARGO_PKG_VERSION").to_owned(),
        lab: lab_info(request.lab),
        subject: request.subject.clone(),
        clock: "virtual".to_owned(),
        dialect: world.dialect(),
        summary: Summary::of(&criteria),
        criteria,
        advice,
        diagnostics,
        timeline,
    }
}

pub(super) fn leave_out(c: &mut CriterionResult) {
    c.verdict = Verdict::Unverified;
    c.score = 0;
    c.basis = None;
    c.reason = "left out by --only".to_owned();
    c.hint = "run without --only".to_owned();
    c.root_cause = None;
    c.blame = Blame::None;
    c.evidence.clear();
}

pub(super) fn lab_info(lab: &Lab) -> LabInfo {
    LabInfo { id: lab.id.clone(), title: format!("Lab {}: {}", lab.number, lab.title) }
}

/// The result of a run that labkit itself broke: every criterion is `error`, none the student's.
pub fn broken(lab: &Lab, subject: Subject, what: &str) -> RunResult {
    let criteria: Vec<CriterionResult> = lab
        .criteria
        .iter()
        .map(|c| CriterionResult {
            id: c.id.clone(),
            title: c.title.clone(),
            verdict: Verdict::Error,
            score: 0,
            max_score: c.points,
            basis: None,
            reason: format!("labkit broke down while judging: {what}"),
            hint: "report this with the repository; no point is lost by it".to_owned(),
            root_cause: None,
            blame: Blame::Grader,
            evidence: Vec::new(),
        })
        .collect();
    RunResult {
        schema: RunResult::SCHEMA.to_owned(),
        labkit: env!("CARGO_PKG_VERSION").to_owned(),
        lab: lab_info(lab),
        subject,
        clock: "virtual".to_owned(),
        dialect: DialectInfo { prometheus: "3".to_owned(), alertmanager: "0.34".to_owned() },
        summary: Summary::of(&criteria),
        criteria,
        advice: Vec::new(),
        diagnostics: Vec::new(),
        timeline: None,
    }
}
