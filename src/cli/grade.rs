//! `labkit grade LAB PATH|URL...`: many repositories, a gradebook and one report each.

use std::ffi::OsString;
use std::io::{BufRead as _, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use super::args::LabSource;
use super::exit::Exit;
use super::grade_summary::{self, Change};
use super::{lab_source, print};
use crate::grade::batch::{self, Plan, RESULTS, Subject, Tally};
use crate::grade::outputs;
use crate::grade::pool::Hire;
use crate::grade::protocol::{Limits, Setup};
use crate::grade::roster::Roster;
use crate::grade::shard::Shard;
use crate::grade::subjects::{self, Found};
use crate::grade::worker::{self, Course};
use crate::grade::{deadline, overview};
use crate::lab::Lab;
use crate::live::wait_for_signal;
use crate::report::MARKER;
use crate::report::escape::without_controls;

/// The hidden command a worker process is started with.
pub const WORKER: &str = "__worker";

#[derive(Debug, Args)]
pub struct GradeArgs {
    /// The lab: its number, its name, or a path to a lab folder
    #[arg(value_name = "LAB", env = "LABKIT_LAB")]
    lab: String,
    /// Repositories, folders of repositories, or addresses for git
    #[arg(value_name = "PATH|URL", required_unless_present = "roster")]
    subjects: Vec<OsString>,
    /// CSV of the students: name, id, e-mail, repository, group; headings are guessed and shown
    #[arg(long, value_name = "FILE", env = "LABKIT_ROSTER")]
    roster: Option<PathBuf>,
    /// Judge the last commit before this moment, such as 2026-03-01T23:59; what is committed later is marked late
    #[arg(long, value_name = "TIME", value_parser = deadline::parse, env = "LABKIT_DEADLINE")]
    deadline: Option<i64>,
    /// Only these: criteria by id, or subjects by name (`*` stands for anything)
    #[arg(long, value_name = "WHAT", value_delimiter = ',', env = "LABKIT_ONLY")]
    only: Vec<String>,
    /// Not these: criteria by id, or subjects by name (`*` stands for anything)
    #[arg(long, value_name = "WHAT", value_delimiter = ',', env = "LABKIT_SKIP")]
    skip: Vec<String>,
    /// Folder for results, gradebook and reports
    #[arg(long, value_name = "DIR", default_value = "reports", env = "LABKIT_OUT")]
    out: PathBuf,
    /// Continue a batch that was interrupted
    #[arg(long, env = "LABKIT_RESUME", conflicts_with = "force")]
    resume: bool,
    /// Judge again also what has not changed
    #[arg(long, env = "LABKIT_FORCE")]
    force: bool,
    /// Show every verdict that differs from an earlier batch: its folder or its results.jsonl
    #[arg(long, value_name = "OLD", env = "LABKIT_DIFF")]
    diff: Option<PathBuf>,
    /// Worker processes; as many as there are cores unless told
    #[arg(long, value_name = "N", env = "LABKIT_JOBS")]
    jobs: Option<usize>,
    /// Only part K of N, or auto/N inside a Kubernetes indexed job or a Slurm array
    #[arg(long, value_name = "K/N", env = "LABKIT_SHARD")]
    shard: Option<Shard>,
    /// Processor time of one subject in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 2.0, value_parser = seconds, env = "LABKIT_CPU_LIMIT")]
    cpu_limit: f64,
    /// Time of one subject on the clock in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 30.0, value_parser = seconds, env = "LABKIT_TIME_LIMIT")]
    time_limit: f64,
    /// Memory of one subject in megabytes
    #[arg(long, value_name = "MB", default_value_t = 200, env = "LABKIT_MEMORY_LIMIT")]
    memory_limit: u64,
    /// One JSON document on stdout and nothing else
    #[arg(long, env = "LABKIT_JSON")]
    json: bool,
    /// Show no progress and no table
    #[arg(short, long, env = "LABKIT_QUIET")]
    quiet: bool,
    /// Where labs come from
    #[command(flatten)]
    source: LabSource,
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(s) if (0.001..=86_400.0).contains(&s) => Ok(s),
        _ => Err("wanted a number of seconds".to_owned()),
    }
}

/// Runs the command.
pub fn run(args: &GradeArgs) -> Exit {
    match graded(args) {
        Ok(exit) => exit,
        Err(e) => print::usage(&e),
    }
}

