//! A machine over SSH: what it is, how busy it is, and the load. Everything but the load only reads.

use std::fmt;
use std::io::Read as _;
use std::net::{TcpStream, ToSocketAddrs as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use ssh2::{Channel, CheckResult, KeyboardInteractivePrompt, KnownHostFileKind, MethodType, Prompt, Session};

use super::machine::{self, Facts, Pulse};
use super::ssh_config::Machine;
use super::tape::Tape;

/// How long a connection may take to be made.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// How long an answer may take, in milliseconds.
const ANSWER_WITHIN_MS: u32 = 30_000;
/// Bytes of an answer that are read.
const MAX_OUTPUT: u64 = 1024 * 1024;
/// Seconds between signs of life.
const KEEP_ALIVE: u32 = 10;
/// Kinds of host keys, each tried until one is known.
const HOST_KEYS: [&str; 3] =
    ["ssh-ed25519", "ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521", "rsa-sha2-512,rsa-sha2-256,ssh-rsa"];

/// Why a machine cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NoMachine {
    /// No connection, in words.
    Unreachable(String),
    /// Its key is not known.
    UnknownKey(String),
    /// Its key is another one than the known one.
    ChangedKey(String),
    /// It lets nobody in with what was given.
    Refused(String),
    /// The connection is gone.
    Lost(String),
    /// The load ended by itself.
    Died(String),
    /// Something else that is needed is gone.
    Gone(String),
}

impl fmt::Display for NoMachine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(why) | Self::UnknownKey(why) | Self::ChangedKey(why) | Self::Refused(why) => {
                f.write_str(why)
            }
            Self::Lost(why) => write!(f, "a lost connection ({why})"),
            Self::Died(why) | Self::Gone(why) => f.write_str(why),
        }
    }
}

impl NoMachine {
    /// What to do about it.
    pub fn hint(&self, machine: &str) -> String {
        match self {
            Self::Unreachable(_) => format!("start the machine and its sshd, and try: ssh {machine}"),
            Self::UnknownKey(_) => format!("sign in once by hand and compare its key: ssh {machine}"),
            Self::ChangedKey(_) => {
                "find out why the key changed (a new machine at the old address?), then remove the old one: ssh-keygen -R HOST"
                    .to_owned()
            }
            Self::Refused(_) => format!("give --identity FILE or --vm-password-file FILE, or load an agent; then try: ssh {machine}"),
            Self::Died(_) => "try the load by hand (stress-ng --cpu 0 --timeout 10s); use --builtin-load where it dies".to_owned(),
            Self::Gone(_) => "see whether Prometheus still runs (docker compose ps), then run again with --resume".to_owned(),
            Self::Lost(_) => "see whether the machine still runs; the load ends by itself".to_owned(),
        }
    }
}

/// Asks a person for the password of a user on a machine; once.
pub type AskPassword = Arc<dyn Fn(&str, &str) -> Option<Password> + Send + Sync>;

/// How somebody signs in.
#[derive(Clone, Default)]
pub struct SignIn {
    /// Files of known host keys.
    pub known_hosts: Vec<PathBuf>,
    /// A password, when one was given.
    pub password: Option<Password>,
    /// Whoever may be asked for it when none was.
    pub ask: Option<AskPassword>,
}

impl SignIn {
    fn password(&self, user: &str, host: &str) -> Option<Password> {
        self.password.clone().or_else(|| self.ask.as_ref()?(user, host))
    }
}

impl fmt::Debug for SignIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignIn").field("known_hosts", &self.known_hosts).finish_non_exhaustive()
    }
}

