//! `labkit discord`: the stand-in for Discord alone, for a real Alertmanager to talk to.

use std::io::Write as _;
use std::sync::mpsc;

use super::args::DiscordArgs;
use super::exit::Exit;
use crate::discord::markdown;
use crate::live::discord::{Options, Received, Receiver};
use crate::live::{Signal, wait_for_signal};

/// Runs the command until the process is asked to stop.
#[allow(clippy::print_stderr)]
pub fn run(args: &DiscordArgs) -> Exit {
    let (tell, told) = mpsc::channel();
    let options = Options {
        webhooks: args.tokens.clone(),
        rate_limits: !args.no_rate_limits,
        fail: args.fail.clone().unwrap_or_default(),
        record: args.record.clone(),
        tell: Some(tell),
    };
    let receiver = match Receiver::start(args.listen, options) {
        Ok(receiver) => receiver,
        Err(e) => {
            let record = args.record.as_ref().map_or(String::new(), |r| format!(" with the record {}", r.display()));
            eprintln!("labkit: cannot listen on {}{record}: {e}", args.listen);
            return Exit::Usage;
        }
    };
    let address = receiver.address();
    let (id, token) = match args.tokens.first() {
        Some((id, _)) => (id.to_string(), "…".to_owned()),
        None => ("1".to_owned(), "lab".to_owned()),
    };
    eprintln!("messages are shown at http://{address}/");
    eprintln!("set webhook_url to http://{address}/api/webhooks/{id}/{token}");
    let json = args.json;
    let printer = std::thread::spawn(move || {
        for received in told {
            let line = if json { received.to_json().to_string() } else { text(&received) };
            let mut out = std::io::stdout().lock();
            // A reader that has gone away does not stop the receiver.
            let _ = writeln!(out, "{line}").and_then(|()| out.flush());
        }
    });
    let signal = wait_for_signal();
    let stopped = receiver.stop();
    let _ = printer.join();
    match (signal, stopped) {
        (Ok(Signal::Interrupt), Ok(())) => Exit::Interrupted,
        (Ok(Signal::Terminate), Ok(())) => Exit::Ok,
        (Err(e), _) | (_, Err(e)) => {
            eprintln!("labkit: the receiver stopped: {e}");
            Exit::Error
        }
    }
}

/// One line about a request, safe for a terminal.
fn text(received: &Received) -> String {
    let status = received.status.map_or_else(|| "no answer".to_owned(), |s| s.to_string());
    let shown = received.shown();
    let time = shown.as_ref().map_or_else(String::new, |s| format!("{} ", s.clock()));
    let headline = shown.as_ref().map_or_else(|| "not a message".to_owned(), |s| markdown::one_line(s.headline()));
    let note = received.note.map_or_else(String::new, |n| format!(" ({n})"));
    format!("{time}{status} {headline}{note}")
}
