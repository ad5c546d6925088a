//! Finding what a lab is made of wherever it lies: by mounts and content, never by names alone.

use super::compose::image::Role;
use super::compose::{Container, LoadOptions, Project, Provided, default_file, load};
use super::path;
use super::tree::{Entry, EntryKind, FileTree};
use crate::text::SourceText;

/// How files begin that labkit wrote itself.
pub const MARKER: &str = "<!-- labkit report";
/// Bytes of a file that is looked into.
const SIZE: u64 = 4 << 20;
/// Compose files that are tried.
const COMPOSE_BUDGET: usize = 40;
/// Bytes of dashboards that are read of one repository; Node Exporter Full has half a megabyte.
const DASHBOARD_BUDGET: usize = 8 << 20;
/// Folders that hold a lab's files, in several years.
const LAB_WORDS: [&str; 3] = ["monitoring", "lab7", "lab-7"];

/// A compose project and the files it was made of.
#[derive(Clone, Debug)]
pub struct FoundProject {
    /// What was loaded.
    pub project: Project,
    /// Its services as they run.
    pub containers: Vec<Container>,
    /// How well it fits the lab; the best is taken.
    pub score: i32,
}

/// Whether a path looks like a copy that was left lying: `old/`, `x copy.yml`, `x.bak`, `backup-x`.
pub fn is_copy(path: &str) -> bool {
    const WORDS: [&str; 9] = ["copy", "old", "backup", "bak", "kopie", "orig", "archive", "tmp", "deprecated"];
    path.to_ascii_lowercase()
        .split('/')
        .any(|part| part.split(|c: char| !c.is_ascii_alphanumeric()).any(|w| WORDS.contains(&w)) || part.ends_with('~'))
}

/// Whether a path is a sample of a file that is not in the repository: `.example`, `.template`, `.dist`.
pub fn is_sample(path: &str) -> bool {
    let name = path::file_name(path).to_ascii_lowercase();
    name.split('.').any(|w| matches!(w, "example" | "template" | "sample" | "dist" | "tmpl" | "tpl" | "j2"))
}

/// Whether a text was written by labkit and so is nobody's own work.
pub fn is_labkits_own(text: &str) -> bool {
    text.trim_start_matches('\u{feff}').trim_start().starts_with(MARKER)
}

fn is_yaml(path: &str) -> bool {
    path.ends_with(".yml") || path.ends_with(".yaml")
}

/// Whether a mapping key stands at the left margin of a YAML text.
fn has_key(text: &str, key: &str) -> bool {
    text.lines().any(|l| {
        let l = l.trim_start_matches('\u{feff}');
        l.strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with(':'))
    })
}

/// YAML files of a size to look into, with their text.
fn yaml_files(tree: &FileTree) -> impl Iterator<Item = (&Entry, SourceText)> {
    let small = |e: &&Entry| e.size <= SIZE && !hidden(&e.path);
    tree.files().filter(small).filter_map(|e| Some((e, tree.text(&e.path).ok()?)))
}

/// Inside a folder of tools or of labkit's own reports.
fn hidden(path: &str) -> bool {
    path::ancestors(path).any(|a| path::file_name(a).starts_with('.'))
}

/// How well a path fits a lab's folder.
fn place_score(path: &str) -> i32 {
    let lower = path.to_ascii_lowercase();
    let lab = LAB_WORDS.iter().any(|w| lower.contains(w));
    let depth = i32::try_from(path.matches('/').count()).unwrap_or(20).min(20);
    6 * i32::from(lab) - depth - 80 * i32::from(is_copy(path)) - 15 * i32::from(is_sample(path))
}

