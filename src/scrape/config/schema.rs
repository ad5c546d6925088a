//! Sections whose values labkit does not use, as tables: which fields there are, of which type, since which release.

use super::Reader;
use crate::promql::signature::Release;
use crate::yaml::{Decoder, Mapping, Node};

/// A field's type.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Text,
    Secret,
    Bool,
    Int,
    Uint(&'static str),
    Float,
    Duration,
    Texts,
    TextMap,
    TextLists,
    Url,
    Tls,
    One(&'static Schema),
    /// A list of sections, with Go's name of the list's type.
    Many(&'static str, &'static Schema),
    /// Anything at all.
    Any,
}

/// A field of a section.
#[derive(Clone, Copy)]
pub(super) struct Field {
    pub name: &'static str,
    pub kind: Kind,
    pub since: Release,
}

/// The fields of a section.
pub(super) struct Schema {
    pub go_type: &'static str,
    pub fields: &'static [Field],
}

/// A field that 2.42 has.
pub(super) const fn field(name: &'static str, kind: Kind) -> Field {
    Field { name, kind, since: (0, 0) }
}

/// A field that came later.
pub(super) const fn later(name: &'static str, kind: Kind, since: Release) -> Field {
    Field { name, kind, since }
}

impl Reader<'_> {
    /// Whether the release knows the field; one that it does not know yet is remembered for the message.
    pub(super) fn knows(&self, m: &Mapping<'_>, name: &'static str, since: Release) -> bool {
        if since > self.release {
            let (now, then) = (self.release, since);
            m.too_new(
                name,
                format!("remove it, or use an image from v{}.{} on: this one is v{}.{}", then.0, then.1, now.0, now.1),
            );
        }
        since <= self.release
    }

    /// Checks the types of a section's fields; the caller looks at values and finishes the mapping.
    pub(super) fn check_fields(&self, m: &Mapping<'_>, fields: &'static [Field]) {
        for f in fields {
            if self.knows(m, f.name, f.since)
                && let Some(node) = m.some(f.name)
            {
                self.check_value(m.decoder(), node, f.kind);
            }
        }
    }

    fn check_value(&self, d: &Decoder, node: &Node, kind: Kind) {
        match kind {
            Kind::Text => drop(d.string(node)),
            Kind::Secret if node.scalar().is_none() => d.cannot_unmarshal(node, "config.plain"),
            Kind::Secret | Kind::Any => {}
            Kind::Bool => drop(d.bool(node)),
            Kind::Int => drop(d.int(node, "int")),
            Kind::Uint(go_type) => drop(d.uint(node, go_type)),
            Kind::Float => drop(d.float(node, "float64")),
            Kind::Duration => drop(d.duration(node)),
            Kind::Texts => drop(d.list(node, "[]string", Decoder::string)),
            Kind::TextMap => drop(d.string_map(node, "map[string]string")),
            Kind::TextLists => {
                if let Some(m) = d.mapping(node, "map[string][]string") {
                    m.entries().for_each(|(_, v)| drop(d.list(v, "[]string", Decoder::string)));
                    m.finish();
                }
            }
            Kind::Url => drop(d.url(node)),
            Kind::Tls => self.tls(d, node),
            Kind::One(schema) => self.check_section(d, node, schema),
            Kind::Many(go_type, schema) => {
                d.list(node, go_type, |d, n| {
                    self.check_section(d, n, schema);
                    Some(())
                });
            }
        }
    }

    /// Checks a section against its table.
    pub(super) fn check_section(&self, d: &Decoder, node: &Node, schema: &'static Schema) {
        if let Some(m) = d.mapping(node, schema.go_type) {
            self.check_fields(&m, schema.fields);
            m.finish();
        }
    }
}
