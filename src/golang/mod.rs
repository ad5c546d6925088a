//! What output must share with Go: float and duration formatting, quoting, times, `text/template`, regular expressions.

pub mod base64;
pub mod duration;
pub mod float;
pub mod json;
pub mod json_read;
pub mod letter_case;
pub mod quoting;
pub mod regexp;
pub mod sort;
pub mod template;
pub mod time;
pub mod url;
pub mod url_parse;

pub use quoting::quote;

/// Which Go built the program that is spoken as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GoVersion {
    /// Go 1.19, as Prometheus 2.42 and Alertmanager 0.25.
    V1_19,
    /// Go of today: `{{else with}}`, ranges over integers, `(?<name>` in patterns.
    #[default]
    Current,
}
