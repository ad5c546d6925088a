//! Points in time as Go prints them: `time.Time.String`, `Format` with a layout.

use std::sync::Arc;

const SECONDS_PER_DAY: i64 = 86_400;
/// Go's zero time, 1 January of year 1, in Unix seconds.
const ZERO_SECONDS: i64 = -62_135_596_800;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// RFC 3339 with milliseconds that are always written, as Prometheus' notifier sends times.
pub const RFC3339_MILLI: &str = "2006-01-02T15:04:05.000Z07:00";
/// Go's `time.RFC3339Nano`: a fraction without trailing zeros.
pub const RFC3339_NANO: &str = "2006-01-02T15:04:05.999999999Z07:00";

/// A point in time with the zone it is shown in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GoTime {
    seconds: i64,
    nanoseconds: u32,
    /// Seconds east of UTC.
    offset: i32,
    zone: Option<Arc<str>>,
}

/// A calendar date and clock time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Civil {
    /// Year, negative before year 0.
    pub year: i64,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 59.
    pub second: u8,
    /// 0 is Sunday.
    pub weekday: u8,
    /// 1 to 366.
    pub day_of_year: u16,
}

impl GoTime {
    /// Unix time, shown in UTC.
    pub fn from_unix(seconds: i64, nanoseconds: u32) -> Self {
        let carry = i64::from(nanoseconds / 1_000_000_000);
        Self {
            // Go wraps around as well; anything near the limits is nonsense that must not panic.
            seconds: seconds.wrapping_add(carry),
            nanoseconds: nanoseconds % 1_000_000_000,
            offset: 0,
            zone: None,
        }
    }

    /// Nanoseconds since the Unix epoch, shown in UTC.
    pub fn from_unix_nanos(nanoseconds: i64) -> Self {
        let second = nanoseconds.div_euclid(1_000_000_000);
        let rest = nanoseconds.rem_euclid(1_000_000_000);
        Self::from_unix(second, u32::try_from(rest).unwrap_or(0))
    }

    /// Milliseconds since the Unix epoch, shown in UTC.
    pub fn from_unix_millis(milliseconds: i64) -> Self {
        let rest = u32::try_from(milliseconds.rem_euclid(1_000)).unwrap_or(0);
        Self::from_unix(milliseconds.div_euclid(1_000), rest * 1_000_000)
    }

    /// Go's zero time: `0001-01-01 00:00:00 +0000 UTC`.
    pub fn zero() -> Self {
        Self::from_unix(ZERO_SECONDS, 0)
    }

    /// The same instant shown in another zone, `offset` seconds east of UTC.
    #[must_use]
    pub fn in_zone(&self, offset: i32, abbreviation: &str) -> Self {
        Self { offset, zone: Some(abbreviation.into()), ..*self }
    }

    /// The same instant shown in UTC.
    #[must_use]
    pub fn utc(&self) -> Self {
        Self { offset: 0, zone: None, ..*self }
    }

    /// The same instant shown in the zone of `other`.
    #[must_use]
    pub fn in_zone_of(&self, other: &Self) -> Self {
        Self { offset: other.offset, zone: other.zone.clone(), ..*self }
    }

    /// Whether it is shown in UTC.
    pub fn is_utc(&self) -> bool {
        self.zone.is_none()
    }

    /// Seconds east of UTC.
    pub fn offset(&self) -> i32 {
        self.offset
    }

    /// The zone's short name.
    pub fn zone_name(&self) -> &str {
        self.zone.as_deref().unwrap_or("UTC")
    }

    /// Go's `GoString`: `time.Date(2024, time.January, 2, 3, 4, 5, 0, time.UTC)`.
    pub fn go_string(&self) -> String {
        let c = self.civil();
        let zone = if self.is_utc() {
            "time.UTC".to_owned()
        } else {
            format!("time.Location({})", super::quote(self.zone_name()))
        };
        let (month, nanos) = (month_name(c.month), self.nanoseconds);
        format!(
            "time.Date({}, time.{month}, {}, {}, {}, {}, {nanos}, {zone})",
            c.year, c.day, c.hour, c.minute, c.second
        )
    }

    /// Whether it is Go's zero time.
    pub fn is_zero(&self) -> bool {
        self.seconds == ZERO_SECONDS && self.nanoseconds == 0
    }

    /// Whole Unix seconds.
    pub fn unix(&self) -> i64 {
        self.seconds
    }

    /// Nanoseconds within the second.
    pub fn nanosecond(&self) -> u32 {
        self.nanoseconds
    }

    /// Nanoseconds since the Unix epoch, wrapping far from it as Go does.
    pub fn unix_nanos(&self) -> i64 {
        self.seconds.wrapping_mul(1_000_000_000).wrapping_add(i64::from(self.nanoseconds))
    }

