//! Floats as Go writes and reads them: `strconv.FormatFloat`, `strconv.ParseFloat`, and the number form of Prometheus' API.
//!
//! Shortest digits come from zmij (byte-equal to Go over millions of doubles); rounding to a given precision from the
//! standard library, which is exact.

/// The layouts of `strconv.FormatFloat`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FloatFormat {
    /// `'e'`: `d.dddde±dd`
    Exponent,
    /// `'f'`: no exponent
    Fixed,
    /// `'g'`: the exponent form for large exponents, the fixed one otherwise
    General,
}

/// No float64 has more decimals; the standard library refuses to write more than 65,535.
const MAX_DIGITS: usize = 1_100;

/// The decimal digits of a finite number: `0.DIGITS × 10^point`.
struct Digits {
    negative: bool,
    digits: Vec<u8>,
    point: i32,
}

/// A float as Go's `int64(v)` on amd64 makes it: without the fraction, and the smallest integer where none can hold it.
pub fn as_int64(v: f64) -> i64 {
    if (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&v) { v as i64 } else { i64::MIN }
}

/// `strconv.FormatFloat(v, format, precision, 64)`; without a precision the shortest text that reads back as `v`.
pub fn format_float(v: f64, format: FloatFormat, precision: Option<usize>) -> String {
    if v.is_nan() {
        return "NaN".to_owned();
    }
    if v.is_infinite() {
        return if v > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    match (format, precision) {
        (FloatFormat::Fixed, Some(p)) => {
            let mut out = format!("{v:.0$}", p.min(MAX_DIGITS));
            out.extend(std::iter::repeat_n('0', p.saturating_sub(MAX_DIGITS)));
            out
        }
        (FloatFormat::Exponent, Some(p)) => {
            let digits = rounded(v, p + 1);
            exponent_form(&digits, p)
        }
        (FloatFormat::General, Some(p)) => {
            let p = p.max(1);
            let mut digits = rounded(v, p);
            trim_zeros(&mut digits);
            let count = digits.digits.len();
            let limit = if p > count && i32::try_from(count).is_ok_and(|c| c >= digits.point) { count } else { p };
            general_form(&digits, limit, p)
        }
        (_, None) => {
            let digits = shortest(v);
            let count = digits.digits.len();
            match format {
                FloatFormat::Exponent => exponent_form(&digits, count.saturating_sub(1)),
                FloatFormat::Fixed => fixed_form(&digits),
                FloatFormat::General => general_form(&digits, 6, count),
            }
        }
    }
}

/// `fmt`'s `%v` of a float64, as `{{ $value }}` prints it: 0.1, 100000, 1e+06, NaN, +Inf.
pub fn format_value(v: f64) -> String {
    format_float(v, FloatFormat::General, None)
}

/// A sample's value in the JSON of Prometheus' API: no exponent between 1e-6 and 1e21.
pub fn format_sample(v: f64) -> String {
    let abs = v.abs();
    let exponent = abs != 0.0 && !(1e-6..1e21).contains(&abs);
    format_float(v, if exponent { FloatFormat::Exponent } else { FloatFormat::Fixed }, None)
}

/// Appends [`format_sample`]'s text: the quick way for answers with millions of values.
pub fn push_sample(out: &mut String, v: f64) {
    if v.is_finite() {
        let mut buffer = zmij::Buffer::new();
        let text = buffer.format_finite(v);
        if !text.contains('e') {
            out.push_str(text.strip_suffix(".0").unwrap_or(text));
            return;
        }
    }
    out.push_str(&format_sample(v));
}

/// Room for every text of [`format_sample`]: the longest has 25 bytes.
pub const SAMPLE_ROOM: usize = 31;

/// Writes [`format_sample`]'s text to the beginning of `room` and tells its length; for answers with millions of values.
pub fn write_sample(room: &mut [u8; SAMPLE_ROOM], v: f64) -> usize {
    // Between these the shortest form has no exponent.
    if (1e-5..1e16).contains(&v.abs()) {
        let mut buffer = zmij::Buffer::new();
        let text = buffer.format_finite(v).as_bytes();
        return copy_short(room, text.strip_suffix(b".0").unwrap_or(text));
    }
    if v == 0.0 {
        return copy_short(room, if v.is_sign_negative() { b"-0" } else { b"0" });
    }
    copy_short(room, format_sample(v).as_bytes())
}

/// Copies a text that mostly has 16 to 20 bytes, in two steps of a fixed size.
#[inline]
fn copy_short(room: &mut [u8; SAMPLE_ROOM], text: &[u8]) -> usize {
    let length = text.len().min(SAMPLE_ROOM);
    if length >= 16 {
        room[..16].copy_from_slice(&text[..16]);
        room[length - 16..length].copy_from_slice(&text[length - 16..length]);
    } else {
        room[..length].copy_from_slice(&text[..length]);
    }
    length
}

/// `strconv.FormatFloat(v, 'b', -1, 64)`: mantissa and binary exponent, `4503599627370496p-52`.
pub fn format_binary(v: f64) -> String {
    if !v.is_finite() {
        return format_value(v);
    }
    let (sign, mantissa, exponent) = parts(v);
    format!("{sign}{mantissa}p{exponent:+}")
}

/// `strconv.FormatFloat(v, 'x', precision, 64)`: `0x1.8p+01`.
pub fn format_hex(v: f64, precision: Option<usize>) -> String {
    if !v.is_finite() {
        return format_value(v);
    }
    let (sign, mut mantissa, mut exponent) = parts(v);
    if mantissa != 0 {
        let shift = mantissa.leading_zeros() - 11;
        mantissa <<= shift;
        exponent = exponent + 52 - i64::from(shift);
    } else {
        exponent = 0;
    }
    if let Some(digits) = precision.and_then(|p| u32::try_from(p).ok()).filter(|p| *p < 13) {
        // Half to even, at the last digit that stays.
        let cut = 52 - 4 * digits;
        let (rest, half) = (mantissa & ((1 << cut) - 1), 1 << (cut - 1));
        mantissa >>= cut;
        if rest > half || (rest == half && mantissa & 1 == 1) {
            mantissa += 1;
        }
        mantissa <<= cut;
        if mantissa >> 53 != 0 {
            mantissa >>= 1;
            exponent += 1;
        }
    }
    let fraction = format!("{:013x}", mantissa & ((1 << 52) - 1));
    let fraction = match precision {
        None => fraction.trim_end_matches('0').to_owned(),
        Some(p) => format!("{fraction:0<p$.p$}", p = p.min(MAX_DIGITS)),
    };
    let point = if fraction.is_empty() { "" } else { "." };
    let mark = if exponent < 0 { '-' } else { '+' };
    format!("{sign}0x{}{point}{fraction}p{mark}{:02}", mantissa >> 52, exponent.abs())
}

/// Sign, mantissa and exponent such that the value is `mantissa × 2^exponent`.
fn parts(v: f64) -> (&'static str, u64, i64) {
    let bits = v.to_bits();
    let sign = if v.is_sign_negative() { "-" } else { "" };
    let exponent = i64::try_from(bits >> 52 & 0x7ff).unwrap_or(0);
    let fraction = bits & ((1 << 52) - 1);
    if exponent == 0 { (sign, fraction, -1074) } else { (sign, fraction | 1 << 52, exponent - 1075) }
}

fn shortest(v: f64) -> Digits {
    let mut buffer = zmij::Buffer::new();
    digits_of(buffer.format_finite(v))
}

fn rounded(v: f64, digits: usize) -> Digits {
    let mut d = digits_of(&format!("{v:.0$e}", digits.saturating_sub(1).min(MAX_DIGITS)));
    // Zero keeps its digits here, so that `%.3e` of 0 is 0.000e+00.
    d.digits.resize(digits, b'0');
    d
}

/// Reads `-d.ddd`, `ddd.d`, `d.ddde-5`: leading zeros go, trailing zeros go.
fn digits_of(text: &str) -> Digits {
    let (negative, text) = text.strip_prefix('-').map_or((false, text), |t| (true, t));
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let exponent: i32 = exponent.parse().expect("the standard form of an exponent is a number");
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mut digits: Vec<u8> = whole.bytes().chain(fraction.bytes()).collect();
    let mut point = i32::try_from(whole.len()).unwrap_or(i32::MAX) + exponent;
    let leading = digits.iter().take_while(|d| **d == b'0').count();
    digits.drain(..leading);
    point -= i32::try_from(leading).unwrap_or(i32::MAX);
    let mut out = Digits { negative, digits, point };
    trim_zeros(&mut out);
    out
}

fn trim_zeros(d: &mut Digits) {
    while d.digits.last() == Some(&b'0') {
        d.digits.pop();
    }
    if d.digits.is_empty() {
        d.point = 0;
    }
}

fn general_form(d: &Digits, limit: usize, precision: usize) -> String {
    let exponent = if d.digits.is_empty() { -1 } else { d.point - 1 };
    if exponent < -4 || i64::from(exponent) >= limit as i64 {
        return exponent_form(d, precision.min(d.digits.len()).saturating_sub(1));
    }
    fixed_form(d)
}

fn exponent_form(d: &Digits, decimals: usize) -> String {
    let mut out = String::with_capacity(decimals + 8);
    if d.negative {
        out.push('-');
    }
    let digit = |i: usize| d.digits.get(i).map_or('0', |b| char::from(*b));
    out.push(digit(0));
    if decimals > 0 {
        out.push('.');
        out.extend((1..=decimals).map(digit));
    }
    let exponent = if d.digits.iter().all(|b| *b == b'0') { 0 } else { d.point - 1 };
    out.push('e');
    out.push(if exponent < 0 { '-' } else { '+' });
    let exponent = exponent.unsigned_abs();
    if exponent < 10 {
        out.push('0');
    }
    out.push_str(&exponent.to_string());
    out
}

fn fixed_form(d: &Digits) -> String {
    let mut out = String::with_capacity(24);
    if d.negative {
        out.push('-');
    }
    let point = d.point;
    if point <= 0 {
        out.push('0');
    }
    let digit = |i: i32| usize::try_from(i).ok().and_then(|i| d.digits.get(i)).map_or('0', |b| char::from(*b));
    out.extend((0..point).map(digit));
    let count = i32::try_from(d.digits.len()).unwrap_or(i32::MAX);
    if count > point {
        out.push('.');
        out.extend((point..count).map(digit));
    }
    out
}

/// Why `strconv.ParseFloat` refuses a text, in Go's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseFloatError {
    /// Not a number.
    #[error("invalid syntax")]
    Syntax,
    /// Larger than any float64.
    #[error("value out of range")]
    Range,
}

