//! From a unit-test file on disk to its outcome: the rule files it names are found and read.

use std::path::Path;

use super::{glob, notifications};
use crate::rules::file::{self, ReadRules};
use crate::rules::unit_test::{self, Failure, GroupOutcome, Loaded, RuleSet, RunAs, UnitTestFile};
use crate::text::{Diagnostic, Severity, SourceText};

/// What testing one file came to.
#[derive(Debug)]
pub struct Tested {
    /// What is wrong with the file itself or with the rule files it names.
    pub diagnostics: Vec<Diagnostic>,
    /// Patterns that name no file, and other remarks.
    pub remarks: Vec<String>,
    /// The tests that ran.
    pub groups: Vec<GroupOutcome>,
    /// The file as read.
    pub file: Option<UnitTestFile>,
}

impl Tested {
    /// Whether everything was as expected.
    pub fn passed(&self) -> bool {
        self.diagnostics.is_empty() && self.groups.iter().all(GroupOutcome::passed)
    }
}

/// Runs the tests of a file whose name is relative to `folder`; `selected` is asked with each test's name.
pub fn test_file(source: &SourceText, folder: &Path, run_as: &RunAs, selected: &dyn Fn(&str) -> bool) -> Tested {
    let (file, diagnostics) = unit_test::read(source, run_as.release);
    test_read(source, folder, run_as, selected, file, diagnostics)
}

/// The same for a file that has been read, with what was wrong.
pub fn test_read(
    source: &SourceText,
    folder: &Path,
    run_as: &RunAs,
    selected: &dyn Fn(&str) -> bool,
    file: Option<UnitTestFile>,
    diagnostics: Vec<Diagnostic>,
) -> Tested {
    let mut tested = Tested { diagnostics, remarks: Vec::new(), groups: Vec::new(), file: None };
    let Some(file) = file.filter(|_| tested.diagnostics.is_empty()) else { return tested };
    let base = Path::new(source.name()).parent().unwrap_or(Path::new(""));
    let (mut loaded, mut broken) = (Vec::new(), Vec::new());
    for pattern in file.rule_files.iter().filter(|p| !p.value.is_empty()) {
        if !glob::is_pattern(&pattern.value) {
            let wrong = Diagnostic::error("syntax error in pattern").at(source, pattern.span);
            tested.diagnostics.push(wrong.upstream("syntax error in pattern").help("close the bracket, or quote it"));
            return tested;
        }
        let paths = glob::expand(folder, &base.join(&pattern.value).to_string_lossy());
        if paths.is_empty() {
            tested.remarks.push(format!("no file match pattern {}", pattern.value));
        }
        for path in paths {
            match read_source(folder, &path) {
                Err(e) => broken.push(*e),
                Ok(source) => {
                    let (read, found) = file::read(&source, &ReadRules::release(run_as.release));
                    broken.extend(found.into_iter().filter(|d| d.severity == Severity::Error));
                    loaded.extend(read.map(|file| Loaded { path, file }));
                }
            }
        }
    }
    let wanted: Vec<usize> = (0..file.tests.len()).filter(|i| selected(&file.tests[*i].name)).collect();
    // promtool reads the rules for each test, and says nothing of them where there is none.
    if !broken.is_empty() && !wanted.is_empty() {
        tested.diagnostics = broken;
        tested.file = Some(file);
        return tested;
    }
    let rules = RuleSet::new(&file, &loaded, run_as);
    for index in wanted {
        if let Some(mut outcome) = unit_test::run(&file, index, &rules, run_as) {
            if let (Some(case), true) = (&file.tests[index].notifications, ran(&outcome)) {
                let found = notifications::judge(case, &file.tests[index], &outcome, folder, base);
                outcome.failures.extend(found);
            }
            tested.groups.push(outcome);
        }
    }
    tested.file = Some(file);
    tested
}

/// Whether a test ran to its end.
fn ran(outcome: &GroupOutcome) -> bool {
    let ends = |f: &Failure| {
        matches!(
            f,
            Failure::Input { .. } | Failure::NoAlertname { .. } | Failure::TooLong { .. } | Failure::Rule { .. }
        )
    };
    !outcome.failures.iter().any(ends)
}

/// Reads a file as text.
pub fn read_source(folder: &Path, name: &str) -> Result<SourceText, Box<Diagnostic>> {
    let bytes = std::fs::read(folder.join(name))
        .map_err(|e| Box::new(Diagnostic::error(format!("cannot read {name}: {e}"))))?;
    SourceText::decode(name, &bytes)
}
