//! Gradescope's `results.json`: a test per criterion. What was not judged has no score and no status: it is for people
//! to read, and the top says so.

use serde_json::{Value, json};

use super::super::fraction::{parts, written};
use super::Options;
use crate::report::escape::without_controls;
use crate::report::{RunResult, Verdict};

pub fn render(result: &RunResult, options: &Options) -> String {
    const DECIMALS: u32 = 2;
    let s = &result.summary;
    let scale = options.points.unwrap_or(s.max_score);
    let counts = |v: Verdict| matches!(v, Verdict::Pass | Verdict::Fail | Verdict::Skipped);
    let column = |points: fn(&crate::report::CriterionResult) -> u32| {
        let all: Vec<u32> = result.criteria.iter().map(|c| if counts(c.verdict) { points(c) } else { 0 }).collect();
        parts(&all, s.max_score, scale, DECIMALS)
    };
    let (earned, possible) = (column(|c| c.score), column(|c| c.max_score));
    let number = |units: u64| written(units, DECIMALS).parse::<f64>().unwrap_or(0.0);
    let tests: Vec<Value> = result
        .criteria
        .iter()
        .enumerate()
        .map(|(i, c)| {
            let mut test = json!({
                "name": c.title,
                "number": (i + 1).to_string(),
                "output": without_controls(&output(c)),
                "output_format": "text",
                "tags": [c.id, c.verdict.as_str()],
                "visibility": "visible",
                "extra_data": {"criterion": c.id, "verdict": c.verdict, "root_cause": c.root_cause},
            });
            if counts(c.verdict) {
                test["score"] = json!(number(earned[i]));
                test["max_score"] = json!(number(possible[i]));
                test["status"] = json!(if c.verdict == Verdict::Pass { "passed" } else { "failed" });
            }
            test
        })
        .collect();
    let open =
        if s.open > 0 { format!(" {} points are still open: they count neither way.", s.open) } else { String::new() };
    let document = json!({
        "score": number(earned.iter().sum()),
        "output": format!("{} of {} judged points.{open}", s.score, s.max_score),
        "output_format": "text",
        "test_output_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": tests,
        "extra_data": {"schema": result.schema, "labkit": result.labkit, "lab": result.lab.id, "commit": result.subject.commit},
    });
    document.to_string()
}

fn output(c: &crate::report::CriterionResult) -> String {
    let mut text = format!("{}: {}", c.verdict.as_str(), c.reason);
    if let Some(root) = &c.root_cause {
        text += &format!("\nbecause of: {root}");
    }
    if c.verdict != Verdict::Pass && !c.hint.is_empty() {
        text += &format!("\nhint: {}", c.hint);
    }
    text
}
