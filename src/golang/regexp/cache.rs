//! Patterns that arise while something runs: compiled once, and paid for.

use std::cell::Cell;
use std::sync::Mutex;

use rustc_hash::FxHashMap;

use super::{Regexp, RegexpError};
use crate::golang::GoVersion;

/// So many patterns are kept.
const MAX_PATTERNS: usize = 64;

/// Compiling costs as much as searching a text of so many bytes.
const COMPILE_BYTES: usize = 200;

/// Compiled patterns by their text.
#[derive(Debug, Default)]
pub struct Patterns {
    compiled: Mutex<FxHashMap<Box<str>, Regexp>>,
}

/// What searches may still cost: the size of a pattern times the length of the text, summed up.
#[derive(Clone, Debug)]
pub struct SearchBudget(Cell<u64>);

impl Default for SearchBudget {
    /// Under a second at worst, and far more than honest patterns need.
    fn default() -> Self {
        Self(Cell::new(20_000_000_000))
    }
}

impl SearchBudget {
    /// Takes the cost of one search.
    ///
    /// # Errors
    /// It is used up.
    fn spend(&self, size: usize, bytes: usize) -> Result<(), String> {
        let cost = u64::try_from(size).unwrap_or(u64::MAX).saturating_mul(u64::try_from(bytes).unwrap_or(u64::MAX));
        match self.0.get().checked_sub(cost) {
            Some(left) => {
                self.0.set(left);
                Ok(())
            }
            None => Err("regular expressions take too many steps".to_owned()),
        }
    }
}

impl Patterns {
    /// The compiled pattern for a search in `text`.
    ///
    /// # Errors
    /// `refused` makes the text for a pattern that Go refuses; or the budget is used up.
    pub fn for_search(
        &self,
        pattern: &str,
        version: GoVersion,
        text: &str,
        budget: &SearchBudget,
        refused: impl FnOnce(RegexpError) -> String,
    ) -> Result<Regexp, String> {
        let known = self.compiled.lock().ok().and_then(|map| map.get(pattern).cloned());
        let (regexp, compile) = match known {
            Some(regexp) => (regexp, 0),
            None => (Regexp::new_as(pattern, version).map_err(refused)?, COMPILE_BYTES),
        };
        budget.spend(regexp.size(), text.len() + compile)?;
        if compile > 0
            && let Ok(mut map) = self.compiled.lock()
        {
            if map.len() >= MAX_PATTERNS {
                map.clear();
            }
            map.insert(pattern.into(), regexp.clone());
        }
        Ok(regexp)
    }
}
