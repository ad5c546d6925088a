//! Typed readers over nodes that collect every error of a file, in Go's words and in ours.

use std::cell::RefCell;

use super::mapping::Mapping;
use super::node::{Node, Value};
use super::resolve::{Resolved, boolean};
use crate::golang::duration::parse_prometheus_duration;
use crate::golang::{quote, url_parse};
use crate::text::{Diagnostic, Label, SourceText, Span};

/// Which go-yaml the real program is built with; they word repeated keys differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GoYaml {
    /// `gopkg.in/yaml.v2`: prometheus.yml, alertmanager.yml.
    V2,
    /// `gopkg.in/yaml.v3`: rule files, compose files.
    V3,
}

/// A value with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Its place in the file.
    pub span: Span,
}

impl<T> Spanned<T> {
    /// The same place with another value.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Spanned<U> {
        Spanned { value: f(self.value), span: self.span }
    }
}

/// A span of time in nanoseconds, as Go counts it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Duration {
    /// Nanoseconds.
    pub nanos: i64,
}

impl Duration {
    /// Whole seconds.
    pub const fn from_secs(seconds: i64) -> Self {
        Self { nanos: seconds * 1_000_000_000 }
    }

    /// As milliseconds, rounded towards zero.
    pub const fn millis(self) -> i64 {
        self.nanos / 1_000_000
    }
}

/// Most errors that are kept for one file.
const MAX_ERRORS: usize = 200;

/// Reads nodes into values and collects what is wrong.
#[derive(Debug)]
pub struct Decoder {
    source: SourceText,
    go: GoYaml,
    found: RefCell<Vec<Diagnostic>>,
}

impl Decoder {
    /// A decoder for the nodes of `source`.
    pub fn new(source: &SourceText, go: GoYaml) -> Self {
        Self { source: source.clone(), go, found: RefCell::default() }
    }

    /// The text that is being decoded.
    pub fn source(&self) -> &SourceText {
        &self.source
    }

    /// What was wrong, in the file's order.
    pub fn into_diagnostics(self) -> Vec<Diagnostic> {
        let mut found = self.found.into_inner();
        found.sort_by_key(|d| d.primary.as_ref().map(|l| l.span.start));
        found
    }

    /// Whether an error has been reported.
    pub fn failed(&self) -> bool {
        self.found.borrow().iter().any(|d| d.severity == crate::text::Severity::Error)
    }

    /// How many findings there are so far: to see whether a piece of work has added any.
    pub fn count(&self) -> usize {
        self.found.borrow().len()
    }

    /// Adds a finding.
    pub fn push(&self, diagnostic: Diagnostic) {
        let mut found = self.found.borrow_mut();
        if found.len() < MAX_ERRORS {
            found.push(diagnostic);
        }
    }

    /// Adds an error: our words, the real program's when known, and how to mend it.
    pub fn report(&self, span: Span, message: impl Into<String>, upstream: Option<String>, help: Option<String>) {
        let mut d = Diagnostic::error(message).at(&self.source, span);
        d.upstream = upstream;
        d.help = help;
        self.push(d);
    }

    /// Adds an error whose words are the real program's.
    pub fn error(&self, span: Span, message: impl Into<String>) {
        let message = message.into();
        self.report(span, message.clone(), Some(message), None);
    }

    /// Adds an error whose words are the real program's, with help.
    pub fn error_help(&self, span: Span, message: impl Into<String>, help: impl Into<String>) {
        let message = message.into();
        self.report(span, message.clone(), Some(message), Some(help.into()));
    }

