//! Every suite of recorded behaviour passes at least as many cases as `tests/conformance-floor.tsv` says, and that
//! number may only rise: a suite that passes more fails the test until the file says so.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a test that is skipped says so loudly")]

use std::path::{Path, PathBuf};
use std::process::Command;

/// The folder of recorded behaviour, or none with a loud word.
fn data() -> Option<PathBuf> {
    let given = std::env::var_os("LABKIT_CONFORMANCE");
    let path = given.map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/conformance"), PathBuf::from);
    if path.is_dir() {
        return Some(path);
    }
    assert!(
        std::env::var("LABKIT_REQUIRE").as_deref() != Ok("1"),
        "LABKIT_REQUIRE=1, but there is no recorded behaviour at {}",
        path.display()
    );
    eprintln!("SKIPPED: no recorded behaviour at {}; set LABKIT_CONFORMANCE", path.display());
    None
}

struct Floor {
    suite: String,
    path: String,
    dialect: Option<String>,
    passed: u64,
    failed: u64,
}

fn floors() -> Vec<Floor> {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance-floor.tsv"))
        .expect("the file of floors");
    text.lines()
        .filter(|l| !l.starts_with('#') && !l.trim().is_empty())
        .map(|l| {
            let f: Vec<&str> = l.split('\t').collect();
            assert_eq!(f.len(), 5, "{l}");
            Floor {
                suite: f[0].to_owned(),
                path: f[1].to_owned(),
                dialect: (f[2] != "-").then(|| f[2].to_owned()),
                passed: f[3].parse().expect("a number"),
                failed: f[4].parse().expect("a number"),
            }
        })
        .collect()
}

#[test]
fn no_suite_falls_below_its_floor() {
    let Some(data) = data() else { return };
    let mut wrong = Vec::new();
    for floor in floors() {
        let mut command = Command::new(env!("CARGO_BIN_EXE_labkit"));
        command.args(["conformance", &floor.suite]).arg(data.join(&floor.path)).arg("--json");
        if let Some(dialect) = &floor.dialect {
            command.args(["--dialect", dialect]);
        }
        let output = command.output().expect("labkit runs");
        let name = format!("{} {}", floor.suite, floor.path);
        let Ok(report) = serde_json::from_slice::<serde_json::Value>(&output.stdout) else {
            wrong.push(format!("{name}: no report: {}", String::from_utf8_lossy(&output.stderr)));
            continue;
        };
        let (passed, failed) = (report["passed"].as_u64().unwrap_or(0), report["failed"].as_u64().unwrap_or(u64::MAX));
        println!("{name}: {passed} passed, {failed} failed");
        if passed < floor.passed || failed > floor.failed {
            let first: Vec<String> = report["failures"]
                .as_array()
                .into_iter()
                .flatten()
                .take(5)
                .map(|f| format!("  {}: expected {} actual {}", f["case"], f["expected"], f["actual"]))
                .collect();
            wrong.push(format!(
                "{name}: {passed} passed, {failed} failed; the floor is {} passed, {} failed\n{}",
                floor.passed,
                floor.failed,
                first.join("\n")
            ));
        } else if passed > floor.passed || failed < floor.failed {
            wrong.push(format!("{name}: better than its floor; write {passed} passed, {failed} failed"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
