//! A machine over SSH: what it is, how busy it is, and the load. Everything but the load only reads.

use std::fmt;
use std::io::Read as _;
use std::net::{TcpStream, ToSocketAddrs as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ssh2::{CheckResult, KnownHostFileKind, MethodType, Session};

use super::ssh_config::Machine;

/// How long a connection may take to be made.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// How long an answer may take, in milliseconds.
const ANSWER_WITHIN_MS: u32 = 20_000;
/// Bytes of an answer that are read.
const MAX_OUTPUT: u64 = 1024 * 1024;
/// Seconds between signs of life.
const KEEP_ALIVE: u32 = 10;
/// Kinds of host keys, each tried until one is known.
const HOST_KEYS: [&str; 3] =
    ["ssh-ed25519", "ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521", "rsa-sha2-512,rsa-sha2-256,ssh-rsa"];

/// Why a machine cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
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
}

impl fmt::Display for NoMachine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(why) | Self::UnknownKey(why) | Self::ChangedKey(why) | Self::Refused(why) => {
                f.write_str(why)
            }
            Self::Lost(why) => write!(f, "a lost connection ({why})"),
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
            Self::Lost(_) => "see whether the machine still runs; the load ends by itself".to_owned(),
        }
    }
}

/// How somebody signs in.
#[derive(Clone, Debug, Default)]
pub struct SignIn {
    /// A file of known host keys besides the user's own.
    pub known_hosts: Vec<PathBuf>,
    /// A password, when one was given.
    pub password: Option<Password>,
}

/// A password, which is never shown.
#[derive(Clone)]
pub struct Password(pub String);

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("•••")
    }
}

/// What is known of a machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Its distribution.
    pub system: String,
    /// Its cores.
    pub cores: u32,
    /// Whether stress-ng is installed.
    pub has_stress_ng: bool,
    /// Its running Node Exporter service, if one goes by a usual name.
    pub service: Option<String>,
    /// Its clock, in seconds of Unix time.
    pub clock: i64,
}

/// Ticks of its processors since it started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticks {
    /// Busy.
    pub busy: u64,
    /// All.
    pub all: u64,
}

impl Ticks {
    /// Percent busy since an earlier look; none when no time has passed.
    pub fn busy_since(self, earlier: Self) -> Option<f64> {
        let all = self.all.checked_sub(earlier.all).filter(|d| *d > 0)?;
        Some(100.0 * self.busy.saturating_sub(earlier.busy) as f64 / all as f64)
    }
}

/// A machine somebody is signed in to.
pub struct Ssh {
    session: Session,
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
    pub fn connect(machine: &Machine, sign_in: &SignIn) -> Result<Self, NoMachine> {
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
                    authenticate(&session, machine, sign_in)?;
                    session.set_keepalive(true, KEEP_ALIVE);
                    return Ok(Self { session });
                }
                Ok(false) => {}
                Err(no) => unknown = no,
            }
        }
        Err(unknown)
    }

    /// Runs a command and gives what it prints.
    ///
    /// # Errors
    /// The connection is gone or the command takes too long.
    pub fn run(&self, command: &str) -> Result<String, NoMachine> {
        let lost = |e: ssh2::Error| NoMachine::Lost(e.message().to_owned());
        // A reply that does not come is found out by the next read.
        let _ = self.session.keepalive_send();
        let mut channel = self.session.channel_session().map_err(lost)?;
        channel.exec(command).map_err(lost)?;
        let mut out = Vec::new();
        channel.by_ref().take(MAX_OUTPUT).read_to_end(&mut out).map_err(|e| NoMachine::Lost(e.to_string()))?;
        // Its end was seen: what is said while closing matters to nobody.
        let _ = channel.close();
        Ok(String::from_utf8_lossy(&out).into_owned())
    }

    /// What it is.
    ///
    /// # Errors
    /// See [`Ssh::run`].
    pub fn facts(&self) -> Result<Facts, NoMachine> {
        let script = "(. /etc/os-release 2>/dev/null; echo \"$PRETTY_NAME\"); nproc; command -v stress-ng || echo; \
                      for s in node_exporter prometheus-node-exporter node-exporter; do \
                      if systemctl is-active --quiet $s 2>/dev/null; then echo $s; break; fi; done | grep . || echo; \
                      date +%s";
        Ok(facts(&self.run(script)?))
    }

    /// How busy its processors were so far.
    ///
    /// # Errors
    /// See [`Ssh::run`]; also when the answer is none.
    pub fn ticks(&self) -> Result<Ticks, NoMachine> {
        let text = self.run("head -n 1 /proc/stat")?;
        ticks(&text).ok_or_else(|| NoMachine::Lost("no /proc/stat".to_owned()))
    }

    /// Puts a load on some cores that ends by itself; gives what stops it earlier.
    ///
    /// # Errors
    /// See [`Ssh::run`].
    pub fn load(&self, cores: u32, seconds: f64, builtin: bool) -> Result<Load, NoMachine> {
        let seconds = seconds.ceil() as u64;
        let command = if builtin {
            format!(
                "i=0; while [ $i -lt {cores} ]; do timeout {seconds} sh -c 'while :; do :; done' </dev/null >/dev/null 2>&1 & \
                 echo $!; i=$((i+1)); done"
            )
        } else {
            format!("stress-ng --cpu {cores} --timeout {seconds}s </dev/null >/dev/null 2>&1 & echo $!")
        };
        let pids = self.run(&command)?;
        Ok(Load { pids: pids.split_whitespace().filter_map(|p| p.parse().ok()).collect() })
    }

    /// Stops a load.
    ///
    /// # Errors
    /// See [`Ssh::run`].
    pub fn stop(&self, load: &Load) -> Result<(), NoMachine> {
        if load.pids.is_empty() {
            return Ok(());
        }
        let pids: Vec<String> = load.pids.iter().map(u32::to_string).collect();
        self.run(&format!("kill {} 2>/dev/null", pids.join(" "))).map(|_| ())
    }
}

