//! A user of this machine who is there for a test.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// Somebody with a home, a shell and a password; gone with the test.
pub struct Somebody {
    /// The name.
    pub name: String,
    /// The folder.
    pub home: PathBuf,
}

impl Somebody {
    /// A new user below a folder. Needs root.
    pub fn new(folder: &Path, shell: &str, password: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::SeqCst);
        let name = format!("lab{}-{number}", std::process::id());
        let home = folder.join(&name);
        // A test's folder is nobody else's to look into.
        std::fs::set_permissions(folder, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("set");
        run(Command::new("useradd").args(["--create-home", "--shell", shell, "--home-dir"]).arg(&home).arg(&name), "");
        let somebody = Self { name, home };
        run(&mut Command::new("chpasswd"), &format!("{}:{password}\n", somebody.name));
        somebody
    }
}

fn run(command: &mut Command, input: &str) {
    let mut child = command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    child.stdin.take().expect("a pipe").write_all(input.as_bytes()).expect("written");
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

impl Drop for Somebody {
    fn drop(&mut self) {
        let _ = Command::new("userdel").args(["--force", "--remove", &self.name]).output();
    }
}

/// Whether users can be made here; says so loudly when not, and fails when they must be.
#[allow(clippy::print_stderr, reason = "a test that is skipped says so loudly")]
pub fn can_be_made() -> bool {
    let id = Command::new("id").arg("-u").output().expect("id runs");
    let root = String::from_utf8_lossy(&id.stdout).trim() == "0";
    assert!(root || std::env::var_os("LABKIT_REQUIRE").is_none(), "users are made by root alone");
    if !root {
        eprintln!("SKIPPED: users are made by root alone");
    }
    root
}
