//! How much a student wrote: words that are not in the templates.

use std::collections::HashSet;

use super::{BlockKind, Document};

/// Counts the words of a document that stand in no block of a template, outside code.
pub fn own_words(document: &Document, templates: &[Document]) -> usize {
    let known: HashSet<String> = templates.iter().flat_map(|t| &t.blocks).map(|b| plain(&b.text)).collect();
    document
        .blocks
        .iter()
        .filter(|b| b.kind != BlockKind::Code && !known.contains(&plain(&b.text)))
        .map(|b| b.text.split_whitespace().filter(|w| w.chars().any(char::is_alphabetic)).count())
        .sum()
}

/// Letters and digits alone, so that a changed bullet or bracket is no word of one's own.
fn plain(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_the_template_and_code_do_not_count() {
        let template = Document::parse("t.md", "# SUBJECT\n\n(describe it)\n");
        let doc = Document::parse("r.md", "# SUBJECT\n\n*(describe it)*\n\nThree own words\n\n```\nnot these\n```\n");
        assert_eq!(own_words(&doc, &[template]), 3);
    }
}
