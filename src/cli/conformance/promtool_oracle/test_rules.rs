//! `promtool test rules`: unit-test files over the rule files they name.

use super::{Outcome, Setting};
use crate::cli::test_rules::{Tested, test_file};
use crate::rules::unit_test::RunAs;
use crate::text::Diagnostic;

pub(super) fn run(args: &[&str], setting: &Setting) -> Outcome {
    let run_as = RunAs::release(setting.release);
    let mut found: Vec<Diagnostic> = Vec::new();
    for name in args.iter().filter(|a| !a.starts_with("--")) {
        match setting.source(name) {
            Err(e) => found.push(*e),
            Ok(source) => {
                let Tested { diagnostics, groups, .. } = test_file(&source, &setting.folder, &run_as, &|_| true);
                found.extend(diagnostics);
                let failures = groups.iter().flat_map(|g| g.failures.iter().map(|f| f.promtool(&g.name)));
                found.extend(failures.map(Diagnostic::error));
            }
        }
    }
    Outcome { exit: i32::from(!found.is_empty()), found }
}
