//! The only part of the checks that touches the world.

pub mod alertmanager;
pub mod commit;
pub mod files;
pub mod git;
pub mod grafana;
pub mod http;
pub mod http_page;
pub mod machine;
pub mod prometheus;
pub mod redact;
pub mod sign_in;
pub mod ssh;
pub mod ssh_config;
pub mod tape;
