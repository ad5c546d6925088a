//! Where a program runs, a container or the student's machine, and the files it sees there.

use std::collections::BTreeMap;

use super::compose::{Container, HostPath, Place, Project, Provided, Source};
use super::discover::is_sample;
use super::path;
use super::tree::{EntryKind, FileTree, ReadError};
use crate::text::SourceText;

/// Files of one container that are listed for patterns.
const LISTED: usize = 10_000;
/// Programs that write configurations when a container starts.
const RENDERERS: [&str; 13] = [
    "envsubst",
    "sed ",
    "gomplate",
    "confd",
    "consul-template",
    "jinja",
    "j2 ",
    "awk ",
    "perl ",
    "python",
    "tee ",
    "cat ",
    "printf ",
];

/// Where a program runs.
#[derive(Clone, Copy, Debug)]
pub enum Site<'a> {
    /// In a container of a project.
    Container(&'a Project, &'a Container),
    /// On the student's machine, in the repository.
    Machine,
}

/// What a program finds at a path.
#[derive(Clone, Debug)]
pub enum FileAt {
    /// A text, and what put it there.
    Text(SourceText, Option<Place>),
    /// The image's own sample.
    ImageDefault,
    /// Nothing, or nothing that can be read: a mistake.
    Missing(String, Option<Place>),
    /// Something that the repository does not show, and a sample of it when there is one.
    Hidden(String, Option<SourceText>),
}

impl FileAt {
    /// The text.
    pub fn text(&self) -> Option<&SourceText> {
        match self {
            Self::Text(source, _) => Some(source),
            _ => None,
        }
    }
}

impl Site<'_> {
    /// What lies at a path.
    pub fn open(&self, at: &str, tree: &FileTree) -> FileAt {
        let Self::Container(project, container) = self else {
            return from_host(&HostPath::resolve("", at), None, tree, false);
        };
        match container.provided(project, at, tree) {
            Provided::Host(host, place) => {
                let mut file = from_host(&host, Some(&place), tree, true);
                if let (FileAt::Missing(why, _), Some(inside)) = (&mut file, host.inside())
                    && tree.is_dir(inside)
                {
                    *why = format!("{inside} is a folder, wanted a file");
                }
                file
            }
            Provided::Copied(origin, place) => from_host(&HostPath::Inside(origin), Some(&place), tree, false),
            Provided::Inline(text) => FileAt::Text(
                SourceText::new(format!("{} (configs)", text.place.source.name()), text.value),
                Some(text.place),
            ),
            Provided::Volume(what, _) => {
                FileAt::Hidden(format!("{at} lies in {what}, which is not in the repository"), None)
            }
            Provided::Unknown(why) => FileAt::Hidden(why, None),
            Provided::ImageDefault => FileAt::ImageDefault,
            Provided::Nothing => FileAt::Missing(format!("nothing puts a file at {at} of the container"), None),
        }
    }

    /// The paths that a pattern names, in order. Only files whose text is at hand are found.
    pub fn expand(&self, pattern: &str, tree: &FileTree) -> Vec<String> {
        let names: Vec<String> = match self {
            Self::Machine => tree.files().map(|e| e.path.clone()).collect(),
            Self::Container(project, container) => listing(project, container, tree),
        };
        names.into_iter().filter(|n| path::glob_matches(pattern, n)).collect()
    }

    /// Why the file at a path is written only when the container starts, if it is.
    pub fn rendered(&self, at: &str, tree: &FileTree) -> Option<String> {
        let Self::Container(_, container) = self else { return None };
        let name = path::file_name(at);
        let writes = |text: &str| RENDERERS.iter().any(|r| text.contains(r)) && text.contains(name);
        if let Some(script) = container.script.as_deref().filter(|s| writes(s)) {
            let tool = RENDERERS.iter().find(|r| script.contains(**r)).map_or("a program", |r| r.trim());
            return Some(format!("{} is written by {tool} when the container starts", at));
        }
        let first = container.arguments.first().map_or("", String::as_str);
        let is_script = first.ends_with(".sh") && first != "/run.sh" && first != "/entrypoint.sh";
        if is_script || (first == "/entrypoint.sh" && !container.image.is_bitnami()) {
            return match self.open(first, tree) {
                FileAt::Text(text, _) if writes(text.text()) => {
                    Some(format!("{at} is written by {} when the container starts", text.name()))
                }
                FileAt::Text(..) => None,
                _ => Some(format!("the container starts through {first}, which is not in the repository")),
            };
        }
        let built = container.dockerfile.as_ref()?.runs.iter().find(|r| writes(r))?;
        let tool = RENDERERS.iter().find(|r| built.contains(**r)).map_or("a program", |r| r.trim());
        Some(format!("{at} is written by {tool} while the image is built"))
    }
}

