//! `labkit grade` over generated repositories: the variants and mutants of the fixtures, again and again, each with a
//! file of its own. Prints subjects per second; give numbers of repositories as arguments (`-- 100 1000 10000`).

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use labkit::lab::LabFiles;
use serde::Deserialize;

#[derive(Deserialize)]
struct Fixture {
    edits: Vec<Edit>,
}

#[derive(Deserialize)]
struct Edit {
    file: String,
    replace: Option<String>,
    with: Option<String>,
    write: Option<String>,
    append: Option<String>,
    rename: Option<String>,
    #[serde(default)]
    remove: bool,
    #[serde(default)]
    crlf: bool,
}

type Repository = BTreeMap<String, Vec<u8>>;

fn main() {
    let sizes: Vec<usize> = std::env::args().filter_map(|a| a.parse().ok()).collect();
    let sizes = if sizes.is_empty() { vec![100, 1000] } else { sizes };
    let repositories = repositories();
    for n in sizes {
        let dir = tempfile::tempdir().expect("a folder");
        let class = dir.path().join("class");
        for i in 0..n {
            write(&class.join(format!("s{i:06}")), &repositories[i % repositories.len()], i);
        }
        let begun = Instant::now();
        let status = Command::new(env!("CARGO_BIN_EXE_labkit"))
            .args(["grade", "7", "--quiet"])
            .arg(&class)
            .arg("--out")
            .arg(dir.path().join("out"))
            .stderr(Stdio::null())
            .status();
        assert!(status.expect("labkit starts").success());
        let seconds = begun.elapsed().as_secs_f64();
        report(&format!("{n} repositories: {seconds:.2} s, {:.0} a second", n as f64 / seconds));
    }
}

#[allow(clippy::print_stdout, reason = "a benchmark tells its figures")]
fn report(line: &str) {
    println!("{line}");
}

fn repositories() -> Vec<Repository> {
    let files = LabFiles::embedded("07-monitoring").expect("embedded");
    let solution: Repository = files.solution.into_iter().collect();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/07-monitoring");
    let fixtures = ["variants.yaml", "mutants.yaml"].into_iter().flat_map(|name| {
        let text = fs::read_to_string(folder.join(name)).expect("fixtures");
        serde_yaml::from_str::<Vec<Fixture>>(&text).expect("fixtures")
    });
    fixtures
        .map(|fixture| {
            let mut repository = solution.clone();
            fixture.edits.iter().for_each(|edit| apply(&mut repository, edit));
            repository
        })
        .collect()
}

fn apply(files: &mut Repository, edit: &Edit) {
    let old = files.get(&edit.file).cloned().unwrap_or_default();
    let text = String::from_utf8(old).expect("text");
    let new = if let Some(text) = &edit.write {
        text.clone()
    } else if let Some(name) = &edit.rename {
        files.remove(&edit.file);
        files.insert(name.clone(), text.into_bytes());
        return;
    } else if edit.remove {
        files.remove(&edit.file);
        return;
    } else if let Some(more) = &edit.append {
        text + more
    } else if edit.crlf {
        text.replace('\n', "\r\n")
    } else {
        text.replace(edit.replace.as_deref().unwrap_or("\0"), edit.with.as_deref().unwrap_or(""))
    };
    files.insert(edit.file.clone(), new.into_bytes());
}

fn write(folder: &Path, repository: &Repository, number: usize) {
    for (path, bytes) in repository {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().expect("below the folder")).expect("a folder");
        fs::write(path, bytes).expect("written");
    }
    fs::write(folder.join("README.md"), format!("student {number}\n")).expect("written");
}
