//! Pages of exporters: both formats, both dialects; what is read is written and read back; the lint ends.

use labkit::exposition::{Entry, Format, Page, lint, read_samples, write_openmetrics_end, write_series};
use labkit::promql::Dialect;
use labkit::scrape::read::read_page;

/// Reads a page in every way there is.
pub fn run(data: &[u8]) {
    for dialect in [Dialect::V2_42, Dialect::V3] {
        for format in [Format::Text, Format::OpenMetrics] {
            survives_writing(data, format, dialect);
            let _ = read_page(data, format.content_type(), None, dialect);
        }
    }
    let _ = lint(data);
    let _ = read_samples(data);
}

type Sample = (Vec<(String, String)>, u64, Option<i64>);

fn series(page: &[u8], format: Format, dialect: Dialect) -> Option<Vec<(String, Sample)>> {
    let mut found = Vec::new();
    for entry in Page::new(page).entries(format, dialect) {
        if let Entry::Series(s) = entry.ok()? {
            let labels = s.labels().map(|(n, v)| (n.into_owned(), v.into_owned())).collect();
            let _ = s.exemplar.as_ref().map(|e| e.labels().count());
            found.push((s.name.into_owned(), (labels, s.value.to_bits(), s.timestamp)));
        }
    }
    Some(found)
}

/// The writer knows no quoted names and no times beyond what a float of seconds holds.
fn is_plain(name: &str, sample: &Sample) -> bool {
    let plain = |n: &str| !n.is_empty() && n.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let starts = |n: &str| !n.as_bytes()[0].is_ascii_digit();
    plain(name)
        && starts(name)
        && sample.0.iter().all(|(n, v)| plain(n) && starts(n) && !v.is_empty() && !v.contains('\u{FFFD}'))
        && sample.2.is_none_or(|t| t.unsigned_abs() < 1 << 50)
}

fn survives_writing(data: &[u8], format: Format, dialect: Dialect) {
    let Some(mut read) = series(data, format, dialect) else { return };
    read.retain(|(name, sample)| is_plain(name, sample));
    let mut text = String::new();
    for (name, (labels, value, timestamp)) in &read {
        let labels = labels.iter().map(|(n, v)| (n.as_str(), v.as_str()));
        write_series(&mut text, format, name, labels, f64::from_bits(*value), *timestamp);
    }
    if format == Format::OpenMetrics {
        write_openmetrics_end(&mut text);
    }
    let again = series(text.as_bytes(), format, dialect).unwrap_or_else(|| panic!("{text:?} cannot be read"));
    assert_eq!(again, read, "{text:?}");
}
