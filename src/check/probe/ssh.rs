//! A machine over SSH: what it is, how busy it is, and the load. Everything but the load only reads.

use std::fmt;
use std::io::Read as _;

use ssh2::{Channel, Session};

use super::machine::{self, Facts, Pulse};
use super::sign_in::{self, NoMachine, SignIn};
use super::ssh_config::Machine;
use super::tape::Tape;
use crate::text::printable;

/// Bytes of an answer that are read.
const MAX_OUTPUT: u64 = 1024 * 1024;
/// What a command prints first: before it stands what the user's shell says of itself.
const MARK: &str = "--- labkit ---";
/// Bytes that a shell may say of itself before a load begins.
const MAX_BEFORE: usize = 64 * 1024;

/// A machine somebody is signed in to.
pub struct Ssh {
    /// None where only what was written down is given again.
    session: Option<Session>,
    tape: Tape,
}

impl fmt::Debug for Ssh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ssh").finish_non_exhaustive()
    }
}

impl Ssh {
    /// Connects, checks the machine's key, signs in.
    ///
    /// # Errors
    /// See [`NoMachine`].
    pub fn connect(machine: &Machine, sign_in: &SignIn, tape: &Tape) -> Result<Self, NoMachine> {
        let mut session = None;
        tape.ssh(&format!("sign in to {}", machine.alias), || {
            let (signed_in, how) = sign_in::signed_in(machine, sign_in)?;
            session = Some(signed_in);
            Ok(how)
        })?;
        Ok(Self { session, tape: tape.clone() })
    }

    /// Runs a command in the machine's `sh` and gives what it prints.
    ///
    /// # Errors
    /// The connection is gone or the command takes too long.
    pub fn run(&self, command: &str) -> Result<String, NoMachine> {
        self.tape.ssh(command, || {
            let mut channel = self.open(command)?;
            let mut out = Vec::new();
            channel.by_ref().take(MAX_OUTPUT).read_to_end(&mut out).map_err(|e| NoMachine::Lost(e.to_string()))?;
            // Its end was seen: what is said while closing matters only where there was no beginning.
            let closed = channel.close().and_then(|()| channel.wait_close());
            let text = String::from_utf8_lossy(&out);
            match (marked(&text), closed) {
                (Err(_), Err(e)) => Err(NoMachine::Lost(e.message().to_owned())),
                (found, _) => found.map(str::to_owned),
            }
        })
    }

    fn open(&self, command: &str) -> Result<Channel, NoMachine> {
        let lost = |e: ssh2::Error| NoMachine::Lost(e.message().to_owned());
        let Some(session) = &self.session else { return Err(NoMachine::Lost("no connection".to_owned())) };
        // A reply that does not come is found out by the next read.
        let _ = session.keepalive_send();
        let mut channel = session.channel_session().map_err(lost)?;
        channel.exec(&for_any_shell(command)).map_err(lost)?;
        Ok(channel)
    }

    /// What it is; `port` is where its Node Exporter should answer.
    ///
    /// # Errors
    /// See [`Ssh::run`].
    pub fn facts(&self, port: &str) -> Result<Facts, NoMachine> {
        Ok(Facts::read(&self.run(&machine::facts_script(port))?))
    }

    /// How busy its processors were so far, since when it runs, and whether a load still does.
    ///
    /// # Errors
    /// See [`Ssh::run`]; also when the answer is none.
    pub fn pulse(&self, load: Option<&Load>) -> Result<Pulse, NoMachine> {
        let pids = load.map_or_else(String::new, Load::words);
        let text = self.run(&machine::pulse_script(&pids))?;
        Pulse::read(&text).ok_or_else(|| NoMachine::Lost("no /proc/stat".to_owned()))
    }

    /// Puts a load on some cores. It ends by itself, and when the connection does; gives what stops it earlier.
    ///
    /// # Errors
    /// See [`Ssh::run`].
    pub fn load(&self, cores: u32, seconds: f64, builtin: bool) -> Result<Load, NoMachine> {
        let command = machine::load_script(cores, seconds.ceil() as u64, builtin);
        let mut channel = None;
        let told = self.tape.ssh(&command, || {
            let mut opened = self.open(&command)?;
            let line = first_line(&mut opened)?;
            channel = Some(opened);
            Ok(line)
        })?;
        Ok(Load { pids: told.split_whitespace().filter_map(|p| p.parse().ok()).collect(), _channel: channel })
    }