    /// The later instant after `nanoseconds`.
    #[must_use]
    pub fn add(&self, nanoseconds: i64) -> Self {
        let total = i128::from(self.seconds) * 1_000_000_000 + i128::from(self.nanoseconds) + i128::from(nanoseconds);
        let seconds = i64::try_from(total.div_euclid(1_000_000_000)).unwrap_or(self.seconds);
        let rest = u32::try_from(total.rem_euclid(1_000_000_000)).unwrap_or(0);
        Self { seconds, nanoseconds: rest, ..self.clone() }
    }

    /// `time.Time.Sub`: nanoseconds from `other` to here, held at the limits of a duration.
    pub fn since(&self, other: &Self) -> i64 {
        let nanos = |t: &Self| i128::from(t.seconds) * 1_000_000_000 + i128::from(t.nanoseconds);
        let d = nanos(self) - nanos(other);
        i64::try_from(d).unwrap_or(if d < 0 { i64::MIN } else { i64::MAX })
    }

    /// `time.Time.AddDate`: days past the end of a month run on into the next.
    pub fn add_date(&self, years: i64, months: i64, days: i64) -> Self {
        // What is out of a calendar's reach stays at its edge.
        let within = |v: i64| v.clamp(-1_000_000, 1_000_000);
        let civil = self.civil();
        let month = i64::from(civil.month) - 1 + within(months);
        let day = |year: i64, month: i64| days_from_civil(year, month, 1) + i64::from(civil.day) - 1;
        let target = day(within(civil.year) + within(years) + month.div_euclid(12), month.rem_euclid(12) + 1);
        let today = day(within(civil.year), i64::from(civil.month));
        let shift = (target - today + within(days)).saturating_mul(SECONDS_PER_DAY);
        Self { seconds: self.seconds.saturating_add(shift), ..self.clone() }
    }

    /// The calendar date and clock time in its zone.
    pub fn civil(&self) -> Civil {
        let local = self.seconds.saturating_add(i64::from(self.offset));
        let days = local.div_euclid(SECONDS_PER_DAY);
        let clock = local.rem_euclid(SECONDS_PER_DAY);
        let (year, month, day) = civil_from_days(days);
        let first = days_from_civil(year, 1, 1);
        let small = |v: i64| u8::try_from(v).unwrap_or(0);
        Civil {
            year,
            month: small(month),
            day: small(day),
            hour: small(clock / 3_600),
            minute: small(clock / 60 % 60),
            second: small(clock % 60),
            weekday: small((days + 4).rem_euclid(7)),
            day_of_year: u16::try_from(days - first + 1).unwrap_or(0),
        }
    }

    /// `time.Time.Format`.
    pub fn format(&self, layout: &str) -> String {
        let civil = self.civil();
        let mut out = String::with_capacity(layout.len() + 8);
        let mut rest = layout;
        while let Some((before, chunk, after)) = next_chunk(rest) {
            out.push_str(before);
            self.push_chunk(&mut out, &civil, chunk);
            rest = after;
        }
        out.push_str(rest);
        out
    }

    fn push_chunk(&self, out: &mut String, civil: &Civil, chunk: Chunk) {
        let hour12 = match civil.hour % 12 {
            0 => 12,
            h => h,
        };
        let month = usize::from(civil.month).saturating_sub(1).min(11);
        let text = match chunk {
            Chunk::Month => MONTHS[month].to_owned(),
            Chunk::MonthShort => MONTHS[month][..3].to_owned(),
            Chunk::Weekday => DAYS[usize::from(civil.weekday).min(6)].to_owned(),
            Chunk::WeekdayShort => DAYS[usize::from(civil.weekday).min(6)][..3].to_owned(),
            Chunk::YearLong if civil.year < 0 => format!("-{:04}", civil.year.unsigned_abs()),
            Chunk::YearLong => format!("{:04}", civil.year),
            Chunk::YearShort => format!("{:02}", civil.year.unsigned_abs() % 100),
            Chunk::Number(field, pad) => {
                let value = match field {
                    Field::Month => u16::from(civil.month),
                    Field::Day => u16::from(civil.day),
                    Field::Hour => u16::from(civil.hour),
                    Field::Hour12 => u16::from(hour12),
                    Field::Minute => u16::from(civil.minute),
                    Field::Second => u16::from(civil.second),
                    Field::DayOfYear => civil.day_of_year,
                };
                match pad {
                    Pad::None => value.to_string(),
                    Pad::Zero(width) => format!("{value:0width$}"),
                    Pad::Blank(width) => format!("{value:width$}"),
                }
            }
            Chunk::HalfOfDay { upper } => match (civil.hour >= 12, upper) {
                (true, true) => "PM",
                (true, false) => "pm",
                (false, true) => "AM",
                (false, false) => "am",
            }
            .to_owned(),
            Chunk::ZoneName => match &self.zone {
                None => "UTC".to_owned(),
                Some(name) if !name.is_empty() => name.to_string(),
                Some(_) => offset_text(self.offset, true, false, false),
            },
            Chunk::Offset { zulu: true, .. } if self.offset == 0 => "Z".to_owned(),
            Chunk::Offset { minutes, seconds, colon, .. } => offset_text(self.offset, minutes, seconds, colon),
            Chunk::Fraction { digits, trim, mark } => {
                let mut text = format!("{:09}", self.nanoseconds);
                text.extend(std::iter::repeat_n('0', digits.saturating_sub(9)));
                text.truncate(digits);
                if trim {
                    text.truncate(text.trim_end_matches('0').len());
                }
                if text.is_empty() { text } else { format!("{mark}{text}") }
            }
        };
        out.push_str(&text);
    }
}

