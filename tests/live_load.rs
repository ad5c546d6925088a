//! The load on the machine, whatever happens to labkit, to the connection and to stress-ng: it never remains.

#![cfg(unix)]

mod live_parts;

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use labkit::check::probe::sign_in::SignIn;
use labkit::check::probe::ssh::Ssh;
use labkit::check::probe::ssh_config;
use labkit::check::probe::tape::Tape;
use live_parts::load::{loops, loops_anywhere};
use live_parts::{Sshd, children, of, signal, wait_for};
use serde_json::Value;

const REAL: [&str; 4] = ["/usr/bin/prometheus", "/usr/sbin/sshd", "/usr/bin/ssh-keygen", "/usr/bin/stress-ng"];

/// The load is made on this machine: one test at a time.
static MACHINE: Mutex<()> = Mutex::new(());

/// How many processes of stress-ng run below a process.
fn workers(below: u32) -> usize {
    let own = |id: &u32| {
        let name = std::fs::read_to_string(format!("/proc/{id}/comm")).unwrap_or_default();
        usize::from(name.starts_with("stress-ng"))
    };
    children(below).iter().map(|id| own(id) + workers(*id)).sum()
}

fn runs(id: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    !stat.is_empty() && !stat.contains(") Z ")
}

/// Everything below a process.
fn below(id: u32) -> Vec<u32> {
    children(id).into_iter().flat_map(|child| std::iter::once(child).chain(below(child))).collect()
}

struct Stack {
    _keep: tempfile::TempDir,
    folder: PathBuf,
    home: PathBuf,
    sshd: Sshd,
    prometheus: (live_parts::Running, u16),
}

fn stack(more: &str) -> Stack {
    let (keep, folder) = live_parts::folder();
    let sshd = live_parts::sshd_with(&folder, &format!("{more}\nPasswordAuthentication no"));
    let home = live_parts::home(&folder, &sshd);
    let prometheus = live_parts::prometheus(&folder, "global: {scrape_interval: 1s}\n", "groups: []\n");
    Stack { _keep: keep, folder, home, sshd, prometheus }
}

impl Stack {
    fn check(&self, more: &[&str]) -> Child {
        let mut command = live_parts::labkit_check(&self.home, &self.folder.join("reports"));
        command.args(["--only=cpu-100", "--vm=vm"]).args(more);
        command.arg(format!("--prometheus=http://127.0.0.1:{}", self.prometheus.1));
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("labkit starts")
    }

    fn id(&self) -> u32 {
        self.sshd.running.0.id()
    }
}

fn result(child: Child) -> (Value, String) {
    let output = child.wait_with_output().expect("labkit ends");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {said}")), said)
}

