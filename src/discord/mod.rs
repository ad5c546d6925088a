//! What a notifier sends to Discord, and what Discord accepts.

pub mod api;
