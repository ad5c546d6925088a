//! Dockerfiles: which image they begin with, what they copy where, and what they start.

use std::collections::BTreeMap;

use super::command::words;
use super::project::Build;
use crate::stack::{FileTree, path};
use crate::text::{SourceText, Span};

/// How many stages may build on each other.
const STAGES: usize = 20;

/// A `COPY` or `ADD`.
#[derive(Clone, Debug)]
pub struct Copied {
    /// What is copied, relative to the build context.
    pub sources: Vec<String>,
    /// Where to, absolute; a slash at the end makes it a folder.
    pub target: String,
    /// The bytes of the instruction.
    pub span: Span,
}

/// What a Dockerfile makes of its image.
#[derive(Clone, Debug)]
pub struct Dockerfile {
    /// Its text.
    pub source: SourceText,
    /// The image it begins with.
    pub base: String,
    /// What it copies from the build context.
    pub copies: Vec<Copied>,
    /// `CMD`
    pub command: Option<Vec<String>>,
    /// `ENTRYPOINT`
    pub entrypoint: Option<Vec<String>>,
    /// `ENV`
    pub env: Vec<(String, String)>,
    /// `EXPOSE`
    pub ports: Vec<u16>,
    /// `WORKDIR`
    pub workdir: Option<String>,
    /// `RUN`, to look for what renders or installs.
    pub runs: Vec<String>,
}

#[derive(Clone, Default)]
struct Stage {
    name: Option<String>,
    base: String,
    copies: Vec<Copied>,
    command: Option<Vec<String>>,
    entrypoint: Option<Vec<String>>,
    env: Vec<(String, String)>,
    ports: Vec<u16>,
    workdir: Option<String>,
    runs: Vec<String>,
}

/// Reads the Dockerfile of a build; `None` when it is not in the repository.
pub fn read(build: &Build, tree: &FileTree) -> Option<Dockerfile> {
    let source = match &build.inline {
        Some(text) => SourceText::new("Dockerfile (inline)", text.clone()),
        None => {
            let context = build.context.inside()?;
            tree.text(&path::join(context, &build.dockerfile)?).ok()?
        }
    };
    Some(parse(&source, &build.args, build.target.as_deref()))
}

/// Reads a Dockerfile's text.
pub fn parse(source: &SourceText, args: &[(String, String)], target: Option<&str>) -> Dockerfile {
    let mut stages: Vec<Stage> = Vec::new();
    let mut values: BTreeMap<String, String> = args.iter().cloned().collect();
    for (instruction, rest, span) in instructions(source) {
        let filled = fill(&rest, &values);
        if instruction == "FROM" {
            let parts: Vec<&str> = filled.split_whitespace().filter(|p| !p.starts_with("--")).collect();
            let name = (parts.len() >= 3 && parts[1].eq_ignore_ascii_case("as")).then(|| parts[2].to_owned());
            let base = parts.first().copied().unwrap_or_default();
            let mut stage = stages
                .iter()
                .take(STAGES)
                .find(|s| s.name.as_deref().is_some_and(|n| n.eq_ignore_ascii_case(base)))
                .cloned()
                .unwrap_or_else(|| Stage { base: base.to_owned(), ..Stage::default() });
            stage.name = name;
            stages.push(stage);
            continue;
        }
        if instruction == "ARG" {
            if let Some((name, value)) = filled.split_once('=') {
                values.entry(name.trim().to_owned()).or_insert_with(|| value.trim_matches(['"', '\'']).to_owned());
            }
            continue;
        }
        let Some(stage) = stages.last_mut() else { continue };
        match instruction.as_str() {
            "COPY" | "ADD" => copy(stage, &filled, span),
            "CMD" => stage.command = Some(exec(&filled)),
            "ENTRYPOINT" => {
                stage.entrypoint = Some(exec(&filled));
                stage.command = None;
            }
            "ENV" => {
                for (name, value) in env(&filled) {
                    values.insert(name.clone(), value.clone());
                    stage.env.push((name, value));
                }
            }
            "EXPOSE" => {
                let ports = filled.split_whitespace().filter_map(|p| p.split('/').next()?.parse::<u16>().ok());
                stage.ports.extend(ports);
            }
            "WORKDIR" => {
                let base = stage.workdir.clone().unwrap_or_else(|| "/".to_owned());
                stage.workdir = path::join(&base, filled.trim());
            }
            "RUN" => stage.runs.push(filled),
            _ => {}
        }
    }
    let wanted = target.and_then(|t| stages.iter().position(|s| s.name.as_deref() == Some(t)));
    let stage = match wanted {
        Some(at) => stages.swap_remove(at),
        None => stages.pop().unwrap_or_default(),
    };
    Dockerfile {
        source: source.clone(),
        base: stage.base,
        copies: stage.copies,
        command: stage.command,
        entrypoint: stage.entrypoint,
        env: stage.env,
        ports: stage.ports,
        workdir: stage.workdir,
        runs: stage.runs,
    }
}

