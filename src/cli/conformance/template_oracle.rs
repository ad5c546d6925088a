//! Suite `template-oracle`: alert templates expanded over fixed data, as promtool 2.42 expanded them.

use std::cell::OnceCell;
use std::path::Path;

use serde::Deserialize;

use super::{SuiteError, SuiteReport};
use crate::golang::float::parse_float;
use crate::model::Labels;
use crate::promql::Dialect;
use crate::promql::eval::Options;
use crate::rules::template::{AlertTemplate, TemplateData, query_samples};
use crate::tsdb::Tsdb;

#[derive(Deserialize)]
struct Case {
    value: String,
    template: String,
    result: String,
    deterministic: bool,
}

/// The data all cases see, but for the value.
struct World {
    db: Tsdb,
    labels: Labels,
    external_labels: Labels,
    options: Options,
}

/// Runs the suite.
pub fn run(path: &Path, dialect: Option<&str>) -> Result<SuiteReport, SuiteError> {
    let dialect = super::prometheus_dialect(dialect, Dialect::V2_42)?;
    let mut report = SuiteReport::default();
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    for (i, line) in super::read(path)?.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let id = format!("{name}:{}", i + 1);
        match serde_json::from_str::<Case>(line) {
            Ok(case) if !case.deterministic => report.skip(),
            Ok(case) => match World::new(&case, dialect) {
                Ok((world, value)) => report.compare(id, case.result.as_str(), world.expand(&case.template, value)),
                Err(e) => report.fail(id, case.result, e),
            },
            Err(e) => report.fail(id, "a case", e.to_string()),
        }
    }
    Ok(report)
}

impl World {
    fn new(case: &Case, dialect: Dialect) -> Result<(Self, f64), String> {
        let value = parse_float(&case.value).map_err(|e| e.message(&case.value))?;
        let labels = Labels::from_pairs([("__name__", "m"), ("x", "a"), ("y", "b.c:80")]);
        let mut db = Tsdb::new();
        let of_q = |i: &str| Labels::from_pairs([("__name__", "q"), ("i", i)]);
        for (labels, value) in [(labels.clone(), value), (of_q("1"), 9.0), (of_q("2"), 7.0), (of_q("10"), 8.0)] {
            let series = db.series_ref(&labels);
            db.append(series, 0, value).map_err(|e| e.to_string())?;
        }
        let external_labels = Labels::from_pairs([("e", "ext")]);
        Ok((Self { db, labels, external_labels, options: Options::small(dialect) }, value))
    }

    fn expand(&self, template: &str, value: f64) -> String {
        let dialect = self.options.dialect;
        let template = match AlertTemplate::parse("A", template, dialect) {
            Ok(template) => template,
            Err(e) => return format!("RULE LOAD ERROR: r.yml: group \"g\", rule 1, \"A\": annotation \"a000\": {e}"),
        };
        template.expand(&TemplateData {
            labels: &self.labels,
            external_labels: &self.external_labels,
            external_url: "http://ex.test/pre",
            url_of_functions: None,
            value,
            at_ms: 0,
            query: &|text| query_samples(text, &self.db, 0, &self.options),
            dot: OnceCell::new(),
        })
    }
}
