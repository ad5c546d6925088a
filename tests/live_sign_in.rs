//! Signing in to a real sshd: passwords asked for on a terminal, questions of PAM, keys with a passphrase, shells of
//! all kinds, slow machines.

#![cfg(unix)]

mod live_parts;

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use labkit::check::probe::sign_in::{NoMachine, Password, Refused, SignIn, Word};
use labkit::check::probe::ssh::Ssh;
use labkit::check::probe::ssh_config::{self, Machine};
use labkit::check::probe::tape::Tape;
use live_parts::somebody::{self, Somebody};
use live_parts::{Running, Sshd};

const REAL: [&str; 4] = ["/usr/sbin/sshd", "/usr/bin/ssh-keygen", "/usr/sbin/useradd", "/usr/bin/script"];
const PASSWORD: &str = "lab-Secret 7";

fn there() -> bool {
    live_parts::installed(&REAL) && somebody::can_be_made()
}

fn machine(user: &str, port: u16) -> Machine {
    ssh_config::machine(&format!("{user}@127.0.0.1:{port}")).expect("a machine")
}

fn known(sshd: &Sshd) -> SignIn {
    SignIn { known_hosts: vec![sshd.known_hosts.clone()], ..SignIn::default() }
}

fn with_password(sshd: &Sshd, password: &str) -> SignIn {
    SignIn { password: Some(Password(password.to_owned())), ..known(sshd) }
}

fn connect(machine: &Machine, sign_in: &SignIn) -> Result<Ssh, NoMachine> {
    Ssh::connect(machine, sign_in, &Tape::default())
}

/// How somebody was let in.
fn how(machine: &Machine, sign_in: &SignIn) -> Result<String, NoMachine> {
    let tape = Tape::recording(Vec::new());
    Ssh::connect(machine, sign_in, &tape)?;
    Ok(serde_json::to_string(&tape.lines().0[0]).expect("JSON"))
}

/// A key with a passphrase, which opens the machine.
fn locked_key(folder: &Path, sshd_folder: &Path) -> PathBuf {
    let key = folder.join("locked");
    let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", PASSWORD, "-f"]).arg(&key).status();
    assert!(made.expect("ssh-keygen runs").success());
    std::fs::copy(key.with_extension("pub"), sshd_folder.join("authorized_keys")).expect("copied");
    key
}

/// labkit on a terminal of its own, which types what it is told.
struct OnTerminal {
    child: Running,
    keys: ChildStdin,
    shown: Arc<Mutex<String>>,
}

impl OnTerminal {
    /// Starts a check of the CPU against a machine that has no stress-ng.
    fn start(folder: &Path, sshd: &Sshd, user: &str, more: &str) -> Self {
        let line = format!(
            "trap : INT; {} check 7 --only=cpu-100 --prometheus=http://127.0.0.1:{} --out={} --vm={user}@127.0.0.1:{} \
             --known-hosts={} {more}",
            env!("CARGO_BIN_EXE_labkit"),
            live_parts::free_port(),
            folder.join("reports").display(),
            sshd.port,
            sshd.known_hosts.display()
        );
        let mut child: Child = Command::new("script")
            .args(["--quiet", "--return", "--command", &line, "/dev/null"])
            .env("HOME", folder)
            .env("SHELL", "/bin/sh")
            .env("TERM", "dumb")
            .env_remove("SSH_AUTH_SOCK")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("script starts");
        let (keys, mut out) = (child.stdin.take().expect("a pipe"), child.stdout.take().expect("a pipe"));
        let shown: Arc<Mutex<String>> = Arc::default();
        let showing = Arc::clone(&shown);
        std::thread::spawn(move || {
            let mut part = [0; 4096];
            while let Ok(n @ 1..) = out.read(&mut part) {
                showing.lock().expect("no panic").push_str(&String::from_utf8_lossy(&part[..n]));
            }
        });
        Self { child: Running(child), keys, shown }
    }

    fn shown(&self) -> String {
        self.shown.lock().expect("no panic").clone()
    }