impl Dockerfile {
    /// The path in the build context that ends up at a path of the container; the last copy counts.
    pub fn origin(&self, container: &str, context: &str, tree: &FileTree) -> Option<(String, Span)> {
        self.copies.iter().rev().find_map(|c| Some((c.origin(container, context, tree)?, c.span)))
    }
}

impl Copied {
    fn origin(&self, container: &str, context: &str, tree: &FileTree) -> Option<String> {
        let target = path::normalize(&self.target)?;
        let into_folder = self.target.ends_with('/') || self.sources.len() > 1;
        self.sources.iter().find_map(|source| {
            let from = path::join(context, source.trim_start_matches('/'))?;
            if tree.is_dir(&from) {
                let rest = path::strip(container, &target)?;
                return path::join(&from, rest).filter(|p| tree.exists(p));
            }
            if source.contains(['*', '?', '[']) {
                let rest = path::strip(container, &target).filter(|r| !r.contains('/') && !r.is_empty())?;
                let candidate = path::join(path::parent(&from), rest)?;
                return (path::glob_matches(&from, &candidate) && tree.is_file(&candidate)).then_some(candidate);
            }
            let lands = if into_folder { format!("{target}/{}", path::file_name(&from)) } else { target.clone() };
            let lands_inside = format!("{target}/{}", path::file_name(&from));
            // A target that is a folder of the image takes the file under its own name.
            let hit = container == lands || (container == lands_inside && !path::file_name(&target).contains('.'));
            hit.then_some(from)
        })
    }
}

/// Instructions with their text on one line, comments dropped.
fn instructions(source: &SourceText) -> Vec<(String, String, Span)> {
    let mut found = Vec::new();
    let mut open: Option<(String, usize)> = None;
    let mut heredoc: Option<String> = None;
    let mut at = 0;
    for raw in source.text().split_inclusive('\n') {
        let start = at;
        at += raw.len();
        let line = raw.trim_end_matches(['\n', '\r']);
        if let Some(end) = &heredoc {
            if line.trim() == end {
                heredoc = None;
            }
            continue;
        }
        let trimmed = line.trim();
        if trimmed.starts_with('#') || (trimmed.is_empty() && open.is_none()) {
            continue;
        }
        let (mut text, from) =
            open.take().unwrap_or_else(|| (String::new(), start + line.len() - line.trim_start().len()));
        match trimmed.strip_suffix('\\') {
            Some(more) => {
                text.push_str(more);
                text.push(' ');
                open = Some((text, from));
            }
            None => {
                text.push_str(trimmed);
                heredoc = text.find("<<").and_then(|i| {
                    let word = text[i + 2..].trim_start_matches('-').split_whitespace().next()?;
                    Some(word.trim_matches(['"', '\'']).to_owned())
                });
                let (name, rest) = text.split_once(char::is_whitespace).unwrap_or((&text, ""));
                found.push((name.to_ascii_uppercase(), rest.trim().to_owned(), Span::new(from, start + line.len())));
            }
        }
    }
    found
}

