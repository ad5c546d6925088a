//! From files to a project, as docker compose 2.40 does it: default names, `.env`, overrides, include, extends,
//! merging, profiles, and what it refuses on the way.

use std::collections::BTreeMap;

use super::interpolate::{Environment, dotenv, interpolate};
use super::merge::{merge, reset};
use super::mount::{ROOT, with_slashes};
use super::project::Project;
use super::tree::{Kind, Place, Tree};
use super::{read, schema, validate};
use crate::stack::{FileTree, ReadError, path};
use crate::text::{Diagnostic, SourceText};

/// The names docker compose looks for, in its order.
pub const DEFAULT_NAMES: [&str; 4] = ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"];
/// The names of files that are laid over the default one by themselves, in order.
const OVERRIDE_NAMES: [&str; 4] =
    ["compose.override.yml", "compose.override.yaml", "docker-compose.override.yml", "docker-compose.override.yaml"];
/// Files one project may be made of.
const FILE_BUDGET: usize = 100;
/// How deep `extends` and `include` may lead.
const DEPTH: usize = 20;

/// How docker compose is called.
#[derive(Clone, Debug, Default)]
pub struct LoadOptions {
    /// `-f`: relative to the folder; the default names when empty.
    pub files: Vec<String>,
    /// `--profile`
    pub profiles: Vec<String>,
    /// `--env-file`, relative to the folder; `.env` when empty.
    pub env_files: Vec<String>,
}

/// The default compose file of a folder, and others that are passed over for it.
pub fn default_file(tree: &FileTree, dir: &str) -> Option<(String, Vec<String>)> {
    let mut found =
        DEFAULT_NAMES.iter().filter_map(|name| path::join(dir, name)).filter(|p| tree.is_file(p)).collect::<Vec<_>>();
    (!found.is_empty()).then(|| (found.remove(0), found))
}

/// Loads the project of a folder; `None` when it has no compose file.
pub fn load(tree: &FileTree, dir: &str, options: &LoadOptions) -> Option<Project> {
    let mut loader = Loader { tree, refused: Vec::new(), found: Vec::new(), files: Vec::new() };
    let mut env = shell();
    let env_files = if options.env_files.is_empty() { vec![".env".to_owned()] } else { options.env_files.clone() };
    for name in env_files {
        if let Some(text) = path::join(dir, &name).and_then(|p| tree.text(&p).ok()) {
            let read = dotenv(&Place::start(&text), &env, &mut loader.found);
            for (name, value) in read {
                env.entry(name).or_insert(value);
            }
        }
    }
    let mut files: Vec<String> = options.files.iter().filter_map(|f| path::join(dir, f)).collect();
    if files.is_empty()
        && let Some(named) = env.get("COMPOSE_FILE")
    {
        let separator = if named.contains(';') { ';' } else { ':' };
        files = named.split(separator).filter_map(|f| path::join(dir, f.trim())).collect();
    }
    if files.is_empty() {
        let (first, others) = default_file(tree, dir)?;
        for other in others {
            let message = format!("{other} is not used: docker compose takes {first}");
            let mut d = Diagnostic::warning(message).help("remove the file that is not meant");
            if let Ok(source) = tree.text(&other) {
                d = d.at(&source, crate::text::Span::default());
            }
            loader.found.push(d);
        }
        files.push(first);
        files.extend(OVERRIDE_NAMES.iter().filter_map(|n| path::join(dir, n)).filter(|p| tree.is_file(p)).take(1));
    }
    let mut profiles = options.profiles.clone();
    if let Some(named) = env.get("COMPOSE_PROFILES") {
        profiles.extend(named.split(',').map(|p| p.trim().to_owned()).filter(|p| !p.is_empty()));
    }
    let merged = loader.files(&files, dir, &env, 0);
    let root = merged.unwrap_or_else(|| {
        let text = files.first().and_then(|f| tree.text(f).ok()).unwrap_or_else(|| SourceText::new("compose.yml", ""));
        let place = Place::start(&text);
        Tree { place, tag: None, kind: Kind::Map(Vec::new()) }
    });
    let mut project = read::project(&root, dir, tree, &env, &profiles, &mut loader.refused, &mut loader.found);
    project.files = loader.files;
    project.refused = loader.refused;
    project.diagnostics = loader.found;
    if project.refused.is_empty() {
        validate::check(&mut project);
    }
    Some(project)
}

/// What a student's shell surely has; the folder itself as `PWD`.
fn shell() -> Environment {
    [("PWD", "."), ("HOME", "/home/student"), ("USER", "student")]
        .into_iter()
        .map(|(k, v)| (k.to_owned(), v.to_owned()))
        .collect()
}

