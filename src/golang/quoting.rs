//! Go string literals: `strconv.Quote`, `strconv.Unquote`, and what counts as printable.
//!
//! Go knows strings as bytes. Rust text cannot hold a byte that is not UTF-8; where an escape would make one
//! (`"\xff"`), [`unquote_bytes`] gives the bytes.

use std::sync::OnceLock;

/// Where bytes that are no UTF-8 stand in text: this much above their value, at the end of the last private plane.
const RAW_BYTES: u32 = 0x10_FF00;

/// Bytes as text; a byte that is no UTF-8 becomes a stand-in, which [`quote`] shows as `\xff`.
pub fn text_of_bytes(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        out.extend(chunk.invalid().iter().filter_map(|b| char::from_u32(RAW_BYTES + u32::from(*b))));
    }
    out
}

/// Whether a character stands for a byte that is no UTF-8.
pub fn is_raw_byte(c: char) -> bool {
    u32::from(c) >= RAW_BYTES + 0x80
}

/// Whether text holds stand-ins for bytes that are no UTF-8.
pub fn has_raw_bytes(text: &str) -> bool {
    text.chars().any(is_raw_byte)
}

/// A double-quoted Go string literal: `strconv.Quote`.
pub fn quote(s: &str) -> String {
    quote_with(s, '"', false)
}

/// `strconv.QuoteToASCII`: everything beyond ASCII is escaped.
pub fn quote_to_ascii(s: &str) -> String {
    quote_with(s, '"', true)
}

/// `strconv.QuoteRune`: a single-quoted character literal.
pub fn quote_char(c: char) -> String {
    quote_with(c.encode_utf8(&mut [0; 4]), '\'', false)
}

fn quote_with(s: &str, mark: char, ascii: bool) -> String {
    let mut out = String::with_capacity(s.len() + 2);
    out.push(mark);
    for c in s.chars() {
        push_escaped(&mut out, c, mark, ascii);
    }
    out.push(mark);
    out
}

fn push_escaped(out: &mut String, c: char, mark: char, ascii: bool) {
    if c == mark || c == '\\' {
        out.push('\\');
        out.push(c);
        return;
    }
    if is_raw_byte(c) {
        out.push_str(&format!("\\x{:02x}", u32::from(c) - RAW_BYTES));
        return;
    }
    if c.is_ascii() {
        if (' '..='~').contains(&c) {
            out.push(c);
            return;
        }
    } else if !ascii && is_print(c) {
        out.push(c);
        return;
    }
    match c {
        '\u{7}' => out.push_str("\\a"),
        '\u{8}' => out.push_str("\\b"),
        '\u{c}' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\u{b}' => out.push_str("\\v"),
        c if c < ' ' || c == '\u{7f}' => out.push_str(&format!("\\x{:02x}", u32::from(c))),
        c if u32::from(c) < 0x10000 => out.push_str(&format!("\\u{:04x}", u32::from(c))),
        c => out.push_str(&format!("\\U{:08x}", u32::from(c))),
    }
}

/// Go's `unicode.IsPrint`: letters, marks, numbers, punctuation, symbols and the ASCII blank.
pub fn is_print(c: char) -> bool {
    if c.is_ascii() {
        return (' '..='~').contains(&c);
    }
    printable_ranges()
        .binary_search_by(|(lo, hi)| {
            if *hi < c {
                std::cmp::Ordering::Less
            } else if *lo > c {
                std::cmp::Ordering::Greater
            } else {
                std::cmp::Ordering::Equal
            }
        })
        .is_ok()
}

fn printable_ranges() -> &'static [(char, char)] {
    static RANGES: OnceLock<Vec<(char, char)>> = OnceLock::new();
    RANGES.get_or_init(|| {
        let hir = regex_syntax::parse(r"[\pL\pM\pN\pP\pS]").expect("general categories are known to the crate");
        match hir.kind() {
            regex_syntax::hir::HirKind::Class(regex_syntax::hir::Class::Unicode(class)) => {
                class.ranges().iter().map(|r| (r.start(), r.end())).collect()
            }
            _ => Vec::new(),
        }
    })
}

/// Not a Go string or character literal: Go's "invalid syntax".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid syntax")]
pub struct UnquoteError;

/// `strconv.Unquote` of a double-quoted, back-quoted or single-quoted literal, as text.
/// Bytes that are not UTF-8 become U+FFFD.
///
/// # Errors
/// Not a literal.
pub fn unquote(s: &str) -> Result<String, UnquoteError> {
    let bytes = unquote_bytes(s)?;
    Ok(String::from_utf8(bytes).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned()))
}

