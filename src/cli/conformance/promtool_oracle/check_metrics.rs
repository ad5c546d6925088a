//! `promtool check metrics < FILE`

use super::{Outcome, Setting};
use crate::exposition::lint;
use crate::text::Diagnostic;

/// Runs the command. Problems of style end with 3, pages that cannot be read with 1.
pub(super) fn run(args: &[&str], setting: &Setting) -> Outcome {
    let failed = |message: String| Outcome { exit: 1, found: vec![Diagnostic::error(message)] };
    let ["<", file] = args else {
        return failed(format!("wanted a redirected file, got {args:?}"));
    };
    let page = match std::fs::read(setting.folder.join(file)) {
        Ok(page) => page,
        Err(e) => return failed(format!("cannot read {file}: {e}")),
    };
    match lint(&page) {
        Err(e) => failed(format!("error while linting: {e}")),
        Ok(problems) => {
            let exit = if problems.is_empty() { 0 } else { 3 };
            let found = problems.iter().map(|p| Diagnostic::warning(format!("{} {}", p.metric, p.text))).collect();
            Outcome { exit, found }
        }
    }
}
