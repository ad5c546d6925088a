//! Percent-encoding as Go's `net/url` does it.

use std::fmt::Write;

/// `url.QueryEscape`: a blank becomes `+`.
pub fn query_escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for b in text.bytes() {
        match b {
            b' ' => out.push('+'),
            _ => push_escaped(b, b"-_.~", &mut out),
        }
    }
    out
}

/// The path of a URL as `URL.String` writes it.
pub fn path_escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for b in text.bytes() {
        push_escaped(b, b"-_.~$&+,/:;=@", &mut out);
    }
    out
}

fn push_escaped(b: u8, plain: &[u8], out: &mut String) {
    if b.is_ascii_alphanumeric() || plain.contains(&b) {
        out.push(char::from(b));
    } else {
        let _ = write!(out, "%{b:02X}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_and_paths_keep_different_characters() {
        assert_eq!(query_escape("up > 0.5 & é"), "up+%3E+0.5+%26+%C3%A9");
        assert_eq!(path_escape("/a b?c:d"), "/a%20b%3Fc:d");
    }
}
