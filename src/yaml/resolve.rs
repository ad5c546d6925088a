//! What a plain scalar means, by go-yaml's rules: YAML 1.1 booleans and octals, underscores in numbers, timestamps.

use super::node::{Scalar, Style};

/// The typed meaning of a scalar.
#[derive(Clone, Debug, PartialEq)]
pub enum Resolved {
    /// `~`, `null`, nothing.
    Null,
    /// `true`, and for YAML 1.1 `yes`, `on`, `y`.
    Bool(bool),
    /// A whole number that fits 64 bits with a sign.
    Int(i64),
    /// A larger whole number.
    Uint(u64),
    /// A number with a fraction or an exponent, `.inf`, `.nan`.
    Float(f64),
    /// A date, or a date and a time.
    Timestamp,
    /// `<<`
    Merge,
    /// Everything else.
    Str,
}

impl Resolved {
    /// The short tag Go shows in messages.
    pub fn tag(&self) -> &'static str {
        match self {
            Self::Null => "!!null",
            Self::Bool(_) => "!!bool",
            Self::Int(_) | Self::Uint(_) => "!!int",
            Self::Float(_) => "!!float",
            Self::Timestamp => "!!timestamp",
            Self::Merge => "!!merge",
            Self::Str => "!!str",
        }
    }
}

pub(super) fn resolve(scalar: &Scalar, tag: Option<&str>) -> Resolved {
    match tag {
        None if scalar.style != Style::Plain => Resolved::Str,
        Some("!!int" | "!!float" | "!!bool" | "!!null" | "!!timestamp") | None => plain(&scalar.value),
        Some(_) => Resolved::Str,
    }
}

fn plain(s: &str) -> Resolved {
    match s {
        "" | "~" | "null" | "Null" | "NULL" => return Resolved::Null,
        "<<" => return Resolved::Merge,
        ".nan" | ".NaN" | ".NAN" => return Resolved::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Resolved::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => return Resolved::Float(f64::NEG_INFINITY),
        _ => {}
    }
    if let Some(b) = boolean(s) {
        return Resolved::Bool(b);
    }
    if !s.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')) {
        return Resolved::Str;
    }
    if is_timestamp(s) {
        return Resolved::Timestamp;
    }
    number(&s.replace('_', ""))
}

/// YAML 1.1 booleans: what Go accepts for a boolean field.
pub(super) fn boolean(s: &str) -> Option<bool> {
    match s {
        "true" | "True" | "TRUE" | "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Some(true),
        "false" | "False" | "FALSE" | "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

fn number(s: &str) -> Resolved {
    let (negative, digits) = match s.as_bytes().first() {
        Some(b'-') => (true, &s[1..]),
        Some(b'+') => (false, &s[1..]),
        _ => (false, s),
    };
    if let Some(magnitude) = whole(digits) {
        if negative {
            if let Some(n) = 0i64.checked_sub_unsigned(magnitude) {
                return Resolved::Int(n);
            }
        } else if let Ok(n) = i64::try_from(magnitude) {
            return Resolved::Int(n);
        } else if !s.starts_with('+') {
            return Resolved::Uint(magnitude);
        }
    }
    if is_float(s) { s.parse().map_or(Resolved::Str, Resolved::Float) } else { Resolved::Str }
}

/// Digits as `strconv.ParseUint` reads them with base 0.
fn whole(digits: &str) -> Option<u64> {
    let lower = digits.to_ascii_lowercase();
    let (radix, rest) = match lower.as_bytes() {
        [b'0', b'x', ..] => (16, &lower[2..]),
        [b'0', b'o', ..] => (8, &lower[2..]),
        [b'0', b'b', ..] => (2, &lower[2..]),
        [b'0', _, ..] => (8, &lower[1..]),
        _ => (10, lower.as_str()),
    };
    if rest.starts_with('+') { None } else { u64::from_str_radix(rest, radix).ok() }
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn is_float(s: &str) -> bool {
    let s = s.strip_prefix(['-', '+']).unwrap_or(s);
    let (mantissa, exponent) = match s.find(['e', 'E']) {
        Some(i) => (&s[..i], Some(&s[i + 1..])),
        None => (s, None),
    };
    let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    let mantissa_ok = match mantissa.split_once('.') {
        Some(("", fraction)) => !fraction.is_empty() && digits(fraction),
        Some((int, fraction)) => digits(int) && digits(fraction),
        None => !mantissa.is_empty() && digits(mantissa),
    };
    let exponent_ok = exponent.is_none_or(|e| {
        let e = e.strip_prefix(['-', '+']).unwrap_or(e);
        !e.is_empty() && digits(e)
    });
    mantissa_ok && exponent_ok
}

/// `2006-1-2`, alone or followed by `T`, `t` or a space and a time of day.
fn is_timestamp(s: &str) -> bool {
    let mut parts = s.splitn(3, '-');
    let (Some(year), Some(month), Some(rest)) = (parts.next(), parts.next(), parts.next()) else { return false };
    let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    if year.len() != 4 || !digits(year) || !(1..=2).contains(&month.len()) || !digits(month) {
        return false;
    }
    let day_len = rest.bytes().take_while(u8::is_ascii_digit).count();
    if !(1..=2).contains(&day_len) {
        return false;
    }
    let in_range = |s: &str, max: u8| s.parse::<u8>().is_ok_and(|n| (1..=max).contains(&n));
    if !in_range(month, 12) || !in_range(&rest[..day_len], 31) {
        return false;
    }
    match &rest[day_len..] {
        "" => true,
        time => time.starts_with(['T', 't', ' ']) && time.matches(':').count() >= 2 && time.len() >= 6,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(s: &str) -> Resolved {
        plain(s)
    }

    #[test]
    fn numbers_are_read_as_go_reads_them() {
        assert_eq!(of("017"), Resolved::Int(15));
        assert_eq!(of("1_000"), Resolved::Int(1000));
        assert_eq!(of("0x1F"), Resolved::Int(31));
        assert_eq!(of("0b101"), Resolved::Int(5));
        assert_eq!(of("-9223372036854775808"), Resolved::Int(i64::MIN));
        assert_eq!(of("18446744073709551615"), Resolved::Uint(u64::MAX));
        assert_eq!(of("08"), Resolved::Float(8.0));
        assert_eq!(of("1."), Resolved::Float(1.0));
        assert_eq!(of("+.5e3"), Resolved::Float(500.0));
        assert_eq!(of("1e"), Resolved::Str);
        assert_eq!(of("."), Resolved::Str);
        assert_eq!(of("5s"), Resolved::Str);
    }

    #[test]
    fn words_are_booleans_and_nulls_as_in_yaml_1_1() {
        assert_eq!(of("yes"), Resolved::Bool(true));
        assert_eq!(of("OFF"), Resolved::Bool(false));
        assert_eq!(of("yEs"), Resolved::Str);
        assert_eq!(of("~"), Resolved::Null);
        assert_eq!(of("2020-01-02"), Resolved::Timestamp);
        assert_eq!(of("2020-01-02T10:00:00Z"), Resolved::Timestamp);
        assert_eq!(of("2020-13-02"), Resolved::Str);
    }
}
