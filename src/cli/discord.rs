//! `labkit discord`: the stand-in for Discord alone, for a real Alertmanager to talk to.

use std::io::Write as _;
use std::sync::mpsc;

use super::args::DiscordArgs;
use super::exit::Exit;
use super::print;
use crate::discord::markdown;
use crate::live::discord::{self, ForwardUrl, Listed, Options, Received, Receiver};
use crate::live::{Signal, wait_for_signal};

/// Runs the command until the process is asked to stop.
#[allow(clippy::print_stderr)]
pub fn run(args: &DiscordArgs) -> Exit {
    let (tell, told) = mpsc::channel();
    let (webhooks, forward) = match (webhooks(args), forward(args)) {
        (Ok(webhooks), Ok(forward)) => (webhooks, forward),
        (Err(e), _) | (_, Err(e)) => return print::usage(&e),
    };
    let options = Options {
        webhooks: webhooks.clone(),
        rate_limits: !args.no_rate_limits,
        fail: args.fail.clone().unwrap_or_default(),
        record: args.record.clone(),
        forward,
        tell: Some(tell),
    };
    let receiver = match Receiver::start(args.listen, options) {
        Ok(receiver) => receiver,
        Err(e) if e.kind() == std::io::ErrorKind::AddrInUse => {
            return print::usage(&format!("{e}; choose another address with --listen"));
        }
        Err(e) => return print::usage(&e.to_string()),
    };
    let address = receiver.address();
    eprintln!("messages are shown at http://{address}/");
    if webhooks.is_empty() {
        eprintln!("set webhook_url to http://{address}/api/webhooks/1/lab");
    }
    for Listed { id, owner, .. } in &webhooks {
        // The token is the student's secret.
        let of = owner.as_ref().map_or_else(String::new, |o| format!(" of {}", markdown::one_line(o)));
        eprintln!("set webhook_url{of} to http://{address}/api/webhooks/{id}/…");
    }
    let json = args.json;
    let printer = std::thread::spawn(move || {
        let (mut messages, mut taken, mut passed_on) = (0u64, 0u64, 0u64);
        for received in told {
            match &received.forwarded {
                Some(forwarded) => passed_on += u64::from(matches!(forwarded.status, Some(200..=299))),
                None => {
                    messages += 1;
                    taken += u64::from(received.is_taken());
                }
            }
            let line = if json { received.to_json().to_string() } else { text(&received) };
            let mut out = std::io::stdout().lock();
            // A reader that has gone away does not stop the receiver.
            let _ = writeln!(out, "{line}").and_then(|()| out.flush());
        }
        (messages, taken, passed_on)
    });
    let signal = wait_for_signal();
    let passes_on = args.forward_url_file.is_some();
    if passes_on && signal.is_ok() {
        eprintln!("stopping as soon as what waits is passed on");
    }
    let stopped = receiver.stop();
    if let Ok((messages, taken, passed_on)) = printer.join() {
        let passed_on = if passes_on { format!(", {passed_on} passed on") } else { String::new() };
        eprintln!("{messages} messages, {taken} taken{passed_on}");
    }
    match (signal, stopped) {
        (Ok(Signal::Interrupt), Ok(())) => Exit::Interrupted,
        (Ok(Signal::Terminate), Ok(())) => Exit::Ok,
        (Err(e), _) | (_, Err(e)) => {
            eprintln!("labkit: the receiver stopped: {e}");
            Exit::Error
        }
    }
}

fn webhooks(args: &DiscordArgs) -> Result<Vec<Listed>, String> {
    let mut all = args.tokens.clone();
    if let Some(file) = &args.token_file {
        let text = std::fs::read_to_string(file).map_err(|e| format!("cannot read {}: {e}", file.display()))?;
        let from_file = discord::tokens(&text).map_err(|e| format!("{}: {e}", file.display()))?;
        if from_file.is_empty() {
            return Err(format!("{}: observed no webhook, wanted one a line", file.display()));
        }
        all.extend(from_file);
    }
    discord::list(all)
}

fn forward(args: &DiscordArgs) -> Result<Option<ForwardUrl>, String> {
    let Some(file) = &args.forward_url_file else { return Ok(None) };
    ForwardUrl::read(file).map(Some).map_err(|e| format!("cannot read the address in {}: {e}", file.display()))
}

/// One line about a request, safe for a terminal.
fn text(received: &Received) -> String {
    let status = received.status.map_or_else(|| "no answer".to_owned(), |s| s.to_string());
    let shown = received.shown();
    let time = shown.as_ref().map_or_else(String::new, |s| format!("{} ", s.clock()));
    let headline = shown.as_ref().map_or_else(|| "not a message".to_owned(), |s| markdown::one_line(s.headline()));
    let note = received.note.map_or_else(String::new, |n| format!(" ({n})"));
    let owner = received.owner.as_ref().map_or_else(String::new, |o| format!("{}: ", markdown::one_line(o)));
    let forwarded = received.forwarded.as_ref().map_or_else(String::new, |f| match (f.status, &f.error) {
        (Some(status), _) => format!(" (passed on: {status})"),
        (None, Some(error)) => format!(" (not passed on: {})", markdown::one_line(error)),
        (None, None) => String::new(),
    });
    format!("{time}{owner}{status} {headline}{note}{forwarded}")
}
