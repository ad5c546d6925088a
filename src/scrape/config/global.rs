//! `global`: defaults for every job and rule group.

use super::{Global, Limits, NameScheme, Reader, peek};
use crate::promql::signature::Release;
use crate::yaml::{Decoder, Duration, Mapping, Node, Spanned};

const HINTS: &[(&str, &str)] = &[
    ("interval", "write `scrape_interval` for scrapes or `evaluation_interval` for rules"),
    ("eval_interval", "write `evaluation_interval`"),
    ("labels", "write `external_labels`"),
    ("rule_files", "move it to the left: it is not part of `global`"),
    ("scrape_configs", "move it to the left: it is not part of `global`"),
    ("alerting", "move it to the left: it is not part of `global`"),
];

/// The formats that a scrape may ask for.
const PROTOCOLS: [&str; 5] =
    ["OpenMetricsText0.0.1", "OpenMetricsText1.0.0", "PrometheusProto", "PrometheusText0.0.4", "PrometheusText1.0.0"];

impl Reader<'_> {
    pub(super) fn global(&self, d: &Decoder, node: &Node) -> Global {
        let mut global = Global { names: self.default_names(), ..Global::default() };
        let Some(m) = d.mapping(node, "config.plain") else { return global };
        m.hints(HINTS);
        if self.knows(&m, "metric_name_validation_scheme", (3, 0)) {
            global.names = self.name_scheme(&m).unwrap_or(global.names);
        }
        if self.knows(&m, "metric_name_escaping_scheme", (3, 4)) {
            m.string("metric_name_escaping_scheme");
        }
        let written = |name| m.duration(name).filter(|d| d.value.nanos != 0);
        if let Some(interval) = written("scrape_interval") {
            global.scrape_interval = interval;
        }
        let interval = global.scrape_interval.value;
        match written("scrape_timeout") {
            Some(timeout) if timeout.value > interval => {
                let help = "set scrape_timeout to at most scrape_interval, or leave it out";
                d.error_help(timeout.span, "global scrape timeout greater than scrape interval", help);
            }
            Some(timeout) => global.scrape_timeout = timeout,
            None => global.scrape_timeout.value = global.scrape_timeout.value.min(interval),
        }
        if let Some(interval) = written("evaluation_interval") {
            global.evaluation_interval = interval;
        }
        if self.knows(&m, "rule_query_offset", (2, 53)) {
            global.rule_query_offset = m.duration("rule_query_offset").map_or(Duration::default(), |d| d.value);
        }
        m.string("query_log_file");
        if let Some(labels) = m.some("external_labels") {
            global.external_labels = self.label_set(d, labels, "map[string]string", global.names == NameScheme::Utf8);
        }
        global.limits = self.limits(&m, (2, 45), Limits::default());
        if self.knows(&m, "keep_dropped_targets", (2, 47)) {
            m.uint("keep_dropped_targets", "uint");
        }
        if self.knows(&m, "scrape_failure_log_file", (2, 55)) {
            m.string("scrape_failure_log_file");
        }
        if self.knows(&m, "scrape_protocols", (2, 49)) {
            self.scrape_protocols(&m, "for global config");
        }
        for (name, since) in [
            ("convert_classic_histograms_to_nhcb", (3, 3)),
            ("always_scrape_classic_histograms", (3, 5)),
            ("scrape_native_histograms", (3, 8)),
            ("extra_scrape_metrics", (3, 9)),
        ] {
            if self.knows(&m, name, since) {
                m.bool(name);
            }
        }
        m.finish();
        global
    }

    /// Limits on what a scrape brings; `since` is when this section got them.
    pub(super) fn limits(&self, m: &Mapping<'_>, since: Release, inherited: Limits) -> Limits {
        let number = |name, above: u64| {
            let own = if self.knows(m, name, since) { m.uint(name, "uint").map_or(0, |n| n.value) } else { 0 };
            if own == 0 { above } else { own }
        };
        let body_size = if self.knows(m, "body_size_limit", since) { self.bytes(m, "body_size_limit") } else { None };
        Limits {
            body_size: body_size.filter(|n| *n != 0).unwrap_or(inherited.body_size),
            samples: number("sample_limit", inherited.samples),
            targets: number("target_limit", inherited.targets),
            labels: number("label_limit", inherited.labels),
            label_name_length: number("label_name_length_limit", inherited.label_name_length),
            label_value_length: number("label_value_length_limit", inherited.label_value_length),
        }
    }

    /// A number of bytes such as `15MB` or `512KiB`, both counted in 1024s; one below zero is no limit.
    pub(super) fn bytes(&self, m: &Mapping<'_>, name: &'static str) -> Option<u64> {
        let node = m.some(name)?;
        if node.scalar().is_none() {
            m.decoder().cannot_unmarshal(node, "units.Base2Bytes");
            return None;
        }
        let text = m.string(name)?;
        match base2_bytes(&text.value) {
            Ok(n) => Some(if n > 0.0 { n as u64 } else { 0 }),
            Err(words) => {
                m.decoder().error_help(text.span, words, "write a number with a unit, such as 10MB");
                None
            }
        }
    }

    pub(super) fn name_scheme(&self, m: &Mapping<'_>) -> Option<NameScheme> {
        let scheme = m.string("metric_name_validation_scheme")?;
        match scheme.value.as_str() {
            "legacy" => Some(NameScheme::Legacy),
            "utf8" => Some(NameScheme::Utf8),
            "" => None,
            other => {
                let message = format!("unknown name validation scheme: {}", crate::golang::quote(other));
                m.decoder().error_help(scheme.span, message, "write legacy or utf8");
                None
            }
        }
    }

    /// `scrape_protocols`: known, each once, not empty.
    pub(super) fn scrape_protocols(&self, m: &Mapping<'_>, whose: &str) {
        let Some(node) = m.some("scrape_protocols") else { return };
        let d = m.decoder();
        let protocols: Vec<Spanned<String>> = d.list(node, "[]config.ScrapeProtocol", Decoder::string);
        if node.items().is_empty() && node.scalar().is_none() {
            d.error(m.key_span("scrape_protocols"), format!("scrape_protocols cannot be empty {whose}"));
        }
        for (i, p) in protocols.iter().enumerate() {
            if protocols[..i].iter().any(|q| q.value.eq_ignore_ascii_case(&p.value)) {
                let all: Vec<&str> = protocols.iter().map(|p| p.value.as_str()).collect();
                d.error(p.span, format!("duplicated protocol in scrape_protocols, got [{}] {whose}", all.join(" ")));
            } else if let Some(words) = unknown_protocol(&p.value) {
                d.error(p.span, format!("scrape_protocols: {words} {whose}"));
            }
        }
    }

    /// Checks a job's way of writing names that are not plain, given what the global section says.
    pub(super) fn escaping(&self, m: &Mapping<'_>, global: (&str, NameScheme), names: NameScheme) {
        let allowed = ["allow-utf-8", "underscores", "dots", "values"];
        let own = peek(m, "metric_name_escaping_scheme").to_owned();
        let span = m.key_span(if own.is_empty() { "job_name" } else { "metric_name_escaping_scheme" });
        let inherits = own.is_empty() && peek(m, "metric_name_validation_scheme").is_empty();
        let scheme = if inherits { global.0 } else { &own };
        if !scheme.is_empty() && !allowed.contains(&scheme) {
            let list = "must be one of 'allow-utf-8', 'underscores', 'dots', or 'values'";
            let message = format!(
                "unknown scrape config name escaping method specified, {list}, got {}",
                crate::golang::quote(scheme)
            );
            m.decoder().error(span, message);
        }
        if scheme == "allow-utf-8" && names != NameScheme::Utf8 {
            let message = "utf8 metric names requested but validation scheme is not set to UTF8";
            m.decoder().error(span, message);
        }
    }
}

