//! The text format 0.0.4.

use std::borrow::Cow;

use super::entry::{Entry, MetricType, PageError, Series};
use super::labels::{unescaped, unescaped_help};
use super::scanner::{Braces, INVALID, Scanned, Scanner, is_metric_start};
use crate::golang::quote;
use crate::model::Dialect;

/// Reads a page of the text format.
#[derive(Clone, Debug)]
pub struct TextReader<'a> {
    s: Scanner<'a>,
    done: bool,
}

impl<'a> TextReader<'a> {
    pub(super) fn new(text: &'a str, dialect: Dialect, broken_utf8: bool) -> Self {
        Self { s: Scanner::new(text, dialect, broken_utf8), done: false }
    }

    fn entry(&mut self) -> Scanned<Option<Entry<'a>>> {
        loop {
            self.s.entry = self.s.at;
            self.s.skip_blanks();
            match self.s.byte() {
                _ if self.s.at_end() => return Ok(None),
                // A zero byte ends the page, as in the original.
                0 => return Ok(None),
                b'\n' => self.s.at += 1,
                b'#' => return self.comment(),
                b if is_metric_start(b) => {
                    self.s.metric_name();
                    return self.series(self.s.at).map(Some);
                }
                b'{' if self.s.dialect == Dialect::V3 => return self.series(self.s.at).map(Some),
                _ if self.s.dialect == Dialect::V2_42 => {
                    return self.s.error(format!("{} is not a valid start token", quote(INVALID)));
                }
                _ => return self.s.expected("expected a valid start token", INVALID),
            }
        }
    }

    fn line_end(&self) -> usize {
        let rest = self.s.text.get(self.s.at..).unwrap_or_default();
        rest.find('\n').map_or(self.s.bytes.len(), |i| self.s.at + i)
    }

    fn comment(&mut self) -> Scanned<Option<Entry<'a>>> {
        let start = self.s.at;
        self.s.at += 1;
        let blank = self.s.byte();
        self.s.skip_blanks();
        let end = self.line_end();
        let keyword = match &self.s.bytes[self.s.at..end] {
            [b'H', b'E', b'L', b'P', b' ' | b'\t', ..] if matches!(blank, b' ' | b'\t') => "HELP",
            [b'T', b'Y', b'P', b'E', b' ' | b'\t', ..] if matches!(blank, b' ' | b'\t') => "TYPE",
            _ => {
                let text = self.s.slice(start, end);
                self.s.at = end + 1;
                // A zero byte in a comment ends the page too.
                return Ok((!text.contains('\0')).then_some(Entry::Comment(text)));
            }
        };
        self.s.at += keyword.len();
        self.s.skip_blanks();
        let name = self.s.family_name(keyword)?;
        let text = self.s.slice(self.s.at, end);
        // One byte stands between name and text, whatever it is; of a longer character the rest begins the text. Blanks
        // alone are no text, nor is anything behind a zero byte.
        let first = text.chars().next().unwrap_or(' ');
        let torn = !first.is_ascii() && first != '\u{FFFD}';
        let none = first == '\0' || text.bytes().all(|b| matches!(b, b' ' | b'\t'));
        let text = if none { "" } else { text.get(first.len_utf8()..).unwrap_or_default() };
        let entry = if keyword == "TYPE" {
            let Some(kind) = MetricType::from_text(text) else {
                return self.s.error(format!("invalid metric type {}", quote(text)));
            };
            Entry::Type { name, kind }
        } else {
            if torn || (self.s.broken_utf8 && text.contains('\u{FFFD}')) {
                let shown = if self.s.dialect == Dialect::V2_42 { String::new() } else { format!(" {}", quote(text)) };
                return self.s.error(format!("help text{shown} is not a valid utf8 string"));
            }
            Entry::Help { name, text: unescaped_help(text) }
        };
        self.s.at = end + 1;
        Ok(Some(entry))
    }

    /// A sample whose name ends at `name_end`.
    fn series(&mut self, name_end: usize) -> Scanned<Entry<'a>> {
        // Blanks before the name belong to it, so that Prometheus refuses it when it stores the sample.
        let name = self.s.slice(self.s.entry, name_end);
        let mut block = "";
        let mut inner_name = None;
        let mut end = name_end;
        self.s.skip_blanks();
        if self.s.byte() == b'{' {
            self.s.at += 1;
            let named = self.s.entry < name_end && !name.trim_ascii().is_empty();
            (block, inner_name) = self.s.label_block(Braces::Loose, named)?;
            end = self.s.at;
            if !named && inner_name.is_none() {
                return self.s.while_parsing("metric name not set".to_owned());
            }
            self.s.skip_blanks();
        }
        let raw = self.s.slice(self.s.entry, end);
        let value = self.value()?;
        let timestamp = self.timestamp()?;
        let name = inner_name.map_or(Cow::Borrowed(name), unescaped);
        Ok(Entry::Series(Series { raw, name, offset: self.s.entry, block, value, timestamp, exemplar: None }))
    }

    fn value(&mut self) -> Scanned<f64> {
        let start = self.s.at;
        // A zero byte ends a word, as in the original.
        self.s.skip_to(|b| matches!(b, 0 | b'{' | b' ' | b'\t' | b'\n'));
        if self.s.at == start {
            let token = if self.s.byte() == b'{' { "BOPEN" } else { INVALID };
            return self.s.expected("expected value after metric", token);
        }
        self.s.number(self.s.slice(start, self.s.at))
    }

    fn timestamp(&mut self) -> Scanned<Option<i64>> {
        self.s.skip_blanks();
        let start = self.s.at;
        self.s.skip_to(|b| !b.is_ascii_digit());
        let digits = self.s.slice(start, self.s.at);
        if digits.is_empty() {
            if self.s.byte() != b'\n' {
                return self.s.expected("expected timestamp or new record", INVALID);
            }
            self.s.at += 1;
            return Ok(None);
        }
        let Ok(timestamp) = digits.parse() else {
            return self.s.while_parsing(format!("strconv.ParseInt: parsing {}: value out of range", quote(digits)));
        };
        self.s.skip_blanks();
        if self.s.byte() != b'\n' {
            let token = if self.s.byte().is_ascii_digit() { "TIMESTAMP" } else { INVALID };
            return self.s.expected("expected next entry after timestamp", token);
        }
        self.s.at += 1;
        Ok(Some(timestamp))
    }
}

impl<'a> Iterator for TextReader<'a> {
    type Item = Result<Entry<'a>, PageError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let entry = self.entry().transpose();
        self.done = !matches!(entry, Some(Ok(_)));
        entry
    }
}
