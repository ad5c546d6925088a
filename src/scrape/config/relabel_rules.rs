//! Relabelling rules as configured: `relabel.Config` and its checks.

use super::{NameScheme, Reader};
use crate::golang::quote;
use crate::golang::regexp::Regexp;
use crate::scrape::relabel::{RelabelAction, RelabelConfig};
use crate::yaml::{Decoder, Mapping, Node};

/// What the rule stands in, for the message on an empty rule.
#[derive(Clone, Copy)]
pub(super) enum RuleOf {
    Target,
    Metric,
    Alert,
    Alertmanager,
    AlertmanagerAlert,
    RemoteWrite,
}

impl RuleOf {
    fn empty(self) -> &'static str {
        match self {
            Self::Target => "empty or null target relabeling rule in scrape config",
            Self::Metric => "empty or null metric relabeling rule in scrape config",
            Self::Alert => "empty or null alert relabeling rule",
            Self::Alertmanager => "empty or null Alertmanager target relabeling rule",
            Self::AlertmanagerAlert => "empty or null Alertmanager alert relabeling rule",
            Self::RemoteWrite => "empty or null relabeling rule in remote write config",
        }
    }
}

impl Reader<'_> {
    /// A list of rules.
    pub(super) fn relabel_rules(
        &self,
        m: &Mapping<'_>,
        name: &'static str,
        of: RuleOf,
        names: NameScheme,
    ) -> Vec<RelabelConfig> {
        m.list(name, "[]*relabel.Config", |d, node| {
            if node.is_null() {
                d.error_help(m.key_span(name), of.empty(), "remove the empty item, or write a rule after the `- `");
                return None;
            }
            self.relabel_rule(d, node, names)
        })
    }

    fn relabel_rule(&self, d: &Decoder, node: &Node, names: NameScheme) -> Option<RelabelConfig> {
        let m = d.mapping(node, "relabel.plain")?;
        m.hints(&[
            ("source_label", "write `source_labels: [name]`"),
            ("target", "write `target_label`"),
            ("label", "write `target_label` for the label to set, `source_labels` for the ones to read"),
            ("value", "write `replacement`"),
        ]);
        let before = d.count();
        let mut rule = RelabelConfig::new(self.is_v3());
        let text = |name: &'static str, default: &str| match m.get(name) {
            None => Some(default.to_owned()),
            Some(n) if n.is_null() => Some(String::new()),
            Some(n) => d.string(n).map(|s| s.value),
        };
        rule.source_labels = m.list("source_labels", "model.LabelNames", |d, n| {
            let name = d.string(n)?;
            if !self.is_label_name(&name.value) {
                d.error(name.span, format!("{} is not a valid label name", quote(&name.value)));
                return None;
            }
            Some(name.value.into())
        });
        rule.separator = text("separator", ";").unwrap_or_default().into();
        rule.target_label = text("target_label", "").unwrap_or_default().into();
        rule.replacement = text("replacement", "$1").unwrap_or_default().into();
        rule.modulus = m.uint("modulus", "uint64").map_or(0, |n| n.value);
        let action = text("action", "replace");
        let regex = match m.get("regex") {
            None => None,
            Some(n) if n.is_null() => Regexp::anchored("", self.is_v3()).ok(),
            Some(n) => match d.string(n).map(|p| (Regexp::anchored(&p.value, self.is_v3()), p)) {
                None => None,
                Some((Ok(regex), _)) => Some(regex),
                Some((Err(e), pattern)) => {
                    d.error_help(
                        pattern.span,
                        e.to_string(),
                        "mend the pattern, or put `\\` before characters that stand for themselves",
                    );
                    None
                }
            },
        };
        let has_regex = m.has("regex");
        if let Some(regex) = regex {
            rule.regex = regex;
        }
        let known = action.as_deref().and_then(RelabelAction::parse);
        let problem = match (known, action) {
            (Some(a), Some(name)) => {
                rule.action = a;
                let writes_labels = m.some("source_labels").is_some();
                let sound = d.count() == before;
                sound
                    .then(|| self.rule_problem(&rule, &name.to_ascii_lowercase(), names, has_regex, writes_labels))
                    .flatten()
            }
            (None, Some(name)) if name.is_empty() && m.some("action").is_none() => {
                Some(("action", "relabel action cannot be empty".to_owned()))
            }
            (None, Some(name)) => Some(("action", format!("unknown relabel action {}", quote(&name)))),
            (_, None) => None,
        };
        if let Some((field, message)) = &problem {
            let help = match *field {
                "action" => {
                    "write one of replace, keep, drop, keepequal, dropequal, hashmod, labelmap, labeldrop, labelkeep, lowercase, uppercase"
                }
                "target_label" => "name the label to write with `target_label`",
                "modulus" => "say with `modulus` how many parts there are",
                _ => "remove what this action does not use",
            };
            d.error_help(m.key_span(field), message.clone(), help);
        }
        m.finish();
        (d.count() == before).then_some(rule)
    }

    /// `Config.Validate`: the field to point at, and Prometheus' words.
    fn rule_problem(
        &self,
        rule: &RelabelConfig,
        action: &str,
        names: NameScheme,
        has_regex: bool,
        writes_labels: bool,
    ) -> Option<(&'static str, String)> {
        use RelabelAction as A;
        let target = &*rule.target_label;
        let valid = |name: &str| match names {
            NameScheme::Utf8 => !name.is_empty(),
            NameScheme::Legacy => is_legacy_label_name(name),
        };
        let valid_template = |text: &str| match names {
            NameScheme::Utf8 => !text.is_empty(),
            NameScheme::Legacy => is_label_template(text),
        };
        if rule.modulus == 0 && rule.action == A::HashMod {
            return Some(("modulus", "relabel configuration for hashmod requires non-zero modulus".to_owned()));
        }
        let cases = matches!(rule.action, A::Lowercase | A::Uppercase | A::KeepEqual | A::DropEqual);
        if (cases || matches!(rule.action, A::Replace | A::HashMod)) && target.is_empty() {
            return Some((
                "target_label",
                format!("relabel configuration for {action} action requires 'target_label' value"),
            ));
        }
        let invalid_target = match rule.action {
            A::Replace if target.contains('$') => !valid_template(target),
            // Before 3 a reference was let through, though only `replace` expands it.
            A::Lowercase | A::Uppercase | A::KeepEqual | A::DropEqual if !self.is_v3() => !is_label_template(target),
            A::Replace | A::HashMod => !valid(target),
            _ => cases && !valid(target),
        };
        if invalid_target {
            return Some(("target_label", format!("{} is invalid 'target_label' for {action} action", quote(target))));
        }
        if cases && &*rule.replacement != "$1" {
            return Some(("replacement", format!("'replacement' can not be set for {action} action")));
        }
        if rule.action == A::LabelMap && !valid_template(&rule.replacement) {
            return Some((
                "replacement",
                format!("{} is invalid 'replacement' for {action} action", quote(&rule.replacement)),
            ));
        }
        let others = rule.modulus != 0 || &*rule.separator != ";" || &*rule.replacement != "$1";
        if matches!(rule.action, A::DropEqual | A::KeepEqual) && (has_regex || others) {
            let message =
                format!("{action} action requires only 'source_labels' and `target_label`, and no other fields");
            return Some(("action", message));
        }
        if matches!(rule.action, A::LabelDrop | A::LabelKeep) && (writes_labels || !target.is_empty() || others) {
            return Some(("action", format!("{action} action requires only 'regex', and no other fields")));
        }
        None
    }
}

/// `[a-zA-Z_][a-zA-Z0-9_]*`
pub(super) fn is_legacy_label_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// `^(?:(?:[a-zA-Z_]|\$(?:\{\w+\}|\w+))+\w*)+$`: a label name with references to groups in it.
fn is_label_template(text: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] != b'$' {
            if !word(bytes[at]) || (at == 0 && bytes[at].is_ascii_digit()) {
                return false;
            }
            at += 1;
            continue;
        }
        let braced = bytes.get(at + 1) == Some(&b'{');
        let start = at + 1 + usize::from(braced);
        let end = start + bytes[start..].iter().take_while(|b| word(**b)).count();
        if end == start || (braced && bytes.get(end) != Some(&b'}')) {
            return false;
        }
        at = end + usize::from(braced);
    }
    !bytes.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_names_with_references() {
        for good in ["a", "${1}", "$1", "a_$1b", "${x}_y", "_$a$b"] {
            assert!(is_label_template(good), "{good}");
        }
        for bad in ["", "1a", "l-$1", "$", "${1", "${}", "a$"] {
            assert!(!is_label_template(bad), "{bad}");
        }
    }
}
