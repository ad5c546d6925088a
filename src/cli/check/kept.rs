//! What is kept of a check beside its report, so that an interrupted one can go on.

use std::path::{Path, PathBuf};

use crate::check::live_world::{Called, State};
use crate::cli::print;

/// Bytes of such a file that are read.
const MAX_BYTES: u64 = 256 * 1024 * 1024;

/// The file it is kept in.
pub struct Kept {
    file: PathBuf,
}

impl Kept {
    /// In the folder for reports.
    pub fn new(out: &Path, lab: &str) -> Self {
        Self { file: out.join(format!("labkit-check-{lab}.state.json")) }
    }

    /// What an interrupted run has kept; nothing when none was interrupted.
    ///
    /// # Errors
    /// It cannot be read, or it was another check.
    pub fn load(&self, called: &Called) -> Result<Option<State>, String> {
        let shown = self.file.display();
        match std::fs::metadata(&self.file) {
            Ok(meta) if meta.len() <= MAX_BYTES && meta.is_file() => {}
            Ok(_) => return Err(format!("{shown} was not written by labkit; remove it to begin anew")),
            Err(_) => {
                print::remark("no run was interrupted; beginning anew");
                return Ok(None);
            }
        }
        let text = std::fs::read_to_string(&self.file).map_err(|e| format!("cannot read {shown}: {e}"))?;
        let state: State = serde_json::from_str(&text)
            .ok()
            .filter(|s: &State| s.schema == State::SCHEMA)
            .ok_or_else(|| format!("{shown} is damaged, or another labkit wrote it; remove it to begin anew"))?;
        if let Some(difference) = called.differs_from(&state.called) {
            return Err(format!(
                "--resume: the interrupted run was another one: {difference}; remove {shown} to begin anew"
            ));
        }
        let decided = state.outcomes.len();
        print::remark(&format!("going on: {decided} criteria are decided already"));
        Ok(Some(state))
    }

    /// Keeps it; a run does not fail because it cannot be kept.
    pub fn save(&self, state: &State) {
        let Some(folder) = self.file.parent() else { return };
        let new = self.file.with_extension("new");
        let Ok(text) = serde_json::to_string(state) else { return };
        // All of it or nothing: another process may end this one at any moment.
        let _ = std::fs::create_dir_all(folder)
            .and_then(|()| std::fs::write(&new, text))
            .and_then(|()| std::fs::rename(&new, &self.file));
    }

    /// Says how to go on.
    pub fn tell(&self) {
        if self.file.is_file() {
            print::remark("run the same again with --resume to go on: what is decided is not repeated");
        }
    }

    /// Nothing is left to go on with.
    pub fn remove(&self) {
        let _ = std::fs::remove_file(&self.file);
    }
}