/// A load that was started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Load {
    pids: Vec<u32>,
}

fn handshake(machine: &Machine, kinds: &str) -> Result<Session, NoMachine> {
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

fn authenticate(session: &Session, machine: &Machine, sign_in: &SignIn) -> Result<(), NoMachine> {
    let user = machine.user.as_deref().unwrap_or("root");
    let mut tried = Vec::new();
    for identity in machine.identities.iter().filter(|i| i.is_file()) {
        tried.push(format!("the key {}", identity.display()));
        if session.userauth_pubkey_file(user, None, identity, None).is_ok() {
            return Ok(());
        }
    }
    if let Ok(mut agent) = session.agent()
        && agent.connect().is_ok()
        && agent.list_identities().is_ok()
    {
        tried.push("the agent".to_owned());
        if agent.identities().unwrap_or_default().iter().any(|i| agent.userauth(user, i).is_ok()) {
            return Ok(());
        }
    }
    if let Some(Password(password)) = &sign_in.password {
        tried.push("the password".to_owned());
        if session.userauth_password(user, password).is_ok() {
            return Ok(());
        }
    }
    let tried = if tried.is_empty() { "nothing to sign in with".to_owned() } else { tried.join(", ") };
    Err(NoMachine::Refused(format!("{} not letting {user} in with {tried}", machine.host)))
}

fn facts(text: &str) -> Facts {
    let mut lines = text.lines().map(str::trim);
    let mut next = || lines.next().unwrap_or_default().to_owned();
    let system = next();
    let cores = next().parse().unwrap_or(1);
    let has_stress_ng = !next().is_empty();
    let service = Some(next()).filter(|s| !s.is_empty());
    let clock = next().parse().unwrap_or(0);
    Facts { system, cores, has_stress_ng, service, clock }
}

fn ticks(text: &str) -> Option<Ticks> {
    let numbers: Vec<u64> = text.strip_prefix("cpu ")?.split_whitespace().filter_map(|n| n.parse().ok()).collect();
    // Guests' time is in the user's already.
    let all = numbers.iter().take(8).sum();
    let idle = numbers.get(3)? + numbers.get(4).unwrap_or(&0);
    Some(Ticks { busy: u64::saturating_sub(all, idle), all })
}

/// The usual files of a user: known hosts and keys.
pub fn usual_files(home: &Path) -> (PathBuf, Vec<PathBuf>) {
    let folder = home.join(".ssh");
    let keys = ["id_ed25519", "id_ecdsa", "id_rsa"].iter().map(|k| folder.join(k)).collect();
    (folder.join("known_hosts"), keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processors_are_busy_when_they_are_neither_idle_nor_waiting() {
        let a = ticks("cpu  100 0 100 700 100 0 0 0 50 0\n").expect("ticks");
        let b = ticks("cpu  290 0 100 705 105 0 0 0 60 0\n").expect("ticks");
        assert_eq!(a, Ticks { busy: 200, all: 1000 });
        assert_eq!(b.busy_since(a), Some(95.0));
        assert_eq!((a.busy_since(b), a.busy_since(a)), (None, None));
        assert_eq!(ticks("no such file"), None);
    }

    #[test]
    fn facts_are_read_line_by_line_with_gaps() {
        let read = facts("AlmaLinux 9.4\n2\n\nnode_exporter\n1700000000\n");
        assert_eq!((read.cores, read.has_stress_ng, read.service.as_deref()), (2, false, Some("node_exporter")));
        assert_eq!(read.clock, 1_700_000_000);
        assert_eq!(facts("").cores, 1);
    }
}
