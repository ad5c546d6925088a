//! From a response's bytes to a page's samples.

use std::sync::Arc;

use super::body::{Page, PageFault};
use crate::exposition::{self, Entry, Format, MetricType, normalized_label_value, scrape_format};
use crate::model::Labels;
use crate::promql::Dialect;

/// Reads a response as a scraper of this dialect does. `fallback` is the job's `fallback_scrape_protocol`.
///
/// # Errors
/// The content type is refused. What is wrong on the page itself is its [`Page::fault`].
pub fn read_page(body: &[u8], content_type: &str, fallback: Option<Format>, dialect: Dialect) -> Result<Page, String> {
    let format = scrape_format(content_type, fallback, dialect)?;
    let source = exposition::Page::new(body);
    let mut kind = MetricType::Unknown;
    let (mut series, mut values, mut times) = (Vec::new(), Vec::new(), Vec::new());
    let mut fault = None;
    for entry in source.entries(format, dialect) {
        let entry = match entry {
            Err(e) => {
                fault = Some(PageFault { message: e.to_string(), of_sample: false });
                break;
            }
            Ok(Entry::Type { kind: k, .. }) => {
                kind = k;
                continue;
            }
            Ok(Entry::Series(entry)) => entry,
            Ok(_) => continue,
        };
        let pairs = match entry.scraped_labels() {
            Ok(pairs) => pairs,
            Err(label) => {
                let message = format!("label name {} is not unique: invalid sample", crate::golang::quote(&label));
                fault = Some(PageFault { message, of_sample: true });
                break;
            }
        };
        let labels = Labels::from_pairs(pairs.into_iter().map(|(name, value)| {
            let value = if dialect == Dialect::V3 { normalized_label_value(kind, &name, value) } else { value };
            (Arc::<str>::from(&*name), Arc::<str>::from(&*value))
        }));
        series.push(labels);
        values.push(entry.value);
        times.push(entry.timestamp);
    }
    if times.iter().all(Option::is_none) {
        times.clear();
    }
    Ok(Page { series: series.into(), values, times, fault })
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
    fn a_label_that_is_empty_once_is_gone_whatever_else_it_has() {
        let page =
            read_page(b"a{x=\"1\",x=\"\",y=\"2\"} 1\nb{x=\"1\",x=\"1\"} 1\n", TEXT, None, Dialect::V2_42).unwrap();
        assert_eq!(page.series[0].to_string(), r#"{__name__="a", y="2"}"#);
        assert_eq!(page.fault.unwrap().message, r#"label name "x" is not unique: invalid sample"#);
    }

    #[test]
    fn one_bad_line_refuses_the_page() {
        let page = read_page(b"a 1\nb{ 2\nc 3\n", TEXT, None, Dialect::V3).unwrap();
        assert_eq!((page.series.len(), page.fault.unwrap().of_sample), (1, false));
        assert!(read_page(b"<html>", "text/html", None, Dialect::V3).unwrap_err().contains("text/html"));
    }
}