    /// The name that a key of a mapping stands for; nothing when it is passed over or wrong. Null is the empty name in
    /// v2, and v3 passes it over.
    pub(super) fn key<'n>(&self, key: &'n Node) -> Option<std::borrow::Cow<'n, str>> {
        if key.is_null() {
            return (self.go == GoYaml::V2).then_some("".into());
        }
        if key.binary().is_some() || key.undecodable().is_some() {
            return self.string(key).map(|s| s.value.into());
        }
        let name = key.scalar().map(|s| s.value.as_str().into());
        if name.is_none() {
            self.cannot_unmarshal(key, "string");
        }
        name
    }

    /// The line of a place, from 1.
    pub fn line(&self, span: Span) -> usize {
        self.source.position(span.start as usize).line
    }

    /// Reports a scalar whose tag is not what its text is; Go stops reading there.
    fn refuse_tag(&self, node: &Node) -> bool {
        let Some(words) = node.undecodable() else { return false };
        let help = "remove the tag, or write a value that it fits";
        self.report(node.span(), words.clone(), Some(format!("yaml: {words}")), Some(help.to_owned()));
        true
    }

    /// The tag that Go shows: v2 knows none of collections, and v3 leaves `yes`, `off` and the like texts.
    fn shown_tag<'n>(&self, node: &'n Node) -> &'n str {
        match (self.go, node.value(), node.resolved()) {
            (GoYaml::V2, Value::Sequence(_), _) => "!!seq",
            (GoYaml::V2, Value::Mapping(_), _) => "!!map",
            (GoYaml::V3, Value::Scalar(s), Some(Resolved::Bool(_)))
                if node.tag().is_none() && !matches!(s.value.to_ascii_lowercase().as_str(), "true" | "false") =>
            {
                "!!str"
            }
            _ => node.short_tag(),
        }
    }

    /// `cannot unmarshal !!str `x` into T`.
    pub fn cannot_unmarshal(&self, node: &Node, go_type: &str) {
        if self.refuse_tag(node) {
            return;
        }
        let what = match node.scalar() {
            Some(s) => format!("{} `{}`", self.shown_tag(node), shortened(&s.value)),
            None => self.shown_tag(node).to_owned(),
        };
        let upstream = format!("line {}: cannot unmarshal {what} into {go_type}", self.line(node.span()));
        let template = self.source.text().get(node.span().range()).is_some_and(|t| t.starts_with("{{"));
        let (message, help) = if template && go_type == "string" {
            (
                "a template without quotes is read as a mapping".to_owned(),
                Some("put the whole text in quotes".to_owned()),
            )
        } else {
            explain_type(node, go_type)
        };
        self.report(node.span(), message, Some(upstream), help);
    }

    pub(super) fn repeated_field(&self, again: Span, first: Span, name: &str, go_type: &str) {
        let line = self.line(again);
        let upstream = match self.go {
            GoYaml::V2 if go_type.starts_with("map[") || matches!(go_type, "model.LabelSet" | "url.Values") => {
                format!("line {line}: key {} already set in map", quote(name))
            }
            GoYaml::V2 => format!("line {line}: field {name} already set in type {go_type}"),
            GoYaml::V3 => {
                format!("line {line}: mapping key {} already defined at line {}", quote(name), self.line(first))
            }
        };
        let help = "put everything under the first one, or remove one of the two";
        let mut d = Diagnostic::error(format!("`{name}` is written twice")).at(&self.source, again).help(help);
        d.related.push(Label { source: self.source.clone(), span: first, text: "first here".to_owned() });
        self.push(d.upstream(upstream));
    }

    /// A struct's mapping. A null gives an empty one.
    pub fn mapping(&self, node: &Node, go_type: &'static str) -> Option<Mapping<'_>> {
        if !matches!(node.value(), Value::Mapping(_)) && !node.is_null() {
            self.cannot_unmarshal(node, go_type);
            return None;
        }
        Some(Mapping::new(self, node, go_type))
    }

    /// A text: any scalar serves, as written.
    pub fn string(&self, node: &Node) -> Option<Spanned<String>> {
        if let Some(binary) = node.binary() {
            return match binary {
                Ok(value) => Some(Spanned { value, span: node.span() }),
                Err(message) => {
                    self.report(node.span(), message, Some(format!("yaml: {message}")), None);
                    None
                }
            };
        }
        match node.scalar() {
            Some(_) if self.refuse_tag(node) => None,
            Some(s) => {
                Some(Spanned { value: if node.is_null() { String::new() } else { s.value.clone() }, span: node.span() })
            }
            None => {
                self.cannot_unmarshal(node, "string");
                None
            }
        }
    }

    /// A boolean.
    pub fn bool(&self, node: &Node) -> Option<bool> {
        match node.resolved() {
            Some(Resolved::Bool(b)) => Some(b),
            // v3 leaves the YAML 1.1 words to the type that is wanted, and takes them in quotes too.
            Some(Resolved::Str) if self.go == GoYaml::V3 => {
                let text = node.scalar().map_or("", |s| s.value.as_str());
                let found = boolean(text).filter(|_| !matches!(text.to_ascii_lowercase().as_str(), "true" | "false"));
                if found.is_none() {
                    self.cannot_unmarshal(node, "bool");
                }
                found
            }
            _ => {
                self.cannot_unmarshal(node, "bool");
                None
            }
        }
    }

    /// A whole number; Go's type is named in the error.
    pub fn int(&self, node: &Node, go_type: &str) -> Option<Spanned<i64>> {
        if self.refuse_tag(node) {
            return None;
        }
        let value = match node.resolved() {
            Some(Resolved::Int(n)) => Some(n),
            Some(Resolved::Float(f)) if f.abs() <= 9.3e18 => Some(f as i64),
            _ => None,
        };
        if value.is_none() {
            self.cannot_unmarshal(node, go_type);
        }
        value.map(|value| Spanned { value, span: node.span() })
    }

    /// A whole number that is not negative; Go's type is named in the error.
    pub fn uint(&self, node: &Node, go_type: &str) -> Option<Spanned<u64>> {
        if self.refuse_tag(node) {
            return None;
        }
        let value = match node.resolved() {
            Some(Resolved::Int(n)) => u64::try_from(n).ok(),
            Some(Resolved::Uint(n)) => Some(n),
            Some(Resolved::Float(f)) if f <= 1.9e19 => Some(f as u64),
            _ => None,
        };
        if value.is_none() {
            self.cannot_unmarshal(node, go_type);
        }
        value.map(|value| Spanned { value, span: node.span() })
    }

    /// A number; Go's type is named in the error.
    pub fn float(&self, node: &Node, go_type: &str) -> Option<Spanned<f64>> {
        if self.refuse_tag(node) {
            return None;
        }
        let value = match node.resolved() {
            Some(Resolved::Int(n)) => Some(n as f64),
            Some(Resolved::Uint(n)) => Some(n as f64),
            Some(Resolved::Float(f)) => Some(f),
            _ => None,
        };
        if value.is_none() {
            self.cannot_unmarshal(node, go_type);
        }
        value.map(|value| Spanned { value, span: node.span() })
    }

    /// A Prometheus duration such as `15s` or `1h30m`.
    pub fn duration(&self, node: &Node) -> Option<Spanned<Duration>> {
        let text = self.string(node)?;
        match parse_prometheus_duration(&text.value) {
            Ok(nanos) => Some(Spanned { value: Duration { nanos }, span: text.span }),
            Err(message) => {
                self.report(text.span, message.clone(), Some(message), duration_help(&text.value));
                None
            }
        }
    }

    /// An address as Go's `url.Parse` accepts it: nothing is demanded of scheme and host here.
    pub fn url(&self, node: &Node) -> Option<Spanned<String>> {
        let text = self.string(node)?;
        if let Err(message) = url_parse::parse(&text.value) {
            self.error_help(text.span, message, "write an address such as http://host:port/path");
            return None;
        }
        Some(text)
    }

    /// A list; items that are wrong are left out.
    pub fn list<'d, T>(
        &'d self,
        node: &Node,
        go_type: &str,
        mut read: impl FnMut(&'d Self, &Node) -> Option<T>,
    ) -> Vec<T> {
        match node.value() {
            Value::Sequence(items) => items.iter().filter_map(|n| read(self, n)).collect(),
            _ if node.is_null() => Vec::new(),
            _ => {
                self.cannot_unmarshal(node, go_type);
                Vec::new()
            }
        }
    }

    /// A map from text to text, in the file's order.
    pub fn string_map(&self, node: &Node, go_type: &'static str) -> Vec<(Spanned<String>, Spanned<String>)> {
        let Some(m) = self.mapping(node, go_type) else { return Vec::new() };
        let pairs = m
            .entries()
            .filter_map(|(k, v)| {
                let v =
                    if v.is_null() { Some(Spanned { value: String::new(), span: v.span() }) } else { self.string(v) };
                v.map(|v| (k, v))
            })
            .collect();
        m.finish();
        pairs
    }
}

