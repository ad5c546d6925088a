//! The tree that compose files are merged in: every value knows the file and place it was written at.

use crate::text::{Diagnostic, Severity, SourceText, Span};
use crate::yaml::{self, Resolved, Value};

/// Where something is written.
#[derive(Clone, Debug)]
pub struct Place {
    /// The file.
    pub source: SourceText,
    /// The bytes of it.
    pub span: Span,
}

impl Place {
    /// The beginning of a file.
    pub fn start(source: &SourceText) -> Self {
        Self { source: source.clone(), span: Span::default() }
    }

    /// An error at this place.
    pub fn error(&self, message: impl Into<String>) -> Diagnostic {
        Diagnostic::error(message).at(&self.source, self.span)
    }

    /// A warning at this place.
    pub fn warning(&self, message: impl Into<String>) -> Diagnostic {
        Diagnostic::warning(message).at(&self.source, self.span)
    }

    /// A remark at this place.
    pub fn info(&self, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(Severity::Info, message).at(&self.source, self.span)
    }
}

/// A value of a compose file.
#[derive(Clone, Debug)]
pub struct Tree {
    /// Where it is written.
    pub place: Place,
    /// `!reset` or `!override`.
    pub tag: Option<Tag>,
    /// What it is.
    pub kind: Kind,
}

/// Tags that steer merging.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tag {
    /// Take the value away.
    Reset,
    /// Take this value instead of merging.
    Override,
}

/// What a value is.
#[derive(Clone, Debug)]
pub enum Kind {
    /// A scalar: its text, and its type.
    Scalar(String, Scalar),
    /// A list.
    Seq(Vec<Tree>),
    /// A mapping; keys are unique.
    Map(Vec<(Key, Tree)>),
}

/// A scalar's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Scalar {
    Null,
    Bool,
    Number,
    Text,
}

/// A key and where it is written.
#[derive(Clone, Debug)]
pub struct Key {
    /// The key.
    pub name: String,
    /// Its place.
    pub place: Place,
}

impl Tree {
    /// Reads a file; an empty one gives nothing.
    ///
    /// # Errors
    /// It is not YAML, a key stands twice, or it is no mapping.
    pub fn parse(source: &SourceText) -> Result<Option<Self>, Box<Diagnostic>> {
        let Some(node) = yaml::parse_as(source, yaml::GoYaml::V3)? else { return Ok(None) };
        if node.is_null() {
            return Ok(None);
        }
        Self::from_node(source, &node).map(Some)
    }

    fn from_node(source: &SourceText, node: &yaml::Node) -> Result<Self, Box<Diagnostic>> {
        let place = Place { source: source.clone(), span: node.span() };
        let tag = match node.tag() {
            Some("!reset") => Some(Tag::Reset),
            Some("!override") => Some(Tag::Override),
            _ => None,
        };
        let kind = match node.value() {
            Value::Scalar(scalar) => match node.resolved() {
                Some(Resolved::Null) => Kind::Scalar(String::new(), Scalar::Null),
                // Without a type that is asked for, `yes` and `on` stay texts.
                Some(Resolved::Bool(b)) if matches!(scalar.value.to_ascii_lowercase().as_str(), "true" | "false") => {
                    Kind::Scalar(b.to_string(), Scalar::Bool)
                }
                Some(Resolved::Int(n)) => Kind::Scalar(n.to_string(), Scalar::Number),
                Some(Resolved::Uint(_) | Resolved::Float(_)) => Kind::Scalar(scalar.value.clone(), Scalar::Number),
                _ => Kind::Scalar(scalar.value.clone(), Scalar::Text),
            },
            Value::Sequence(items) => {
                Kind::Seq(items.iter().map(|n| Self::from_node(source, n)).collect::<Result<_, _>>()?)
            }
            Value::Mapping(_) => {
                let mut entries = Vec::new();
                collect(source, node, &mut entries, 0)?;
                Kind::Map(entries)
            }
        };
        Ok(Self { place, tag, kind })
    }

    /// A text made up where another value stood.
    pub fn text_at(place: &Place, text: impl Into<String>) -> Self {
        Self { place: place.clone(), tag: None, kind: Kind::Scalar(text.into(), Scalar::Text) }
    }

    /// A null made up where another value stood.
    pub fn null_at(place: &Place) -> Self {
        Self { place: place.clone(), tag: None, kind: Kind::Scalar(String::new(), Scalar::Null) }
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entries().iter().find(|(k, _)| k.name == key).map(|(_, v)| v)
    }

