//! The compose program, called as a program: with a time limit, without the caller's environment, and stopped with
//! everything it started.

use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::text::mask_secrets;

/// Variables the program needs to find its engine. A compose file can read all it is given, so it gets no others.
const PASSED_ON: [&str; 20] = [
    "PATH",
    "HOME",
    "USER",
    "TMPDIR",
    "XDG_RUNTIME_DIR",
    "XDG_CONFIG_HOME",
    "DOCKER_HOST",
    "DOCKER_CONTEXT",
    "DOCKER_CONFIG",
    "DOCKER_CERT_PATH",
    "DOCKER_TLS_VERIFY",
    "DOCKER_API_VERSION",
    "SSH_AUTH_SOCK",
    "SystemRoot",
    "SystemDrive",
    "USERPROFILE",
    "APPDATA",
    "LOCALAPPDATA",
    "ProgramData",
    "ProgramFiles",
];
/// How often a running program is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How long a program may take to end once it is asked to.
const END_WITHIN: Duration = Duration::from_secs(10);
/// Lines of what a program said that are kept.
const LINES: usize = 12;

/// A compose program.
#[derive(Clone, Debug)]
pub struct Compose {
    words: Vec<String>,
}

/// A call that came to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// What happened, in words.
    pub what: String,
    /// The last lines the program said.
    pub said: String,
}

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.what)?;
        if self.said.is_empty() { Ok(()) } else { write!(f, ": {}", self.said) }
    }
}

impl Compose {
    /// The program of this name and words, or the first of the usual ones that answers.
    ///
    /// # Errors
    /// None answers, or only one of the first generation.
    pub fn find(named: Option<&str>) -> Result<Self, Failed> {
        let candidates: Vec<&str> = named.map_or_else(|| vec!["docker compose", "docker-compose"], |n| vec![n]);
        let mut last = None;
        for words in &candidates {
            let compose = Self { words: words.split_whitespace().map(str::to_owned).collect() };
            let short = compose.run(Path::new("."), &["version", "--short"], Duration::from_secs(20), &|| false);
            match short.map(|v| v.trim().trim_start_matches('v').to_owned()) {
                Ok(version) if version.starts_with("1.") => {
                    let what = format!("{words} is version {version}, wanted 2 or newer");
                    last = Some(Failed { what, said: String::new() });
                }
                Ok(_) => return Ok(compose),
                Err(e) => last = last.or(Some(e)),
            }
        }
        let failed = last.map(|f| f.to_string()).unwrap_or_default();
        let what = format!("no compose program answers ({}): {failed}", candidates.join(", "));
        Err(Failed { what, said: String::new() })
    }

    /// How it is called.
    pub fn name(&self) -> String {
        self.words.join(" ")
    }

    /// Runs it in a folder and gives what it wrote on stdout.
    ///
    /// # Errors
    /// It cannot be started, tells of a failure, takes longer than `limit`, or is no longer wanted.
    pub fn run(
        &self,
        dir: &Path,
        args: &[&str],
        limit: Duration,
        stopped: &dyn Fn() -> bool,
    ) -> Result<String, Failed> {
        let call = format!("{} {}", self.name(), command_of(args));
        let failed = |what: String| Failed { what, said: String::new() };
        let Some((program, first)) = self.words.split_first() else {
            return Err(failed("no compose program".to_owned()));
        };
        let mut command = Command::new(program);
        command.args(first).args(args).current_dir(dir).env_clear();
        command.envs(PASSED_ON.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
        // Files of a project may not come from elsewhere.
        command.envs([("COMPOSE_EXPERIMENTAL_GIT_REMOTE", "false"), ("COMPOSE_EXPERIMENTAL_OCI_REMOTE", "false")]);
        command.envs([("COMPOSE_ANSI", "never"), ("COMPOSE_PROGRESS", "plain"), ("COMPOSE_MENU", "false")]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // Ctrl-C is for labkit, which then ends what it started in order.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command.spawn().map_err(|e| failed(format!("{program} does not start: {e}")))?;
        let (out, err) = (reader(child.stdout.take()), reader(child.stderr.take()));
        let ended = wait(&mut child, limit, stopped);
        let out = out.join().unwrap_or_default();
        let said = last_lines(&err.join().unwrap_or_default());
        match ended {
            Ended::Well => Ok(out),
            Ended::Badly(code) => Err(Failed { what: format!("{call} ends with {code}"), said }),
            Ended::TooLong => Err(Failed { what: format!("{call} takes longer than {} s", limit.as_secs()), said }),
            Ended::Stopped => Err(failed(format!("{call} was stopped"))),
            Ended::Lost(e) => Err(failed(format!("{call} was lost: {e}"))),
        }
    }
}

/// The command among the options before it, which take a value each.
fn command_of<'a>(args: &[&'a str]) -> &'a str {
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        if !arg.starts_with('-') {
            return arg;
        }
        rest.next();
    }
    ""
}

