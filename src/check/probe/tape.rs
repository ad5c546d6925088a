//! Everything a check takes from outside passes here: answers over HTTP and SSH, messages, the clocks. It can be written
//! down as it comes, and what was written down can be given again in place of the world.
//!
//! Secrets are taken out where an observation comes in, so that whoever judges sees the same then and later.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use serde::{Deserialize, Serialize};

use super::http::{Reply, Trouble};
use super::redact::Redaction;
use super::sign_in::NoMachine;

/// Bytes of observations that are kept.
const MAX_KEPT: usize = 128 * 1024 * 1024;

/// A message that arrived at a stand-in for Discord.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Arrived {
    /// When, in seconds of Unix time.
    pub at: f64,
    /// The status it was answered with.
    pub answer: Option<u16>,
    /// The body as it came.
    pub body: String,
}

/// One observation.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Observation {
    /// A request over HTTP and what came of it.
    Http {
        /// What was asked; not by whom.
        ask: String,
        /// The answer.
        answer: Result<Reply, Trouble>,
    },
    /// Something over SSH.
    Ssh {
        /// The command, or that somebody signed in.
        ask: String,
        /// What it printed.
        answer: Result<String, NoMachine>,
    },
    /// A look at the steady clock: nanoseconds since the check began.
    Steady(u64),
    /// A look at the other one: nanoseconds of Unix time.
    Wall(u64),
    /// Messages that had come since the last look.
    Messages(Vec<Arrived>),
    /// Whether somebody wanted it to end.
    Stopped(bool),
}

/// An observation with its time.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Line {
    /// Seconds since the check began.
    pub at: f64,
    /// What was seen.
    pub seen: Observation,
}

/// The way to the world, or to what was written down of it.
#[derive(Clone)]
pub struct Tape(Arc<Mutex<Inner>>);

struct Inner {
    began: Instant,
    redaction: Redaction,
    mode: Mode,
    /// How many messages were told so far.
    messages: Vec<Arrived>,
}

enum Mode {
    Straight,
    Recording { lines: Vec<Line>, bytes: usize, full: bool },
    Playing(Player),
}

impl std::fmt::Debug for Tape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tape")
    }
}

impl Default for Tape {
    /// The world itself; nothing is written down.
    fn default() -> Self {
        Self::of(Mode::Straight, Redaction::default())
    }
}

impl Tape {
    fn of(mode: Mode, redaction: Redaction) -> Self {
        Self(Arc::new(Mutex::new(Inner { began: Instant::now(), redaction, mode, messages: Vec::new() })))
    }

    /// Writes down what comes. `secrets` are words that must not be in it, beside those that look like secrets.
    pub fn recording(secrets: Vec<String>) -> Self {
        let mode = Mode::Recording { lines: Vec::new(), bytes: 0, full: false };
        Self::of(mode, Redaction::new(secrets))
    }

    /// Gives what was written down.
    pub fn playing(lines: Vec<Line>) -> Self {
        Self::of(Mode::Playing(Player::new(lines)), Redaction::default())
    }

    /// Whether nothing real is asked.
    pub fn is_playing(&self) -> bool {
        matches!(self.inner().mode, Mode::Playing(_))
    }

    /// Whether observations are written down, or were.
    pub fn keeps(&self) -> bool {
        !matches!(self.inner().mode, Mode::Straight)
    }