fn graded(args: &GradeArgs) -> Result<Exit, String> {
    let loaded = lab_source::load(&args.lab, &args.source).map_err(|e| e.0)?;
    let course = Course { lab: loaded.lab, checks: loaded.checks, files: loaded.files };
    let found = subjects::discover(&args.subjects, &args.out)?;
    let subjects = match &args.roster {
        Some(path) => assigned(path, found)?,
        None => found.into_iter().map(|found| Subject { found, people: Vec::new() }).collect(),
    };
    let choice = Choice::new(args, &course.lab, &subjects)?;
    let subjects: Vec<Subject> = subjects
        .into_iter()
        .filter(|s| choice.takes(&s.found.name))
        .enumerate()
        .filter(|(i, _)| args.shard.is_none_or(|s| s.holds(*i)))
        .map(|(_, subject)| subject)
        .collect();
    let before = args.diff.as_deref().map(earlier).transpose()?;
    let index = args.out.join(outputs::INDEX);
    if std::fs::read_to_string(&index).is_ok_and(|t| !t.starts_with(MARKER)) {
        return Err(format!("{} is there and was not written by labkit; choose another --out", index.display()));
    }
    let plan = plan(args, choice.criteria)?;
    let stop = interrupt();
    let bar = progress_bar(args, subjects.len());
    let tally = batch::run(&course, &plan, &subjects, &stop, |tally, name| {
        bar.set_position(tally.finished() as u64);
        bar.set_message(without_controls(name).replace('\n', " ").chars().take(40).collect::<String>());
    });
    bar.finish_and_clear();
    let tally = tally?;
    let interrupted = stop.load(Ordering::Relaxed);
    let overview = outputs::write(&args.out)?;
    let changes = before.map(|b| Change::between(&b, &overview));
    if args.json {
        let document = grade_summary::json(&overview, &tally, interrupted, &args.out, changes.as_deref());
        print::result(&format!("{document}\n"));
    } else {
        if !args.quiet {
            print::result(&grade_summary::table(&overview, &tally));
        }
        if let Some(changes) = &changes {
            print::result(&grade_summary::changes(changes));
        }
        print::remark(&format!("results, gradebook and reports are in {}", args.out.display()));
    }
    Ok(exit(&tally, interrupted))
}

/// The subjects of a roster; what its headings were taken for and who claims no subject is shown.
fn assigned(path: &Path, found: Vec<Found>) -> Result<Vec<Subject>, String> {
    let roster = Roster::read(path)?;
    let plain = |text: &str| without_controls(text).replace(['\n', '\t'], " ");
    let guessed: Vec<String> =
        roster.guessed.iter().map(|(what, head)| format!("{what} = {:?}", plain(head))).collect();
    print::remark(&format!("{}: {} students, {}", path.display(), roster.entries.len(), guessed.join(", ")));
    let subjects = roster.assign(found, path.parent().unwrap_or(Path::new("")));
    let unclaimed: Vec<String> =
        subjects.iter().filter(|(_, people)| people.is_empty()).map(|(f, _)| plain(&f.name)).collect();
    if !unclaimed.is_empty() {
        print::remark(&format!("in no row of the roster: {}", unclaimed.join(", ")));
    }
    Ok(subjects::renamed(subjects).into_iter().map(|(found, people)| Subject { found, people }).collect())
}

fn exit(tally: &Tally, interrupted: bool) -> Exit {
    if interrupted {
        print::remark(&format!("interrupted: {} left; continue with --resume", tally.left));
        Exit::Interrupted
    } else {
        Exit::Ok
    }
}

fn plan(args: &GradeArgs, only: Vec<String>) -> Result<Plan, String> {
    let cannot = |e: std::io::Error| format!("cannot write to {}: {e}", args.out.display());
    std::fs::create_dir_all(&args.out).map_err(cannot)?;
    let out = args.out.canonicalize().map_err(cannot)?;
    let program = std::env::current_exe().map_err(|e| format!("labkit cannot find itself: {e}"))?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let whole = |path: &PathBuf| path.canonicalize().unwrap_or_else(|_| path.clone());
    let limits = Limits {
        cpu_ms: (args.cpu_limit * 1000.0) as u64,
        wall_ms: (args.time_limit * 1000.0) as u64,
        memory: args.memory_limit.max(16) * 1_000_000,
    };
    let setup = Setup {
        lab: args.lab.clone(),
        labs: args.source.folder.as_ref().map(whole),
        set: args.source.set.clone(),
        only,
        out: out.clone(),
        limits,
    };
    Ok(Plan {
        hire: Hire { program, arguments: vec![WORKER.to_owned()], setup, scratch: batch::scratch_in(&out) },
        workers: args.jobs.unwrap_or(cores).max(1),
        deadline: args.deadline,
        resume: args.resume,
        force: args.force,
    })
}