enum Ended {
    Well,
    Badly(String),
    TooLong,
    Stopped,
    Lost(std::io::Error),
}

fn wait(child: &mut Child, limit: Duration, stopped: &dyn Fn() -> bool) -> Ended {
    let start = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return Ended::Well,
            Ok(Some(status)) => return Ended::Badly(status.to_string()),
            Ok(None) => {}
            Err(e) => return Ended::Lost(e),
        }
        let (wanted, late) = (!stopped(), start.elapsed() > limit);
        if !wanted || late {
            end(child);
            return if late { Ended::TooLong } else { Ended::Stopped };
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// Asks a program and all it started to end, and makes them.
fn end(child: &mut Child) {
    #[cfg(unix)]
    {
        use rustix::process::{Pid, Signal, kill_process_group};
        let group = Pid::from_child(child);
        let _ = kill_process_group(group, Signal::TERM);
        let asked = Instant::now();
        while asked.elapsed() < END_WITHIN && matches!(child.try_wait(), Ok(None)) {
            std::thread::sleep(LOOK_EVERY);
        }
        let _ = kill_process_group(group, Signal::KILL);
    }
    let _ = child.kill();
    let _ = child.wait();
}

fn reader(pipe: Option<impl Read + Send + 'static>) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            let _ = pipe.read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// The last lines, printable and without secrets.
pub fn last_lines(text: &str) -> String {
    // Compose warns in every call of what a project or an engine lacks.
    let warning = |l: &&str| l.starts_with("time=") && l.contains(" level=warning ");
    let lines: Vec<&str> = text.lines().map(str::trim_end).filter(|l| !l.is_empty() && !warning(l)).collect();
    let last = lines[lines.len().saturating_sub(LINES)..].join("\n");
    crate::text::printable(&mask_secrets(&last)).into_owned()
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn shell(script: &str, limit: f64, stopped: bool) -> Result<String, Failed> {
        let compose = Compose { words: vec!["sh".to_owned(), "-c".to_owned(), script.to_owned()] };
        compose.run(Path::new("/"), &[], Duration::from_secs_f64(limit), &|| stopped)
    }

    #[test]
    fn a_call_is_told_by_its_command_and_without_warnings() {
        assert_eq!(command_of(&["--project-name", "p", "--file", "f", "up", "--detach"]), "up");
        assert_eq!((command_of(&["version", "--short"]), command_of(&["--file"])), ("version", ""));
        let said = "time=\"2026-01-02T03:04:05Z\" level=warning msg=\"the attribute `version` is obsolete\"\n\nfailed to solve\n";
        assert_eq!(last_lines(said), "failed to solve");
    }

    #[test]
    fn programs_end_with_what_they_said() {
        assert_eq!(shell("pwd", 20.0, false).as_deref(), Ok("/\n"));
        let failed = shell("echo no such network >&2; exit 7", 20.0, false).expect_err("fails");
        assert!(failed.what.contains("exit status: 7") && failed.said == "no such network", "{failed}");
    }

    #[test]
    fn programs_are_ended_when_they_take_too_long_or_are_not_wanted() {
        let start = Instant::now();
        assert!(shell("sleep 60 & sleep 60", 0.2, false).expect_err("ended").what.contains("takes longer"));
        assert!(shell("sleep 60", 20.0, true).expect_err("ended").what.contains("was stopped"));
        assert!(start.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn the_callers_environment_is_not_handed_on() {
        let given = shell("env", 20.0, false).expect("runs");
        assert!(
            given.contains("COMPOSE_EXPERIMENTAL_GIT_REMOTE=false") && !given.contains("CARGO_MANIFEST_DIR"),
            "{given}"
        );
    }

    #[test]
    fn a_missing_program_is_named() {
        let failed = Compose::find(Some("no-such-compose")).expect_err("missing");
        assert!(failed.what.contains("no compose program answers (no-such-compose)"), "{failed}");
    }
}