impl ParseFloatError {
    /// The full text: `strconv.ParseFloat: parsing "x": invalid syntax`.
    pub fn message(self, text: &str) -> String {
        format!("strconv.ParseFloat: parsing {}: {self}", super::quote(text))
    }
}

/// `strconv.ParseFloat(text, 64)`: decimal and hexadecimal floats, underscores between digits, `inf`, `infinity`, `nan`.
///
/// # Errors
/// Not a number, or out of range.
pub fn parse_float(text: &str) -> Result<f64, ParseFloatError> {
    if let Some(v) = special(text) {
        return Ok(v);
    }
    let bytes = text.as_bytes();
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let hex = unsigned.len() > 2 && unsigned.as_bytes()[0] == b'0' && bytes_lower(unsigned.as_bytes()[1]) == b'x';
    if text.contains('_') && !underscores_are_fine(bytes) {
        return Err(ParseFloatError::Syntax);
    }
    let negative = text.starts_with('-');
    let clean: std::borrow::Cow<'_, str> =
        if unsigned.contains('_') { unsigned.replace('_', "").into() } else { unsigned.into() };
    let v = if hex { parse_hex(&clean[2..])? } else { parse_decimal(&clean)? };
    if v.is_infinite() {
        return Err(ParseFloatError::Range);
    }
    Ok(if negative { -v } else { v })
}

