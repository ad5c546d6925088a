//! Signing in to a machine over SSH: its key, then whatever proof the machine takes.
//!
//! Keys that open without a word come first, then the agent's, then keys with a passphrase, then passwords; people are
//! asked last and only where somebody can answer.

use std::fmt;
use std::net::{TcpStream, ToSocketAddrs as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use ssh2::{
    CheckResult, ErrorCode, HashType, HostKeyType, KeyboardInteractivePrompt, KnownHostFileKind, MethodType, Prompt,
    Session,
};

use super::ssh_config::Machine;
use crate::golang::base64;
use crate::text::printable;

/// How long a connection may take to be made.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// How long an answer may take, in milliseconds.
const ANSWER_WITHIN_MS: u32 = 30_000;
/// Seconds between signs of life.
const KEEP_ALIVE: u32 = 10;
/// How often somebody is asked for the same word.
const TRIES: u32 = 3;
/// Kinds of host keys, each tried until one is known.
const HOST_KEYS: [&str; 3] =
    ["ssh-ed25519", "ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521", "rsa-sha2-512,rsa-sha2-256,ssh-rsa"];

/// What libssh2 says when the other side has none of the kinds that were asked for.
const NOTHING_IN_COMMON: [ErrorCode; 2] = [ErrorCode::Session(-5), ErrorCode::Session(-8)];
/// The same, when a key file cannot be used.
const KEY_FILE: ErrorCode = ErrorCode::Session(-16);
/// The same, when a proof was refused; anything else ends the connection.
const REFUSED: ErrorCode = ErrorCode::Session(-18);

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
    /// It lets somebody in, but runs no commands.
    NoShell(String),
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
            Self::Lost(why) => write!(f, "a lost connection ({why})"),
            Self::Unreachable(why)
            | Self::UnknownKey(why)
            | Self::ChangedKey(why)
            | Self::Refused(why)
            | Self::NoShell(why)
            | Self::Died(why)
            | Self::Gone(why) => f.write_str(why),
        }
    }
}

impl NoMachine {
    /// What to do about it.
    pub fn hint(&self, machine: &Machine) -> String {
        let ssh = machine.ssh();
        match self {
            Self::Unreachable(_) => {
                format!("start the machine and its sshd, check its address and port, and try: {ssh}")
            }
            Self::UnknownKey(_) => format!(
                "sign in once by hand and compare its key: {ssh}; where that keeps no known hosts: {} >>known_hosts, and --known-hosts known_hosts",
                machine.keyscan()
            ),
            Self::ChangedKey(_) => format!(
                "find out why the key changed (a new machine at the old address?), then remove the old one: ssh-keygen -R {}",
                machine.known_as()
            ),
            Self::Refused(_) => format!(
                "name who signs in (--vm USER@HOST), and give --identity FILE or --vm-password-file FILE, or load an agent; then try: {ssh}"
            ),
            Self::NoShell(_) => format!("give the user a shell on the machine (chsh -s /bin/sh), and try: {ssh} true"),
            Self::Died(_) => {
                "try the load by hand (stress-ng --cpu 0 --timeout 10s); use --builtin-load where it dies".to_owned()
            }
            Self::Gone(_) => "see whether Prometheus still runs (docker compose ps)".to_owned(),
            Self::Lost(_) => "see whether the machine still runs (the load ends by itself)".to_owned(),
        }
    }
}

/// A word that only a person knows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Word {
    /// The password of a user on a machine.
    Password {
        /// Who signs in.
        user: String,
        /// Where.
        host: String,
    },
    /// The passphrase of a key.
    Passphrase(PathBuf),
}

/// Asks a person for a word; again when the one before was refused. None when nobody answers.
pub type Ask = Arc<dyn Fn(&Word, Option<Refused>) -> Option<Password> + Send + Sync>;

/// The word that was given before was refused.
#[derive(Clone, Copy, Debug)]
pub struct Refused;

