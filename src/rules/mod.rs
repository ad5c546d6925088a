//! See the table in the crate documentation.

pub mod slot;
