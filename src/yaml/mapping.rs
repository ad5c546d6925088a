//! A mapping being decoded into a struct: typed readers by field name, and what is left over.

use std::cell::{Cell, RefCell};

use rustc_hash::{FxHashMap, FxHashSet};

use super::decoder::{Decoder, Duration, Spanned};
use super::node::{Node, Value};
use super::similar::nearest;
use crate::text::Span;

/// A mapping whose fields are asked for by name. A reader gives nothing when the field is absent, null, or wrong; what
/// is wrong has been reported by then.
#[derive(Debug)]
pub struct Mapping<'d> {
    decoder: &'d Decoder,
    node: Node,
    go_type: &'static str,
    entries: Vec<Entry>,
    asked: RefCell<Vec<&'static str>>,
    hints: Cell<&'static [(&'static str, &'static str)]>,
    too_new: RefCell<Vec<(&'static str, String)>>,
}

#[derive(Debug)]
struct Entry {
    key: String,
    key_span: Span,
    /// Places where the same key stands again in the same mapping.
    repeats: Vec<Span>,
    value: Node,
    used: Cell<bool>,
    /// Whether the release in use does not know the field: it counts as not written, and is reported.
    unknown: Cell<bool>,
}

impl<'d> Mapping<'d> {
    pub(super) fn new(decoder: &'d Decoder, node: &Node, go_type: &'static str) -> Self {
        let mut m = Self {
            decoder,
            node: node.clone(),
            go_type,
            entries: Vec::new(),
            asked: RefCell::default(),
            hints: Cell::new(&[]),
            too_new: RefCell::default(),
        };
        m.collect(node, 0, true);
        m
    }

    /// Takes the entries of `node`, its own before merged ones.
    fn collect(&mut self, node: &Node, depth: usize, own: bool) {
        let entries = node.entries();
        let mut seen: FxHashMap<std::borrow::Cow<'_, str>, usize> = FxHashMap::default();
        let before: FxHashSet<String> =
            if own { FxHashSet::default() } else { self.entries.iter().map(|e| e.key.clone()).collect() };
        for (key, value) in entries.iter().filter(|(k, _)| !k.is_merge()) {
            let Some(name) = self.decoder.key(key) else {
                continue;
            };
            if let Some(first) = seen.get(&name) {
                if own && let Some(entry) = self.entries.get_mut(*first) {
                    entry.repeats.push(key.span());
                }
                continue;
            }
            seen.insert(name.clone(), self.entries.len());
            if !before.contains(&*name) {
                let entry = Entry {
                    key: name.into_owned(),
                    key_span: key.span(),
                    repeats: Vec::new(),
                    value: value.clone(),
                    used: Cell::new(false),
                    unknown: Cell::new(false),
                };
                self.entries.push(entry);
            }
        }
        for (key, value) in entries.iter().filter(|(k, _)| k.is_merge()) {
            let sources =
                if let Value::Sequence(items) = value.value() { items.as_slice() } else { std::slice::from_ref(value) };
            for source in sources {
                if !matches!(source.value(), Value::Mapping(_)) || depth > 20 {
                    let message = "map merge requires map or sequence of maps as the value";
                    self.decoder.report(key.span(), message, Some(format!("yaml: {message}")), None);
                    continue;
                }
                self.collect(source, depth + 1, false);
            }
        }
    }

    /// The mapping itself.
    pub fn node(&self) -> &Node {
        &self.node
    }

