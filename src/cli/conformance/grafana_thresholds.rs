//! Suite `grafana-thresholds`: hand-made panels. Is there a red line at 0.75 on a graph of `model_result`?

use std::path::Path;

use serde_json::{Value, json};

use super::grafana_dashboards::{sources, wanted};
use super::{SuiteError, SuiteReport, read};
use crate::stack::grafana::{Dashboard, Panel, judge_panel};

/// Runs the suite.
pub fn run(path: &Path, _dialect: Option<&str>) -> Result<SuiteReport, SuiteError> {
    let mut report = SuiteReport::default();
    for (i, line) in read(path)?.lines().enumerate().filter(|(_, l)| !l.trim().is_empty()) {
        let case: Value = serde_json::from_str(line).unwrap_or_default();
        let (Some(name), Some(expect), Some(panel)) =
            (case["name"].as_str(), case["expect"].as_str(), case.get("panel"))
        else {
            report.fail(format!("{}:{}", path.display(), i + 1), "a case", "a line that is none");
            continue;
        };
        let body = json!({"panels": [panel], "refresh": "5s", "time": {"from": "now-15m", "to": "now"}});
        let dashboard = Dashboard::read(&body).unwrap_or_default();
        let panel = Panel::from_model(panel);
        let (metric, line, range) = judge_panel(&panel, &dashboard, &sources(), &wanted());
        let worst = [&metric, &line, &range].into_iter().min_by_key(|f| f.standing).expect("three findings");
        if worst.standing.as_str() == expect {
            report.pass();
        } else {
            report.fail(name, expect, format!("{}: {}", worst.standing.as_str(), worst.message));
        }
    }
    Ok(report)
}