struct Loader<'t> {
    tree: &'t FileTree,
    refused: Vec<Diagnostic>,
    found: Vec<Diagnostic>,
    files: Vec<String>,
}

impl Loader<'_> {
    /// Reads files that are laid over each other; paths in them are relative to `dir`.
    fn files(&mut self, files: &[String], dir: &str, env: &Environment, depth: usize) -> Option<Tree> {
        let mut merged: Option<Tree> = None;
        for file in files {
            let tree = self.file(file, dir, env, depth)?;
            merged = Some(match merged {
                Some(base) => merge(base, tree, ""),
                None => reset(tree),
            });
        }
        merged
    }

    /// One file with its extensions and inclusions; nothing when compose would stop.
    fn file(&mut self, file: &str, dir: &str, env: &Environment, depth: usize) -> Option<Tree> {
        if depth > DEPTH || self.files.len() >= FILE_BUDGET {
            let d = Diagnostic::error("files include each other in a circle").upstream("include cycle detected");
            self.refused.push(d.help("remove the circle of `include`"));
            return None;
        }
        let mut tree = self.raw(file, env)?;
        let mut extended = BTreeMap::new();
        let names: Vec<String> =
            tree.get("services").map(|s| s.entries().iter().map(|(k, _)| k.name.clone()).collect()).unwrap_or_default();
        for name in names {
            let service = self.extend(&tree, &name, dir, env, 0)?;
            extended.insert(name, service);
        }
        if let Some(services) = tree.get_mut("services")
            && let Kind::Map(entries) = &mut services.kind
        {
            for (key, value) in entries {
                if let Some(service) = extended.remove(&key.name) {
                    *value = service;
                }
            }
        }
        absolute(&mut tree, dir);
        let included = tree.remove("include");
        let errors = schema::check(&tree);
        if !errors.is_empty() {
            let words = |d: Diagnostic| match &d.upstream {
                Some(words) => {
                    let words = format!("validating {file}: {words}");
                    d.upstream(words)
                }
                None => d,
            };
            self.refused.extend(errors.into_iter().map(words));
            return None;
        }
        match included.filter(|i| !i.is_null()) {
            Some(list) => self.include(&list, tree, dir, env, depth),
            None => Some(tree),
        }
    }

    /// A file as a tree with its variables filled in.
    fn raw(&mut self, file: &str, env: &Environment) -> Option<Tree> {
        if !self.files.iter().any(|f| f == file) {
            self.files.push(file.to_owned());
        }
        let source = match self.tree.text(file) {
            Ok(source) => source,
            Err(ReadError::Missing) => {
                let words = format!("open {file}: no such file or directory");
                self.refused.push(Diagnostic::error(format!("{file} does not exist")).upstream(words));
                return None;
            }
            Err(e) => {
                self.refused.push(Diagnostic::error(format!("{file} {e}")));
                return None;
            }
        };
        let mut tree = match Tree::parse(&source) {
            Ok(Some(tree)) => tree,
            Ok(None) => {
                let d = Place::start(&source).error("the compose file is empty").upstream("empty compose file");
                self.refused.push(d.help("write `services:` and the services below it"));
                return None;
            }
            Err(mut d) => {
                let words = d.upstream.take().unwrap_or_else(|| d.message.clone());
                d.upstream = Some(format!("failed to parse {file}: {words}"));
                self.refused.push(*d);
                return None;
            }
        };
        let mut found = Vec::new();
        let ok = interpolate(&mut tree, env, &mut found);
        for d in found {
            if d.severity == crate::text::Severity::Error { self.refused.push(d) } else { self.found.push(d) }
        }
        ok.then_some(tree)
    }

    /// A service of a file with what it extends below it.
    fn extend(&mut self, tree: &Tree, name: &str, dir: &str, env: &Environment, depth: usize) -> Option<Tree> {
        let mut service = tree.get("services")?.get(name)?.clone();
        let Some(extends) = service.remove("extends").filter(|e| !e.is_null()) else { return Some(service) };
        let text = |key: &str| extends.get(key).and_then(Tree::text);
        let from = extends.text().or_else(|| text("service")).unwrap_or_default().to_owned();
        if depth > DEPTH {
            self.refused.push(extends.place.error(format!("service {name:?} extends itself in a circle")));
            return None;
        }
        let (base, base_dir) = match text("file") {
            Some(other) => {
                let Some(other) = path::join(dir, other).filter(|p| self.tree.is_file(p)) else {
                    let message = format!("service {name:?} extends a file that does not exist: {other}");
                    self.refused.push(extends.place.error(message));
                    return None;
                };
                let base_dir = path::parent(&other).to_owned();
                let base_tree = self.raw(&other, env)?;
                if base_tree.get("services").and_then(|s| s.get(&from)).is_none() {
                    self.no_base(&extends.place, name, &from);
                    return None;
                }
                (self.extend(&base_tree, &from, &base_dir, env, depth + 1)?, base_dir)
            }
            None => {
                if tree.get("services").and_then(|s| s.get(&from)).is_none() {
                    self.no_base(&extends.place, name, &from);
                    return None;
                }
                (self.extend(tree, &from, dir, env, depth + 1)?, dir.to_owned())
            }
        };
        let mut base = base;
        service_paths(&mut base, &base_dir);
        service_paths(&mut service, dir);
        Some(merge(base, service, ""))
    }

    fn no_base(&mut self, place: &Place, name: &str, from: &str) {
        let words = format!("cannot extend service {name:?}: service {from:?} not found");
        self.refused.push(place.error(words.clone()).upstream(words));
    }

    /// Lays a file over the ones it includes.
    fn include(&mut self, list: &Tree, over: Tree, dir: &str, env: &Environment, depth: usize) -> Option<Tree> {
        let items = if list.items().is_empty() { std::slice::from_ref(list) } else { list.items() };
        let mut base: Option<Tree> = None;
        for item in items {
            let paths = match item.text() {
                Some(path) => vec![path.to_owned()],
                None => item.get("path").map(|p| p.texts().into_iter().map(|(t, _)| t).collect()).unwrap_or_default(),
            };
            let mut files = Vec::new();
            for text in paths {
                match path::join(dir, &text).filter(|p| self.tree.is_file(p)) {
                    Some(file) => files.push(file),
                    None => {
                        let d = item.place.error(format!("`include` names a file that does not exist: {text}"));
                        self.refused.push(d.upstream(format!("stat {text}: no such file or directory")));
                        return None;
                    }
                }
            }
            let Some(first) = files.first() else { continue };
            let own = item.get("project_directory").and_then(Tree::text).and_then(|d| path::join(dir, d));
            let inner_dir = own.unwrap_or_else(|| path::parent(first).to_owned());
            let mut inner = env.clone();
            let named =
                item.get("env_file").map(|e| e.texts().into_iter().filter_map(|(t, _)| path::join(dir, &t)).collect());
            let env_files: Vec<String> = named.unwrap_or_else(|| path::join(&inner_dir, ".env").into_iter().collect());
            for file in env_files {
                if let Ok(text) = self.tree.text(&file) {
                    for (name, value) in dotenv(&Place::start(&text), env, &mut self.found) {
                        inner.entry(name).or_insert(value);
                    }
                }
            }
            let included = self.files(&files, &inner_dir, &inner, depth + 1)?;
            base = Some(match base {
                Some(before) => merge(before, included, ""),
                None => included,
            });
        }
        Some(match base {
            Some(base) => merge(base, over, ""),
            None => over,
        })
    }
}

