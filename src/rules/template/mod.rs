//! The templates in labels and annotations of alerting rules.
//!
//! Pure. Queries are handed in. Facts from Prometheus' `template` package and from recorded expansions.

mod expand;
mod functions;
mod humanize;
mod links;
mod query;

pub use expand::{AlertTemplate, TemplateData, check};
pub use functions::TemplateSample;
pub use links::{graph_link, table_link};
pub use query::query_samples;
