//! From outcomes of steps to verdicts of criteria: needs, root causes, points.

use std::collections::BTreeMap;

use super::{Check, Finding, Outcome, Stage, Step};
use crate::lab::{Criterion, Lab};
use crate::report::{Blame, CriterionResult, Verdict};

/// Answers the steps of scripts: from files and virtual time, or from a running stack.
pub trait World {
    /// Carries out one step for a criterion.
    fn observe(&mut self, criterion: &str, step: &Step) -> Outcome;

    /// The outcome of a whole criterion that was judged before, or that is not to be judged any more.
    fn settled(&mut self, _criterion: &str, _steps: &[Step]) -> Option<Outcome> {
        None
    }

    /// Told of each criterion's outcome.
    fn judged(&mut self, _criterion: &str, _outcome: &Outcome) {}

    /// What to do so that what this world does not show can be judged; begins with a verb.
    fn how_to_verify(&self) -> String;
}

/// Judges every criterion of a lab, in the lab's order.
pub fn judge(lab: &Lab, checks: &[Check], world: &mut dyn World) -> Vec<CriterionResult> {
    let outcomes: Vec<Judged> = lab
        .criteria
        .iter()
        .map(|criterion| {
            let steps = checks.iter().find(|c| c.id == criterion.id).map_or(&[][..], |c| &c.steps);
            let judged = match world.settled(&criterion.id, steps) {
                Some(outcome) => Judged { outcome },
                None => run_steps(criterion, steps, world),
            };
            world.judged(&criterion.id, &judged.outcome);
            judged
        })
        .collect();
    resolve(lab, checks, outcomes, world)
}

/// The outcome of a whole script: the deciding step's, with the evidence of the steps before it.
struct Judged {
    outcome: Outcome,
}

fn run_steps(criterion: &Criterion, steps: &[Step], world: &mut dyn World) -> Judged {
    let mut held = Finding::default();
    for step in steps {
        match world.observe(&criterion.id, step) {
            Outcome::Holds(finding) => {
                if !finding.reason.is_empty() {
                    held.reason = finding.reason;
                }
                add_new(&mut held.evidence, finding.evidence);
                held.basis = finding.basis.or(held.basis);
            }
            outcome => {
                let keep = held.evidence;
                return Judged { outcome: with_evidence(outcome, keep) };
            }
        }
    }
    Judged { outcome: Outcome::Holds(held) }
}

fn with_evidence(mut outcome: Outcome, mut before: Vec<serde_json::Value>) -> Outcome {
    if let Outcome::Fails(f) | Outcome::Inconclusive(f) | Outcome::Review(f) = &mut outcome {
        add_new(&mut before, std::mem::take(&mut f.evidence));
        f.evidence = before;
    }
    outcome
}

/// Adds what does not stand there yet: steps that look at the same thing say the same about it.
fn add_new(evidence: &mut Vec<serde_json::Value>, more: Vec<serde_json::Value>) {
    for entry in more {
        if !evidence.contains(&entry) {
            evidence.push(entry);
        }
    }
}

fn resolve(lab: &Lab, checks: &[Check], outcomes: Vec<Judged>, world: &dyn World) -> Vec<CriterionResult> {
    // Whoever failed at a stage answers for everybody who is blocked there.
    let mut at_stage: BTreeMap<Stage, String> = BTreeMap::new();
    let mut by_cause: BTreeMap<String, String> = BTreeMap::new();
    let mut fallen: Vec<(String, String)> = Vec::new();
    for (criterion, judged) in lab.criteria.iter().zip(&outcomes) {
        if let Outcome::Fails(finding) = &judged.outcome {
            if let Some(stage) = finding.stage {
                at_stage.entry(stage).or_insert_with(|| criterion.id.clone());
            }
            if let Some(cause) = &finding.cause {
                by_cause.entry(cause.clone()).or_insert_with(|| criterion.id.clone());
            }
        }
    }
    let mut results = Vec::with_capacity(outcomes.len());
    for (criterion, judged) in lab.criteria.iter().zip(outcomes) {
        // A criterion whose own failure stops a program is the root of what it needs, not the other way round.
        let needed = criterion
            .needs
            .iter()
            .find_map(|n| fallen.iter().find(|(id, root)| id == n && *root != criterion.id))
            .cloned();
        let outcome = shared_with_unjudged(criterion, judged.outcome, checks, &results);
        let result = one(criterion, outcome, needed, &at_stage, &by_cause, world);
        if matches!(result.verdict, Verdict::Fail | Verdict::Skipped) {
            let root = result.root_cause.clone().unwrap_or_else(|| criterion.id.clone());
            fallen.push((criterion.id.clone(), root));
        }
        results.push(result);
    }
    results
}

