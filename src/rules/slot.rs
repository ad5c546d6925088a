//! When a rule group is evaluated: at absolute times that follow from a hash of its file and name.
//!
//! Mirrors `Group.EvalTimestamp`; the layout of what is hashed changed at 2.44 and 3.5.

use crate::model::{HashLayout, Labels, label_hash};

/// Where in its interval a group is evaluated, in nanoseconds. `file` is the path as Prometheus spells it: the glob's
/// result after joining the pattern to the configuration file's folder.
pub fn group_offset(file: &str, group: &str, interval_ns: i64, layout: HashLayout) -> i64 {
    let hash = label_hash(&Labels::from_pairs([("file", file), ("name", group)]), layout);
    (hash % interval_ns.max(1).unsigned_abs()) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_those_of_a_recorded_2_42_server() {
        for (group, ms) in [("example", 4456), ("cpu", 3362)] {
            let offset = group_offset("rules.yml", group, 5_000_000_000, HashLayout::Separated);
            assert_eq!(offset / 1_000_000, ms);
        }
    }

    #[test]
    fn later_layouts_give_other_offsets() {
        let at = |layout| group_offset("rules.yml", "cpu", 5_000_000_000, layout);
        assert_ne!(at(HashLayout::Separated), at(HashLayout::Varint));
        assert_eq!(at(HashLayout::Varint), at(HashLayout::Prefixed), "short texts have the same length byte");
    }
}
