//! From `LAB` as typed to a lab with its scripts: `7`, `07`, `07-monitoring` or a path to a lab folder.

use std::path::{Path, PathBuf};

use super::args::LabSource;
use crate::check::{Check, check_patterns, parse_scripts};
use crate::lab::{Lab, LabError, LabFiles, embedded_labs};

/// A lab, ready to judge with.
pub struct Loaded {
    /// The lab.
    pub lab: Lab,
    /// Its scripts.
    pub checks: Vec<Check>,
    /// Its files.
    pub files: LabFiles,
}

/// The names of the labs of a source.
///
/// # Errors
/// The folder cannot be read.
pub fn names(source: &LabSource) -> Result<Vec<String>, LabError> {
    let Some(folder) = &source.folder else {
        return Ok(embedded_labs().map(str::to_owned).collect());
    };
    let labs = folder.join("labs");
    let entries = std::fs::read_dir(&labs).map_err(|e| LabError(format!("cannot read {}: {e}", labs.display())))?;
    let mut names: Vec<String> = entries
        .flatten()
        .filter(|e| e.path().join("lab.yaml").is_file())
        .filter_map(|e| e.file_name().to_str().map(str::to_owned))
        .collect();
    names.sort();
    Ok(names)
}

/// Finds and reads a lab.
///
/// # Errors
/// There is none of that name, or its files are not valid.
pub fn load(wanted: &str, source: &LabSource) -> Result<Loaded, LabError> {
    let path = Path::new(wanted);
    let built_in = source.folder.is_none() && !path.join("lab.yaml").is_file();
    let files = if path.join("lab.yaml").is_file() {
        from_path(path)?
    } else {
        let names = names(source)?;
        let name = pick(wanted, &names)?;
        match &source.folder {
            Some(folder) => from_folder(folder, &name)?,
            None => LabFiles::embedded(&name)?,
        }
    };
    let lab = Lab::parse(&files, &source.set)?;
    let checks = parse_scripts(&lab, &files.checks)?;
    if !built_in {
        check_patterns(&lab, &checks)?;
    }
    Ok(Loaded { lab, checks, files })
}

fn pick(wanted: &str, names: &[String]) -> Result<String, LabError> {
    if let Some(name) = names.iter().find(|n| *n == wanted) {
        return Ok(name.clone());
    }
    if let Ok(number) = wanted.parse::<u32>() {
        let same = |n: &&String| n.split('-').next().and_then(|p| p.parse::<u32>().ok()) == Some(number);
        if let Some(name) = names.iter().find(same) {
            return Ok(name.clone());
        }
    }
    Err(LabError(format!("no lab {wanted:?}; there is {}", names.join(", "))))
}

/// `DIR/labs/NAME` given as a path: the checks are in `DIR/checks`.
fn from_path(path: &Path) -> Result<LabFiles, LabError> {
    let path = path.canonicalize().map_err(|e| LabError(format!("cannot read {}: {e}", path.display())))?;
    let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default().to_owned();
    let root = path.parent().and_then(Path::parent).unwrap_or(&path).to_owned();
    from_folder(&root, &name)
}

fn from_folder(root: &Path, name: &str) -> Result<LabFiles, LabError> {
    let mut found = Vec::new();
    for folder in [PathBuf::from("labs").join(name), PathBuf::from("checks")] {
        walk(root, &folder, &mut found)?;
    }
    LabFiles::gather(name, found.iter().map(|(p, b)| (p.as_str(), b.as_slice())))
}

fn walk(root: &Path, folder: &Path, found: &mut Vec<(String, Vec<u8>)>) -> Result<(), LabError> {
    let full = root.join(folder);
    let unreadable = |p: &Path, e: std::io::Error| LabError(format!("cannot read {}: {e}", p.display()));
    for entry in std::fs::read_dir(&full).map_err(|e| unreadable(&full, e))?.flatten() {
        let relative = folder.join(entry.file_name());
        let path = entry.path();
        if path.is_dir() {
            walk(root, &relative, found)?;
        } else {
            let bytes = std::fs::read(&path).map_err(|e| unreadable(&path, e))?;
            found.push((relative.to_string_lossy().replace('\\', "/"), bytes));
        }
    }
    Ok(())
}
