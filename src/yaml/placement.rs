//! From a place inside a scalar's text back to the place in the file.

use super::node::{Node, Style};
use crate::text::{SourceText, Span};

/// Where each byte of a scalar's text stands in the file. Best effort where folding joined lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Placement {
    /// For each byte of the text its offset in the file; one more for the end.
    offsets: Vec<u32>,
}

impl Placement {
    /// Follows the scalar through its quotes, escapes and folds.
    pub fn of(node: &Node, source: &SourceText) -> Self {
        let Some(scalar) = node.scalar() else { return Self::default() };
        let raw = source.text().get(node.span().range()).unwrap_or("");
        let base = node.span().start as usize;
        let start = match scalar.style {
            Style::Plain => 0,
            Style::SingleQuoted | Style::DoubleQuoted => 1,
            Style::Literal | Style::Folded => raw.find('\n').map_or(raw.len(), |i| i + 1),
        };
        let mut walk = Walk { raw, at: start.min(raw.len()), style: scalar.style };
        let mut offsets = Vec::with_capacity(scalar.value.len() + 1);
        for c in scalar.value.chars() {
            let at = walk.find(c);
            offsets.extend(std::iter::repeat_n((base + at) as u32, c.len_utf8()));
        }
        offsets.push((base + walk.at) as u32);
        Self { offsets }
    }

    /// The place in the file of a place in the text.
    pub fn span(&self, inside: Span) -> Span {
        let at = |i: u32| self.offsets.get(i as usize).or(self.offsets.last()).copied().unwrap_or_default();
        let start = at(inside.start);
        // The end is counted from the last byte inside, so that a span does not swallow a fold after it.
        let end = if inside.end > inside.start { at(inside.end - 1) + 1 } else { start };
        Span { start, end: end.max(start) }
    }
}

struct Walk<'r> {
    raw: &'r str,
    at: usize,
    style: Style,
}

impl Walk<'_> {
    /// The offset of the next written form of `c`; afterwards the walk stands behind it.
    fn find(&mut self, c: char) -> usize {
        let mut at = self.at;
        loop {
            let rest = &self.raw[at..];
            let Some(next) = rest.chars().next() else { return self.at };
            if next == '\\' && self.style == Style::DoubleQuoted {
                let escape = escape_len(rest);
                if rest[1..].starts_with(['\n', '\r']) {
                    at += 1;
                    continue;
                }
                self.at = at + escape;
                return at;
            }
            if next == c {
                let doubled = c == '\'' && self.style == Style::SingleQuoted && rest.starts_with("''");
                self.at = at + c.len_utf8() + usize::from(doubled);
                return at;
            }
            // A fold: a blank of the text stands for a line end, or indentation has no place in the text.
            if c.is_whitespace() && next.is_whitespace() {
                self.at = at + next.len_utf8();
                return at;
            }
            if !next.is_whitespace() {
                return self.at;
            }
            at += next.len_utf8();
        }
    }
}

fn escape_len(rest: &str) -> usize {
    let len = match rest.as_bytes().get(1) {
        Some(b'x') => 4,
        Some(b'u') => 6,
        Some(b'U') => 10,
        _ => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
    };
    if rest.is_char_boundary(len) { len } else { rest.len() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(text: &str, wanted: &str) -> String {
        let source = SourceText::new("f", text);
        let root = crate::yaml::parse(&source).expect("valid").expect("not empty");
        let node = root.get("e").expect("the key is there");
        let value = node.as_str().expect("a text");
        let start = value.find(wanted).expect("it is in the text");
        let span = Placement::of(node, &source).span(Span::new(start, start + wanted.len()));
        let at = source.position(span.start as usize);
        format!("{}:{} {}", at.line, at.column, &source.text()[span.range()])
    }

    #[test]
    fn places_are_found_in_every_style() {
        assert_eq!(place("e: up > bad\n", "bad"), "1:9 bad");
        assert_eq!(place("e: 'it''s bad'\n", "bad"), "1:11 bad");
        assert_eq!(place("e: \"a\\\"b\\u0041 bad\"\n", "bad"), "1:16 bad");
        assert_eq!(place("e: |\n  up\n    > bad\n  x\n", "bad"), "3:7 bad");
        assert_eq!(place("e: >-\n  up >\n  é bad\n", "bad"), "3:5 bad");
        assert_eq!(place("e: up >\n   0 and\n   bad\n", "bad"), "3:4 bad");
    }
}
