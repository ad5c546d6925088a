//! YAML as the Go programs of this field read it: a tree of nodes with positions, and a decoder that collects every
//! error of a file.
//!
//! Students' files (prometheus.yml, rule files, alertmanager.yml, compose files) go through here; files that labkit
//! owns go through serde. Facts about scalar resolution, merge keys and error texts come from go-yaml v2 and v3 and
//! from probing promtool 2.42. Hostile input meets budgets: size, depth, nodes after alias expansion.
//!
//! ```
//! use labkit::text::SourceText;
//! use labkit::yaml::{self, Decoder, GoYaml, Spanned};
//!
//! struct Job {
//!     name: Option<Spanned<String>>,
//!     targets: Vec<Spanned<String>>,
//! }
//!
//! let source = SourceText::new("jobs.yml", "name: mock\ntargets: [a:1, b:2]\ntarget: c:3\n");
//! let root = yaml::parse(&source).expect("this is YAML").expect("and not empty");
//!
//! let d = Decoder::new(&source, GoYaml::V2);
//! let job = d.mapping(&root, "jobs.plain").map(|m| {
//!     let job = Job { name: m.string("name"), targets: m.strings("targets") };
//!     m.finish(); // reports the fields that nobody asked for
//!     job
//! });
//! assert_eq!(job.expect("it is a mapping").targets.len(), 2);
//!
//! let found = d.into_diagnostics();
//! assert_eq!(found.len(), 1);
//! assert_eq!(found[0].upstream.as_deref(), Some("line 3: field target not found in type jobs.plain"));
//! ```

mod decoder;
mod load;
mod mapping;
mod node;
mod placement;
mod quoted;
mod resolve;
mod similar;
mod syntax;
mod tabs;

pub use decoder::{Decoder, Duration, GoYaml, Spanned};
pub use load::{MAX_ALIAS_NODES, MAX_BYTES, MAX_DEPTH, parse, parse_as};
pub use mapping::Mapping;
pub use node::{Node, Scalar, Style, Value};
pub use placement::Placement;
pub use resolve::Resolved;
pub use similar::nearest;

#[cfg(test)]
mod tests;
