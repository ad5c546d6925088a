//! Right variants and wrong mutants of each lab's solution: a mutant fails in exactly the criteria it names, a variant
//! in none; the solution earns every point that files can earn, the starter none.

mod fixture_parts;

use fixture_parts::{Fixture, Repository, fixtures};
use labkit::check::acceptance::{Memory, Request, run, run_remembering};
use labkit::check::{Check, parse_scripts};
use labkit::lab::{Lab, LabFiles};
use labkit::report::{RunResult, Subject, Verdict};
use labkit::stack::FileTree;

struct Bench {
    lab: Lab,
    checks: Vec<Check>,
    files: LabFiles,
}

impl Bench {
    fn new() -> Self {
        let files = LabFiles::embedded("07-monitoring").expect("embedded");
        let lab = Lab::parse(&files, &[]).expect("a valid lab");
        let checks = parse_scripts(&lab, &files.checks).expect("valid scripts");
        Self { lab, checks, files }
    }

    fn judge(&self, name: &str, repository: impl IntoIterator<Item = (String, Vec<u8>)>) -> RunResult {
        self.judge_with(None, name, repository)
    }

    fn judge_with(
        &self,
        memory: Option<&Memory>,
        name: &str,
        repository: impl IntoIterator<Item = (String, Vec<u8>)>,
    ) -> RunResult {
        let tree = FileTree::in_memory(repository);
        let subject = Subject { name: name.to_owned(), path: name.to_owned(), commit: None, dirty: false };
        let (lab, checks, starter) = (&self.lab, &self.checks[..], &self.files.starter[..]);
        let request = Request { lab, checks, starter, tree: &tree, subject, only: &[] };
        memory.map_or_else(|| run(&request), |memory| run_remembering(&request, memory))
    }

    fn edited(&self, fixture: &Fixture) -> Repository {
        fixture.of(&self.files.solution)
    }
}

fn with(result: &RunResult, verdict: Verdict) -> Vec<String> {
    result.criteria.iter().filter(|c| c.verdict == verdict).map(|c| c.id.clone()).collect()
}

/// What a reader needs to see why a fixture is off.
fn told(result: &RunResult) -> String {
    result
        .criteria
        .iter()
        .filter(|c| !matches!(c.verdict, Verdict::Pass))
        .map(|c| format!("    {} {}: {} (root {:?})\n", c.id, c.verdict.as_str(), c.reason, c.root_cause))
        .collect()
}

#[test]
fn mutants_fail_in_exactly_the_criteria_they_name() {
    let bench = Bench::new();
    let mutants = fixtures("mutants.yaml");
    assert!(mutants.len() >= 45, "only {} mutants", mutants.len());
    let mut wrong = Vec::new();
    for mutant in &mutants {
        let result = bench.judge(&mutant.id, bench.edited(mutant));
        let mut fails = with(&result, Verdict::Fail);
        let mut wanted = mutant.fails.clone();
        fails.sort();
        wanted.sort();
        let skipped = with(&result, Verdict::Skipped);
        let unskipped: Vec<&String> = mutant.skips.iter().filter(|s| !skipped.contains(s)).collect();
        let unadvised: Vec<&String> =
            mutant.advice.iter().filter(|a| !result.advice.iter().any(|r| r.id == **a)).collect();
        let errors = with(&result, Verdict::Error);
        let unclear = with(&result, Verdict::Inconclusive);
        if fails != wanted
            || !unskipped.is_empty()
            || !unadvised.is_empty()
            || !errors.is_empty()
            || !unclear.is_empty()
        {
            wrong.push(format!(
                "{}: wanted {wanted:?}, got {fails:?}; not skipped {unskipped:?}; advice missing {unadvised:?}\n{}",
                mutant.id,
                told(&result)
            ));
        }
    }
    assert!(wrong.is_empty(), "{} of {} mutants are off\n{}", wrong.len(), mutants.len(), wrong.join("\n"));
}

/// Mutants of every kind one after another, so that each meets what was remembered of those before.
#[test]
fn what_is_remembered_of_equal_stacks_changes_no_result() {
    let (bench, memory) = (Bench::new(), Memory::default());
    let shown = |result: &RunResult| {
        let picture = result.timeline.as_ref().map(|t| format!("{t:?}"));
        (serde_json::to_string(result).expect("plain data"), picture)
    };
    for mutant in fixtures("mutants.yaml").iter().step_by(4) {
        let plain = shown(&bench.judge(&mutant.id, bench.edited(mutant)));
        for _ in 0..2 {
            let remembering = bench.judge_with(Some(&memory), &mutant.id, bench.edited(mutant));
            assert_eq!(shown(&remembering), plain, "{}", mutant.id);
        }
    }
}

#[test]
fn variants_fail_in_nothing() {
    let bench = Bench::new();
    let variants = fixtures("variants.yaml");
    assert!(variants.len() >= 25, "only {} variants", variants.len());
    let solution = bench.judge("solution", bench.files.solution.clone());
    let always_open = with(&solution, Verdict::Unverified);
    let mut wrong = Vec::new();
    for variant in &variants {
        let result = bench.judge(&variant.id, bench.edited(variant));
        let unexpected: Vec<String> = result
            .criteria
            .iter()
            .filter(|c| match c.verdict {
                Verdict::Pass => variant.review.contains(&c.id) || variant.unverified.contains(&c.id),
                Verdict::Unverified => !always_open.contains(&c.id) && !variant.unverified.contains(&c.id),
                Verdict::Review => !variant.review.contains(&c.id),
                _ => true,
            })
            .map(|c| c.id.clone())
            .collect();
        let unadvised: Vec<&String> =
            variant.advice.iter().filter(|a| !result.advice.iter().any(|r| r.id == **a)).collect();
        if !unexpected.is_empty() || !unadvised.is_empty() {
            wrong.push(format!(
                "{}: unexpected {unexpected:?}; advice missing {unadvised:?}\n{}",
                variant.id,
                told(&result)
            ));
        }
    }
    assert!(wrong.is_empty(), "{} of {} variants are off\n{}", wrong.len(), variants.len(), wrong.join("\n"));
}

#[test]
fn the_solution_earns_every_point_that_files_can_earn() {
    let bench = Bench::new();
    let result = bench.judge("solution", bench.files.solution.clone());
    assert_eq!(
        with(&result, Verdict::Unverified),
        ["mock-metrics", "node-exporter", "cpu-100", "stress-grafana-values"]
    );
    assert_eq!(result.summary.score, result.summary.max_score, "{}", told(&result));
    assert_eq!((result.summary.max_score, result.summary.open), (16, 4));
    assert!(result.advice.is_empty() || result.advice.iter().all(|a| a.severity == "info"), "{:?}", result.advice);
}

#[test]
fn the_starter_earns_no_point() {
    let bench = Bench::new();
    let result = bench.judge("starter", bench.files.starter.clone());
    assert_eq!(result.summary.score, 0, "{}", told(&result));
    assert_eq!(result.summary.verdict, Verdict::Fail);
}
