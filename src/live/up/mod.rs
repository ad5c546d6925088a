//! A student's compose project started for a check, under a name of its own, and taken down again.
//!
//! The compose program resolves the files; what it resolved is looked through (`policy`), changed where it would meet
//! other containers, other volumes or the real Discord (`rewrite`, `webhooks`), and started from a file of labkit's
//! own. The student's files are only read.
//!
//! Facts: docker compose 2.40's `config --format json`, and the compose specification.

mod policy;
mod program;
mod rewrite;
mod scratch;
mod stack;
mod webhooks;

pub use policy::{Refusal, refusals};
pub use program::{Compose, Failed};
pub use scratch::random;
pub use stack::{AlertmanagerAt, HOST, Published, Start, StartError, Started, Wanted};
