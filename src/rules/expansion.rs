//! Label and annotation texts of alerting rules, and what they are expanded with.

use std::sync::Arc;

use crate::model::{Labels, Time};
use crate::tsdb::Tsdb;

/// What all texts of a server are expanded with.
#[derive(Clone, Debug)]
pub struct Expansion {
    /// `$externalLabels`.
    pub external_labels: Labels,
    /// `$externalURL`.
    pub external_url: Arc<str>,
}

/// A label's or annotation's text.
#[derive(Clone, Debug)]
pub(super) enum Text {
    /// Nothing to expand.
    Fixed(Arc<str>),
    /// A template.
    Template(Arc<str>),
}

/// What one expansion sees.
#[derive(Clone, Copy, Debug)]
pub(super) struct TemplateData<'a> {
    /// `$labels`: the sample's, its name included.
    pub labels: &'a Labels,
    /// `$value`.
    pub value: f64,
    /// The time of queries.
    pub ts: Time,
}

impl Text {
    pub(super) fn is_fixed(&self) -> bool {
        matches!(self, Self::Fixed(_))
    }

    /// Whether it might ask the store; decided by the word alone, so that it is never wrong in the other direction.
    pub(super) fn may_query(&self) -> bool {
        matches!(self, Self::Template(text) if text.contains("query"))
    }
}

impl Expansion {
    pub(super) fn prepare(&self, rule: &str, text: &Arc<str>) -> Text {
        let _ = rule;
        if text.contains("{{") { Text::Template(text.clone()) } else { Text::Fixed(text.clone()) }
    }

    pub(super) fn expand(&self, text: &Text, data: TemplateData<'_>, db: &Tsdb) -> Arc<str> {
        let _ = (data, db);
        match text {
            Text::Fixed(text) | Text::Template(text) => text.clone(),
        }
    }
}
