//! Texts in quotes whose further lines begin left of where YAML wants them.
//!
//! Go folds such lines all the same. The parser that labkit uses refuses them, so it gets the text on one line, with
//! every place and length as they were: line breaks and the blanks around them are written as characters that the text
//! does not use, and folded when the value comes back.

use std::ops::Range;

/// A text that was put on one line.
#[derive(Clone, Debug)]
pub(super) struct Joined {
    line_break: char,
    blank: char,
}

/// The text between two quotes on one line; nothing when it uses up every character that could stand in.
pub(super) fn join(text: &mut String, quoted: &Range<usize>) -> Option<Joined> {
    let raw = text.get(quoted.clone())?;
    let mut free = "~^@`$%&;!?_=+|<>*".chars().filter(|c| !raw.contains(*c));
    let joined = Joined { line_break: free.next()?, blank: free.next()? };
    let bytes = raw.as_bytes();
    let escapes = bytes[0] == b'"';
    let mut out = raw.as_bytes().to_vec();
    let mut at = 1;
    while at < bytes.len() {
        if bytes[at] != b'\n' {
            at += 1;
            continue;
        }
        let backslashes = bytes[..at].iter().rev().take_while(|b| **b == b'\\').count();
        let is_space = |b: u8| matches!(b, b' ' | b'\t' | b'\r' | b'\n');
        let first = if escapes && backslashes % 2 == 1 {
            // An escaped line break is nothing at all, nor are the blanks behind it.
            out[at] = joined.blank as u8;
            at - 1
        } else {
            out[at] = joined.line_break as u8;
            at - bytes[..at].iter().rev().take_while(|b| is_space(**b)).count()
        };
        out[first..at].fill(joined.blank as u8);
        at += 1;
        while at < bytes.len() && is_space(bytes[at]) {
            out[at] = (if bytes[at] == b'\n' { joined.line_break } else { joined.blank }) as u8;
            at += 1;
        }
    }
    text.replace_range(quoted.clone(), &String::from_utf8(out).ok()?);
    Some(joined)
}

impl Joined {
    /// The value with its lines folded: one break is a blank, of several one is left out.
    pub fn fold(&self, value: &str) -> String {
        let mut out = String::with_capacity(value.len());
        let mut rest = value;
        let stands_in = |c: char| c == self.line_break || c == self.blank;
        while let Some(start) = rest.find(stands_in) {
            out.push_str(&rest[..start]);
            let run = &rest[start..];
            let end = run.find(|c| !stands_in(c)).unwrap_or(run.len());
            match run[..end].matches(self.line_break).count() {
                0 => {}
                1 => out.push(' '),
                n => out.extend(std::iter::repeat_n('\n', n - 1)),
            }
            rest = &run[end..];
        }
        out + rest
    }
}

#[cfg(test)]
mod tests {
    use crate::text::SourceText;
    use crate::yaml::{Node, parse};

    #[test]
    fn lines_too_far_left_are_folded_as_in_go() {
        for (text, wanted) in [
            ("a:\n  b: \"c +\n d\"\n", "c + d"),
            ("a:\n  b: \"c \t\n\n\nd\\n\\\"\" # e\n", "c\n\nd\n\""),
            ("a:\n  b: 'it''s\nd'\n", "it's d"),
            ("a:\n  b: \"c \\\n d\"\n", "c d"),
            ("a:\n  b: \"c~^\n\td\"\n", "c~^ d"),
        ] {
            let source = SourceText::new("f", text);
            let root = parse(&source).unwrap_or_else(|e| panic!("{text:?}: {e:?}")).expect("there is a document");
            let node = root.get("a").and_then(|a| a.get("b")).expect("it is there");
            assert_eq!(node.as_str(), Some(wanted), "{text:?}");
            assert!(source.text()[node.span().range()].starts_with(['"', '\'']), "{text:?}");
        }
        assert!(parse(&SourceText::new("f", "a:\n  b: \"c\nd: e\n")).is_err());
        let two = "a: \"b\nc\"\nd: 'e\nf'\n";
        let root = parse(&SourceText::new("f", two)).expect("it is YAML").expect("there is a document");
        assert_eq!(["a", "d"].map(|k| root.get(k).and_then(Node::as_str)), [Some("b c"), Some("e f")]);
    }
}
