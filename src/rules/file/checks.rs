//! What rulefmt demands of groups and rules beyond their types.

use std::fmt::Display;

use super::{ReadRules, RuleFile, RuleGroup};
use crate::golang::quote;
use crate::promql::{self, ParseOptions};
use crate::rules::template;
use crate::text::{Diagnostic, Span};
use crate::yaml::{Decoder, Node, Placement};

pub(super) fn parse_options(read_as: &ReadRules) -> ParseOptions {
    ParseOptions { release: read_as.release, ..ParseOptions::stock(read_as.dialect()) }
}

/// One rule under check, with what its messages begin with.
struct Place<'a> {
    d: &'a Decoder,
    prefix: String,
}

impl Place<'_> {
    /// Reports at `node`'s place, which the real program shows as `0:0` when the key is absent.
    fn at(&self, node: Option<&Node>, fallback: Span, message: impl Display, help: &str) {
        let upstream = format!("{}: {}: {message}", position(self.d, node), self.prefix);
        let span = node.map_or(fallback, Node::span);
        self.d.report(span, message.to_string(), Some(upstream), Some(help.to_owned()));
    }

    /// Reports where the real program shows no place.
    fn without_place(&self, span: Span, message: impl Display, help: &str) {
        let upstream = format!("{}: {message}", self.prefix);
        self.d.report(span, message.to_string(), Some(upstream), Some(help.to_owned()));
    }
}

fn position(d: &Decoder, node: Option<&Node>) -> String {
    match node {
        Some(node) => {
            let at = d.source().position(node.span().start as usize);
            format!("{}:{}", at.line, at.column)
        }
        None => "0:0".to_owned(),
    }
}

/// Checks every group and rule.
pub(super) fn check(d: &Decoder, file: &RuleFile, root: &Node, read_as: &ReadRules) {
    let nodes = root.get("groups").map_or(&[][..], Node::items);
    let mut names: Vec<&str> = Vec::new();
    for (group, node) in file.groups.iter().zip(nodes.iter().filter(|n| !n.is_null())) {
        let at = d.source().position(group.span.start as usize);
        if group.name.value.is_empty() {
            let upstream = format!("{}:{}: Groupname must not be empty", at.line, at.column);
            let help = "give the group a name: `- name: example`".to_owned();
            d.report(group.span, "the group has no name", Some(upstream), Some(help));
        }
        let name = group.name.value.as_str();
        if names.contains(&name) {
            let upstream = format!("{}:{}: groupname: \"{name}\" is repeated in the same file", at.line, at.column);
            let help = "give the group a name of its own, or put its rules in the first group of that name".to_owned();
            d.report(
                group.name.span,
                format!("the group name {} is used twice", quote(name)),
                Some(upstream),
                Some(help),
            );
        }
        names.push(name);
        for (label, _) in &group.labels {
            if !label_name(&label.value, read_as) || label.value == "__name__" {
                d.error(label.span, format!("invalid label name: {}", label.value));
            }
        }
        check_rules(d, group, node, read_as);
    }
}

fn check_rules(d: &Decoder, group: &RuleGroup, node: &Node, read_as: &ReadRules) {
    let nodes = node.get("rules").map_or(&[][..], Node::items);
    for (i, (rule, node)) in group.rules.iter().zip(nodes.iter().filter(|n| !n.is_null())).enumerate() {
        let field = |name: &str| node.get(name);
        let text = |name: &str| field(name).and_then(Node::scalar).map_or("", |s| s.value.as_str());
        let is_null = |name: &str| read_as.release >= (3, 0) && field(name).is_some_and(Node::is_null);
        let (record, alert) =
            (if is_null("record") { "" } else { text("record") }, if is_null("alert") { "" } else { text("alert") });
        let name = if alert.is_empty() { record } else { alert };
        let place = Place { d, prefix: format!("group {}, rule {}, {}", quote(&group.name.value), i + 1, quote(name)) };
        if !record.is_empty() && !alert.is_empty() {
            let words = "only one of 'record' and 'alert' must be set";
            let upstream =
                format!("{}: {}: {}: {words}", position(d, field("record")), position(d, field("alert")), place.prefix);
            let help = "keep `alert` for an alert or `record` for a recording rule, and begin a second rule with `- `";
            d.report(rule.span, words, Some(upstream), Some(help.to_owned()));
        }
        if record.is_empty() && alert.is_empty() {
            let words = "one of 'record' or 'alert' must be set";
            let second = match read_as.release >= (3, 0) {
                true => format!("{}: ", position(d, field("alert"))),
                false => String::new(),
            };
            let upstream = format!("{}: {second}{}: {words}", position(d, field("record")), place.prefix);
            d.report(rule.span, words, Some(upstream), Some("begin the rule with `- alert: Name`".to_owned()));
        }
        check_expression(&place, rule, field("expr"), read_as);
        if !record.is_empty() {
            check_recording(&place, rule, field("record"), record, node, read_as);
        }
        for (label, _) in &rule.labels {
            if !label_name(&label.value, read_as) || label.value == "__name__" {
                let help = "use letters, digits and underscores, and begin with a letter";
                place.without_place(label.span, format!("invalid label name: {}", label.value), help);
            }
        }
        for (annotation, _) in &rule.annotations {
            if !label_name(&annotation.value, read_as) {
                let help = "use letters, digits and underscores, and begin with a letter";
                place.without_place(annotation.span, format!("invalid annotation name: {}", annotation.value), help);
            }
        }
        if !alert.is_empty() {
            check_templates(&place, rule, alert, read_as);
        }
    }
}

