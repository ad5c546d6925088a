//! From a label's name and value to the series that carry it.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::model::{Labels, MatchOp, Matcher};

/// Lists of series numbers by label, each in order of creation.
#[derive(Clone, Debug, Default)]
pub(super) struct Postings {
    by_name: FxHashMap<Arc<str>, FxHashMap<Arc<str>, Vec<u32>>>,
}

impl Postings {
    pub(super) fn add(&mut self, number: u32, labels: &Labels) {
        for label in labels.iter() {
            let values = self.by_name.entry(label.name.clone()).or_default();
            values.entry(label.value.clone()).or_default().push(number);
        }
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &Arc<str>> {
        self.by_name.keys()
    }

    pub(super) fn values(&self, name: &str) -> impl Iterator<Item = &Arc<str>> {
        self.by_name.get(name).into_iter().flat_map(|values| values.keys())
    }

    /// The shortest list that holds every series the matchers select, and the matcher it answers already;
    /// `None` when no matcher narrows the choice.
    pub(super) fn candidates(&self, matchers: &[Matcher]) -> Option<(Vec<u32>, usize)> {
        let mut best: Option<(&[u32], usize)> = None;
        for (i, m) in matchers.iter().enumerate() {
            if m.op == MatchOp::Equal && !m.value.is_empty() {
                let list = self.by_name.get(&m.name).and_then(|v| v.get(&m.value)).map_or(&[][..], Vec::as_slice);
                if best.is_none_or(|(b, _)| list.len() < b.len()) {
                    best = Some((list, i));
                }
            }
        }
        if let Some((list, i)) = best {
            return Some((list.to_vec(), i));
        }
        let (i, m) = matchers.iter().enumerate().find(|(_, m)| !m.matches_value(""))?;
        let mut union = Vec::new();
        for (value, list) in self.by_name.get(&m.name).into_iter().flatten() {
            if m.matches_value(value) {
                union.extend_from_slice(list);
            }
        }
        union.sort_unstable();
        Some((union, i))
    }
}