    /// What was written down so far, and whether that is all of it.
    pub fn lines(&self) -> (Vec<Line>, bool) {
        match &self.inner().mode {
            Mode::Recording { lines, full, .. } => (lines.clone(), !full),
            _ => (Vec::new(), true),
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An answer over HTTP.
    ///
    /// # Errors
    /// There is none.
    pub fn http(&self, ask: &str, real: impl FnOnce() -> Result<Reply, Trouble>) -> Result<Reply, Trouble> {
        if let Mode::Playing(player) = &mut self.inner().mode {
            return match player.again(&format!("http {}", without_times(ask))) {
                Some(Observation::Http { answer, .. }) => answer,
                _ => Err(Trouble::Other("nothing of it in the bundle".to_owned())),
            };
        }
        let mut answer = real();
        let mut inner = self.inner();
        if inner.writes() {
            answer = answer.map(|reply| inner.redaction.reply(reply));
            let ask = inner.redaction.text(ask);
            inner.write(Observation::Http { ask, answer: answer.clone() });
        }
        answer
    }

    /// Something over SSH.
    ///
    /// # Errors
    /// The connection is gone, or there is none.
    pub fn ssh(&self, ask: &str, real: impl FnOnce() -> Result<String, NoMachine>) -> Result<String, NoMachine> {
        if let Mode::Playing(player) = &mut self.inner().mode {
            return match player.again(&format!("ssh {}", without_numbers(ask))) {
                Some(Observation::Ssh { answer, .. }) => answer,
                _ => Err(NoMachine::Lost("nothing of it in the bundle".to_owned())),
            };
        }
        let mut answer = real();
        let mut inner = self.inner();
        if inner.writes() {
            answer = answer.map(|text| inner.redaction.text(&text));
            inner.write(Observation::Ssh { ask: ask.to_owned(), answer: answer.clone() });
        }
        answer
    }

    /// Seconds since the check began.
    pub fn steady(&self) -> f64 {
        let mut inner = self.inner();
        let nanos = match &mut inner.mode {
            Mode::Playing(player) => player.steady(),
            _ => u64::try_from(inner.began.elapsed().as_nanos()).unwrap_or(u64::MAX),
        };
        inner.write(Observation::Steady(nanos));
        nanos as f64 / 1e9
    }

    /// Seconds of Unix time.
    pub fn wall(&self) -> f64 {
        let mut inner = self.inner();
        let nanos = match &mut inner.mode {
            Mode::Playing(player) => player.wall(),
            _ => {
                let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
                u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
            }
        };
        inner.write(Observation::Wall(nanos));
        nanos as f64 / 1e9
    }

    /// Waits; what was written down is not waited for.
    pub fn sleep(&self, seconds: f64) {
        if seconds > 0.0 && seconds.is_finite() && !self.is_playing() {
            std::thread::sleep(Duration::from_secs_f64(seconds.min(3600.0)));
        }
    }

    /// All messages that have arrived.
    pub fn messages(&self, real: impl FnOnce() -> Vec<Arrived>) -> Vec<Arrived> {
        if let Inner { mode: Mode::Playing(player), messages, .. } = &mut *self.inner() {
            if let Some(Observation::Messages(more)) = player.next("messages") {
                messages.extend(more);
            }
            return messages.clone();
        }
        let all = real();
        let mut inner = self.inner();
        if !inner.writes() {
            return all;
        }
        let known = inner.messages.len().min(all.len());
        let more: Vec<Arrived> = all[known..]
            .iter()
            .map(|m| Arrived { body: inner.redaction.text(&m.body), at: (m.at * 1e6).round() / 1e6, ..m.clone() })
            .collect();
        inner.messages.extend(more.iter().cloned());
        inner.write(Observation::Messages(more));
        inner.messages.clone()
    }

    /// Whether somebody wants it to end.
    pub fn stopped(&self, real: impl FnOnce() -> bool) -> bool {
        if let Mode::Playing(player) = &mut self.inner().mode {
            return matches!(player.again("stopped"), Some(Observation::Stopped(true)));
        }
        let stopped = real();
        self.inner().write(Observation::Stopped(stopped));
        stopped
    }
}

impl Inner {
    fn writes(&self) -> bool {
        matches!(self.mode, Mode::Recording { .. })
    }

    fn write(&mut self, seen: Observation) {
        let at = (self.began.elapsed().as_secs_f64() * 1000.0).round() / 1000.0;
        let Mode::Recording { lines, bytes, full } = &mut self.mode else { return };
        let size = 64
            + match &seen {
                Observation::Http { answer: Ok(reply), ask } => reply.body.len() + ask.len(),
                Observation::Ssh { answer: Ok(text), ask } => text.len() + ask.len(),
                Observation::Messages(list) => list.iter().map(|m| m.body.len() + 64).sum(),
                _ => 0,
            };
        if *full || *bytes + size > MAX_KEPT {
            *full = true;
            return;
        }
        *bytes += size;
        lines.push(Line { at, seen });
    }
}

/// Gives observations again, each kind of question in the order of its answers.
struct Player {
    queues: BTreeMap<String, VecDeque<Observation>>,
    steady: u64,
    wall: u64,
    /// By how much a clock goes on that was not looked at so often then.
    step: u64,
}

impl Player {
    fn new(lines: Vec<Line>) -> Self {
        let mut queues: BTreeMap<String, VecDeque<Observation>> = BTreeMap::new();
        for line in lines {
            let key = match &line.seen {
                Observation::Http { ask, .. } => format!("http {}", without_times(ask)),
                Observation::Ssh { ask, .. } => format!("ssh {}", without_numbers(ask)),
                Observation::Steady(_) => "steady".to_owned(),
                Observation::Wall(_) => "wall".to_owned(),
                Observation::Messages(_) => "messages".to_owned(),
                Observation::Stopped(_) => "stopped".to_owned(),
            };
            queues.entry(key).or_default().push_back(line.seen);
        }
        Self { queues, steady: 0, wall: 0, step: 1_000_000_000 }
    }

    fn next(&mut self, key: &str) -> Option<Observation> {
        self.queues.get_mut(key)?.pop_front()
    }

    /// The next answer; the last one again when there is no other.
    fn again(&mut self, key: &str) -> Option<Observation> {
        let queue = self.queues.get_mut(key)?;
        if queue.len() > 1 { queue.pop_front() } else { queue.front().cloned() }
    }

    /// Goes on, and ever faster, so that whoever waits for a moment gets there.
    fn go_on(&mut self) -> u64 {
        let step = self.step;
        self.step = step.saturating_mul(2);
        step
    }

    fn steady(&mut self) -> u64 {
        self.steady = match self.next("steady") {
            Some(Observation::Steady(nanos)) => nanos,
            _ => self.steady.saturating_add(self.go_on()),
        };
        self.steady
    }

    fn wall(&mut self) -> u64 {
        self.wall = match self.next("wall") {
            Some(Observation::Wall(nanos)) => nanos,
            _ => self.wall.saturating_add(self.go_on()),
        };
        self.wall
    }
}

/// A question without the moments in it: a later labkit may look at other ones.
fn without_times(ask: &str) -> String {
    let mut out = String::with_capacity(ask.len());
    for (i, part) in ask.split_inclusive(['?', '&', ',', ' ']).enumerate() {
        let time = ["start=", "end=", "\"from\":", "{\"from\":", "\"to\":"].iter().any(|t| part.starts_with(t));
        if i == 0 || !time {
            out.push_str(part);
        }
    }
    out
}

/// A command without its numbers, which are moments and processes.
fn without_numbers(ask: &str) -> String {
    ask.chars().filter(|c| !c.is_ascii_digit()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(body: &str) -> Reply {
        Reply { status: 200, content_type: String::new(), body: body.into(), url: String::new(), date: None }
    }

    #[test]
    fn what_was_written_down_is_given_again_in_order_and_the_last_one_stays() {
        let tape = Tape::recording(vec!["hunter22".to_owned()]);
        for body in ["one", "two hunter22"] {
            assert!(tape.http("GET http://h/q?start=1&end=2", || Ok(reply(body))).is_ok());
        }
        let (steady, wall) = (tape.steady(), tape.wall());
        let sent = Arrived { at: 1.0, answer: Some(204), body: "{}".to_owned() };
        assert_eq!(tape.messages(|| vec![sent.clone()]).len(), 1);
        assert_eq!(tape.messages(|| vec![sent.clone(), sent.clone()]).len(), 2);
        assert!(!tape.stopped(|| false) && tape.stopped(|| true));
        assert_eq!(tape.ssh("sign in", || Ok("x".to_owned())), Ok("x".to_owned()));
        let (lines, whole) = tape.lines();
        assert!(whole);
        let text: Vec<String> = lines.iter().map(|l| serde_json::to_string(l).expect("JSON")).collect();
        assert!(!text.join("").contains("hunter22"), "{text:?}");
        let lines: Vec<Line> = text.iter().map(|l| serde_json::from_str(l).expect("a line")).collect();
        let tape = Tape::playing(lines);
        let again = || tape.http("GET http://h/q?start=7&end=8", || Err(Trouble::Refused)).expect("an answer");
        assert_eq!(
            (again().text(), again().text(), again().text()),
            ("one".into(), "two •••".into(), "two •••".into())
        );
        assert_eq!((tape.steady(), tape.wall()), (steady, wall));
        assert_eq!(tape.messages(Vec::new).len(), 1);
        assert_eq!(tape.messages(Vec::new).len(), 2);
        assert_eq!(tape.messages(Vec::new).len(), 2);
        assert!(!tape.stopped(|| false) && tape.stopped(|| false) && tape.stopped(|| false));
        assert!(tape.http("GET http://h/other", || Ok(reply(""))).is_err());
        assert!(tape.ssh("ls", || Ok(String::new())).is_err());
        assert!((0..80).all(|_| tape.steady() > steady) && tape.steady() > 1e9);
    }
}
