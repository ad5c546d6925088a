//! The tree: scalars as written, sequences, mappings in order, each with its place.

use std::sync::Arc;

use super::resolve::{self, Resolved};
use crate::text::{SourceText, Span};

/// How a scalar is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Without quotes.
    Plain,
    /// `'…'`
    SingleQuoted,
    /// `"…"`
    DoubleQuoted,
    /// `|`
    Literal,
    /// `>`
    Folded,
}

/// A scalar: its text after escapes and folding, and how it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scalar {
    /// The text.
    pub value: String,
    /// How it was written.
    pub style: Style,
}

/// What a node holds.
#[derive(Clone, Debug)]
pub enum Value {
    /// A single value.
    Scalar(Scalar),
    /// `- a` or `[a]`
    Sequence(Vec<Node>),
    /// Keys and values in the file's order; keys may repeat, merge keys stand as written.
    Mapping(Vec<(Node, Node)>),
}

/// A node of the tree. Cheap to clone: an alias is a second handle on the anchored node, and so its place is the
/// anchored node's, as it is in Go's messages.
#[derive(Clone, Debug)]
pub struct Node(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    value: Value,
    span: Span,
    tag: Option<String>,
    weight: u64,
}

impl Node {
    pub(super) fn new(value: Value, span: Span, tag: Option<String>) -> Self {
        let weight = match &value {
            Value::Scalar(_) => 1,
            Value::Sequence(items) => items.iter().fold(1u64, |w, n| w.saturating_add(n.weight())),
            Value::Mapping(entries) => {
                entries.iter().fold(1u64, |w, (k, v)| w.saturating_add(k.weight()).saturating_add(v.weight()))
            }
        };
        Self(Arc::new(Inner { value, span, tag, weight }))
    }

    /// What it holds.
    pub fn value(&self) -> &Value {
        &self.0.value
    }

    /// Its place: quotes and block indicators included; a block collection reaches from its first child to its last.
    pub fn span(&self) -> Span {
        self.0.span
    }

    /// The explicit tag, short (`!!str`, `!local`).
    pub fn tag(&self) -> Option<&str> {
        self.0.tag.as_deref()
    }

    /// Nodes in this subtree with aliases expanded.
    pub(super) fn weight(&self) -> u64 {
        self.0.weight
    }

    /// The scalar, if it is one.
    pub fn scalar(&self) -> Option<&Scalar> {
        match self.value() {
            Value::Scalar(s) => Some(s),
            _ => None,
        }
    }

    /// The scalar's text, whatever its type; nothing for null and collections.
    pub fn as_str(&self) -> Option<&str> {
        self.scalar().filter(|_| !self.is_null()).map(|s| s.value.as_str())
    }

    /// The items, when it is a sequence; else none.
    pub fn items(&self) -> &[Self] {
        match self.value() {
            Value::Sequence(items) => items,
            _ => &[],
        }
    }

    /// The entries as written, when it is a mapping; else none. [`Decoder::mapping`](super::Decoder::mapping) and
    /// [`Node::get`] see merged ones too.
    pub fn entries(&self) -> &[(Self, Self)] {
        match self.value() {
            Value::Mapping(entries) => entries,
            _ => &[],
        }
    }

    /// The value of a key of a mapping; merged mappings are looked into last.
    pub fn get(&self, key: &str) -> Option<&Self> {
        let own = self.entries().iter().find(|(k, _)| k.scalar().is_some_and(|s| s.value == key) && !k.is_merge());
        if let Some((_, v)) = own {
            return Some(v);
        }
        self.entries().iter().filter(|(k, _)| k.is_merge()).find_map(|(_, v)| match v.value() {
            Value::Sequence(items) => items.iter().find_map(|i| i.get(key)),
            _ => v.get(key),
        })
    }

    /// Whether this key is `<<`, the merge key.
    pub fn is_merge(&self) -> bool {
        match self.tag() {
            Some(tag) => tag == "!!merge",
            None => self.scalar().is_some_and(|s| s.style == Style::Plain && s.value == "<<"),
        }
    }

    /// Whether it is null: `~`, `null`, or nothing at all.
    pub fn is_null(&self) -> bool {
        matches!(self.resolved(), Some(Resolved::Null))
    }

    /// The text of a `!!binary` scalar: nothing for other nodes, an error when it is not base64 of UTF-8.
    pub(super) fn binary(&self) -> Option<Result<String, &'static str>> {
        let s = self.scalar().filter(|_| self.tag() == Some("!!binary"))?;
        let bytes = base64(&s.value).ok_or("!!binary value contains invalid base64 data");
        Some(bytes.and_then(|b| String::from_utf8(b).map_err(|_| "!!binary value is not a valid text")))
    }

    /// A scalar's typed meaning; nothing for collections.
    pub fn resolved(&self) -> Option<Resolved> {
        self.scalar().map(|s| resolve::resolve(s, self.tag()))
    }

    /// What Go says of a scalar whose tag is not what its text is; nothing of all others.
    pub(super) fn undecodable(&self) -> Option<String> {
        let (s, tag) = (self.scalar()?, self.tag()?);
        let is = resolve::resolve(s, Some(tag)).tag();
        let fits = match tag {
            "!!int" | "!!bool" | "!!null" | "!!timestamp" => is == tag,
            "!!float" => matches!(is, "!!float" | "!!int"),
            _ => true,
        };
        (!fits).then(|| format!("cannot decode {is} `{}` as a {tag}", s.value))
    }

    /// Where the scalar begins for go-yaml v3: at its anchor or tag, when it has one.
    pub fn start_with_properties(&self, source: &SourceText) -> usize {
        let mut at = self.span().start as usize;
        while let Some(before) = source.text().get(..at) {
            let word = before.trim_end_matches([' ', '\t']);
            let start = word.rfind([' ', '\t', '\n', ',', '[', '{']).map_or(0, |i| i + 1);
            if word.len() == before.len() || !word[start..].starts_with(['!', '&']) {
                break;
            }
            at = start;
        }
        at
    }

    /// Go's name for its type: `!!map`, `!!seq`, or the scalar's tag.
    pub fn short_tag(&self) -> &str {
        if let Some(tag) = self.tag() {
            return tag;
        }
        match self.value() {
            Value::Sequence(_) => "!!seq",
            Value::Mapping(_) => "!!map",
            Value::Scalar(s) => resolve::resolve(s, None).tag(),
        }
    }
}

/// Standard base64 with padding; line ends do not count.
fn base64(text: &str) -> Option<Vec<u8>> {
    let (mut out, mut bits, mut count) = (Vec::new(), 0u32, 0u32);
    let text: String = text.chars().filter(|c| !matches!(c, '\n' | '\r')).collect();
    if !text.len().is_multiple_of(4) {
        return None;
    }
    let digits = text.strip_suffix("==").or_else(|| text.strip_suffix('=')).unwrap_or(&text);
    for b in digits.bytes() {
        let digit = match b {
            b'A'..=b'Z' => b - b'A',
            b'a'..=b'z' => b - b'a' + 26,
            b'0'..=b'9' => b - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = (bits << 6 | u32::from(digit)) & 0xFFFF;
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
        }
    }
    Some(out)
}
