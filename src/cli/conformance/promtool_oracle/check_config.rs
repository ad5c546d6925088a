//! `promtool check config`: prometheus.yml, and unless `--syntax-only` is given the files it names.

use std::path::Path;

use super::{Outcome, Setting, check_rules};
use crate::golang::quote;
use crate::promql::Dialect;
use crate::scrape::config::{self, FileOwner, FileUse, PrometheusConfig, ReadAs, TargetGroup};
use crate::scrape::target::{Discovered, populate};
use crate::text::{Diagnostic, Severity};

pub(super) fn run(args: &[&str], setting: &Setting) -> Outcome {
    let (lint, syntax_only, files) = check_rules::flags(args);
    let mut outcome = Outcome { exit: 0, found: Vec::new() };
    for name in files {
        let checked = check(name, syntax_only, setting);
        let rules: Vec<String> = match checked {
            Ok((rules, warnings)) => {
                outcome.found.extend(warnings);
                rules
            }
            Err(found) => {
                outcome.exit = 1;
                outcome.found.extend(found);
                continue;
            }
        };
        let names: Vec<&str> = rules.iter().map(String::as_str).collect();
        let of_rules = check_rules::check(&names, lint, setting);
        outcome.exit = if outcome.exit == 1 { 1 } else { of_rules.exit };
        outcome.found.extend(of_rules.found);
    }
    outcome
}

type Checked = Result<(Vec<String>, Vec<Diagnostic>), Vec<Diagnostic>>;

/// The rule files of a configuration that holds, with warnings; or what is wrong.
fn check(name: &str, syntax_only: bool, setting: &Setting) -> Checked {
    let source = setting.source(name).map_err(|e| vec![*e])?;
    let read_as = ReadAs { release: setting.release, debian: setting.debian };
    let (config, found) = config::read(&source, read_as);
    let Some(config) = config.filter(|_| !found.iter().any(|d| d.severity == Severity::Error)) else {
        return Err(found);
    };
    let base = Path::new(name).parent().unwrap_or(Path::new(""));
    let (mut errors, mut warnings) = (Vec::new(), Vec::new());
    check_static(&config, setting.release, &mut errors);
    check_pairs(&config, &mut errors);
    if syntax_only {
        return if errors.is_empty() { Ok((Vec::new(), warnings)) } else { Err(errors) };
    }
    let mut rules = Vec::new();
    for pattern in &config.rule_files {
        let matches = expand(&setting.folder, base, &pattern.value);
        if matches.is_empty() && !pattern.value.contains('*') {
            errors.push(Diagnostic::error(format!("{} does not point to an existing file", quote(&pattern.value))));
        }
        rules.extend(matches);
    }
    for file in &config.files {
        let asked = matches!(file.owner, FileOwner::Job | FileOwner::Kubernetes);
        let path = setting.folder.join(base).join(&file.path.value);
        match file.purpose {
            FileUse::Targets => {
                check_target_files(
                    &config,
                    &expand(&setting.folder, base, &file.path.value),
                    file.owner,
                    setting,
                    &mut errors,
                    &mut warnings,
                );
            }
            _ if asked && !path.exists() => {
                errors
                    .push(Diagnostic::error(format!("error checking file {}: no such file", quote(&file.path.value))));
            }
            _ => {}
        }
    }
    if errors.is_empty() { Ok((rules, warnings)) } else { Err(errors) }
}

/// A client certificate needs its key, and a key its certificate.
fn check_pairs(config: &PrometheusConfig, errors: &mut Vec<Diagnostic>) {
    for (i, file) in config.files.iter().enumerate() {
        let beside =
            |at: Option<usize>, purpose| at.and_then(|at| config.files.get(at)).is_some_and(|f| f.purpose == purpose);
        let words = match file.purpose {
            FileUse::ClientCertificate if !beside(i.checked_add(1), FileUse::ClientKey) => {
                "client cert file specified without client key file"
            }
            FileUse::ClientKey if !beside(i.checked_sub(1), FileUse::ClientCertificate) => {
                "client key file specified without client cert file"
            }
            _ => continue,
        };
        if matches!(file.owner, FileOwner::Job | FileOwner::Kubernetes) {
            errors.push(Diagnostic::error(words));
        }
    }
}

