//! `labkit test rules FILE...`: promtool's unit-test files for rules.

mod documents;
mod files;
pub(super) mod glob;
mod notifications;
mod show;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

pub use files::{Tested, test_file};

use super::args::When;
use super::asked::Asked;
use super::exit::Exit;
use super::print;
use crate::golang::regexp::Regexp;
use crate::rules::unit_test::{self, RunAs};
use crate::text::{Diagnostic, SourceText};

#[derive(Debug, Args)]
pub struct TestArgs {
    /// What is tested
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Run promtool's unit-test files for rules
    Rules(RulesArgs),
}

#[derive(Debug, Args)]
pub struct RulesArgs {
    /// Unit-test files
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Speak as this version of Prometheus: 2.42, 3 or a release such as 3.5
    #[arg(long, env = "LABKIT_DIALECT", default_value = "3")]
    dialect: Asked,
    /// Run only the tests whose name matches (repeatable)
    #[arg(long, value_name = "REGEX", value_parser = pattern, env = "LABKIT_RUN")]
    run: Vec<Regexp>,
    /// Also write JUnit XML to this file
    #[arg(long, value_name = "FILE", env = "LABKIT_JUNIT")]
    junit: Option<PathBuf>,
    /// One JSON document on stdout and nothing else
    #[arg(long, env = "LABKIT_JSON")]
    json: bool,
    /// Show the states of every alert over the whole test
    #[arg(long, env = "LABKIT_TIMELINE")]
    timeline: bool,
    /// Let fields pass that promtool does not know
    #[arg(long, env = "LABKIT_IGNORE_UNKNOWN_FIELDS")]
    ignore_unknown_fields: bool,
    /// Switch on what a stock server refuses: promql-experimental-functions, promql-delayed-name-removal
    #[arg(long, value_name = "NAME", value_delimiter = ',', env = "LABKIT_ENABLE_FEATURE")]
    enable_feature: Vec<String>,
    /// Taken for promtool's sake: differences are always shown
    #[arg(long, hide = true)]
    diff: bool,
    /// Taken for promtool's sake
    #[arg(long, hide = true)]
    debug: bool,
    /// Exit with 0 where 1 would tell that something failed
    #[arg(long, env = "LABKIT_EXIT_ZERO")]
    exit_zero: bool,
    /// Say nothing of files whose tests pass
    #[arg(short, long, env = "LABKIT_QUIET")]
    quiet: bool,
    /// When to colour
    #[arg(long, value_enum, default_value_t = When::Auto, env = "LABKIT_COLOR")]
    color: When,
}

fn pattern(text: &str) -> Result<Regexp, String> {
    Regexp::new(text).map_err(|e| e.to_string())
}

/// Runs the command.
pub fn run(args: &TestArgs) -> Exit {
    let What::Rules(args) = &args.what;
    rules(args)
}

fn rules(args: &RulesArgs) -> Exit {
    let enabled = |name: &str| args.enable_feature.iter().any(|f| f == name);
    let run_as = RunAs {
        experimental: enabled("promql-experimental-functions"),
        delayed_name_removal: enabled("promql-delayed-name-removal"),
        timeline: args.timeline,
        ..RunAs::release(args.dialect.release())
    };
    let selected = |name: &str| args.run.is_empty() || args.run.iter().any(|r| r.is_match(name));
    let mut all = Vec::new();
    for path in &args.files {
        let name = path.display().to_string();
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(e) => return print::usage(&format!("cannot read {name}: {e}")),
        };
        let (source, tested) = match SourceText::decode(&name, &bytes) {
            Ok(source) => {
                let (file, mut found) = unit_test::read(&source, run_as.release);
                if args.ignore_unknown_fields {
                    found.retain(|d| !is_unknown_field(d));
                }
                let tested = files::test_read(&source, Path::new(""), &run_as, &selected, file, found);
                (source, tested)
            }
            Err(e) => {
                let tested = Tested { diagnostics: vec![*e], remarks: Vec::new(), groups: Vec::new(), file: None };
                (SourceText::new(name, ""), tested)
            }
        };
        for remark in &tested.remarks {
            print::remark(&format!("{}: {remark}", source.name()));
        }
        if !(args.json || args.quiet && tested.passed()) {
            print::result(&show::file(&source, &tested, args.timeline, print::coloured(args.color)));
        }
        all.push((source, tested));
    }
    if args.json {
        print::result(&format!("{}\n", documents::json(&all, args.dialect.dialect())));
    }
    if let Some(path) = &args.junit
        && let Err(e) = std::fs::write(path, documents::junit(&all))
    {
        return print::usage(&format!("cannot write {}: {e}", path.display()));
    }
    if args.exit_zero || all.iter().all(|(_, tested)| tested.passed()) { Exit::Ok } else { Exit::Failed }
}

fn is_unknown_field(d: &Diagnostic) -> bool {
    d.upstream.as_deref().is_some_and(|words| words.contains(" not found in type main."))
}
