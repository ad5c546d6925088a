//! Suite `grafana-dashboards`: hand-made dashboards in every form, judged on metric, refresh, range and line.

use std::path::Path;

use serde_json::Value;

use super::{SuiteError, SuiteReport, read};
use crate::stack::grafana::{Dashboard, DataSource, DataSources, Judgement, Wanted, judge};

/// The data sources that the cases assume.
pub(super) fn sources() -> DataSources {
    let source = |uid: &str, name: &str, kind: &str, is_default| DataSource {
        uid: uid.to_owned(),
        name: name.to_owned(),
        kind: kind.to_owned(),
        is_default,
        url: None,
    };
    let known = vec![source("prom1", "Prometheus", "prometheus", true), source("loki1", "Loki", "loki", false)];
    DataSources { known, complete: true }
}

/// What the lab asks.
pub(super) fn wanted() -> Wanted {
    Wanted { metric: "model_result".to_owned(), refresh_millis: 5000.0, range_seconds: 900, line_at: 0.75 }
}

/// Runs the suite.
pub fn run(path: &Path, _dialect: Option<&str>) -> Result<SuiteReport, SuiteError> {
    let mut report = SuiteReport::default();
    for (i, line) in read(path)?.lines().enumerate().filter(|(_, l)| !l.trim().is_empty()) {
        let case: Value = serde_json::from_str(line).unwrap_or_default();
        let (Some(name), Some(expect), Some(body)) =
            (case["name"].as_str(), case["expect"].as_object(), case.get("body"))
        else {
            report.fail(format!("{}:{}", path.display(), i + 1), "a case", "a line that is none");
            continue;
        };
        let Some(dashboard) = Dashboard::read(body) else {
            report.fail(name, "a dashboard", "not recognised as one");
            continue;
        };
        let Judgement { metric, refresh, range, line } = judge(&dashboard, &sources(), &wanted());
        let mut expected = Vec::new();
        let mut actual = Vec::new();
        for (key, finding) in [("metric", metric), ("refresh", refresh), ("range", range), ("line", line)] {
            let want = expect.get(key).and_then(Value::as_str).unwrap_or("?");
            if want != finding.standing.as_str() {
                expected.push(format!("{key} {want}"));
                actual.push(format!("{key} {}: {}", finding.standing.as_str(), finding.message));
            }
        }
        report.compare(name, expected.join(", "), actual.join(", "));
    }
    Ok(report)
}