/// Why a scrape protocol is refused.
pub(super) fn unknown_protocol(name: &str) -> Option<String> {
    (!PROTOCOLS.contains(&name))
        .then(|| format!("unknown scrape protocol {name}, supported: [{}]", PROTOCOLS.join(" ")))
}

/// `units.ParseBase2Bytes`
fn base2_bytes(text: &str) -> Result<f64, String> {
    const UNITS: &str = "KMGTPE";
    if text == "0" {
        return Ok(0.0);
    }
    let invalid = || format!("units: invalid {text}");
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut total = 0.0;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(|b| b.is_ascii_digit() || *b == b'.').count();
        let number: f64 = rest[..digits].parse().map_err(|_| invalid())?;
        rest = &rest[digits..];
        let end = rest.bytes().take_while(|b| !b.is_ascii_digit() && *b != b'.').count();
        let unit = &rest[..end];
        let power = match unit.strip_suffix("iB").or_else(|| unit.strip_suffix('B')) {
            Some("") if unit == "B" => 0,
            Some(prefix) if prefix.len() == 1 => UNITS
                .find(prefix)
                .map(|i| i as i32 + 1)
                .ok_or_else(|| format!("units: unknown unit {unit} in {text}"))?,
            _ => return Err(format!("units: unknown unit {unit} in {text}")),
        };
        total += number * 1024f64.powi(power);
        rest = &rest[end..];
    }
    Ok(sign * total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_need_a_unit_and_may_be_sums() {
        assert_eq!(base2_bytes("15MB"), Ok(15.0 * 1024.0 * 1024.0));
        assert_eq!(base2_bytes("1GiB512MB"), Ok(1.5 * 1024f64.powi(3)));
        assert_eq!(base2_bytes("0"), Ok(0.0));
        assert_eq!(base2_bytes("-5KB"), Ok(-5120.0));
        assert_eq!(base2_bytes("100"), Err("units: unknown unit  in 100".to_owned()));
        assert_eq!(base2_bytes("5M"), Err("units: unknown unit M in 5M".to_owned()));
        assert!(base2_bytes("").is_err());
    }
}
