//! Routes and inhibition rules as written.

use super::fields::{Field, FieldKind, newer};
use super::{GroupBy, InhibitRule, Route};
use crate::alertmanager::matchers::{Names, is_classic_label_name, is_label_name, parse_matchers, warning};
use crate::alertmanager::version::Version;
use crate::golang::quote;
use crate::model::{MatchOp, Matcher};
use crate::text::Diagnostic;
use crate::yaml::{Decoder, Mapping, Node};
use std::sync::Arc;
use std::time::Duration;

/// A route with everything below it. The depth is bounded by the YAML reader.
pub(super) fn route(d: &Decoder, node: &Node, version: Version, names: Names) -> Option<Route> {
    if node.is_null() {
        d.error_help(node.span(), "missing route", "remove the empty `- `, or put the settings behind it");
        return None;
    }
    let m = d.mapping(node, "config.plain")?;
    let receiver = m.string("receiver");
    let intervals = |key: &'static str| m.strings(key).into_iter().map(|s| Arc::from(s.value)).collect();
    let mut read = Route {
        receiver_span: receiver.as_ref().map_or(m.start_span(), |r| r.span),
        receiver: receiver.map(|r| r.value.into()),
        group_by: group_by(d, &m, version, names),
        matchers: matchers(d, &m, ["match", "match_re", "matchers"], version, names),
        continues: m.bool("continue").unwrap_or(false),
        group_wait: duration(&m, "group_wait"),
        group_interval: duration(&m, "group_interval"),
        repeat_interval: duration(&m, "repeat_interval"),
        mute_time_intervals: intervals("mute_time_intervals"),
        active_time_intervals: intervals("active_time_intervals"),
        span: m.start_span(),
        ..Route::default()
    };
    for (key, value) in [("group_interval", read.group_interval), ("repeat_interval", read.repeat_interval)] {
        if value.is_some_and(|v| v.is_zero()) {
            d.error_help(m.key_span(key), format!("{key} cannot be zero"), "write 1s or more");
        }
    }
    if version >= Version::V0_34 {
        let labels = m.string_map("labels");
        read.labels = labels.into_iter().map(|(k, v)| (k.value.into(), v.value.into())).collect();
    } else if m.has("labels") {
        newer(d, m.key_span("labels"), &Field { name: "labels", kind: FieldKind::Map, since: 34 });
        let _ = m.get("labels");
    }
    read.routes = m.list("routes", "[]*config.Route", |d, n| route(d, n, version, names));
    m.hints(&[
        ("receivers", "rename it `receiver:`: a route names one"),
        ("send_resolved", "put it in an item of `discord_configs:`"),
        ("match_regex", "rename it `match_re:`, or better `matchers:`"),
        ("interval", "rename it `group_interval:`"),
        ("name", "remove it: a route has no name"),
    ]);
    m.finish();
    Some(read)
}

fn duration(m: &Mapping<'_>, key: &'static str) -> Option<Duration> {
    m.duration(key).map(|v| Duration::from_nanos(v.value.nanos.unsigned_abs()))
}

fn group_by(d: &Decoder, m: &Mapping<'_>, version: Version, names: Names) -> Option<GroupBy> {
    m.some("group_by")?;
    let before = d.count();
    let listed = m.strings("group_by");
    if d.count() > before {
        return None;
    }
    let all = listed.iter().any(|n| n.value == "...");
    let mut labels: Vec<Arc<str>> = Vec::new();
    for name in listed.iter().filter(|n| n.value != "...") {
        if !is_label_name(&name.value, version, names) {
            let help = "write label names: letters, digits and underscores, not beginning with a digit";
            d.error_help(name.span, format!("invalid label name {} in group_by list", quote(&name.value)), help);
        } else if all {
            let why = "cannot have wildcard group_by (`...`) and other other labels at the same time";
            d.error_help(name.span, why, "keep '...' alone, or name labels only");
        } else if labels.iter().any(|l| **l == *name.value) {
            d.error_help(
                name.span,
                format!("duplicated label {} in group_by", quote(&name.value)),
                "remove one of them",
            );
        } else {
            labels.push(name.value.as_str().into());
        }
    }
    Some(if all { GroupBy::All } else { GroupBy::Labels(labels) })
}

