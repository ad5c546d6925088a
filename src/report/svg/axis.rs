//! Steps of an axis that people can read.

/// A step in seconds so that at most `most` labels stand on an axis of `length` seconds.
pub fn time_step(length: f64, most: usize) -> f64 {
    const STEPS: [f64; 12] = [5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 180.0, 300.0, 600.0, 900.0, 1800.0, 3600.0];
    STEPS.into_iter().find(|s| length / s <= most as f64).unwrap_or_else(|| (length / most as f64).ceil())
}

/// Minutes and seconds: `-1:30`, `12:05`.
pub fn clock(seconds: f64) -> String {
    let sign = if seconds < 0.0 { "-" } else { "" };
    let total = seconds.abs().round() as u64;
    format!("{sign}{}:{:02}", total / 60, total % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thirteen_minutes_get_a_label_a_minute() {
        assert_eq!(time_step(13.0 * 60.0, 14), 60.0);
        assert_eq!(clock(-90.0), "-1:30");
        assert_eq!(clock(725.4), "12:05");
    }
}
