//! Rule files as Prometheus reads them, 2.42 and 3.x: every field and check, all errors at once, places kept.
//!
//! Mirrors `rulefmt`; facts from its fixtures and from recorded answers of promtool. Pure: it is handed the text.

mod checks;
mod spec;

use std::sync::Arc;

use crate::promql::Dialect;
use crate::promql::ast::Expr;
use crate::promql::signature::Release;
use crate::text::{Diagnostic, SourceText, Span};
use crate::yaml::{self, Decoder, Duration, GoYaml, Mapping, Node, Placement, Spanned};

/// A rule file.
#[derive(Clone, Debug, Default)]
pub struct RuleFile {
    /// Its groups, in order.
    pub groups: Vec<RuleGroup>,
}

impl RuleFile {
    /// All rules of all groups.
    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.groups.iter().flat_map(|g| &g.rules)
    }
}

/// A group of rules.
#[derive(Clone, Debug)]
pub struct RuleGroup {
    /// `name`
    pub name: Spanned<String>,
    /// `interval`; without one the global `evaluation_interval` holds.
    pub interval: Option<Spanned<Duration>>,
    /// `query_offset` (since 2.53); without one the global `rule_query_offset` holds.
    pub query_offset: Option<Spanned<Duration>>,
    /// `limit`, 0 for none.
    pub limit: i64,
    /// `labels` of every rule in it (since 3.0).
    pub labels: Vec<(Spanned<String>, Spanned<String>)>,
    /// The rules, in order.
    pub rules: Vec<Rule>,
    /// The place of its first key.
    pub span: Span,
}

/// Whether a rule records or alerts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleIs {
    /// `record`
    Recording,
    /// `alert`
    Alerting,
}

/// A rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Whether it records or alerts.
    pub is: RuleIs,
    /// `record` or `alert`.
    pub name: Spanned<String>,
    /// `expr`, as written.
    pub expr: Spanned<String>,
    /// Where the bytes of `expr` stand in the file.
    pub placement: Placement,
    /// `expr`, read; nothing when it is refused.
    pub parsed: Option<Arc<Expr>>,
    /// `for`
    pub hold: Option<Spanned<Duration>>,
    /// `keep_firing_for`
    pub keep_firing_for: Option<Spanned<Duration>>,
    /// `labels`
    pub labels: Vec<(Spanned<String>, Spanned<String>)>,
    /// `annotations`
    pub annotations: Vec<(Spanned<String>, Spanned<String>)>,
    /// The place of its first key.
    pub span: Span,
}

/// As which program a rule file is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadRules {
    /// The release.
    pub release: Release,
    /// Whether names may be any UTF-8 (Prometheus 3, unless `metric_name_validation_scheme` says otherwise).
    pub utf8_names: bool,
}

impl ReadRules {
    /// The language its expressions and templates are in.
    pub fn dialect(&self) -> Dialect {
        if self.release >= (3, 0) { Dialect::V3 } else { Dialect::V2_42 }
    }

    /// A release as it comes.
    pub fn release(release: Release) -> Self {
        Self { release, utf8_names: release >= (3, 0) }
    }
}

const TOP_HINTS: &[(&str, &str)] = &[
    ("group", "write `groups:` and a list of groups, each item beginning with `- name:`"),
    ("rules", "put the rules inside a group: `groups:`, then `- name: …`, then `rules:`"),
    ("alert", "put the rule inside a group: `groups:`, then `- name: …`, then `rules:`, then `- alert: …`"),
    ("record", "put the rule inside a group: `groups:`, then `- name: …`, then `rules:`, then `- record: …`"),
    ("name", "put the group under `groups:` as a list item, `- name: …`"),
    ("rule_files", "move it to prometheus.yml"),
    ("scrape_configs", "move it to prometheus.yml"),
    ("global", "move it to prometheus.yml"),
    ("route", "move it to alertmanager.yml"),
    ("receivers", "move it to alertmanager.yml"),
];

const GROUP_HINTS: &[(&str, &str)] = &[
    ("for", "move it into a rule, beside `expr`"),
    ("alert", "put the rule under `rules:` as a list item, `- alert: …`"),
    ("expr", "put the rule under `rules:` as a list item, `- alert: …`"),
    ("record", "put the rule under `rules:` as a list item, `- record: …`"),
    ("annotations", "move it into a rule, beside `expr`"),
    ("rule", "write `rules`"),
    ("evaluation_interval", "write `interval`"),
];

const RULE_HINTS: &[(&str, &str)] = &[
    ("severity", "put it under `labels:`"),
    ("summary", "put it under `annotations:`"),
    ("description", "put it under `annotations:`"),
    ("annotation", "write `annotations`"),
    ("label", "write `labels`"),
    ("name", "write `alert:` for the alert's name"),
    ("expression", "write `expr`"),
    ("query", "write `expr`"),
    ("duration", "write `for`"),
    ("interval", "move it to the group, beside `name`"),
    ("rules", "begin the next rule with `- alert:`; `rules:` stands once in a group"),
];

