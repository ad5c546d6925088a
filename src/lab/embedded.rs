//! The labs inside the binary, and the set of files a lab consists of.

use super::LabError;
use super::manifest::Head;

mod table {
    #![allow(missing_docs)]
    include!(concat!(env!("OUT_DIR"), "/embedded.rs"));
}

/// The files of one lab: its manifest, its check scripts, its solution and starter.
#[derive(Clone, Debug, Default)]
pub struct LabFiles {
    /// Name of the folder below `labs/`.
    pub name: String,
    /// `lab.yaml`.
    pub manifest: String,
    /// What is read of it before the rest.
    pub(super) head: Head,
    /// Check scripts: name to show and text, in order of name.
    pub checks: Vec<(String, String)>,
    /// The solution: path inside it and content.
    pub solution: Vec<(String, Vec<u8>)>,
    /// The starter: path inside it and content.
    pub starter: Vec<(String, Vec<u8>)>,
}

impl LabFiles {
    /// Puts a lab together from files named `labs/...` and `checks/...`.
    ///
    /// # Errors
    /// There is no `labs/NAME/lab.yaml`, or it is not UTF-8.
    pub fn gather<'a>(name: &str, files: impl Iterator<Item = (&'a str, &'a [u8])> + Clone) -> Result<Self, LabError> {
        let text = |path: &str, bytes: &[u8]| {
            String::from_utf8(bytes.to_vec()).map_err(|_| LabError(format!("{path} is not UTF-8 text")))
        };
        let below = |folder: &str| {
            let prefix = format!("{folder}/");
            let mut found: Vec<(String, Vec<u8>)> = files
                .clone()
                .filter_map(|(path, bytes)| path.strip_prefix(&prefix).map(|p| (p.to_owned(), bytes.to_vec())))
                .collect();
            found.sort();
            found
        };
        let manifest_path = format!("labs/{name}/lab.yaml");
        let manifest = files
            .clone()
            .find(|(path, _)| *path == manifest_path)
            .ok_or_else(|| LabError(format!("no such lab: {manifest_path} is missing")))?;
        let manifest = text(&manifest_path, manifest.1)?;
        let head = super::manifest::head(&manifest, &manifest_path)?;
        let folder = &head.checks;
        let checks = below(&format!("checks/{folder}"))
            .into_iter()
            .filter(|(path, _)| path.ends_with(".yaml") || path.ends_with(".yml"))
            .map(|(path, bytes)| {
                let shown = format!("checks/{folder}/{path}");
                text(&shown, &bytes).map(|t| (shown, t))
            })
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            name: name.to_owned(),
            manifest,
            head,
            checks,
            solution: below(&format!("labs/{name}/solution")),
            starter: below(&format!("labs/{name}/starter")),
        })
    }
}

/// The names of the embedded labs, and access to their files.
pub fn embedded_labs() -> impl Iterator<Item = &'static str> {
    table::FILES
        .iter()
        .filter_map(|(path, _)| path.strip_prefix("labs/").and_then(|p| p.strip_suffix("/lab.yaml")))
        .filter(|name| !name.contains('/'))
}

/// Every embedded file, path relative to the crate.
pub(super) fn files() -> impl Iterator<Item = (&'static str, &'static [u8])> + Clone {
    table::FILES.iter().map(|(path, bytes)| (*path, *bytes))
}

impl LabFiles {
    /// An embedded lab.
    ///
    /// # Errors
    /// There is no such lab.
    pub fn embedded(name: &str) -> Result<Self, LabError> {
        Self::gather(name, files())
    }
}
