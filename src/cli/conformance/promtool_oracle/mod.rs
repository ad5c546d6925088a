//! Suite `promtool-oracle`: commands with what promtool answered. Exit codes must agree, and so must the places it
//! names; the wording is labkit's own.

mod check_config;
mod check_metrics;
mod check_rules;
mod test_rules;

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{SuiteError, SuiteReport, read};
use crate::cli::asked::Asked;
use crate::promql::Dialect;
use crate::promql::signature::Release;
use crate::text::{Diagnostic, SourceText};

/// One recorded command.
#[derive(Deserialize)]
struct Recorded {
    cwd: PathBuf,
    args: Vec<String>,
    exit: i32,
    #[serde(default)]
    stderr: String,
    /// Set where Debian's build, which lacks some kinds of service discovery, was recorded.
    note: Option<String>,
}

/// What a command of ours came to.
struct Outcome {
    exit: i32,
    found: Vec<Diagnostic>,
}

/// How a command is run.
struct Setting {
    folder: PathBuf,
    release: Release,
    debian: bool,
}

impl Setting {
    /// Reads a file relative to the command's folder; a file that is not UTF-8 is told as promtool tells it.
    fn source(&self, name: &str) -> Result<SourceText, Box<Diagnostic>> {
        let bytes = std::fs::read(self.folder.join(name))
            .map_err(|e| Box::new(Diagnostic::error(format!("cannot read {name}: {e}"))))?;
        SourceText::decode(name, &bytes)
    }
}

/// Runs the suite.
pub fn run(path: &Path, dialect: Option<&str>) -> Result<SuiteReport, SuiteError> {
    let release = super::asked(dialect, Asked::Dialect(Dialect::V2_42))?.release();
    let text = read(path)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut report = SuiteReport::default();
    for (i, line) in text.lines().enumerate().filter(|(_, l)| !l.trim().is_empty()) {
        let case = format!("{}:{}", path.file_name().unwrap_or_default().to_string_lossy(), i + 1);
        match serde_json::from_str::<Recorded>(line) {
            Ok(recorded) => {
                let case = format!("{case} {}", recorded.args.join(" "));
                judge(&mut report, case, folder, &recorded, release);
            }
            Err(e) => report.fail(case, "a recorded command", e.to_string()),
        }
    }
    Ok(report)
}

fn judge(report: &mut SuiteReport, case: String, folder: &Path, recorded: &Recorded, release: Release) {
    let setting = Setting { folder: folder.join(&recorded.cwd), release, debian: recorded.note.is_some() };
    let args: Vec<&str> = recorded.args.iter().map(String::as_str).collect();
    let outcome = match args.as_slice() {
        ["check", "config", rest @ ..] => check_config::run(rest, &setting),
        ["check", "rules", rest @ ..] => check_rules::run(rest, &setting),
        ["test", "rules", rest @ ..] => test_rules::run(rest, &setting),
        ["check", "metrics", rest @ ..] => check_metrics::run(rest, &setting),
        _ => {
            report.fail(case, format!("exit {}", recorded.exit), "labkit has no such command yet");
            return;
        }
    };
    let wanted = places(&recorded.stderr);
    let got: Vec<String> =
        outcome.found.iter().flat_map(|d| places(d.upstream.as_deref().unwrap_or(&d.message))).collect();
    let words: Vec<&str> = outcome.found.iter().map(|d| d.upstream.as_deref().unwrap_or(&d.message)).collect();
    let missing: Vec<&String> = wanted.iter().filter(|p| !got.contains(p)).collect();
    if outcome.exit == recorded.exit && missing.is_empty() {
        report.pass();
    } else {
        report.fail(
            case,
            format!("exit {}, {}", recorded.exit, recorded.stderr.trim()),
            format!("exit {}, {}", outcome.exit, words.join(" | ")),
        );
    }
}

/// The places that a message names: `line N` of YAML, `LINE:COLUMN` of rules and expressions.
fn places(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let words: Vec<&str> = text.split_whitespace().collect();
    for (i, word) in words.iter().enumerate() {
        let Some(body) = word.strip_suffix(':') else { continue };
        let number = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
        if i > 0 && words[i - 1] == "line" && number(body) {
            found.push(format!("line {body}"));
        } else if body.split_once(':').is_some_and(|(line, column)| number(line) && number(column)) {
            found.push(body.to_owned());
        }
    }
    found
}
