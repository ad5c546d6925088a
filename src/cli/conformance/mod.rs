//! `labkit conformance SUITE PATH`: the engine against recorded behaviour of the real programs. One file per suite.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::asked::Asked;
use super::exit::Exit;
use crate::promql::Dialect;

mod alertmanager_config;
mod alertmanager_routing;
mod alertmanager_templates;
mod alertmanager_timing;
mod compose_facts;
mod discord_api;
mod discord_bodies;
mod grafana_dashboards;
mod grafana_thresholds;
mod ground_truth;
mod promql_accept;
mod promql_oracle;
mod promql_test;
mod promtool_oracle;
mod template_oracle;

#[derive(Debug, Args)]
pub struct ConformanceArgs {
    /// Which suite
    #[arg(value_enum)]
    suite: Suite,
    /// The file or folder that holds its cases
    path: PathBuf,
    /// Speak as this version instead of the one the cases were recorded from
    #[arg(long, env = "LABKIT_DIALECT")]
    dialect: Option<String>,
    /// One JSON document on stdout
    #[arg(long, env = "LABKIT_JSON")]
    json: bool,
}

/// The suites.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Suite {
    /// `promql-test`
    PromqlTest,
    /// `promql-oracle`
    PromqlOracle,
    /// `template-oracle`
    TemplateOracle,
    /// `promtool-oracle`
    PromtoolOracle,
    /// `promql-accept`
    PromqlAccept,
    /// `alertmanager-config`
    AlertmanagerConfig,
    /// `alertmanager-routing`
    AlertmanagerRouting,
    /// `alertmanager-templates`
    AlertmanagerTemplates,
    /// `alertmanager-timing`
    AlertmanagerTiming,
    /// `discord-bodies`
    DiscordBodies,
    /// `discord-api`
    DiscordApi,
    /// `grafana-thresholds`
    GrafanaThresholds,
    /// `grafana-dashboards`
    GrafanaDashboards,
    /// `compose-facts`
    ComposeFacts,
    /// `ground-truth`
    GroundTruth,
}

/// What a suite came to.
#[derive(Debug, Default, Serialize)]
pub struct SuiteReport {
    /// The suite's name.
    pub suite: String,
    /// Cases that hold.
    pub passed: usize,
    /// Cases that do not.
    pub failed: usize,
    /// Cases that the data itself marks as not deterministic or not for replay.
    pub skipped: usize,
    /// Every failed case.
    pub failures: Vec<Failure>,
}

/// A failed case.
#[derive(Debug, Serialize)]
pub struct Failure {
    /// Its id, or file and line.
    pub case: String,
    /// What the real program did.
    pub expected: String,
    /// What labkit did.
    pub actual: String,
}

impl SuiteReport {
    /// Counts a case that holds.
    pub fn pass(&mut self) {
        self.passed += 1;
    }

    /// Counts a case that the data marks as not for replay.
    pub fn skip(&mut self) {
        self.skipped += 1;
    }

    /// Counts a case that does not hold.
    pub fn fail(&mut self, case: impl Into<String>, expected: impl Into<String>, actual: impl Into<String>) {
        self.failed += 1;
        self.failures.push(Failure { case: case.into(), expected: expected.into(), actual: actual.into() });
    }

    /// Counts a case as holding when the two texts are equal.
    pub fn compare(&mut self, case: impl Into<String>, expected: impl Into<String>, actual: impl Into<String>) {
        let (expected, actual) = (expected.into(), actual.into());
        if expected == actual {
            self.pass();
        } else {
            self.fail(case, expected, actual);
        }
    }
}

/// Why a suite could not be run at all: unreadable path, wrong dialect.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SuiteError(pub String);

impl SuiteError {
    /// A path that cannot be read.
    pub fn unreadable(path: &Path, e: &std::io::Error) -> Self {
        Self(format!("cannot read {}: {e}", path.display()))
    }
}

fn read(path: &Path) -> Result<String, SuiteError> {
    std::fs::read_to_string(path).map_err(|e| SuiteError::unreadable(path, &e))
}

fn asked(dialect: Option<&str>, default: Asked) -> Result<Asked, SuiteError> {
    dialect.map_or(Ok(default), |d| d.parse().map_err(SuiteError))
}

fn prometheus_dialect(dialect: Option<&str>, default: Dialect) -> Result<Dialect, SuiteError> {
    Ok(asked(dialect, Asked::Dialect(default))?.dialect())
}

/// Runs a suite over the cases at `path`.
///
/// # Errors
/// The path cannot be read, or the dialect is unknown.
pub fn run_suite(suite: Suite, path: &Path, dialect: Option<&str>) -> Result<SuiteReport, SuiteError> {
    let mut report = match suite {
        Suite::PromqlTest => promql_test::run(path, dialect)?,
        Suite::PromqlOracle => promql_oracle::run(path, dialect)?,
        Suite::TemplateOracle => template_oracle::run(path, dialect)?,
        Suite::PromtoolOracle => promtool_oracle::run(path, dialect)?,
        Suite::PromqlAccept => promql_accept::run(path, dialect)?,
        Suite::AlertmanagerConfig => alertmanager_config::run(path, dialect)?,
        Suite::AlertmanagerRouting => alertmanager_routing::run(path, dialect)?,
        Suite::AlertmanagerTemplates => alertmanager_templates::run(path, dialect)?,
        Suite::AlertmanagerTiming => alertmanager_timing::run(path, dialect)?,
        Suite::DiscordBodies => discord_bodies::run(path, dialect)?,
        Suite::DiscordApi => discord_api::run(path, dialect)?,
        Suite::GrafanaThresholds => grafana_thresholds::run(path, dialect)?,
        Suite::GrafanaDashboards => grafana_dashboards::run(path, dialect)?,
        Suite::ComposeFacts => compose_facts::run(path, dialect)?,
        Suite::GroundTruth => ground_truth::run(path, dialect)?,
    };
    report.suite = suite.to_possible_value().map_or_else(String::new, |v| v.get_name().to_owned());
    Ok(report)
}

/// Runs the command.
#[allow(clippy::print_stdout, clippy::print_stderr)]
pub fn run(args: &ConformanceArgs) -> Exit {
    let report = match run_suite(args.suite, &args.path, args.dialect.as_deref()) {
        Ok(report) => report,
        Err(e) => {
            eprintln!("labkit: {e}");
            return Exit::Usage;
        }
    };
    if args.json {
        println!("{}", serde_json::to_string(&report).expect("a report is plain data"));
    } else {
        for f in &report.failures {
            println!("FAIL {}\n  expected: {}\n  actual:   {}", f.case, f.expected, f.actual);
        }
        println!("{}: {} passed, {} failed, {} skipped", report.suite, report.passed, report.failed, report.skipped);
    }
    if report.failed > 0 { Exit::Failed } else { Exit::Ok }
}