    /// The value of a key, unless it is null.
    pub fn some(&self, key: &str) -> Option<&Self> {
        self.get(key).filter(|v| !v.is_null())
    }

    /// The value of a key, to change.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Self> {
        match &mut self.kind {
            Kind::Map(entries) => entries.iter_mut().find(|(k, _)| k.name == key).map(|(_, v)| v),
            _ => None,
        }
    }

    /// Takes a key out.
    pub fn remove(&mut self, key: &str) -> Option<Self> {
        let Kind::Map(entries) = &mut self.kind else { return None };
        let at = entries.iter().position(|(k, _)| k.name == key)?;
        Some(entries.remove(at).1)
    }

    /// The entries of a mapping; none of anything else.
    pub fn entries(&self) -> &[(Key, Self)] {
        match &self.kind {
            Kind::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The items of a list; none of anything else.
    pub fn items(&self) -> &[Self] {
        match &self.kind {
            Kind::Seq(items) => items,
            _ => &[],
        }
    }

    /// A scalar's text; none of null and collections.
    pub fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar(_, Scalar::Null) => None,
            Kind::Scalar(text, _) => Some(text),
            _ => None,
        }
    }

    /// Whether it is null.
    pub fn is_null(&self) -> bool {
        matches!(self.kind, Kind::Scalar(_, Scalar::Null))
    }

    /// Whether it says true.
    pub fn is_true(&self) -> bool {
        self.text().is_some_and(|t| matches!(t.to_ascii_lowercase().as_str(), "true" | "yes" | "on" | "1" | "y"))
    }

    /// A text, or a list of texts.
    pub fn texts(&self) -> Vec<(String, Place)> {
        match &self.kind {
            Kind::Seq(items) => items.iter().filter_map(|i| Some((i.text()?.to_owned(), i.place.clone()))).collect(),
            _ => self.text().map(|t| (t.to_owned(), self.place.clone())).into_iter().collect(),
        }
    }

    /// In words: `a list`, `a mapping`, …
    pub fn describe(&self) -> &'static str {
        match &self.kind {
            Kind::Seq(_) => "a list",
            Kind::Map(_) => "a mapping",
            Kind::Scalar(_, Scalar::Null) => "nothing",
            Kind::Scalar(_, Scalar::Bool) => "true or false",
            Kind::Scalar(_, Scalar::Number) => "a number",
            Kind::Scalar(_, Scalar::Text) => "a text",
        }
    }
}

/// Merge keys nest no deeper than this.
const MERGE_DEPTH: usize = 20;

/// The entries of a mapping, those of `<<` after its own.
fn collect(
    source: &SourceText,
    node: &yaml::Node,
    entries: &mut Vec<(Key, Tree)>,
    depth: usize,
) -> Result<(), Box<Diagnostic>> {
    let own = entries.len();
    for (key, value) in node.entries().iter().filter(|(k, _)| !k.is_merge()) {
        let place = Place { source: source.clone(), span: key.span() };
        let Some(name) = key.scalar().map(|s| s.value.clone()) else {
            return Err(Box::new(place.error("observed a list or mapping as a key, wanted a text")));
        };
        if let Some((first, _)) = entries[own.min(entries.len())..].iter().find(|(k, _)| k.name == name) {
            if depth > 0 {
                continue;
            }
            let line = source.position(first.place.span.start as usize).line;
            let upstream = format!("mapping key {name:?} already defined at line {line}");
            let d = place.error(format!("`{name}` is written twice, first on line {line}"));
            return Err(Box::new(d.help("put everything under the first one").upstream(upstream)));
        }
        if entries[..own].iter().any(|(k, _)| k.name == name) {
            continue;
        }
        let value = Tree::from_node(source, value)?;
        entries.push((Key { name, place }, value));
    }
    for (key, value) in node.entries().iter().filter(|(k, _)| k.is_merge()) {
        let sources = if value.items().is_empty() { std::slice::from_ref(value) } else { value.items() };
        for merged in sources {
            if depth >= MERGE_DEPTH || !matches!(merged.value(), Value::Mapping(_)) {
                let place = Place { source: source.clone(), span: key.span() };
                return Err(Box::new(place.error("`<<` merges mappings only")));
            }
            collect(source, merged, entries, depth + 1)?;
        }
    }
    Ok(())
}