/// What several criteria share fails the first of them. When that one could not be judged, because something before it
/// is broken, the others are not failed in its place: their link of the chain is the root.
fn shared_with_unjudged(
    criterion: &Criterion,
    outcome: Outcome,
    checks: &[Check],
    before: &[CriterionResult],
) -> Outcome {
    match outcome {
        Outcome::Fails(Finding { cause: Some(_), stage: Some(stage), .. }) if stage > Stage::Evaluation => {
            let messages = |id: &str| {
                checks.iter().any(|c| c.id == id && c.steps.iter().any(|s| matches!(s, Step::Messages(m) if !m.never)))
            };
            let first = before.iter().find(|r| messages(&r.id));
            match (first, outcome) {
                (Some(first), Outcome::Fails(finding))
                    if first.id != criterion.id && first.verdict == Verdict::Skipped =>
                {
                    Outcome::BlockedBy(stage.as_str().to_owned(), finding)
                }
                (_, outcome) => outcome,
            }
        }
        outcome => outcome,
    }
}

fn one(
    criterion: &Criterion,
    outcome: Outcome,
    needed: Option<(String, String)>,
    at_stage: &BTreeMap<Stage, String>,
    by_cause: &BTreeMap<String, String>,
    world: &dyn World,
) -> CriterionResult {
    let (mut verdict, finding, mut root) = match outcome {
        Outcome::Holds(f) => (Verdict::Pass, f, None),
        Outcome::Fails(f) => {
            let elsewhere = f.cause.as_ref().and_then(|c| by_cause.get(c)).filter(|id| **id != criterion.id).cloned();
            match elsewhere {
                Some(id) => (Verdict::Skipped, f, Some(id)),
                None => (Verdict::Fail, f, None),
            }
        }
        Outcome::Blocked(stage, f) => {
            let root = at_stage.get(&stage).filter(|id| **id != criterion.id).cloned();
            (Verdict::Skipped, f, Some(root.unwrap_or_else(|| stage.as_str().to_owned())))
        }
        Outcome::BlockedBy(id, f) => (Verdict::Skipped, f, Some(id)),
        Outcome::Unverified(f) => (Verdict::Unverified, f, None),
        Outcome::Inconclusive(f) => (Verdict::Inconclusive, f, None),
        Outcome::Review(f) => (Verdict::Review, f, None),
        Outcome::Error(f) => (Verdict::Error, f, None),
    };
    let mut reason = finding.reason;
    if let (Some((need, cause)), false) = (needed, verdict == Verdict::Error) {
        // What is broken before it decides, whatever was observed behind the break.
        if verdict != Verdict::Skipped || root.is_none() {
            reason = format!("not judged: {need} did not pass");
        }
        verdict = Verdict::Skipped;
        root = Some(cause);
    }
    let hint = match verdict {
        Verdict::Unverified => finding.hint.unwrap_or_else(|| world.how_to_verify()),
        Verdict::Skipped => match &root {
            Some(root) => format!("mend {root} first, then run again"),
            None => criterion.hint.clone(),
        },
        _ => finding.hint.unwrap_or_else(|| criterion.hint.clone()),
    };
    let blame = finding.blame.unwrap_or(match verdict {
        Verdict::Fail | Verdict::Skipped => Blame::Student,
        Verdict::Error => Blame::Grader,
        _ => Blame::None,
    });
    CriterionResult {
        id: criterion.id.clone(),
        title: criterion.title.clone(),
        verdict,
        score: if verdict == Verdict::Pass { criterion.points } else { 0 },
        max_score: criterion.points,
        basis: if matches!(verdict, Verdict::Unverified | Verdict::Skipped | Verdict::Error) {
            None
        } else {
            finding.basis
        },
        reason,
        hint,
        root_cause: root,
        blame,
        evidence: if verdict == Verdict::Skipped { Vec::new() } else { finding.evidence },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::parse_scripts;
    use crate::lab::LabFiles;

    /// Lets every script hold but for the named ones.
    struct Scripted(Vec<(&'static str, Outcome)>);

    impl World for Scripted {
        fn observe(&mut self, criterion: &str, _: &Step) -> Outcome {
            let found = self.0.iter().find(|(id, _)| *id == criterion);
            found.map_or_else(|| Outcome::Holds(Finding::default()), |(_, outcome)| outcome.clone())
        }

        fn how_to_verify(&self) -> String {
            "run `labkit check`".into()
        }
    }

    fn verdicts(scripted: Vec<(&'static str, Outcome)>) -> Vec<(String, Verdict, Option<String>)> {
        let files = LabFiles::embedded("07-monitoring").expect("embedded");
        let lab = Lab::parse(&files, &[]).expect("valid");
        let checks = parse_scripts(&lab, &files.checks).expect("valid");
        judge(&lab, &checks, &mut Scripted(scripted)).into_iter().map(|r| (r.id, r.verdict, r.root_cause)).collect()
    }

    fn of(all: &[(String, Verdict, Option<String>)], id: &str) -> (Verdict, Option<String>) {
        all.iter().find(|(i, ..)| i == id).map(|(_, v, r)| (*v, r.clone())).expect("a criterion")
    }

    #[test]
    fn steps_that_say_the_same_are_quoted_once() {
        struct Same;
        impl World for Same {
            fn observe(&mut self, _: &str, step: &Step) -> Outcome {
                let said = Finding::said("seen").evidence([serde_json::json!({"text": "how it was seen"})]);
                if matches!(step, Step::Messages(_)) {
                    Outcome::Holds(said)
                } else {
                    Outcome::Holds(Finding::default())
                }
            }

            fn how_to_verify(&self) -> String {
                "look".into()
            }
        }
        let files = LabFiles::embedded("07-monitoring").expect("embedded");
        let lab = Lab::parse(&files, &[]).expect("valid");
        let checks = parse_scripts(&lab, &files.checks).expect("valid");
        let looks = |c: &Check| c.steps.iter().filter(|s| matches!(s, Step::Messages(_))).count();
        let twice = checks.iter().find(|c| looks(c) > 1).expect("a script that looks at messages twice");
        let results = judge(&lab, &checks, &mut Same);
        let result = results.iter().find(|r| r.id == twice.id).expect("judged");
        assert_eq!(result.evidence.len(), 1, "{:?}", result.evidence);
    }

    #[test]
    fn what_needs_a_failed_criterion_is_skipped_down_to_the_root() {
        let all = verdicts(vec![("node-exporter", Outcome::Fails(Finding::said("no target")))]);
        assert_eq!(of(&all, "stress-resolve"), (Verdict::Skipped, Some("node-exporter".into())));
        assert_eq!(of(&all, "lab-report"), (Verdict::Pass, None));
    }

    #[test]
    fn a_blocked_criterion_names_the_one_that_failed_at_that_stage_even_if_it_comes_later() {
        let broken = Finding::said("bad rule").stage(Stage::Rules);
        let all = verdicts(vec![
            ("prometheus-scrapes-mock", Outcome::Blocked(Stage::Rules, Finding::default())),
            ("stress-4m-alert", Outcome::Fails(broken)),
        ]);
        assert_eq!(of(&all, "prometheus-scrapes-mock"), (Verdict::Skipped, Some("stress-4m-alert".into())));
        assert_eq!(of(&all, "stress-4m-alert"), (Verdict::Fail, None));
    }

    #[test]
    fn a_broken_rule_file_fails_its_own_criterion_although_prometheus_does_not_start() {
        let broken = Finding::said("bad rule").stage(Stage::Rules);
        let all = verdicts(vec![
            ("prometheus-scrapes-mock", Outcome::Blocked(Stage::Rules, Finding::default())),
            ("discord-mock-alert", Outcome::Fails(broken)),
        ]);
        assert_eq!(of(&all, "discord-mock-alert"), (Verdict::Fail, None));
        assert_eq!(of(&all, "grafana-shows-mock"), (Verdict::Skipped, Some("discord-mock-alert".into())));
    }

    #[test]
    fn the_same_cause_fails_only_once() {
        let lost = || Outcome::Fails(Finding::said("lost").stage(Stage::Delivery).cause("no alerting block"));
        let all = verdicts(vec![("discord-mock-alert", lost()), ("stress-4m-alert", lost())]);
        assert_eq!(of(&all, "discord-mock-alert"), (Verdict::Fail, None));
        assert_eq!(of(&all, "stress-4m-alert"), (Verdict::Skipped, Some("discord-mock-alert".into())));
    }
}