/// How somebody signs in.
#[derive(Clone, Default)]
pub struct SignIn {
    /// Files of known host keys.
    pub known_hosts: Vec<PathBuf>,
    /// A password, when one was given.
    pub password: Option<Password>,
    /// Whoever may be asked for what was not given.
    pub ask: Option<Ask>,
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

/// Connects with each kind of host key until one is known, and signs in; also gives how.
///
/// # Errors
/// See [`NoMachine`].
pub fn signed_in(machine: &Machine, sign_in: &SignIn) -> Result<(Session, String), NoMachine> {
    let mut unknown = None;
    let mut nothing_in_common = String::new();
    for kinds in HOST_KEYS {
        let mut session = match handshake(machine, kinds) {
            Ok(session) => session,
            Err(NoMachine::Lost(why)) => {
                nothing_in_common = why;
                continue;
            }
            Err(no) => return Err(no),
        };
        match known(&session, machine, sign_in) {
            Ok(()) => {
                let how = Door { machine, sign_in, kinds }.open(&mut session)?;
                session.set_keepalive(true, KEEP_ALIVE);
                return Ok((session, how));
            }
            // One that changed matters more than one of another kind that nobody ever saw.
            Err(no) => unknown = unknown.filter(|u| matches!(u, NoMachine::ChangedKey(_))).or(Some(no)),
        }
    }
    Err(unknown.unwrap_or_else(|| {
        NoMachine::Unreachable(format!("no encryption in common with {} ({nothing_in_common})", machine.host))
    }))
}

/// Connects; [`NoMachine::Lost`] when the machine has no key of these kinds.
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
        .find_map(|a| TcpStream::connect_timeout(&a, CONNECT_WITHIN).map_err(|e| last = in_words(&e)).ok())
        .ok_or_else(|| unreachable(last))?;
    let io = |e: std::io::Error| unreachable(e.to_string());
    stream.set_read_timeout(Some(CONNECT_WITHIN)).map_err(io)?;
    stream.set_write_timeout(Some(CONNECT_WITHIN)).map_err(io)?;
    let mut session = Session::new().map_err(|e| unreachable(e.message().to_owned()))?;
    session.set_timeout(ANSWER_WITHIN_MS);
    session.set_tcp_stream(stream);
    session.method_pref(MethodType::HostKey, kinds).map_err(|e| NoMachine::Lost(e.message().to_owned()))?;
    session.handshake().map_err(|e| {
        let why = e.message().to_owned();
        if NOTHING_IN_COMMON.contains(&e.code()) { NoMachine::Lost(why) } else { unreachable(why) }
    })?;
    Ok(session)
}

fn in_words(e: &std::io::Error) -> String {
    match e.kind() {
        std::io::ErrorKind::ConnectionRefused => "nothing listens (connection refused)".to_owned(),
        std::io::ErrorKind::TimedOut => format!("no answer within {} s", CONNECT_WITHIN.as_secs()),
        _ => e.to_string(),
    }
}

/// Whether the machine's key is in a file of known hosts.
fn known(session: &Session, machine: &Machine, sign_in: &SignIn) -> Result<(), NoMachine> {
    let Some((key, kind)) = session.host_key() else {
        return Err(NoMachine::UnknownKey(format!("no host key of {}", machine.host)));
    };
    let port = machine.port.unwrap_or(22);
    let mut changed = false;
    for file in &sign_in.known_hosts {
        let Ok(mut hosts) = session.known_hosts() else { continue };
        if hosts.read_file(file, KnownHostFileKind::OpenSSH).is_err() {
            continue;
        }
        for name in [&machine.host, &machine.alias] {
            match hosts.check_port(name, port, key) {
                CheckResult::Match => return Ok(()),
                CheckResult::Mismatch => changed = true,
                CheckResult::NotFound | CheckResult::Failure => {}
            }
        }
    }
    let shown = match session.host_key_hash(HashType::Sha256) {
        Some(hash) => format!("{} SHA256:{}", name_of(kind), base64::encode(hash).trim_end_matches('=')),
        None => name_of(kind).to_owned(),
    };
    Err(if changed {
        NoMachine::ChangedKey(format!("a host key of {} that is not the known one ({shown})", machine.host))
    } else {
        NoMachine::UnknownKey(format!("no known host key of {}; it shows {shown}", machine.host))
    })
}

