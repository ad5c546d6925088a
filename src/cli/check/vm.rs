//! The machine that is put under load, from the arguments and `~/.ssh/config`.

use std::path::PathBuf;

use indicatif::ProgressBar;

use super::{CheckArgs, ask, secret};
use crate::check::live_world::Vm;
use crate::check::probe::sign_in::{self, Password, SignIn};
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
    let (known_hosts, keys) = sign_in::usual_files(&home);
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
    let sign_in = SignIn { known_hosts, password, ask: Some(ask::on_terminal(line)) };
    Ok(Vm { machine, sign_in, builtin_load: args.builtin_load })
}
