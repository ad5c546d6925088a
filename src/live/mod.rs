//! The real drivers: servers on sockets around the pure rooms. The only room that knows both the clock and the network.

pub mod alertmanager;
pub mod discord;
pub mod mock;
pub mod up;

mod line;
mod server;
mod signal;

pub use server::Server;
pub use signal::{Signal, wait_for_signal};
