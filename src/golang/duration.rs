//! Durations in Prometheus' language (`1d2h3m`) and in Go's (`1h2m3.5s`). Both count nanoseconds in an `i64`.

use super::quote;

const MILLISECOND: i64 = 1_000_000;
const SECOND: i64 = 1_000 * MILLISECOND;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Prometheus' units from large to small, in the only order they may be written.
const UNITS: [(&str, i64); 7] =
    [("y", 365 * DAY), ("w", 7 * DAY), ("d", DAY), ("h", HOUR), ("m", MINUTE), ("s", SECOND), ("ms", MILLISECOND)];

/// Reads a Prometheus duration (`model.ParseDuration`), giving nanoseconds.
///
/// # Errors
/// In the words of prometheus/common as of Prometheus 2.42: `empty duration string`, `not a valid duration string: "5"`,
/// `duration out of range`.
pub fn parse_prometheus_duration(text: &str) -> Result<i64, String> {
    parse_prometheus(text, false)
}

/// As [`parse_prometheus_duration`], in the words of Prometheus 3.
///
/// # Errors
/// As there, and `unknown unit "x" in duration "5x"`.
pub fn parse_newer_prometheus_duration(text: &str) -> Result<i64, String> {
    parse_prometheus(text, true)
}

fn parse_prometheus(text: &str, newer: bool) -> Result<i64, String> {
    match text {
        "0" => return Ok(0),
        "" => return Err("empty duration string".to_owned()),
        _ => {}
    }
    let invalid = || format!("not a valid duration string: {}", quote(text));
    let bytes = text.as_bytes();
    let (mut at, mut next_unit, mut total, mut overflow) = (0, 0, 0i64, false);
    while at < bytes.len() {
        let start = at;
        while at < bytes.len() && bytes[at].is_ascii_digit() {
            at += 1;
        }
        let number = &text[start..at];
        let unit_end = at + bytes[at..].iter().take_while(|b| !b.is_ascii_digit()).count();
        let unit = &text[at..unit_end];
        if number.is_empty() || unit.is_empty() {
            return Err(invalid());
        }
        let index = UNITS.iter().position(|(name, _)| *name == unit).ok_or_else(|| {
            if newer { format!("unknown unit {} in duration {}", quote(unit), quote(text)) } else { invalid() }
        })?;
        if index < next_unit {
            return Err(invalid());
        }
        next_unit = index + 1;
        at = unit_end;
        let part = number.parse::<i64>().ok().and_then(|n| n.checked_mul(UNITS[index].1));
        match part.and_then(|p| total.checked_add(p)) {
            Some(sum) => total = sum,
            None => overflow = true,
        }
    }
    if overflow { Err("duration out of range".to_owned()) } else { Ok(total) }
}

/// Reads a Prometheus duration that may be negative (`model.ParseDurationAllowNegative`, since Prometheus 3).
///
/// # Errors
/// As [`parse_newer_prometheus_duration`].
pub fn parse_signed_prometheus_duration(text: &str) -> Result<i64, String> {
    match text.strip_prefix('-') {
        Some(rest) => parse_newer_prometheus_duration(rest).map(|v| -v),
        None => parse_newer_prometheus_duration(text),
    }
}

/// Writes nanoseconds as a Prometheus duration (`model.Duration.String`); what is below a millisecond is lost.
pub fn format_prometheus_duration(nanoseconds: i64) -> String {
    let mut ms = nanoseconds / MILLISECOND;
    if ms == 0 {
        return "0s".to_owned();
    }
    let mut out = String::new();
    if ms < 0 {
        out.push('-');
        ms = -ms;
    }
    for (i, (unit, size)) in UNITS.iter().enumerate() {
        let size = size / MILLISECOND;
        // Years, weeks and days only stand alone: 8d is 8d, but 7d is 1w, and 26h is 1d2h.
        let exact = i < 2;
        if exact && ms % size != 0 {
            continue;
        }
        let count = ms / size;
        if count > 0 {
            out.push_str(&format!("{count}{unit}"));
            ms -= count * size;
        }
    }
    out
}

/// Writes nanoseconds as Go's `time.Duration.String`: `1h2m3.5s`, `1.5ms`, `0s`.
pub fn format_go_duration(nanoseconds: i64) -> String {
    let magnitude = nanoseconds.unsigned_abs();
    let sign = if nanoseconds < 0 { "-" } else { "" };
    let second = SECOND.unsigned_abs();
    if magnitude == 0 {
        return "0s".to_owned();
    }
    if magnitude < second {
        return match magnitude {
            0..1_000 => format!("{sign}{magnitude}ns"),
            1_000..1_000_000 => format!("{sign}{}µs", with_fraction(magnitude / 1_000, magnitude % 1_000, 3)),
            _ => format!("{sign}{}ms", with_fraction(magnitude / 1_000_000, magnitude % 1_000_000, 6)),
        };
    }
    let (seconds, fraction) = (magnitude / second, magnitude % second);
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    let tail = format!("{}s", with_fraction(seconds % 60, fraction, 9));
    if hours > 0 {
        format!("{sign}{hours}h{minutes}m{tail}")
    } else if minutes > 0 {
        format!("{sign}{minutes}m{tail}")
    } else {
        format!("{sign}{tail}")
    }
}

fn with_fraction(whole: u64, fraction: u64, digits: usize) -> String {
    if fraction == 0 {
        return whole.to_string();
    }
    let text = format!("{fraction:0digits$}");
    format!("{whole}.{}", text.trim_end_matches('0'))
}