    /// Stops a load.
    ///
    /// # Errors
    /// See [`Ssh::run`].
    pub fn stop(&self, load: &Load) -> Result<(), NoMachine> {
        if load.pids.is_empty() {
            return Ok(());
        }
        self.run(&format!("kill {} 2>/dev/null; true", load.words())).map(|_| ())
    }
}

/// A load that was started.
pub struct Load {
    pids: Vec<u32>,
    /// The machine's shell stops the load when this goes away.
    _channel: Option<Channel>,
}

impl Load {
    fn words(&self) -> String {
        self.pids.iter().map(u32::to_string).collect::<Vec<_>>().join(" ")
    }
}

impl fmt::Debug for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Load({})", self.words())
    }
}

/// A command for `sh`, in words that every login shell takes apart alike: csh looks for its history in `!` also between
/// quotes, and fish for escapes in `\`.
fn for_any_shell(command: &str) -> String {
    let mut quoted = String::with_capacity(command.len() + 64);
    for c in command.chars() {
        match c {
            '\'' | '!' | '\\' => quoted.extend(['\'', '\\', c, '\'']),
            c => quoted.push(c),
        }
    }
    format!("exec sh -c 'echo; echo {MARK}; {quoted}'")
}

/// What was printed behind the mark.
fn marked(text: &str) -> Result<&str, NoMachine> {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        at += line.len();
        if line.trim_end() == MARK {
            return Ok(&text[at..]);
        }
    }
    Err(no_shell(text))
}

fn no_shell(said: &str) -> NoMachine {
    let said = match said.lines().map(str::trim).find(|l| !l.is_empty()) {
        Some(line) => format!("it says {:?}", printable(&line.chars().take(120).collect::<String>())),
        None => "it says nothing".to_owned(),
    };
    NoMachine::NoShell(format!("a sign-in, but a user's shell that runs no commands ({said})"))
}

/// The first line behind the mark.
fn first_line(channel: &mut Channel) -> Result<String, NoMachine> {
    let mut said = Vec::new();
    let mut byte = [0];
    let mut begun = None;
    while said.len() < MAX_BEFORE {
        match channel.read(&mut byte) {
            Ok(0) => break,
            Ok(_) => said.extend(byte),
            Err(e) => return Err(NoMachine::Lost(e.to_string())),
        }
        if byte[0] != b'\n' {
            continue;
        }
        if let Some(from) = begun {
            return Ok(String::from_utf8_lossy(&said[from..]).trim_end().to_owned());
        }
        let line = said[..said.len() - 1].rsplit(|b| *b == b'\n').next().unwrap_or_default();
        if line.trim_ascii_end() == MARK.as_bytes() {
            begun = Some(said.len());
        }
    }
    Err(no_shell(&String::from_utf8_lossy(&said)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_shell_says_of_itself_is_told_from_what_a_command_prints() {
        let said = format!("Welcome!\nlast words\n{MARK}\nDebian\n2\n");
        assert_eq!(marked(&said), Ok("Debian\n2\n"));
        assert_eq!(marked(&format!("\n{MARK}\r\n")), Ok(""));
        let NoMachine::NoShell(why) = marked("This account is currently not available.\n").expect_err("no shell")
        else {
            panic!("another trouble")
        };
        assert!(why.contains("it says \"This account is currently not available.\""), "{why}");
        assert!(matches!(marked(""), Err(NoMachine::NoShell(why)) if why.contains("says nothing")));
    }

    #[test]
    fn a_command_is_the_same_for_every_shell() {
        let expected = format!("exec sh -c 'echo; echo {MARK}; a '\\''b'\\'' $'\\!' '\\\\'n'");
        assert_eq!(for_any_shell("a 'b' $! \\n"), expected);
    }
}
