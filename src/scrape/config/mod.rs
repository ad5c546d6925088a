//! prometheus.yml as Prometheus reads it, 2.42 and 3.x: every field and check, all errors at once, places kept.
//!
//! Pure: it is handed the text; files that the configuration names are listed, not opened. Facts from the upstream
//! configuration fixtures, recorded answers of promtool, and the release notes (which field came when).

mod alerting;
mod discovery;
mod discovery_rules;
mod global;
mod http_client;
mod job;
mod relabel_rules;
mod remote;
mod schema;
mod target_file;
mod targets;
mod types;

use std::cell::{Cell, RefCell};

pub use target_file::read_target_file;
pub use types::{
    AlertmanagerConfig, Discovery, FileDiscovery, FileOwner, FileUse, Global, Limits, NameScheme, PrometheusConfig,
    ReferencedFile, ScrapeConfig, TargetGroup,
};

use crate::promql::signature::Release;
use crate::text::{Diagnostic, SourceText};
use crate::yaml::{self, Decoder, GoYaml, Mapping, Node, Spanned};

/// As which program the file is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadAs {
    /// The release.
    pub release: Release,
    /// Whether it is Debian's build, which lacks some kinds of service discovery.
    pub debian: bool,
}

impl ReadAs {
    /// A release as its makers ship it.
    pub fn release(release: Release) -> Self {
        Self { release, debian: false }
    }
}

/// Hints for fields that students put at the top of the file.
const TOP_HINTS: &[(&str, &str)] = &[
    ("scrape_interval", "move it under `global:`, indented by two spaces"),
    ("scrape_timeout", "move it under `global:`, indented by two spaces"),
    ("evaluation_interval", "move it under `global:`, indented by two spaces"),
    ("external_labels", "move it under `global:`, indented by two spaces"),
    ("rules", "write the rules in a file of their own and name that file under `rule_files:`"),
    ("groups", "write the rule groups in a file of their own and name that file under `rule_files:`"),
    ("alertmanagers", "put it under `alerting:`, indented by two spaces"),
    ("alert", "write the rules in a file of their own and name that file under `rule_files:`"),
    ("job_name", "put the job under `scrape_configs:` as a list item, `- job_name: …`"),
    ("static_configs", "put it inside a job under `scrape_configs:`"),
    ("targets", "put it under `static_configs:` of a job"),
    ("rule_file", "write `rule_files:` and a list of files"),
    ("route", "move it to alertmanager.yml: routes and receivers belong to Alertmanager"),
    ("receivers", "move it to alertmanager.yml: routes and receivers belong to Alertmanager"),
    ("services", "move it to the compose file"),
];

/// Reads a prometheus.yml. The configuration is there unless the text is not YAML at all; it is what Prometheus would
/// run with only if no diagnostic is an error.
pub fn read(source: &SourceText, read_as: ReadAs) -> (Option<PrometheusConfig>, Vec<Diagnostic>) {
    let root = match yaml::parse(source) {
        Ok(root) => root,
        Err(e) => return (None, vec![*e]),
    };
    let d = Decoder::new(source, GoYaml::V2);
    let files = RefCell::default();
    let reader = Reader::new(read_as, &files);
    let config = match root.filter(|n| !n.is_null()) {
        None => Some(reader.empty()),
        Some(root) => d.mapping(&root, "config.plain").map(|m| reader.top(m)),
    };
    let config = config.map(|c| PrometheusConfig { files: files.take(), ..c });
    (config, d.into_diagnostics())
}

/// Reads one of `scrape_config_files`: a mapping with `scrape_configs` only. `global` is the main file's.
pub fn read_scrape_config_file(
    source: &SourceText,
    read_as: ReadAs,
    global: &Global,
) -> (Vec<ScrapeConfig>, Vec<Diagnostic>) {
    let root = match yaml::parse(source) {
        Ok(root) => root,
        Err(e) => return (Vec::new(), vec![*e]),
    };
    let d = Decoder::new(source, GoYaml::V2);
    let files = RefCell::default();
    let reader = Reader::new(read_as, &files);
    let jobs = root.and_then(|root| d.mapping(&root, "config.ScrapeConfigs")).map_or_else(Vec::new, |m| {
        m.hints(&[("global", "remove it: only `scrape_configs` may stand in this file")]);
        let jobs = reader.jobs(&m, global);
        m.finish();
        jobs
    });
    (jobs, d.into_diagnostics())
}

