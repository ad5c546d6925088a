//! The evaluator: a query prepared once, evaluated many times over growing data.
//!
//! [`Prepared`] keeps what does not change between evaluations: which series a selector selects, the label sets that
//! results carry, how the two sides of an operation find each other, where in a series the last evaluation read.
//! Every node yields a table: one row a series, one cell a step, also where there is nothing, so that label work is
//! done once a row and number work runs over plain slices.

mod aggregate;
mod aggregate_choice;
mod aggregate_histograms;
mod binary;
mod body;
mod build;
mod chain;
mod context;
mod histogram_calls;
mod info;
mod matching;
mod node;
mod options;
mod over_range;
mod prepared;
mod rows;
mod selector;
mod set_operations;
mod signature;
mod sorting;
mod source;
mod table;
mod trim;
mod vector_calls;

pub use options::Options;
pub use prepared::{Prepared, Room};
