//! YAML as a tree: budgets hold, every node lies where it says, diagnostics can be drawn.

use labkit::text::{SourceText, render};
use labkit::yaml;

/// Reads a text as YAML.
pub fn run(data: &[u8]) {
    let source = match SourceText::decode("f.yml", data) {
        Ok(source) => source,
        Err(e) => {
            let _ = render(&e, true);
            return;
        }
    };
    match yaml::parse(&source) {
        Ok(Some(root)) => walk(&root, &source),
        Ok(None) => {}
        Err(e) => {
            let _ = render(&e, false);
        }
    }
}

fn walk(node: &yaml::Node, source: &SourceText) {
    let range = node.span().range();
    assert!(range.start <= range.end && range.end <= source.text().len(), "{range:?} lies outside");
    assert!(source.text().get(range).is_some(), "a span must not cut a character");
    match node.value() {
        yaml::Value::Sequence(items) => items.iter().for_each(|n| walk(n, source)),
        yaml::Value::Mapping(pairs) => pairs.iter().for_each(|(k, v)| {
            walk(k, source);
            walk(v, source);
        }),
        _ => {}
    }
}