/// The matchers of the three spellings: equality by map, expressions by map, and a list of texts.
fn matchers(d: &Decoder, m: &Mapping<'_>, keys: [&'static str; 3], version: Version, names: Names) -> Vec<Matcher> {
    let [equal, regexp, texts] = keys;
    let mut found = Vec::new();
    let name_help = "write a label name: letters, digits and underscores, not beginning with a digit";
    for (name, value) in m.string_map(equal) {
        if !is_classic_label_name(&name.value) {
            d.error_help(name.span, format!("invalid label name {}", quote(&name.value)), name_help);
            continue;
        }
        found.extend(Matcher::new(MatchOp::Equal, name.value, value.value, false));
    }
    let expressions = m.nested(regexp, "map[string]config.Regexp");
    for (name, node) in expressions.iter().flat_map(Mapping::entries) {
        if !is_classic_label_name(&name.value) {
            d.error_help(name.span, format!("invalid label name {}", quote(&name.value)), name_help);
            continue;
        }
        if node.is_null() {
            let why = format!("invalid regexp value for {}", quote(&name.value));
            d.error_help(name.span, why, "write a regular expression behind it");
            continue;
        }
        let Some(pattern) = d.string(node) else { continue };
        match Matcher::new(MatchOp::Regexp, name.value, pattern.value, false) {
            Ok(matcher) => found.push(matcher),
            Err(e) => d.error_help(pattern.span, e.to_string(), "mend the regular expression"),
        }
    }
    if let Some(expressions) = expressions {
        expressions.finish();
    }
    for text in m.strings(texts) {
        match parse_matchers(&text.value, version, names) {
            Ok(read) => {
                if let Some((why, better)) = warning(&text.value, version, names) {
                    let help = format!("write '{better}'");
                    d.push(Diagnostic::warning(why).at(d.source(), text.span).help(help));
                }
                found.extend(read);
            }
            Err(why) => d.error_help(text.span, why, matcher_help(&text.value)),
        }
    }
    found.sort_by(|a, b| (&a.name, &a.value, a.op).cmp(&(&b.name, &b.value, b.op)));
    found
}

fn matcher_help(text: &str) -> String {
    if text.contains("==") {
        return "write one `=`".to_owned();
    }
    if text.contains(':') && !text.contains('=') {
        return "write label=\"value\" with an equals sign, in quotes as a whole".to_owned();
    }
    "write label=\"value\", with one of the operators = != =~ !~, and the text as a whole in single quotes".to_owned()
}

/// An inhibition rule; a bare list item counts as a rule without matchers.
pub(super) fn inhibit_rule(d: &Decoder, node: &Node, version: Version, names: Names) -> Option<InhibitRule> {
    if node.is_null() {
        return Some(InhibitRule { span: node.span(), ..InhibitRule::default() });
    }
    let m = d.mapping(node, "config.plain")?;
    let mut rule = InhibitRule {
        name: None,
        source: matchers(d, &m, ["source_match", "source_match_re", "source_matchers"], version, names),
        target: matchers(d, &m, ["target_match", "target_match_re", "target_matchers"], version, names),
        equal: Vec::new(),
        span: m.start_span(),
    };
    if version >= Version::V0_30 {
        rule.name = m.string("name").map(|n| n.value.into());
    } else if m.has("name") {
        newer(d, m.key_span("name"), &Field { name: "name", kind: FieldKind::Text, since: 30 });
        let _ = m.get("name");
    }
    let equal = m.list("equal", "model.LabelNames", |d, n| if n.is_null() { None } else { d.string(n) });
    for name in equal {
        if is_label_name(&name.value, version, names) {
            rule.equal.push(name.value.into());
        } else {
            let help = "write label names: letters, digits and underscores, not beginning with a digit";
            let why = match version >= Version::V0_27 {
                true => format!("invalid label name {} in equal list", quote(&name.value)),
                false => format!("{} is not a valid label name", quote(&name.value)),
            };
            d.error_help(name.span, why, help);
        }
    }
    m.hints(&[
        ("source_matcher", "rename it `source_matchers:`"),
        ("target_matcher", "rename it `target_matchers:`"),
        ("matchers", "write `source_matchers:` and `target_matchers:`"),
    ]);
    m.finish();
    Some(rule)
}
