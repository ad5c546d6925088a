//! Writing pages.

use std::fmt::Write;

use super::entry::MetricType;
use super::negotiate::Format;
use crate::golang::float::{FloatFormat, format_float};

/// Writes `# HELP` and `# TYPE` of a family. In OpenMetrics a counter's family goes without its `_total`.
pub fn write_family(out: &mut String, format: Format, name: &str, kind: MetricType, help: &str) {
    let family = match (format, kind) {
        (Format::OpenMetrics, MetricType::Counter) => name.strip_suffix("_total").unwrap_or(name),
        _ => name,
    };
    out.push_str("# HELP ");
    out.push_str(family);
    out.push(' ');
    for c in help.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '"' if format == Format::OpenMetrics => out.push_str("\\\""),
            c => out.push(c),
        }
    }
    let kind = match kind {
        MetricType::Unknown if format == Format::Text => "untyped",
        kind => kind.as_str(),
    };
    // Writing into a string cannot fail.
    let _ = writeln!(out, "\n# TYPE {family} {kind}");
}

/// Writes one sample: the name, labels in the given order, the value, and perhaps a timestamp in milliseconds.
pub fn write_series<'a>(
    out: &mut String,
    format: Format,
    name: &str,
    labels: impl IntoIterator<Item = (&'a str, &'a str)>,
    value: f64,
    timestamp: Option<i64>,
) {
    out.push_str(name);
    let mut open = false;
    for (label, text) in labels {
        out.push(if open { ',' } else { '{' });
        open = true;
        out.push_str(label);
        out.push_str("=\"");
        for c in text.chars() {
            match c {
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '"' => out.push_str("\\\""),
                c => out.push(c),
            }
        }
        out.push('"');
    }
    if open {
        out.push('}');
    }
    out.push(' ');
    write_value(out, format, value);
    if let Some(ms) = timestamp {
        let _ = match format {
            Format::Text => write!(out, " {ms}"),
            Format::OpenMetrics => write!(out, " {}", format_float(ms as f64 / 1000.0, FloatFormat::Fixed, None)),
        };
    }
    out.push('\n');
}

/// Writes a value as Go's client library does: the shortest form, `1e+06`, `NaN`, `+Inf`; OpenMetrics always shows that
/// it is a float (`1.0`).
pub fn write_value(out: &mut String, format: Format, value: f64) {
    let text = format_float(value, FloatFormat::General, None);
    let plain = value.is_finite() && !text.contains(['.', 'e']);
    out.push_str(&text);
    if plain && format == Format::OpenMetrics {
        out.push_str(".0");
    }
}

/// Writes what ends a page of OpenMetrics.
pub fn write_openmetrics_end(out: &mut String) {
    out.push_str("# EOF\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_formats_are_written_as_the_client_library_writes_them() {
        let page = |format| {
            let mut out = String::new();
            write_family(&mut out, format, "hits_total", MetricType::Counter, "Hits, \"all\".");
            write_series(&mut out, format, "hits_total", [("path", "a\"b")], 1e6, None);
            write_series(&mut out, format, "hits_total", [], 3.0, Some(1500));
            out
        };
        assert_eq!(
            page(Format::Text),
            "# HELP hits_total Hits, \"all\".\n# TYPE hits_total counter\nhits_total{path=\"a\\\"b\"} 1e+06\n\
             hits_total 3 1500\n"
        );
        assert_eq!(
            page(Format::OpenMetrics),
            "# HELP hits Hits, \\\"all\\\".\n# TYPE hits counter\nhits_total{path=\"a\\\"b\"} 1e+06\n\
             hits_total 3.0 1.5\n"
        );
    }
}
