//! Asking for passwords on the terminal.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use indicatif::ProgressBar;

use super::STOPPED;
use crate::check::probe::sign_in::{Ask, Password, Refused, Word};

/// How long it takes at most until Ctrl-C ends the wait for a word.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Asks on the terminal; nobody is asked where there is none. A word that was not refused is not asked for again.
pub fn on_terminal(line: Option<ProgressBar>) -> Ask {
    let known: Mutex<BTreeMap<Word, Option<Password>>> = Mutex::default();
    Arc::new(move |word, refused| {
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        match (known.get(word), refused) {
            (Some(answer), None) => return answer.clone(),
            (Some(None), Some(Refused)) => return None,
            _ => {}
        }
        let ask = || asked(&question(word, refused));
        let answer = line.as_ref().map_or_else(ask, |line| line.suspend(ask));
        known.insert(word.clone(), answer.clone());
        answer
    })
}

fn question(word: &Word, refused: Option<Refused>) -> String {
    let again = if refused.is_some() { "not accepted; " } else { "" };
    match word {
        Word::Password { user, host } => format!("{again}password of {user} on {host}: "),
        Word::Passphrase(key) => format!("{again}passphrase of the key {}: ", key.display()),
    }
}

/// Asks, until somebody answers or wants it to end.
fn asked(prompt: &str) -> Option<Password> {
    if !std::io::stdin().is_terminal() || STOPPED.load(Ordering::SeqCst) {
        return None;
    }
    terminal::keep();
    let (send, answer) = mpsc::channel();
    let prompt = prompt.to_owned();
    // It goes on waiting for a line when nobody waits for it any more: the process is about to end then.
    std::thread::spawn(move || send.send(rpassword::prompt_password(prompt)));
    loop {
        match answer.recv_timeout(LOOK_EVERY) {
            Ok(answer) => {
                terminal::forget();
                return answer.ok().filter(|p| !p.is_empty()).map(Password);
            }
            Err(RecvTimeoutError::Timeout) if !STOPPED.load(Ordering::SeqCst) => {}
            Err(_) => {
                restore_terminal();
                return None;
            }
        }
    }
}

/// Lets the terminal show again what is typed, where it was being asked on.
pub fn restore_terminal() {
    terminal::restore();
}

#[cfg(unix)]
mod terminal {
    use std::fs::File;
    use std::sync::{Mutex, MutexGuard, PoisonError};

    use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};

    /// The terminal, as it was before somebody was asked on it.
    static BEFORE: Mutex<Option<(File, Termios)>> = Mutex::new(None);

    fn before() -> MutexGuard<'static, Option<(File, Termios)>> {
        BEFORE.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn keep() {
        let terminal = File::options().read(true).write(true).open("/dev/tty").ok();
        *before() = terminal.and_then(|terminal| {
            let attributes = tcgetattr(&terminal).ok()?;
            Some((terminal, attributes))
        });
    }

    pub fn forget() {
        *before() = None;
    }

    pub fn restore() {
        if let Some((terminal, attributes)) = before().take() {
            // A terminal that is gone shows nothing anyway.
            let _ = tcsetattr(&terminal, OptionalActions::Now, &attributes);
        }
    }
}

#[cfg(not(unix))]
mod terminal {
    pub fn keep() {}

    pub fn forget() {}

    pub fn restore() {}
}
