//! A repository at an address, fetched as bare as git can: no checkout, no hook, no setting of anybody, no submodule,
//! no question asked, within bounds of time and size.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::limits;

/// Longest time for one repository.
const PATIENCE: Duration = Duration::from_secs(120);
/// Bytes of one repository's objects.
const SIZE_BUDGET: u64 = 200 << 20;
/// How often time and size are looked at.
const LOOK: Duration = Duration::from_millis(20);

/// What git says after every failure of ssh.
const GENERAL: [&str; 4] = [
    "fatal: Could not read from remote repository.",
    "Please make sure you have the correct access rights",
    "and the repository exists.",
    "Cloning into",
];
/// What git says of a server that hands out files alone, which can give no part of a history.
const FILES_ALONE: &str = "does not support shallow";

/// Fetches the repository at `url` into the new folder `to`; with its history where `history` is asked for.
///
/// # Errors
/// git cannot fetch it, or it goes over a bound.
pub fn fetch(url: &str, to: &Path, history: bool, stop: &AtomicBool) -> Result<PathBuf, String> {
    let fetched = attempt(url, to, history, stop);
    let fetched = match fetched {
        Err(why) if !history && why.contains(FILES_ALONE) => {
            fs::remove_dir_all(to).map_err(|e| format!("cannot write {}: {e}", to.display()))?;
            attempt(url, to, true, stop)
        }
        fetched => fetched,
    };
    fetched.map(|bare| if history { to.to_owned() } else { bare })
}

/// One call of git; gives the bare repository.
fn attempt(url: &str, to: &Path, history: bool, stop: &AtomicBool) -> Result<PathBuf, String> {
    let bare = to.join(".git");
    fs::create_dir_all(to).map_err(|e| format!("cannot write {}: {e}", to.display()))?;
    let mut command = Command::new("git");
    command.args(["-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "protocol.allow=never"]);
    for allowed in ["https", "http", "ssh", "git", "file"] {
        if url.starts_with(&format!("{allowed}://")) || (allowed == "ssh" && !url.contains("://")) {
            command.args(["-c", &format!("protocol.{allowed}.allow=always")]);
        }
    }
    command.args([
        "-c",
        "http.followRedirects=initial",
        "-c",
        "submodule.recurse=false",
        "-c",
        "fetch.fsckObjects=true",
    ]);
    command.args(["clone", "--quiet", "--bare", "--no-local", "--template=", "--single-branch", "--no-tags"]);
    if !history {
        command.args(["--depth", "1"]);
    }
    command.arg("--").arg(url).arg(&bare);
    command.env_clear();
    for kept in ["PATH", "HOME", "SSH_AUTH_SOCK", "USER", "https_proxy", "http_proxy", "no_proxy"] {
        command.envs(std::env::var_os(kept).map(|value| (kept, value)));
    }
    command
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_ATTR_NOSYSTEM", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_ASKPASS", "")
        .env("GIT_SSH_COMMAND", "ssh -oBatchMode=yes -oConnectTimeout=20")
        .env("GIT_LFS_SKIP_SMUDGE", "1")
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    limits::apart(&mut command);
    let mut child = command.spawn().map_err(|e| format!("git cannot be started: {e}"))?;
    let errors = child.stderr.take();
    let reader = std::thread::spawn(move || {
        let mut text = Vec::new();
        if let Some(errors) = errors {
            // A talkative server is heard to the end, but only the beginning is kept.
            let mut errors = errors;
            let _ = errors.by_ref().take(8192).read_to_end(&mut text);
            let _ = std::io::copy(&mut errors, &mut std::io::sink());
        }
        String::from_utf8_lossy(&text).into_owned()
    });
    let begun = Instant::now();
    let outcome = loop {
        let over = |what: String| Some(Err(what));
        let ended = match child.try_wait() {
            Ok(Some(status)) => Some(Ok(status.success())),
            Ok(None) if stop.load(Ordering::Relaxed) => over("the batch was interrupted".to_owned()),
            Ok(None) if begun.elapsed() > PATIENCE => {
                over(format!("git clone took more than {} s", PATIENCE.as_secs()))
            }
            Ok(None) if size(to) > SIZE_BUDGET => {
                over(format!("the repository is bigger than {} MB", SIZE_BUDGET >> 20))
            }
            Ok(None) => None,
            Err(e) => over(format!("git cannot be waited for: {e}")),
        };
        if let Some(ended) = ended {
            break ended;
        }
        std::thread::sleep(LOOK);
    };
    if outcome.is_err() {
        limits::kill_with_children(&mut child);
        let _ = child.wait();
    }
    let said = reader.join().unwrap_or_default();
    if outcome? { Ok(bare) } else { Err(format!("git clone failed: {}", short(&said))) }
}

/// The line that tells most: git's last word, or that of ssh where git has none of its own.
fn short(text: &str) -> String {
    let fatal = text.lines().rfind(|l| l.starts_with("fatal:"));
    let of_ssh = || text.lines().rfind(|l| !l.trim().is_empty() && !GENERAL.iter().any(|g| l.starts_with(g)));
    let line = match fatal {
        Some(line) if line.contains("terminal prompts disabled") || line.contains("could not read Username") => {
            return "the address asks for a login: give git access to it, for example over ssh".to_owned();
        }
        Some(line) if GENERAL.iter().any(|g| line.starts_with(g)) => of_ssh().unwrap_or(line),
        Some(line) => line,
        None => text.lines().last().unwrap_or("no reason given"),
    };
    line.chars().filter(|c| !c.is_control()).take(300).collect()
}

/// Bytes of all files below a folder.
fn size(folder: &Path) -> u64 {
    let mut total = 0;
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(next).into_iter().flatten().flatten() {
            match entry.metadata() {
                Ok(meta) if meta.is_dir() => open.push(entry.path()),
                Ok(meta) => total += meta.len(),
                Err(_) => {}
            }
        }
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_that_tells_most_is_kept() {
        let ssh = "Cloning into bare repository 'x'...\nHost key verification failed.\nfatal: Could not read from remote repository.\n\nPlease make sure you have the correct access rights\nand the repository exists.\n";
        assert_eq!(short(ssh), "Host key verification failed.");
        assert_eq!(short("warning: a\nfatal: b\u{1b}[31m\n"), "fatal: b[31m");
        let login = "fatal: could not read Username for 'https://h': terminal prompts disabled\n";
        assert!(short(login).contains("asks for a login"));
        assert_eq!(short(""), "no reason given");
    }
}
