//! Times in other zones, and times read from text: `tz`, `toDate`.

use jiff::fmt::strtime;
use jiff::tz::TimeZone;

use crate::golang::quoting::quote;
use crate::golang::time::GoTime;

/// The same instant in a zone of the IANA database.
pub(super) fn in_zone(time: &GoTime, name: &str) -> Result<GoTime, String> {
    if matches!(name, "" | "UTC" | "Local") {
        return Ok(time.utc());
    }
    let unknown = || format!("unknown time zone {name}");
    let zone = TimeZone::get(name).map_err(|_| unknown())?;
    let nanosecond = i32::try_from(time.nanosecond()).map_err(|_| unknown())?;
    let instant = jiff::Timestamp::new(time.unix(), nanosecond).map_err(|e| e.to_string())?;
    let info = zone.to_offset_info(instant);
    Ok(time.in_zone(info.offset().seconds(), info.abbreviation()))
}

/// Parts of Go's reference time, and what `strtime` calls them; longer ones first.
const LAYOUT: &[(&str, &str)] = &[
    ("January", "%B"),
    ("Monday", "%A"),
    (".000000000", "%.f"),
    (".999999999", "%.f"),
    (".000000", "%.f"),
    (".000", "%.f"),
    ("Z07:00", "%:z"),
    ("-07:00", "%:z"),
    ("-0700", "%z"),
    ("2006", "%Y"),
    ("Jan", "%b"),
    ("Mon", "%a"),
    ("MST", "%Q"),
    ("01", "%m"),
    ("02", "%d"),
    ("03", "%I"),
    ("15", "%H"),
    ("04", "%M"),
    ("05", "%S"),
    ("06", "%y"),
    ("PM", "%p"),
    ("pm", "%p"),
    ("_2", "%e"),
    ("1", "%m"),
    ("2", "%d"),
    ("3", "%I"),
    ("4", "%M"),
    ("5", "%S"),
];

/// Reads a time by Go's layout; without an offset it is UTC.
pub(super) fn parse(layout: &str, text: &str) -> Result<GoTime, String> {
    let failed = || format!("parsing time {} as {}: cannot parse it", quote(text), quote(layout));
    let mut format = String::new();
    let mut rest = layout;
    while let Some(c) = rest.chars().next() {
        match LAYOUT.iter().find(|(go, _)| rest.starts_with(go)) {
            Some((go, here)) => {
                format.push_str(here);
                rest = &rest[go.len()..];
            }
            None => {
                format.push_str(if c == '%' { "%%" } else { &rest[..c.len_utf8()] });
                rest = &rest[c.len_utf8()..];
            }
        }
    }
    // Go takes Z where the layout says Z07:00.
    let zulu = layout.contains("Z07:00") && text.ends_with('Z');
    let text = if zulu { format!("{}+00:00", &text[..text.len() - 1]) } else { text.to_owned() };
    // Go takes a fraction behind the seconds even when the layout has none.
    let broken = strtime::parse(&format, &text)
        .or_else(|e| {
            let with_fraction = format.replace("%S", "%S%.f");
            if format.contains("%.f") { Err(e) } else { strtime::parse(with_fraction, &text) }
        })
        .map_err(|_| failed())?;
    let offset = broken.offset().map_or(0, |o| o.seconds());
    let date =
        jiff::civil::Date::new(broken.year().unwrap_or(0), broken.month().unwrap_or(1), broken.day().unwrap_or(1));
    let date = date.map_err(|_| failed())?;
    let time = jiff::civil::Time::new(
        broken.hour().unwrap_or(0),
        broken.minute().unwrap_or(0),
        broken.second().unwrap_or(0),
        broken.subsec_nanosecond().unwrap_or(0),
    );
    let local = date.to_datetime(time.map_err(|_| failed())?);
    let zoned = local.to_zoned(TimeZone::UTC).map_err(|_| failed())?;
    let instant = zoned.timestamp();
    let nanosecond = u32::try_from(instant.subsec_nanosecond().max(0)).unwrap_or(0);
    let seconds = instant.as_second() - i64::from(offset);
    let time = GoTime::from_unix(seconds, nanosecond);
    Ok(if offset == 0 { time } else { time.in_zone(offset, "") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_changes_how_a_time_is_shown() {
        let time = GoTime::from_unix(1_704_164_645, 0);
        let paris = in_zone(&time, "Europe/Paris").expect("a known zone");
        assert_eq!(paris.to_string(), "2024-01-02 04:04:05 +0100 CET");
        assert_eq!(in_zone(&time, "Mars/Base"), Err("unknown time zone Mars/Base".to_owned()));
    }

    #[test]
    fn times_are_read_by_go_layouts() {
        let read = |layout: &str, text: &str| parse(layout, text).map(|t| t.to_string());
        let wanted = Ok("2024-01-02 03:04:05 +0000 UTC".to_owned());
        assert_eq!(read("2006-01-02 15:04:05", "2024-01-02 03:04:05"), wanted);
        assert_eq!(read("2006-01-02T15:04:05Z07:00", "2024-01-02T03:04:05Z"), wanted);
        assert_eq!(read("Jan 2, 2006", "Jan 2, 2024"), Ok("2024-01-02 00:00:00 +0000 UTC".to_owned()));
        assert!(read("2006-01-02", "yesterday").is_err());
    }
}