    fn sees(&self, text: &str) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while !self.shown().contains(text) {
            assert!(Instant::now() < deadline, "{text:?} is not shown: {}", self.shown());
            std::thread::sleep(Duration::from_millis(50));
        }
        // The question stands there before the terminal stops to show what is typed.
        std::thread::sleep(Duration::from_millis(300));
    }

    fn types(&mut self, text: &str) {
        self.keys.write_all(text.as_bytes()).expect("a terminal");
        self.keys.flush().expect("a terminal");
    }

    fn ends(&mut self) -> i32 {
        self.child.0.wait().expect("it ends").code().unwrap_or(-1)
    }
}

/// A shell's PATH without stress-ng: who gets as far as missing it was let in.
fn poor(folder: &Path) -> String {
    let tools = folder.join("tools");
    std::fs::create_dir_all(&tools).expect("made");
    for tool in ["sh", "nproc", "grep", "date", "id"] {
        std::os::unix::fs::symlink(Path::new("/bin").join(tool), tools.join(tool)).expect("linked");
    }
    format!("SetEnv PATH={}", tools.display())
}

#[test]
fn a_password_is_asked_for_until_it_is_right_and_only_once_more_after_that() {
    if !there() {
        return;
    }
    let (_keep, folder) = live_parts::folder();
    let ann = Somebody::new(&folder, "/bin/sh", PASSWORD);
    let sshd = live_parts::sshd_with(&folder, &format!("PasswordAuthentication yes\n{}", poor(&folder)));
    let mut terminal = OnTerminal::start(&folder, &sshd, &ann.name, "");
    let question = format!("password of {} on 127.0.0.1: ", ann.name);
    terminal.sees(&question);
    terminal.types("certainly wrong\n");
    terminal.sees(&format!("not accepted; {question}"));
    terminal.types(&format!("{PASSWORD}\n"));
    terminal.sees("observed no stress-ng on 127.0.0.1");
    assert_eq!(terminal.ends(), 3, "{}", terminal.shown());
    let shown = terminal.shown();
    // The machine is signed in to twice, for what it is and for the load.
    assert_eq!(shown.matches(&question).count(), 2, "{shown}");
    assert!(!shown.contains("certainly wrong") && !shown.contains(PASSWORD), "{shown}");

    // Three wrong ones are enough.
    let mut terminal = OnTerminal::start(&folder, &sshd, &ann.name, "");
    for i in 1..=3 {
        let deadline = Instant::now() + Duration::from_secs(60);
        while terminal.shown().matches(&question).count() < i {
            assert!(Instant::now() < deadline, "{}", terminal.shown());
            std::thread::sleep(Duration::from_millis(50));
        }
        std::thread::sleep(Duration::from_millis(300));
        terminal.types("wrong\n");
    }
    terminal.sees("in with the password; it accepts");
    assert_eq!((terminal.ends(), terminal.shown().matches(&question).count()), (3, 3), "{}", terminal.shown());
}

#[test]
fn ctrl_c_at_a_question_leaves_and_the_terminal_shows_again_what_is_typed() {
    if !there() {
        return;
    }
    let (_keep, folder) = live_parts::folder();
    let ann = Somebody::new(&folder, "/bin/sh", PASSWORD);
    let sshd = live_parts::sshd_with(&folder, "PasswordAuthentication yes");
    let told = folder.join("told");
    let more = format!("; echo \"left $?\"; stty -a >{}", told.display());
    let mut terminal = OnTerminal::start(&folder, &sshd, &ann.name, &more);
    terminal.sees("password of ");
    terminal.types("\u{3}");
    terminal.ends();
    let shown = terminal.shown();
    assert!(shown.contains("left 130") && shown.contains("stopped by hand"), "{shown}");
    let modes = std::fs::read_to_string(&told).expect("stty tells");
    assert!(modes.contains(" echo ") && !modes.contains("-echo "), "{modes}");
}

