//! Docker compose without Docker: what `docker compose up` would start from the files of a repository.
//!
//! Facts: docker compose 2.40.3, run on many small projects, and the compose specification.

mod command;
mod container;
pub mod dockerfile;
pub mod image;
mod interpolate;
mod load;
mod merge;
mod mount;
pub mod network;
pub mod persist;
mod port;
mod project;
mod read;
mod schema;
mod tree;
mod validate;

pub use command::{flag, words};
pub use container::{Container, Provided};
pub use interpolate::{Environment, dotenv};
pub use load::{DEFAULT_NAMES, LoadOptions, default_file, load};
pub use mount::{HostPath, Mount, Source};
pub use port::Port;
pub use project::{Build, Given, Joined, Material, Network, Project, Service, Spot, Volume};
pub use tree::Place;
