//! A student's stack as it would really run: which file each container reads, which host each target name means
//! from there, whether data persist, what the dashboards show.
//!
//! Pure: it is handed a [`FileTree`], never a path to open.

pub mod compose;
pub mod discover;
pub mod gitignore;
pub mod grafana;
pub mod mock;
mod mock_server;
pub mod path;
mod programs;
mod python;
mod site;
#[cfg(test)]
mod tests;
mod tree;
mod visual;
mod whole;

pub use programs::{Alertmanager, ConfigState, NamedFile, Prometheus, RuleSource};
pub use site::{FileAt, Site, sample_of};
pub use tree::{Entry, EntryKind, FileTree, Files, GitFacts, ReadError};
pub use visual::{FoundDashboard, Grafana, host_of, split_port};
pub use whole::{Answer, Conclusion, LabHints, Stack, Who};