fn name_of(kind: HostKeyType) -> &'static str {
    match kind {
        HostKeyType::Ed25519 => "ED25519",
        HostKeyType::Rsa => "RSA",
        HostKeyType::Ecdsa256 | HostKeyType::Ecdsa384 | HostKeyType::Ecdsa521 => "ECDSA",
        _ => "a key of another kind",
    }
}

/// A machine whose key is known, before anybody is let in.
struct Door<'a> {
    machine: &'a Machine,
    sign_in: &'a SignIn,
    kinds: &'a str,
}

impl Door<'_> {
    /// Tries every proof there is; gives which one was taken.
    fn open(&self, session: &mut Session) -> Result<String, NoMachine> {
        let user = self.machine.user.as_deref().unwrap_or("root");
        let ways = session.auth_methods(user).unwrap_or_default().to_owned();
        if session.authenticated() {
            return Ok("without any proof".to_owned());
        }
        let offered = |way: &str| ways.is_empty() || ways.split(',').any(|w| w == way);
        let mut tried = Vec::new();
        if offered("publickey")
            && let Some(how) = self.with_keys(session, user, &mut tried)?
        {
            return Ok(how);
        }
        let way = if offered("password") { Way::Password } else { Way::Questions };
        if (way == Way::Password || offered("keyboard-interactive"))
            && let Some(how) = self.with_password(session, user, way, &mut tried)?
        {
            return Ok(how);
        }
        let tried = if tried.is_empty() { "nothing to sign in with".to_owned() } else { tried.join(", ") };
        let accepts = if ways.is_empty() { String::new() } else { format!("; it accepts {ways}") };
        Err(NoMachine::Refused(format!("{} not letting {user} in with {tried}{accepts}", self.machine.host)))
    }

    fn with_keys(
        &self,
        session: &mut Session,
        user: &str,
        tried: &mut Vec<String>,
    ) -> Result<Option<String>, NoMachine> {
        let mut locked = Vec::new();
        for identity in self.machine.identities.iter().filter(|i| i.is_file()) {
            let how = format!("the key {}", identity.display());
            match self.key(session, user, identity, None)? {
                Ok(()) => return Ok(Some(how)),
                Err(KEY_FILE) => locked.push(identity),
                Err(_) => tried.push(how),
            }
        }
        if let Ok(mut agent) = session.agent()
            && agent.connect().is_ok()
            && agent.list_identities().is_ok()
        {
            if agent.identities().unwrap_or_default().iter().any(|i| agent.userauth(user, i).is_ok()) {
                return Ok(Some("the agent".to_owned()));
            }
            tried.push("the agent".to_owned());
        }
        for identity in locked {
            let word = Word::Passphrase(identity.clone());
            let how = format!("the key {}", identity.display());
            let mut asked = None;
            let mut opened = false;
            for _ in 0..TRIES {
                let Some(Password(passphrase)) = self.sign_in.ask.as_ref().and_then(|ask| ask(&word, asked)) else {
                    break;
                };
                match self.key(session, user, identity, Some(&passphrase))? {
                    Ok(()) => return Ok(Some(how)),
                    Err(KEY_FILE) => asked = Some(Refused),
                    Err(_) => {
                        opened = true;
                        break;
                    }
                }
            }
            tried.push(match asked {
                _ if opened => how,
                Some(Refused) => format!("{how} (another passphrase opens it)"),
                None => format!("{how} (it cannot be read without a passphrase: ssh-add it to an agent)"),
            });
        }
        Ok(None)
    }

    /// Tries a key; connects anew where the machine has hung up because of the keys before.
    fn key(
        &self,
        session: &mut Session,
        user: &str,
        identity: &Path,
        passphrase: Option<&str>,
    ) -> Result<Result<(), ErrorCode>, NoMachine> {
        self.insist(session, |session| session.userauth_pubkey_file(user, None, identity, passphrase))
    }

    /// Tries something, and once more on a new connection when this one has ended: a machine hangs up after some
    /// wrong proofs, and when people take long to answer.
    fn insist(
        &self,
        session: &mut Session,
        mut proof: impl FnMut(&Session) -> Result<(), ssh2::Error>,
    ) -> Result<Result<(), ErrorCode>, NoMachine> {
        match proof(session).map_err(|e| e.code()) {
            Err(code) if code != REFUSED && code != KEY_FILE => {}
            decided => return Ok(decided),
        }
        *session = handshake(self.machine, self.kinds)?;
        known(session, self.machine, self.sign_in)?;
        Ok(proof(session).map_err(|e| e.code()))
    }

    fn with_password(
        &self,
        session: &mut Session,
        user: &str,
        way: Way,
        tried: &mut Vec<String>,
    ) -> Result<Option<String>, NoMachine> {
        let word = Word::Password { user: user.to_owned(), host: self.machine.host.clone() };
        let mut refused = None;
        let mut questions = Vec::new();
        for _ in 0..TRIES {
            let Some(Password(password)) = self.password(&word, refused) else { break };
            let proof = self.insist(session, |session| match way {
                Way::Password => session.userauth_password(user, &password),
                Way::Questions => {
                    let mut answers = Answers { password: &password, given: false, others: Vec::new() };
                    let result = session.userauth_keyboard_interactive(user, &mut answers);
                    questions = answers.others;
                    result
                }
            })?;
            if proof.is_ok() {
                return Ok(Some("a password".to_owned()));
            }
            refused = Some(Refused);
            if !questions.is_empty() {
                break;
            }
        }
        if refused.is_some() {
            let also = match questions.first() {
                Some(question) => format!(" (it also asks {:?})", printable(question)),
                None if user == "root" => " (sshd usually takes none of root's: name another user)".to_owned(),
                None => String::new(),
            };
            tried.push(format!("the password{also}"));
        }
        Ok(None)
    }

    /// The password that was given; else what somebody answers.
    fn password(&self, word: &Word, refused: Option<Refused>) -> Option<Password> {
        match &self.sign_in.password {
            Some(_) if refused.is_some() => None,
            Some(given) => Some(given.clone()),
            None => self.sign_in.ask.as_ref()?(word, refused),
        }
    }
}

/// How a password is given.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// As it is.
    Password,
    /// As the answer to a question.
    Questions,
}

/// Answers the first question that hides what is typed; a new password or a code of a token is not labkit's to give.
struct Answers<'a> {
    password: &'a str,
    given: bool,
    others: Vec<String>,
}

impl KeyboardInteractivePrompt for Answers<'_> {
    fn prompt<'b>(&mut self, _: &str, _: &str, prompts: &[Prompt<'b>]) -> Vec<String> {
        let mut answer = |prompt: &Prompt<'b>| {
            if !prompt.echo && !std::mem::replace(&mut self.given, true) {
                return self.password.to_owned();
            }
            self.others.push(prompt.text.trim().to_owned());
            String::new()
        };
        prompts.iter().map(&mut answer).collect()
    }
}

/// The usual files of a user: known hosts and keys.
pub fn usual_files(home: &Path) -> (PathBuf, Vec<PathBuf>) {
    let folder = home.join(".ssh");
    let keys = ["id_ed25519", "id_ecdsa", "id_rsa"].iter().map(|k| folder.join(k)).collect();
    (folder.join("known_hosts"), keys)
}