    /// The decoder it belongs to.
    pub fn decoder(&self) -> &'d Decoder {
        self.decoder
    }

    /// Help for fields that belong elsewhere: pairs of a field's name and a sentence that begins with a verb.
    pub fn hints(&self, hints: &'static [(&'static str, &'static str)]) -> &Self {
        self.hints.set(hints);
        self
    }

    /// Says of a field that the release in use does not know it yet: from now on it cannot be read; `help` is shown when
    /// the file has it.
    pub fn too_new(&self, name: &'static str, help: String) {
        if let Some(entry) = self.entries.iter().find(|e| e.key == name) {
            entry.unknown.set(true);
            entry.used.set(false);
            self.too_new.borrow_mut().push((name, help));
        }
    }

    fn entry(&self, name: &'static str) -> Option<&Entry> {
        self.asked.borrow_mut().push(name);
        let entry = self.entries.iter().find(|e| e.key == name && !e.unknown.get())?;
        entry.used.set(true);
        Some(entry)
    }

    /// The value of a field, null included.
    pub fn get(&self, name: &'static str) -> Option<&Node> {
        self.entry(name).map(|e| &e.value)
    }

    /// The value of a field that is not null.
    pub fn some(&self, name: &'static str) -> Option<&Node> {
        self.get(name).filter(|n| !n.is_null())
    }

    /// Whether the field is written, even as null.
    pub fn has(&self, name: &'static str) -> bool {
        self.entries.iter().any(|e| e.key == name)
    }

    /// The place of a field's name, or of the whole mapping's beginning when it is absent.
    pub fn key_span(&self, name: &str) -> Span {
        self.entries.iter().find(|e| e.key == name).map_or_else(|| self.start_span(), |e| e.key_span)
    }

    /// The place of the first field's name.
    pub fn start_span(&self) -> Span {
        self.node.entries().first().map_or(self.node.span(), |(k, _)| k.span())
    }

    /// Every field that is written, with the place of its name: for maps with free keys. Marks all as known.
    pub fn entries(&self) -> impl Iterator<Item = (Spanned<String>, &Node)> {
        self.entries.iter().map(|e| {
            e.used.set(true);
            (Spanned { value: e.key.clone(), span: e.key_span }, &e.value)
        })
    }

    /// A field read by a function of one's own; null counts as absent.
    pub fn with<T>(&self, name: &'static str, read: impl FnOnce(&'d Decoder, &Node) -> Option<T>) -> Option<T> {
        read(self.decoder, self.some(name)?)
    }

    /// A text.
    pub fn string(&self, name: &'static str) -> Option<Spanned<String>> {
        self.with(name, Decoder::string)
    }

    /// A boolean.
    pub fn bool(&self, name: &'static str) -> Option<bool> {
        self.with(name, Decoder::bool)
    }

    /// A whole number.
    pub fn int(&self, name: &'static str) -> Option<Spanned<i64>> {
        self.with(name, |d, n| d.int(n, "int"))
    }

    /// A whole number that is not negative; Go's type is named in the error.
    pub fn uint(&self, name: &'static str, go_type: &str) -> Option<Spanned<u64>> {
        self.with(name, |d, n| d.uint(n, go_type))
    }

    /// A number.
    pub fn float(&self, name: &'static str) -> Option<Spanned<f64>> {
        self.with(name, |d, n| d.float(n, "float64"))
    }

    /// A Prometheus duration such as `15s`.
    pub fn duration(&self, name: &'static str) -> Option<Spanned<Duration>> {
        self.with(name, Decoder::duration)
    }

    /// An address as Go's `url.Parse` accepts it.
    pub fn url(&self, name: &'static str) -> Option<Spanned<String>> {
        self.with(name, Decoder::url)
    }

    /// A secret: a text that is never shown.
    pub fn secret(&self, name: &'static str) -> Option<Spanned<String>> {
        self.string(name)
    }

    /// A list of texts.
    pub fn strings(&self, name: &'static str) -> Vec<Spanned<String>> {
        self.list(name, "[]string", |d, n| {
            if n.is_null() { Some(Spanned { value: String::new(), span: n.span() }) } else { d.string(n) }
        })
    }

    /// A list; items that are wrong are left out, null items are handed to `read`.
    pub fn list<T>(
        &self,
        name: &'static str,
        go_type: &'static str,
        read: impl FnMut(&'d Decoder, &Node) -> Option<T>,
    ) -> Vec<T> {
        self.some(name).map_or_else(Vec::new, |n| self.decoder.list(n, go_type, read))
    }

    /// A map from text to text.
    pub fn string_map(&self, name: &'static str) -> Vec<(Spanned<String>, Spanned<String>)> {
        self.some(name).map_or_else(Vec::new, |n| self.decoder.string_map(n, "map[string]string"))
    }

    /// A nested struct.
    pub fn nested(&self, name: &'static str, go_type: &'static str) -> Option<Mapping<'d>> {
        self.with(name, |d, n| d.mapping(n, go_type))
    }

    /// Reports every field that was not asked for, and every one that is written twice.
    pub fn finish(self) {
        let d = self.decoder;
        for e in &self.entries {
            if e.used.get() {
                e.repeats.iter().for_each(|again| d.repeated_field(*again, e.key_span, &e.key, self.go_type));
                continue;
            }
            let help = self.help_for(&e.key);
            for span in std::iter::once(e.key_span).chain(e.repeats.iter().copied()) {
                let upstream = format!("line {}: field {} not found in type {}", d.line(span), e.key, self.go_type);
                d.report(span, format!("unknown field `{}`", e.key), Some(upstream), Some(help.clone()));
            }
        }
    }

    /// How to mend a field that is not known here.
    fn help_for(&self, key: &str) -> String {
        if let Some((_, help)) = self.too_new.borrow().iter().find(|(f, _)| *f == key) {
            return help.clone();
        }
        if let Some((_, help)) = self.hints.get().iter().find(|(f, _)| *f == key) {
            return (*help).to_owned();
        }
        let mut known = self.asked.take();
        known.sort_unstable();
        known.dedup();
        let help = match nearest(key, known.iter().copied()) {
            Some(near) => format!("write `{near}`"),
            None if known.len() <= 14 => format!("remove it; known here are {}", known.join(", ")),
            None => "remove it, or move it to the section it belongs to".to_owned(),
        };
        self.asked.replace(known);
        help
    }
}