fn bytes_lower(b: u8) -> u8 {
    b.to_ascii_lowercase()
}

fn special(text: &str) -> Option<f64> {
    if text.eq_ignore_ascii_case("nan") {
        return Some(f64::NAN);
    }
    let (sign, rest) = match text.as_bytes().first()? {
        b'+' => (1.0, &text[1..]),
        b'-' => (-1.0, &text[1..]),
        _ => (1.0, text),
    };
    (rest.eq_ignore_ascii_case("inf") || rest.eq_ignore_ascii_case("infinity")).then_some(sign * f64::INFINITY)
}

fn parse_decimal(s: &str) -> Result<f64, ParseFloatError> {
    let (mantissa, exponent) = match s.find(['e', 'E']) {
        Some(i) => (&s[..i], Some(&s[i + 1..])),
        None => (s, None),
    };
    let digits = mantissa.bytes().filter(u8::is_ascii_digit).count();
    let points = mantissa.bytes().filter(|b| *b == b'.').count();
    if digits == 0 || points > 1 || digits + points != mantissa.len() {
        return Err(ParseFloatError::Syntax);
    }
    if let Some(e) = exponent {
        let e = e.strip_prefix(['+', '-']).unwrap_or(e);
        if e.is_empty() || !e.bytes().all(|b| b.is_ascii_digit()) {
            return Err(ParseFloatError::Syntax);
        }
    }
    s.parse().map_err(|_| ParseFloatError::Syntax)
}

