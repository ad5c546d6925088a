//! Holds the direction of imports between rooms and the purity of the rooms that must know neither clock nor world.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a test that is skipped says so loudly")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Which rooms a room may name. A room may always name itself.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("text", &[]),
    ("golang", &[]),
    ("yaml", &["text", "golang"]),
    ("model", &["text", "golang"]),
    ("exposition", &["text", "golang", "yaml", "model"]),
    ("tsdb", &["text", "golang", "model"]),
    ("promql", &["text", "golang", "model", "tsdb"]),
    ("scrape", &["text", "golang", "yaml", "model", "exposition", "tsdb", "promql"]),
    ("rules", &["text", "golang", "yaml", "model", "tsdb", "promql", "scrape"]),
    ("alertmanager", &["text", "golang", "yaml", "model", "promql", "discord"]),
    ("discord", &["text", "golang", "yaml", "model"]),
    (
        "engine",
        &[
            "text",
            "golang",
            "yaml",
            "model",
            "exposition",
            "tsdb",
            "promql",
            "scrape",
            "rules",
            "alertmanager",
            "discord",
        ],
    ),
    (
        "stack",
        &["text", "golang", "yaml", "model", "exposition", "promql", "scrape", "rules", "alertmanager", "discord"],
    ),
    (
        "simulate",
        &[
            "text",
            "golang",
            "yaml",
            "model",
            "exposition",
            "tsdb",
            "promql",
            "scrape",
            "rules",
            "alertmanager",
            "discord",
            "engine",
            "stack",
        ],
    ),
    (
        "live",
        &[
            "text",
            "golang",
            "yaml",
            "model",
            "exposition",
            "tsdb",
            "promql",
            "scrape",
            "rules",
            "alertmanager",
            "discord",
            "engine",
            "stack",
        ],
    ),
    ("lab", &["text", "golang", "yaml"]),
    ("report", &[]),
    (
        "check",
        &[
            "text",
            "golang",
            "yaml",
            "model",
            "exposition",
            "tsdb",
            "promql",
            "scrape",
            "rules",
            "alertmanager",
            "discord",
            "engine",
            "stack",
            "simulate",
            "lab",
            "report",
        ],
    ),
    ("grade", &["text", "lab", "check", "report", "stack"]),
];

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
    let table: BTreeMap<&str, &[&str]> = MAY_IMPORT.iter().copied().collect();
    let mut wrong = Vec::new();
    let mut seen = 0;
    for (name, code) in sources() {
        let room = name.split('/').next().unwrap_or("");
        if room == "cli" {
            continue;
        }
        let allowed = table.get(room).unwrap_or_else(|| panic!("the room {room} is not in the table"));
        for import in imports(&code) {
            seen += 1;
            if import != room && table.contains_key(import.as_str()) && !allowed.contains(&import.as_str()) {
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
