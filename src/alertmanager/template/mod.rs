//! Alertmanager's templates: the data they see, the functions of each release, and the definitions it brings along.
//!
//! Facts: upstream source of 0.25 and 0.34; outputs measured with `amtool template render` 0.25.

mod data;
mod defaults;
mod functions;
mod humanize;
mod kv;
mod native;
mod objects;
mod to_json;
mod zone;

use std::sync::{Arc, OnceLock};

pub use data::{AlertData, Data};
pub use functions::function_since;
pub use kv::{Kv, Pair};

use super::version::Version;
use crate::golang::regexp::{Patterns, SearchBudget};
use crate::golang::template::{TemplateSet, Value};
use crate::model::Time;
use functions::{AlertmanagerFunctions, go_version};
use objects::DataObject;

/// What a Discord title is when the configuration has none.
pub const DISCORD_TITLE: &str = r#"{{ template "discord.default.title" . }}"#;
/// What a Discord message is when the configuration has none.
pub const DISCORD_MESSAGE: &str = r#"{{ template "discord.default.message" . }}"#;

/// Why a text cannot be expanded, in Go's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TemplateError(pub String);

/// All definitions that an Alertmanager knows. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Templates {
    set: TemplateSet,
    version: Version,
    /// Whether the built-in texts of Discord messages are as the release has them.
    native: bool,
    patterns: Arc<Patterns>,
}

impl Templates {
    /// The definitions that a release brings along.
    pub fn new(version: Version) -> Self {
        // Parsing them again for every repository of a batch would cost more than everything else here.
        static BY_MINOR: [OnceLock<Templates>; 40] = [const { OnceLock::new() }; 40];
        let defaults = BY_MINOR.get(usize::from(version.minor())).map_or_else(
            || Self::parse_defaults(version),
            |cell| cell.get_or_init(|| Self::parse_defaults(version)).clone(),
        );
        // What a pattern costs must not hang on what others used.
        Self { patterns: Arc::default(), ..defaults }
    }

    fn parse_defaults(version: Version) -> Self {
        let mut set = TemplateSet::new(go_version(version), true);
        let functions = AlertmanagerFunctions::to_parse(version);
        for (name, body) in defaults::definitions(version) {
            set.parse(name, &body, &functions).expect("the built-in definitions are templates, a test parses them all");
        }
        Self { set, version, native: true, patterns: Arc::default() }
    }

    /// Adds the definitions of a file; `name` is its name without the folder. They replace those of the same names.
    ///
    /// # Errors
    /// The file is no template; Alertmanager refuses to load its configuration then.
    pub fn add_file(&mut self, name: &str, text: &str) -> Result<(), TemplateError> {
        let functions = AlertmanagerFunctions::to_parse(self.version);
        self.set.parse(name, text, &functions).map_err(|e| TemplateError(e.message))?;
        self.native = false;
        Ok(())
    }

    /// The release whose functions and texts these are.
    pub fn version(&self) -> Version {
        self.version
    }

    /// Whether a definition of that name exists.
    pub fn contains(&self, name: &str) -> bool {
        self.set.contains(name)
    }

    /// Expands a text over a notification's data at `now`.
    ///
    /// # Errors
    /// The text is no template, or its execution fails. Alertmanager sends nothing then.
    pub fn expand(&self, text: &str, data: &Arc<Data>, now: Time) -> Result<String, TemplateError> {
        match text {
            DISCORD_TITLE if self.native => Ok(native::subject(data)),
            DISCORD_MESSAGE if self.native => Ok(native::message(data)),
            text => self.execute(text, data, now, true),
        }
    }

    /// Expands a text the way `amtool template render` does, whose data is a struct where notifiers have a pointer.
    ///
    /// # Errors
    /// As [`Self::expand`].
    pub fn expand_as_amtool(&self, text: &str, data: &Arc<Data>, now: Time) -> Result<String, TemplateError> {
        self.execute(text, data, now, false)
    }

    fn execute(&self, text: &str, data: &Arc<Data>, now: Time, pointer: bool) -> Result<String, TemplateError> {
        if !text.contains("{{") {
            return Ok(text.to_owned());
        }
        let functions = AlertmanagerFunctions {
            version: self.version,
            now,
            data: data.clone(),
            patterns: self.patterns.clone(),
            budget: SearchBudget::default(),
        };
        let mut set = self.set.clone();
        set.parse("", text, &functions).map_err(|e| TemplateError(e.message))?;
        let dot = Value::object(DataObject { data: data.clone(), version: self.version, pointer });
        set.execute("", &dot, &functions).map_err(|e| TemplateError(e.to_string()))
    }
}

#[cfg(test)]
mod tests;
