//! Times as the API takes and shows them.
//!
//! Facts: the real 0.25, which tries eight layouts in turn and tells why the last of them did not fit.

use crate::golang::quote;
use crate::model::Time;

/// Times with milliseconds, in UTC.
pub(super) fn show_time(t: Time) -> String {
    match jiff::Timestamp::from_millisecond(t.millis()) {
        Ok(stamp) => format!("{stamp:.3}"),
        Err(_) => "0001-01-01T00:00:00.000Z".to_owned(),
    }
}

/// A time as clients write it: with a zone, or without one for UTC. Nothing at all is the beginning of Unix time;
/// what lies beyond the years 1678 to 2261 counts as the nearest moment that a [`Time`] can tell.
///
/// # Errors
/// In the words of the real program.
pub(super) fn read_time(text: &str) -> Result<Time, String> {
    if text.is_empty() {
        return Ok(Time(0));
    }
    let why = match read(text) {
        Ok(nanos) => return Ok(Time(nanos.clamp(i64::MIN.into(), i64::MAX.into()) as i64)),
        Err(Wrong::Range(part)) => format!("{part} out of range"),
        Err(Wrong::Shape) => last_layout(text),
    };
    Err(match why.strip_prefix('@') {
        Some(rest) => format!("parsing time {} as \"2006-01-02 15:04:05\": {rest}", quote(text)),
        None => format!("parsing time {}: {why}", quote(text)),
    })
}

enum Wrong {
    /// No layout fits.
    Shape,
    /// A layout fits, but there is no such day.
    Range(&'static str),
}

struct Rest<'t>(&'t str);

impl<'t> Rest<'t> {
    fn eat(&mut self, prefix: &str) -> bool {
        match self.0.strip_prefix(prefix) {
            Some(rest) => {
                self.0 = rest;
                true
            }
            None => false,
        }
    }

    /// So many digits at least and at most.
    fn number(&mut self, least: usize, most: usize) -> Option<i64> {
        let digits = self.0.bytes().take(most).take_while(u8::is_ascii_digit).count();
        if digits < least {
            return None;
        }
        let (number, rest) = self.0.split_at(digits);
        self.0 = rest;
        number.parse().ok()
    }

    /// A fraction of a second in nanoseconds; zero when there is none.
    fn fraction(&mut self) -> i64 {
        let Some(rest) = self.0.strip_prefix(['.', ',']) else { return 0 };
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        if digits == 0 {
            return 0;
        }
        self.0 = &rest[digits..];
        let nanos = format!("{:0<9.9}", &rest[..digits]);
        nanos.parse().unwrap_or(0)
    }
}

fn read(text: &str) -> Result<i128, Wrong> {
    let mut rest = Rest(text);
    let number = |rest: &mut Rest<'_>, least, most| rest.number(least, most).ok_or(Wrong::Shape);
    let year = number(&mut rest, 4, 4)?;
    let dash = |rest: &mut Rest<'_>| if rest.eat("-") { Ok(()) } else { Err(Wrong::Shape) };
    dash(&mut rest)?;
    let month = number(&mut rest, 2, 2)?;
    dash(&mut rest)?;
    let day = number(&mut rest, 2, 2)?;
    let with_t = rest.eat("T");
    if !with_t && !rest.eat(" ") {
        return Err(Wrong::Shape);
    }
    let hour = number(&mut rest, 1, 2)?;
    let colon = |rest: &mut Rest<'_>| if rest.eat(":") { Ok(()) } else { Err(Wrong::Shape) };
    colon(&mut rest)?;
    let minute = number(&mut rest, 2, 2)?;
    let (mut second, mut nanos) = (0, 0);
    let with_seconds = rest.eat(":");
    if with_seconds {
        second = number(&mut rest, 2, 2)?;
        nanos = rest.fraction();
    }
    if !with_t && !with_seconds {
        return Err(Wrong::Shape);
    }
    let mut offset = 0;
    if with_t && !rest.eat("Z") && !rest.0.is_empty() {
        let sign = if rest.eat("-") { -1 } else { 1 };
        if !with_seconds || (sign > 0 && !rest.eat("+")) {
            return Err(Wrong::Shape);
        }
        let hours = number(&mut rest, 2, 2)?;
        colon(&mut rest)?;
        offset = sign * (hours * 3600 + number(&mut rest, 2, 2)? * 60);
    }
    if !rest.0.is_empty() {
        return Err(Wrong::Shape);
    }
    for (value, least, most) in [(month, 1, 12), (hour, 0, 23), (minute, 0, 59), (second, 0, 59)] {
        if !(least..=most).contains(&value) {
            return Err(Wrong::Shape);
        }
    }
    let date = jiff::civil::Date::new(year as i16, month as i8, 1).map_err(|_| Wrong::Shape)?;
    if !(1..=i64::from(date.days_in_month())).contains(&day) {
        return Err(if with_t { Wrong::Shape } else { Wrong::Range("day") });
    }
    let epoch = jiff::civil::date(1970, 1, 1);
    let days = i64::from((date - epoch).get_days()) + day - 1;
    let seconds = days * 86_400 + hour * 3600 + minute * 60 + second - offset;
    Ok(i128::from(seconds) * 1_000_000_000 + i128::from(nanos))
}

