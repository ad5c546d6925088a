//! What is mounted into a container: binds, named and anonymous volumes, memory.

use std::borrow::Cow;

use super::tree::{Kind, Place, Tree};
use crate::stack::path;
use crate::text::Diagnostic;

/// The repository's root as it appears in paths while a project is loaded.
pub(super) const ROOT: &str = "/@repository";

/// A path on the student's machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostPath {
    /// In the repository, relative to its root; `""` is the root.
    Inside(String),
    /// Elsewhere, as written or resolved as far as possible.
    Outside(String),
}

impl HostPath {
    /// A path of a compose file that lies in the repository's folder `dir`.
    pub fn resolve(dir: &str, text: &str) -> Self {
        let bytes = text.as_bytes();
        let windows = bytes.len() > 1 && bytes[0].is_ascii_alphabetic() && bytes[1] == b':';
        if text.starts_with('~') || text.starts_with('\\') || windows {
            return Self::Outside(text.to_owned());
        }
        let text: &str = &with_slashes(text);
        let absolute = if text.starts_with('/') { text.to_owned() } else { format!("{ROOT}/{dir}/{text}") };
        let clean = path::normalize(&absolute).unwrap_or_default();
        match path::strip(&clean, ROOT) {
            Some(inside) => Self::Inside(inside.to_owned()),
            None => Self::Outside(clean),
        }
    }

    /// The path in the repository.
    pub fn inside(&self) -> Option<&str> {
        match self {
            Self::Inside(path) => Some(path),
            Self::Outside(_) => None,
        }
    }

    /// A path below it.
    pub fn join(&self, rest: &str) -> Self {
        match self {
            _ if rest.is_empty() => self.clone(),
            Self::Inside(dir) => Self::resolve(dir, rest),
            Self::Outside(dir) => Self::Outside(format!("{}/{rest}", dir.trim_end_matches('/'))),
        }
    }
}

impl std::fmt::Display for HostPath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Inside(path) if path.is_empty() => f.write_str("."),
            Self::Inside(path) | Self::Outside(path) => f.write_str(path),
        }
    }
}

/// What stands behind a mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A path of the host.
    Bind(HostPath),
    /// A volume declared at the top level.
    Named(String),
    /// A volume without a name.
    Anonymous,
    /// Memory.
    Tmpfs,
    /// Something else (an image, a pipe, a cluster volume).
    Other(String),
}

/// A mount.
#[derive(Clone, Debug)]
pub struct Mount {
    /// What stands behind it.
    pub source: Source,
    /// Where it lies in the container.
    pub target: String,
    /// Whether it is read only.
    pub read_only: bool,
    /// Whether Docker makes a missing bind source (as a folder).
    pub creates_source: bool,
    /// `subpath` of a volume.
    pub subpath: Option<String>,
    /// Where it is written.
    pub place: Place,
}

impl Mount {
    /// Whether the engine refuses the target.
    pub fn is_broken(&self) -> bool {
        !self.target.starts_with('/')
    }
}

/// Reads `volumes` of a service; a later entry on the same target takes the earlier one's place.
pub fn read(list: &Tree, dir: &str, refused: &mut Vec<Diagnostic>) -> Vec<Mount> {
    let mut mounts: Vec<Mount> = Vec::new();
    for item in list.items() {
        let read = match &item.kind {
            Kind::Map(_) => long(item, dir),
            _ => short(item.text().unwrap_or_default(), dir, &item.place),
        };
        match read {
            Ok(mount) => put(&mut mounts, mount),
            Err(why) => {
                let d = item.place.error(why.clone()).upstream(why);
                refused.push(d.help("write SOURCE:TARGET, such as ./prometheus.yml:/etc/prometheus/prometheus.yml"));
            }
        }
    }
    mounts
}

/// A relative path as Windows writes it, with slashes: Docker Desktop takes it as it is meant, and nobody calls a file so.
pub(super) fn with_slashes(text: &str) -> Cow<'_, str> {
    if text.starts_with(".\\") || text.starts_with("..\\") { text.replace('\\', "/").into() } else { text.into() }
}

/// Adds a mount, replacing one on the same target.
pub fn put(mounts: &mut Vec<Mount>, mount: Mount) {
    match mounts.iter_mut().find(|m| m.target == mount.target) {
        Some(slot) => *slot = mount,
        None => mounts.push(mount),
    }
}

