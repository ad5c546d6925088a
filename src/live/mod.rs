//! The real drivers: servers on sockets around the pure rooms. The only room that knows both the clock and the network.

pub mod discord;
pub mod mock;
pub mod stack;
pub mod up;

mod events;
mod line;
mod server;
mod signal;

pub use server::Server;
pub use signal::{Signal, wait_for_signal};
