//! From a file's text to a [`Config`], with every error of the file.
//!
//! Facts: upstream `config/config.go` of 0.25 and 0.34, probed with amtool 0.25.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::checks::{check, check_global};
use super::fields::{Field, FieldKind, Fields, newer};
use super::receivers::{GLOBAL, fields_of};
use super::routes::{inhibit_rule, route};
use super::{Config, DiscordSettings, Integration, IntegrationKind, Receiver, Route, Settings, WebhookSettings, times};
use crate::alertmanager::matchers::Names;
use crate::alertmanager::version::Version;
use crate::text::{Diagnostic, Severity, SourceText, Span};
use crate::yaml::{self, Decoder, GoYaml, Mapping, Node};

/// What came of reading an `alertmanager.yml`.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The configuration, when the real program accepts the file.
    pub config: Option<Config>,
    /// Everything that was found, errors and warnings.
    pub diagnostics: Vec<Diagnostic>,
}

impl Config {
    /// Reads an `alertmanager.yml` as this version does; all errors of the file at once.
    pub fn load(source: &SourceText, version: Version) -> Loaded {
        Self::load_with(source, version, Names::Both)
    }

    /// Reads it as a server with this `--enable-feature` does.
    pub fn load_with(source: &SourceText, version: Version, names: Names) -> Loaded {
        let root = match yaml::parse(source) {
            Ok(root) => root,
            Err(e) => return Loaded { config: None, diagnostics: vec![*e] },
        };
        let d = Decoder::new(source, GoYaml::V2);
        let config = match root.filter(|n| !n.is_null()) {
            Some(root) => read(&d, &root, version, names),
            None => {
                let help = "add `route:` with a `receiver:`, and `receivers:`";
                d.error_help(Span::default(), "no route provided in config", help);
                None
            }
        };
        let failed = d.failed();
        let mut diagnostics = d.into_diagnostics();
        let config = config.filter(|_| !failed);
        if let Some(config) = &config {
            super::advice::advise(config, source, version, &mut diagnostics);
        }
        diagnostics.sort_by_key(|f| (f.severity != Severity::Error, f.primary.as_ref().map_or(0, |l| l.span.start)));
        Loaded { config, diagnostics }
    }
}

fn read(d: &Decoder, root: &Node, version: Version, names: Names) -> Option<Config> {
    let m = d.mapping(root, "config.plain")?;
    let global = m.with("global", |d, n| Fields::read(d, n, GLOBAL, version)).unwrap_or_default();
    check_global(d, &global);
    let templates = m.strings("templates");
    for glob in &templates {
        if !is_glob(&glob.value) {
            d.error_help(glob.span, "syntax error in pattern", "close the bracket of the pattern");
        }
    }
    let root_route = m.with("route", |d, n| route(d, n, version, names));
    let receivers = receivers(d, &m, &global, version);
    let inhibit_rules = m.list("inhibit_rules", "[]*config.InhibitRule", |d, n| inhibit_rule(d, n, version, names));
    let (mute, active) = (times::read(&m, "mute_time_intervals"), times::read(&m, "time_intervals"));
    times::check_names(d, &mute, &active);
    for (name, since) in [("tracing", 30), ("event_recorder", 33)] {
        let field = Field { name, kind: FieldKind::Any, since };
        if m.has(name) && version.minor() < since {
            newer(d, m.key_span(name), &field);
        }
        let _ = m.get(name);
    }
    m.hints(&[
        ("receiver", "rename it `receivers:`, or indent it under `route:`"),
        ("routes", "indent it under `route:`"),
        ("group_by", "indent it under `route:`"),
        ("inhibit_rule", "rename it `inhibit_rules:`"),
        ("groups", "move rules to a rule file of Prometheus: this file only routes alerts"),
        ("alerting", "move it to prometheus.yml"),
    ]);
    let (has_route, start) = (m.has("route"), m.start_span());
    m.finish();
    let Some(root_route) = root_route else {
        if !has_route || !d.failed() {
            d.error_help(start, "no routes provided", "add `route:` with a `receiver:`");
        }
        return None;
    };
    check_root(d, &root_route);
    let known: BTreeSet<Arc<str>> = receivers.iter().map(|r| r.name.clone()).collect();
    let intervals: BTreeSet<Arc<str>> = mute.iter().chain(&active).map(|i| i.name.clone()).collect();
    check_tree(d, &root_route, &known, &intervals);
    Some(Config {
        names,
        resolve_timeout: match global.has("resolve_timeout") {
            true => Duration::from_nanos(global.int("resolve_timeout").unsigned_abs()),
            false => Duration::from_secs(300),
        },
        templates: templates.into_iter().map(|t| t.value.into()).collect(),
        route: root_route,
        receivers: receivers.into_iter().map(Arc::new).collect(),
        inhibit_rules,
        time_intervals: mute.into_iter().chain(active).collect(),
    })
}