/// Every compose project of the repository, the best first.
pub fn projects(tree: &FileTree) -> Vec<FoundProject> {
    let mut found: Vec<FoundProject> = Vec::new();
    let mut seen_dirs: Vec<String> = Vec::new();
    let named = |e: &Entry| {
        let name = path::file_name(&e.path).to_ascii_lowercase();
        is_yaml(&name) && (name.contains("compose") || name.contains("stack")) && !name.contains("override")
    };
    let mut candidates: Vec<&Entry> = tree
        .entries()
        .filter(|e| matches!(e.kind, EntryKind::File | EntryKind::Symlink(_)) && !hidden(&e.path) && named(e))
        .collect();
    candidates.sort_by_key(|e| (is_copy(&e.path), e.path.matches('/').count()));
    for entry in candidates.into_iter().take(COMPOSE_BUDGET) {
        let dir = path::parent(&entry.path).to_owned();
        let default = default_file(tree, &dir);
        let is_default =
            default.as_ref().is_some_and(|(first, others)| *first == entry.path || others.contains(&entry.path));
        let options = if is_default {
            if seen_dirs.contains(&dir) {
                continue;
            }
            seen_dirs.push(dir.clone());
            LoadOptions::default()
        } else {
            LoadOptions { files: vec![path::file_name(&entry.path).to_owned()], ..LoadOptions::default() }
        };
        let Some(project) = load(tree, &dir, &options) else { continue };
        let containers: Vec<Container> = project.services.iter().map(|s| Container::of(&project, s, tree)).collect();
        let score = score(&project, &containers, tree, is_default);
        found.push(FoundProject { project, containers, score });
    }
    found.sort_by_key(|f| -f.score);
    found
}

fn score(project: &Project, containers: &[Container], tree: &FileTree, is_default: bool) -> i32 {
    let file = project.files.first().map_or("", String::as_str);
    let mut score = place_score(file) + 5 * i32::from(is_default);
    for container in containers {
        score += match container.role {
            Role::Prometheus => 100,
            Role::Grafana | Role::Alertmanager => 20,
            Role::NodeExporter => 2,
            Role::Other => 0,
        };
        if container.role == Role::Prometheus {
            let config = container.provided(project, &container.config_path(), tree);
            let there = match config {
                Provided::Host(host, _) => host.inside().is_some_and(|p| tree.is_file(p)),
                Provided::Copied(p, _) => tree.is_file(&p),
                Provided::Inline(_) => true,
                _ => false,
            };
            score += 40 * i32::from(there);
        }
    }
    // A file that is refused may still be the student's: only its text can tell.
    if containers.is_empty()
        && !project.is_accepted()
        && let Ok(source) = tree.text(file)
    {
        score += 60 * i32::from(source.text().contains("prometheus"));
        score += 10 * i32::from(source.text().contains("grafana"));
    }
    score
}

/// The best file of a kind that its keys at the left margin tell, for stacks without compose.
fn best_by_keys(tree: &FileTree, all: &[&str], any: &[&str], name: &str) -> Option<String> {
    yaml_files(tree)
        .filter(|(e, _)| is_yaml(&e.path))
        .filter(|(_, s)| {
            all.iter().all(|k| has_key(s.text(), k)) && (any.is_empty() || any.iter().any(|k| has_key(s.text(), k)))
        })
        .max_by_key(|(e, _)| {
            let file = path::file_name(&e.path).to_ascii_lowercase();
            place_score(&e.path) + 10 * i32::from(file.starts_with(name)) + 2 * i32::from(file == format!("{name}.yml"))
        })
        .map(|(e, _)| e.path.clone())
}

/// The Prometheus configuration that looks most like the lab's.
pub fn prometheus_config(tree: &FileTree) -> Option<String> {
    best_by_keys(tree, &["scrape_configs"], &[], "prometheus")
}

/// The Alertmanager configuration that looks most like the lab's.
pub fn alertmanager_config(tree: &FileTree) -> Option<String> {
    best_by_keys(tree, &["receivers"], &["route"], "alertmanager")
}

/// Files that look like rule files: `groups` at the left margin, with rules that have an expression.
pub fn rule_files(tree: &FileTree) -> Vec<String> {
    let looks = |s: &SourceText| has_key(s.text(), "groups") && s.text().contains("expr:");
    let mut found: Vec<String> = yaml_files(tree)
        .filter(|(e, s)| (is_yaml(&e.path) || e.path.ends_with(".rules")) && looks(s))
        .map(|(e, _)| e.path.clone())
        .collect();
    found.sort_by_key(|p| -place_score(p));
    found
}

