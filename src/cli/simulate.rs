//! `labkit simulate`: one scenario over a stack's files, printed as a timeline of events.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;

use super::asked::Asked;
use super::exit::Exit;
use super::print;
use crate::alertmanager::Version;
use crate::engine::{Engine, Phases, StoredSample, timeline};
use crate::model::Time;
use crate::simulate::{Embedded, GRID, Overrides, Scenario, grid_phases, receivers, replay};
use crate::stack::{LabHints, Stack};

#[derive(Debug, Args)]
pub struct SimulateArgs {
    /// Folder with the stack's files
    #[arg(long, value_name = "DIR", default_value = ".", env = "LABKIT_REPO")]
    repo: PathBuf,
    /// What is done to the VM
    #[arg(long, default_value = "cpu-stress", value_parser = ["cpu-stress"], env = "LABKIT_SCENARIO")]
    scenario: String,
    /// Pair of scrape and evaluation phase out of the sweep's grid, from 0; without it the hashed ones
    #[arg(long, value_name = "N", conflicts_with = "samples", env = "LABKIT_PHASE")]
    phase: Option<usize>,
    /// Recorded samples (OpenMetrics with timestamps) in place of scraping
    #[arg(long, value_name = "FILE", env = "LABKIT_SAMPLES")]
    samples: Option<PathBuf>,
    /// Evaluate a group at this Unix time modulo its interval, in ms (repeatable)
    #[arg(long, value_name = "GROUP=MS", value_parser = offset, env = "LABKIT_EVALUATION_OFFSET", value_delimiter = ',')]
    evaluation_offset: Vec<(String, i64)>,
    /// Prometheus to speak as: 2.42, 3 or a release such as 3.5
    #[arg(long, value_name = "D", env = "LABKIT_DIALECT")]
    dialect: Option<Asked>,
    /// Alertmanager to speak as: 0.25 to 0.34
    #[arg(long, value_name = "V", env = "LABKIT_ALERTMANAGER_DIALECT")]
    alertmanager_dialect: Option<Version>,
    /// What links to Prometheus begin with
    #[arg(long, value_name = "URL", env = "LABKIT_EXTERNAL_URL")]
    external_url: Option<String>,
    /// One JSON object a line
    #[arg(long, env = "LABKIT_JSON")]
    json: bool,
}

fn offset(text: &str) -> Result<(String, i64), String> {
    let (group, ms) = text.rsplit_once('=').ok_or("wanted GROUP=MS")?;
    let ms = ms.parse().map_err(|_| format!("{ms:?} is not a number of milliseconds"))?;
    Ok((group.to_owned(), ms))
}

/// Runs the command.
pub fn run(args: &SimulateArgs) -> Exit {
    match simulate(args) {
        Ok((engine, origin)) => {
            print::result(&lines(&engine, origin, args.json));
            Exit::Ok
        }
        Err(e) => print::usage(&e),
    }
}

fn simulate(args: &SimulateArgs) -> Result<(Engine, Time), String> {
    let overrides = Overrides {
        release: args.dialect.map(Asked::release),
        alertmanager: args.alertmanager_dialect,
        external_url: args.external_url.as_deref().map(|url| url.trim_end_matches('/').into()),
        ..Overrides::default()
    };
    let embedded = embed(&args.repo, &overrides)?;
    let mut phases = match args.phase {
        None => Phases::default(),
        Some(n) => grid_phases(n).ok_or_else(|| format!("phase {n} is not in the grid, wanted 0 to {}", GRID - 1))?,
    };
    phases.groups = args.evaluation_offset.iter().map(|(g, ms)| (Arc::from(g.as_str()), ms * 1_000_000)).collect();
    if let Some(path) = &args.samples {
        return Ok((replay(&embedded.config, &phases, read_samples(path)?), Time(0)));
    }
    let scenario = Scenario::cpu_stress(120.0, 180.0, 240.0);
    Ok((embedded.simulation(&[]).run(&scenario, &phases), scenario.time(0.0)))
}

/// Reads a folder's stack as the machine runs it; tells on stderr what its programs refuse.
pub fn embed(dir: &Path, overrides: &Overrides) -> Result<Embedded, String> {
    let tree = crate::check::probe::files::open(dir).map_err(|e| format!("cannot read {}: {e}", dir.display()))?;
    let stack = Stack::read(&tree, &LabHints::default());
    if stack.prometheus.is_none() {
        return Err(format!("no prometheus.yml in {} or at most three folders below", dir.display()));
    }
    for d in stack.diagnostics() {
        let place = match (&d.primary, d.position()) {
            (Some(label), Some(at)) => format!("{}:{}:{}: ", label.source.name(), at.line, at.column),
            _ => String::new(),
        };
        print::remark(&format!("{place}{}", d.message));
    }
    Ok(Embedded::of(&stack, overrides))
}

/// Reads recorded samples.
pub fn read_samples(path: &Path) -> Result<Vec<StoredSample>, String> {
    let bytes = std::fs::read(path).map_err(|e| format!("cannot read {}: {e}", path.display()))?;
    let samples = crate::exposition::read_samples(&bytes)
        .map_err(|e| format!("{}:{}:{}: {e}", path.display(), e.line, e.column))?;
    Ok(samples.into_iter().map(|s| StoredSample { labels: s.labels, t: s.timestamp, value: s.value }).collect())
}

fn lines(engine: &Engine, origin: Time, json: bool) -> String {
    let setup = engine.config().alertmanager.as_ref();
    let render = |n: &crate::alertmanager::Notification| receivers::body_json(setup, n);
    let mut out = String::new();
    for entry in engine.journal().entries() {
        let line = if json {
            timeline::json(entry, origin, &render).map(|v| v.to_string())
        } else {
            let at = entry.at.since(origin) as f64 / 1e9;
            timeline::text(entry).map(|text| format!("{at:>10.3}  {text}"))
        };
        if let Some(line) = line {
            out.push_str(&line);
            out.push('\n');
        }
    }
    out
}