/// Makes the relative paths of a file absolute, so that files of several folders can be laid over each other.
fn absolute(tree: &mut Tree, dir: &str) {
    if let Some(Kind::Map(services)) = tree.get_mut("services").map(|s| &mut s.kind) {
        services.iter_mut().for_each(|(_, service)| service_paths(service, dir));
    }
    for section in ["configs", "secrets"] {
        if let Some(Kind::Map(entries)) = tree.get_mut(section).map(|s| &mut s.kind) {
            for (_, entry) in entries {
                if let Some(file) = entry.get_mut("file") {
                    make_absolute(file, dir);
                }
            }
        }
    }
    if let Some(Kind::Map(volumes)) = tree.get_mut("volumes").map(|s| &mut s.kind) {
        for (_, volume) in volumes {
            if let Some(device) = volume.get_mut("driver_opts").and_then(|o| o.get_mut("device"))
                && device.text().is_some_and(|t| t.starts_with('.'))
            {
                make_absolute(device, dir);
            }
        }
    }
}

fn service_paths(service: &mut Tree, dir: &str) {
    if let Some(build) = service.get_mut("build") {
        match &mut build.kind {
            Kind::Scalar(..) => make_absolute(build, dir),
            Kind::Map(_) => {
                if let Some(context) = build.get_mut("context") {
                    make_absolute(context, dir);
                }
            }
            Kind::Seq(_) => {}
        }
    }
    if let Some(env_file) = service.get_mut("env_file") {
        match &mut env_file.kind {
            Kind::Seq(items) => {
                for item in items {
                    match item.get_mut("path") {
                        Some(path) => make_absolute(path, dir),
                        None => make_absolute(item, dir),
                    }
                }
            }
            _ => make_absolute(env_file, dir),
        }
    }
    if let Some(Kind::Seq(volumes)) = service.get_mut("volumes").map(|v| &mut v.kind) {
        for item in volumes {
            let bind = item.get("type").and_then(Tree::text) == Some("bind");
            match &mut item.kind {
                Kind::Map(entries) if bind => {
                    for (_, source) in entries.iter_mut().filter(|(k, _)| k.name == "source") {
                        make_absolute(source, dir);
                    }
                }
                Kind::Scalar(text, _) if text.starts_with('.') => {
                    let (source, rest) = text.split_once(':').map_or((text.as_str(), None), |(s, r)| (s, Some(r)));
                    if let Some(rest) = rest {
                        *text = format!("{}:{rest}", rooted(source, dir));
                    }
                }
                _ => {}
            }
        }
    }
}

