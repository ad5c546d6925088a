//! Signing in to the machine: every way that fails has words of its own, and says what to do. No load is made.

#![cfg(unix)]

mod live_parts;

use std::path::Path;
use std::process::Command;

use live_parts::{Sshd, of};
use serde_json::Value;

const REAL: [&str; 4] = ["/usr/sbin/sshd", "/usr/bin/ssh-keygen", "/usr/bin/ssh-agent", "/usr/bin/ssh-add"];

/// Reason and hint of the criterion that signs in first.
fn told(home: &Path, args: &[String], agent: Option<&Path>) -> String {
    let mut command = live_parts::labkit_check(home, &home.join("reports"));
    command.arg("--only=cpu-100").arg(format!("--prometheus=http://127.0.0.1:{}", live_parts::free_port())).args(args);
    if let Some(socket) = agent {
        command.env("SSH_AUTH_SOCK", socket);
    }
    let output = command.output().expect("labkit ends");
    let result: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&output.stderr)));
    let found = result["criteria"].as_array().expect("criteria").iter().find(|c| c["id"] == "cpu-100").expect("it");
    assert_eq!(found["verdict"], "error", "{}", of(&result, "cpu-100").1);
    format!("{}; {}", found["reason"].as_str().unwrap_or_default(), found["hint"].as_str().unwrap_or_default())
}

/// A machine that has a few tools and neither stress-ng nor sudo; whoever signs in is nobody special.
fn poor(folder: &Path) -> Sshd {
    let tools = folder.join("tools");
    std::fs::create_dir_all(&tools).expect("made");
    for tool in ["sh", "nproc", "grep", "date"] {
        let found = ["/usr/bin", "/bin"].iter().map(|f| Path::new(f).join(tool)).find(|p| p.exists()).expect("a tool");
        std::os::unix::fs::symlink(found, tools.join(tool)).expect("linked");
    }
    let id = tools.join("id");
    std::fs::write(&id, "#!/bin/sh\necho 1000\n").expect("written");
    std::fs::set_permissions(&id, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("set");
    live_parts::sshd_with(folder, &format!("PasswordAuthentication no\nSetEnv PATH={}", tools.display()))
}

#[test]
fn an_alias_of_the_configuration_signs_in_and_missing_programs_are_told() {
    if !live_parts::installed(&REAL) {
        return;
    }
    let (_keep, folder) = live_parts::folder();
    let sshd = poor(&folder);
    let home = live_parts::home(&folder, &sshd);
    let vm = ["--vm=vm".to_owned()];
    let missing = told(&home, &vm, None);
    assert!(missing.contains("observed no stress-ng on vm"), "{missing}");
    assert!(missing.contains("install it as root") && missing.contains("has no sudo there"), "{missing}");

    // The same through an agent, with no key in a file.
    let (socket, config) = (folder.join("agent"), home.join(".ssh/config"));
    let agent = Command::new("ssh-agent").arg("-D").arg("-a").arg(&socket).stdout(std::process::Stdio::null()).spawn();
    let _agent = live_parts::Running(agent.expect("ssh-agent starts"));
    live_parts::wait_for("the agent", 20, || socket.exists());
    let added = Command::new("ssh-add").env("SSH_AUTH_SOCK", &socket).arg(&sshd.identity).output().expect("it runs");
    assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
    let text = std::fs::read_to_string(&config).expect("a file");
    let without: String = text.lines().filter(|l| !l.contains("IdentityFile")).map(|l| format!("{l}\n")).collect();
    std::fs::write(&config, &without).expect("written");
    let nothing = told(&home, &vm, None);
    assert!(nothing.contains("with nothing to sign in with; it accepts publickey"), "{nothing}");
    assert!(told(&home, &vm, Some(&socket)).contains("observed no stress-ng on vm"));

    // A key that nobody can read without its passphrase.
    let locked = folder.join("locked");
    let made =
        Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "long enough", "-f"]).arg(&locked).status();
    assert!(made.expect("ssh-keygen runs").success());
    let told_locked = told(&home, &[vm[0].clone(), format!("--identity={}", locked.display())], None);
    assert!(told_locked.contains("without a passphrase: ssh-add it"), "{told_locked}");

    std::fs::write(&config, without + "  ProxyJump gate\n").expect("written");
    let jump = told(&home, &vm, None);
    assert!(jump.contains("over gate in ~/.ssh/config, which labkit does not take"), "{jump}");
}

#[test]
fn a_wrong_password_and_something_that_is_no_sshd_are_told() {
    if !live_parts::installed(&REAL) {
        return;
    }
    let (_keep, folder) = live_parts::folder();
    let sshd = live_parts::sshd_with(&folder, "PasswordAuthentication yes\nPubkeyAuthentication no");
    let home = live_parts::home(&folder, &sshd);
    let password = folder.join("password");
    std::fs::write(&password, "certainly wrong\n").expect("written");
    let wrong = told(&home, &["--vm=vm".to_owned(), format!("--vm-password-file={}", password.display())], None);
    assert!(
        wrong.contains("not letting")
            && wrong.contains("in with the password")
            && wrong.contains("it accepts password"),
        "{wrong}"
    );
    // There is no terminal to ask on.
    let asked = told(&home, &["--vm=vm".to_owned()], None);
    assert!(asked.contains("with nothing to sign in with"), "{asked}");

    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        use std::io::Write as _;
        for stream in listener.incoming().flatten() {
            let _ = (&stream).write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    let http = told(&home, &[format!("--vm=127.0.0.1:{port}")], None);
    assert!(
        http.contains(&format!("no SSH at 127.0.0.1:{port}")) && http.contains("start the machine and its sshd"),
        "{http}"
    );
}
