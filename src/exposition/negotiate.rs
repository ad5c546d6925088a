//! Which format a page is in: what a scraper asks for, and what an exporter answers.

use crate::model::Dialect;

/// The formats.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Prometheus' text format 0.0.4.
    #[default]
    Text,
    /// OpenMetrics 1.0.0.
    OpenMetrics,
}

impl Format {
    /// The value of `Content-Type`.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// The format an exporter answers in, given the scraper's `Accept`: OpenMetrics where it is liked best, else text.
pub fn negotiate(accept: &str) -> Format {
    let mut best = (0.0, Format::Text);
    for range in accept.split(',') {
        let mut parts = range.split(';').map(str::trim);
        let media = parts.next().unwrap_or_default().to_ascii_lowercase();
        let (mut quality, mut version) = (1.0, None);
        for part in parts {
            match part.split_once('=') {
                Some((key, value)) if key.trim().eq_ignore_ascii_case("q") => {
                    quality = value.trim().parse().unwrap_or(0.0);
                }
                Some((key, value)) if key.trim().eq_ignore_ascii_case("version") => version = Some(value.trim()),
                _ => {}
            }
        }
        let format = match media.as_str() {
            "application/openmetrics-text" if matches!(version, None | Some("0.0.1" | "1.0.0")) => Format::OpenMetrics,
            "text/plain" | "text/*" | "*/*" => Format::Text,
            _ => continue,
        };
        if quality > best.0 {
            best = (quality, format);
        }
    }
    best.1
}

/// The format a scraper reads a response in. 2.42 takes everything it does not know for text; 3 refuses to guess unless
/// the job says what to fall back to (`fallback_scrape_protocol`).
///
/// # Errors
/// Dialect 3, and the content type is missing or unknown, in Prometheus' words.
pub fn scrape_format(content_type: &str, fallback: Option<Format>, dialect: Dialect) -> Result<Format, String> {
    let media = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match media.as_str() {
        "application/openmetrics-text" => return Ok(Format::OpenMetrics),
        "text/plain" => return Ok(Format::Text),
        _ if dialect == Dialect::V2_42 => return Ok(Format::Text),
        _ => {}
    }
    let problem = if content_type.is_empty() {
        "non-compliant scrape target sending blank Content-Type".to_owned()
    } else {
        format!("received unsupported Content-Type {}", crate::golang::quote(content_type))
    };
    fallback.ok_or_else(|| format!("{problem} and no fallback_scrape_protocol specified for target"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prometheus_gets_openmetrics_and_a_browser_gets_text() {
        let prometheus = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
                          text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        assert_eq!(negotiate(prometheus), Format::OpenMetrics);
        assert_eq!(negotiate("text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"), Format::Text);
        assert_eq!(negotiate("application/openmetrics-text;version=2.0.0,text/plain;q=0.1"), Format::Text);
        assert_eq!(negotiate(""), Format::Text);
    }

    #[test]
    fn only_dialect_3_refuses_to_guess() {
        assert_eq!(scrape_format("", None, Dialect::V2_42), Ok(Format::Text));
        assert_eq!(scrape_format("text/html", None, Dialect::V2_42), Ok(Format::Text));
        assert!(scrape_format("text/html", None, Dialect::V3).is_err());
        assert_eq!(scrape_format("", Some(Format::Text), Dialect::V3), Ok(Format::Text));
        assert_eq!(
            scrape_format("application/openmetrics-text; version=1.0.0", None, Dialect::V3),
            Ok(Format::OpenMetrics)
        );
    }
}