/// JSON files that are dashboards, copies left out, the likeliest first.
pub fn dashboards(tree: &FileTree) -> Vec<(String, super::grafana::Dashboard)> {
    let mut found = Vec::new();
    let mut candidates: Vec<&Entry> =
        tree.files().filter(|e| e.path.ends_with(".json") && e.size <= SIZE && !hidden(&e.path)).collect();
    candidates.sort_by_cached_key(|e| -place_score(&e.path));
    let mut left = DASHBOARD_BUDGET;
    for entry in candidates {
        let Ok(source) = tree.text(&entry.path) else { continue };
        let text = source.text();
        if !(text.contains("\"panels\"") || text.contains("\"rows\"") || text.contains("\"elements\"")) {
            continue;
        }
        let Some(rest) = left.checked_sub(text.len()) else { continue };
        left = rest;
        if let Ok(dashboard) = super::grafana::Dashboard::parse(&source) {
            found.push((entry.path.clone(), dashboard));
        }
    }
    found.sort_by_key(|(p, _)| -place_score(p));
    found
}

/// Markdown files a student may have written: labkit's own reports left out.
pub fn markdown(tree: &FileTree) -> Vec<SourceText> {
    let is_markdown = |e: &&Entry| {
        let lower = e.path.to_ascii_lowercase();
        (lower.ends_with(".md") || lower.ends_with(".markdown")) && e.size <= SIZE && !hidden(&e.path)
    };
    tree.files()
        .filter(is_markdown)
        .filter_map(|e| tree.text(&e.path).ok())
        .filter(|s| !is_labkits_own(s.text()))
        .collect()
}

/// Requirement files and the like, where `prometheus_client` may be asked for.
pub fn requirements(tree: &FileTree) -> Vec<String> {
    let names =
        ["requirements.txt", "pyproject.toml", "Pipfile", "environment.yml", "setup.py", "uv.lock", "poetry.lock"];
    tree.files()
        .filter(|e| {
            let name = path::file_name(&e.path);
            names.contains(&name) || (name.starts_with("requirements") && name.ends_with(".txt"))
        })
        .map(|e| e.path.clone())
        .collect()
}

/// Virtual environments: folders with a `pyvenv.cfg`.
pub fn virtual_environments(tree: &FileTree) -> Vec<String> {
    tree.entries()
        .filter(|e| path::file_name(&e.path) == "pyvenv.cfg")
        .map(|e| path::parent(&e.path).to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROMETHEUS: &str =
        "services: {p: {image: prom/prometheus, volumes: ['./p.yml:/etc/prometheus/prometheus.yml']}}";

    #[test]
    fn the_project_with_prometheus_wins_over_copies_and_others() {
        let tree = FileTree::in_memory([
            ("docker-compose.yml", "services: {web: {image: nginx}}"),
            ("resources/07-monitoring/compose.yaml", PROMETHEUS),
            ("resources/07-monitoring/p.yml", "scrape_configs: []\n"),
            ("backup/docker-compose.yml", PROMETHEUS),
            ("backup/p.yml", "scrape_configs: []\n"),
            ("resources/07-monitoring/compose copy.yaml", PROMETHEUS),
        ]);
        let found = projects(&tree);
        assert_eq!(found[0].project.files, ["resources/07-monitoring/compose.yaml"]);
        assert_eq!(found.len(), 4);
    }

    #[test]
    fn configurations_are_known_by_their_content() {
        let tree = FileTree::in_memory([
            ("a/promotheus.yaml", "global:\nscrape_configs:\n- job_name: x\n"),
            ("a/alertmaneger.yml", "route:\n  receiver: d\nreceivers:\n- name: d\n"),
            ("a/x.rules", "groups:\n- name: g\n  rules:\n  - expr: up\n"),
            ("docs/prometheus.yml", "nothing: here\n"),
        ]);
        assert_eq!(prometheus_config(&tree).as_deref(), Some("a/promotheus.yaml"));
        assert_eq!(alertmanager_config(&tree).as_deref(), Some("a/alertmaneger.yml"));
        assert_eq!(rule_files(&tree), ["a/x.rules"]);
    }

    #[test]
    fn what_labkit_wrote_is_no_report() {
        let tree =
            FileTree::in_memory([("reports/a.md", "<!-- labkit report v1 -->\n# x"), ("reports/b.md", "# mine")]);
        assert_eq!(markdown(&tree).len(), 1);
    }

    #[test]
    fn copies_are_told_by_whole_words() {
        assert!(is_copy("old/x.yml") && is_copy("x copy.yml") && is_copy("x.yml.bak") && is_copy("backup_2/x"));
        assert!(!is_copy("folder/threshold.yml") && !is_copy("golden/x"));
        assert!(is_sample("a/alertmanager.yml.example") && is_sample("x.template.yml") && !is_sample("template/x.yml"));
    }
}
