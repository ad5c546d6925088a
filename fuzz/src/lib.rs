//! What each fuzz target does with an input. Everything here must hold for any bytes whatever: no panic, no hang, and
//! what is written is read back as it was.
//!
//! `cargo fuzz run NAME` feeds these functions with inputs of the fuzzer's making; `tests/fuzz_corpora.rs` includes this
//! file and feeds them with the inputs kept in `corpus/`, which include all that were once handled badly.

pub mod config;
pub mod discord;
pub mod exposition;
pub mod labels;
pub mod promql;
pub mod regexp;
pub mod script;
pub mod template;
pub mod yaml;

/// One target: its name, which is its corpus' folder too, and what it does.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: [Target; 9] = [
    ("config", config::run),
    ("discord", discord::run),
    ("exposition", exposition::run),
    ("labels", labels::run),
    ("promql", promql::run),
    ("regexp", regexp::run),
    ("script", script::run),
    ("template", template::run),
    ("yaml", yaml::run),
];

/// The input as text, where it is text.
fn text(data: &[u8]) -> Option<&str> {
    std::str::from_utf8(data).ok()
}
