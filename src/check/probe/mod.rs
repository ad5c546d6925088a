//! The only part of the checks that touches the world.

pub mod commit;
pub mod files;
pub mod git;
