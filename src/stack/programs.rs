//! Prometheus and Alertmanager as the stack runs them: the files they really read, decoded.

use std::collections::BTreeMap;

use super::compose::image::{Role, Version};
use super::compose::persist::{Persistence, of_path};
use super::compose::{Container, Place, Project, Provided};
use super::path;
use super::site::{FileAt, Site};
use super::tree::FileTree;
use crate::alertmanager;
use crate::alertmanager::config::Config as AlertmanagerConfig;
use crate::promql::Dialect;
use crate::promql::signature::{Release, release_of};
use crate::rules::file::{ReadRules, RuleFile};
use crate::scrape::config::{PrometheusConfig, ReadAs, read_scrape_config_file, read_target_file};
use crate::text::{Diagnostic, Severity, SourceText};
use crate::yaml::{self, Node};

/// How it stands with a configuration.
#[derive(Clone, Debug)]
pub enum ConfigState {
    /// The program reads this text.
    Readable(SourceText),
    /// The program reads its image's own sample, which knows nothing of the lab.
    ImageDefault(String),
    /// The program finds nothing, so it does not start.
    Missing(String, Option<Place>),
    /// The repository cannot tell, with a sample when there is one.
    Unverified(String, Option<SourceText>),
}

impl ConfigState {
    fn of(site: Site<'_>, at: &str, tree: &FileTree) -> Self {
        let file = site.open(at, tree);
        // A file that is written at the start counts only when nothing else is there.
        if !matches!(file, FileAt::Text(..))
            && let Some(why) = site.rendered(at, tree)
        {
            return Self::Unverified(why, None);
        }
        if let Some(why) = command_without_config_file(site, at, tree) {
            return Self::Missing(why, None);
        }
        match file {
            FileAt::Text(text, _) => Self::Readable(text),
            FileAt::ImageDefault => {
                Self::ImageDefault(format!("nothing of the repository lies at {at}, so the image's own sample is read"))
            }
            FileAt::Missing(why, place) => Self::Missing(why, place),
            FileAt::Hidden(why, sample) => Self::Unverified(why, sample),
        }
    }

    /// The text that is read.
    pub fn text(&self) -> Option<&SourceText> {
        match self {
            Self::Readable(text) => Some(text),
            _ => None,
        }
    }

    /// Why there is no text; nothing when there is.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Readable(_) => None,
            Self::ImageDefault(why) | Self::Missing(why, _) | Self::Unverified(why, _) => Some(why),
        }
    }
}

/// A command that replaces the image's flags and names no configuration sends the program to look where its data lie.
fn command_without_config_file(site: Site<'_>, at: &str, tree: &FileTree) -> Option<String> {
    let Site::Container(project, container) = site else { return None };
    let data_only = matches!(container.provided(project, at, tree), Provided::Volume(..));
    (container.flag("config.file").is_none() && data_only).then(|| {
        format!("the command replaces the image's flags and has no --config.file, so {at} is looked for, where only data lie")
    })
}

/// A rule file that Prometheus loads.
#[derive(Clone, Debug)]
pub struct RuleSource {
    /// Its path as Prometheus sees it: absolute in a container, relative to the repository on the machine.
    pub path: String,
    /// Its text.
    pub source: SourceText,
    /// What it says, when it is YAML.
    pub file: Option<RuleFile>,
    /// What Prometheus refuses it for, and warnings.
    pub diagnostics: Vec<Diagnostic>,
}

/// Prometheus.
#[derive(Clone, Debug)]
pub struct Prometheus {
    /// Its service; nothing when it runs on the machine.
    pub service: Option<String>,
    /// The version of its tag; nothing for the newest.
    pub version: Option<Version>,
    /// The release it is read as.
    pub release: Release,
    /// 2.42 or 3.
    pub dialect: Dialect,
    /// Where it looks for its configuration.
    pub config_path: String,
    /// How it stands with it.
    pub state: ConfigState,
    /// What it says, targets of discovered files added. There also when it is refused.
    pub config: Option<PrometheusConfig>,
    /// What the configuration is refused for, and warnings.
    pub diagnostics: Vec<Diagnostic>,
    /// The rule files it loads, in order.
    pub rules: Vec<RuleSource>,
    /// Entries of `rule_files` that name nothing: the entry, why, and whether the repository cannot tell.
    pub missing_rules: Vec<(String, String, bool)>,
    /// What holds its samples.
    pub data: Persistence,
    /// `--web.external-url`
    pub external_url: Option<String>,
}

/// A file that Alertmanager's configuration names.
#[derive(Clone, Debug)]
pub enum NamedFile {
    /// Its text.
    Text(String),
    /// It is there, though not in the repository: a secret, for example.
    Hidden(String),
    /// It is not there.
    Missing(String),
}

