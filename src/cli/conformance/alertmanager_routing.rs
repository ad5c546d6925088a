//! Suite `alertmanager-routing`: the receivers a label set ends at, as `amtool config routes test` names them.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::{SuiteError, SuiteReport, read};
use crate::alertmanager::Version;
use crate::alertmanager::config::Config;
use crate::alertmanager::routing::RouteTree;
use crate::model::Labels;
use crate::text::SourceText;

#[derive(Deserialize)]
struct Case {
    file: String,
    labels: BTreeMap<String, String>,
    receivers: Vec<String>,
}

/// Runs the suite.
pub fn run(path: &Path, dialect: Option<&str>) -> Result<SuiteReport, SuiteError> {
    let version = dialect.unwrap_or("0.25").parse::<Version>().map_err(SuiteError)?;
    let cases_file = if path.is_dir() { path.join("cases.json") } else { path.to_path_buf() };
    let folder = cases_file.parent().unwrap_or(Path::new("."));
    let cases: Vec<Case> = serde_json::from_str(&read(&cases_file)?)
        .map_err(|e| SuiteError(format!("cannot read {}: {e}", cases_file.display())))?;
    let mut report = SuiteReport::default();
    for (i, case) in cases.iter().enumerate() {
        let name = format!("{} #{} {:?}", case.file, i + 1, case.labels);
        let expected = case.receivers.join(", ");
        let places =
            [folder.join(&case.file), folder.join("../examples").join(&case.file), folder.join("..").join(&case.file)];
        let Some(text) = places.iter().find_map(|p| std::fs::read_to_string(p).ok()) else {
            report.fail(name, expected, "the file is not there");
            continue;
        };
        let Some(config) = Config::load(&SourceText::new(case.file.as_str(), text), version).config else {
            report.fail(name, expected, "the file was refused");
            continue;
        };
        let labels = Labels::from_pairs(case.labels.iter().map(|(k, v)| (k.as_str(), v.as_str())));
        let tree = RouteTree::new(&config, version);
        let ends = tree.matching(&labels).into_iter().map(|n| tree.nodes()[n].receiver.name.to_string());
        report.compare(name, expected, ends.collect::<Vec<_>>().join(", "));
    }
    Ok(report)
}
