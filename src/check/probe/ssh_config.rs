//! What `~/.ssh/config` says about a machine: name, user, port, key. The first value that fits wins, as in OpenSSH.

use std::path::{Path, PathBuf};

/// Where a machine is and who signs in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Machine {
    /// As it was named.
    pub alias: String,
    /// Its name or address.
    pub host: String,
    /// Who signs in.
    pub user: Option<String>,
    /// The port; 22 unless told.
    pub port: Option<u16>,
    /// Keys to try.
    pub identities: Vec<PathBuf>,
    /// Files of known host keys.
    pub known_hosts: Vec<PathBuf>,
    /// Another machine that the way leads over, which labkit does not take.
    pub jump: Option<String>,
}

/// Reads `[USER@]HOST[:PORT]`.
///
/// # Errors
/// There is no host, or the port is no number.
pub fn machine(text: &str) -> Result<Machine, String> {
    let (user, rest) = match text.rsplit_once('@') {
        Some((user, rest)) if !user.is_empty() => (Some(user.to_owned()), rest),
        Some(_) => return Err(format!("{text:?} has no user before the @")),
        None => (None, text),
    };
    let (host, port) = match rest.rsplit_once(':') {
        // Colons without brackets are an address of IPv6.
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
            let port = port.parse().map_err(|_| format!("{port:?} is no port, wanted [USER@]HOST[:PORT]"))?;
            (host, Some(port))
        }
        _ => (rest, None),
    };
    let host = host.trim_matches(['[', ']']);
    if host.is_empty() || host.starts_with('-') || host.contains(char::is_whitespace) {
        return Err(format!("{text:?} is no machine, wanted [USER@]HOST[:PORT]"));
    }
    Ok(Machine {
        alias: host.to_owned(),
        host: host.to_owned(),
        user,
        port,
        identities: Vec::new(),
        known_hosts: Vec::new(),
        jump: None,
    })
}

impl Machine {
    /// The command that signs in by hand.
    pub fn ssh(&self) -> String {
        let port = self.port.filter(|p| *p != 22).map_or_else(String::new, |p| format!("-p {p} "));
        let user = self.user.as_ref().map_or_else(String::new, |u| format!("{u}@"));
        format!("ssh {port}{user}{}", self.alias)
    }

    /// The command that asks for its host keys.
    pub fn keyscan(&self) -> String {
        let port = self.port.filter(|p| *p != 22).map_or_else(String::new, |p| format!("-p {p} "));
        format!("ssh-keyscan {port}{}", self.host)
    }

    /// Its name in a file of known hosts.
    pub fn known_as(&self) -> String {
        match self.port.filter(|p| *p != 22) {
            Some(port) => format!("'[{}]:{port}'", self.host),
            None => self.host.clone(),
        }
    }

    /// As it is named in a call: `[USER@]HOST[:PORT]`.
    pub fn text(&self) -> String {
        let user = self.user.as_ref().map_or_else(String::new, |u| format!("{u}@"));
        match self.port {
            Some(port) if self.alias.contains(':') => format!("{user}[{}]:{port}", self.alias),
            Some(port) => format!("{user}{}:{port}", self.alias),
            None => format!("{user}{}", self.alias),
        }
    }

