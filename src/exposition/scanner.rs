//! What both formats share: names, label blocks, numbers, and errors in Prometheus' words.

use super::entry::PageError;
use super::labels::closing_quote;
use crate::golang::float::parse_float;
use crate::golang::quote;
use crate::model::Dialect;

/// Tokens as messages name them.
pub(super) const INVALID: &str = "INVALID";

/// A place on a page.
#[derive(Clone, Debug)]
pub(super) struct Scanner<'a> {
    pub text: &'a str,
    pub bytes: &'a [u8],
    /// The next byte.
    pub at: usize,
    /// Where the entry began.
    pub entry: usize,
    pub dialect: Dialect,
    pub broken_utf8: bool,
    /// The last metric's name: it mostly comes again.
    last_name: &'a [u8],
}

pub(super) type Scanned<T> = Result<T, PageError>;

const LABEL: u8 = 1;
const COLON: u8 = 2;
const DIGIT: u8 = 4;

/// Which names a byte may stand in.
const CLASS: [u8; 256] = {
    let mut class = [0; 256];
    let mut i = 0;
    while i < 256 {
        class[i] = match i as u8 {
            b'_' | b'a'..=b'z' | b'A'..=b'Z' => LABEL,
            b':' => COLON,
            b'0'..=b'9' => DIGIT,
            _ => 0,
        };
        i += 1;
    }
    class
};

/// How the two formats differ inside braces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Braces {
    /// Text format: blanks anywhere, commas optional.
    Loose,
    /// OpenMetrics: no blanks, commas between.
    Strict,
    /// Of an exemplar.
    Exemplar,
}

impl<'a> Scanner<'a> {
    pub fn new(text: &'a str, dialect: Dialect, broken_utf8: bool) -> Self {
        Self { text, bytes: text.as_bytes(), at: 0, entry: 0, dialect, broken_utf8, last_name: b"" }
    }

    /// The next byte. Behind the end there is a line feed, as if the page ended with one.
    #[inline]
    pub fn byte(&self) -> u8 {
        self.bytes.get(self.at).copied().unwrap_or(b'\n')
    }

    pub fn at_end(&self) -> bool {
        self.at >= self.bytes.len()
    }

