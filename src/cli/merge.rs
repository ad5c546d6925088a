//! `labkit merge DIR...`: the parts of a batch that ran on several machines become one.

use std::path::{Path, PathBuf};

use clap::Args;

use super::exit::Exit;
use super::print;
use crate::grade::batch::RESULTS;
use crate::grade::journal::{Journal, each_result};
use crate::grade::review::DECISIONS;
use crate::grade::{outputs, reports};

/// Bytes of one report that are copied.
const REPORT_BUDGET: u64 = 64 << 20;

#[derive(Debug, Args)]
pub struct MergeArgs {
    /// Output folders of `labkit grade --shard`; where two hold the same subject the later one counts
    #[arg(value_name = "DIR", required = true)]
    folders: Vec<PathBuf>,
    /// Folder for the whole
    #[arg(long, value_name = "DIR", default_value = "reports", env = "LABKIT_OUT")]
    out: PathBuf,
}

/// Runs the command.
pub fn run(args: &MergeArgs) -> Exit {
    match merged(args) {
        Ok(subjects) => {
            print::remark(&format!("{subjects} subjects in {}", args.out.display()));
            Exit::Ok
        }
        Err(e) => print::usage(&e),
    }
}

fn merged(args: &MergeArgs) -> Result<usize, String> {
    let cannot = |e: std::io::Error| format!("cannot write to {}: {e}", args.out.display());
    std::fs::create_dir_all(&args.out).map_err(cannot)?;
    let out = args.out.canonicalize().map_err(cannot)?;
    for folder in &args.folders {
        if !folder.join(RESULTS).is_file() {
            return Err(format!("no {RESULTS} in {}", folder.display()));
        }
        if folder.canonicalize().is_ok_and(|f| f == out) {
            return Err(format!("{} is the folder for the whole, wanted another one", folder.display()));
        }
    }
    // Written beside and moved when whole: an end in between leaves what was there.
    let beside = out.join(".results.jsonl.new");
    let mut journal = Journal::create(&beside).map_err(cannot)?;
    for folder in &args.folders {
        let mut failed = None;
        each_result(&folder.join(RESULTS), |line| {
            let done = copy(folder, &out, &line.grade.report).and_then(|()| {
                let text = serde_json::to_string(&line).map_err(|e| e.to_string())?;
                journal.append(&text).map_err(|e| e.to_string())
            });
            failed = failed.take().or(done.err());
        })
        .map_err(|e| format!("cannot read {}: {e}", folder.display()))?;
        if let Some(e) = failed {
            return Err(e);
        }
    }
    // The last line of a subject counts: one line each is left.
    let whole = out.join(RESULTS);
    let mut journal = Journal::create(&out.join(".results.jsonl.whole")).map_err(cannot)?;
    let mut failed = None;
    each_result(&beside, |line| {
        let text = serde_json::to_string(&line).map_err(std::io::Error::other);
        failed = failed.take().or(text.and_then(|t| journal.append(&t)).err());
    })
    .map_err(cannot)?;
    if let Some(e) = failed {
        return Err(cannot(e));
    }
    std::fs::rename(out.join(".results.jsonl.whole"), &whole).map_err(cannot)?;
    std::fs::remove_file(&beside).map_err(cannot)?;
    decisions(&args.folders, &out).map_err(cannot)?;
    outputs::write(&out).map(|overview| overview.rows.len())
}

/// A report and its picture.
fn copy(from: &Path, to: &Path, report: &str) -> Result<(), String> {
    let plain = report.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)) && !report.starts_with('.');
    if report.is_empty() || !plain {
        return Ok(());
    }
    for name in [report.to_owned(), report.strip_suffix(".md").unwrap_or(report).to_owned() + ".svg"] {
        let path = from.join(&name);
        if path.symlink_metadata().is_ok_and(|m| m.is_file() && m.len() <= REPORT_BUDGET) {
            let text = std::fs::read_to_string(&path).map_err(|e| format!("cannot read {}: {e}", path.display()))?;
            reports::put(&to.join(&name), &text)?;
        }
    }
    Ok(())
}

fn decisions(folders: &[PathBuf], out: &Path) -> std::io::Result<()> {
    let mut all = String::new();
    for folder in folders {
        match std::fs::read_to_string(folder.join(DECISIONS)) {
            Ok(text) => all += &text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
            Err(e) => return Err(e),
        }
    }
    // Decisions made on the whole are later than those on its parts.
    all += &std::fs::read_to_string(out.join(DECISIONS)).unwrap_or_default();
    if all.is_empty() { Ok(()) } else { std::fs::write(out.join(DECISIONS), all) }
}