/// `strconv.Unquote`, exact to the byte.
///
/// # Errors
/// Not a literal.
pub fn unquote_bytes(s: &str) -> Result<Vec<u8>, UnquoteError> {
    let mark = s.chars().next().filter(char::is_ascii).ok_or(UnquoteError)?;
    let inner = s[1..].strip_suffix(mark).ok_or(UnquoteError)?;
    match mark {
        '`' => {
            if inner.contains('`') {
                return Err(UnquoteError);
            }
            Ok(inner.bytes().filter(|b| *b != b'\r').collect())
        }
        '"' | '\'' => {
            let mut out = Vec::with_capacity(inner.len());
            let mut rest = inner;
            let mut count = 0;
            while !rest.is_empty() {
                let (piece, tail) = unquote_char(rest, mark)?;
                piece.push_to(&mut out);
                rest = tail;
                count += 1;
            }
            if mark == '\'' && count != 1 {
                return Err(UnquoteError);
            }
            Ok(out)
        }
        _ => Err(UnquoteError),
    }
}

/// One element of a literal: a character, or a byte written as `\xFF` or `\377`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unquoted {
    /// A character.
    Char(char),
    /// A byte.
    Byte(u8),
}

impl Unquoted {
    /// Its value as Go's rune.
    pub fn rune(self) -> u32 {
        match self {
            Self::Char(c) => u32::from(c),
            Self::Byte(b) => u32::from(b),
        }
    }

    fn push_to(self, out: &mut Vec<u8>) {
        match self {
            Self::Char(c) => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            Self::Byte(b) => out.push(b),
        }
    }
}

/// `strconv.UnquoteChar`: the first element of a literal's inside, and what follows it.
///
/// # Errors
/// A bad escape, a bare quote or a line feed.
pub fn unquote_char(s: &str, mark: char) -> Result<(Unquoted, &str), UnquoteError> {
    let mut chars = s.chars();
    let c = chars.next().ok_or(UnquoteError)?;
    if c == mark || c == '\n' {
        return Err(UnquoteError);
    }
    if c != '\\' {
        return Ok((Unquoted::Char(c), chars.as_str()));
    }
    let escape = chars.next().ok_or(UnquoteError)?;
    let rest = chars.as_str();
    let simple = |c: char| Ok((Unquoted::Char(c), rest));
    match escape {
        'a' => simple('\u{7}'),
        'b' => simple('\u{8}'),
        'f' => simple('\u{c}'),
        'n' => simple('\n'),
        'r' => simple('\r'),
        't' => simple('\t'),
        'v' => simple('\u{b}'),
        '\\' => simple('\\'),
        '\'' | '"' if escape == mark => simple(escape),
        'x' => {
            let (v, rest) = digits(rest, 2, 16)?;
            Ok((Unquoted::Byte(u8::try_from(v).map_err(|_| UnquoteError)?), rest))
        }
        '0'..='7' => {
            let (v, rest) = digits(&s[1..], 3, 8)?;
            Ok((Unquoted::Byte(u8::try_from(v).map_err(|_| UnquoteError)?), rest))
        }
        'u' | 'U' => {
            let (v, rest) = digits(rest, if escape == 'u' { 4 } else { 8 }, 16)?;
            Ok((Unquoted::Char(char::from_u32(v).ok_or(UnquoteError)?), rest))
        }
        _ => Err(UnquoteError),
    }
}

fn digits(s: &str, count: usize, base: u32) -> Result<(u32, &str), UnquoteError> {
    let text = s.get(..count).ok_or(UnquoteError)?;
    if !text.chars().all(|c| c.is_digit(base)) {
        return Err(UnquoteError);
    }
    let v = u32::from_str_radix(text, base).map_err(|_| UnquoteError)?;
    Ok((v, &s[count..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unprintable_characters_are_escaped_as_go_does() {
        assert_eq!(quote("a\"b\\c\n\u{7}\u{1}\u{7f}"), r#""a\"b\\c\n\a\x01\x7f""#);
        assert_eq!(quote("é€😀"), "\"é€😀\"");
        assert_eq!(quote("\u{a0}\u{200b}\u{feff}\u{e0001}"), r#""\u00a0\u200b\ufeff\U000e0001""#);
        assert_eq!(quote_to_ascii("é😀"), r#""\u00e9\U0001f600""#);
        assert_eq!(quote_char('\''), r"'\''");
        assert_eq!(quote_char('"'), "'\"'");
    }

    #[test]
    fn literals_are_read() {
        assert_eq!(unquote(r#""a\tb\u00e9\x41\101\U0001f600""#).as_deref(), Ok("a\tb\u{e9}AA😀"));
        assert_eq!(unquote("`raw \\n`").as_deref(), Ok("raw \\n"));
        assert_eq!(unquote("'x'").as_deref(), Ok("x"));
        assert_eq!(unquote_bytes(r#""\xff""#), Ok(vec![0xff]));
        for bad in [
            "",
            "\"",
            "a",
            "\"a",
            r#""\'""#,
            r#"'\"'"#,
            "'ab'",
            "''",
            r#""\q""#,
            r#""\x4""#,
            r#""\ud800""#,
            "\"\n\"",
            r#""\400""#,
            "\"é",
            "é",
        ] {
            assert_eq!(unquote(bad), Err(UnquoteError), "{bad}");
        }
    }
}