fn hint(result: &Value) -> String {
    let criteria = result["criteria"].as_array().expect("criteria");
    let found = criteria.iter().find(|c| c["id"] == "cpu-100").expect("cpu-100");
    found["hint"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn a_labkit_that_is_killed_leaves_no_load_behind() {
    if !live_parts::installed(&REAL) {
        return;
    }
    let _alone = MACHINE.lock();
    let stack = stack("");
    for builtin in [false, true] {
        let more: &[&str] = if builtin { &["--builtin-load"] } else { &[] };
        let mut child = stack.check(&[&["--set=stress.short=5m"], more].concat());
        wait_for("the load", 60, || if builtin { loops(stack.id()) } else { workers(stack.id()) } > 0);
        let load = below(stack.id());
        signal("KILL", child.id());
        child.wait().expect("it is dead");
        wait_for("the load to end", 20, || !load.iter().any(|id| runs(*id)));
    }
}

/// A way to a port on which nothing comes through any more once it is told so; nobody hangs up.
fn way(to: u16, closed: &Arc<AtomicBool>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    let closed = Arc::clone(closed);
    std::thread::spawn(move || {
        for near in listener.incoming().flatten() {
            let far = TcpStream::connect(("127.0.0.1", to)).expect("it listens");
            let both = [(near.try_clone(), far.try_clone()), (far.try_clone(), near.try_clone())];
            for (from, to) in both {
                let (mut from, mut to) = (from.expect("a stream"), to.expect("a stream"));
                let closed = Arc::clone(&closed);
                std::thread::spawn(move || {
                    let mut part = [0; 8192];
                    while let Ok(n @ 1..) = from.read(&mut part) {
                        while closed.load(Ordering::SeqCst) {
                            std::thread::sleep(Duration::from_millis(100));
                        }
                        if to.write_all(&part[..n]).is_err() {
                            return;
                        }
                    }
                });
            }
        }
    });
    port
}

#[test]
fn a_load_whose_connection_hangs_ends_by_its_own_timeout() {
    if !live_parts::installed(&REAL) {
        return;
    }
    let _alone = MACHINE.lock();
    let (_keep, folder) = live_parts::folder();
    let sshd = live_parts::sshd(&folder);
    for builtin in [false, true] {
        let closed = Arc::new(AtomicBool::new(false));
        let port = way(sshd.port, &closed);
        let known = std::fs::read_to_string(&sshd.known_hosts).expect("a file");
        let known_hosts = folder.join(format!("known{port}"));
        std::fs::write(&known_hosts, known.replace(&sshd.port.to_string(), &port.to_string())).expect("written");
        let text = format!("{}@127.0.0.1:{port}", live_parts::user());
        let mut machine = ssh_config::machine(&text).expect("a machine");
        machine.identities.push(sshd.identity.clone());
        let sign_in = SignIn { known_hosts: vec![known_hosts], ..SignIn::default() };
        let ssh = Ssh::connect(&machine, &sign_in, &Tape::default()).expect("the key is right");
        let _load = ssh.load(1, 4.0, builtin).expect("a load");
        closed.store(true, Ordering::SeqCst);
        let id = sshd.running.0.id();
        let made = || loops(id) + workers(id);
        assert!(made() > 0);
        wait_for("the load to end", 20, || made() == 0);
        // Hanging up would wait for an answer.
        closed.store(false, Ordering::SeqCst);
    }
}

/// A program in a folder of its own, before all others in the machine's PATH.
fn in_path(folder: &Path, name: &str, script: &str) -> String {
    let file = folder.join(name);
    std::fs::write(&file, script).expect("written");
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("set");
    format!("SetEnv PATH={}:/usr/bin:/bin", folder.display())
}

#[test]
fn a_stress_ng_that_dies_half_way_is_told_with_what_to_do() {
    if !live_parts::installed(&REAL) {
        return;
    }
    let _alone = MACHINE.lock();
    let (_keep, tools) = live_parts::folder();
    // As on processors that lack what it was built for.
    let stack = stack(&in_path(&tools, "stress-ng", "#!/bin/sh\nsleep 3\nkill -ILL $$\n"));
    let (result, said) = result(stack.check(&["--set=stress.short=1m"]));
    let (verdict, reason) = of(&result, "cpu-100");
    assert_eq!(verdict, "inconclusive", "{reason} {said}");
    assert!(reason.contains("stress-ng ended by itself") && reason.contains("wanted 60 s of load"), "{reason}");
    let hint = hint(&result);
    assert!(hint.starts_with("try the load by hand") && hint.contains("use --builtin-load where it dies"), "{hint}");
    assert!(hint.ends_with("then run again with --resume: what was seen is not repeated"), "{hint}");
}

#[test]
fn a_connection_that_is_lost_at_rest_is_made_again() {
    if !live_parts::installed(&REAL) {
        return;
    }
    let _alone = MACHINE.lock();
    let stack = stack("");
    let child = stack.check(&["--builtin-load", "--set=stress.short=2s,stress.rest=12s,stress.long=10s"]);
    wait_for("the short load", 60, || loops(stack.id()) > 0);
    wait_for("its end", 30, || loops(stack.id()) == 0);
    children(stack.id()).iter().for_each(|id| signal("KILL", *id));
    let (result, said) = result(child);
    let (verdict, reason) = of(&result, "cpu-100");
    assert_eq!(verdict, "pass", "{reason} {said}");
    let criteria = result["criteria"].to_string();
    assert!(
        criteria.contains("the connection to the machine was lost at") && criteria.contains("made again"),
        "{said}"
    );
    wait_for("the load to end", 20, || loops_anywhere() == 0);
}
