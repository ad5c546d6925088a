//! Being asked to stop.

use std::io;

/// Who asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Somebody at the keyboard, with Ctrl-C.
    Interrupt,
    /// Another program.
    Terminate,
}

/// Waits until the process is asked to stop.
///
/// # Errors
/// The system does not let the process listen for signals.
pub fn wait_for_signal() -> io::Result<Signal> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let terminated = async {
            #[cfg(unix)]
            {
                let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
                terminate.recv().await;
            }
            #[cfg(not(unix))]
            std::future::pending::<()>().await;
            Ok(Signal::Terminate)
        };
        tokio::select! {
            result = tokio::signal::ctrl_c() => result.map(|()| Signal::Interrupt),
            signal = terminated => signal,
        }
    })
}