/// The state of one reading.
struct Reader<'a> {
    release: Release,
    debian: bool,
    files: &'a RefCell<Vec<ReferencedFile>>,
    /// Whose files are being met.
    owner: Cell<FileOwner>,
}

impl<'a> Reader<'a> {
    fn new(read_as: ReadAs, files: &'a RefCell<Vec<ReferencedFile>>) -> Self {
        Self { release: read_as.release, debian: read_as.debian, files, owner: Cell::new(FileOwner::Other) }
    }
}

impl Reader<'_> {
    fn is_v3(&self) -> bool {
        self.release >= (3, 0)
    }

    /// Whether Prometheus' own reader takes the text as a label's name.
    fn is_label_name(&self, name: &str) -> bool {
        if self.is_v3() { !name.is_empty() } else { relabel_rules::is_legacy_label_name(name) }
    }

    /// Remembers a file that the server opens.
    fn file(&self, purpose: FileUse, path: Option<Spanned<String>>) {
        if let Some(path) = path {
            self.files.borrow_mut().push(ReferencedFile { purpose, owner: self.owner.get(), path });
        }
    }

    fn empty(&self) -> PrometheusConfig {
        let mut config = PrometheusConfig::default();
        config.global.names = self.default_names();
        config
    }

    fn top(&self, m: Mapping<'_>) -> PrometheusConfig {
        m.hints(TOP_HINTS);
        let mut config = self.empty();
        if let Some(node) = m.some("global") {
            config.global = self.global(m.decoder(), node);
        }
        config.rule_files = self.patterns(&m, "rule_files", "rule file");
        if self.knows(&m, "scrape_config_files", (2, 43)) {
            config.scrape_config_files = self.patterns(&m, "scrape_config_files", "scrape config file");
        }
        config.scrape_configs = self.jobs(&m, &config.global);
        if let Some(node) = m.some("alerting") {
            self.alerting(m.decoder(), node, &mut config);
        }
        config.remotes = self.remotes(&m, config.global.names);
        self.other_sections(&m, config.global.names);
        m.finish();
        config
    }

    /// Paths in which `*` may stand in the last part only.
    fn patterns(&self, m: &Mapping<'_>, name: &'static str, what: &str) -> Vec<Spanned<String>> {
        let patterns = m.strings(name);
        for p in &patterns {
            if p.value.split_once('*').is_some_and(|(_, after)| after.contains('/')) {
                let message = format!("invalid {what} path {}", crate::golang::quote(&p.value));
                m.decoder().error_help(p.span, message, "use `*` in the last part of the path only");
            }
        }
        patterns
    }
}

/// A field's text: nothing written gives the default, null the empty text.
fn text_or(m: &Mapping<'_>, name: &'static str, default: &str) -> String {
    match m.get(name) {
        None => default.to_owned(),
        Some(n) if n.is_null() => String::new(),
        Some(n) => m.decoder().string(n).map_or_else(|| default.to_owned(), |s| s.value),
    }
}

/// A boolean field: nothing written gives the default, null gives false.
fn bool_or(m: &Mapping<'_>, name: &'static str, default: bool) -> bool {
    match m.get(name) {
        None => default,
        Some(n) if n.is_null() => false,
        Some(n) => m.decoder().bool(n).unwrap_or(default),
    }
}

/// The text of a scalar, for looking without reporting.
fn peek<'m>(m: &'m Mapping<'_>, name: &'static str) -> &'m str {
    m.some(name).and_then(Node::as_str).unwrap_or("")
}

#[cfg(test)]
mod tests;
