//! From a response's bytes to a page's samples.

use std::sync::Arc;

use super::body::Page;
use crate::exposition::{self, Entry, Format, MetricType, normalized_label_value, scrape_format};
use crate::model::{Labels, METRIC_NAME};
use crate::promql::Dialect;

/// Reads a response as a scraper of this dialect does. `fallback` is the job's `fallback_scrape_protocol`.
///
/// # Errors
/// The content type or anything on the page is refused; the whole scrape fails then.
pub fn read_page(body: &[u8], content_type: &str, fallback: Option<Format>, dialect: Dialect) -> Result<Page, String> {
    let format = scrape_format(content_type, fallback, dialect)?;
    let source = exposition::Page::new(body);
    let mut kind = MetricType::Unknown;
    let (mut series, mut values, mut times) = (Vec::new(), Vec::new(), Vec::new());
    for entry in source.entries(format, dialect) {
        let entry = match entry.map_err(|e| e.to_string())? {
            Entry::Type { kind: k, .. } => {
                kind = k;
                continue;
            }
            Entry::Series(entry) => entry,
            _ => continue,
        };
        if let Some(label) = entry.duplicate_label() {
            return Err(format!("label name {} is not unique: invalid sample", crate::golang::quote(&label)));
        }
        let labels = match dialect {
            Dialect::V2_42 => entry.to_labels(),
            Dialect::V3 => {
                let name = (Arc::<str>::from(METRIC_NAME), Arc::<str>::from(&*entry.name));
                let normal = entry.labels().map(|(n, v)| {
                    let value = normalized_label_value(kind, &n, v);
                    (Arc::from(&*n), Arc::from(&*value))
                });
                Labels::from_pairs(std::iter::once(name).chain(normal))
            }
        };
        series.push(labels);
        values.push(entry.value);
        times.push(entry.timestamp);
    }
    if times.iter().all(Option::is_none) {
        times.clear();
    }
    Ok(Page { series: series.into(), values, times })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "text/plain; version=0.0.4";
    const PAGE: &[u8] =
        b"# TYPE h histogram\nh_bucket{le=\"1\"} 2\nh_bucket{le=\"+Inf\"} 3\n# TYPE g gauge\ng{le=\"1\"} 4 1500\n";

    #[test]
    fn bucket_bounds_are_normalised_in_dialect_3_alone() {
        let labels = |dialect| -> Vec<String> {
            read_page(PAGE, TEXT, None, dialect)
                .unwrap()
                .series
                .iter()
                .map(|l| l.get("le").unwrap().to_owned())
                .collect()
        };
        assert_eq!(labels(Dialect::V2_42), ["1", "+Inf", "1"]);
        assert_eq!(labels(Dialect::V3), ["1.0", "+Inf", "1"]);
    }

    #[test]
    fn explicit_times_stand_beside_their_samples() {
        let page = read_page(PAGE, TEXT, None, Dialect::V3).unwrap();
        assert_eq!(page.times, [None, None, Some(1500)]);
        assert_eq!(page.values, [2.0, 3.0, 4.0]);
        assert!(read_page(b"a 1\n", TEXT, None, Dialect::V3).unwrap().times.is_empty());
    }

    #[test]
    fn one_bad_line_refuses_the_page() {
        assert!(read_page(b"a 1\nb{ 2\n", TEXT, None, Dialect::V3).is_err());
        assert!(read_page(b"<html>", "text/html", None, Dialect::V3).unwrap_err().contains("text/html"));
    }
}
