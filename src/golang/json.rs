//! Text as Go's `encoding/json` writes it: safe inside HTML, and with the short escapes of the Go release.

/// How control characters are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShortEscapes {
    /// Go before 1.22: only newline, carriage return and tab are short.
    Three,
    /// Go 1.22 and later: backspace and form feed too.
    Five,
}

/// Appends a JSON string literal, with `<`, `>`, `&` and the two line separators escaped.
pub fn write_string(out: &mut String, text: &str, short: ShortEscapes) {
    out.push('"');
    let mut plain = 0;
    for (i, c) in text.char_indices() {
        let escape = match c {
            '"' => "\\\"",
            '\\' => "\\\\",
            '\n' => "\\n",
            '\r' => "\\r",
            '\t' => "\\t",
            '\u{8}' if short == ShortEscapes::Five => "\\b",
            '\u{c}' if short == ShortEscapes::Five => "\\f",
            '<' => "\\u003c",
            '>' => "\\u003e",
            '&' => "\\u0026",
            '\u{2028}' => "\\u2028",
            '\u{2029}' => "\\u2029",
            c if c < ' ' => "",
            _ => continue,
        };
        out.push_str(&text[plain..i]);
        plain = i + c.len_utf8();
        if escape.is_empty() {
            out.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            out.push_str(escape);
        }
    }
    out.push_str(&text[plain..]);
    out.push('"');
}

/// Appends a JSON number; very large and very small ones have an exponent without a leading zero.
///
/// # Errors
/// Infinities and NaN have no JSON.
pub fn write_float(out: &mut String, f: f64) -> Result<(), String> {
    use super::float::{FloatFormat, format_float};
    if !f.is_finite() {
        let shown = format_float(f, FloatFormat::General, None);
        return Err(format!("json: unsupported value: {shown}"));
    }
    let size = f.abs();
    if size != 0.0 && !(1e-6..1e21).contains(&size) {
        let text = format_float(f, FloatFormat::Exponent, None);
        out.push_str(&text.replace("e-0", "e-"));
    } else {
        out.push_str(&format_float(f, FloatFormat::Fixed, None));
    }
    Ok(())
}

/// A JSON string literal.
pub fn string(text: &str, short: ShortEscapes) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    write_string(&mut out, text, short);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_and_line_separators_are_escaped_and_other_text_is_raw() {
        let text = "<b>&\u{2028}\u{2029}é🔥\u{7f}'\"\\";
        let wanted = "\"\\u003cb\\u003e\\u0026\\u2028\\u2029é🔥\u{7f}'\\\"\\\\\"";
        assert_eq!(string(text, ShortEscapes::Three), wanted);
    }

    #[test]
    fn backspace_and_form_feed_are_short_since_go_1_22() {
        assert_eq!(string("\u{8}\u{c}\u{7}\n", ShortEscapes::Three), r#""\u0008\u000c\u0007\n""#);
        assert_eq!(string("\u{8}\u{c}\u{7}\n", ShortEscapes::Five), r#""\b\f\u0007\n""#);
    }
}