fn long(item: &Tree, dir: &str) -> Result<Mount, String> {
    let text = |key: &str| item.get(key).and_then(Tree::text).unwrap_or_default();
    let source = text("source");
    let kind = match text("type") {
        "bind" => Source::Bind(HostPath::resolve(dir, source)),
        "volume" if source.is_empty() => Source::Anonymous,
        "volume" => Source::Named(source.to_owned()),
        "tmpfs" => Source::Tmpfs,
        "" => return Err("a mount needs a type: bind, volume or tmpfs".to_owned()),
        other => Source::Other(other.to_owned()),
    };
    let creates = item.get("bind").and_then(|b| b.get("create_host_path")).is_none_or(Tree::is_true);
    Ok(Mount {
        // The long form makes the folder only when it is asked to; 2.40 asks by default.
        creates_source: creates,
        source: kind,
        target: clean(text("target")),
        read_only: item.get("read_only").is_some_and(Tree::is_true),
        subpath: item.get("volume").and_then(|v| v.get("subpath")).and_then(Tree::text).map(str::to_owned),
        place: item.place.clone(),
    })
}

fn short(spec: &str, dir: &str, place: &Place) -> Result<Mount, String> {
    if spec.is_empty() {
        return Err("invalid empty volume spec".to_owned());
    }
    let parts = sections(spec);
    if spec.len() > 2 && parts.iter().any(|p| p.is_empty()) {
        return Err(format!("invalid spec: {spec}: empty section between colons"));
    }
    if parts.len() > 3 {
        return Err(format!("invalid spec: {spec}: too many colons"));
    }
    let (source, target) = if parts.len() == 1 { ("", parts[0]) } else { (parts[0], parts[1]) };
    let read_only = parts.get(2).is_some_and(|o| o.split(',').fold(false, |ro, o| o == "ro" || (ro && o != "rw")));
    let source = match source {
        "" => Source::Anonymous,
        path if is_path(path) => Source::Bind(HostPath::resolve(dir, path)),
        name => Source::Named(name.to_owned()),
    };
    Ok(Mount { source, target: clean(target), read_only, creates_source: true, subpath: None, place: place.clone() })
}

/// A target as compose shortens it.
fn clean(target: &str) -> String {
    path::normalize(target).unwrap_or_else(|| target.to_owned())
}

/// Splits at colons, except the one behind a drive's letter.
fn sections(spec: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut start = 0;
    for (i, c) in spec.char_indices() {
        if c == ':' && !(i - start == 1 && spec[start..i].chars().all(char::is_alphabetic)) {
            parts.push(&spec[start..i]);
            start = i + 1;
        }
    }
    parts.push(&spec[start..]);
    parts
}

/// Whether a source is a path and no name.
pub(super) fn is_path(source: &str) -> bool {
    let mut chars = source.chars();
    match chars.next() {
        Some('.' | '/' | '~') => true,
        Some('\\') => source.starts_with("\\\\"),
        Some(c) => c.is_alphabetic() && chars.next() == Some(':'),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::SourceText;

    fn mount(spec: &str) -> Result<Mount, String> {
        short(spec, "lab", &Place::start(&SourceText::new("c.yml", "")))
    }

    #[test]
    fn short_forms_tell_paths_from_names() {
        let source = |spec: &str| mount(spec).unwrap().source;
        assert_eq!(source("./p.yml:/etc/p.yml:ro"), Source::Bind(HostPath::Inside("lab/p.yml".into())));
        assert_eq!(source(".\\a\\p.yml:/p.yml"), Source::Bind(HostPath::Inside("lab/a/p.yml".into())));
        assert_eq!(source("../p.yml:/p.yml"), Source::Bind(HostPath::Inside("p.yml".into())));
        assert_eq!(source("../../x:/x"), Source::Bind(HostPath::Outside("/x".into())));
        assert_eq!(source("~/g:/g"), Source::Bind(HostPath::Outside("~/g".into())));
        assert_eq!(source("C:\\g:/g:rw"), Source::Bind(HostPath::Outside("C:\\g".into())));
        assert_eq!(source("data:/g"), Source::Named("data".into()));
        assert_eq!(source("/g"), Source::Anonymous);
        assert!(mount("./p:/p:z,ro").unwrap().read_only && !mount("./p:/p:z").unwrap().read_only);
        assert!(mount("data/var/lib/grafana").unwrap().is_broken());
        for wrong in ["", ":/x", "data::b", "data:/b:ro:rw"] {
            assert!(mount(wrong).is_err(), "{wrong:?}");
        }
    }
}
