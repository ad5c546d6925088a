//! Laying one compose file over another, and one service over the one it extends.
//!
//! Mappings merge, lists append, scalars replace; commands, entry points and health tests are replaced whole. Fields
//! that may be written as a list or a mapping are brought into one form first.

use super::tree::{Key, Kind, Tag, Tree};

/// Fields of a service that are replaced whole.
const REPLACED: [&str; 2] = ["command", "entrypoint"];
/// Fields that may be a list of `name=value` or a mapping.
const PAIRS: [&str; 7] =
    ["environment", "labels", "annotations", "sysctls", "args", "extra_hosts", "additional_contexts"];
/// Fields that may be a list of names or a mapping.
const NAMED: [&str; 3] = ["networks", "depends_on", "models"];
/// Fields that may be one text or a list.
const LISTS: [&str; 5] = ["env_file", "dns", "dns_search", "tmpfs", "label_file"];

/// Lays `over` on `base`; `key` is the name both have.
pub fn merge(base: Tree, over: Tree, key: &str) -> Tree {
    match over.tag {
        Some(Tag::Override) => return reset(Tree { tag: None, ..over }),
        Some(Tag::Reset) => return Tree::null_at(&over.place),
        None => {}
    }
    if over.is_null() {
        return base;
    }
    let (base, over) = (one_form(base, key), one_form(over, key));
    if REPLACED.contains(&key) {
        return over;
    }
    let (place, tag) = (over.place.clone(), None);
    match (base.kind, over.kind) {
        (Kind::Map(mut entries), Kind::Map(added)) => {
            for (k, value) in added {
                merge_entry(&mut entries, k, value, key);
            }
            Tree { place, tag, kind: Kind::Map(entries) }
        }
        (Kind::Seq(_), Kind::Seq(added)) if key == "test" => Tree { place, tag, kind: Kind::Seq(added) },
        (Kind::Seq(mut items), Kind::Seq(added)) => {
            items.extend(added);
            Tree { place, tag, kind: Kind::Seq(items) }
        }
        (_, kind) => Tree { place, tag, kind },
    }
}

fn merge_entry(entries: &mut Vec<(Key, Tree)>, key: Key, value: Tree, parent: &str) {
    let at = entries.iter().position(|(k, _)| k.name == key.name);
    match (at, value.tag) {
        (Some(at), Some(Tag::Reset)) => {
            entries.remove(at);
        }
        (None, Some(Tag::Reset)) => {}
        (Some(at), _) => {
            let slot = &mut entries[at];
            // Names inside these are the student's own, not fields.
            let field = if PAIRS.contains(&parent) || NAMED.contains(&parent) { "" } else { &key.name };
            let old = std::mem::replace(&mut slot.1, Tree::null_at(&value.place));
            slot.1 = merge(old, value, field);
        }
        (None, _) => entries.push((key, reset(Tree { tag: None, ..value }))),
    }
}

/// Takes away what is tagged `!reset` inside a value that is taken over whole.
pub fn reset(mut tree: Tree) -> Tree {
    tree.tag = None;
    tree.kind = match tree.kind {
        Kind::Map(entries) => Kind::Map(
            entries.into_iter().filter(|(_, v)| v.tag != Some(Tag::Reset)).map(|(k, v)| (k, reset(v))).collect(),
        ),
        Kind::Seq(items) => Kind::Seq(items.into_iter().filter(|v| v.tag != Some(Tag::Reset)).map(reset).collect()),
        kind => kind,
    };
    tree
}

/// Brings a field that may be written in two ways into the form that merges.
fn one_form(tree: Tree, key: &str) -> Tree {
    let place = tree.place.clone();
    let kind = match tree.kind {
        Kind::Seq(items) if PAIRS.contains(&key) => Kind::Map(pairs(items, key)),
        Kind::Seq(items) if NAMED.contains(&key) && items.iter().all(|i| i.text().is_some()) => Kind::Map(
            items
                .into_iter()
                .map(|i| {
                    let name = i.text().unwrap_or_default().to_owned();
                    (Key { name, place: i.place.clone() }, Tree::null_at(&i.place))
                })
                .collect(),
        ),
        kind @ Kind::Scalar(..) if LISTS.contains(&key) => {
            Kind::Seq(vec![Tree { place: place.clone(), tag: None, kind }])
        }
        Kind::Scalar(text, _) if key == "build" => {
            let context = Key { name: "context".to_owned(), place: place.clone() };
            Kind::Map(vec![(context, Tree::text_at(&place, text))])
        }
        kind => kind,
    };
    Tree { place, tag: tree.tag, kind }
}

/// `name=value` items as entries; an item without a value has null. Hosts may be parted by a colon.
pub fn pairs(items: Vec<Tree>, key: &str) -> Vec<(Key, Tree)> {
    let mut entries: Vec<(Key, Tree)> = Vec::new();
    for item in items {
        let Some(text) = item.text() else { continue };
        let split = text.split_once('=').or_else(|| if key == "extra_hosts" { text.split_once(':') } else { None });
        let (name, value) = match split {
            Some((name, value)) => (name, Tree::text_at(&item.place, value)),
            None => (text, Tree::null_at(&item.place)),
        };
        let key = Key { name: name.trim().to_owned(), place: item.place.clone() };
        match entries.iter_mut().find(|(k, _)| k.name == key.name) {
            Some(slot) => slot.1 = value,
            None => entries.push((key, value)),
        }
    }
    entries
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::SourceText;

    fn tree(text: &str) -> Tree {
        Tree::parse(&SourceText::new("c.yml", text)).unwrap().unwrap()
    }

    fn merged(base: &str, over: &str) -> Tree {
        merge(tree(base), tree(over), "")
    }

    #[test]
    fn lists_append_and_commands_replace() {
        let t = merged("{ports: [a], command: [x], image: i}", "{ports: [b], command: y, user: u}");
        assert_eq!(t.get("ports").unwrap().texts().len(), 2);
        assert_eq!(t.get("command").unwrap().text(), Some("y"));
        assert!(t.get("image").is_some() && t.get("user").is_some());
    }

    #[test]
    fn both_forms_of_an_environment_merge() {
        let t = merged("{environment: [A=1, B=2]}", "{environment: {B: 3, C: }}");
        let env = t.get("environment").unwrap();
        assert_eq!(env.get("B").unwrap().text(), Some("3"));
        assert_eq!(env.entries().len(), 3);
    }

    #[test]
    fn tags_take_away_or_replace() {
        let t = merged("{ports: [a], volumes: [v]}", "{ports: !reset [], volumes: !override [w]}");
        assert!(t.get("ports").is_none());
        assert_eq!(t.get("volumes").unwrap().texts()[0].0, "w");
    }
}
