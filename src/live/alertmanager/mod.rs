//! The embedded Alertmanager in real time: its API on a socket, its notifications over HTTP.
//!
//! The machine is [`crate::alertmanager`]'s; this file adds the clock, the socket and the threads that post.

mod deliver;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::{Request as HttpRequest, Response as HttpResponse, StatusCode, header};

use super::mock::now;
use super::server::Server;
use crate::alertmanager::api::{ApiRequest, ApiResponse, ServerFacts};
use crate::alertmanager::{Alertmanager, Input, Output};
use crate::engine::AlertmanagerSetup;
use deliver::Deliverer;

/// The largest body that is read, in bytes.
const MAX_BODY: usize = 32 * 1024 * 1024;
/// How long the driver sleeps at most: a clock that is set back must not stop it for longer.
const MAX_SLEEP: Duration = Duration::from_secs(1);

/// What runs, and where its messages go.
#[derive(Clone, Debug)]
pub struct Options {
    /// The configuration and what belongs to it.
    pub setup: AlertmanagerSetup,
    /// The configuration's text with its secrets masked, for the status.
    pub config_text: String,
    /// Who stands in for Discord: messages for Discord go there and not out into the world.
    pub discord: Option<SocketAddr>,
}

/// An Alertmanager that is running. It stops when it is dropped.
#[derive(Debug)]
pub struct Running {
    shared: Arc<Shared>,
    server: Option<Server>,
    driver: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    inner: Mutex<Inner>,
    /// Something happened that may bring the next wake-up forward.
    changed: Condvar,
    facts: ServerFacts,
}

#[derive(Debug)]
struct Inner {
    machine: Alertmanager,
    stopping: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic in one request leaves data that are still whole.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Running {
    /// Starts with empty storage and listens on `address` (port 0: any free one).
    ///
    /// # Errors
    /// The address is taken or cannot be listened on.
    pub fn start(address: SocketAddr, options: Options) -> io::Result<Self> {
        let Options { setup, config_text, discord } = options;
        let machine = Alertmanager::new(setup.config.clone(), setup.version, setup.options.clone(), now());
        let shared = Arc::new(Shared {
            inner: Mutex::new(Inner { machine, stopping: false }),
            changed: Condvar::new(),
            facts: ServerFacts { config_text },
        });
        let deliverer = Deliverer::new(setup, discord)?;
        let app = Router::new().fallback(answer).with_state(Arc::clone(&shared));
        let server = Server::start("alertmanager", address, app)?;
        let state = Arc::clone(&shared);
        let driver =
            std::thread::Builder::new().name("notifications".to_owned()).spawn(move || drive(&state, &deliverer))?;
        Ok(Self { shared, server: Some(server), driver: Some(driver) })
    }

    /// Where it listens.
    pub fn address(&self) -> Option<SocketAddr> {
        self.server.as_ref().map(Server::address)
    }

    /// Stops, and waits until requests under way are answered.
    ///
    /// # Errors
    /// The server had failed.
    pub fn stop(mut self) -> io::Result<()> {
        self.end()
    }

    fn end(&mut self) -> io::Result<()> {
        self.shared.lock().stopping = true;
        self.shared.changed.notify_all();
        if let Some(driver) = self.driver.take() {
            let _ = driver.join();
        }
        self.server.take().map_or(Ok(()), Server::stop)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.end();
    }
}

/// Does what is due when it is due, until it is told to stop.
fn drive(shared: &Arc<Shared>, deliverer: &Deliverer) {
    let mut inner = shared.lock();
    while !inner.stopping {
        let at = now();
        for output in inner.machine.poll(at) {
            let Output::Deliver(delivery) = output else { continue };
            let state = Arc::clone(shared);
            let done = move |id, outcome| {
                state.lock().machine.handle(now(), Input::Delivered { id, outcome });
                state.changed.notify_all();
            };
            deliverer.start(delivery, at, done);
        }
        let until = inner.machine.next_wakeup().map_or(MAX_SLEEP, |next| {
            let nanos = u64::try_from(next.since(now())).unwrap_or(0);
            Duration::from_nanos(nanos).min(MAX_SLEEP)
        });
        if !until.is_zero() {
            inner = shared.changed.wait_timeout(inner, until).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

async fn answer(State(state): State<Arc<Shared>>, request: HttpRequest<Body>) -> HttpResponse<Body> {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_BODY).await else {
        return into_http(ApiResponse::text(413, "request entity too large"), false);
    };
    let asked = ApiRequest {
        method: parts.method.as_str().to_owned(),
        path: parts.uri.path().to_owned(),
        query: decoded(parts.uri.query().unwrap_or("")),
        content_type: parts.headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).map(str::to_owned),
        body: body.to_vec(),
    };
    let answer = state.lock().machine.answer(now(), &asked, &state.facts);
    state.changed.notify_all();
    into_http(answer, parts.method == "HEAD")
}

/// The names and values of a query.
fn decoded(query: &str) -> Vec<(String, String)> {
    let url = reqwest::Url::parse(&format!("http://query/?{query}"));
    url.map(|u| u.query_pairs().into_owned().collect()).unwrap_or_default()
}

fn into_http(answer: ApiResponse, without_body: bool) -> HttpResponse<Body> {
    let mut builder = HttpResponse::builder().status(answer.status);
    if let Some(content_type) = answer.content_type {
        builder = builder.header(header::CONTENT_TYPE, content_type);
    }
    let body = if without_body { Body::empty() } else { Body::from(answer.body) };
    builder.body(body).unwrap_or_else(|_| {
        let mut response = HttpResponse::new(Body::empty());
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        response
    })
}