    #[inline]
    pub fn slice(&self, from: usize, to: usize) -> &'a str {
        self.text.get(from..to.min(self.text.len())).unwrap_or("")
    }

    /// An error at the next byte.
    pub fn error<T>(&self, message: impl Into<String>) -> Scanned<T> {
        Err(PageError::at(self.text, self.at, message.into()))
    }

    /// `expected X, got "TOKEN"`, which later releases say with the text around.
    pub fn expected<T>(&self, wanted: &str, got: &str) -> Scanned<T> {
        self.expected_from(self.at, wanted, got)
    }

    /// As [`Self::expected`], with where the token began that went wrong at the next byte.
    pub fn expected_from<T>(&self, token: usize, wanted: &str, got: &str) -> Scanned<T> {
        if self.dialect == Dialect::V2_42 {
            return self.error(format!("{wanted}, got {}", quote(got)));
        }
        let rest = self.text.get(self.at..).unwrap_or_default();
        let end = self.at + rest.chars().next().map_or(0, char::len_utf8);
        let (token, entry) = (self.slice(token, end), self.slice(self.entry, end));
        self.error(format!("{wanted}, got {} ({}) while parsing: {}", quote(token), quote(got), quote(entry)))
    }

    /// A message that later releases follow with the text around.
    pub fn while_parsing<T>(&self, message: String) -> Scanned<T> {
        if self.dialect == Dialect::V2_42 {
            return self.error(message);
        }
        self.error(format!("{message} while parsing: {}", quote(self.slice(self.entry, self.at))))
    }

    /// Skips blanks and tabs.
    #[inline]
    pub fn skip_blanks(&mut self) {
        while matches!(self.byte(), b' ' | b'\t') {
            self.at += 1;
        }
    }

    /// Moves to the first byte for which `stop` holds, or to the end.
    #[inline]
    pub fn skip_to(&mut self, stop: impl Fn(u8) -> bool) {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        self.at += rest.iter().position(|b| stop(*b)).unwrap_or(rest.len());
    }

    /// A metric's name, perhaps empty.
    #[inline]
    pub fn metric_name(&mut self) -> &'a str {
        let start = self.at;
        if is_metric_start(self.byte()) {
            let rest = &self.bytes[start..];
            let again = rest.strip_prefix(self.last_name).is_some_and(|r| r.first().is_some_and(|b| !is_name_part(*b)));
            if again && !self.last_name.is_empty() {
                self.at += self.last_name.len();
            } else {
                self.skip_to(|b| !is_name_part(b));
                self.last_name = &self.bytes[start..self.at];
            }
        }
        self.slice(start, self.at)
    }

    /// The name in a `HELP`, `TYPE` or `UNIT` line, which Prometheus 3 may quote.
    pub fn family_name(&mut self, keyword: &str) -> Scanned<&'a str> {
        if self.byte() == b'"'
            && self.dialect == Dialect::V3
            && let Some(len) = self.bytes.get(self.at + 1..).and_then(closing_quote)
            && !self.bytes[self.at..self.at + len].contains(&0)
        {
            let name = self.slice(self.at + 1, self.at + 1 + len);
            self.at += len + 2;
            return Ok(name);
        }
        let name = self.metric_name();
        if name.is_empty() {
            return self.expected(&format!("expected metric name after {keyword}"), INVALID);
        }
        Ok(name)
    }

    fn label_token(&self) -> &'static str {
        match self.byte() {
            b'}' => "BCLOSE",
            b'=' => "EQUAL",
            b',' => "COMMA",
            b'"' if self.dialect == Dialect::V3 => "QSTRING",
            b if is_label_start(b) => "LNAME",
            _ => INVALID,
        }
    }

    /// Behind `{`: everything up to and with `}`. Gives the inside, and the metric's name if it stands there.
    pub fn label_block(&mut self, braces: Braces, named: bool) -> Scanned<(&'a str, Option<&'a str>)> {
        let loose = braces == Braces::Loose;
        let start = self.at;
        let mut name = None;
        let mut first = true;
        loop {
            if loose {
                self.skip_blanks();
            }
            if is_label_start(self.byte()) {
                self.skip_to(|b| CLASS[usize::from(b)] & (LABEL | DIGIT) == 0);
                first = false;
                if self.pair_ends(loose)? {
                    break;
                }
                continue;
            }
            match self.label_token() {
                "BCLOSE" if loose || first || self.dialect == Dialect::V3 => break,
                "QSTRING" => {
                    let from = self.at;
                    self.string("expected label name")?;
                    if loose {
                        self.skip_blanks();
                    }
                    if matches!(self.byte(), b',' | b'}') {
                        if braces == Braces::Exemplar {
                            return self.expected("expected label name", self.label_token());
                        }
                        if named || name.is_some() {
                            return self.while_parsing("metric name already set".to_owned());
                        }
                        name = Some(self.slice(from + 1, self.at - 1));
                        if self.byte() == b'}' {
                            break;
                        }
                        self.at += 1;
                        first = false;
                        continue;
                    }
                }
                token => {
                    let wanted = match first && !loose && self.dialect == Dialect::V2_42 {
                        true => "expected label name or left brace",
                        false => "expected label name",
                    };
                    return self.expected(wanted, token);
                }
            }
            first = false;
            if self.pair_ends(loose)? {
                break;
            }
        }
        let block = self.slice(start, self.at);
        self.at += 1;
        Ok((block, name))
    }

    /// Behind a label's name: its value, and the comma. Whether the closing brace is next.
    fn pair_ends(&mut self, loose: bool) -> Scanned<bool> {
        self.label_value(loose)?;
        if loose {
            self.skip_blanks();
        }
        match self.byte() {
            b',' => {
                self.at += 1;
                Ok(false)
            }
            b'}' => Ok(true),
            _ if loose => Ok(false),
            _ => {
                let wanted = match self.dialect {
                    Dialect::V2_42 if self.label_token() == "LNAME" => "expected comma",
                    Dialect::V2_42 => "expected comma or left brace",
                    Dialect::V3 => "expected comma or brace close",
                };
                self.expected(wanted, self.label_token())
            }
        }
    }

    fn label_value(&mut self, loose: bool) -> Scanned<()> {
        if loose {
            self.skip_blanks();
        }
        if self.byte() != b'=' {
            return self.expected("expected equal", self.label_token());
        }
        self.at += 1;
        if loose {
            self.skip_blanks();
        }
        let from = self.at;
        self.string("expected label value")?;
        if !loose && self.bytes[from..self.at].contains(&b'\n') {
            self.at = from;
            return self.expected("expected label value", INVALID);
        }
        if self.broken_utf8 && self.slice(from, self.at).contains('\u{FFFD}') {
            return match self.dialect {
                Dialect::V2_42 => self.error("invalid UTF-8 label value"),
                Dialect::V3 => self.error(format!("invalid UTF-8 label value: {}", quote(self.slice(from, self.at)))),
            };
        }
        Ok(())
    }

    /// A string in double quotes.
    fn string(&mut self, wanted: &str) -> Scanned<()> {
        let inside = self.bytes.get(self.at + 1..).unwrap_or_default();
        match closing_quote(inside) {
            Some(len) if self.byte() == b'"' => {
                self.at += len + 2;
                Ok(())
            }
            _ => self.expected(wanted, INVALID),
        }
    }

    /// A value's text as a number, in the formats Go knew before 1.13.
    pub fn number(&self, text: &str) -> Scanned<f64> {
        if let Some(v) = small_decimal(text.as_bytes()) {
            return Ok(v);
        }
        if text.contains(['p', 'P', '_']) {
            return self.while_parsing("unsupported character in float".to_owned());
        }
        match parse_float(text) {
            // One NaN for all: a page cannot write a staleness marker.
            Ok(v) if v.is_nan() => Ok(f64::from_bits(0x7ff8_0000_0000_0001)),
            Ok(v) => Ok(v),
            Err(e) => self.while_parsing(e.message(text)),
        }
    }
}

