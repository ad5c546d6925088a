//! A stack's configuration files, read from a folder as they lie there.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::alertmanager::config::Config;
use crate::alertmanager::template::Templates;
use crate::alertmanager::{Options, Version};
use crate::engine::{AlertmanagerSetup, Circumstances, EngineConfig, assemble};
use crate::rules::file::ReadRules;
use crate::scrape::config::{PrometheusConfig, ReadAs};
use crate::simulate::Answer;
use crate::text::{Diagnostic, Severity, SourceText};

/// How deep below the folder a configuration is looked for.
const DEPTH: usize = 3;

/// What the command line says of the programs.
#[derive(Clone, Debug)]
pub struct Programs {
    /// Prometheus: its release, host and external URL.
    pub prometheus: Circumstances,
    /// Alertmanager's version.
    pub alertmanager: Version,
}

/// A stack ready to run.
#[derive(Debug)]
pub struct StackFiles {
    /// What runs.
    pub config: EngineConfig,
    /// Who stands behind each target, by its port.
    pub answers: Vec<Answer>,
    /// What the files are refused for, and warnings.
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads a folder that holds a prometheus.yml, at most three folders down.
///
/// # Errors
/// There is no prometheus.yml, or a file cannot be read.
pub fn read(dir: &Path, programs: &Programs) -> Result<StackFiles, String> {
    let path = find(dir, &["prometheus.yml", "prometheus.yaml"], DEPTH)
        .ok_or_else(|| format!("no prometheus.yml in {} or at most {DEPTH} folders below", dir.display()))?;
    let mut files = StackFiles { config: EngineConfig::default(), answers: Vec::new(), diagnostics: Vec::new() };
    files.read_prometheus(&path, programs)?;
    let beside = path.parent().and_then(|p| find(p, &["alertmanager.yml", "alertmanager.yaml"], DEPTH));
    if let Some(path) = beside.or_else(|| find(dir, &["alertmanager.yml", "alertmanager.yaml"], DEPTH)) {
        files.read_alertmanager(&path, programs.alertmanager)?;
    }
    Ok(files)
}

impl StackFiles {
    fn read_prometheus(&mut self, path: &Path, programs: &Programs) -> Result<(), String> {
        let around = &programs.prometheus;
        let (config, diagnostics) = crate::scrape::config::read(&source(path)?, ReadAs::release(around.release));
        let refused = self.take(diagnostics);
        let Some(config) = config.filter(|_| !refused) else { return Ok(()) };
        let Some(groups) = self.read_rules(path, &config, around)? else { return Ok(()) };
        let assembly = assemble(&config, groups, around);
        self.answers = assembly.setup.targets.iter().map(|t| answer_by_port(&t.target.address)).collect();
        self.config.prometheus = Some(assembly.setup);
        Ok(())
    }

    /// The groups of all rule files; nothing when one of them is refused.
    fn read_rules(
        &mut self,
        config_path: &Path,
        config: &PrometheusConfig,
        around: &Circumstances,
    ) -> Result<Option<Vec<Arc<crate::rules::GroupSpec>>>, String> {
        let folder = config_path.parent().unwrap_or(Path::new(""));
        let mut groups = Vec::new();
        for pattern in &config.rule_files {
            for (spelled, path) in expand(folder, &pattern.value)? {
                let (file, diagnostics) =
                    crate::rules::file::read(&source(&path)?, &ReadRules::release(around.release));
                let refused = self.take(diagnostics);
                let Some(file) = file.filter(|_| !refused) else { return Ok(None) };
                let global = &config.global;
                groups.extend(file.groups.iter().map(|g| {
                    let interval = global.evaluation_interval.value;
                    Arc::new(g.spec(&spelled, interval, global.rule_query_offset, around.dialect()))
                }));
            }
        }
        Ok(Some(groups))
    }

    fn read_alertmanager(&mut self, path: &Path, version: Version) -> Result<(), String> {
        let loaded = Config::load(&source(path)?, version);
        self.take(loaded.diagnostics);
        let Some(config) = loaded.config else { return Ok(()) };
        let mut templates = Templates::new(version);
        let folder = path.parent().unwrap_or(Path::new(""));
        for pattern in &config.templates {
            for (_, path) in expand(folder, pattern)? {
                let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
                let text = source(&path)?;
                templates.add_file(&name, text.text()).map_err(|e| format!("{}: {e}", path.display()))?;
            }
        }
        self.config.alertmanager = Some(AlertmanagerSetup {
            config: Arc::new(config),
            version,
            options: Options::default(),
            templates,
            files: Arc::default(),
        });
        Ok(())
    }

    /// Keeps diagnostics; tells whether one refuses the file.
    fn take(&mut self, diagnostics: Vec<Diagnostic>) -> bool {
        let refused = diagnostics.iter().any(|d| d.severity == Severity::Error);
        self.diagnostics.extend(diagnostics);
        refused
    }
}

fn source(path: &Path) -> Result<SourceText, String> {
    let text = std::fs::read_to_string(path).map_err(|e| format!("cannot read {}: {e}", path.display()))?;
    Ok(SourceText::new(path.display().to_string(), text))
}

/// The first file of one of these names, in the folder itself or below; nearer ones first.
fn find(dir: &Path, names: &[&str], depth: usize) -> Option<PathBuf> {
    if let Some(path) = names.iter().map(|n| dir.join(n)).find(|p| p.is_file()) {
        return Some(path);
    }
    if depth == 0 {
        return None;
    }
    let mut folders: Vec<PathBuf> = std::fs::read_dir(dir).ok()?.filter_map(|e| Some(e.ok()?.path())).collect();
    folders.retain(|p| p.is_dir() && !p.is_symlink());
    folders.sort();
    folders.iter().find_map(|f| find(f, names, depth - 1))
}

/// The files a pattern names, as Prometheus spells them and as they lie there. `*` may stand in the last part.
fn expand(folder: &Path, pattern: &str) -> Result<Vec<(String, PathBuf)>, String> {
    let (parent, last) = pattern.rsplit_once('/').map_or(("", pattern), |(p, l)| (p, l));
    if !last.contains('*') {
        return Ok(vec![(pattern.to_owned(), folder.join(pattern))]);
    }
    let dir = folder.join(parent);
    let Ok(entries) = std::fs::read_dir(&dir) else { return Ok(Vec::new()) };
    let mut names: Vec<String> =
        entries.filter_map(|e| Some(e.ok()?.file_name().to_string_lossy().into_owned())).collect();
    names.retain(|n| crate::stack::path::part_matches(last, n));
    names.sort();
    let spell = |n: &str| if parent.is_empty() { n.to_owned() } else { format!("{parent}/{n}") };
    Ok(names.iter().map(|n| (spell(n), dir.join(n))).collect())
}

/// Who stands behind a target when nothing but its port is known.
fn answer_by_port(address: &str) -> Answer {
    match address.rsplit_once(':').map(|(_, port)| port) {
        Some("9000" | "5000") => Answer::Model,
        Some("9100") => Answer::Node,
        Some("9090" | "9093" | "3000") => Answer::Service,
        _ => Answer::Fails(format!("dial tcp {address}: connect: connection refused").into()),
    }
}
