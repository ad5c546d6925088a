//! `humanizeDuration` of prometheus/common, which Alertmanager shares with Prometheus.

use crate::golang::float::{FloatFormat, format_float, parse_float};
use crate::golang::template::Value;

/// A number of seconds, or a duration, in days, hours, minutes and seconds.
pub(super) fn duration(value: &Value) -> Result<String, String> {
    let v = seconds(value)?;
    let four_digits = |v: f64| format_float(v, FloatFormat::General, Some(4));
    if v.is_nan() || v.is_infinite() {
        return Ok(four_digits(v));
    }
    if v == 0.0 {
        return Ok(format!("{}s", four_digits(v)));
    }
    if v.abs() >= 1.0 {
        let sign = if v < 0.0 { "-" } else { "" };
        let v = v.abs();
        // A duration beyond the whole numbers wraps in Go; here it stays at the largest.
        let whole = v as i64;
        let (s, m, h, d) = (whole % 60, whole / 60 % 60, whole / 3_600 % 24, whole / 86_400);
        return Ok(match (d, h, m) {
            (0, 0, 0) => format!("{sign}{}s", four_digits(v)),
            (0, 0, _) => format!("{sign}{m}m {s}s"),
            (0, _, _) => format!("{sign}{h}h {m}m {s}s"),
            _ => format!("{sign}{d}d {h}h {m}m {s}s"),
        });
    }
    let mut v = v;
    let mut prefix = "";
    for smaller in ["m", "u", "n", "p", "f", "a", "z", "y"] {
        if v.abs() >= 1.0 {
            break;
        }
        prefix = smaller;
        v *= 1_000.0;
    }
    Ok(format!("{}{prefix}s", four_digits(v)))
}

fn seconds(value: &Value) -> Result<f64, String> {
    Ok(match value.plain() {
        Value::Float(v) => v,
        Value::Int(i) | Value::Int64(i) => i as f64,
        Value::Uint8(i) => f64::from(i),
        Value::Duration(ns) => ns as f64 / 1e9,
        Value::Str(s) => parse_float(&s).map_err(|e| e.message(&s))?,
        other => return Err(format!("can't convert {} to float", other.type_name())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_told_in_their_largest_parts() {
        for (value, wanted) in [
            (Value::Int(0), "0s"),
            (Value::Int(61), "1m 1s"),
            (Value::Float(-90_061.5), "-1d 1h 1m 1s"),
            (Value::Float(0.0123), "12.3ms"),
            (Value::Float(1.5), "1.5s"),
            (Value::Duration(3_600_000_000_000), "1h 0m 0s"),
            (Value::str("60"), "1m 0s"),
        ] {
            assert_eq!(duration(&value).as_deref(), Ok(wanted));
        }
        assert!(duration(&Value::str("x")).is_err());
    }
}
