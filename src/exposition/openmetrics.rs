//! OpenMetrics 1.0, as Prometheus reads it.

use std::borrow::Cow;

use super::entry::{Entry, Exemplar, MetricType, PageError, Series};
use super::labels::unescaped;
use super::scanner::{Braces, INVALID, Scanned, Scanner, is_metric_start};
use crate::golang::quote;
use crate::model::Dialect;

const NO_EOF: &str = "data does not end with # EOF";

/// Reads a page of OpenMetrics. Timestamps are seconds on the page and milliseconds here.
#[derive(Clone, Debug)]
pub struct OpenMetricsReader<'a> {
    s: Scanner<'a>,
    done: bool,
}

impl<'a> OpenMetricsReader<'a> {
    pub(super) fn new(text: &'a str, dialect: Dialect, broken_utf8: bool) -> Self {
        Self { s: Scanner::new(text, dialect, broken_utf8), done: false }
    }

    fn entry(&mut self) -> Scanned<Option<Entry<'a>>> {
        self.s.entry = self.s.at;
        if self.s.at_end() {
            return self.s.error(NO_EOF);
        }
        match self.s.byte() {
            b'#' => self.comment(),
            b if is_metric_start(b) => {
                let name = self.s.metric_name();
                self.series(name).map(Some)
            }
            b'{' if self.s.dialect == Dialect::V3 => self.series("").map(Some),
            _ => self.invalid_start(),
        }
    }

    fn invalid_start<T>(&self) -> Scanned<T> {
        self.invalid_start_from(self.s.at)
    }

    /// `token` is where the token began that ends in nothing.
    fn invalid_start_from<T>(&self, token: usize) -> Scanned<T> {
        if self.s.dialect == Dialect::V3 {
            return self.s.expected_from(token, "expected a valid start token", INVALID);
        }
        // The original shows the byte as if it were a character.
        let next = self.s.bytes.get(self.s.at).map_or('\0', |b| char::from(*b));
        self.s.error(format!("{} {} is not a valid start token", quote(INVALID), quote(&next.to_string())))
    }

    fn comment(&mut self) -> Scanned<Option<Entry<'a>>> {
        self.s.at += 1;
        if self.s.byte() != b' ' {
            return self.invalid_start();
        }
        self.s.at += 1;
        let rest = &self.s.bytes[self.s.at.min(self.s.bytes.len())..];
        let keyword = match rest {
            [b'E', b'O', b'F', rest @ ..] => {
                self.s.at += 3 + usize::from(rest.first() == Some(&b'\n'));
                if self.s.at_end() {
                    return Ok(None);
                }
                return self.s.error("unexpected data after # EOF");
            }
            [b'H', b'E', b'L', b'P', b' ', ..] => "HELP",
            [b'T', b'Y', b'P', b'E', b' ', ..] => "TYPE",
            [b'U', b'N', b'I', b'T', b' ', ..] => "UNIT",
            rest => {
                // The complaint is of the first byte that no keyword goes on with.
                let shared = |keyword: &[u8]| keyword.iter().zip(rest).take_while(|(a, b)| a == b).count();
                let words: [&[u8]; 4] = [b"HELP ", b"TYPE ", b"UNIT ", b"EOF"];
                let token = self.s.at;
                self.s.at += words.into_iter().map(shared).max().unwrap_or(0);
                return self.invalid_start_from(token);
            }
        };
        self.s.at += 5;
        let name = self.s.family_name(keyword)?;
        let text = self.metadata_text(keyword)?;
        let entry = match keyword {
            "TYPE" => match MetricType::from_openmetrics(text) {
                Some(kind) => Entry::Type { name, kind },
                None => return self.s.error(format!("invalid metric type {}", quote(text))),
            },
            "UNIT" => {
                self.check_unit(name, text)?;
                Entry::Unit { name, unit: text }
            }
            _ if self.s.broken_utf8 && text.contains('\u{FFFD}') => {
                let shown = if self.s.dialect == Dialect::V2_42 { String::new() } else { format!(" {}", quote(text)) };
                return self.s.error(format!("help text{shown} is not a valid utf8 string"));
            }
            _ => Entry::Help { name, text: unescaped(text) },
        };
        Ok(Some(entry))
    }

    /// A blank, then everything up to the line feed, which must be there.
    fn metadata_text(&mut self, keyword: &str) -> Scanned<&'a str> {
        let from = self.s.at;
        let length = self.s.bytes.get(from..).and_then(|b| b.iter().position(|b| *b == b'\n'));
        match length {
            Some(length) if self.s.byte() == b' ' => {
                self.s.at = from + length + 1;
                Ok(self.s.slice(from + 1, from + length))
            }
            _ => self.s.error(format!("expected text in {keyword}")),
        }
    }

    fn check_unit(&self, name: &str, unit: &str) -> Scanned<()> {
        if unit.is_empty() || name.strip_suffix(unit).is_some_and(|stem| stem.ends_with('_')) {
            return Ok(());
        }
        match self.s.dialect {
            Dialect::V2_42 => self.s.error(format!("unit not a suffix of metric {}", quote(name))),
            Dialect::V3 => self.s.error(format!("unit {} not a suffix of metric {}", quote(unit), quote(name))),
        }
    }

    fn series(&mut self, name: &'a str) -> Scanned<Entry<'a>> {
        let mut block = "";
        let mut inner_name = None;
        if self.s.byte() == b'{' && !self.s.at_end() {
            self.s.at += 1;
            (block, inner_name) = self.s.label_block(Braces::Strict, !name.is_empty())?;
            if name.is_empty() && inner_name.is_none() {
                return self.s.while_parsing("metric name not set".to_owned());
            }
        }
        let raw = self.s.slice(self.s.entry, self.s.at);
        let value = self.value("metric")?;
        let shown = inner_name.map_or(Cow::Borrowed(name), unescaped);
        let mut series =
            Series { raw, name: shown, offset: self.s.entry, block, value, timestamp: None, exemplar: None };
        if self.s.at_end() {
            return self.s.error(NO_EOF);
        }
        if self.s.byte() == b' ' && !self.exemplar_follows() {
            let Some(word) = self.word_or_exemplar() else {
                let wanted = match self.s.dialect {
                    Dialect::V2_42 => "expected timestamp or # symbol",
                    Dialect::V3 => "expected next entry after timestamp",
                };
                return self.s.expected(wanted, INVALID);
            };
            series.timestamp = Some(self.milliseconds(word, "invalid timestamp")?);
            if self.s.at_end() && self.s.dialect == Dialect::V2_42 {
                return self.s.error(NO_EOF);
            }
        }
        if self.exemplar_follows() {
            self.s.at += 4;
            series.exemplar = Some(Box::new(self.exemplar(name)?));
        } else if self.s.byte() == b'\n' && !self.s.at_end() {
            self.s.at += 1;
        } else {
            let token = match self.s.bytes.get(self.s.at..) {
                None | Some([]) => "EOF",
                Some([b' ', b'#', b' ', ..]) => INVALID,
                Some([b' ', next, ..]) if !matches!(next, 0 | b' ' | b'\n') => "TIMESTAMP",
                Some(_) => INVALID,
            };
            return self.s.expected("expected next entry after timestamp", token);
        }
        Ok(Entry::Series(series))
    }

    /// ` # {`
    fn exemplar_follows(&self) -> bool {
        self.s.bytes.get(self.s.at..).is_some_and(|rest| rest.starts_with(b" # {"))
    }

    /// As [`Self::word`] where an exemplar might begin: a lone `#` before a blank is no word there.
    fn word_or_exemplar(&mut self) -> Option<&'a str> {
        let begins = self.s.bytes.get(self.s.at..).is_some_and(|rest| rest.starts_with(b" # "));
        if begins { None } else { self.word() }
    }

    /// A blank, then everything up to the next blank or line feed.
    fn word(&mut self) -> Option<&'a str> {
        let rest = self.s.bytes.get(self.s.at..)?.strip_prefix(b" ")?;
        let length = rest.iter().position(|b| matches!(b, 0 | b' ' | b'\n')).unwrap_or(rest.len());
        if length == 0 {
            return None;
        }
        let start = self.s.at + 1;
        self.s.at = start + length;
        Some(self.s.slice(start, start + length))
    }

    fn value(&mut self, after: &str) -> Scanned<f64> {
        let token = if self.s.at_end() { "EOF" } else { INVALID };
        let brace = self.s.byte() == b'{';
        match self.word() {
            Some(word) => self.s.number(word),
            None => self.s.expected(&format!("expected value after {after}"), if brace { "BOPEN" } else { token }),
        }
    }

    fn milliseconds(&self, word: &str, message: &str) -> Scanned<i64> {
        let seconds = self.s.number(word)?;
        if !seconds.is_finite() {
            let shown = match self.s.dialect {
                Dialect::V2_42 => String::new(),
                Dialect::V3 if seconds.is_nan() => " NaN".to_owned(),
                Dialect::V3 => if seconds > 0.0 { " +Inf" } else { " -Inf" }.to_owned(),
            };
            return self.s.error(format!("{message}{shown}"));
        }
        Ok((seconds * 1000.0) as i64)
    }

    fn exemplar(&mut self, name: &str) -> Scanned<Exemplar<'a>> {
        if self.s.dialect == Dialect::V2_42 && !name.ends_with("_bucket") && !name.ends_with("_total") {
            return self.s.error(format!("metric name {name} does not support exemplars"));
        }
        let (block, _) = self.s.label_block(Braces::Exemplar, true)?;
        let value = self.value("exemplar labels")?;
        let mut timestamp = None;
        if self.s.byte() == b' ' && !self.s.at_end() {
            let Some(word) = self.word() else {
                return self.s.expected("expected timestamp or comment", INVALID);
            };
            timestamp = Some(self.milliseconds(word, "invalid exemplar timestamp")?);
        }
        if self.s.at_end() {
            return self.s.error(NO_EOF);
        }
        if self.s.byte() != b'\n' {
            return self.s.expected("expected next entry after exemplar timestamp", INVALID);
        }
        self.s.at += 1;
        Ok(Exemplar { block, value, timestamp })
    }
}

impl<'a> Iterator for OpenMetricsReader<'a> {
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
