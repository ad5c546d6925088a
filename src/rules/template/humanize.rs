//! Numbers for people: `humanize` and its kin.

use crate::golang::float::{FloatFormat, format_float, format_value};
use crate::golang::time::GoTime;

const LARGE: [&str; 8] = ["k", "M", "G", "T", "P", "E", "Z", "Y"];
const LARGE_BINARY: [&str; 8] = ["ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"];
const SMALL: [&str; 8] = ["m", "u", "n", "p", "f", "a", "z", "y"];

/// `%.4g`
fn four(v: f64) -> String {
    format_float(v, FloatFormat::General, Some(4))
}

fn shrink(mut v: f64, base: f64, prefixes: &[&'static str]) -> (f64, &'static str) {
    let mut prefix = "";
    for p in prefixes {
        if v.abs() < base {
            break;
        }
        prefix = p;
        v /= base;
    }
    (v, prefix)
}

fn grow(mut v: f64) -> (f64, &'static str) {
    let mut prefix = "";
    for p in SMALL {
        if v.abs() >= 1.0 {
            break;
        }
        prefix = p;
        v *= 1000.0;
    }
    (v, prefix)
}

/// Four digits and a metric prefix.
pub(super) fn humanize(v: f64) -> String {
    if v == 0.0 || !v.is_finite() {
        return four(v);
    }
    let (v, prefix) = if v.abs() >= 1.0 { shrink(v, 1000.0, &LARGE) } else { grow(v) };
    format!("{}{prefix}", four(v))
}

/// Four digits and a binary prefix.
pub(super) fn humanize_1024(v: f64) -> String {
    if v.abs() <= 1.0 || !v.is_finite() {
        return four(v);
    }
    let (v, prefix) = shrink(v, 1024.0, &LARGE_BINARY);
    format!("{}{prefix}", four(v))
}

/// Seconds as days, hours, minutes and seconds.
pub(super) fn humanize_duration(v: f64) -> String {
    if !v.is_finite() {
        return four(v);
    }
    if v == 0.0 {
        return format!("{}s", four(v));
    }
    if v.abs() < 1.0 {
        let (v, prefix) = grow(v);
        return format!("{}{prefix}s", four(v));
    }
    let sign = if v < 0.0 { "-" } else { "" };
    let v = v.abs();
    // What does not fit becomes the smallest integer, as on amd64.
    let whole = if v >= 9_223_372_036_854_775_808.0 { i64::MIN } else { v as i64 };
    let (days, hours) = (whole / 86_400, whole / 3_600 % 24);
    let (minutes, seconds) = (whole / 60 % 60, whole % 60);
    if days != 0 {
        format!("{sign}{days}d {hours}h {minutes}m {seconds}s")
    } else if hours != 0 {
        format!("{sign}{hours}h {minutes}m {seconds}s")
    } else if minutes != 0 {
        format!("{sign}{minutes}m {seconds}s")
    } else {
        format!("{sign}{}s", four(v))
    }
}

/// A ratio as percents.
pub(super) fn humanize_percentage(v: f64) -> String {
    format!("{}%", four(v * 100.0))
}

/// Unix seconds as a time in UTC, cut to milliseconds; `None` for NaN and infinities.
pub(super) fn float_to_time(v: f64) -> Result<Option<GoTime>, String> {
    if !v.is_finite() {
        return Ok(None);
    }
    let nanos = v * 1e9;
    if !(-9_223_372_036_854_775_808.0..=9_223_372_036_854_775_808.0).contains(&nanos) {
        let v = format_value(v);
        return Err(format!("{v} cannot be represented as a nanoseconds timestamp since it overflows int64"));
    }
    let nanos = if nanos >= 9_223_372_036_854_775_808.0 { i64::MIN } else { nanos as i64 };
    Ok(Some(GoTime::from_unix_millis(nanos / 1_000_000)))
}

/// Unix seconds as Go prints a time.
pub(super) fn humanize_timestamp(v: f64) -> Result<String, String> {
    Ok(float_to_time(v)?.map_or_else(|| four(v), |t| t.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_get_prefixes() {
        for (v, text) in
            [(1234.0, "1.234k"), (0.1, "100m"), (-1e30, "-1e+06Y"), (0.0, "0"), (f64::NAN, "NaN"), (999.99, "1000")]
        {
            assert_eq!(humanize(v), text);
        }
        assert_eq!(humanize_1024(1_048_576.0), "1Mi");
        assert_eq!(humanize_1024(f64::INFINITY), "+Inf");
        assert_eq!(humanize_percentage(0.123_456), "12.35%");
    }

    #[test]
    fn durations_and_times_are_spelled_out() {
        for (v, text) in [
            (0.0, "0s"),
            (0.001, "1ms"),
            (59.5, "59.5s"),
            (-61.0, "-1m 1s"),
            (3_600.0, "1h 0m 0s"),
            (90_061.0, "1d 1h 1m 1s"),
        ] {
            assert_eq!(humanize_duration(v), text);
        }
        assert_eq!(humanize_timestamp(1.5).as_deref(), Ok("1970-01-01 00:00:01.5 +0000 UTC"));
        assert_eq!(humanize_timestamp(f64::NAN).as_deref(), Ok("NaN"));
        assert!(humanize_timestamp(1e300).is_err_and(|e| e.starts_with("1e+300 cannot be represented")));
    }
}
