//! CTRF, the common test report format. Points and verdicts it has no word for stand under `extra`.

use serde_json::{Value, json};

use super::Options;
use crate::report::escape::without_controls;
use crate::report::{RunResult, Verdict};

fn status(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "passed",
        Verdict::Fail => "failed",
        Verdict::Skipped => "skipped",
        Verdict::Unverified => "pending",
        _ => "other",
    }
}

pub fn render(results: &[RunResult], options: &Options) -> String {
    let tests: Vec<Value> = results
        .iter()
        .flat_map(|result| {
            result.criteria.iter().map(move |c| {
                let mut test = json!({
                    "name": c.title,
                    "status": status(c.verdict),
                    "duration": 0,
                    "suite": [result.lab.id, without_controls(&result.subject.name)],
                    "rawStatus": c.verdict.as_str(),
                    "type": "acceptance",
                    "tags": [c.id],
                    "extra": {"labkit": {"criterion": c.id, "score": c.score, "max_score": c.max_score, "root_cause": c.root_cause}},
                });
                if !c.reason.is_empty() {
                    test["message"] = json!(without_controls(&c.reason));
                }
                test
            })
        })
        .collect();
    let count = |wanted: &str| tests.iter().filter(|t| t["status"] == wanted).count();
    json!({
        "reportFormat": "CTRF",
        "specVersion": "1.0.0",
        "results": {
            "tool": {"name": "labkit", "version": env!("CARGO_PKG_VERSION")},
            "summary": {
                "tests": tests.len(),
                "passed": count("passed"),
                "failed": count("failed"),
                "skipped": count("skipped"),
                "pending": count("pending"),
                "other": count("other"),
                "start": options.now_ms,
                "stop": options.now_ms,
            },
            "tests": tests,
        },
    })
    .to_string()
}