/// `time.Time.String`.
impl std::fmt::Display for GoTime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.format("2006-01-02 15:04:05.999999999 -0700 MST"))
    }
}

/// The English name of a month, 1 to 12.
pub fn month_name(month: u8) -> &'static str {
    MONTHS[usize::from(month).saturating_sub(1).min(11)]
}

/// The English name of a weekday, 0 is Sunday.
pub fn weekday_name(weekday: u8) -> &'static str {
    DAYS[usize::from(weekday).min(6)]
}

fn offset_text(offset: i32, minutes: bool, seconds: bool, colon: bool) -> String {
    let sign = if offset < 0 { '-' } else { '+' };
    let total = offset.unsigned_abs();
    let colon = if colon { ":" } else { "" };
    let mut out = format!("{sign}{:02}", total / 3_600);
    if minutes {
        out.push_str(&format!("{colon}{:02}", total / 60 % 60));
    }
    if seconds {
        out.push_str(&format!("{colon}{:02}", total % 60));
    }
    out
}

#[derive(Clone, Copy)]
enum Field {
    Month,
    Day,
    Hour,
    Hour12,
    Minute,
    Second,
    DayOfYear,
}

#[derive(Clone, Copy)]
enum Pad {
    None,
    Zero(usize),
    Blank(usize),
}

#[derive(Clone, Copy)]
enum Chunk {
    Month,
    MonthShort,
    Weekday,
    WeekdayShort,
    YearLong,
    YearShort,
    Number(Field, Pad),
    HalfOfDay { upper: bool },
    ZoneName,
    Offset { zulu: bool, minutes: bool, seconds: bool, colon: bool },
    Fraction { digits: usize, trim: bool, mark: char },
}

/// Fixed pieces of a layout, longer ones before their beginnings.
const PIECES: [(&str, Chunk); 33] = [
    ("January", Chunk::Month),
    ("Jan", Chunk::MonthShort),
    ("Monday", Chunk::Weekday),
    ("Mon", Chunk::WeekdayShort),
    ("MST", Chunk::ZoneName),
    ("01", Chunk::Number(Field::Month, Pad::Zero(2))),
    ("02", Chunk::Number(Field::Day, Pad::Zero(2))),
    ("03", Chunk::Number(Field::Hour12, Pad::Zero(2))),
    ("04", Chunk::Number(Field::Minute, Pad::Zero(2))),
    ("05", Chunk::Number(Field::Second, Pad::Zero(2))),
    ("06", Chunk::YearShort),
    ("002", Chunk::Number(Field::DayOfYear, Pad::Zero(3))),
    ("15", Chunk::Number(Field::Hour, Pad::Zero(2))),
    ("1", Chunk::Number(Field::Month, Pad::None)),
    ("2006", Chunk::YearLong),
    ("2", Chunk::Number(Field::Day, Pad::None)),
    ("_2", Chunk::Number(Field::Day, Pad::Blank(2))),
    ("__2", Chunk::Number(Field::DayOfYear, Pad::Blank(3))),
    ("3", Chunk::Number(Field::Hour12, Pad::None)),
    ("4", Chunk::Number(Field::Minute, Pad::None)),
    ("5", Chunk::Number(Field::Second, Pad::None)),
    ("PM", Chunk::HalfOfDay { upper: true }),
    ("pm", Chunk::HalfOfDay { upper: false }),
    ("-070000", Chunk::Offset { zulu: false, minutes: true, seconds: true, colon: false }),
    ("-07:00:00", Chunk::Offset { zulu: false, minutes: true, seconds: true, colon: true }),
    ("-0700", Chunk::Offset { zulu: false, minutes: true, seconds: false, colon: false }),
    ("-07:00", Chunk::Offset { zulu: false, minutes: true, seconds: false, colon: true }),
    ("-07", Chunk::Offset { zulu: false, minutes: false, seconds: false, colon: false }),
    ("Z070000", Chunk::Offset { zulu: true, minutes: true, seconds: true, colon: false }),
    ("Z07:00:00", Chunk::Offset { zulu: true, minutes: true, seconds: true, colon: true }),
    ("Z0700", Chunk::Offset { zulu: true, minutes: true, seconds: false, colon: false }),
    ("Z07:00", Chunk::Offset { zulu: true, minutes: true, seconds: false, colon: true }),
    ("Z07", Chunk::Offset { zulu: true, minutes: false, seconds: false, colon: false }),
];

