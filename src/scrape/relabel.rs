//! Relabelling: a list of rules that change a label set or drop it.
//!
//! Mirrors Prometheus' `model/relabel.Process`; used on targets, on scraped samples and on alerts.

use std::sync::Arc;

use md5::{Digest, Md5};

use crate::golang::regexp::Regexp;
use crate::model::{Labels, LabelsBuilder};

/// What a rule does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RelabelAction {
    /// Sets the target label to the expanded replacement when the pattern matches.
    #[default]
    Replace,
    /// Drops the set unless the pattern matches.
    Keep,
    /// Drops the set when the pattern matches.
    Drop,
    /// Drops the set unless the source equals the target label.
    KeepEqual,
    /// Drops the set when the source equals the target label.
    DropEqual,
    /// Sets the target label to a hash of the source modulo a number.
    HashMod,
    /// Copies labels whose name matches to the expanded name.
    LabelMap,
    /// Removes labels whose name matches.
    LabelDrop,
    /// Removes labels whose name does not match.
    LabelKeep,
    /// Sets the target label to the source in lower case.
    Lowercase,
    /// Sets the target label to the source in upper case.
    Uppercase,
}

impl RelabelAction {
    /// The action as configuration files spell it; case does not count.
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text.to_ascii_lowercase().as_str() {
            "replace" => Self::Replace,
            "keep" => Self::Keep,
            "drop" => Self::Drop,
            "keepequal" => Self::KeepEqual,
            "dropequal" => Self::DropEqual,
            "hashmod" => Self::HashMod,
            "labelmap" => Self::LabelMap,
            "labeldrop" => Self::LabelDrop,
            "labelkeep" => Self::LabelKeep,
            "lowercase" => Self::Lowercase,
            "uppercase" => Self::Uppercase,
            _ => return None,
        })
    }
}

/// One rule.
#[derive(Clone, Debug)]
pub struct RelabelConfig {
    /// The labels whose values, joined by the separator, are the source.
    pub source_labels: Vec<Arc<str>>,
    /// Joins the source values, `;` by default.
    pub separator: Arc<str>,
    /// The pattern, anchored, `(.*)` by default.
    pub regex: Regexp,
    /// The modulus of [`RelabelAction::HashMod`], not 0 there.
    pub modulus: u64,
    /// The label to set; may hold `$1` for [`RelabelAction::Replace`].
    pub target_label: Arc<str>,
    /// The replacement, `$1` by default.
    pub replacement: Arc<str>,
    /// What to do.
    pub action: RelabelAction,
}

impl RelabelConfig {
    /// A rule with Prometheus' defaults. `dot_matches_newline` is how Prometheus 3 anchors its patterns.
    pub fn new(dot_matches_newline: bool) -> Self {
        Self {
            source_labels: Vec::new(),
            separator: ";".into(),
            regex: Regexp::anchored("(.*)", dot_matches_newline).expect("the default pattern is valid"),
            modulus: 0,
            target_label: "".into(),
            replacement: "$1".into(),
            action: RelabelAction::Replace,
        }
    }
}

/// Applies the rules in order; `None` when one dropped the set.
pub fn relabel(rules: &[RelabelConfig], labels: &Labels) -> Option<Labels> {
    if rules.is_empty() {
        return Some(labels.clone());
    }
    let mut builder = labels.builder();
    rules.iter().all(|rule| rule.apply(&mut builder)).then(|| builder.build())
}

/// Bytes of the joined source labels beyond which a set is dropped. Rules that copy a label into itself many times over
/// would take all memory of the real program.
const LONGEST_SOURCE: usize = 1 << 20;

impl RelabelConfig {
    /// Applies one rule; false when the set is dropped.
    fn apply(&self, labels: &mut LabelsBuilder) -> bool {
        let mut source = String::new();
        for (i, name) in self.source_labels.iter().enumerate() {
            if i > 0 {
                source.push_str(&self.separator);
            }
            source.push_str(labels.get(name).unwrap_or(""));
        }
        if source.len() > LONGEST_SOURCE {
            return false;
        }
        let target = &*self.target_label;
        match self.action {
            RelabelAction::Keep => return self.regex.is_match(&source),
            RelabelAction::Drop => return !self.regex.is_match(&source),
            RelabelAction::KeepEqual => return labels.get(target).unwrap_or("") == source,
            RelabelAction::DropEqual => return labels.get(target).unwrap_or("") != source,
            RelabelAction::Replace => self.replace(labels, &source),
            RelabelAction::Lowercase => {
                labels.set(target, map_case(&source, |c| c.to_lowercase()));
            }
            RelabelAction::Uppercase => {
                labels.set(target, map_case(&source, |c| c.to_uppercase()));
            }
            RelabelAction::HashMod => {
                let digest = Md5::digest(source.as_bytes());
                let low = u64::from_be_bytes(digest[8..16].try_into().expect("an MD5 digest has 16 bytes"));
                labels.set(target, (low % self.modulus.max(1)).to_string());
            }
            RelabelAction::LabelMap => {
                for label in labels.build().iter() {
                    if let Some(name) = self.regex.expand(&label.name, &self.replacement) {
                        labels.set(name, label.value.clone());
                    }
                }
            }
            RelabelAction::LabelDrop => {
                labels.retain(|l| !self.regex.is_match(&l.name));
            }
            RelabelAction::LabelKeep => {
                labels.retain(|l| self.regex.is_match(&l.name));
            }
        }
        true
    }

