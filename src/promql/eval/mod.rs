//! The evaluator: a query prepared once, evaluated many times over growing data.
//!
//! [`Prepared`] keeps what does not change between evaluations: which series a selector selects, the label sets that
//! results carry, how the two sides of an operation find each other, where in a series the last evaluation read.

mod options;
mod prepared;

pub use options::Options;
pub use prepared::Prepared;
