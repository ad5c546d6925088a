//! What Prometheus 2.42 says of pages, good and bad: the text format from a server's `lastError`, OpenMetrics from
//! promtool. In the fixtures every character of a page stands for one byte.

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
