//! What exporters serve: Prometheus' text format 0.0.4 and OpenMetrics 1.0, read, written and linted.
//!
//! Pure. A page is read entry by entry; names and labels are slices of the page. Facts: Prometheus' own scanners and
//! what real servers of version 2.42 said of good and bad pages.

mod entry;
mod families;
mod labels;
mod lint;
mod negotiate;
mod openmetrics;
mod page;
mod samples;
mod scanner;
mod text;
mod writer;

pub use entry::{Entry, Exemplar, MetricType, PageError, Series};
pub use families::StrictError;
pub use labels::{LabelPairs, normalized_label_value};
pub use lint::{Problem, lint};
pub use negotiate::{Format, negotiate, scrape_format};
pub use openmetrics::OpenMetricsReader;
pub use page::{Entries, Page};
pub use samples::{RecordedSeries, Sample, read_samples, read_series};
pub use text::TextReader;
pub use writer::{write_family, write_openmetrics_end, write_series, write_value};
