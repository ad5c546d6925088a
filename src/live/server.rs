//! A small HTTP server on a thread of its own, that stops when it is told to or dropped.

use std::io;
use std::net::SocketAddr;
use std::thread::JoinHandle;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::line::Incoming;
pub(super) use super::line::Line;

/// How long a stop waits for requests that are under way.
const STOP_WITHIN: Duration = Duration::from_secs(2);

/// A server that is running.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl Server {
    /// Serves `app` on `address` (port 0: any free one) until it is stopped.
    ///
    /// # Errors
    /// The address is taken or cannot be listened on.
    pub fn start(name: &str, address: SocketAddr, app: Router) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || runtime.block_on(serve(listener, app, stopped)))?;
        Ok(Self { address, stop: Some(stop), thread: Some(thread) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops, and waits until requests under way are answered.
    ///
    /// # Errors
    /// The server had failed.
    pub fn stop(mut self) -> io::Result<()> {
        self.end()
    }

    fn end(&mut self) -> io::Result<()> {
        if let Some(stop) = self.stop.take() {
            // An error means that the thread has ended by itself.
            let _ = stop.send(());
        }
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(result)) => result,
            Some(Err(_)) => Err(io::Error::other("the server's thread panicked")),
            None => Ok(()),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.end();
    }
}

async fn serve(listener: std::net::TcpListener, app: Router, stopped: oneshot::Receiver<()>) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    let (quit, quitting) = oneshot::channel::<()>();
    let app = app.into_make_service_with_connect_info::<Line>();
    let server = axum::serve(Incoming(listener), app).with_graceful_shutdown(async {
        let _ = quitting.await;
    });
    let stop = async {
        // A dropped sender stops as well.
        let _ = stopped.await;
        let _ = quit.send(());
        tokio::time::sleep(STOP_WITHIN).await;
    };
    tokio::select! {
        result = async { server.await } => result,
        () = stop => Ok(()),
    }
}