/// Why the last layout, date and time of day with a blank between them, does not fit; after `@` when the layout is to be
/// named.
fn last_layout(text: &str) -> String {
    let cannot = |rest: &str, wanted: &str| format!("@cannot parse {} as {}", quote(rest), quote(wanted));
    let mut rest = Rest(text);
    if rest.number(4, 4).is_none() {
        return cannot(text, "2006");
    }
    for (lead, wanted, least, most, name, range) in [
        ("-", "01", 2, 2, "month", 1..=12),
        ("-", "02", 2, 2, "", 0..=99),
        (" ", "15", 1, 2, "hour", 0..=23),
        (":", "04", 2, 2, "minute", 0..=59),
        (":", "05", 2, 2, "second", 0..=59),
    ] {
        // A blank of the layout also fits the end of the text.
        if !(rest.eat(lead) || (lead == " " && rest.0.is_empty())) {
            return cannot(rest.0, lead);
        }
        if lead == " " {
            rest.0 = rest.0.trim_start_matches(' ');
        }
        let before = rest.0;
        match rest.number(least, most) {
            None => return cannot(before, wanted),
            Some(n) if !range.contains(&n) => return format!("{name} out of range"),
            Some(_) => {}
        }
    }
    rest.fraction();
    if rest.0.is_empty() { "day out of range".to_owned() } else { format!("extra text: {}", quote(rest.0)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_eight_layouts() {
        let noon = 1_709_208_000_000_000_000;
        for (text, wanted) in [
            ("2024-02-29T12:00:00Z", noon),
            ("2024-02-29T12:00:00.25+00:00", noon + 250_000_000),
            ("2024-02-29T14:00:00,5+02:00", noon + 500_000_000),
            ("2024-02-29T12:00:00", noon),
            ("2024-02-29T12:00Z", noon),
            ("2024-02-29T12:00", noon),
            ("2024-02-29 12:00:00", noon),
            ("", 0),
            ("9999-12-31T23:59:59Z", i64::MAX),
            ("0001-01-01T00:00:00Z", i64::MIN),
        ] {
            assert_eq!(read_time(text), Ok(Time(wanted)), "{text}");
        }
    }

    #[test]
    fn what_does_not_fit_is_told_of_the_last_layout() {
        for (text, wanted) in [
            ("x", r#" as "2006-01-02 15:04:05": cannot parse "x" as "2006""#),
            ("2024-13-01T00:00:00Z", ": month out of range"),
            ("2024-01-01T25:00:00Z", r#" as "2006-01-02 15:04:05": cannot parse "T25:00:00Z" as " ""#),
            ("2024-01-01", r#" as "2006-01-02 15:04:05": cannot parse "" as "15""#),
            ("2024-01-01 24:00:00", ": hour out of range"),
            ("2024-02-30 10:00:00", ": day out of range"),
            ("2024-02-03 10:00:00Z", r#": extra text: "Z""#),
            ("2024-01-01t00:00:00Z", r#" as "2006-01-02 15:04:05": cannot parse "t00:00:00Z" as " ""#),
        ] {
            assert_eq!(read_time(text), Err(format!("parsing time {}{wanted}", quote(text))), "{text}");
        }
    }
}