/// A password, which is never shown.
#[derive(Clone)]
pub struct Password(pub String);

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("•••")
    }
}

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
            let (signed_in, how) = signed_in(machine, sign_in)?;
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
            // Its end was seen: what is said while closing matters to nobody.
            let _ = channel.close();
            Ok(String::from_utf8_lossy(&out).into_owned())
        })
    }

    fn open(&self, command: &str) -> Result<Channel, NoMachine> {
        let lost = |e: ssh2::Error| NoMachine::Lost(e.message().to_owned());
        let Some(session) = &self.session else { return Err(NoMachine::Lost("no connection".to_owned())) };
        // A reply that does not come is found out by the next read.
        let _ = session.keepalive_send();
        let mut channel = session.channel_session().map_err(lost)?;
        // Whatever shell the user has, the commands are those of sh.
        channel.exec(&format!("exec sh -c '{}'", command.replace('\'', "'\\''"))).map_err(lost)?;
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

/// What is printed up to the end of the first line.
fn first_line(channel: &mut Channel) -> Result<String, NoMachine> {
    let mut line = Vec::new();
    let mut byte = [0];
    while line.len() < 4096 {
        match channel.read(&mut byte) {
            Ok(0) => break,
            Ok(_) if byte[0] == b'\n' => break,
            Ok(_) => line.push(byte[0]),
            Err(e) => return Err(NoMachine::Lost(e.to_string())),
        }
    }
    Ok(String::from_utf8_lossy(&line).into_owned())
}

/// Connects with each kind of host key until one is known, and signs in.
fn signed_in(machine: &Machine, sign_in: &SignIn) -> Result<(Session, String), NoMachine> {
    let mut unknown = NoMachine::UnknownKey(format!("no known host key of {}", machine.host));
    for kinds in HOST_KEYS {
        let session = match handshake(machine, kinds) {
            Ok(session) => session,
            // The machine has no key of this kind.
            Err(NoMachine::Lost(_)) => continue,
            Err(no) => return Err(no),
        };
        match known(&session, machine, sign_in) {
            Ok(true) => {
                let how = authenticate(&session, machine, sign_in)?;
                session.set_keepalive(true, KEEP_ALIVE);
                return Ok((session, how));
            }
            Ok(false) => {}
            Err(no) => unknown = no,
        }
    }
    Err(unknown)
}

fn handshake(machine: &Machine, kinds: &str) -> Result<Session, NoMachine> {
    if let Some(jump) = &machine.jump {
        return Err(NoMachine::Unreachable(format!(
            "a way to {} over {jump} in ~/.ssh/config, which labkit does not take; forward a port (ssh -L 2222:{}:22 …) and give --vm USER@localhost:2222",
            machine.alias, machine.host
        )));
    }
    let port = machine.port.unwrap_or(22);
    let at = format!("{}:{port}", machine.host);
    let unreachable = |why: String| NoMachine::Unreachable(format!("no SSH at {at}: {why}"));
    let mut addresses = (machine.host.as_str(), port)
        .to_socket_addrs()
        .map_err(|_| unreachable("the name stands for no machine".to_owned()))?;
    let mut last = "the name stands for no machine".to_owned();
    let stream = addresses
        .find_map(|a| TcpStream::connect_timeout(&a, CONNECT_WITHIN).map_err(|e| last = e.to_string()).ok())
        .ok_or_else(|| unreachable(last))?;
    let io = |e: std::io::Error| unreachable(e.to_string());
    stream.set_read_timeout(Some(CONNECT_WITHIN)).map_err(io)?;
    stream.set_write_timeout(Some(CONNECT_WITHIN)).map_err(io)?;
    let mut session = Session::new().map_err(|e| unreachable(e.message().to_owned()))?;
    session.set_timeout(ANSWER_WITHIN_MS);
    session.set_tcp_stream(stream);
    session.method_pref(MethodType::HostKey, kinds).map_err(|e| NoMachine::Lost(e.message().to_owned()))?;
    session.handshake().map_err(|e| match e.code() {
        // No method in common: the machine has no key of these kinds.
        ssh2::ErrorCode::Session(-5 | -8) => NoMachine::Lost(e.message().to_owned()),
        _ => unreachable(e.message().to_owned()),
    })?;
    Ok(session)
}

/// Whether the machine's key is in a file of known hosts.
fn known(session: &Session, machine: &Machine, sign_in: &SignIn) -> Result<bool, NoMachine> {
    let Some((key, _)) = session.host_key() else { return Ok(false) };
    let port = machine.port.unwrap_or(22);
    let mut changed = false;
    for file in &sign_in.known_hosts {
        let Ok(mut hosts) = session.known_hosts() else { continue };
        if hosts.read_file(file, KnownHostFileKind::OpenSSH).is_err() {
            continue;
        }
        for name in [&machine.host, &machine.alias] {
            match hosts.check_port(name, port, key) {
                CheckResult::Match => return Ok(true),
                CheckResult::Mismatch => changed = true,
                CheckResult::NotFound | CheckResult::Failure => {}
            }
        }
    }
    if changed {
        return Err(NoMachine::ChangedKey(format!("a host key of {} that is not the known one", machine.host)));
    }
    Ok(false)
}

fn authenticate(session: &Session, machine: &Machine, sign_in: &SignIn) -> Result<String, NoMachine> {
    let user = machine.user.as_deref().unwrap_or("root");
    let ways = session.auth_methods(user).unwrap_or_default().to_owned();
    if session.authenticated() {
        return Ok("without any proof".to_owned());
    }
    let offered = |way: &str| ways.is_empty() || ways.split(',').any(|w| w == way);
    let mut tried = Vec::new();
    if offered("publickey") {
        for identity in machine.identities.iter().filter(|i| i.is_file()) {
            let how = format!("the key {}", identity.display());
            match session.userauth_pubkey_file(user, None, identity, None) {
                Ok(()) => return Ok(how),
                // The file itself cannot be used without its passphrase.
                Err(e) if e.code() == ssh2::ErrorCode::Session(-16) => {
                    tried.push(format!("{how} (it cannot be read without a passphrase: ssh-add it to an agent)"));
                }
                Err(_) => tried.push(how),
            }
        }
        if let Ok(mut agent) = session.agent()
            && agent.connect().is_ok()
            && agent.list_identities().is_ok()
        {
            if agent.identities().unwrap_or_default().iter().any(|i| agent.userauth(user, i).is_ok()) {
                return Ok("the agent".to_owned());
            }
            tried.push("the agent".to_owned());
        }
    }
    if (offered("password") || offered("keyboard-interactive"))
        && let Some(Password(password)) = sign_in.password(user, &machine.host)
    {
        if offered("password") && session.userauth_password(user, &password).is_ok() {
            return Ok("a password".to_owned());
        }
        let mut answers = Answers(password);
        if offered("keyboard-interactive") && session.userauth_keyboard_interactive(user, &mut answers).is_ok() {
            return Ok("a password".to_owned());
        }
        tried.push("the password".to_owned());
    }
    let tried = if tried.is_empty() { "nothing to sign in with".to_owned() } else { tried.join(", ") };
    let accepts = if ways.is_empty() { String::new() } else { format!("; it accepts {ways}") };
    Err(NoMachine::Refused(format!("{} not letting {user} in with {tried}{accepts}", machine.host)))
}

/// Answers every question with the password, as there is one to ask for.
struct Answers(String);

impl KeyboardInteractivePrompt for Answers {
    fn prompt<'a>(&mut self, _: &str, _: &str, prompts: &[Prompt<'a>]) -> Vec<String> {
        prompts.iter().map(|_| self.0.clone()).collect()
    }
}

/// The usual files of a user: known hosts and keys.
pub fn usual_files(home: &Path) -> (PathBuf, Vec<PathBuf>) {
    let folder = home.join(".ssh");
    let keys = ["id_ed25519", "id_ecdsa", "id_rsa"].iter().map(|k| folder.join(k)).collect();
    (folder.join("known_hosts"), keys)
}