    /// Fills in what a configuration says and the call left open.
    pub fn fill(&mut self, config: &str, home: &Path) {
        let mut applies = true;
        let mut host_name = None;
        for line in config.lines() {
            let line = line.trim();
            let Some((key, value)) = line.split_once(|c: char| c.is_whitespace() || c == '=') else { continue };
            let value = value.trim_start_matches(|c: char| c.is_whitespace() || c == '=').trim_matches('"');
            match key.to_ascii_lowercase().as_str() {
                "host" => applies = fits(value, &self.alias),
                // What a Match asks for is not worked out here.
                "match" => applies = false,
                "hostname" if applies && host_name.is_none() => host_name = Some(value.replace("%h", &self.alias)),
                "user" if applies && self.user.is_none() => self.user = Some(value.to_owned()),
                "port" if applies && self.port.is_none() => self.port = value.parse().ok(),
                "identityfile" if applies => {
                    self.identities.push(below(home, value));
                }
                "userknownhostsfile" if applies && self.known_hosts.is_empty() => {
                    let files = value.split_whitespace().filter(|f| !matches!(*f, "none" | "/dev/null"));
                    self.known_hosts = files.map(|f| below(home, f)).collect();
                }
                "proxyjump" | "proxycommand" if applies && self.jump.is_none() => self.jump = Some(value.to_owned()),
                _ => {}
            }
        }
        self.jump = self.jump.take().filter(|j| j != "none");
        if let Some(name) = host_name {
            self.host = name;
        }
    }
}

/// A path that may begin with the user's folder.
fn below(home: &Path, path: &str) -> PathBuf {
    let rest = path.strip_prefix("~/").or_else(|| path.strip_prefix("%d/"));
    rest.map_or_else(|| PathBuf::from(path), |rest| home.join(rest))
}

/// Whether one of the patterns fits and none that begins with `!` does.
fn fits(patterns: &str, alias: &str) -> bool {
    let mut any = false;
    for pattern in patterns.split_whitespace() {
        match pattern.strip_prefix('!') {
            Some(not) if glob(not.as_bytes(), alias.as_bytes()) => return false,
            Some(_) => {}
            None => any |= glob(pattern.as_bytes(), alias.as_bytes()),
        }
    }
    any
}

/// `*` and `?`, without going back more than to the last star.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(c) if *c == b'?' || *c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    p = at + 1;
                    t = from + 1;
                    star = Some((at, t));
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alias_gets_what_the_configuration_says_and_the_call_left_open() {
        let config = "Host vm\n  HostName 192.168.56.10\n  User vagrant\n  Port=2222\n  IdentityFile ~/.ssh/lab\n\
                      Host * !vm\n  User nobody\nHost v*\n  User other\n  Port 1\n";
        let mut vm = machine("vm").expect("a machine");
        vm.fill(config, Path::new("/home/ann"));
        assert_eq!((vm.host.as_str(), vm.user.as_deref(), vm.port), ("192.168.56.10", Some("vagrant"), Some(2222)));
        assert_eq!(vm.identities, [PathBuf::from("/home/ann/.ssh/lab")]);
        let mut other = machine("bob@host:22").expect("a machine");
        other.fill(config, Path::new("/home/ann"));
        assert_eq!((other.host.as_str(), other.user.as_deref(), other.port), ("host", Some("bob"), Some(22)));
    }

    #[test]
    fn a_machine_is_named_as_other_programs_take_it() {
        let all = |text: &str| machine(text).map(|m| [m.ssh(), m.keyscan(), m.known_as(), m.text()]);
        let plain = ["ssh ann@h", "ssh-keyscan h", "h", "ann@h"].map(str::to_owned);
        assert_eq!(all("ann@h"), Ok(plain));
        let forwarded = ["ssh -p 2222 h", "ssh-keyscan -p 2222 h", "'[h]:2222'", "h:2222"].map(str::to_owned);
        assert_eq!(all("h:2222"), Ok(forwarded));
        assert_eq!(machine("[::1]:22").map(|m| m.text()), Ok("[::1]:22".to_owned()));
    }

    #[test]
    fn machines_are_read_with_user_and_port() {
        assert_eq!(machine("ann@[::1]:2222").map(|m| (m.host, m.port)), Ok(("::1".to_owned(), Some(2222))));
        assert_eq!(machine("fe80::1").map(|m| (m.host, m.port)), Ok(("fe80::1".to_owned(), None)));
        assert!(
            machine("").is_err() && machine("@h").is_err() && machine("h:x").is_err() && machine("-oProxy").is_err()
        );
    }
}