/// Reads a rule file. Nothing comes back when the text is not YAML; otherwise everything that could be read, which is
/// what Prometheus would run with only if no diagnostic is an error.
pub fn read(source: &SourceText, read_as: &ReadRules) -> (Option<RuleFile>, Vec<Diagnostic>) {
    let root = match yaml::parse_as(source, GoYaml::V3) {
        Ok(root) => root,
        Err(e) => return (None, vec![*e]),
    };
    let Some(root) = root.filter(|n| !n.is_null()) else { return (Some(RuleFile::default()), Vec::new()) };
    let d = Decoder::new(source, GoYaml::V3);
    let reader = Reader { d: &d, read_as };
    let file = reader.file(&root);
    // Checks of meaning come only when the structure holds, as in the real program.
    if let Some(file) = &file
        && !d.failed()
    {
        checks::check(&d, file, &root, read_as);
    }
    let file = file.map(|f| reader.parse_expressions(f));
    (file, d.into_diagnostics())
}

struct Reader<'a> {
    d: &'a Decoder,
    read_as: &'a ReadRules,
}

impl<'a> Reader<'a> {
    fn knows(&self, m: &Mapping<'_>, name: &'static str, since: Release) -> bool {
        if since > self.read_as.release {
            m.too_new(name, format!("remove it, or use an image from v{}.{} on", since.0, since.1));
        }
        since <= self.read_as.release
    }

    /// Items that are null are passed over in groups and rules, as Go's decoder passes them over.
    fn file(&self, root: &Node) -> Option<RuleFile> {
        let m = self.d.mapping(root, "rulefmt.RuleGroups")?;
        m.hints(TOP_HINTS);
        let groups = m.list("groups", "[]rulefmt.RuleGroup", |_, n| if n.is_null() { None } else { self.group(n) });
        m.finish();
        Some(RuleFile { groups })
    }

    fn group(&self, node: &Node) -> Option<RuleGroup> {
        let m = self.d.mapping(node, "rulefmt.RuleGroup")?;
        m.hints(GROUP_HINTS);
        let span = m.start_span();
        let group = RuleGroup {
            name: m.string("name").unwrap_or(Spanned { value: String::new(), span }),
            interval: m.duration("interval").filter(|i| i.value.nanos > 0),
            query_offset: if self.knows(&m, "query_offset", (2, 53)) { m.duration("query_offset") } else { None },
            limit: m.int("limit").map_or(0, |n| n.value),
            labels: if self.knows(&m, "labels", (3, 0)) { m.string_map("labels") } else { Vec::new() },
            rules: m.list("rules", "[]rulefmt.RuleNode", |_, n| if n.is_null() { None } else { self.rule(n) }),
            span: Span { start: node.span().start, ..span },
        };
        m.finish();
        Some(group)
    }

    fn rule(&self, node: &Node) -> Option<Rule> {
        let v3 = self.read_as.release >= (3, 0);
        let m = self.d.mapping(node, if v3 { "rulefmt.Rule" } else { "rulefmt.RuleNode" })?;
        m.hints(RULE_HINTS);
        let span = m.start_span();
        let (record, alert) = (self.text(&m, "record"), self.text(&m, "alert"));
        let is = if alert.value.is_empty() && !record.value.is_empty() { RuleIs::Recording } else { RuleIs::Alerting };
        let expr = self.text(&m, "expr");
        let rule = Rule {
            is,
            name: if is == RuleIs::Recording { record } else { alert },
            placement: m.get("expr").map_or_else(Placement::default, |n| Placement::of(n, self.d.source())),
            expr,
            parsed: None,
            hold: m.duration("for"),
            keep_firing_for: if self.knows(&m, "keep_firing_for", (2, 42)) {
                m.duration("keep_firing_for")
            } else {
                None
            },
            labels: m.string_map("labels"),
            annotations: m.string_map("annotations"),
            span,
        };
        m.finish();
        Some(rule)
    }

    /// A text that 2.42 takes from the node as it stands: `~` is a text there, a list is an empty one.
    fn text(&self, m: &Mapping<'_>, name: &'static str) -> Spanned<String> {
        let none = Spanned { value: String::new(), span: Span::default() };
        let Some(node) = m.get(name) else { return none };
        if self.read_as.release >= (3, 0) {
            return self.d.string(node).unwrap_or(none);
        }
        let span = Span { start: node.start_with_properties(self.d.source()) as u32, ..node.span() };
        Spanned { value: node.scalar().map_or_else(String::new, |s| s.value.clone()), span }
    }

    fn parse_expressions(&self, mut file: RuleFile) -> RuleFile {
        let options = checks::parse_options(self.read_as);
        for rule in file.groups.iter_mut().flat_map(|g| &mut g.rules) {
            rule.parsed = crate::promql::parse(&rule.expr.value, &options).ok().map(Arc::new);
        }
        file
    }
}

#[cfg(test)]
mod tests;
