//! Suite `alertmanager-config`: files that amtool 0.25 or Alertmanager 0.34 accepts or refuses.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{SuiteError, SuiteReport, read};
use crate::alertmanager::Version;
use crate::alertmanager::config::{Config, Loaded};
use crate::text::{Severity, SourceText};

#[derive(Deserialize)]
struct Case {
    file: String,
    amtool_0_25: Option<Verdict>,
    expected_0_34: Option<Verdict>,
}

#[derive(Deserialize)]
struct Verdict {
    accepted: bool,
    #[serde(default)]
    error: String,
}

/// Runs the suite.
pub fn run(path: &Path, dialect: Option<&str>) -> Result<SuiteReport, SuiteError> {
    let version = dialect.unwrap_or("0.25").parse::<Version>().map_err(SuiteError)?;
    let (list, base, prefix) = find_list(path)?;
    let cases: Vec<Case> =
        serde_json::from_str(&read(&list)?).map_err(|e| SuiteError(format!("cannot read {}: {e}", list.display())))?;
    let mut report = SuiteReport::default();
    for case in cases.iter().filter(|c| c.file.starts_with(&prefix)) {
        let verdict = if version < Version::V0_30 { &case.amtool_0_25 } else { &case.expected_0_34 };
        let Some(verdict) = verdict else {
            report.skip();
            continue;
        };
        let bytes = match std::fs::read(base.join(&case.file)) {
            Ok(bytes) => bytes,
            Err(e) => {
                report.fail(&case.file, "a readable file", e.to_string());
                continue;
            }
        };
        let loaded = match SourceText::decode(&case.file, &bytes) {
            Ok(source) => Config::load(&source, version),
            Err(e) => Loaded { config: None, diagnostics: vec![*e] },
        };
        let actual = match &loaded.config {
            Some(_) => String::new(),
            None => {
                let errors = loaded.diagnostics.iter().filter(|d| d.severity == Severity::Error);
                errors.map(|d| d.upstream.as_deref().unwrap_or(&d.message)).collect::<Vec<_>>().join("; ")
            }
        };
        if loaded.config.is_some() == verdict.accepted {
            report.pass();
        } else {
            let show =
                |accepted: bool, why: &str| if accepted { "accepted".to_owned() } else { format!("refused: {why}") };
            report.fail(&case.file, show(verdict.accepted, &verdict.error), show(loaded.config.is_some(), &actual));
        }
    }
    Ok(report)
}

/// The list of expectations, the folder its file names count from, and what those names begin with.
fn find_list(path: &Path) -> Result<(PathBuf, PathBuf, String), SuiteError> {
    if path.is_file() {
        let base = path.parent().unwrap_or(Path::new(".")).to_path_buf();
        return Ok((path.to_path_buf(), base, String::new()));
    }
    for name in ["expected.json", "upstream-files.expected.json"] {
        if path.join(name).is_file() {
            return Ok((path.join(name), path.to_path_buf(), String::new()));
        }
    }
    let whole = path.canonicalize().map_err(|e| SuiteError::unreadable(path, &e))?;
    let beside = whole.parent().map(|p| (p.join("upstream-files.expected.json"), p.to_path_buf()));
    match (beside, whole.file_name().and_then(|n| n.to_str())) {
        (Some((list, base)), Some(name)) if list.is_file() => Ok((list, base, format!("{name}/"))),
        _ => Err(SuiteError(format!("no expected.json in {}", path.display()))),
    }
}