/// Digits with at most one point and an optional minus, where the result is exact: most values of most pages.
#[inline]
fn small_decimal(text: &[u8]) -> Option<f64> {
    const POWERS: [f64; 16] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    // At most 15 digits fit the 53 bits of a float, and so does the power of ten: one rounding, as Go's.
    if digits.is_empty() || digits.len() > 16 {
        return None;
    }
    let mut mantissa: u64 = 0;
    let mut point = None;
    for (i, b) in digits.iter().enumerate() {
        match b {
            b'0'..=b'9' => mantissa = mantissa * 10 + u64::from(b - b'0'),
            b'.' if point.is_none() => point = Some(i),
            _ => return None,
        }
    }
    let count = digits.len() - usize::from(point.is_some());
    if count == 0 || count > 15 {
        return None;
    }
    let fraction = point.map_or(0, |p| digits.len() - p - 1);
    let value = mantissa as f64 / POWERS[fraction];
    Some(if negative { -value } else { value })
}

#[inline]
fn is_name_part(b: u8) -> bool {
    CLASS[usize::from(b)] != 0
}

#[inline]
pub(super) fn is_metric_start(b: u8) -> bool {
    CLASS[usize::from(b)] & (LABEL | COLON) != 0
}

#[inline]
fn is_label_start(b: u8) -> bool {
    CLASS[usize::from(b)] & LABEL != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_short_way_for_numbers_gives_what_the_long_one_gives() {
        for text in ["0", "-0", "1.5", "-12.25", ".5", "5.", "0.1", "123456789012345", "1234567.89012345", "0.000001"] {
            let short = small_decimal(text.as_bytes()).map(f64::to_bits);
            assert_eq!(short, parse_float(text).ok().map(f64::to_bits), "{text}");
        }
        for text in ["", "-", ".", "1.2.3", "1e5", "1234567890123456", "+1", "NaN"] {
            assert_eq!(small_decimal(text.as_bytes()), None, "{text}");
        }
    }
}
