//! Arguments as typed.

use clap::{Parser, Subcommand};

/// Runs and grades hands-on monitoring labs.
#[derive(Debug, Parser)]
#[command(name = "labkit", version, about, long_about = None)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Hold the engine against recorded behaviour of the real programs
    Conformance(super::conformance::ConformanceArgs),
}
