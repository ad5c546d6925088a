//! The command line: arguments as typed, settings as resolved, exit codes, one file per command.

mod args;
mod asked;
mod check;
mod conformance;
mod discord;
mod exit;
mod grade;
mod grade_export;
mod grade_summary;
mod lab_source;
mod labs;
mod merge;
mod mock;
mod print;
mod progress;
mod query;
mod replay;
mod review;
mod route;
mod run;
mod serve;
mod simulate;
mod test_rules;
mod up;

use std::process::ExitCode;

use clap::Parser;

use args::{Args, Command};
use exit::Exit;

/// Reads the process' arguments, runs the command, gives the exit code.
pub fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(e) => {
            let _ = e.print();
            return if e.use_stderr() { Exit::Usage.into() } else { Exit::Ok.into() };
        }
    };
    match args.command {
        Command::Run(a) => run::run(&a),
        Command::Grade(a) => grade::run(&a),
        Command::Export(a) => grade_export::run(&a),
        Command::Merge(a) => merge::run(&a),
        Command::Review(a) => review::run(&a),
        Command::Worker => grade::work(),
        Command::Check(a) => check::run(&a),
        Command::Replay(a) => replay::run(&a),
        Command::Up(a) => up::run(*a),
        Command::Simulate(a) => simulate::run(&a),
        Command::Route(a) => route::run(&a),
        Command::Labs(a) => labs::labs(&a),
        Command::Explain(a) => labs::explain(&a),
        Command::Completions(a) => labs::completions(&a),
        Command::Discord(a) => discord::run(&a),
        Command::Serve(a) => serve::run(&a),
        Command::Mock(a) => mock::run(&a),
        Command::Query(a) => query::run(&a),
        Command::Test(a) => test_rules::run(&a),
        Command::Conformance(a) => conformance::run(&a),
    }
    .into()
}
