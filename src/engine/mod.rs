//! The machine of the two clocks: Prometheus and Alertmanager as one value that is told the time.
//!
//! It never asks for the time, never sleeps and opens nothing. [`Engine::handle`] takes what happened,
//! [`Engine::poll`] gives what should happen, [`Engine::next_wakeup`] tells when to poll again. The virtual driver in
//! `simulate` and the real one in `live` differ only in who answers.

mod assemble;
mod config;
mod journal;
mod machine;
pub mod outgoing;
pub mod timeline;

pub use assemble::{Assembly, Circumstances, assemble};
pub use config::{AlertmanagerLink, AlertmanagerSetup, EngineConfig, Phases, PrometheusSetup, TargetSetup, Unread};
pub use journal::{Entry, Event, Journal, SendOutcome};
pub use machine::{Engine, Input, Output, PostId, PostOutcome, ScrapeOutcome, StoredSample, TargetId};
