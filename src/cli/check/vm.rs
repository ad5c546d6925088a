//! The machine that is put under load, from the arguments and `~/.ssh/config`.

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use indicatif::ProgressBar;

use super::{CheckArgs, secret};
use crate::check::live_world::Vm;
use crate::check::probe::ssh::{self, AskPassword, Password, SignIn};
use crate::check::probe::ssh_config::Machine;

/// The machine as the arguments and the user's own configuration tell it.
///
/// # Errors
/// A file that was named cannot be read.
pub fn vm(args: &CheckArgs, named: &Machine, line: Option<ProgressBar>) -> Result<Vm, String> {
    let mut machine = named.clone();
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    if let Some(identity) = &args.identity {
        if !identity.is_file() {
            return Err(format!("cannot read the key {}", identity.display()));
        }
        machine.identities.push(identity.clone());
    }
    let config = std::fs::read_to_string(home.join(".ssh/config")).unwrap_or_default();
    machine.fill(&config, &home);
    let (known_hosts, keys) = ssh::usual_files(&home);
    if args.identity.is_none() {
        machine.identities.extend(keys);
    }
    if machine.user.is_none() {
        machine.user = std::env::var("USER").ok();
    }
    let password = args.vm_password_file.as_deref().map(secret).transpose()?.map(Password);
    let known_hosts = match &args.known_hosts {
        Some(file) => vec![file.clone()],
        None => machine
            .known_hosts
            .iter()
            .cloned()
            .chain([known_hosts, PathBuf::from("/etc/ssh/ssh_known_hosts")])
            .collect(),
    };
    let sign_in = SignIn { known_hosts, password, ask: Some(asked_once(line)) };
    Ok(Vm { machine, sign_in, builtin_load: args.builtin_load })
}

/// Asks for a password on the terminal, once; nobody is asked where there is none.
fn asked_once(line: Option<ProgressBar>) -> AskPassword {
    let answer: OnceLock<Option<Password>> = OnceLock::new();
    Arc::new(move |user, host| {
        let ask = || {
            if !std::io::stdin().is_terminal() {
                return None;
            }
            let prompt = format!("password of {user} on {host}: ");
            let read = || rpassword::prompt_password(&prompt).ok().filter(|p| !p.is_empty()).map(Password);
            line.as_ref().map_or_else(read, |line| line.suspend(read))
        };
        answer.get_or_init(ask).clone()
    })
}
