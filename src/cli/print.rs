//! The one place that writes to stdout and stderr: results to stdout, everything else to stderr.

use std::io::{IsTerminal, Write};

use super::args::When;
use super::exit::Exit;

/// Writes results to stdout. A reader that has gone away is no error.
pub fn result(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Writes a remark to stderr.
pub fn remark(text: &str) {
    let mut out = std::io::stderr().lock();
    let _ = writeln!(out, "labkit: {text}");
}

/// Tells what was wrong with the call, and gives the exit code for it.
pub fn usage(text: &str) -> Exit {
    remark(text);
    Exit::Usage
}

/// Whether stdout is to be coloured.
pub fn coloured(when: When) -> bool {
    match when {
        When::Always => true,
        When::Never => false,
        When::Auto => {
            let no_color = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
            let dumb = std::env::var_os("TERM").is_some_and(|v| v == "dumb");
            !no_color && !dumb && std::io::stdout().is_terminal()
        }
    }
}
