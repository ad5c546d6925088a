//! Stacks that people published, judged as lab 7: never an error of labkit's, and what their own tools said of each file
//! is found again in the verdicts. Reads `corpus` beside the folder of LABKIT_CONFORMANCE.

#![allow(clippy::print_stderr, reason = "a test that is skipped says so loudly")]

use std::path::{Path, PathBuf};

use labkit::check::acceptance::{Request, run};
use labkit::check::parse_scripts;
use labkit::check::probe::files;
use labkit::lab::{Lab, LabFiles};
use labkit::report::{RunResult, Subject, Verdict};

fn corpus() -> Option<PathBuf> {
    let beside = std::env::var_os("LABKIT_CONFORMANCE")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/conformance"), PathBuf::from);
    let corpus = beside.parent().unwrap_or(&beside).join("corpus");
    if corpus.join("VERDICTS.tsv").is_file() {
        return Some(corpus);
    }
    assert!(std::env::var_os("LABKIT_REQUIRE").is_none(), "no corpus at {}", corpus.display());
    eprintln!("SKIPPED: no corpus at {}", corpus.display());
    None
}

fn judged(folder: &Path) -> RunResult {
    let files = LabFiles::embedded("07-monitoring").expect("embedded");
    let lab = Lab::parse(&files, &[]).expect("a valid lab");
    let checks = parse_scripts(&lab, &files.checks).expect("valid scripts");
    let tree = files::open(folder).expect("a folder");
    let name = folder.file_name().expect("a name").to_string_lossy().into_owned();
    let subject = Subject { name: name.clone(), path: name, commit: None, dirty: false };
    run(&Request { lab: &lab, checks: &checks, starter: &files.starter, tree: &tree, subject, only: &[] })
}

#[test]
fn published_stacks_are_judged_as_their_own_tools_judged_them() {
    let Some(corpus) = corpus() else { return };
    let verdicts = std::fs::read_to_string(corpus.join("VERDICTS.tsv")).expect("text");
    let mut stacks: Vec<String> = std::fs::read_dir(&corpus)
        .expect("a folder")
        .flatten()
        .filter(|e| e.path().is_dir())
        .map(|e| e.file_name().to_string_lossy().into_owned())
        .collect();
    stacks.sort();
    assert!(stacks.len() >= 20, "{stacks:?}");
    let mut wrong = Vec::new();
    for stack in &stacks {
        let result = judged(&corpus.join(stack));
        let errors: Vec<_> = result.criteria.iter().filter(|c| c.verdict == Verdict::Error).collect();
        if !errors.is_empty() {
            wrong.push(format!("{stack}: {errors:?}"));
        }
        let told = serde_json::to_string(&result).expect("plain data");
        for row in verdicts.lines().map(|l| l.split('\t').collect::<Vec<_>>()).filter(|r| r[0] == stack) {
            let (&[_, file, kind, tool, verdict, ..], class) = (&row[..], row.last()) else { continue };
            let in_container = tool.contains("container layout") || tool.starts_with("compose-spec");
            if !in_container || !["prometheus", "alertmanager", "compose"].contains(&kind) {
                continue;
            }
            let program = match kind {
                "prometheus" => "Prometheus refusing".to_owned(),
                "alertmanager" => "Alertmanager refusing".to_owned(),
                _ => format!("docker compose refusing {file}:"),
            };
            // Files the collection left out are missing here only; of several projects one is judged.
            let left_out = told.contains("env_file") || class.is_some_and(|c| c.contains("MISSING"));
            let refused = told.contains(&program);
            if !left_out && verdict == "OK" && refused {
                wrong.push(format!("{stack}: {file} is refused, its own tool takes it"));
            }
            if verdict == "FAIL" && !refused && !told.contains("docker compose refusing") {
                wrong.push(format!("{stack}: {file} is taken, its own tool refuses it"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
