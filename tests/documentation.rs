//! What the pages on grading tell to write into files can be read by those who read such files, and the commands of its
//! array jobs run.

#![cfg(unix)]

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

/// The code blocks of a page in one language.
fn blocks(page: &str, language: &str) -> Vec<String> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(page)).expect("the page");
    let mut found = Vec::new();
    let mut open: Option<(bool, String)> = None;
    for line in text.lines() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(named)) => open = Some((named.trim() == language, String::new())),
            (Some((wanted, block)), Some(_)) => {
                if *wanted {
                    found.push(std::mem::take(block));
                }
                open = None;
            }
            (Some((_, block)), None) => *block += &format!("{line}\n"),
            (None, None) => {}
        }
    }
    found
}

fn document(text: &str) -> Value {
    serde_yaml::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"))
}

#[test]
fn every_block_of_yaml_can_be_read() {
    let blocks = blocks("grading.md", "yaml");
    let read: Vec<Value> = blocks.iter().map(|b| document(b)).collect();
    let job = read.iter().find(|d| d["kind"] == "Job").expect("an indexed job");
    assert_eq!(
        (&job["spec"]["completionMode"], &job["apiVersion"]),
        (&Value::from("Indexed"), &Value::from("batch/v1"))
    );
    let pod = &job["spec"]["template"]["spec"];
    let mounted = &pod["containers"][0]["volumeMounts"][0]["name"];
    assert!(mounted.is_string() && *mounted == pod["volumes"][0]["name"]);
    assert!(["OnFailure", "Never"].contains(&pod["restartPolicy"].as_str().expect("a policy")));
    let workflow = read.iter().find(|d| !d["jobs"].is_null()).expect("a workflow of GitHub");
    let steps = workflow["jobs"]["grade"]["steps"].as_array().expect("steps");
    assert!(steps.iter().all(|s| s["run"].is_string() != s["uses"].is_string()), "{steps:?}");
}

#[test]
fn every_block_of_shell_can_be_read() {
    let blocks = blocks("grading.md", "sh");
    assert!(blocks.len() >= 3);
    for block in blocks {
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("block.sh");
        fs::write(&file, &block).expect("written");
        assert!(Command::new("sh").arg("-n").arg(&file).status().expect("sh").success(), "{block}");
    }
}

/// Runs a script of the page in a folder, with labkit on the path.
fn sh(folder: &Path, script: &str, environment: &[(&str, &str)]) {
    let labkit = Path::new(env!("CARGO_BIN_EXE_labkit")).parent().expect("its folder");
    let path = format!("{}:{}", labkit.display(), std::env::var("PATH").unwrap_or_default());
    let mut command = Command::new("sh");
    command.arg("-ec").arg(script).current_dir(folder).env("PATH", path).envs(environment.iter().copied());
    command.env("LABKIT_CPU_LIMIT", "60").stdin(Stdio::null()).stdout(Stdio::null());
    assert!(command.status().expect("sh").success(), "{script} {environment:?}");
}

#[test]
fn the_array_jobs_judge_every_repository_once() {
    let dir = tempfile::tempdir().expect("a folder");
    for name in ["a", "b", "c"] {
        let repo = dir.path().join("repos").join(name).join("monitoring");
        fs::create_dir_all(&repo).expect("a folder");
        fs::write(repo.join("prometheus.yml"), "scrape_configs: []\n").expect("written");
    }
    let scripts = blocks("grading.md", "sh");
    let slurm = scripts.iter().find(|s| s.contains("#SBATCH")).expect("a Slurm script").replace("1-10", "1-2");
    for task in ["1", "2"] {
        let array = [("SLURM_ARRAY_TASK_ID", task), ("SLURM_ARRAY_TASK_MIN", "1"), ("SLURM_ARRAY_TASK_COUNT", "2")];
        sh(dir.path(), &slurm, &array);
    }
    let job = blocks("grading.md", "yaml").iter().map(|b| document(b)).find(|d| d["kind"] == "Job").expect("a job");
    let command = job["spec"]["template"]["spec"]["containers"][0]["command"][2].as_str().expect("a script").to_owned();
    let here = command.replace("/data/repos", "repos").replace("/data/", "k8s-").replace("auto/10", "auto/2");
    for index in ["0", "1"] {
        sh(dir.path(), &here, &[("JOB_COMPLETION_INDEX", index)]);
    }
    for parts in ["part-*", "k8s-part-*"] {
        sh(dir.path(), &format!("labkit merge {parts} --out graded-{}", &parts[..3]), &[]);
        let journal = dir.path().join(format!("graded-{}/results.jsonl", &parts[..3]));
        let text = fs::read_to_string(journal).expect("a journal");
        let mut names: Vec<&str> =
            text.lines().filter_map(|l| l.split_once("\"subject\":{\"name\":\"")?.1.split('"').next()).collect();
        names.sort_unstable();
        assert_eq!(names, ["a", "b", "c"], "{parts}");
    }
}
