//! Times of day, days and zones in which a route is muted or active.
//!
//! Facts: upstream `timeinterval`, measured with 0.25.

use jiff::Zoned;
use jiff::tz::TimeZone;

use crate::model::Time;

/// One specification: holds when every field that is set holds; a field holds when any of its ranges does, so a field
/// that is set to an empty list never holds.
#[derive(Clone, Debug, Default)]
pub struct TimeInterval {
    /// Minutes of the day, start inclusive, end exclusive (up to 1440).
    pub times: Option<Vec<(u16, u16)>>,
    /// Days of the week, Sunday = 0, inclusive.
    pub weekdays: Option<Vec<(i32, i32)>>,
    /// Days of the month, from 1, or negative from the end, inclusive.
    pub days_of_month: Option<Vec<(i32, i32)>>,
    /// Months from 1, inclusive.
    pub months: Option<Vec<(i32, i32)>>,
    /// Years, inclusive.
    pub years: Option<Vec<(i32, i32)>>,
    /// The zone; none: UTC.
    pub location: Option<TimeZone>,
}

impl TimeInterval {
    /// Whether a moment lies inside.
    pub fn contains(&self, at: Time) -> bool {
        let Ok(stamp) = jiff::Timestamp::from_nanosecond(i128::from(at.0)) else {
            return false;
        };
        let local = stamp.to_zoned(self.location.clone().unwrap_or(TimeZone::UTC));
        let within = |ranges: &Option<Vec<(i32, i32)>>, v: i32| {
            ranges.as_ref().is_none_or(|r| r.iter().any(|(a, b)| (*a..=*b).contains(&v)))
        };
        let minute = local.hour() as u16 * 60 + local.minute() as u16;
        let in_times = self.times.as_ref().is_none_or(|r| r.iter().any(|(a, b)| (*a..*b).contains(&minute)));
        let in_days = || {
            let Some(ranges) = &self.days_of_month else { return true };
            let days = days_in_month(&local);
            ranges.iter().any(|&(start, end)| {
                let from_end = |d: i32| if d < 0 { days + d + 1 } else { d };
                let (start, end) = (from_end(start), from_end(end));
                start <= days && (start..=end.min(days)).contains(&i32::from(local.day()))
            })
        };
        in_times
            && in_days()
            && within(&self.months, i32::from(local.month()))
            && within(&self.weekdays, i32::from(local.weekday().to_sunday_zero_offset()))
            && within(&self.years, i32::from(local.year()))
    }
}

/// Whole days of 24 hours in the month, as upstream counts them: a month that loses an hour to summer time is a day
/// short.
fn days_in_month(local: &Zoned) -> i32 {
    let length = || {
        let first = local.date().first_of_month();
        let next = first.checked_add(jiff::Span::new().months(1)).ok()?;
        let begin = first.to_zoned(local.time_zone().clone()).ok()?.timestamp();
        let end = next.to_zoned(local.time_zone().clone()).ok()?.timestamp();
        i32::try_from((end.as_second() - begin.as_second()) / 86_400).ok()
    };
    length().unwrap_or_else(|| i32::from(local.days_in_month()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Time {
        Time(text.parse::<jiff::Timestamp>().expect("a time").as_nanosecond() as i64)
    }

    #[test]
    fn minutes_count_from_the_start_to_just_before_the_end() {
        let interval = TimeInterval { times: Some(vec![(540, 1020)]), ..TimeInterval::default() };
        assert!(!interval.contains(at("2026-01-05T08:59:59Z")));
        assert!(interval.contains(at("2026-01-05T09:00:00Z")));
        assert!(interval.contains(at("2026-01-05T16:59:59Z")));
        assert!(!interval.contains(at("2026-01-05T17:00:00Z")));
    }

    #[test]
    fn an_empty_list_never_holds_and_an_absent_one_always() {
        assert!(TimeInterval::default().contains(at("2026-01-05T00:00:00Z")));
        let none = TimeInterval { weekdays: Some(Vec::new()), ..TimeInterval::default() };
        assert!(!none.contains(at("2026-01-05T00:00:00Z")));
    }

    #[test]
    fn days_count_from_the_end_too_and_a_start_beyond_the_month_never_holds() {
        let last = TimeInterval { days_of_month: Some(vec![(-1, -1)]), ..TimeInterval::default() };
        assert!(last.contains(at("2026-02-28T12:00:00Z")));
        assert!(!last.contains(at("2026-02-27T12:00:00Z")));
        let thirty = TimeInterval { days_of_month: Some(vec![(30, 31)]), ..TimeInterval::default() };
        assert!(!thirty.contains(at("2026-02-28T12:00:00Z")));
        assert!(thirty.contains(at("2026-04-30T12:00:00Z")));
    }

    #[test]
    fn a_zone_moves_the_day() {
        let zone = jiff::tz::TimeZoneDatabase::bundled().get("Asia/Tokyo").expect("it is bundled");
        let monday = TimeInterval { weekdays: Some(vec![(1, 1)]), location: Some(zone), ..TimeInterval::default() };
        assert!(monday.contains(at("2026-01-04T15:30:00Z")));
        assert!(!monday.contains(at("2026-01-05T15:30:00Z")));
    }

    #[test]
    fn the_month_of_the_clock_change_is_a_day_short() {
        let zone = jiff::tz::TimeZoneDatabase::bundled().get("Europe/Brussels").expect("it is bundled");
        let last =
            TimeInterval { days_of_month: Some(vec![(-1, -1)]), location: Some(zone), ..TimeInterval::default() };
        assert!(last.contains(at("2026-03-30T12:00:00Z")));
        assert!(!last.contains(at("2026-03-31T12:00:00Z")));
    }
}
