//! `labkit grade` over generated repositories: the variants and mutants of the fixtures, again and again, each with a
//! file of its own. Prints subjects per second, on the clock and of processor time, and what the largest process took; give
//! numbers of repositories as arguments (`-- 100 1000 10000`). `/usr/bin/time` must be there.

#[path = "../tests/fixture_parts/mod.rs"]
#[allow(dead_code, reason = "what must come of a fixture matters to tests only")]
mod fixture_parts;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use fixture_parts::{Repository, fixtures};
use labkit::lab::LabFiles;

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
        let used = dir.path().join("used");
        let status = Command::new("/usr/bin/time")
            .args(["-f", "%U %S %M", "-o"])
            .arg(&used)
            .arg(env!("CARGO_BIN_EXE_labkit"))
            .args(["grade", "7", "--quiet"])
            .arg(&class)
            .arg("--out")
            .arg(dir.path().join("out"))
            .stderr(Stdio::null())
            .status();
        assert!(status.expect("labkit starts").success());
        let seconds = begun.elapsed().as_secs_f64();
        let used = fs::read_to_string(&used).expect("what it used");
        let used: Vec<f64> = used.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        let [user, system, kilobytes] = used[..] else { panic!("three numbers: {used:?}") };
        report(&format!(
            "{n} repositories: {seconds:.2} s, {:.0} a second; processor time {:.2} s, {:.1} ms each; largest process {:.1} MB",
            n as f64 / seconds,
            user + system,
            (user + system) * 1e3 / n as f64,
            kilobytes / 1024.0
        ));
    }
}

#[allow(clippy::print_stdout, reason = "a benchmark tells its figures")]
fn report(line: &str) {
    println!("{line}");
}

fn repositories() -> Vec<Repository> {
    let files = LabFiles::embedded("07-monitoring").expect("embedded");
    let all = ["variants.yaml", "mutants.yaml"].into_iter().flat_map(fixtures);
    all.map(|fixture| fixture.of(&files.solution)).collect()
}

fn write(folder: &Path, repository: &Repository, number: usize) {
    for (path, bytes) in repository {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().expect("below the folder")).expect("a folder");
        fs::write(path, bytes).expect("written");
    }
    fs::write(folder.join("README.md"), format!("student {number}\n")).expect("written");
}
