//! Number literals of templates: integers, floats, characters and complex numbers, read as Go's parser reads them.

use super::super::float::{parse_float, underscores_are_fine};
use super::super::quote;
use super::super::quoting::unquote_char;
use super::node::Number;

/// What the lexer took a literal for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Literal {
    /// `'a'`
    Character,
    /// `1+2i`
    Complex,
    /// Anything else, `2i` too.
    Plain,
}

/// Reads a literal.
///
/// # Errors
/// Go's text.
pub(super) fn number(text: &str, literal: Literal) -> Result<Number, String> {
    let illegal = || format!("illegal number syntax: {}", quote(text));
    let real = |int, float| Number { text: text.into(), int, float, complex: None };
    if literal == Literal::Character {
        let (c, tail) = unquote_char(&text[1..], '\'').map_err(|e| e.to_string())?;
        if tail != "'" {
            return Err(format!("malformed character constant: {text}"));
        }
        return Ok(real(Some(i64::from(c.rune())), Some(f64::from(c.rune()))));
    }
    if literal == Literal::Complex {
        let (re, im) = pair(text)?;
        return Ok(complex(text, re, im));
    }
    if let Some(Ok(im)) = text.strip_suffix('i').map(parse_float) {
        return Ok(complex(text, 0.0, im));
    }
    let (int, unsigned) = integer(text);
    if int.is_some() || unsigned.is_some() {
        let float = int.map(|i| i as f64).or(unsigned.map(|u| u as f64));
        return Ok(real(int, float));
    }
    let Ok(float) = parse_float(text) else {
        return Err(illegal());
    };
    if !text.contains(['.', 'e', 'E', 'p', 'P']) {
        return Err(format!("integer overflow: {}", quote(text)));
    }
    Ok(real(whole(float), Some(float)))
}

/// The integer that a float is.
fn whole(float: f64) -> Option<i64> {
    // 2^63 itself is out of range, -2^63 is not.
    let limit = (1u64 << 63) as f64;
    (float.trunc() == float && (-limit..limit).contains(&float)).then_some(float as i64)
}

/// A complex number, which serves as a real one where its imaginary part is zero.
fn complex(text: &str, re: f64, im: f64) -> Number {
    let float = (im == 0.0).then_some(re);
    Number { text: text.into(), int: float.and_then(whole), float, complex: Some((re, im)) }
}

/// `1+2i`, as `fmt.Sscan` reads it.
fn pair(text: &str) -> Result<(f64, f64), String> {
    const SYNTAX: &str = "syntax error scanning complex number";
    let (re, rest) = text.split_at(float_token(text));
    if !rest.starts_with(['+', '-']) {
        return Err(SYNTAX.to_owned());
    }
    let (im, rest) = rest.split_at(1 + float_token(&rest[1..]));
    if !rest.starts_with('i') {
        return Err(SYNTAX.to_owned());
    }
    let float = |s: &str| parse_float(s).map_err(|e| e.message(s));
    Ok((float(re)?, float(im)?))
}

/// The length of the float that a text begins with.
fn float_token(text: &str) -> usize {
    let bytes = text.as_bytes();
    let run = |mut at: usize, wanted: fn(u8) -> bool| {
        while bytes.get(at).is_some_and(|b| wanted(*b)) {
            at += 1;
        }
        at
    };
    let one = |at: usize, of: &[u8]| at + usize::from(bytes.get(at).is_some_and(|b| of.contains(b)));
    let mut at = one(0, b"+-");
    let hex = bytes.get(at) == Some(&b'0') && matches!(bytes.get(at + 1), Some(b'x' | b'X'));
    let digits: fn(u8) -> bool =
        if hex { |b| b.is_ascii_hexdigit() || b == b'_' } else { |b| b.is_ascii_digit() || b == b'_' };
    at = run(at + if hex { 2 } else { 0 }, digits);
    if bytes.get(at) == Some(&b'.') {
        at = run(at + 1, digits);
    }
    let exponent = one(at, if hex { b"pP" } else { b"eEpP" });
    if exponent > at { run(one(exponent, b"+-"), |b| b.is_ascii_digit() || b == b'_') } else { at }
}

/// `strconv.ParseInt` and `ParseUint` with base 0.
fn integer(text: &str) -> (Option<i64>, Option<u64>) {
    let (negative, signed, digits) = match text.as_bytes().first() {
        Some(b'-') => (true, true, &text[1..]),
        Some(b'+') => (false, true, &text[1..]),
        _ => (false, false, text),
    };
    if digits.contains('_') && !underscores_are_fine(digits.as_bytes()) {
        return (None, None);
    }
    let clean = digits.replace('_', "").to_ascii_lowercase();
    let (base, body) = match clean.get(..2) {
        Some("0x") => (16, &clean[2..]),
        Some("0o") => (8, &clean[2..]),
        Some("0b") => (2, &clean[2..]),
        Some(_) if clean.starts_with('0') => (8, &clean[1..]),
        _ => (10, clean.as_str()),
    };
    if body.starts_with(['+', '-']) {
        return (None, None);
    }
    let magnitude = u64::from_str_radix(body, base).ok();
    let int = magnitude.and_then(|m| {
        let m = i128::from(m);
        i64::try_from(if negative { -m } else { m }).ok()
    });
    (int, magnitude.filter(|_| !signed))
}