    fn replace(&self, labels: &mut LabelsBuilder, source: &str) {
        let Some(target) = self.regex.expand(source, &self.target_label) else { return };
        if is_label_name(&target) {
            labels.set(target, self.regex.expand(source, &self.replacement).unwrap_or_default());
        } else {
            labels.remove(&self.target_label);
        }
    }
}

/// A classic label name: `[a-zA-Z_][a-zA-Z0-9_]*`.
fn is_label_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// Go maps letter by letter; a letter whose other case takes several characters stays.
fn map_case<I: ExactSizeIterator<Item = char>>(text: &str, f: impl Fn(char) -> I) -> String {
    text.chars()
        .map(|c| {
            let mut mapped = f(c);
            if mapped.len() == 1 { mapped.next().unwrap_or(c) } else { c }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(action: RelabelAction, source: &[&str], regex: &str, target: &str, replacement: &str) -> RelabelConfig {
        RelabelConfig {
            source_labels: source.iter().map(|s| (*s).into()).collect(),
            regex: Regexp::anchored(regex, false).unwrap(),
            target_label: target.into(),
            replacement: replacement.into(),
            action,
            modulus: 1000,
            ..RelabelConfig::new(false)
        }
    }

    fn run(rules: &[RelabelConfig], labels: &[(&str, &str)]) -> Option<String> {
        relabel(rules, &Labels::from_pairs(labels.iter().copied())).map(|l| l.to_string())
    }

    #[test]
    fn replace_joins_its_sources_and_expands_groups() {
        let rules = [rule(RelabelAction::Replace, &["a", "b"], "(.*)-x;(?P<n>.*)", "c", "${1}!$n!$9$$")];
        assert_eq!(run(&rules, &[("a", "one-x"), ("b", "two")]).unwrap(), r#"{a="one-x", b="two", c="one!two!$"}"#);
        assert_eq!(run(&rules, &[("a", "one"), ("b", "two")]).unwrap(), r#"{a="one", b="two"}"#);
    }

    #[test]
    fn replace_with_the_default_pattern_matches_an_absent_label() {
        let rules = [rule(RelabelAction::Replace, &["severity"], "(.*)", "sev2", "$1-r")];
        assert_eq!(run(&rules, &[("a", "1")]).unwrap(), r#"{a="1", sev2="-r"}"#);
    }

    #[test]
    fn an_empty_result_removes_the_target_and_a_bad_name_removes_the_literal_one() {
        let empty = [rule(RelabelAction::Replace, &["a"], "(.*)", "b", "")];
        assert_eq!(run(&empty, &[("a", "1"), ("b", "2")]).unwrap(), r#"{a="1"}"#);
        let bad = [rule(RelabelAction::Replace, &["a"], "(.*)", "$1", "x")];
        assert_eq!(run(&bad, &[("a", "1-"), ("b", "2")]).unwrap(), r#"{a="1-", b="2"}"#);
    }

    #[test]
    fn keep_and_drop_are_anchored() {
        assert!(run(&[rule(RelabelAction::Keep, &["a"], "o", "", "")], &[("a", "foo")]).is_none());
        assert!(run(&[rule(RelabelAction::Drop, &["a"], "o", "", "")], &[("a", "foo")]).is_some());
        assert!(run(&[rule(RelabelAction::DropEqual, &["a"], "", "b", "")], &[("a", "x"), ("b", "x")]).is_none());
        assert!(run(&[rule(RelabelAction::KeepEqual, &["a"], "", "b", "")], &[("a", "x"), ("b", "y")]).is_none());
    }

    #[test]
    fn hashmod_takes_the_low_half_of_md5() {
        let rules = [rule(RelabelAction::HashMod, &["c"], "(.*)", "d", "$1")];
        assert_eq!(run(&rules, &[("c", "baz")]).unwrap(), r#"{c="baz", d="976"}"#);
    }

    #[test]
    fn label_actions_work_on_names() {
        let map = [rule(RelabelAction::LabelMap, &[], "__meta_(.+)", "", "m_$1")];
        assert_eq!(run(&map, &[("__meta_x", "1")]).unwrap(), r#"{__meta_x="1", m_x="1"}"#);
        let drop = [rule(RelabelAction::LabelDrop, &[], "a.*", "", "")];
        assert_eq!(run(&drop, &[("ab", "1"), ("b", "2")]).unwrap(), r#"{b="2"}"#);
        let keep = [rule(RelabelAction::LabelKeep, &[], "a.*", "", "")];
        assert_eq!(run(&keep, &[("ab", "1"), ("b", "2")]).unwrap(), r#"{ab="1"}"#);
        let upper = [rule(RelabelAction::Uppercase, &["a"], "(.*)", "b", "")];
        assert_eq!(run(&upper, &[("a", "straße")]).unwrap(), r#"{a="straße", b="STRAßE"}"#);
    }
}