/// A value as Go shortens it in messages: ten bytes, or seven and dots.
fn shortened(value: &str) -> String {
    if value.len() <= 10 {
        return value.to_owned();
    }
    let end = (0..=7).rev().find(|i| value.is_char_boundary(*i)).unwrap_or(0);
    format!("{}...", &value[..end])
}

fn explain_type(node: &Node, go_type: &str) -> (String, Option<String>) {
    let observed = match node.value() {
        Value::Scalar(s) => format!("`{}`", s.value.chars().take(40).collect::<String>()),
        Value::Sequence(_) => "a list".to_owned(),
        Value::Mapping(_) => "a mapping".to_owned(),
    };
    let (wanted, help) = if go_type.starts_with("[]") {
        let help = match node.value() {
            Value::Mapping(_) => "put `- ` before each item",
            _ => "put the value in brackets, or on a line of its own after `- `",
        };
        ("a list", Some(help))
    } else if go_type.starts_with("map[") {
        let help = match node.value() {
            Value::Sequence(_) => "remove the `- ` before each line",
            _ => "write `name: value` on lines of their own, indented further",
        };
        ("a mapping of names to values", Some(help))
    } else {
        match go_type {
            "bool" => ("true or false", Some("write true or false without quotes")),
            "int" | "uint" | "int64" | "uint64" | "uint32" => ("a whole number", None),
            "float64" => ("a number", None),
            "string" => ("a text", Some("put the text in quotes")),
            _ => ("a mapping", Some("write `name: value` on lines of their own, indented further")),
        }
    };
    (format!("observed {observed}, wanted {wanted}"), help.map(str::to_owned))
}

fn duration_help(s: &str) -> Option<String> {
    let text = s.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = (&text[..digits], text[digits..].trim().to_lowercase());
    if digits == 0 {
        return Some("write a number with a unit, such as 15s or 5m".to_owned());
    }
    let unit = match unit.as_str() {
        "" => return Some(format!("add a unit: {number}s for seconds, {number}m for minutes")),
        "s" | "sec" | "secs" | "second" | "seconds" => "s",
        "m" | "min" | "mins" | "minute" | "minutes" => "m",
        "h" | "hr" | "hour" | "hours" => "h",
        "d" | "day" | "days" => "d",
        _ => {
            return Some("write whole numbers with units y, w, d, h, m, s, ms and no spaces, such as 1m30s".to_owned());
        }
    };
    Some(format!("write {number}{unit}"))
}
