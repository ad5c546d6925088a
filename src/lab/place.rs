//! Where something stands in a file of a lab.

use crate::text::SourceText;
use crate::yaml::{self, Node};

/// A step on the way from a file's root to a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// A key of a mapping.
    Name(String),
    /// An item of a list, counted from 0.
    Item(usize),
}

impl From<&str> for Key {
    fn from(name: &str) -> Self {
        Self::Name(name.to_owned())
    }
}

impl From<usize> for Key {
    fn from(item: usize) -> Self {
        Self::Item(item)
    }
}

/// `FILE:LINE:COLUMN` of the value at the end of a way, or of the last that is there.
pub fn place(file: &str, text: &str, way: &[Key]) -> String {
    let source = SourceText::new(file, text);
    let Ok(Some(root)) = yaml::parse(&source) else { return file.to_owned() };
    let mut at = root;
    for key in way {
        let next = match key {
            Key::Name(name) => at.get(name).cloned(),
            Key::Item(item) => at.items().get(*item).cloned(),
        };
        at = match next {
            Some(next) => next,
            None => break,
        };
    }
    let position = source.position(start(&at));
    format!("{file}:{}:{}", position.line, position.column)
}

fn start(node: &Node) -> usize {
    node.span().start as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_found_by_its_way_and_else_the_nearest_above_it() {
        let text = "a:\n  - b: one\n  - b: two\n";
        let way = |keys: &[Key]| place("f", text, keys);
        assert_eq!(way(&["a".into(), 1.into(), "b".into()]), "f:3:8");
        assert_eq!(way(&["a".into(), 1.into(), "c".into()]), "f:3:5");
        assert_eq!(place("f", "a: [", &["a".into()]), "f");
    }
}
