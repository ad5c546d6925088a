//! `promtool test rules`: unit-test files over the rule files they name.

use std::path::Path;

use super::check_config::expand;
use super::{Outcome, Setting};
use crate::rules::file::{self, ReadRules};
use crate::rules::unit_test::{self, Loaded};
use crate::text::Diagnostic;

pub(super) fn run(args: &[&str], setting: &Setting) -> Outcome {
    let found: Vec<Diagnostic> = args
        .iter()
        .filter(|a| !a.starts_with("--"))
        .flat_map(|name| test(name, setting).err().unwrap_or_default())
        .collect();
    Outcome { exit: i32::from(!found.is_empty()), found }
}

fn test(name: &str, setting: &Setting) -> Result<(), Vec<Diagnostic>> {
    let source = setting.source(name).map_err(|e| vec![*e])?;
    let (tests, found) = unit_test::read(&source, setting.release);
    let Some(tests) = tests.filter(|_| found.is_empty()) else { return Err(found) };
    let base = Path::new(name).parent().unwrap_or(Path::new(""));
    let (mut loaded, mut broken) = (Vec::new(), Vec::new());
    for pattern in &tests.rule_files {
        for path in expand(&setting.folder, base, &pattern.value) {
            let source = setting.source(&path).map_err(|e| vec![*e])?;
            let (read, found) = file::read(&source, &ReadRules::release(setting.release));
            broken.extend(found);
            loaded.extend(read.map(|file| Loaded { path, file }));
        }
    }
    if !broken.is_empty() {
        return Err(broken);
    }
    let failed = unit_test::run(&tests, &loaded, setting.release);
    if failed.is_empty() { Ok(()) } else { Err(failed) }
}