/// Fills in `$NAME` and `${NAME}`, with `:-` defaults.
fn fill(text: &str, values: &BTreeMap<String, String>) -> String {
    super::interpolate::substitute(text, values, &mut Vec::new(), 0).unwrap_or_else(|_| text.to_owned())
}

/// The JSON form, or the form that a shell runs.
fn exec(text: &str) -> Vec<String> {
    serde_json::from_str::<Vec<String>>(text)
        .unwrap_or_else(|_| vec!["/bin/sh".to_owned(), "-c".to_owned(), text.to_owned()])
}

fn env(text: &str) -> Vec<(String, String)> {
    let parts = words(text).unwrap_or_default();
    if parts.iter().all(|p| p.contains('=')) {
        return parts.iter().filter_map(|p| p.split_once('=')).map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
    }
    // The old form: one name, and everything behind it.
    text.split_once(char::is_whitespace).map(|(n, v)| (n.to_owned(), v.trim().to_owned())).into_iter().collect()
}

fn copy(stage: &mut Stage, text: &str, span: Span) {
    let mut rest = text.trim();
    let mut from_elsewhere = false;
    while let Some(option) = rest.strip_prefix("--") {
        let (flag, more) = option.split_once(char::is_whitespace).unwrap_or((option, ""));
        from_elsewhere |= flag.starts_with("from=");
        rest = more.trim_start();
    }
    let mut parts = serde_json::from_str::<Vec<String>>(rest).ok().or_else(|| words(rest)).unwrap_or_default();
    let Some(target) = parts.pop() else { return };
    if from_elsewhere || parts.is_empty() {
        return;
    }
    let folder = target.ends_with('/') || target == ".";
    let base = stage.workdir.clone().unwrap_or_else(|| "/".to_owned());
    if let Some(mut target) = path::join(&base, &target) {
        if folder && !target.ends_with('/') {
            target.push('/');
        }
        stage.copies.push(Copied { sources: parts, target, span });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_are_followed_back_to_the_build_context() {
        let text = "ARG V=v2.42.0\nFROM prom/prometheus:${V} AS base\n# c\nFROM base\nCOPY --chown=nobody \\\n  prometheus.yml /etc/prometheus/\n\
            COPY rules /etc/prometheus/rules\nWORKDIR /app\nADD [\"a.py\", \".\"]\nCMD [\"--config.file=/x\"]\nEXPOSE 9000/tcp\n";
        let file = parse(&SourceText::new("Dockerfile", text), &[], None);
        assert_eq!(file.base, "prom/prometheus:v2.42.0");
        assert_eq!((file.command.clone(), file.ports.clone()), (Some(vec!["--config.file=/x".to_owned()]), vec![9000]));
        let tree = FileTree::in_memory([("lab/prometheus.yml", ""), ("lab/rules/r.yml", ""), ("lab/a.py", "")]);
        let origin = |p: &str| file.origin(p, "lab", &tree).map(|(p, _)| p);
        assert_eq!(origin("/etc/prometheus/prometheus.yml").as_deref(), Some("lab/prometheus.yml"));
        assert_eq!(origin("/etc/prometheus/rules/r.yml").as_deref(), Some("lab/rules/r.yml"));
        assert_eq!(origin("/app/a.py").as_deref(), Some("lab/a.py"));
        assert_eq!(origin("/etc/prometheus/alert.yml"), None);
    }

    #[test]
    fn a_shell_form_is_told_from_a_list() {
        let file = parse(
            &SourceText::new("D", "FROM a\nENTRYPOINT [\"x\"]\nCMD run it\nENV A=1 B=\"2 3\"\nENV C 4 5"),
            &[],
            None,
        );
        assert_eq!(file.command.unwrap()[2], "run it");
        assert_eq!(file.entrypoint.unwrap(), ["x"]);
        assert_eq!(file.env[2], ("C".to_owned(), "4 5".to_owned()));
    }
}
