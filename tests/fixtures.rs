//! Right variants and wrong mutants of each lab's solution: a mutant fails in exactly the criteria it names, a variant
//! in none; the solution earns every point that files can earn, the starter none.

use std::collections::BTreeMap;
use std::path::Path;

use labkit::check::acceptance::{Request, run};
use labkit::check::{Check, parse_scripts};
use labkit::lab::{Lab, LabFiles};
use labkit::report::{RunResult, Subject, Verdict};
use labkit::stack::FileTree;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fixture {
    id: String,
    #[serde(default)]
    #[allow(dead_code, reason = "for the reader of the file")]
    about: String,
    edits: Vec<Edit>,
    #[serde(default)]
    fails: Vec<String>,
    #[serde(default)]
    skips: Vec<String>,
    #[serde(default)]
    review: Vec<String>,
    #[serde(default)]
    unverified: Vec<String>,
    #[serde(default)]
    advice: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Edit {
    file: String,
    replace: Option<String>,
    with: Option<String>,
    write: Option<String>,
    append: Option<String>,
    rename: Option<String>,
    #[serde(default)]
    remove: bool,
    #[serde(default)]
    crlf: bool,
}

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
        let tree = FileTree::in_memory(repository);
        let subject = Subject { name: name.to_owned(), path: name.to_owned(), commit: None, dirty: false };
        let (lab, checks, starter) = (&self.lab, &self.checks[..], &self.files.starter[..]);
        run(&Request { lab, checks, starter, tree: &tree, subject, only: &[] })
    }

    fn edited(&self, fixture: &Fixture) -> BTreeMap<String, Vec<u8>> {
        let mut files: BTreeMap<String, Vec<u8>> = self.files.solution.iter().cloned().collect();
        for edit in &fixture.edits {
            apply(&mut files, edit).unwrap_or_else(|e| panic!("{}: {e}", fixture.id));
        }
        files
    }
}

fn apply(files: &mut BTreeMap<String, Vec<u8>>, edit: &Edit) -> Result<(), String> {
    let file = &edit.file;
    if let Some(text) = &edit.write {
        files.insert(file.clone(), text.clone().into_bytes());
        return Ok(());
    }
    let old = files.get(file).cloned().ok_or_else(|| format!("{file} is not there"))?;
    let text = String::from_utf8(old).map_err(|_| format!("{file} is no text"))?;
    if edit.remove {
        files.remove(file);
    } else if let Some(new) = &edit.rename {
        files.remove(file);
        files.insert(new.clone(), text.into_bytes());
    } else if let Some(more) = &edit.append {
        files.insert(file.clone(), (text + more).into_bytes());
    } else if edit.crlf {
        files.insert(file.clone(), text.replace('\n', "\r\n").into_bytes());
    } else if let (Some(from), Some(to)) = (&edit.replace, &edit.with) {
        if !text.contains(from.as_str()) {
            return Err(format!("{file} does not hold {from:?}"));
        }
        files.insert(file.clone(), text.replace(from.as_str(), to).into_bytes());
    } else {
        return Err(format!("an edit of {file} says nothing"));
    }
    Ok(())
}

fn fixtures(name: &str) -> Vec<Fixture> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/07-monitoring").join(name);
    let text = std::fs::read_to_string(&path).expect("the file of fixtures");
    serde_yaml::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
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
