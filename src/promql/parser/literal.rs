//! The values of numbers, durations and strings.

use super::{Fail, Parsed, Parser};
use crate::golang::duration::parse_prometheus_duration;
use crate::golang::float::parse_float;
use crate::golang::quote;
use crate::golang::quoting::{Unquoted, text_of_bytes, unquote_char};
use crate::promql::lexer::{Token, TokenKind};

impl Parser<'_> {
    /// A number token's value, or a duration's seconds.
    pub(super) fn number_or_duration(&mut self, token: Token) -> Parsed<f64> {
        if token.kind == TokenKind::Duration {
            return self.duration_nanoseconds(token).map(|ns| ns as f64 / 1e9);
        }
        parse_number(self.word(token))
            .map_err(|message| self.error(token.span, format!("error parsing number: {message}")))
    }

    /// A duration token's nanoseconds. 2.42 wants it to be more than nothing.
    pub(super) fn duration_nanoseconds(&mut self, token: Token) -> Parsed<i64> {
        let nanoseconds = parse_prometheus_duration(self.word(token)).map_err(|m| self.error(token.span, m))?;
        if nanoseconds == 0 && !self.is_v3() {
            return Err(self.error(token.span, "duration must be greater than 0"));
        }
        Ok(nanoseconds)
    }

    /// A string token's text; bytes that are no UTF-8 become U+FFFD.
    pub(super) fn unquoted(&mut self, token: Token) -> Result<String, Fail> {
        let literal = self.word(token);
        unquote(literal)
            .ok_or_else(|| self.error(token.span, format!("error unquoting string {}: invalid syntax", quote(literal))))
    }
}

/// Go's `strconv.ParseInt` with any base, and failing that `strconv.ParseFloat`.
pub(super) fn parse_number(text: &str) -> Result<f64, String> {
    match parse_integer(text) {
        Some(n) => Ok(n as f64),
        None => parse_float(text).map_err(|e| e.message(text)),
    }
}

fn parse_integer(text: &str) -> Option<i64> {
    let lower = text.to_ascii_lowercase();
    let (digits, radix) = match lower.as_bytes() {
        [b'0', b'x', ..] => (&lower[2..], 16),
        [b'0', b'o', ..] => (&lower[2..], 8),
        [b'0', b'b', ..] => (&lower[2..], 2),
        [b'0', _, ..] => (&lower[1..], 8),
        _ => (&lower[..], 10),
    };
    if digits.contains('_') {
        // An underscore stands between two digits, or right behind the base.
        let fine = !digits.ends_with('_') && !digits.contains("__") && (radix != 10 || !digits.starts_with('_'));
        return fine.then(|| i64::from_str_radix(&digits.replace('_', ""), radix).ok())?;
    }
    if digits.starts_with(['+', '-']) {
        return None;
    }
    i64::from_str_radix(digits, radix).ok()
}

/// Prometheus' string literals: as Go's, but single quotes may hold any number of characters.
fn unquote(literal: &str) -> Option<String> {
    let mark = literal.chars().next()?;
    let inner = literal.strip_prefix(mark)?.strip_suffix(mark)?;
    if mark == '`' || !inner.contains('\\') {
        return Some(inner.to_owned());
    }
    let mut bytes = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while !rest.is_empty() {
        let (piece, tail) = unquote_char(rest, mark).ok()?;
        match piece {
            Unquoted::Char(c) => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            Unquoted::Byte(b) => bytes.push(b),
        }
        rest = tail;
    }
    Some(text_of_bytes(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_go_reads_them() {
        let cases = [("017", 15.0), ("08", 8.0), ("0x1F", 31.0), ("1_000", 1000.0), ("0X_1f", 31.0), ("1.5e3", 1500.0)];
        for (text, value) in cases {
            assert_eq!(parse_number(text), Ok(value), "{text}");
        }
        assert_eq!(parse_number("99999999999999999999"), Ok(1e20));
        assert!(parse_number("0x").is_err());
    }

    #[test]
    fn single_quotes_may_hold_many_characters() {
        assert_eq!(unquote(r"'it\'s \x41'").as_deref(), Some("it's A"));
        assert_eq!(unquote("`raw\\`").as_deref(), Some("raw\\"));
    }
}
