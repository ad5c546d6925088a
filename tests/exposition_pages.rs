//! What Prometheus 2.42 says of pages, good and bad: the text format from a server's `lastError`, OpenMetrics from
//! promtool. In the fixtures every character of a page stands for one byte.
#![allow(clippy::print_stderr)] // a skipped test says so

use labkit::exposition::{Entry, Format, Page, PageError, Series};
use labkit::promql::Dialect;

fn answer(page: &[u8], format: Format) -> Option<String> {
    let page = Page::new(page);
    for entry in page.entries(format, Dialect::V2_42) {
        match (entry, format) {
            (Err(e), _) => return Some(e.to_string()),
            // promtool reads recorded samples: no sample without a time, no label twice.
            (Ok(Entry::Series(Series { timestamp: None, .. })), Format::OpenMetrics) => {
                return Some("expected timestamp for series got none".to_owned());
            }
            (Ok(Entry::Series(series)), Format::OpenMetrics) => {
                if let Some(label) = series.duplicate_label() {
                    return Some(format!("label name {label:?} is not unique: invalid sample"));
                }
            }
            (Ok(_), _) => {}
        }
    }
    None
}

fn check(cases: &str, format: Format) {
    let mut wrong = Vec::new();
    for line in cases.lines() {
        let case: serde_json::Value = serde_json::from_str(line).expect("the fixture is JSON lines");
        let page = case["page"].as_str().expect("every case has a page");
        let bytes: Vec<u8> = page.chars().map(|c| u8::try_from(u32::from(c)).expect("one byte a character")).collect();
        let wanted = case["error"].as_str().map(str::to_owned);
        let got = answer(&bytes, format);
        if got != wanted {
            wrong.push(format!("{page:?}\n  wanted {wanted:?}\n  got    {got:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn text_pages_are_refused_in_the_words_of_2_42() {
    check(include_str!("../fixtures/exposition/text-2.42.jsonl"), Format::Text);
}

#[test]
fn openmetrics_pages_are_refused_in_the_words_of_2_42() {
    check(include_str!("../fixtures/exposition/openmetrics-2.42.jsonl"), Format::OpenMetrics);
}

#[test]
fn errors_know_their_line_and_column() {
    let page = Page::new("# HELP a é\na{x=\"é\",y} 1\n".as_bytes());
    let error = page.entries(Format::Text, Dialect::V3).find_map(Result::err);
    let Some(PageError { line, column, .. }) = error else {
        panic!("the page is broken");
    };
    assert_eq!((line, column), (2, 10));
}

#[test]
fn dialect_3_reads_quoted_names() {
    let text = "# TYPE \"my.metric\" gauge\n{\"my.metric\", \"a b\"=\"c\"} 1\n";
    let page = Page::new(text.as_bytes());
    let entries: Result<Vec<_>, _> = page.entries(Format::Text, Dialect::V3).collect();
    let entries = entries.expect("the page is fine");
    let Some(Entry::Series(series)) = entries.last() else {
        panic!("the last entry is a sample");
    };
    assert_eq!(series.to_labels().get("a b"), Some("c"));
    assert_eq!(series.to_labels().metric_name(), "my.metric");
    assert!(page.entries(Format::Text, Dialect::V2_42).any(|e| e.is_err()));
}

fn conformance(path: &str) -> Option<Vec<u8>> {
    let root = std::env::var_os("LABKIT_CONFORMANCE").map_or_else(
        || std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/conformance"),
        std::path::PathBuf::from,
    );
    let path = root.join(path);
    if path.exists() {
        return Some(std::fs::read(&path).expect("the page can be read"));
    }
    assert!(std::env::var("LABKIT_REQUIRE").as_deref() != Ok("1"), "{} is missing", path.display());
    eprintln!("SKIPPED: {} is missing, set LABKIT_CONFORMANCE", path.display());
    None
}

#[derive(Debug, Default, PartialEq)]
struct Count {
    series: usize,
    types: usize,
    helps: usize,
}

fn count(page: &[u8], format: Format, dialect: Dialect) -> Count {
    let mut count = Count::default();
    for entry in Page::new(page).entries(format, dialect) {
        match entry.expect("upstream's page is fine") {
            Entry::Series(_) => count.series += 1,
            Entry::Type { .. } => count.types += 1,
            Entry::Help { .. } => count.helps += 1,
            Entry::Unit { .. } | Entry::Comment(_) => {}
        }
    }
    count
}

/// What a line-by-line look at the page finds.
fn counted_by_lines(page: &[u8]) -> Count {
    let text = String::from_utf8_lossy(page);
    let lines = |start: &str| text.lines().filter(|l| l.starts_with(start)).count();
    let series = text.lines().filter(|l| !l.is_empty() && !l.starts_with('#')).count();
    Count { series, types: lines("# TYPE"), helps: lines("# HELP") }
}

#[test]
fn upstream_pages_are_read_whole() {
    for file in ["promtestdata.txt", "promtestdata.nometa.txt"] {
        let Some(page) = conformance(&format!("prometheus-2.42/textparse/{file}")) else { continue };
        for dialect in [Dialect::V2_42, Dialect::V3] {
            assert_eq!(count(&page, Format::Text, dialect), counted_by_lines(&page), "{file}");
        }
    }
    for file in ["1histogram.om.txt", "alltypes.5mfs.om.txt"] {
        let Some(mut page) = conformance(&format!("prometheus-3.x/v3.11.3/textparse/{file}")) else { continue };
        if !page.trim_ascii_end().ends_with(b"# EOF") {
            page.extend_from_slice(b"# EOF\n");
        }
        assert_eq!(count(&page, Format::OpenMetrics, Dialect::V3), counted_by_lines(&page), "{file}");
    }
}

#[test]
fn what_is_written_is_read_back() {
    use labkit::exposition::{write_openmetrics_end, write_series};
    let values = [0.0, -1.5, 1e300, 123_456_789.0, 0.1, f64::INFINITY, f64::NEG_INFINITY, f64::NAN];
    for format in [Format::Text, Format::OpenMetrics] {
        let mut text = String::new();
        for value in values {
            write_series(&mut text, format, "a", [("x", "q\"\\\né"), ("y", "")], value, Some(1_500));
        }
        write_openmetrics_end(&mut text);
        let page = Page::new(text.as_bytes());
        let mut read = Vec::new();
        for entry in page.entries(format, Dialect::V3) {
            if let Entry::Series(series) = entry.expect("our own page is fine") {
                assert_eq!(series.to_labels().get("x"), Some("q\"\\\né"));
                assert_eq!(series.timestamp, Some(1_500));
                read.push(series.value);
            }
        }
        assert_eq!(format!("{read:?}"), format!("{values:?}"));
    }
}

#[test]
fn pages_are_linted_in_the_words_of_promtool() {
    let mut wrong = Vec::new();
    for line in include_str!("../fixtures/exposition/lint-2.42.jsonl").lines() {
        let case: serde_json::Value = serde_json::from_str(line).expect("the fixture is JSON lines");
        let page = case["page"].as_str().expect("every case has a page");
        let (exit, text) = match labkit::exposition::lint(page.as_bytes()) {
            Err(e) => (1, format!("error while linting: {e}\n")),
            Ok(problems) => {
                let text: String = problems.iter().map(|p| format!("{} {}\n", p.metric, p.text)).collect();
                (if problems.is_empty() { 0 } else { 3 }, text)
            }
        };
        if case["exit"] != exit || case["stderr"] != text {
            wrong.push(format!("{page:?}\n  wanted {}\n  got    {text:?}", case["stderr"]));
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}
