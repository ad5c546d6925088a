//! A page's bytes, made ready for reading.

use std::borrow::Cow;

use super::entry::{Entry, PageError};
use super::negotiate::Format;
use super::openmetrics::OpenMetricsReader;
use super::text::TextReader;
use crate::model::Dialect;

/// A page. Bytes that are no UTF-8 are kept as U+FFFD; where they stand in labels or help, reading fails.
#[derive(Clone, Debug)]
pub struct Page<'a> {
    text: Cow<'a, str>,
    broken_utf8: bool,
}

impl<'a> Page<'a> {
    /// Takes a response's body.
    pub fn new(body: &'a [u8]) -> Self {
        // The strict check is several times faster than the lossy one, and nearly every page passes it.
        let text = std::str::from_utf8(body).map_or_else(|_| String::from_utf8_lossy(body), Cow::Borrowed);
        let broken_utf8 = matches!(text, Cow::Owned(_));
        Self { text, broken_utf8 }
    }

    /// The page's text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Reads the page in a format, as a Prometheus of this dialect does.
    pub fn entries(&self, format: Format, dialect: Dialect) -> Entries<'_> {
        match format {
            Format::Text => Entries::Text(TextReader::new(&self.text, dialect, self.broken_utf8)),
            Format::OpenMetrics => Entries::OpenMetrics(OpenMetricsReader::new(&self.text, dialect, self.broken_utf8)),
        }
    }
}

/// The entries of a page, one by one; ends behind the first error.
#[derive(Debug)]
pub enum Entries<'a> {
    /// Of the text format.
    Text(TextReader<'a>),
    /// Of OpenMetrics.
    OpenMetrics(OpenMetricsReader<'a>),
}

impl<'a> Iterator for Entries<'a> {
    type Item = Result<Entry<'a>, PageError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Text(reader) => reader.next(),
            Self::OpenMetrics(reader) => reader.next(),
        }
    }
}
