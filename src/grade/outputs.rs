//! What is made of a journal: gradebook, index, picture, decisions in reports. Made anew as a whole each time.

use std::path::Path;

use super::batch::RESULTS;
use super::gradebook;
use super::index;
use super::journal::each_result;
use super::overview::Overview;
use super::reports::replace;
use super::review::{self, Decisions};

/// File name of the gradebook.
pub const GRADEBOOK: &str = "gradebook.csv";
/// File name of the page for the teacher.
pub const INDEX: &str = "index.md";

/// Writes everything that follows from the journal and the decisions in `out`.
///
/// # Errors
/// A file cannot be read or written.
pub fn write(out: &Path) -> Result<Overview, String> {
    let cannot = |e: std::io::Error| format!("cannot read the results in {}: {e}", out.display());
    let overview = Overview::read(out).map_err(cannot)?;
    replace(&out.join(GRADEBOOK), &gradebook::render(&overview))?;
    replace(&out.join(index::PICTURE), &index::distribution(&overview.percentages()))?;
    replace(&out.join(INDEX), &index::render(&overview))?;
    let decisions = Decisions::read(out).map_err(cannot)?;
    if decisions.subjects().next().is_some() {
        let mut failed = None;
        each_result(&out.join(RESULTS), |mut line| {
            let of_subject = decisions.of(&line.result.subject.name);
            if !of_subject.is_empty() && !line.grade.report.is_empty() {
                decisions.apply(&mut line.result);
                if let Err(e) = review::show(&out.join(&line.grade.report), &line.result, of_subject) {
                    failed = Some(e);
                }
            }
        })
        .map_err(cannot)?;
        if let Some(e) = failed {
            return Err(e);
        }
    }
    Ok(overview)
}
