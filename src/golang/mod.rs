//! What output must share with Go: float and duration formatting, quoting, `text/template`, regular expressions.

pub mod regexp;

mod quote;

pub use quote::quote;