/// The part behind `0x`: hexadecimal digits, then a mandatory binary exponent.
fn parse_hex(s: &str) -> Result<f64, ParseFloatError> {
    let at = s.find(['p', 'P']).ok_or(ParseFloatError::Syntax)?;
    let (mantissa_text, exponent_text) = (&s[..at], &s[at + 1..]);
    let mut mantissa: u64 = 0;
    let mut exponent: i64 = 0;
    let (mut any, mut point) = (false, false);
    for b in mantissa_text.bytes() {
        if b == b'.' && !point {
            point = true;
            continue;
        }
        let digit = char::from(b).to_digit(16).ok_or(ParseFloatError::Syntax)?;
        any = true;
        if mantissa >> 59 == 0 {
            mantissa = mantissa << 4 | u64::from(digit);
            exponent -= if point { 4 } else { 0 };
        } else {
            // Digits beyond the 60 bits kept only matter for rounding: one sticky bit.
            mantissa |= u64::from(digit != 0);
            exponent += if point { 0 } else { 4 };
        }
    }
    let (negative, digits) = match exponent_text.as_bytes().first() {
        Some(b'-') => (true, &exponent_text[1..]),
        Some(b'+') => (false, &exponent_text[1..]),
        _ => (false, exponent_text),
    };
    if !any || digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(ParseFloatError::Syntax);
    }
    let magnitude: i64 = digits.parse().unwrap_or(100_000).min(100_000);
    exponent += if negative { -magnitude } else { magnitude };
    Ok(scale(mantissa, exponent))
}

/// `mantissa × 2^exponent`, rounded once, half to even.
fn scale(mut mantissa: u64, exponent: i64) -> f64 {
    if mantissa == 0 {
        return 0.0;
    }
    let shift = mantissa.leading_zeros();
    mantissa <<= shift;
    // The value is now 1.xxx × 2^top.
    let top = exponent - i64::from(shift) + 63;
    if top > 1023 {
        return f64::INFINITY;
    }
    // Bits that a float64 of this size keeps: 53, fewer when subnormal.
    let keep = if top >= -1022 { 53 } else { 53 - (-1022 - top) };
    if keep < 0 {
        return 0.0;
    }
    let drop = 64 - keep;
    let (kept, rest, half) = if drop >= 64 {
        (0u64, u128::from(mantissa), 1u128 << 63)
    } else {
        (mantissa >> drop, u128::from(mantissa) & ((1u128 << drop) - 1), 1u128 << (drop - 1))
    };
    let up = rest > half || (rest == half && kept & 1 == 1);
    let kept = kept + u64::from(up);
    // `kept` has at most 54 bits, so both factors are exact.
    let power = top - keep + 1;
    let two = |p: i64| 2f64.powi(i32::try_from(p).unwrap_or(0));
    if power < -1000 { kept as f64 * two(power + 200) * two(-200) } else { kept as f64 * two(power) }
}

