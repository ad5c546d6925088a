//! Holds the direction of imports between rooms and the purity of the rooms that must know neither clock nor world.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a test that is skipped says so loudly")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Which rooms a room may name; `+engine` stands for `engine` and all that it may name. A room may always name itself.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("text", &[]),
    ("golang", &[]),
    ("yaml", &["text", "golang"]),
    ("model", &["text", "golang"]),
    ("exposition", &["+yaml", "+model"]),
    ("tsdb", &["+model"]),
    ("promql", &["+tsdb"]),
    ("scrape", &["+exposition", "+promql"]),
    ("rules", &["yaml", "+promql", "scrape"]),
    ("discord", &["+yaml", "+model"]),
    ("alertmanager", &["+discord", "promql"]),
    ("engine", &["+scrape", "+rules", "+alertmanager"]),
    ("stack", &["exposition", "scrape", "rules", "+alertmanager"]),
    ("simulate", &["+engine", "stack"]),
    ("live", &["+engine", "stack"]),
    ("lab", &["text", "golang", "yaml"]),
    ("report", &[]),
    ("check", &["+simulate", "lab", "report"]),
    ("grade", &["text", "lab", "check", "report", "stack"]),
];

/// The rooms that a room may name.
fn may_import(room: &str) -> BTreeSet<&'static str> {
    let (_, names) =
        MAY_IMPORT.iter().find(|(r, _)| *r == room).unwrap_or_else(|| panic!("no room {room} in the table"));
    let mut rooms = BTreeSet::new();
    for name in *names {
        match name.strip_prefix('+') {
            Some(whole) => {
                rooms.insert(whole);
                rooms.extend(may_import(whole));
            }
            None => {
                rooms.insert(*name);
            }
        }
    }
    rooms
}

/// What a pure room may not name.
const IMPURE: &[&str] = &[
    "std::fs",
    "std::net",
    "std::process",
    "SystemTime",
    "Instant::",
    "time::Instant",
    "tokio",
    "println!",
    "eprintln!",
    "std::env",
    "reqwest",
    "ssh2",
];

/// The folders that may touch the world: the contract of the architecture.
const MAY_TOUCH_THE_WORLD: &[&str] = &["live", "cli", "check/probe", "grade"];

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a source folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// The code of a file: comments and the tests at its end are left out.
fn code(path: &Path) -> String {
    let text = std::fs::read_to_string(path).expect("a source file");
    let text = text.split("\n#[cfg(test)]\nmod ").next().unwrap_or("");
    text.lines().filter(|l| !l.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    files(&root, &mut found);
    found
        .into_iter()
        .map(|p| (p.strip_prefix(&root).expect("below src").to_string_lossy().replace('\\', "/"), code(&p)))
        .filter(|(name, _)| name.contains('/') && !name.ends_with("tests.rs") && !name.contains("/tests/"))
        .collect()
}

fn imports(code: &str) -> Vec<String> {
    let mut rooms = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        if let Some(list) = rest.strip_prefix('{') {
            let end = list.find('}').unwrap_or(list.len());
            rooms.extend(list[..end].split(',').map(|r| first_word(r.trim())));
        } else {
            rooms.push(first_word(rest));
        }
    }
    rooms
}

fn first_word(text: &str) -> String {
    text.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect()
}

#[test]
fn imports_point_downwards_only() {
    let known = |room: &str| MAY_IMPORT.iter().any(|(r, _)| *r == room);
    let mut wrong = Vec::new();
    let mut seen = 0;
    for (name, code) in sources() {
        let room = name.split('/').next().unwrap_or("");
        if room == "cli" {
            continue;
        }
        let allowed = may_import(room);
        for import in imports(&code) {
            seen += 1;
            if import != room && known(&import) && !allowed.contains(import.as_str()) {
                wrong.push(format!("{name} names crate::{import}"));
            }
            if import == "cli" {
                wrong.push(format!("{name} names crate::cli"));
            }
        }
    }
    assert!(seen > 50, "the reader of imports found only {seen}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn pure_rooms_touch_neither_world_nor_clock() {
    let mut wrong = Vec::new();
    for (name, code) in sources() {
        if MAY_TOUCH_THE_WORLD.iter().any(|r| name.starts_with(&format!("{r}/"))) {
            continue;
        }
        for word in IMPURE {
            if code.contains(word) {
                wrong.push(format!("{name} names {word}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_file_is_too_long_to_read() {
    let long: Vec<String> = sources()
        .into_iter()
        .map(|(name, code)| (name, code.lines().count()))
        .filter(|(_, lines)| *lines > 900)
        .map(|(name, lines)| format!("{name}: {lines} lines"))
        .collect();
    assert!(long.is_empty(), "{}", long.join("\n"));
}
