//! The command line: arguments as typed, settings as resolved, exit codes, one file per command.

mod args;
mod conformance;
mod exit;

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
        Command::Conformance(a) => conformance::run(&a).into(),
    }
}