/// Static targets must survive relabelling as addresses.
fn check_static(config: &PrometheusConfig, release: (u16, u16), errors: &mut Vec<Diagnostic>) {
    for job in &config.scrape_configs {
        check_groups(config, &job.discovery.static_configs, FileOwner::Job, release, errors, Some(&job.job_name.value));
    }
    for alertmanager in &config.alertmanagers {
        for found in alertmanager.discovery.static_configs.iter().flat_map(TargetGroup::discovered) {
            errors.extend(alertmanager.post_url(&found).err().map(Diagnostic::error));
        }
    }
}

fn check_groups(
    config: &PrometheusConfig,
    groups: &[TargetGroup],
    owner: FileOwner,
    release: (u16, u16),
    errors: &mut Vec<Diagnostic>,
    job: Option<&str>,
) {
    let dialect = if release >= (3, 0) { Dialect::V3 } else { Dialect::V2_42 };
    for found in groups.iter().flat_map(TargetGroup::discovered) {
        if owner == FileOwner::Alertmanager {
            for alertmanager in &config.alertmanagers {
                errors.extend(alertmanager.post_url(&found).err().map(Diagnostic::error));
            }
        }
        for job in config.scrape_configs.iter().filter(|j| job.is_some_and(|name| name == j.job_name.value)) {
            if let Discovered::Refused { reason, .. } = populate(&job.job_targets(), &found, dialect) {
                errors.push(Diagnostic::error(reason));
            }
        }
    }
}

fn check_target_files(
    config: &PrometheusConfig,
    files: &[String],
    owner: FileOwner,
    setting: &Setting,
    errors: &mut Vec<Diagnostic>,
    warnings: &mut Vec<Diagnostic>,
) {
    if files.is_empty() {
        warnings.push(Diagnostic::warning("a file of targets does not exist"));
    }
    for name in files {
        match setting.source(name) {
            Ok(source) => {
                let (groups, found) =
                    config::read_target_file(&source, ReadAs { release: setting.release, debian: setting.debian });
                errors.extend(found);
                check_groups(config, &groups, owner, setting.release, errors, None);
            }
            Err(e) => errors.push(*e),
        }
    }
}

/// The files that a pattern names, relative to the command's folder: `*` and `?` in the last part of the path.
fn expand(folder: &Path, base: &Path, pattern: &str) -> Vec<String> {
    let path = base.join(pattern);
    let (parent, last) =
        (path.parent().unwrap_or(Path::new("")), path.file_name().unwrap_or_default().to_string_lossy());
    if !last.contains(['*', '?', '[']) {
        return if folder.join(&path).is_file() { vec![path.to_string_lossy().into_owned()] } else { Vec::new() };
    }
    let Ok(entries) = std::fs::read_dir(folder.join(parent)) else { return Vec::new() };
    let mut names: Vec<String> = entries
        .filter_map(|e| e.ok()?.file_name().into_string().ok())
        .filter(|name| glob(last.as_bytes(), name.as_bytes()))
        .map(|name| parent.join(name).to_string_lossy().into_owned())
        .collect();
    names.sort_unstable();
    names
}

fn glob(pattern: &[u8], name: &[u8]) -> bool {
    match (pattern, name) {
        ([], []) => true,
        ([b'*', rest @ ..], _) => (0..=name.len()).any(|i| glob(rest, &name[i..])),
        ([b'?', rest @ ..], [_, name @ ..]) => glob(rest, name),
        ([a, rest @ ..], [b, name @ ..]) => a == b && glob(rest, name),
        _ => false,
    }
}
