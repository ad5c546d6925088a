//! `promtool check rules`: rule files, and the lint for rules that are there twice.

use super::{Outcome, Setting};
use crate::rules::file::{self, ReadRules, RuleFile};
use crate::text::{Diagnostic, Severity};

/// Which lint is on, and whether it counts.
#[derive(Clone, Copy)]
pub(super) struct Lint {
    pub duplicates: bool,
    pub fatal: bool,
}

/// Takes the flags; what is left are files.
pub(super) fn flags<'a>(args: &[&'a str]) -> (Lint, bool, Vec<&'a str>) {
    let mut lint = Lint { duplicates: true, fatal: false };
    let (mut syntax_only, mut files) = (false, Vec::new());
    for arg in args {
        match *arg {
            "--lint-fatal" => lint.fatal = true,
            "--syntax-only" => syntax_only = true,
            flag if flag.starts_with("--lint=") => {
                lint.duplicates = matches!(&flag[7..], "all" | "duplicate-rules");
            }
            file => files.push(file),
        }
    }
    (lint, syntax_only, files)
}

pub(super) fn run(args: &[&str], setting: &Setting) -> Outcome {
    let (lint, _, files) = flags(args);
    check(&files, lint, setting)
}

/// Checks rule files by name.
pub(super) fn check(files: &[&str], lint: Lint, setting: &Setting) -> Outcome {
    let (mut found, mut failed, mut linted) = (Vec::new(), false, false);
    for name in files {
        let (read, problems) = match setting.source(name) {
            Ok(source) => file::read(&source, &ReadRules::release(setting.release)),
            Err(e) => (None, vec![*e]),
        };
        failed |= problems.iter().any(|d| d.severity == Severity::Error);
        let clean = problems.is_empty();
        found.extend(problems);
        if let Some(read) = read.filter(|_| clean && lint.duplicates) {
            let twice = duplicates(&read);
            linted |= !twice.is_empty();
            found.extend(twice);
        }
    }
    let exit = match (failed, linted && lint.fatal) {
        (true, _) => 1,
        (_, true) => 3,
        _ => 0,
    };
    Outcome { exit, found }
}

/// Rules of the same name with the same labels.
fn duplicates(file: &RuleFile) -> Vec<Diagnostic> {
    let mut seen = std::collections::BTreeSet::new();
    let mut found = Vec::new();
    for rule in file.rules() {
        let mut labels: Vec<(&str, &str)> =
            rule.labels.iter().map(|(k, v)| (k.value.as_str(), v.value.as_str())).collect();
        labels.sort_unstable();
        if !seen.insert((rule.name.value.as_str(), labels)) {
            let message = format!("the rule {} is there twice with the same labels", rule.name.value);
            found.push(Diagnostic::warning(message));
        }
    }
    found
}