#[test]
fn a_key_with_a_passphrase_opens_where_somebody_knows_it() {
    if !there() {
        return;
    }
    let (_keep, folder) = live_parts::folder();
    let sshd = live_parts::sshd_with(&folder, &format!("PasswordAuthentication no\n{}", poor(&folder)));
    let key = locked_key(&folder, &folder);
    let mut terminal = OnTerminal::start(&folder, &sshd, &live_parts::user(), &format!("--identity={}", key.display()));
    let question = format!("passphrase of the key {}: ", key.display());
    terminal.sees(&question);
    terminal.types("wrong\n");
    terminal.sees(&format!("not accepted; {question}"));
    terminal.types(&format!("{PASSWORD}\n"));
    terminal.sees("observed no stress-ng on 127.0.0.1");
    assert_eq!(terminal.ends(), 3, "{}", terminal.shown());

    // Where nobody knows it.
    let mut machine = machine(&live_parts::user(), sshd.port);
    machine.identities.push(key);
    let wrong = SignIn { ask: Some(Arc::new(|_, _| Some(Password("wrong".to_owned())))), ..known(&sshd) };
    let told = |sign_in: &SignIn| connect(&machine, sign_in).expect_err("nobody knows it").to_string();
    assert!(told(&wrong).contains("(another passphrase opens it)"), "{}", told(&wrong));
    assert!(told(&known(&sshd)).contains("ssh-add it to an agent"), "{}", told(&known(&sshd)));
}

#[test]
fn questions_of_pam_are_answered_with_the_password_and_with_nothing_else() {
    if !there() {
        return;
    }
    let (_keep, folder) = live_parts::folder();
    let ann = Somebody::new(&folder, "/bin/sh", PASSWORD);
    let sshd = live_parts::sshd_with(
        &folder,
        "UsePAM yes\nPubkeyAuthentication no\nPasswordAuthentication no\nKbdInteractiveAuthentication yes",
    );
    let ann_there = machine(&ann.name, sshd.port);
    let told = how(&ann_there, &with_password(&sshd, PASSWORD)).expect("the password is right");
    assert!(told.contains("a password"), "{told}");
    let wrong = connect(&ann_there, &with_password(&sshd, "wrong")).expect_err("it is wrong").to_string();
    assert!(wrong.contains("in with the password; it accepts keyboard-interactive"), "{wrong}");
    // A password that must be changed first: the new one is not labkit's to give.
    let expired = Command::new("chage").args(["-d", "0", &ann.name]).status();
    assert!(expired.expect("chage runs").success());
    let old = connect(&ann_there, &with_password(&sshd, PASSWORD)).expect_err("it is expired").to_string();
    assert!(old.contains("in with the password (it also asks"), "{old}");
    let hash = std::fs::read_to_string("/etc/shadow").expect("root reads it");
    assert!(hash.lines().any(|l| l.starts_with(&format!("{}:$", ann.name)) && l.contains(":0:")), "it was changed");
}

#[test]
fn a_machine_that_hangs_up_after_too_many_keys_still_takes_the_password() {
    if !there() {
        return;
    }
    let (_keep, folder) = live_parts::folder();
    let ann = Somebody::new(&folder, "/bin/sh", PASSWORD);
    let sshd = live_parts::sshd_with(&folder, "PasswordAuthentication yes\nMaxAuthTries 2");
    let mut there = machine(&ann.name, sshd.port);
    for i in 0..4 {
        let key = folder.join(format!("key{i}"));
        let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key).status();
        assert!(made.expect("ssh-keygen runs").success());
        there.identities.push(key);
    }
    let asked = Arc::new(Mutex::new(Vec::new()));
    let words = Arc::clone(&asked);
    let answer = move |word: &Word, refused: Option<Refused>| {
        words.lock().expect("no panic").push(word.clone());
        Some(Password(if refused.is_none() { "wrong" } else { PASSWORD }.to_owned()))
    };
    let sign_in = SignIn { ask: Some(Arc::new(answer)), ..known(&sshd) };
    let told = how(&there, &sign_in).expect("the password is right");
    assert!(told.contains("a password"), "{told}");
    let word = Word::Password { user: ann.name.clone(), host: "127.0.0.1".to_owned() };
    assert_eq!(*asked.lock().expect("no panic"), [word.clone(), word]);
}