/// What `--only` and `--skip` choose.
struct Choice {
    only: Vec<String>,
    skip: Vec<String>,
    /// The criteria that are judged; all when empty.
    criteria: Vec<String>,
}

impl Choice {
    fn new(args: &GradeArgs, lab: &Lab, subjects: &[Subject]) -> Result<Self, String> {
        let split = |flag: &str, all: &[String]| -> Result<(Vec<String>, Vec<String>), String> {
            let (criteria, names): (Vec<String>, Vec<String>) =
                all.iter().cloned().partition(|what| lab.criterion(what).is_some());
            match names.iter().find(|n| !subjects.iter().any(|s| matches(n, &s.found.name))) {
                Some(unknown) => Err(format!("{flag}: no criterion and no subject {unknown:?}")),
                None => Ok((criteria, names)),
            }
        };
        let (wanted, only) = split("--only", &args.only)?;
        let (unwanted, skip) = split("--skip", &args.skip)?;
        let ids = lab.criteria.iter().map(|c| c.id.clone());
        let criteria = match (wanted.is_empty(), unwanted.is_empty()) {
            (true, true) => Vec::new(),
            _ => ids.filter(|id| (wanted.is_empty() || wanted.contains(id)) && !unwanted.contains(id)).collect(),
        };
        Ok(Self { only, skip, criteria })
    }

    fn takes(&self, name: &str) -> bool {
        (self.only.is_empty() || self.only.iter().any(|p| matches(p, name)))
            && !self.skip.iter().any(|p| matches(p, name))
    }
}

/// Whether a name is what a pattern says; `*` stands for anything.
fn matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| name.strip_prefix(first)) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

fn earlier(path: &Path) -> Result<overview::Overview, String> {
    let folder = if path.is_dir() { path } else { path.parent().unwrap_or(path) };
    if !folder.join(RESULTS).is_file() {
        return Err(format!("--diff: no {RESULTS} in {}", folder.display()));
    }
    overview::Overview::read(folder).map_err(|e| format!("cannot read {}: {e}", folder.display()))
}

/// Set by the first request to stop; the second ends labkit at once.
fn interrupt() -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&stop);
    std::thread::spawn(move || {
        if wait_for_signal().is_ok() {
            asked.store(true, Ordering::Relaxed);
            if wait_for_signal().is_ok() {
                std::process::exit(130);
            }
        }
    });
    stop
}

fn progress_bar(args: &GradeArgs, subjects: usize) -> ProgressBar {
    if args.quiet || args.json || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(subjects as u64);
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {per_sec} {eta} left  {msg}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// Runs as a worker process.
pub fn work() -> Exit {
    let mut input = std::io::BufReader::new(std::io::stdin());
    let mut first = String::new();
    let setup = match input.read_line(&mut first).map(|_| serde_json::from_str::<Setup>(&first)) {
        Ok(Ok(setup)) => setup,
        _ => return print::usage("this command is for labkit itself"),
    };
    let source = LabSource { folder: setup.labs.clone(), set: setup.set.clone() };
    let loaded = match lab_source::load(&setup.lab, &source) {
        Ok(loaded) => loaded,
        Err(e) => return print::usage(&e.0),
    };
    let course = Course { lab: loaded.lab, checks: loaded.checks, files: loaded.files };
    match worker::serve(&course, &setup, input, std::io::stdout()) {
        Ok(()) => Exit::Ok,
        Err(e) => print::usage(&e.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything() {
        for (pattern, name) in
            [("*", ""), ("a*", "abc"), ("*c", "abc"), ("a*c", "abc"), ("abc", "abc"), ("a*b*c", "axbyc")]
        {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [("a", "abc"), ("a*c", "ab"), ("ab*bc", "abc"), ("*x*", "abc")] {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
    }
}
