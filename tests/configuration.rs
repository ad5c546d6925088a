//! Configuration and rule files of the real programs' own fixtures and of public stacks: accepted and refused alike.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a test that is skipped says so loudly")]

use std::path::{Path, PathBuf};

use labkit::rules::file::{self, ReadRules};
use labkit::scrape::config::{self, ReadAs};
use labkit::text::{Diagnostic, SourceText};

type Release = (u16, u16);

/// The folder of recorded behaviour; a missing one skips loudly, or fails when `LABKIT_REQUIRE=1`.
fn shared(part: &str) -> Option<PathBuf> {
    let given = std::env::var_os("LABKIT_CONFORMANCE");
    let root = given.map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/conformance"), PathBuf::from);
    let path = root.join(part);
    if path.exists() {
        return Some(path);
    }
    assert!(std::env::var_os("LABKIT_REQUIRE").is_none_or(|v| v != "1"), "no recorded behaviour at {}", path.display());
    eprintln!("SKIPPED: no recorded behaviour at {}; set LABKIT_CONFORMANCE", path.display());
    None
}

fn words(found: &[Diagnostic]) -> String {
    found.iter().map(|d| d.upstream.clone().unwrap_or_else(|| d.message.clone())).collect::<Vec<_>>().join(" | ")
}

/// What is wrong with a prometheus.yml or a file of scrape configurations; empty when it is accepted.
fn config_problems(path: &Path, release: Release) -> String {
    let bytes = std::fs::read(path).expect("the file can be read");
    match SourceText::decode(&path.to_string_lossy(), &bytes) {
        Ok(source) => {
            let (read, mut found) = config::read(&source, ReadAs::release(release));
            if let Some(read) = read {
                found.extend(imported_problems(path, &read, release));
            }
            words(&found)
        }
        Err(e) => e.message,
    }
}

/// `scrape_config_files` are read as well, and job names are unique over all of them.
fn imported_problems(path: &Path, read: &config::PrometheusConfig, release: Release) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let mut jobs: Vec<String> = read.scrape_configs.iter().map(|j| j.job_name.value.clone()).collect();
    for pattern in &read.scrape_config_files {
        let full = path.parent().expect("a file has a folder").join(&pattern.value);
        let (folder, last) =
            (full.parent().expect("a folder"), full.file_name().expect("a name").to_string_lossy().into_owned());
        let (before, after) = last.split_once('*').unwrap_or((&last, ""));
        let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
            .map(|entries| entries.filter_map(|e| Some(e.ok()?.path())).collect())
            .unwrap_or_default();
        files.retain(|f| {
            let name = f.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if last.contains('*') { name.starts_with(before) && name.ends_with(after) } else { name == last }
        });
        for file in files.iter().filter(|f| f.is_file()) {
            let source = SourceText::new(file.to_string_lossy(), std::fs::read_to_string(file).expect("a text"));
            let (more, problems) = config::read_scrape_config_file(&source, ReadAs::release(release), &read.global);
            found.extend(problems);
            for job in more {
                if jobs.contains(&job.job_name.value) {
                    found.push(Diagnostic::error(format!(
                        "found multiple scrape configs with job name {:?}",
                        job.job_name.value
                    )));
                }
                jobs.push(job.job_name.value);
            }
        }
    }
    found
}

fn rule_problems(path: &Path, read_as: &ReadRules) -> String {
    let text = std::fs::read_to_string(path).expect("the file can be read");
    words(&file::read(&SourceText::new(path.to_string_lossy(), text), read_as).1)
}

/// Files whose name says whether they are good, with what contradicts it.
fn contradictions(folder: &Path, problems: impl Fn(&Path) -> String, but: &[&str]) -> (usize, Vec<String>) {
    let (mut judged, mut wrong) = (0, Vec::new());
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let (good, bad) = (name.contains(".good."), name.contains(".bad."));
        if !(good || bad) || but.contains(&name.as_str()) {
            continue;
        }
        judged += 1;
        let found = problems(&path);
        if good != found.is_empty() {
            wrong.push(format!("{name}: wanted {}, got: {found}", if good { "no error" } else { "an error" }));
        }
    }
    wrong.sort();
    (judged, wrong)
}

#[test]
fn upstream_configurations_are_judged_as_their_names_say() {
    for (part, release, least) in
        [("prometheus-2.42/config", (2, 42), 120), ("prometheus-3.x/v3.11.3/config", (3, 11), 150)]
    {
        let Some(folder) = shared(part) else { continue };
        let (judged, wrong) = contradictions(&folder, |p| config_problems(p, release), &[]);
        assert!(judged >= least, "only {judged} files in {part}");
        assert!(wrong.is_empty(), "{part}:\n{}", wrong.join("\n"));
    }
}

#[test]
fn upstream_rule_files_are_judged_as_their_names_say() {
    for (part, release) in [("prometheus-2.42/rulefmt", (2, 42)), ("prometheus-3.x/v3.11.3/rulefmt", (3, 11))] {
        let Some(folder) = shared(part) else { continue };
        // The two named here are read with legacy names.
        let read_as = |p: &Path| {
            let legacy = p.to_string_lossy().contains("legacy_validation");
            ReadRules { utf8_names: release >= (3, 0) && !legacy, ..ReadRules::release(release) }
        };
        let (judged, wrong) = contradictions(&folder, |p| rule_problems(p, &read_as(p)), &[]);
        assert!(judged >= 10, "only {judged} files in {part}");
        assert!(wrong.is_empty(), "{part}:\n{}", wrong.join("\n"));
        for name in ["test.yaml", "test_aliases.yaml"] {
            let path = folder.join(name);
            if path.exists() {
                assert_eq!(rule_problems(&path, &ReadRules::release(release)), "", "{name}");
            }
        }
    }
}

#[test]
fn nothing_is_refused_that_the_real_program_runs() {
    let Some(corpus) = shared("../corpus/VERDICTS.tsv") else { return };
    let table = std::fs::read_to_string(&corpus).expect("a table");
    let folder = corpus.parent().expect("a folder");
    let (mut judged, mut wrong) = (0, Vec::new());
    for row in table.lines().skip(1) {
        let cells: Vec<&str> = row.split('\t').collect();
        let [repo, file, kind, tool, verdict, ..] = cells[..] else { continue };
        let path = folder.join(repo).join(file);
        let accepted = verdict == "OK";
        let (release_2, release_3) = ((2, 42), (3, 11));
        let problems = |release| match (kind, tool) {
            ("rules", _) => Some(rule_problems(&path, &ReadRules::release(release))),
            ("prometheus", "promtool check config --syntax-only") => Some(config_problems(&path, release)),
            _ => None,
        };
        if !path.is_file() {
            continue;
        }
        let (Some(old), Some(new)) = (problems(release_2), problems(release_3)) else { continue };
        judged += 1;
        if accepted != old.is_empty() {
            wrong.push(format!("{repo}/{file} as 2.42: the real program says {verdict}, got: {old}"));
        }
        if accepted && !new.is_empty() {
            wrong.push(format!("{repo}/{file} as 3.11: {new}"));
        }
    }
    assert!(judged > 30, "only {judged} files");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
