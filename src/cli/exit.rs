//! Exit codes, in one place.

use std::process::ExitCode;

/// How the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Nothing failed.
    Ok,
    /// Something failed.
    Failed,
    /// Wrong usage, unreadable path, invalid lab or check file.
    Usage,
    /// A criterion has verdict `error`, nothing failed.
    Error,
    /// Interrupted.
    Interrupted,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Ok => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::Error => 3,
            Exit::Interrupted => 130,
        })
    }
}
