//! Fields by table: name, kind, and the release that brought them.

use std::collections::BTreeMap;

use super::http::{read_http, read_tls};
use super::integration::HttpSettings;
use super::tree::Tree;
use super::url::{check_http_url, parse_url};
use crate::alertmanager::version::Version;
use crate::text::Span;
use crate::yaml::{Decoder, Node, Resolved, Value};

/// A field of a struct.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    pub name: &'static str,
    pub kind: FieldKind,
    /// The minor release that brought it; 0 for older than 0.25.
    pub since: u8,
}

/// What a field holds.
#[derive(Clone, Copy, Debug)]
pub(super) enum FieldKind {
    Text,
    /// A text that is never shown.
    Secret,
    Bool,
    Int,
    Uint,
    /// A Prometheus duration.
    Duration,
    /// A Go duration, such as `1m0s` or `1.5s`.
    GoDuration,
    /// Anything Go can parse as an address.
    AnyUrl,
    /// `http` or `https` with a host.
    Url,
    /// The same, secret; `<secret>` is let through.
    SecretUrl,
    /// A secret address that may hold a template since 0.31.
    TemplateUrl,
    /// `host:port`.
    HostPort,
    Map,
    /// Texts to lists of texts.
    ListMap,
    List,
    Http,
    Tls,
    TlsVersion,
    /// Not looked into.
    Any,
    /// Any shape, kept.
    Tree,
    Nested(&'static [Field]),
    /// A list of pointers to structs: empty items stay out.
    Many(&'static [Field]),
    /// A list of structs: an empty item is one with nothing set.
    Structs(&'static [Field]),
}

/// What was read.
#[derive(Clone, Debug, Default)]
pub(super) struct Fields {
    values: BTreeMap<&'static str, (FieldValue, Span)>,
    whole: Span,
}

#[derive(Clone, Debug)]
pub(super) enum FieldValue {
    Text(String),
    Secret(String),
    Bool(bool),
    Int(i64),
    Nanos(i64),
    Map(Vec<(String, String)>),
    List(Vec<String>),
    Http(HttpSettings),
    Nested(Fields),
    Many(Vec<Fields>),
    Tree(Tree),
    Present,
}

impl Fields {
    /// Reads a struct's mapping by its table. Nothing when it is not a mapping; errors are reported.
    pub fn read(d: &Decoder, node: &Node, table: &'static [Field], version: Version) -> Option<Self> {
        let m = d.mapping(node, "config.plain")?;
        let mut found = Self { values: BTreeMap::new(), whole: m.start_span() };
        for field in table {
            if field.since > version.minor() {
                if m.has(field.name) {
                    newer(d, m.key_span(field.name), field);
                    let _ = m.get(field.name);
                }
                continue;
            }
            let Some(node) = m.some(field.name) else { continue };
            if let Some(value) = read_value(d, node, field.kind, version) {
                found.values.insert(field.name, (value, m.key_span(field.name)));
            }
        }
        m.finish();
        Some(found)
    }

    /// Whether a field has a value that is not Go's zero value.
    pub fn set(&self, name: &str) -> bool {
        self.values.get(name).is_some_and(|(v, _)| match v {
            FieldValue::Text(t) | FieldValue::Secret(t) => !t.is_empty(),
            FieldValue::Bool(b) => *b,
            FieldValue::Int(n) | FieldValue::Nanos(n) => *n != 0,
            FieldValue::Map(m) => !m.is_empty(),
            FieldValue::List(l) => !l.is_empty(),
            FieldValue::Many(l) => !l.is_empty(),
            FieldValue::Http(_) | FieldValue::Nested(_) | FieldValue::Tree(_) | FieldValue::Present => true,
        })
    }

    /// Whether a field is written with a value of the right kind, zero or not.
    pub fn has(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    /// A text, empty when not set.
    pub fn text(&self, name: &str) -> &str {
        match self.values.get(name) {
            Some((FieldValue::Text(t) | FieldValue::Secret(t), _)) => t,
            _ => "",
        }
    }

    /// A boolean, when written.
    pub fn bool(&self, name: &str) -> Option<bool> {
        match self.values.get(name) {
            Some((FieldValue::Bool(b), _)) => Some(*b),
            _ => None,
        }
    }

    /// A whole number, or a duration in nanoseconds; 0 when not set.
    pub fn int(&self, name: &str) -> i64 {
        match self.values.get(name) {
            Some((FieldValue::Int(n) | FieldValue::Nanos(n), _)) => *n,
            _ => 0,
        }
    }

    /// A map of texts, in the file's order.
    pub fn map(&self, name: &str) -> &[(String, String)] {
        match self.values.get(name) {
            Some((FieldValue::Map(m), _)) => m,
            _ => &[],
        }
    }

    /// A list of texts.
    pub fn list(&self, name: &str) -> &[String] {
        match self.values.get(name) {
            Some((FieldValue::List(list), _)) => list,
            _ => &[],
        }
    }

    /// A nested struct.
    pub fn nested(&self, name: &str) -> Option<&Self> {
        match self.values.get(name) {
            Some((FieldValue::Nested(f), _)) => Some(f),
            _ => None,
        }
    }

    /// A list of structs.
    pub fn many(&self, name: &str) -> &[Self] {
        match self.values.get(name) {
            Some((FieldValue::Many(list), _)) => list,
            _ => &[],
        }
    }

    /// A value of any shape.
    pub fn tree(&self, name: &str) -> Option<&Tree> {
        match self.values.get(name) {
            Some((FieldValue::Tree(tree), _)) => Some(tree),
            _ => None,
        }
    }

    /// An `http_config`.
    pub fn http(&self, name: &str) -> Option<&HttpSettings> {
        match self.values.get(name) {
            Some((FieldValue::Http(h), _)) => Some(h),
            _ => None,
        }
    }

    /// The place of a field's name; of the struct's beginning when it is not written.
    pub fn place(&self, name: &str) -> Span {
        self.values.get(name).map_or(self.whole, |(_, span)| *span)
    }

    /// The place of the struct's beginning.
    pub fn whole(&self) -> Span {
        self.whole
    }

    /// The texts that may be shown, by name.
    pub fn shown_texts(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.values.iter().filter_map(|(name, (value, _))| match value {
            FieldValue::Text(t) => Some((*name, t.as_str())),
            _ => None,
        })
    }
}

/// Reports a field that this version does not know yet.
pub(super) fn newer(d: &Decoder, span: Span, field: &Field) {
    let line = d.line(span);
    let upstream = format!("line {line}: field {} not found in type config.plain", field.name);
    let help = format!("remove it, or run Alertmanager 0.{} or later", field.since);
    d.report(span, format!("unknown field `{}` in this version", field.name), Some(upstream), Some(help));
}

fn read_value(d: &Decoder, node: &Node, kind: FieldKind, version: Version) -> Option<FieldValue> {
    let text = || d.string(node).map(|t| t.value);
    let checked = |text: String, check: Result<(), String>| match check {
        Ok(()) => Some(text),
        Err(why) => {
            d.error_help(node.span(), why, url_help(&text));
            None
        }
    };
    Some(match kind {
        FieldKind::Text => FieldValue::Text(text()?),
        FieldKind::Secret => FieldValue::Secret(text()?),
        FieldKind::Bool => FieldValue::Bool(d.bool(node)?),
        FieldKind::Int | FieldKind::Uint => {
            let unsigned = matches!(kind, FieldKind::Uint);
            let number = match node.resolved() {
                Some(Resolved::Int(n)) if n >= 0 || !unsigned => Some(n),
                Some(Resolved::Uint(n)) if unsigned => Some(i64::try_from(n).unwrap_or(i64::MAX)),
                // Go cuts fractions off here, and looks for overflow upwards only.
                Some(Resolved::Float(f)) if f <= if unsigned { u64::MAX as f64 } else { i64::MAX as f64 } => {
                    Some(f as i64)
                }
                _ => None,
            };
            let Some(number) = number else {
                d.cannot_unmarshal(node, if unsigned { "uint64" } else { "int64" });
                return None;
            };
            FieldValue::Int(number)
        }
        FieldKind::Duration => FieldValue::Nanos(d.duration(node)?.value.nanos),
        FieldKind::GoDuration => {
            let text = text()?;
            match crate::golang::duration::parse_go_duration(&text) {
                Ok(nanos) => FieldValue::Nanos(nanos),
                Err(why) => {
                    d.error_help(node.span(), why, "write a number with a unit, such as 30s or 1m");
                    return None;
                }
            }
        }
        FieldKind::AnyUrl => {
            let text = text()?;
            let check = parse_url(&text).map(|_| ());
            FieldValue::Text(checked(text, check)?)
        }
        FieldKind::Url => {
            let text = text()?;
            let check = check_http_url(&text);
            FieldValue::Text(checked(text, check)?)
        }
        FieldKind::TemplateUrl if version >= Version::V0_31 => {
            let text = text()?;
            let free = text.is_empty() || text == "<secret>" || text.contains("{{");
            let check = if free { Ok(()) } else { check_http_url(&text).map_err(|e| format!("invalid URL: {e}")) };
            FieldValue::Secret(checked(text, check)?)
        }
        FieldKind::SecretUrl | FieldKind::TemplateUrl => {
            let text = text()?;
            // The webhook's address was no secret in 0.25, so its stand-in is not let through there.
            let stands_in = matches!(kind, FieldKind::SecretUrl) || version >= Version::V0_26;
            let check = if text == "<secret>" && stands_in { Ok(()) } else { check_http_url(&text) };
            FieldValue::Secret(checked(text, check)?)
        }
        FieldKind::HostPort => {
            let text = text()?;
            let check = check_host_port(&text);
            FieldValue::Text(checked(text, check)?)
        }
        FieldKind::Map => {
            let pairs = d.string_map(node, "map[string]string");
            FieldValue::Map(pairs.into_iter().map(|(k, v)| (k.value, v.value)).collect())
        }
        FieldKind::ListMap => {
            let m = d.mapping(node, "map[string][]string")?;
            let keys = m.entries().map(|(key, node)| {
                if !node.is_null() {
                    d.list(node, "[]config.Secret", Decoder::string);
                }
                key.value
            });
            FieldValue::List(keys.collect())
        }
        FieldKind::List => {
            FieldValue::List(d.list(node, "[]string", Decoder::string).into_iter().map(|s| s.value).collect())
        }
        FieldKind::Http => FieldValue::Http(read_http(d, node, version)?),
        FieldKind::Tls => {
            read_tls(d, node, version)?;
            FieldValue::Present
        }
        FieldKind::TlsVersion => {
            let text = text()?;
            if !matches!(text.as_str(), "TLS10" | "TLS11" | "TLS12" | "TLS13") {
                let help = "write one of TLS10, TLS11, TLS12, TLS13";
                d.error_help(node.span(), format!("unknown TLS version: {text}"), help);
                return None;
            }
            FieldValue::Text(text)
        }
        FieldKind::Any => FieldValue::Present,
        FieldKind::Tree => FieldValue::Tree(Tree::of(node)),
        FieldKind::Nested(table) => FieldValue::Nested(Fields::read(d, node, table, version)?),
        FieldKind::Many(table) | FieldKind::Structs(table) => {
            if !matches!(node.value(), Value::Sequence(_)) {
                d.cannot_unmarshal(node, "[]config.plain");
                return None;
            }
            let empty = |n: &Node| {
                matches!(kind, FieldKind::Structs(_)).then(|| Fields { values: BTreeMap::new(), whole: n.span() })
            };
            let read = |d: &Decoder, n: &Node| if n.is_null() { empty(n) } else { Fields::read(d, n, table, version) };
            FieldValue::Many(d.list(node, "[]config.plain", read))
        }
    })
}

fn url_help(text: &str) -> String {
    if text.contains("${") || text.starts_with('$') {
        return "write the address itself, or use a file field such as webhook_url_file: Alertmanager does not expand \
                variables"
            .to_owned();
    }
    if text.is_empty() || text.starts_with('<') || text.to_ascii_lowercase().contains("todo") {
        return "paste the whole address here, beginning with https://".to_owned();
    }
    "write a whole address, beginning with http:// or https:// and a host".to_owned()
}

fn check_host_port(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Ok(());
    }
    let address = |why: &str| Err(format!("address {text}: {why}"));
    let after_host = if text.starts_with('[') {
        let Some(end) = text.find(']') else { return address("missing ']' in address") };
        &text[end + 1..]
    } else {
        match text.find(':') {
            Some(colon) if text[colon + 1..].contains(':') => return address("too many colons in address"),
            Some(colon) => &text[colon..],
            None => "",
        }
    };
    match after_host.strip_prefix(':') {
        Some("") => Err(format!("address {}: port cannot be empty", crate::golang::quote(text))),
        Some(_) => Ok(()),
        None => address("missing port in address"),
    }
}