fn check_expression(place: &Place<'_>, rule: &super::Rule, node: Option<&Node>, read_as: &ReadRules) {
    if rule.expr.value.is_empty() {
        place.at(node, rule.span, "field 'expr' must be set in rule", "add `expr:` with the query");
        return;
    }
    let Err(e) = promql::parse(&rule.expr.value, &parse_options(read_as)) else { return };
    let upstream = format!("{}: {}: could not parse expression: {e}", position(place.d, node), place.prefix);
    let inside = rule.placement.span(e.span);
    let span = if inside == Span::default() { rule.expr.span } else { inside };
    place.d.push(
        Diagnostic::error(format!("could not parse expression: {e}"))
            .at(place.d.source(), span)
            .upstream(upstream)
            .help(expression_help(&rule.expr.value)),
    );
}

/// What a teacher would say of an expression that is refused.
fn expression_help(expr: &str) -> String {
    if expr.contains(['“', '”', '‘', '’']) {
        return "replace the curly quotes with straight ones".to_owned();
    }
    if expr.contains("{{") {
        return "write the query without `{{ … }}`: templates belong in labels and annotations".to_owned();
    }
    if expr.matches('(').count() != expr.matches(')').count() {
        return "close every parenthesis".to_owned();
    }
    let comma = expr.as_bytes().windows(3).any(|w| w[0].is_ascii_digit() && w[1] == b',' && w[2].is_ascii_digit());
    if comma {
        return "write the decimal point as a point, not as a comma".to_owned();
    }
    if expr.contains("=>") || expr.contains("=<") {
        return "write >= or <=".to_owned();
    }
    if expr.contains("&&") || expr.contains("||") {
        return "write `and` or `or`".to_owned();
    }
    if expr.contains(['<', '>', '=']) && expr.trim_end().ends_with(['"', '\'']) {
        return "compare with a number, without quotes around it".to_owned();
    }
    "try the query in Prometheus' web page first".to_owned()
}

fn check_recording(
    place: &Place<'_>,
    rule: &super::Rule,
    node: Option<&Node>,
    record: &str,
    whole: &Node,
    read_as: &ReadRules,
) {
    let fields = [
        ("annotations", !rule.annotations.is_empty()),
        ("for", rule.hold.as_ref().is_some_and(|h| h.value.nanos != 0)),
        ("keep_firing_for", rule.keep_firing_for.as_ref().is_some_and(|h| h.value.nanos != 0)),
    ];
    for (name, present) in fields {
        if present {
            let span =
                whole.entries().iter().find(|(k, _)| k.as_str() == Some(name)).map_or(rule.span, |(k, _)| k.span());
            let message = format!("invalid field '{name}' in recording rule");
            let upstream = format!("{}: {}: {message}", position(place.d, node), place.prefix);
            let help = format!("remove `{name}`, or write `alert` instead of `record`");
            place.d.report(span, message, Some(upstream), Some(help));
        }
    }
    let help = "use letters, digits, underscores and colons, and begin with a letter";
    let legacy = !record.starts_with(|c: char| c.is_ascii_digit())
        && record.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b':');
    if !read_as.utf8_names && !legacy {
        place.at(node, rule.span, format!("invalid recording rule name: {record}"), help);
    }
    if read_as.release >= (3, 0) && record.contains(['{', '}']) {
        let message = format!("braces present in the recording rule name; should it be in expr?: {record}");
        place.at(node, rule.span, message, "write the name alone; labels go under `labels:`");
    }
}

fn check_templates(place: &Place<'_>, rule: &super::Rule, alert: &str, read_as: &ReadRules) {
    for (what, pairs) in [("label", &rule.labels), ("annotation", &rule.annotations)] {
        for (name, value) in pairs {
            if let Err(e) = template::check(alert, &value.value, read_as.dialect()) {
                let message = format!("{what} {}: {e}", quote(&name.value));
                place.without_place(value.span, message, template_help(&value.value));
            }
        }
    }
}

fn template_help(text: &str) -> &'static str {
    if text.contains(['“', '”', '‘', '’']) {
        "replace the curly quotes with straight ones"
    } else if text.contains("$label.") {
        "write $labels"
    } else if text.matches("{{").count() != text.matches("}}").count() {
        "close every `{{` with `}}`"
    } else {
        "write {{ $value }} for the value and {{ $labels.name }} for a label"
    }
}

fn label_name(name: &str, read_as: &ReadRules) -> bool {
    if read_as.utf8_names {
        return !name.is_empty();
    }
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

impl super::Rule {
    /// The place in the file of a place in the expression.
    pub fn expr_span(&self, inside: Span) -> Span {
        if self.placement == Placement::default() { self.expr.span } else { self.placement.span(inside) }
    }
}
