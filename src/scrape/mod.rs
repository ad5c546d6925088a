//! What Prometheus' scraper does: from configured targets to labels, from the moment of a scrape to stored samples.
//!
//! Pure: a scrape's page is handed in. Facts from Prometheus' `scrape` and `model/relabel` packages and from recorded
//! runs (slots hold to the millisecond).

pub mod body;
pub mod config;
pub mod read;
pub mod relabel;
pub mod slot;
pub mod target;
