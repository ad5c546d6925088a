//! The real drivers: servers on sockets around the pure rooms. The only room that knows both the clock and the network.

pub mod discord;

mod signal;

pub use signal::{Signal, wait_for_signal};