/// A path of the host as a file.
fn from_host(host: &HostPath, place: Option<&Place>, tree: &FileTree, docker_makes: bool) -> FileAt {
    let Some(inside) = host.inside() else {
        return FileAt::Hidden(format!("{host} lies outside the repository"), None);
    };
    match tree.text(inside) {
        Ok(text) => FileAt::Text(text, place.cloned()),
        Err(ReadError::Missing) => {
            let sample = sample_of(inside, tree);
            if tree.is_ignored(inside, false) || sample.is_some() {
                let why = if tree.is_ignored(inside, false) {
                    format!("{inside} is not in the repository: git ignores it")
                } else {
                    format!("{inside} is not in the repository, only a sample of it is")
                };
                return FileAt::Hidden(why, sample);
            }
            let consequence = if docker_makes { ", so Docker makes a folder of that name" } else { "" };
            FileAt::Missing(format!("{inside} does not exist{consequence}"), place.cloned())
        }
        Err(e) => FileAt::Missing(format!("{inside} {e}"), place.cloned()),
    }
}

/// A sample beside a file that is missing: `x.yml.example`, `x.example.yml`, `x.yml.template`, …
pub fn sample_of(missing: &str, tree: &FileTree) -> Option<SourceText> {
    let name = path::file_name(missing);
    let stem = name.split('.').next().unwrap_or(name);
    let dir = path::parent(missing);
    tree.under(dir)
        .filter(|e| path::parent(&e.path) == dir && is_sample(&e.path))
        .find(|e| path::file_name(&e.path).trim_start_matches('.').starts_with(stem.trim_start_matches('.')))
        .and_then(|e| tree.text(&e.path).ok())
}

/// Every path of a container whose file is known.
fn listing(project: &Project, container: &Container, tree: &FileTree) -> Vec<String> {
    let mut names: BTreeMap<String, ()> = BTreeMap::new();
    let mut add = |target: &str, inside: &str| {
        if tree.is_file(inside) {
            names.insert(target.to_owned(), ());
        }
        for entry in tree.under(inside).filter(|e| e.kind != EntryKind::Dir).take(LISTED) {
            if let Some(rest) = path::strip(&entry.path, inside) {
                names.insert(format!("{}/{rest}", target.trim_end_matches('/')), ());
            }
        }
    };
    for mount in &container.mounts {
        if let Source::Bind(HostPath::Inside(inside)) = &mount.source {
            add(&mount.target, inside);
        }
    }
    let service = project.service(&container.service);
    for given in service.map(|s| s.materials.as_slice()).unwrap_or_default() {
        names.insert(given.target.clone(), ());
    }
    if let (Some(dockerfile), Some(build)) = (&container.dockerfile, service.and_then(|s| s.build.as_ref())) {
        let context = build.context.inside().unwrap_or_default();
        for copied in &dockerfile.copies {
            for source in &copied.sources {
                let Some(from) = path::join(context, source.trim_start_matches('/')) else { continue };
                let matching: Vec<String> = if from.contains('*') {
                    tree.files().map(|e| e.path.clone()).filter(|p| path::glob_matches(&from, p)).collect()
                } else {
                    vec![from]
                };
                for from in matching {
                    let into = copied.target.trim_end_matches('/');
                    if tree.is_dir(&from) {
                        names.extend(
                            tree.under(&from)
                                .take(LISTED)
                                .filter_map(|e| Some((format!("{into}/{}", path::strip(&e.path, &from)?), ()))),
                        );
                    } else {
                        let folder = copied.target.ends_with('/') || copied.sources.len() > 1 || source.contains('*');
                        let name = if folder { format!("{into}/{}", path::file_name(&from)) } else { into.to_owned() };
                        names.insert(name, ());
                    }
                }
            }
        }
    }
    // What lies under one mount may be hidden by another one.
    names.into_keys().filter(|n| !matches!(container.provided(project, n, tree), Provided::Nothing)).collect()
}
