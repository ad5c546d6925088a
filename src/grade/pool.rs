//! Worker processes, one per core, each with one subject in hand at a time.
//!
//! A worker that dies takes its subject with it and nothing else: that subject gets the reason as its result, and the
//! next one gets a new worker.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::limits;
use super::protocol::{EXIT_CPU, EXIT_WALL, Job, RESULT, SAME, Setup};

/// Subjects after which a worker is replaced, so that nothing it may gather lasts.
const RENEW: usize = 2000;
/// What the batch waits longer than the worker itself would.
const GRACE: Duration = Duration::from_secs(5);
/// How often a waiting batch looks whether it was interrupted.
const LOOK: Duration = Duration::from_millis(50);
/// Bytes kept of what a worker says on stderr.
const LAST_WORDS: usize = 4096;

/// What became of a job.
#[derive(Debug)]
pub enum Outcome {
    /// Its line for the journal.
    Judged(String),
    /// The result there is still holds.
    Same,
    /// It could not be judged, and why.
    Stopped(String),
    /// Nobody judged it, because the batch was interrupted.
    Left,
}

/// How workers are started.
#[derive(Clone, Debug)]
pub struct Hire {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// What every worker is told first.
    pub setup: Setup,
    /// Folder for what a worker needs for a moment.
    pub scratch: PathBuf,
}

/// Gives every job to a worker; `prepare` runs beside the workers and may finish a job without one. What became of
/// each is sent in the order in which they end. Ends early when `stop` is set.
pub fn run(
    hire: &Hire,
    jobs: VecDeque<Job>,
    workers: usize,
    stop: &AtomicBool,
    prepare: impl Fn(&mut Job) -> Result<(), String> + Sync,
    mut done: impl FnMut(Job, Outcome),
) {
    let jobs = Mutex::new(jobs);
    let next = || jobs.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    let (send, receive) = channel();
    std::thread::scope(|scope| {
        for _ in 0..workers.max(1) {
            let (send, next, prepare) = (send.clone(), &next, &prepare);
            scope.spawn(move || work(hire, stop, next, prepare, &send));
        }
        drop(send);
        for (job, outcome) in receive {
            done(job, outcome);
        }
    });
}

fn work(
    hire: &Hire,
    stop: &AtomicBool,
    next: &impl Fn() -> Option<Job>,
    prepare: &impl Fn(&mut Job) -> Result<(), String>,
    send: &Sender<(Job, Outcome)>,
) {
    let mut worker: Option<Worker> = None;
    while !stop.load(Ordering::Relaxed) {
        let Some(mut job) = next() else { break };
        let outcome = match prepare(&mut job) {
            Err(why) => Outcome::Stopped(why),
            Ok(()) => judge(hire, &mut worker, &job, stop),
        };
        if send.send((job, outcome)).is_err() {
            break;
        }
    }
}

fn judge(hire: &Hire, worker: &mut Option<Worker>, job: &Job, stop: &AtomicBool) -> Outcome {
    if worker.as_ref().is_some_and(|w| w.judged >= RENEW) {
        *worker = None;
    }
    let mut hand = match worker.take() {
        Some(hand) => hand,
        None => match Worker::start(hire) {
            Ok(hand) => hand,
            Err(e) => return Outcome::Stopped(format!("no worker process could be started: {e}")),
        },
    };
    match hand.ask(job, hire, stop) {
        Ok(answer) => {
            *worker = Some(hand);
            answer
        }
        Err(ended) => ended,
    }
}

struct Worker {
    child: Child,
    input: Option<ChildStdin>,
    answers: Receiver<String>,
    last_words: Arc<Mutex<Vec<u8>>>,
    threads: Vec<JoinHandle<()>>,
    judged: usize,
}

