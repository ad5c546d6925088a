//! Which commands a document tells.

use super::{BlockKind, Document};
use crate::golang::regexp::{Alternatives, RegexpError};

/// The patterns that are found in the document's code, tables, lists or text.
///
/// # Errors
/// A pattern is not a regular expression.
pub fn kinds_of_commands<'a>(document: &Document, patterns: &'a [String]) -> Result<Vec<&'a str>, RegexpError> {
    let lines: Vec<String> = document
        .blocks
        .iter()
        .filter(|b| b.kind != BlockKind::Heading)
        .flat_map(|b| b.text.lines())
        .map(str::to_lowercase)
        .collect();
    let mut found = Vec::new();
    for pattern in patterns {
        let expression = Alternatives::new(std::slice::from_ref(pattern))?;
        if lines.iter().any(|line| expression.is_match(line)) {
            found.push(pattern.as_str());
        }
    }
    Ok(found)
}
