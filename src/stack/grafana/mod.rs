//! Grafana without Grafana: what a dashboard's JSON would show, where its data come from, and what provisioning files
//! would set up.
//!
//! Facts: sources and runs of Grafana 9.5 and 13.2, whose drawing of thresholds agrees.

pub mod colour;
pub mod dashboard;
pub mod datasource;
mod finding;
mod judge;
mod line;
pub mod node_full;
pub mod provisioning;
pub mod query;
pub mod series;
pub mod time;
mod v2;

pub use dashboard::{Dashboard, Panel};
pub use datasource::{DataSource, DataSources};
pub use finding::{Finding, Standing};
pub use judge::{Judgement, Wanted, judge, judge_panel};