/// Alertmanager.
#[derive(Clone, Debug)]
pub struct Alertmanager {
    /// Its service; nothing when it runs on the machine.
    pub service: Option<String>,
    /// The version of its tag as written; nothing for the newest.
    pub tag: Option<Version>,
    /// The version it is read as.
    pub version: alertmanager::Version,
    /// Which label names and matchers it takes (`--enable-feature`).
    pub names: alertmanager::Names,
    /// Where it looks for its configuration.
    pub config_path: String,
    /// How it stands with it.
    pub state: ConfigState,
    /// What it says; nothing when it is refused.
    pub config: Option<AlertmanagerConfig>,
    /// What the configuration is refused for, and warnings.
    pub diagnostics: Vec<Diagnostic>,
    /// Template files: name and text.
    pub templates: Vec<(String, SourceText)>,
    /// Other files that settings name (`webhook_url_file` and the like), by path as written.
    pub files: BTreeMap<String, NamedFile>,
    /// What holds silences and the notification log.
    pub data: Persistence,
    /// `--web.external-url`
    pub external_url: Option<String>,
    /// What the paths it serves begin with: `--web.route-prefix`, else the path of the external URL; `""` for none.
    pub route_prefix: String,
}

fn refuses(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().any(|d| d.severity == Severity::Error)
}

impl Prometheus {
    /// Reads the Prometheus of a container.
    pub fn in_container(project: &Project, container: &Container, tree: &FileTree) -> Self {
        let site = Site::Container(project, container);
        let data_path = container.flag("storage.tsdb.path").and_then(|p| path::join(&container.workdir, p));
        let data_path = data_path.unwrap_or_else(|| "/prometheus".to_owned());
        let mut found = Self::new(Some(container.service.clone()), container.version(), container.config_path());
        found.data = of_path(project, container, &data_path);
        found.external_url = container.flag("web.external-url").map(str::to_owned);
        found.read(site, tree);
        found
    }

    /// Reads a Prometheus that would run on the machine with a file of the repository.
    pub fn on_machine(config: &str, tree: &FileTree) -> Self {
        let mut found = Self::new(None, None, config.to_owned());
        found.read(Site::Machine, tree);
        found
    }

    fn new(service: Option<String>, version: Option<Version>, config_path: String) -> Self {
        let dialect = if version.is_some_and(|v| v.0 < 3) { Dialect::V2_42 } else { Dialect::V3 };
        Self {
            service,
            version,
            release: version.unwrap_or_else(|| release_of(Dialect::V3)),
            dialect,
            config_path,
            state: ConfigState::Missing(String::new(), None),
            config: None,
            diagnostics: Vec::new(),
            rules: Vec::new(),
            missing_rules: Vec::new(),
            data: Persistence::Bind,
            external_url: None,
        }
    }

    fn read(&mut self, site: Site<'_>, tree: &FileTree) {
        self.state = ConfigState::of(site, &self.config_path, tree);
        let Some(source) = self.state.text().cloned() else { return };
        let read_as = ReadAs::release(self.release);
        let (config, diagnostics) = crate::scrape::config::read(&source, read_as);
        self.diagnostics = diagnostics;
        let Some(mut config) = config else { return };
        let folder = path::parent(&self.config_path).to_owned();
        for pattern in &config.scrape_config_files {
            for (_, text) in texts(site, &folder, &pattern.value, tree) {
                let (jobs, diagnostics) = read_scrape_config_file(&text, read_as, &config.global);
                config.scrape_configs.extend(jobs);
                self.diagnostics.extend(diagnostics);
            }
        }
        for job in &mut config.scrape_configs {
            for files in std::mem::take(&mut job.discovery.file_sd_configs) {
                for pattern in &files.files {
                    for (_, text) in texts(site, &folder, &pattern.value, tree) {
                        let (groups, diagnostics) = read_target_file(&text, read_as);
                        job.discovery.static_configs.extend(groups);
                        self.diagnostics.extend(diagnostics);
                    }
                }
                job.discovery.file_sd_configs.push(files);
            }
        }
        self.read_rules(site, &folder, &config, tree);
        self.config = Some(config);
    }

    fn read_rules(&mut self, site: Site<'_>, folder: &str, config: &PrometheusConfig, tree: &FileTree) {
        for pattern in &config.rule_files {
            let found = texts(site, folder, &pattern.value, tree);
            if found.is_empty() {
                let at = path::join(folder, &pattern.value).unwrap_or_else(|| pattern.value.clone());
                let (why, hidden) = match site.open(&at, tree) {
                    _ if at.contains(['*', '?', '[']) => (format!("no file matches {at}"), false),
                    FileAt::Hidden(why, _) => (why, true),
                    FileAt::Missing(why, _) => (why, false),
                    FileAt::ImageDefault | FileAt::Text(..) => (format!("{at} cannot be read"), false),
                };
                if let Some(source) = self.state.text() {
                    let d = Diagnostic::warning(format!("rule_files names {:?}, but {why}", pattern.value));
                    let help = "mount the rule file beside the configuration, or correct the path";
                    self.diagnostics.push(d.at(source, pattern.span).help(help));
                }
                self.missing_rules.push((pattern.value.clone(), why, hidden));
            }
            for (path, source) in found {
                if self.rules.iter().any(|r| r.path == path) {
                    continue;
                }
                let (file, diagnostics) = crate::rules::file::read(&source, &ReadRules::release(self.release));
                self.rules.push(RuleSource { path, source, file, diagnostics });
            }
        }
    }