/// The first piece of a layout that stands for something, with the text before and after it.
fn next_chunk(layout: &str) -> Option<(&str, Chunk, &str)> {
    for (i, c) in layout.char_indices() {
        let rest = &layout[i..];
        if !c.is_ascii() {
            continue;
        }
        if c == '.' || c == ',' {
            if let Some((chunk, len)) = fraction(rest, c) {
                return Some((&layout[..i], chunk, &rest[len..]));
            }
            continue;
        }
        if let Some(after) = rest.strip_prefix("_2006") {
            return Some((&layout[..=i], Chunk::YearLong, after));
        }
        let piece = PIECES.iter().find(|(text, chunk)| {
            let name = matches!(chunk, Chunk::MonthShort | Chunk::WeekdayShort);
            rest.starts_with(text)
                // "Mon" in "Monthly" is a word of its own.
                && !(name && rest[text.len()..].starts_with(|c: char| c.is_ascii_lowercase()))
        });
        if let Some((text, chunk)) = piece {
            return Some((&layout[..i], *chunk, &rest[text.len()..]));
        }
    }
    None
}

fn fraction(rest: &str, mark: char) -> Option<(Chunk, usize)> {
    let digit = *rest.as_bytes().get(1)?;
    if digit != b'0' && digit != b'9' {
        return None;
    }
    let digits = rest[1..].bytes().take_while(|b| *b == digit).count();
    if rest.as_bytes().get(1 + digits).is_some_and(u8::is_ascii_digit) {
        return None;
    }
    Some((Chunk::Fraction { digits, trim: digit == b'9', mark }, 1 + digits))
}

/// Howard Hinnant's algorithm over eras of 400 years.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = doy - (153 * mp + 2) / 5 + 1;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    (yoe + era * 400 + i64::from(month <= 2), month, day)
}

fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let yoe = y.rem_euclid(400);
    let mp = if month > 2 { month - 3 } else { month + 9 };
    let doy = (153 * mp + 2) / 5 + day - 1;
    let doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    era * 146_097 + doe - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_print_as_go_prints_them() {
        let t = GoTime::from_unix(1_704_164_645, 678_000_000);
        assert_eq!(t.to_string(), "2024-01-02 03:04:05.678 +0000 UTC");
        assert_eq!(GoTime::zero().to_string(), "0001-01-01 00:00:00 +0000 UTC");
        assert!(GoTime::zero().is_zero());
        assert_eq!(GoTime::from_unix_millis(-1).to_string(), "1969-12-31 23:59:59.999 +0000 UTC");
        assert_eq!(t.in_zone(3_600, "CET").to_string(), "2024-01-02 04:04:05.678 +0100 CET");
        assert_eq!(t.in_zone(-12_600, "").format("MST"), "-0330");
    }

    #[test]
    fn layouts_are_read_piece_by_piece() {
        let t = GoTime::from_unix(1_704_164_645, 678_000_000);
        for (layout, text) in [
            ("15:04", "03:04"),
            (RFC3339_MILLI, "2024-01-02T03:04:05.678Z"),
            (RFC3339_NANO, "2024-01-02T03:04:05.678Z"),
            ("Mon, 02 Jan 2006 15:04:05 -0700", "Tue, 02 Jan 2024 03:04:05 +0000"),
            ("Monday January _2 3:4:5PM 06", "Tuesday January  2 3:4:5AM 24"),
            ("Monthly Janet", "Monthly Janet"),
            ("002 __2 2 1 pm", "002   2 2 1 am"),
            ("05.000000 .0001 ,99 é", "05.678000 .0001 ,67 é"),
            ("_2006", "_2024"),
            ("", ""),
        ] {
            assert_eq!(t.format(layout), text, "{layout}");
        }
    }

    #[test]
    fn far_away_times_do_not_panic() {
        for seconds in [i64::MIN, i64::MAX, -1, 0] {
            let t = GoTime::from_unix(seconds, u32::MAX);
            assert!(!t.to_string().is_empty());
            assert_eq!(t.since(&t), 0);
            assert!(!t.add(i64::MAX).format("2006 002").is_empty());
        }
        let leap = GoTime::from_unix(1_709_164_800, 0);
        assert_eq!(leap.format("2006-01-02 002"), "2024-02-29 060");
    }
}
