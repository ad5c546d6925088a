//! A student's stack as it would really run: which file each container reads, which host each target name means
//! from there, whether data persist, what the dashboards show.
//!
//! Pure: it is handed a [`FileTree`], never a path to open.

pub mod compose;
pub mod gitignore;
pub mod grafana;
pub mod path;
mod tree;

pub use tree::{Entry, EntryKind, FileTree, Files, GitFacts, ReadError};