    /// Whether Prometheus refuses its configuration.
    pub fn config_refused(&self) -> bool {
        refuses(&self.diagnostics)
    }

    /// The rule file that Prometheus refuses, if any.
    pub fn refused_rules(&self) -> Option<&RuleSource> {
        self.rules.iter().find(|r| refuses(&r.diagnostics))
    }

    /// Whether it runs, as far as the files tell.
    pub fn runs(&self) -> bool {
        matches!(self.state, ConfigState::Readable(_)) && !self.config_refused() && self.refused_rules().is_none()
    }
}

impl Alertmanager {
    /// Reads the Alertmanager of a container.
    pub fn in_container(project: &Project, container: &Container, tree: &FileTree) -> Self {
        let data_path = container.flag("storage.path").and_then(|p| path::join(&container.workdir, p));
        let data_path = data_path.unwrap_or_else(|| "/alertmanager".to_owned());
        let tag = container.image.tag.as_deref().unwrap_or_default();
        let mut found = Self::new(Some(container.service.clone()), container.config_path());
        found.tag = container.version();
        found.version = alertmanager::Version::from_image_tag(tag);
        found.data = of_path(project, container, &data_path);
        found.names = container.flag("enable-feature").map(alertmanager::Names::of_features).unwrap_or_default();
        found.external_url = container.flag("web.external-url").filter(|u| !u.is_empty()).map(str::to_owned);
        found.route_prefix = route_prefix(container.flag("web.route-prefix"), found.external_url.as_deref());
        found.read(Site::Container(project, container), tree);
        found
    }

    /// Reads an Alertmanager that would run on the machine with a file of the repository.
    pub fn on_machine(config: &str, tree: &FileTree) -> Self {
        let mut found = Self::new(None, config.to_owned());
        found.read(Site::Machine, tree);
        found
    }

    fn new(service: Option<String>, config_path: String) -> Self {
        Self {
            service,
            tag: None,
            version: alertmanager::Version::LATEST,
            names: alertmanager::Names::Both,
            config_path,
            state: ConfigState::Missing(String::new(), None),
            config: None,
            diagnostics: Vec::new(),
            templates: Vec::new(),
            files: BTreeMap::new(),
            data: Persistence::Bind,
            external_url: None,
            route_prefix: String::new(),
        }
    }

    fn read(&mut self, site: Site<'_>, tree: &FileTree) {
        self.state = ConfigState::of(site, &self.config_path, tree);
        let Some(source) = self.state.text().cloned() else { return };
        let loaded = AlertmanagerConfig::load_with(&source, self.version, self.names);
        self.diagnostics = loaded.diagnostics;
        self.config = loaded.config;
        // discord_configs came with 0.25; older releases are read as 0.25 otherwise.
        if self.tag.is_some_and(|v| v < (0, 25)) {
            self.refuse_discord(&source);
        }
        let folder = path::parent(&self.config_path).to_owned();
        let patterns: Vec<String> = self.config.iter().flat_map(|c| &c.templates).map(|t| t.to_string()).collect();
        for pattern in patterns {
            for (at, text) in texts(site, &folder, &pattern, tree) {
                self.templates.push((path::file_name(&at).to_owned(), text));
            }
        }
        let mut named = Vec::new();
        if let Ok(Some(root)) = yaml::parse(&source) {
            named_files(&root, &mut named, 0);
        }
        for written in named {
            let at = path::join(&folder, &written).unwrap_or_else(|| written.clone());
            let file = match site.open(&at, tree) {
                FileAt::Text(text, _) => NamedFile::Text(text.text().to_owned()),
                FileAt::Hidden(why, _) => NamedFile::Hidden(why),
                // On the machine an absolute path says nothing about the repository.
                FileAt::Missing(why, _) if matches!(site, Site::Machine) => NamedFile::Hidden(why),
                FileAt::Missing(why, _) => NamedFile::Missing(why),
                FileAt::ImageDefault => NamedFile::Missing(format!("nothing puts a file at {at} of the container")),
            };
            self.files.insert(written, file);
        }
    }