/// Whether Go's `filepath.Match` takes a pattern.
fn is_glob(pattern: &str) -> bool {
    let mut rest = pattern.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\\' if rest.next().is_none() => return false,
            '[' => {
                rest.next_if_eq(&'^');
                let mut empty = true;
                loop {
                    if !empty && rest.next_if_eq(&']').is_some() {
                        break;
                    }
                    empty = false;
                    if !range_end(&mut rest) || (rest.next_if_eq(&'-').is_some() && !range_end(&mut rest)) {
                        return false;
                    }
                }
            }
            _ => {}
        }
    }
    true
}

/// One end of a range in brackets; something must follow it.
fn range_end(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> bool {
    match rest.next() {
        None | Some('-' | ']') => false,
        Some('\\') => rest.next().is_some() && rest.peek().is_some(),
        Some(_) => rest.peek().is_some(),
    }
}

fn check_root(d: &Decoder, route: &Route) {
    let wrong = |why: &str, help: &str| d.error_help(route.span, why, help);
    if route.receiver.as_deref().is_none_or(str::is_empty) {
        wrong("root route must specify a default receiver", "add `receiver:` directly under `route:`");
    }
    if !route.matchers.is_empty() {
        let help = "move the matchers to a route under `routes:`: the first route takes every alert";
        wrong("root route must not have any matchers", help);
    }
    if !route.mute_time_intervals.is_empty() {
        wrong("root route must not have any mute time intervals", "move them to a route under `routes:`");
    }
    if !route.active_time_intervals.is_empty() {
        wrong("root route must not have any active time intervals", "move them to a route under `routes:`");
    }
    if route.continues {
        wrong("cannot have continue in root route", "remove `continue:` here");
    }
}

fn check_tree(d: &Decoder, root: &Route, receivers: &BTreeSet<Arc<str>>, intervals: &BTreeSet<Arc<str>>) {
    let mut open = vec![root];
    while let Some(route) = open.pop() {
        open.extend(&route.routes);
        let name = route.receiver.as_ref().filter(|r| !r.is_empty());
        if let Some(name) = name.filter(|r| !receivers.contains(*r)) {
            let known = yaml::nearest(name, receivers.iter().map(|r| &**r));
            let help = match known {
                Some(near) => format!("write {near}: names must be spelt exactly as under `receivers:`"),
                None => format!("add a receiver with `name: {name}`, or write the name of one that is there"),
            };
            let why = format!("undefined receiver {} used in route", crate::golang::quote(name));
            d.error_help(route.receiver_span, why, help);
        }
        for interval in route.active_time_intervals.iter().chain(&route.mute_time_intervals) {
            if !intervals.contains(interval) {
                let why = format!("undefined time interval {} used in route", crate::golang::quote(interval));
                d.error_help(route.span, why, format!("add an entry with `name: {interval}` under `time_intervals:`"));
            }
        }
    }
}

fn receivers(d: &Decoder, m: &Mapping<'_>, global: &Fields, version: Version) -> Vec<Receiver> {
    let mut found: Vec<Receiver> = Vec::new();
    for receiver in m.list("receivers", "[]*config.Receiver", |d, n| receiver(d, n, global, version)) {
        if found.iter().any(|r| r.name == receiver.name) {
            let why = format!("notification config name {} is not unique", crate::golang::quote(&receiver.name));
            let help = "put the integrations of both under one receiver, or rename one";
            d.error_help(receiver.span, why, help);
        }
        found.push(receiver);
    }
    found
}

fn receiver(d: &Decoder, node: &Node, global: &Fields, version: Version) -> Option<Receiver> {
    if node.is_null() {
        d.error_help(node.span(), "missing receiver", "remove the empty `- `, or add `name:` to it");
        return None;
    }
    let m = d.mapping(node, "config.plain")?;
    let name = m.string("name").filter(|n| !n.value.is_empty());
    if name.is_none() {
        d.error_help(m.start_span(), "missing name in receiver", "add `name:`");
    }
    let labels = if version >= Version::V0_33 {
        m.string_map("labels")
    } else {
        if m.has("labels") {
            newer(d, m.key_span("labels"), &Field { name: "labels", kind: FieldKind::Map, since: 33 });
            let _ = m.get("labels");
        }
        Vec::new()
    };
    let mut integrations = Vec::new();
    for kind in IntegrationKind::ALL {
        let key = kind.list_key();
        if version.minor() < kind.since() {
            if m.has(key) {
                newer(d, m.key_span(key), &Field { name: key, kind: FieldKind::Any, since: kind.since() });
                let _ = m.get(key);
            }
            continue;
        }
        let place = m.key_span(key);
        let mut index = 0;
        integrations.extend(m.list(key, "[]*config.DiscordConfig", |d, n| {
            let read = integration(d, n, *kind, index, place, global, version);
            index += 1;
            read
        }));
    }
    let span = name.as_ref().map_or(node.span(), |n| n.span);
    m.hints(&[
        ("discord_config", "rename it `discord_configs:`, a list"),
        ("discord", "rename it `discord_configs:`, a list"),
        ("webhook_config", "rename it `webhook_configs:`, a list"),
        ("webhook_url", "put it in an item of `discord_configs:`"),
        ("send_resolved", "put it in an item of the list, beside `webhook_url:`"),
        ("url", "put it in an item of `webhook_configs:`"),
        ("receiver", "rename it `name:`"),
    ]);
    m.finish();
    let labels: BTreeMap<Arc<str>, Arc<str>> =
        labels.into_iter().map(|(k, v)| (k.value.into(), v.value.into())).collect();
    Some(Receiver { name: name?.value.into(), labels: Arc::new(labels), integrations, span })
}

fn integration(
    d: &Decoder,
    node: &Node,
    kind: IntegrationKind,
    index: usize,
    place: Span,
    global: &Fields,
    version: Version,
) -> Option<Arc<Integration>> {
    if node.is_null() {
        let why = format!("missing {} config", kind.as_str());
        d.error_help(place, why, "remove the empty `- `, or put the settings behind it");
        return None;
    }
    let before = d.count();
    let fields = Fields::read(d, node, fields_of(kind), version)?;
    if d.count() == before {
        check(d, kind, &fields, global, version);
    }
    let text = |key: &str, default: &str| -> Arc<str> {
        if fields.has(key) { fields.text(key).into() } else { default.into() }
    };
    let optional = |key: &str| fields.set(key).then(|| Arc::<str>::from(fields.text(key)));
    let http = fields.http("http_config").or_else(|| global.http("http_config")).cloned().unwrap_or_default();
    let settings = match kind {
        IntegrationKind::Discord => Settings::Discord(DiscordSettings {
            webhook_url: optional("webhook_url"),
            webhook_url_file: optional("webhook_url_file"),
            title: text("title", r#"{{ template "discord.default.title" . }}"#),
            message: text("message", r#"{{ template "discord.default.message" . }}"#),
            content: text("content", ""),
            username: text("username", ""),
            avatar_url: text("avatar_url", ""),
            http,
        }),
        IntegrationKind::Webhook => Settings::Webhook(WebhookSettings {
            url: optional("url"),
            url_file: optional("url_file"),
            max_alerts: fields.int("max_alerts").unsigned_abs(),
            timeout: Duration::from_nanos(fields.int("timeout").unsigned_abs()),
            payload: fields.tree("payload").cloned(),
            http,
        }),
        _ => {
            let mut shown: BTreeMap<Arc<str>, Arc<str>> =
                fields.shown_texts().map(|(k, v)| (k.into(), v.into())).collect();
            nested_texts(&fields, &mut shown);
            // Discord takes Slack's bodies behind /slack: where they go must be known, the secret in it need not.
            if kind == IntegrationKind::Slack {
                let own = if fields.set("api_url") { fields.text("api_url") } else { global.text("slack_api_url") };
                shown.insert("api_url".into(), crate::text::mask_secrets(own).into());
            }
            Settings::Other(shown)
        }
    };
    Some(Arc::new(Integration {
        kind,
        index,
        send_resolved: fields.bool("send_resolved").unwrap_or(kind.default_send_resolved()),
        settings,
        span: fields.whole(),
    }))
}

/// Texts inside lists and maps, by path: `fields.0.title`, `headers.Subject`; flags as `true` or `false`.
fn nested_texts(fields: &Fields, shown: &mut BTreeMap<Arc<str>, Arc<str>>) {
    let mut add = |path: String, text: &str| {
        shown.insert(path.into(), text.into());
    };
    for (name, value) in fields.map("headers") {
        add(format!("headers.{name}"), value);
    }
    for flag in ["link_names", "short_fields"] {
        if let Some(value) = fields.bool(flag) {
            add(flag.to_owned(), if value { "true" } else { "false" });
        }
    }
    for (i, text) in fields.list("mrkdwn_in").iter().enumerate() {
        add(format!("mrkdwn_in.{i}"), text);
    }
    for list in ["fields", "actions"] {
        for (i, item) in fields.many(list).iter().enumerate() {
            // A button with an address is a link; Alertmanager drops what belongs to the other kind.
            let link = list == "actions" && item.set("url");
            for (name, text) in item.shown_texts().filter(|(name, _)| !link || !matches!(*name, "name" | "value")) {
                add(format!("{list}.{i}.{name}"), text);
            }
            if let Some(short) = item.bool("short") {
                add(format!("{list}.{i}.short"), if short { "true" } else { "false" });
            }
            if let Some(confirm) = item.nested("confirm").filter(|_| !link) {
                add(format!("{list}.{i}.confirm"), "");
                for (name, text) in confirm.shown_texts() {
                    add(format!("{list}.{i}.confirm.{name}"), text);
                }
            }
        }
    }
}
