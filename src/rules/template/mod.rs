//! The templates in labels and annotations of alerting rules.
//!
//! Pure. Queries are handed in. Facts from Prometheus' `template` package and from recorded expansions.

mod expand;
mod functions;
mod humanize;
mod links;

pub use expand::{AlertTemplate, TemplateData, check};
pub use functions::TemplateSample;
pub use links::{graph_link, table_link};
