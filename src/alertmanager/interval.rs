//! Times of day, days and zones in which a route is muted or active.
//!
//! Facts: upstream `timeinterval`, measured with 0.25.

use jiff::tz::TimeZone;

use crate::model::Time;

/// One specification: holds when every field that is set holds; a field holds when any of its ranges does.
#[derive(Clone, Debug, Default)]
pub struct TimeInterval {
    /// Minutes of the day, start inclusive, end exclusive (up to 1440).
    pub times: Vec<(u16, u16)>,
    /// Days of the week, Sunday = 0, inclusive.
    pub weekdays: Vec<(i32, i32)>,
    /// Days of the month, from 1, or negative from the end, inclusive.
    pub days_of_month: Vec<(i32, i32)>,
    /// Months from 1, inclusive.
    pub months: Vec<(i32, i32)>,
    /// Years, inclusive.
    pub years: Vec<(i32, i32)>,
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
        let within =
            |ranges: &[(i32, i32)], v: i32| ranges.is_empty() || ranges.iter().any(|(a, b)| (*a..=*b).contains(&v));
        let minute = local.hour() as u16 * 60 + local.minute() as u16;
        let days = i32::from(local.days_in_month());
        let day_holds = |&(start, end): &(i32, i32)| {
            let from_end = |d: i32| if d < 0 { days + d + 1 } else { d };
            let (start, end) = (from_end(start), from_end(end));
            start <= days && (start..=end).contains(&i32::from(local.day()))
        };
        (self.times.is_empty() || self.times.iter().any(|(a, b)| (*a..*b).contains(&minute)))
            && (self.days_of_month.is_empty() || self.days_of_month.iter().any(day_holds))
            && within(&self.months, i32::from(local.month()))
            && within(&self.weekdays, i32::from(local.weekday().to_sunday_zero_offset()))
            && within(&self.years, i32::from(local.year()))
    }
}
