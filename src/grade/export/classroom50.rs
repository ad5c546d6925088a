//! Classroom 50's `result.json` (`classroom50/result/v1`): no key more than its schema knows, points as whole numbers.

use serde_json::{Value, json};

use super::super::fraction::parts;
use super::Options;
use crate::report::escape::without_controls;
use crate::report::{RunResult, Verdict};

/// What the workflow's environment says of a submission.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Submission {
    /// `CLASSROOM`
    pub classroom: String,
    /// `ASSIGNMENT`
    pub assignment: String,
    /// `ASSIGNMENT_TYPE`: `individual` or `group`
    pub assignment_type: String,
    /// `OWNER`
    pub owner: String,
    /// `SUBMISSION_TAG`, begins with `submit/`
    pub submission: String,
    /// `COMMIT_URL`
    pub commit: String,
    /// `RELEASE_URL`
    pub release: String,
    /// `REVIEW_URL`
    pub review: String,
    /// The commit's date, `YYYY-MM-DDTHH:MM:SSZ`
    pub datetime: String,
}

pub fn render(result: &RunResult, options: &Options) -> Result<String, String> {
    let s = options.submission.as_ref().ok_or("nothing is known of the submission")?;
    if !s.submission.starts_with("submit/") {
        return Err(format!("SUBMISSION_TAG is {:?}, wanted it to begin with submit/", s.submission));
    }
    if !["individual", "group"].contains(&s.assignment_type.as_str()) {
        return Err(format!("ASSIGNMENT_TYPE is {:?}, wanted individual or group", s.assignment_type));
    }
    let scale = options.points.unwrap_or(result.summary.max_score);
    let counts = |v: Verdict| matches!(v, Verdict::Pass | Verdict::Fail | Verdict::Skipped);
    let column = |points: fn(&crate::report::CriterionResult) -> u32| {
        let all: Vec<u32> = result.criteria.iter().map(|c| if counts(c.verdict) { points(c) } else { 0 }).collect();
        parts(&all, result.summary.max_score, scale, 0)
    };
    let (earned, possible) = (column(|c| c.score), column(|c| c.max_score));
    let tests: Vec<Value> = result
        .criteria
        .iter()
        .enumerate()
        .map(|(i, c)| {
            json!({
                "test-name": c.title,
                "passed": c.verdict == Verdict::Pass,
                "score": earned[i],
                "max-score": possible[i],
                "criterion": c.id,
                "status": c.verdict,
                "reason": without_controls(&c.reason),
                "hint": c.hint,
            })
        })
        .collect();
    Ok(json!({
        "schema": "classroom50/result/v1",
        "classroom": s.classroom,
        "assignment": s.assignment,
        "assignment_type": s.assignment_type,
        "owner": s.owner,
        "submission": s.submission,
        "commit": s.commit,
        "release": s.release,
        "review": s.review,
        "datetime": s.datetime,
        "score": earned.iter().sum::<u64>(),
        "max-score": possible.iter().sum::<u64>(),
        "tests": tests,
    })
    .to_string())
}
