//! The labels between braces.

use std::borrow::Cow;

use super::entry::MetricType;
use crate::golang::float::{FloatFormat, format_float, parse_float};

/// Walks over `a="b",c="d"` without copying what needs no unescaping. The block has been checked when the entry was
/// read.
#[derive(Clone, Debug)]
pub struct LabelPairs<'a> {
    rest: &'a str,
}

impl<'a> LabelPairs<'a> {
    pub(super) fn new(block: &'a str) -> Self {
        Self { rest: block }
    }
}

impl<'a> Iterator for LabelPairs<'a> {
    type Item = (Cow<'a, str>, Cow<'a, str>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let rest = skip(self.rest, |b| matches!(b, b' ' | b'\t' | b','));
            let (name, rest) = if rest.starts_with('"') {
                let (name, rest) = quoted(rest)?;
                (unescaped(name), rest)
            } else {
                let end = rest.bytes().position(|b| matches!(b, b'=' | b' ' | b'\t'))?;
                (Cow::Borrowed(&rest[..end]), &rest[end..])
            };
            let rest = skip(rest, |b| matches!(b, b' ' | b'\t'));
            let Some(rest) = rest.strip_prefix('=') else {
                // A quoted string alone is the metric's name.
                self.rest = rest;
                continue;
            };
            let (value, rest) = quoted(skip(rest, |b| matches!(b, b' ' | b'\t')))?;
            self.rest = rest;
            return Some((name, unescaped(value)));
        }
    }
}

#[inline]
fn skip(text: &str, blank: impl Fn(u8) -> bool) -> &str {
    let start = text.bytes().position(|b| !blank(b)).unwrap_or(text.len());
    &text[start..]
}

/// The inside of a string in double quotes, and what follows it.
pub(super) fn quoted(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_prefix('"')?;
    let end = closing_quote(inner.as_bytes())?;
    Some((&inner[..end], &inner[end + 1..]))
}

/// Where a string ends whose opening quote has been read.
pub(super) fn closing_quote(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        at += bytes.get(at..)?.iter().position(|b| matches!(b, b'"' | b'\\'))?;
        match bytes[at] {
            b'"' => return Some(at),
            _ => at += 2,
        }
    }
}

/// A label value without its escapes `\\`, `\"` and `\n`; any other backslash stays.
pub(super) fn unescaped(text: &str) -> Cow<'_, str> {
    replaced(text, true)
}

/// A help text without its escapes `\\` and `\n`.
pub(super) fn unescaped_help(text: &str) -> Cow<'_, str> {
    replaced(text, false)
}

fn replaced(text: &str, quotes: bool) -> Cow<'_, str> {
    let Some(first) = text.find('\\') else {
        return text.into();
    };
    let mut out = String::with_capacity(text.len());
    out.push_str(&text[..first]);
    let mut chars = text[first..].chars().peekable();
    while let Some(c) = chars.next() {
        let replacement = match chars.peek() {
            Some('\\') if c == '\\' => '\\',
            Some('n') if c == '\\' => '\n',
            Some('"') if c == '\\' && quotes => '"',
            _ => {
                out.push(c);
                continue;
            }
        };
        chars.next();
        out.push(replacement);
    }
    out.into()
}

/// How Prometheus 3 stores a label of a histogram or summary: `le="1"` becomes `le="1.0"`.
pub fn normalized_label_value<'a>(kind: MetricType, label: &str, value: Cow<'a, str>) -> Cow<'a, str> {
    let bound = match kind {
        MetricType::Histogram => label == "le",
        MetricType::Summary => label == "quantile",
        _ => false,
    };
    if !bound {
        return value;
    }
    let Ok(number) = parse_float(&value) else {
        return value;
    };
    let mut text = format_float(number, FloatFormat::General, None);
    if number.is_finite() && !text.contains(['.', 'e']) {
        text.push_str(".0");
    }
    if text == *value { value } else { text.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_known_escapes_are_resolved() {
        assert_eq!(unescaped(r#"a\"b\\n\nc\q"#), "a\"b\\n\nc\\q");
        assert_eq!(unescaped_help(r#"a\"b\n"#), "a\\\"b\n");
    }

    #[test]
    fn bounds_are_written_as_floats_and_nothing_else_is_touched() {
        let le = |v: &'static str| normalized_label_value(MetricType::Histogram, "le", v.into()).into_owned();
        assert_eq!([le("1"), le("0.5"), le("+Inf"), le("1e+06"), le("x")], ["1.0", "0.5", "+Inf", "1e+06", "x"]);
        assert_eq!(normalized_label_value(MetricType::Gauge, "le", "1".into()), "1");
    }

    #[test]
    fn pairs_are_slices_of_the_page() {
        let pairs: Vec<_> = LabelPairs::new(r#"a="1" , b = "x\"y","q n"="z""#).collect();
        let text: Vec<(&str, &str)> = pairs.iter().map(|(n, v)| (&**n, &**v)).collect();
        assert_eq!(text, [("a", "1"), ("b", "x\"y"), ("q n", "z")]);
        assert!(matches!(pairs[0].1, Cow::Borrowed(_)));
    }
}
