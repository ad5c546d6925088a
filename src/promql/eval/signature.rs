//! Which rows of two tables belong together: the signature of a row is its labels in `on`, or all but those in
//! `ignoring`.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::table::{Row, Rows};
use crate::model::{Labels, METRIC_NAME};

/// The signature of a label set.
pub(crate) fn signature(labels: &Labels, on: bool, names: &[Arc<str>]) -> Labels {
    let listed = |name: &str| names.iter().any(|n| **n == *name);
    labels.builder().retain(|l| if on { listed(&l.name) } else { !listed(&l.name) && &*l.name != METRIC_NAME }).build()
}

/// The signatures of two tables' rows as numbers; worked out once for the same rows.
#[derive(Debug, Default)]
pub(crate) struct Signatures {
    inputs: Option<(Rows, Rows)>,
    pub left: Vec<u32>,
    pub right: Vec<u32>,
    pub count: usize,
}

impl Signatures {
    /// Whether the numbers had to be worked out anew.
    pub fn prepare(&mut self, left: &Rows, right: &Rows, on: bool, names: &[Arc<str>]) -> bool {
        if let Some((l, r)) = &self.inputs
            && Arc::ptr_eq(l, left)
            && Arc::ptr_eq(r, right)
        {
            return false;
        }
        let mut ordinals: FxHashMap<Labels, u32> = FxHashMap::default();
        let mut number = |rows: &[Row]| -> Vec<u32> {
            rows.iter()
                .map(|row| {
                    let next = ordinals.len() as u32;
                    *ordinals.entry(signature(&row.labels, on, names)).or_insert(next)
                })
                .collect()
        };
        self.left = number(left);
        self.right = number(right);
        self.count = ordinals.len();
        self.inputs = Some((left.clone(), right.clone()));
        true
    }
}
