//! PromQL: lexer, parser with a span on every node, type check, printer, evaluator.
//!
//! Pure. `Dialect` chooses between Prometheus 2.42 and 3; facts from the upstream acceptance scripts and recorded runs.

pub mod api;
pub mod ast;
pub mod eval;
mod functions;
pub mod request;
pub mod signature;
pub mod value;

mod check;
mod lexer;
mod parser;
mod pretty;
mod printer;

pub use parser::{
    MAX_DEPTH, MAX_OPERATORS, ParseError, ParseOptions, SequenceRun, SequenceValue, SeriesDescription, SeriesRuns,
    parse, parse_metric, parse_metric_selector, parse_series_description, parse_series_runs,
};
pub use pretty::prettify;
pub use printer::print;

pub use crate::model::Dialect;