    fn refuse_discord(&mut self, source: &SourceText) {
        let Some(at) = source.text().find("discord_configs") else { return };
        let span = crate::text::Span::new(at, at + "discord_configs".len());
        let line = source.position(at).line;
        let d = Diagnostic::error("discord_configs came with Alertmanager 0.25, and the image is older");
        let words = format!("line {line}: field discord_configs not found in type config.plain");
        self.diagnostics.push(d.at(source, span).upstream(words).help("use a newer tag of prom/alertmanager"));
        self.config = None;
    }

    /// Whether it runs, as far as the files tell.
    pub fn runs(&self) -> bool {
        matches!(self.state, ConfigState::Readable(_)) && self.config.is_some()
    }

    /// What it answers to alerts that are posted to a path, when it does not take them. `version` is its release.
    pub fn turns_away(&self, path: &str, version: alertmanager::Version) -> Option<String> {
        let prefix = &self.route_prefix;
        match path.strip_prefix(prefix.as_str()) {
            Some("/api/v2/alerts") => None,
            Some("/api/v1/alerts") if version < alertmanager::Version::V0_27 => None,
            Some("/api/v1/alerts") => Some(format!("answers 410 Gone to {path}: {version} has version 2 only")),
            _ => Some(format!("answers 404 Not Found to {path}: it serves {prefix}/api/v2/alerts")),
        }
    }
}

/// As Alertmanager works it out; facts measured with 0.25.
fn route_prefix(flag: Option<&str>, external_url: Option<&str>) -> String {
    let of_url = || {
        let rest = external_url.and_then(|u| u.split_once("://")).map_or("", |(_, rest)| rest);
        let path = rest.find('/').map_or("", |at| &rest[at..]);
        path.split(['?', '#']).next().unwrap_or_default()
    };
    let prefix = flag.filter(|f| !f.is_empty()).unwrap_or_else(of_url).trim_matches('/');
    if prefix.is_empty() { String::new() } else { format!("/{prefix}") }
}

/// The texts that a path or pattern of a configuration names, with their paths as the program sees them.
fn texts(site: Site<'_>, folder: &str, pattern: &str, tree: &FileTree) -> Vec<(String, SourceText)> {
    let Some(at) = path::join(folder, pattern) else { return Vec::new() };
    let mut names = if at.contains(['*', '?', '[']) { site.expand(&at, tree) } else { vec![at.clone()] };
    if matches!(site, Site::Machine) && pattern.starts_with('/') {
        // A path of a container, told by the file of that name beside the configuration.
        let beside = path::join(folder, path::file_name(pattern)).unwrap_or_default();
        names = if beside.contains('*') { site.expand(&beside, tree) } else { vec![beside] };
    }
    names.into_iter().filter_map(|n| Some((n.clone(), site.open(&n, tree).text()?.clone()))).collect()
}

/// Values of keys that end in `_file`.
fn named_files(node: &Node, found: &mut Vec<String>, depth: usize) {
    if depth > yaml::MAX_DEPTH || found.len() > 200 {
        return;
    }
    for (key, value) in node.entries() {
        match (key.as_str(), value.as_str()) {
            (Some(key), Some(value)) if key.ends_with("_file") && !value.is_empty() => found.push(value.to_owned()),
            _ => named_files(value, found, depth + 1),
        }
    }
    node.items().iter().for_each(|n| named_files(n, found, depth + 1));
}

/// The program of a container, when it is one of these.
pub fn by_role(containers: &[Container], role: Role) -> Option<&Container> {
    containers.iter().find(|c| c.role == role)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_begin_with_the_prefix_or_the_path_of_the_external_url() {
        for (flag, url, wanted) in [
            (None, None, ""),
            (Some("/am/"), None, "/am"),
            (None, Some("http://x:9093/am/"), "/am"),
            (None, Some("http://x:9093"), ""),
            (Some("/"), Some("http://x/am"), ""),
            (Some("b"), Some("http://x/am"), "/b"),
        ] {
            assert_eq!(route_prefix(flag, url), wanted, "{flag:?} {url:?}");
        }
    }

    #[test]
    fn alerts_are_taken_at_one_path_only() {
        let mut program = Alertmanager::new(None, String::new());
        let (old, new) = (alertmanager::Version::V0_25, alertmanager::Version::LATEST);
        assert_eq!(program.turns_away("/api/v2/alerts", new), None);
        assert_eq!(program.turns_away("/api/v1/alerts", old), None);
        assert!(program.turns_away("/api/v1/alerts", new).is_some_and(|why| why.contains("410")));
        assert!(program.turns_away("/am/api/v2/alerts", new).is_some_and(|why| why.contains("404")));
        program.route_prefix = "/am".to_owned();
        assert_eq!(program.turns_away("/am/api/v2/alerts", new), None);
        assert!(program.turns_away("/api/v2/alerts", new).is_some());
    }
}
