//! A progress line on stderr for work that takes longer than half a second.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

use indicatif::ProgressBar;

/// Shows a line while it lives, from half a second on; on a terminal only.
pub struct Progress {
    done: Option<Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Progress {
    /// Begins to wait; `quiet` never shows anything.
    pub fn start(what: &str, quiet: bool) -> Self {
        if quiet {
            return Self { done: None, thread: None };
        }
        let (done, wait) = channel();
        let what = what.to_owned();
        let thread = std::thread::spawn(move || {
            if wait.recv_timeout(Duration::from_millis(500)) == Err(RecvTimeoutError::Timeout) {
                let line = ProgressBar::new_spinner().with_message(what);
                line.enable_steady_tick(Duration::from_millis(100));
                let _ = wait.recv();
                line.finish_and_clear();
            }
        });
        Self { done: Some(done), thread: Some(thread) }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        drop(self.done.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
