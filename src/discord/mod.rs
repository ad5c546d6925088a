//! What a notifier sends to Discord, and what Discord accepts.
//!
//! [`message`] writes the notifier's body, [`api`] answers it as Discord would, [`rate_advice`] tells what the rate
//! limits make of a run, and [`page`] and [`markdown`] show messages to people.

pub mod api;
pub mod markdown;
pub mod message;
pub mod rate_advice;

pub mod page;

mod shown;

pub use shown::ShownMessage;
