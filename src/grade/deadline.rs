//! `--deadline`: a moment as people write it.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

/// Unix time of a moment: with an offset, without one in the zone of this machine, a date alone as its last second, or
/// `@SECONDS`.
///
/// # Errors
/// The text is none of these.
pub fn parse(text: &str) -> Result<i64, String> {
    in_zone(text, TimeZone::system())
}

fn in_zone(text: &str, zone: TimeZone) -> Result<i64, String> {
    let text = text.trim();
    let wrong =
        || format!("{text:?} is no moment, wanted such as 2026-03-01, 2026-03-01T23:59 or 2026-03-01T23:59:00+01:00");
    if let Some(seconds) = text.strip_prefix('@') {
        return seconds.parse().map_err(|_| wrong());
    }
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Ok(moment.as_second());
    }
    if let Ok(moment) = text.parse::<Zoned>() {
        return Ok(moment.timestamp().as_second());
    }
    let civil = if text.len() <= 10 {
        text.parse::<Date>().map_err(|_| wrong())?.at(23, 59, 59, 0)
    } else {
        text.parse::<DateTime>().map_err(|_| wrong())?
    };
    civil.to_zoned(zone).map(|z| z.timestamp().as_second()).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_alone_lasts_until_its_end() {
        let zone = TimeZone::get("Europe/Brussels").unwrap();
        let seconds = |text| in_zone(text, zone.clone()).unwrap();
        assert_eq!(seconds("2026-03-01"), seconds("2026-03-01T23:59:59+01:00"));
        assert_eq!(seconds("2026-03-01 12:00"), seconds("2026-03-01T11:00:00Z"));
        assert_eq!(seconds("@1700000000"), 1_700_000_000);
        assert!(in_zone("tomorrow", zone).is_err());
    }
}