/// Reads a Go duration (`time.ParseDuration`), giving nanoseconds.
///
/// # Errors
/// In Go's words: `time: invalid duration "x"`, `time: missing unit in duration "5"`, `time: unknown unit "x" in duration "5x"`.
pub fn parse_go_duration(text: &str) -> Result<i64, String> {
    let invalid = || format!("time: invalid duration {}", quote(text));
    let negative = text.starts_with('-');
    let mut rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let limit = 1u64 << 63;
    let mut total: u64 = 0;
    while !rest.is_empty() {
        if !rest.starts_with(|c: char| c == '.' || c.is_ascii_digit()) {
            return Err(invalid());
        }
        let whole_len = rest.bytes().take_while(u8::is_ascii_digit).count();
        let whole_text = &rest[..whole_len];
        rest = &rest[whole_len..];
        let mut fraction_text = "";
        if let Some(after) = rest.strip_prefix('.') {
            let len = after.bytes().take_while(u8::is_ascii_digit).count();
            fraction_text = &after[..len];
            rest = &after[len..];
        }
        if whole_text.is_empty() && fraction_text.is_empty() {
            return Err(invalid());
        }
        let unit_len = rest.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(rest.len());
        if unit_len == 0 {
            return Err(format!("time: missing unit in duration {}", quote(text)));
        }
        let unit_text = &rest[..unit_len];
        rest = &rest[unit_len..];
        let unit: u64 = match unit_text {
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            _ => return Err(format!("time: unknown unit {} in duration {}", quote(unit_text), quote(text))),
        };
        let whole: u64 = if whole_text.is_empty() { 0 } else { whole_text.parse().map_err(|_| invalid())? };
        let mut part = whole.checked_mul(unit).filter(|p| *p <= limit).ok_or_else(invalid)?;
        part += fraction_of(fraction_text, unit);
        total = total.checked_add(part).filter(|t| *t <= limit).ok_or_else(invalid)?;
    }
    match (negative, i64::try_from(total)) {
        (true, Ok(v)) => Ok(-v),
        (true, Err(_)) => Ok(i64::MIN),
        (false, Ok(v)) => Ok(v),
        (false, Err(_)) => Err(invalid()),
    }
}

/// `0.DIGITS × unit`, cut off, with as many digits as fit.
fn fraction_of(digits: &str, unit: u64) -> u64 {
    let (mut value, mut scale) = (0u64, 1f64);
    for d in digits.bytes().take(18) {
        value = value * 10 + u64::from(d - b'0');
        scale *= 10.0;
    }
    (value as f64 * (unit as f64 / scale)) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prometheus_durations_are_read_in_order_of_units() {
        assert_eq!(parse_prometheus_duration("1d2h3m"), Ok(DAY + 2 * HOUR + 3 * MINUTE));
        assert_eq!(parse_prometheus_duration("1y1w1d1h1m1s1ms"), Ok(UNITS.iter().map(|u| u.1).sum()));
        assert_eq!(parse_prometheus_duration("0"), Ok(0));
        assert_eq!(parse_prometheus_duration(""), Err("empty duration string".to_owned()));
        for bad in ["5", "m", "1h1d", "1m1m", "1.5h", "-5m", "5 m", "1µs", "1H", "5m5"] {
            assert_eq!(parse_prometheus_duration(bad), Err(format!("not a valid duration string: {bad:?}")), "{bad}");
        }
        assert_eq!(parse_prometheus_duration("300y"), Err("duration out of range".to_owned()));
        assert_eq!(parse_signed_prometheus_duration("-5m"), Ok(-5 * MINUTE));
        for (bad, text) in [
            ("5 m", "unknown unit \" m\" in duration \"5 m\""),
            ("5", "not a valid duration string: \"5\""),
            ("1h1d", "not a valid duration string: \"1h1d\""),
        ] {
            assert_eq!(parse_newer_prometheus_duration(bad), Err(text.to_owned()));
        }
    }

    #[test]
    fn prometheus_durations_are_written_with_exact_weeks_and_years() {
        for (v, text) in [
            (0, "0s"),
            (7 * DAY, "1w"),
            (8 * DAY, "8d"),
            (365 * DAY, "1y"),
            (26 * HOUR, "1d2h"),
            (90 * SECOND, "1m30s"),
            (1500 * MILLISECOND, "1s500ms"),
            (-5 * MINUTE, "-5m"),
        ] {
            assert_eq!(format_prometheus_duration(v), text);
        }
    }

    #[test]
    fn go_durations_are_written_and_read_back() {
        for (v, text) in [
            (0, "0s"),
            (1, "1ns"),
            (1_100, "1.1µs"),
            (2_200_000, "2.2ms"),
            (3_300_000_000, "3.3s"),
            (4 * MINUTE + 5 * SECOND + 1_000_000, "4m5.001s"),
            (HOUR, "1h0m0s"),
            (-(14 * MINUTE + 5 * SECOND), "-14m5s"),
            (i64::MIN, "-2562047h47m16.854775808s"),
            (i64::MAX, "2562047h47m16.854775807s"),
        ] {
            assert_eq!(format_go_duration(v), text);
            assert_eq!(parse_go_duration(text), Ok(v), "{text}");
        }
        assert_eq!(parse_go_duration("1.5h.5m"), Ok(HOUR + 30 * MINUTE + 30 * SECOND));
        for (bad, text) in [
            ("", "time: invalid duration \"\""),
            ("5", "time: missing unit in duration \"5\""),
            ("5x", "time: unknown unit \"x\" in duration \"5x\""),
            ("1d", "time: unknown unit \"d\" in duration \"1d\""),
            (".s", "time: invalid duration \".s\""),
            ("-", "time: invalid duration \"-\""),
            ("9999999h", "time: invalid duration \"9999999h\""),
        ] {
            assert_eq!(parse_go_duration(bad), Err(text.to_owned()));
        }
    }
}
