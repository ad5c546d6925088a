//! The labkit command.

use std::process::ExitCode;

fn main() -> ExitCode {
    labkit::cli::main()
}
