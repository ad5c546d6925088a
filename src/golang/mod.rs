//! What output must share with Go: float and duration formatting, quoting, times, `text/template`, regular expressions.

pub mod base64;
pub mod duration;
pub mod float;
pub mod json;
pub mod letter_case;
pub mod quoting;
pub mod regexp;
pub mod template;
pub mod time;
pub mod url;
pub mod url_parse;

pub use quoting::quote;