fn make_absolute(tree: &mut Tree, dir: &str) {
    let Kind::Scalar(text, _) = &mut tree.kind else { return };
    let elsewhere = text.starts_with(['/', '~', '\\']) || text.contains("://") || text.get(1..2) == Some(":");
    if !elsewhere && !text.is_empty() {
        *text = rooted(text, dir);
    }
}

/// A relative path as an absolute one below the mark for the repository's root.
fn rooted(text: &str, dir: &str) -> String {
    path::normalize(&format!("{ROOT}/{dir}/{}", with_slashes(text))).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::{HostPath, Source};
    use super::*;

    fn project(files: &[(&str, &str)]) -> Project {
        let tree = FileTree::in_memory(files.iter().map(|(p, t)| (*p, *t)));
        load(&tree, "", &LoadOptions::default()).expect("a compose file")
    }

    fn refused(text: &str) -> Vec<String> {
        project(&[("compose.yml", text)]).refused.into_iter().filter_map(|d| d.upstream).collect()
    }

    #[test]
    fn extended_and_included_services_keep_their_own_folders() {
        let project = project(&[
            (
                "compose.yml",
                "include: [sub/compose.yml]\nservices:\n  a:\n    extends: {file: base/b.yml, service: b}\n    image: x\n",
            ),
            ("base/b.yml", "services: {b: {image: y, network_mode: host, volumes: ['./d:/d']}}"),
            ("sub/compose.yml", "services: {c: {image: z, volumes: ['./d:/d'], environment: ['P=${P}']}}"),
            ("sub/.env", "P=1"),
        ]);
        assert!(project.is_accepted(), "{:?}", project.refused);
        let source = |s: &str| project.service(s).unwrap().mounts[0].source.clone();
        assert_eq!(source("a"), Source::Bind(HostPath::Inside("base/d".into())));
        assert_eq!(source("c"), Source::Bind(HostPath::Inside("sub/d".into())));
        assert_eq!(project.service("a").unwrap().image.as_ref().unwrap().value, "x");
        assert_eq!(project.service("c").unwrap().env("P"), Some("1"));
        assert_eq!(project.files, ["compose.yml", "base/b.yml", "sub/compose.yml"]);
    }

    #[test]
    fn circles_end() {
        assert!(!refused("include: [compose.yml]\nservices: {a: {image: x}}").is_empty());
        let circle = project(&[("compose.yml", "services: {a: {extends: b}, b: {extends: a}}")]);
        assert!(!circle.is_accepted());
        let circle = refused("services: {a: {image: x, depends_on: [b]}, b: {image: x, depends_on: [a]}}");
        assert_eq!(circle, ["dependency cycle detected: a -> b -> a"]);
    }

    #[test]
    fn what_is_undefined_is_refused_in_docker_composes_words() {
        for (text, words) in [
            ("services: {g: {image: g, volumes: ['data:/d']}}", "service \"g\" refers to undefined volume data"),
            ("services: {g: {image: g, networks: [n]}}", "service \"g\" refers to undefined network n"),
            ("services: {g: {image: g, depends_on: [p]}}", "service \"g\" depends on undefined service \"p\""),
            ("services: {g: {ports: ['1:1']}}", "service \"g\" has neither an image nor a build context specified"),
        ] {
            assert_eq!(refused(text), [format!("{words}: invalid compose project")], "{text}");
        }
        assert_eq!(refused(""), ["empty compose file"]);
    }

    #[test]
    fn two_services_on_one_port_are_accepted_and_fail_to_start() {
        let text = "services: {a: {image: x, ports: ['80:1']}, b: {image: x, ports: ['80:2']}}";
        let project = project(&[("compose.yml", text)]);
        assert!(project.is_accepted() && project.fails_to_start().is_some());
    }

    #[test]
    fn an_env_file_that_git_ignores_counts_as_there() {
        let text = "services: {g: {image: g, env_file: .env}}";
        assert!(project(&[("compose.yml", text), (".gitignore", ".env\n")]).is_accepted());
        assert!(!project(&[("compose.yml", text)]).is_accepted());
    }
}
