//! `labkit export FORMAT`: the results of a batch for a learning platform or a CI system.

use std::path::PathBuf;

use clap::Args;

use super::exit::Exit;
use super::print;
use crate::grade::batch::RESULTS;
use crate::grade::export::{self, Format, Options, Submission};
use crate::grade::journal::each_result;
use crate::grade::overview::Overview;
use crate::grade::reports;
use crate::grade::review::Decisions;

#[derive(Debug, Args)]
pub struct ExportArgs {
    /// The format
    #[arg(value_enum)]
    format: Format,
    /// Folder with the results of `labkit grade`
    #[arg(long, value_name = "DIR", default_value = "reports", env = "LABKIT_OUT")]
    out: PathBuf,
    /// The sheet downloaded from the platform, to be filled (canvas, moodle, brightspace)
    #[arg(long, value_name = "SHEET", env = "LABKIT_FROM")]
    from: Option<PathBuf>,
    /// Where to write; stdout without it
    #[arg(long, value_name = "FILE", env = "LABKIT_TO")]
    to: Option<PathBuf>,
    /// The assignment's column (canvas; brightspace when there are several)
    #[arg(long, value_name = "TITLE", env = "LABKIT_COLUMN")]
    column: Option<String>,
    /// Points of the whole on the other side
    #[arg(long, value_name = "POINTS", env = "LABKIT_POINTS")]
    points: Option<u32>,
    /// Only this subject
    #[arg(long, value_name = "NAME", env = "LABKIT_SUBJECT")]
    subject: Option<String>,
}

/// Runs the command.
pub fn run(args: &ExportArgs) -> Exit {
    match exported(args) {
        Ok(()) => Exit::Ok,
        Err(e) => print::usage(&e),
    }
}

fn exported(args: &ExportArgs) -> Result<(), String> {
    let cannot = |e: std::io::Error| format!("cannot read the results in {}: {e}", args.out.display());
    let journal = args.out.join(RESULTS);
    if !journal.is_file() {
        return Err(format!("no {RESULTS} in {}; run labkit grade first", args.out.display()));
    }
    let mut overview = Overview::read(&args.out).map_err(cannot)?;
    let decisions = Decisions::read(&args.out).map_err(cannot)?;
    let mut results = Vec::new();
    let mut committed = None;
    each_result(&journal, |mut line| {
        if args.subject.as_ref().is_none_or(|s| *s == line.result.subject.name) {
            decisions.apply(&mut line.result);
            committed = line.grade.committed;
            results.push(line.result);
        }
    })
    .map_err(cannot)?;
    if let Some(subject) = &args.subject {
        overview.rows.retain(|r| r.name == *subject);
        if results.is_empty() {
            return Err(format!("--subject: no subject {subject:?} in {}", journal.display()));
        }
    }
    results.sort_by(|a, b| a.subject.name.cmp(&b.subject.name));
    let read =
        |path: &PathBuf| std::fs::read_to_string(path).map_err(|e| format!("cannot read {}: {e}", path.display()));
    let now = jiff::Timestamp::now();
    let options = Options {
        sheet: args.from.as_ref().map(read).transpose()?,
        column: args.column.clone(),
        points: args.points,
        now_ms: u64::try_from(now.as_millisecond()).unwrap_or(0),
        submission: (args.format == Format::Classroom50).then(|| submission(committed)).transpose()?,
    };
    let done = export::export(args.format, &overview, &results, &options)?;
    for remark in &done.remarks {
        print::remark(&crate::report::escape::without_controls(remark).replace('\n', " "));
    }
    match &args.to {
        Some(path) => reports::replace(path, &done.text),
        None => {
            print::result(&done.text);
            Ok(())
        }
    }
}

/// What Classroom 50's workflow says of the submission.
fn submission(committed: Option<i64>) -> Result<Submission, String> {
    let variable = |name: &str| std::env::var(name).map_err(|_| format!("{name} is not in the environment"));
    let moment = match committed.and_then(|s| jiff::Timestamp::from_second(s).ok()) {
        Some(moment) => moment,
        None => jiff::Timestamp::now(),
    };
    Ok(Submission {
        classroom: variable("CLASSROOM")?,
        assignment: variable("ASSIGNMENT")?,
        assignment_type: variable("ASSIGNMENT_TYPE")?,
        owner: variable("OWNER")?,
        submission: variable("SUBMISSION_TAG")?,
        commit: variable("COMMIT_URL")?,
        release: variable("RELEASE_URL")?,
        review: variable("REVIEW_URL")?,
        datetime: variable("COMMIT_DATETIME").unwrap_or_else(|_| moment.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()),
    })
}