/// A load and what else is asked of a machine, by somebody with a shell of some kind.
fn works(ann: &Somebody, sshd: &Sshd) {
    let ssh = connect(&machine(&ann.name, sshd.port), &with_password(sshd, PASSWORD)).expect("the password is right");
    let facts = ssh.facts("9").expect("an answer");
    assert!(facts.cores > 0 && facts.clock > 0 && facts.rights != "root", "{facts:?}");
    assert_eq!(facts.system, ssh.run("(. /etc/os-release; echo $PRETTY_NAME)").expect("an answer").trim());
    let load = ssh.load(1, 60.0, true).expect("a load");
    assert!(ssh.pulse(Some(&load)).expect("a look").loaded);
    ssh.stop(&load).expect("an answer");
    live_parts::wait_for("the load to end", 10, || !ssh.pulse(Some(&load)).expect("a look").loaded);
}

#[test]
fn shells_of_all_kinds_run_the_commands_whatever_they_say_first() {
    let shells = ["/usr/bin/fish", "/usr/bin/tcsh", "/bin/bash"];
    if !there() || !live_parts::installed(&shells) {
        return;
    }
    let (_keep, folder) = live_parts::folder();
    let banner = folder.join("banner");
    std::fs::write(&banner, "Authorized people only!\n").expect("written");
    let sshd = live_parts::sshd_with(&folder, &format!("PasswordAuthentication yes\nBanner {}", banner.display()));
    let said = "echo 'Welcome back! cpu  1 2 3'\n";
    for (shell, file) in shells.into_iter().zip([".config/fish/config.fish", ".tcshrc", ".bashrc"]) {
        let ann = Somebody::new(&folder, shell, PASSWORD);
        let file = ann.home.join(file);
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("made");
        std::fs::write(&file, said).expect("written");
        works(&ann, &sshd);
    }
    let ann = Somebody::new(&folder, "/usr/sbin/nologin", PASSWORD);
    let ssh = connect(&machine(&ann.name, sshd.port), &with_password(&sshd, PASSWORD)).expect("the password is right");
    let Err(NoMachine::NoShell(why)) = ssh.facts("9") else { panic!("nobody runs commands there") };
    assert!(why.contains("This account is currently not available."), "{why}");
}

/// A way to a port on which everything takes its time.
fn slow(to: u16) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    let crawl = |mut from: TcpStream, mut to: TcpStream| {
        let mut part = [0; 8192];
        while let Ok(n @ 1..) = from.read(&mut part) {
            std::thread::sleep(Duration::from_millis(150));
            if to.write_all(&part[..n]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(std::net::Shutdown::Both);
    };
    std::thread::spawn(move || {
        for near in listener.incoming().flatten() {
            let far = TcpStream::connect(("127.0.0.1", to)).expect("it listens");
            let (near2, far2) = (near.try_clone().expect("a stream"), far.try_clone().expect("a stream"));
            std::thread::spawn(move || crawl(near, far));
            std::thread::spawn(move || crawl(far2, near2));
        }
    });
    port
}

#[test]
fn a_slow_machine_is_waited_for_and_a_wrong_kind_of_encryption_is_told() {
    if !there() {
        return;
    }
    let (_keep, folder) = live_parts::folder();
    let sshd = live_parts::sshd(&folder);
    let port = slow(sshd.port);
    let known_hosts = std::fs::read_to_string(&sshd.known_hosts).expect("a file");
    std::fs::write(&sshd.known_hosts, known_hosts.replace(&sshd.port.to_string(), &port.to_string())).expect("written");
    let mut there = machine(&live_parts::user(), port);
    there.identities.push(sshd.identity.clone());
    let ssh = connect(&there, &known(&sshd)).expect("the key is right");
    assert!(ssh.facts("9").expect("an answer").cores > 0);

    let (_keep, folder) = live_parts::folder();
    let strange = live_parts::sshd_with(&folder, "KexAlgorithms sntrup761x25519-sha512@openssh.com");
    let told = connect(&machine("ann", strange.port), &known(&strange)).expect_err("no way in common");
    assert!(told.to_string().contains("no encryption in common with 127.0.0.1"), "{told}");
}
