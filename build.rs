//! Embeds labs/ and checks/ into the binary, so that a lab is two folders and no Rust; links for a quick start.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

fn main() {
    link_for_a_quick_start();
    let root = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let mut table =
        String::from("/// Path relative to the crate, and content.\npub static FILES: &[(&str, &[u8])] = &[\n");
    for folder in ["labs", "checks"] {
        println!("cargo:rerun-if-changed={folder}");
        let mut files = Vec::new();
        walk(&root.join(folder), &mut files);
        files.sort();
        for file in files {
            println!("cargo:rerun-if-changed={}", file.display());
            let relative = file.strip_prefix(&root).expect("below the root").to_string_lossy().replace('\\', "/");
            writeln!(table, "    ({relative:?}, include_bytes!({:?})),", file.display().to_string()).expect("a string");
        }
    }
    table.push_str("];\n");
    let out = PathBuf::from(std::env::var("OUT_DIR").expect("cargo sets it")).join("embedded.rs");
    std::fs::write(out, table).expect("the build folder can be written");
}

/// Gives the program a fixed address, as programs in Go have one: 50,000 pointers in its tables then need no adjusting at
/// each start, which is 1.5 of 4 ms. Libraries, stack and heap lie at random addresses all the same.
fn link_for_a_quick_start() {
    let target = |what: &str| std::env::var(format!("CARGO_CFG_TARGET_{what}")).unwrap_or_default();
    if target("OS") == "linux" && target("ENV") == "gnu" {
        println!("cargo:rustc-link-arg-bins=-no-pie");
    }
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            walk(&path, files);
        } else {
            files.push(path);
        }
    }
}
