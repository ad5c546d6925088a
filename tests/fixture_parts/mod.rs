//! Fixtures as their files describe them: a lab's solution with edits.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

/// Files by path.
pub type Repository = BTreeMap<String, Vec<u8>>;

/// A right variant or a wrong mutant of the solution, with what must come of it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fixture {
    /// Its name.
    pub id: String,
    /// For the reader of the file.
    #[serde(default)]
    #[allow(dead_code, reason = "for the reader of the file")]
    pub about: String,
    edits: Vec<Edit>,
    /// Criteria that fail.
    #[serde(default)]
    pub fails: Vec<String>,
    /// Criteria that are skipped.
    #[serde(default)]
    pub skips: Vec<String>,
    /// Criteria that a person must look at.
    #[serde(default)]
    pub review: Vec<String>,
    /// Criteria that files do not show.
    #[serde(default)]
    pub unverified: Vec<String>,
    /// Advice that is given.
    #[serde(default)]
    pub advice: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Edit {
    file: String,
    replace: Option<String>,
    with: Option<String>,
    write: Option<String>,
    append: Option<String>,
    rename: Option<String>,
    #[serde(default)]
    remove: bool,
    #[serde(default)]
    crlf: bool,
}

/// The fixtures of a file of lab 7.
pub fn fixtures(name: &str) -> Vec<Fixture> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/07-monitoring").join(name);
    let text = std::fs::read_to_string(&path).expect("the file of fixtures");
    serde_yaml::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

impl Fixture {
    /// The solution with this fixture's edits.
    pub fn of(&self, solution: &[(String, Vec<u8>)]) -> Repository {
        let mut files: Repository = solution.iter().cloned().collect();
        for edit in &self.edits {
            apply(&mut files, edit).unwrap_or_else(|e| panic!("{}: {e}", self.id));
        }
        files
    }
}

fn apply(files: &mut Repository, edit: &Edit) -> Result<(), String> {
    let file = &edit.file;
    if let Some(text) = &edit.write {
        files.insert(file.clone(), text.clone().into_bytes());
        return Ok(());
    }
    let old = files.get(file).cloned().ok_or_else(|| format!("{file} is not there"))?;
    let text = String::from_utf8(old).map_err(|_| format!("{file} is no text"))?;
    if edit.remove {
        files.remove(file);
    } else if let Some(new) = &edit.rename {
        files.remove(file);
        files.insert(new.clone(), text.into_bytes());
    } else if let Some(more) = &edit.append {
        files.insert(file.clone(), (text + more).into_bytes());
    } else if edit.crlf {
        files.insert(file.clone(), text.replace('\n', "\r\n").into_bytes());
    } else if let (Some(from), Some(to)) = (&edit.replace, &edit.with) {
        if !text.contains(from.as_str()) {
            return Err(format!("{file} does not hold {from:?}"));
        }
        files.insert(file.clone(), text.replace(from.as_str(), to).into_bytes());
    } else {
        return Err(format!("an edit of {file} says nothing"));
    }
    Ok(())
}