/// Underscores only between digits, or between a base prefix and a digit.
pub(crate) fn underscores_are_fine(s: &[u8]) -> bool {
    let s = match s.first() {
        Some(b'+' | b'-') => &s[1..],
        _ => s,
    };
    let (mut last, mut hex, mut start) = (b'^', false, 0);
    if s.len() >= 2 && s[0] == b'0' && matches!(bytes_lower(s[1]), b'b' | b'o' | b'x') {
        last = b'0';
        hex = bytes_lower(s[1]) == b'x';
        start = 2;
    }
    for &b in &s[start..] {
        let digit = if hex { b.is_ascii_hexdigit() } else { b.is_ascii_digit() };
        if digit {
            last = b'0';
        } else if b == b'_' {
            if last != b'0' {
                return false;
            }
            last = b'_';
        } else {
            if last == b'_' {
                return false;
            }
            last = b'!';
        }
    }
    last != b'_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quick_way_of_samples_writes_the_same() {
        let exact =
            [0.0, -0.0, 1.0, -1.5, 0.1, 1e-5, 1e-6, 9.9e-7, 1e15, 1e16, 123456789012345678.0, 1e20, 1e21, 5e-324];
        let many = (0..2_000u64).map(|i| f64::from_bits(i.wrapping_mul(0x9E37_79B9_7F4A_7C15)));
        let scaled = (0..2_000).map(|i| f64::from(i) * 0.37 - 300.0);
        for v in exact.into_iter().chain([f64::NAN, f64::INFINITY]).chain(many).chain(scaled) {
            let mut out = String::new();
            push_sample(&mut out, v);
            assert_eq!(out, format_sample(v));
            let mut room = [0; SAMPLE_ROOM];
            let length = write_sample(&mut room, v);
            assert_eq!(String::from_utf8_lossy(&room[..length]), out);
        }
    }

    #[test]
    fn values_print_as_percent_v() {
        for (v, text) in [
            (0.1, "0.1"),
            (100_000.0, "100000"),
            (1e6, "1e+06"),
            (1_234_567.0, "1.234567e+06"),
            (1.234e-5, "1.234e-05"),
            (0.0001, "0.0001"),
            (1e21, "1e+21"),
            (5e-324, "5e-324"),
            (-0.0, "-0"),
            (0.0, "0"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
            (1.097_718_834_198_879_2e15, "1.0977188341988792e+15"),
        ] {
            assert_eq!(format_value(v), text);
        }
    }

    #[test]
    fn samples_print_as_in_the_api() {
        for (v, text) in [
            (1e6, "1000000"),
            (1e-6, "0.000001"),
            (9e-7, "9e-07"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (-2.5, "-2.5"),
            (0.0, "0"),
        ] {
            assert_eq!(format_sample(v), text);
        }
    }

    #[test]
    fn a_given_precision_rounds_half_to_even() {
        use FloatFormat::{Exponent, Fixed, General};
        for (v, format, precision, text) in [
            (2.5, Fixed, 0, "2"),
            (3.5, Fixed, 0, "4"),
            (0.125, Fixed, 2, "0.12"),
            (12345.0, Exponent, 3, "1.234e+04"),
            (0.0, Exponent, 3, "0.000e+00"),
            (1e6, Exponent, 0, "1e+06"),
            (999.96, General, 4, "1000"),
            (1234.5, General, 4, "1234"),
            (12345.0, General, 4, "1.234e+04"),
            (100.0, General, 4, "100"),
            (0.00001, General, 4, "1e-05"),
            (0.0, General, 4, "0"),
            (1.0, General, 0, "1"),
            (1e20, General, 25, "100000000000000000000"),
            (0.5, Fixed, 3, "0.500"),
        ] {
            assert_eq!(format_float(v, format, Some(precision)), text, "{v} {format:?} {precision}");
        }
    }

    #[test]
    fn any_precision_can_be_asked_for() {
        use FloatFormat::{Exponent, Fixed, General};
        assert_eq!(format_float(1.5, Fixed, Some(1_000_001)).len(), 1_000_003);
        assert_eq!(format_float(1.5, Exponent, Some(1_000_001)).len(), 1_000_007);
        assert_eq!(format_float(1.5, General, Some(1_000_001)), "1.5");
        assert_eq!(format_float(5e-324, Fixed, Some(1_074)).trim_end_matches(|c| c != '5').len(), 1_076);
    }

    #[test]
    fn binary_and_hexadecimal_forms() {
        assert_eq!(format_binary(1.0), "4503599627370496p-52");
        assert_eq!(format_hex(3.0, None), "0x1.8p+01");
        assert_eq!(format_hex(-5e-324, None), "-0x1p-1074");
        assert_eq!(format_hex(0.0, None), "0x0p+00");
        assert_eq!(format_hex(1.99, Some(1)), "0x1.0p+01");
        assert_eq!(format_hex(1.5, Some(2)), "0x1.80p+00");
        assert_eq!(format_hex(1.03125, Some(1)), "0x1.0p+00");
        assert_eq!(format_hex(0.0, Some(2)), "0x0.00p+00");
        assert_eq!(format_hex(1.5, Some(20)).len(), 28);
    }

    #[test]
    fn numbers_read_as_go_reads_them() {
        for (text, v) in [
            ("1", 1.0),
            ("+1.5e3", 1500.0),
            (".5", 0.5),
            ("5.", 5.0),
            ("-inf", f64::NEG_INFINITY),
            ("+Infinity", f64::INFINITY),
            ("0x1p-2", 0.25),
            ("0x1.8p1", 3.0),
            ("-0X_1p4", -16.0),
            ("0x1p-1074", 5e-324),
            ("0x1.fffffffffffffp1023", f64::MAX),
            ("1_23.50_0e+1_2", 1.235e14),
        ] {
            assert_eq!(parse_float(text), Ok(v), "{text}");
        }
        assert!(parse_float("NaN").is_ok_and(f64::is_nan));
        for text in ["", "+", "1e", "e5", "0x10", "0x", "0xp1", "1__2", "_1", "1_", "1 ", "+nan", "1.2.3", "infin", "é"]
        {
            assert_eq!(parse_float(text), Err(ParseFloatError::Syntax), "{text}");
        }
        assert_eq!(parse_float("1e400"), Err(ParseFloatError::Range));
        assert_eq!(parse_float("0x1p1024"), Err(ParseFloatError::Range));
    }
}