impl Worker {
    fn start(hire: &Hire) -> std::io::Result<Self> {
        let mut command = Command::new(&hire.program);
        command
            .args(&hire.arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // One subject a worker, one worker a core.
            .env("RAYON_NUM_THREADS", "1")
            .env("RUST_BACKTRACE", "0")
            .env("TMPDIR", &hire.scratch);
        limits::apart(&mut command);
        let mut child = command.spawn()?;
        let (Some(mut input), Some(output), Some(mut error)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(std::io::Error::other("no pipe to the worker"));
        };
        let (send, answers) = channel();
        let listen = std::thread::spawn(move || {
            for line in BufReader::with_capacity(1 << 16, output).lines() {
                let Ok(line) = line else { break };
                if send.send(line).is_err() {
                    break;
                }
            }
        });
        let last_words = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&last_words);
        let overhear = std::thread::spawn(move || {
            let mut piece = [0; 1024];
            while let Ok(read @ 1..) = error.read(&mut piece) {
                let mut words = heard.lock().unwrap_or_else(PoisonError::into_inner);
                words.extend_from_slice(&piece[..read]);
                let surplus = words.len().saturating_sub(LAST_WORDS);
                words.drain(..surplus);
            }
        });
        let told = serde_json::to_string(&hire.setup).map_err(std::io::Error::other)?;
        writeln!(input, "{told}")?;
        Ok(Self { child, input: Some(input), answers, last_words, threads: vec![listen, overhear], judged: 0 })
    }

    /// The answer to a job; the error is what became of it when the worker is of no more use.
    fn ask(&mut self, job: &Job, hire: &Hire, stop: &AtomicBool) -> Result<Outcome, Outcome> {
        self.judged += 1;
        let told = serde_json::to_string(job).map_err(|e| Outcome::Stopped(e.to_string()))?;
        let input = self.input.as_mut().ok_or(Outcome::Left)?;
        // A worker that is gone already is noticed below, by its silence.
        let _ = writeln!(input, "{told}").and_then(|()| input.flush());
        let patience = Duration::from_millis(hire.setup.limits.wall_ms) + GRACE;
        let begun = Instant::now();
        loop {
            match self.answers.recv_timeout(LOOK) {
                Ok(answer) => {
                    return match answer.split_at_checked(1) {
                        Some((letter, line)) if letter.starts_with(RESULT) => Ok(Outcome::Judged(line.to_owned())),
                        Some((letter, _)) if letter.starts_with(SAME) => Ok(Outcome::Same),
                        _ => Err(Outcome::Stopped("the worker answered in no known way".to_owned())),
                    };
                }
                Err(RecvTimeoutError::Disconnected) => {
                    let status = self.child.wait().ok();
                    for thread in self.threads.drain(..) {
                        let _ = thread.join();
                    }
                    return Err(Outcome::Stopped(self.cause(status, hire)));
                }
                Err(RecvTimeoutError::Timeout) if stop.load(Ordering::Relaxed) => return Err(Outcome::Left),
                Err(RecvTimeoutError::Timeout) if begun.elapsed() > patience => {
                    return Err(Outcome::Stopped(over_time(hire)));
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    fn cause(&self, status: Option<ExitStatus>, hire: &Hire) -> String {
        let words = self.last_words.lock().unwrap_or_else(PoisonError::into_inner);
        let words = String::from_utf8_lossy(&words);
        let code = status.and_then(|s| s.code());
        if code == Some(EXIT_CPU) || signal(status) == Some(SIGXCPU) {
            let seconds = hire.setup.limits.cpu_ms as f64 / 1000.0;
            format!("it needed more than {seconds} s of processor time")
        } else if code == Some(EXIT_WALL) {
            over_time(hire)
        } else if words.contains("memory allocation of") || words.contains("failed to spawn thread") {
            format!("it needed more than {} MB of memory", hire.setup.limits.memory / 1_000_000)
        } else if words.contains("has overflowed its stack") {
            "its files are nested too deeply for the stack".to_owned()
        } else {
            let ended = status.map_or_else(|| "without a trace".to_owned(), |s| s.to_string());
            format!("the worker process that judged it ended ({ended})")
        }
    }
}

fn over_time(hire: &Hire) -> String {
    format!("it took more than {} s", hire.setup.limits.wall_ms as f64 / 1000.0)
}

/// The signal of a process that used more processor time than the system allows it.
const SIGXCPU: i32 = 24;

#[cfg(unix)]
fn signal(status: Option<ExitStatus>) -> Option<i32> {
    std::os::unix::process::ExitStatusExt::signal(&status?)
}

#[cfg(not(unix))]
fn signal(_: Option<ExitStatus>) -> Option<i32> {
    None
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.input = None;
        limits::kill_with_children(&mut self.child);
        let _ = self.child.wait();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}
