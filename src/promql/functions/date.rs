//! Functions of the calendar, in UTC.

use crate::golang::float::as_int64;

/// A day: year, month, day of month, from days since 1970-01-01 (proleptic Gregorian).
fn civil(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = doy - (153 * mp + 2) / 5 + 1;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    (yoe + era * 400 + i64::from(month <= 2), month, day)
}

fn is_leap(year: i64) -> bool {
    (year % 4 == 0 && year % 100 != 0) || year % 400 == 0
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Seconds from the first instant of Go's calendar to the Unix epoch.
const EPOCH: u64 = 9_223_372_028_715_321_600;

/// Days since 1970-01-01 and the second of the day. What no integer can hold counts as the smallest, and all of it
/// wraps around, as on the real server.
fn moment(v: f64) -> (i64, i64) {
    let absolute = as_int64(v).cast_unsigned().wrapping_add(EPOCH);
    ((absolute / 86_400).cast_signed() - (EPOCH / 86_400).cast_signed(), (absolute % 86_400).cast_signed())
}

fn day(v: f64) -> (i64, i64, i64) {
    civil(moment(v).0)
}

/// The function of that name on Unix seconds, if it is one of these.
pub(crate) fn by_name(name: &str) -> Option<fn(f64) -> f64> {
    Some(match name {
        "day_of_month" => |v| day(v).2 as f64,
        "day_of_week" => |v| (moment(v).0 + 4).rem_euclid(7) as f64,
        "day_of_year" => |v| {
            let (year, month, day) = day(v);
            ((1..month).map(|m| days_in_month(year, m)).sum::<i64>() + day) as f64
        },
        "days_in_month" => |v| {
            let (year, month, _) = day(v);
            days_in_month(year, month) as f64
        },
        "hour" => |v| (moment(v).1 / 3600) as f64,
        "minute" => |v| (moment(v).1 % 3600 / 60) as f64,
        "month" => |v| day(v).1 as f64,
        "year" => |v| day(v).0 as f64,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::by_name;

    #[test]
    fn the_calendar_is_right_around_leap_days_and_before_1970() {
        let at = |name: &str, t: f64| by_name(name).expect("a date function")(t);
        // 2000-02-29 23:59:59
        let t = 951_868_799.0;
        assert_eq!(at("year", t), 2000.0);
        assert_eq!(at("month", t), 2.0);
        assert_eq!(at("day_of_month", t), 29.0);
        assert_eq!(at("day_of_year", t), 60.0);
        assert_eq!(at("days_in_month", t), 29.0);
        assert_eq!(at("day_of_week", t), 2.0);
        assert_eq!(at("hour", t), 23.0);
        assert_eq!(at("minute", t), 59.0);
        assert_eq!(at("year", -1.0), 1969.0);
        assert_eq!(at("day_of_week", -1.0), 3.0);
        // What a real 2.42 answers.
        assert_eq!(at("minute", f64::INFINITY), 30.0);
    }
}
