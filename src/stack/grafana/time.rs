//! How Grafana reads refresh intervals and relative times.
//!
//! Facts: the interval and date math functions of @grafana/data 13.2, which accept more and less than one would
//! think: a refresh is a number and one unit at the text's beginning, and anything may follow; a relative time is
//! `now` and steps of whole units, where `M` is a month.

/// Units of a refresh interval, in milliseconds.
const REFRESH_UNITS: [(&str, f64); 8] = [
    ("ms", 1.0),
    ("y", 31_536_000_000.0),
    ("M", 2_592_000_000.0),
    ("w", 604_800_000.0),
    ("d", 86_400_000.0),
    ("h", 3_600_000.0),
    ("m", 60_000.0),
    ("s", 1000.0),
];

/// A refresh interval in milliseconds; `None` when Grafana refuses the text (also for off and `auto`).
pub fn refresh_millis(text: &str) -> Option<f64> {
    // A bare number counts seconds, and only its whole part.
    if text.trim().parse::<f64>().is_ok_and(|n| n != 0.0 && n.is_finite()) {
        return leading_integer(text.trim()).map(|n| n * 1000.0);
    }
    let sign = usize::from(text.starts_with('-'));
    let digits = |from: usize| text[from..].bytes().take_while(u8::is_ascii_digit).count();
    let whole = digits(sign);
    if whole == 0 {
        return None;
    }
    let mut end = sign + whole;
    if text[end..].starts_with('.') {
        let fraction = digits(end + 1);
        if fraction > 0 {
            end += 1 + fraction;
        }
    }
    let (_, unit) = REFRESH_UNITS.iter().find(|(name, _)| text[end..].starts_with(name))?;
    Some(leading_integer(text)? * unit)
}

fn leading_integer(text: &str) -> Option<f64> {
    let sign = usize::from(text.starts_with(['-', '+']));
    let digits = text[sign..].bytes().take_while(u8::is_ascii_digit).count();
    text[..sign + digits].parse().ok()
}

/// What the start or end of a range means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Moment {
    /// `now` and an offset.
    Relative {
        /// Seconds from now, negative for the past; months and years count 0.
        seconds: i64,
        /// Whether months, quarters or years are part of the offset.
        calendar: bool,
        /// The unit it is rounded to, if any.
        rounded: Option<char>,
    },
    /// A point in time.
    Absolute,
    /// Grafana cannot read it.
    Invalid,
}

/// Reads a start or end of a range.
pub fn moment(text: &str) -> Moment {
    let Some(math) = text.strip_prefix("now") else {
        return if looks_like_a_date(text) { Moment::Absolute } else { Moment::Invalid };
    };
    relative(math).unwrap_or(Moment::Invalid)
}

/// The part behind `now`.
fn relative(math: &str) -> Option<Moment> {
    let math: Vec<char> = math.chars().filter(|c| !c.is_whitespace()).collect();
    let (mut seconds, mut calendar, mut rounded) = (0i64, false, None);
    let mut i = 0;
    while i < math.len() {
        let operator = math[i];
        if !matches!(operator, '/' | '+' | '-') {
            return None;
        }
        i += 1;
        let mut number = None;
        while let Some(digit) = math.get(i).and_then(|c| c.to_digit(10)) {
            number = Some(number.unwrap_or(0i64) * 10 + i64::from(digit));
            i += 1;
            if i > 10 {
                return None;
            }
        }
        let number = number.unwrap_or(1);
        let mut unit = *math.get(i)?;
        i += 1;
        if unit == 'f' {
            unit = *math.get(i)?;
            i += 1;
        }
        let length = match unit {
            's' => Some(1),
            'm' => Some(60),
            'h' => Some(3600),
            'd' => Some(86_400),
            'w' => Some(7 * 86_400),
            'M' | 'Q' | 'y' => None,
            _ => return None,
        };
        match (operator, length) {
            ('/', _) if number != 1 => return None,
            ('/', _) => rounded = Some(unit),
            (_, Some(length)) => seconds += if operator == '-' { -number * length } else { number * length },
            (_, None) => calendar |= number != 0,
        }
    }
    Some(Moment::Relative { seconds, calendar, rounded })
}

/// Year, month and day in front: what a date library takes for a point in time.
fn looks_like_a_date(text: &str) -> bool {
    let b = text.trim().as_bytes();
    b.len() >= 10
        && b[..10].iter().enumerate().all(|(i, c)| if matches!(i, 4 | 7) { *c == b'-' } else { c.is_ascii_digit() })
}

/// A number of seconds in words: `15 min`, `6 h`.
pub fn spoken(seconds: i64) -> String {
    match seconds {
        s if s != 0 && s % 86_400 == 0 => format!("{} d", s / 86_400),
        s if s != 0 && s % 3600 == 0 => format!("{} h", s / 3600),
        s if s != 0 && s % 60 == 0 => format!("{} min", s / 60),
        s => format!("{s} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refresh_is_read_from_the_beginning_of_the_text() {
        for (text, wanted) in [
            ("5s", Some(5000.0)),
            ("5000ms", Some(5000.0)),
            ("5", Some(5000.0)),
            ("5.9s", Some(5000.0)),
            ("5secs", Some(5000.0)),
            ("5min", Some(300_000.0)),
            ("-5s", Some(-5000.0)),
            ("5 s", None),
            ("5S", None),
            (" 5s", None),
            ("auto", None),
            ("", None),
            ("0", None),
        ] {
            assert_eq!(refresh_millis(text), wanted, "{text:?}");
        }
    }

    #[test]
    fn relative_times_are_whole_steps_from_now() {
        let at = |seconds| Moment::Relative { seconds, calendar: false, rounded: None };
        assert_eq!(moment("now-15m"), at(-900));
        assert_eq!(moment("now-1h + 45m"), at(-900));
        assert_eq!(moment("now"), at(0));
        assert_eq!(moment("now-m"), at(-60));
        assert_eq!(moment("now-15M"), Moment::Relative { seconds: 0, calendar: true, rounded: None });
        assert_eq!(moment("now-15m/m"), Moment::Relative { seconds: -900, calendar: false, rounded: Some('m') });
        for text in ["now-15min", "now-0.25h", "NOW-15m", "now-900", "now15m", "now/2d", "now-90000000000s", ""] {
            assert_eq!(moment(text), Moment::Invalid, "{text:?}");
        }
        assert_eq!(moment("2026-01-15T12:00:00Z"), Moment::Absolute);
    }
}
