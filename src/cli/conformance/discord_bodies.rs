//! Suite `discord-bodies`.

use std::path::Path;

use super::{SuiteError, SuiteReport};

/// Runs the suite.
pub fn run(path: &Path, dialect: Option<&str>) -> Result<SuiteReport, SuiteError> {
    let _ = (path, dialect);
    Err(SuiteError("the suite discord-bodies has no runner yet".to_owned()))
}
