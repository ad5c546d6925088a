//! The embedded stack in real time: the machine driven by the clock, its APIs on sockets, its notifications over HTTP.
//!
//! The machine is [`crate::engine`]'s; this room adds the clock, the sockets and the threads that post. Who answers a
//! scrape is handed in.

mod alertmanager;
mod deliver;
mod front;
mod prometheus;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{Request as HttpRequest, Response as HttpResponse, StatusCode, header};

pub use front::{Front, Link, LoadControl};

use super::mock::now;
use super::server::Server;
use crate::engine::{Engine, EngineConfig, Input, Output, Phases, ScrapeOutcome};
use crate::model::Time;
use crate::promql::signature::Release;
use crate::scrape::target::Target;
use deliver::Deliverer;

/// The largest body that is read, in bytes.
const MAX_BODY: usize = 32 * 1024 * 1024;
/// How long the driver sleeps at most: a clock that is set back must not stop it for longer.
const MAX_SLEEP: Duration = Duration::from_secs(1);

/// Answers the scrape of a target, by its place in the configuration, at a moment.
pub type Scraper = Arc<dyn Fn(usize, &Target, Time) -> ScrapeOutcome + Send + Sync>;
/// Reads the files again.
pub type Reload = Arc<dyn Fn() -> Result<Loaded, String> + Send + Sync>;

/// A stack as its files say.
#[derive(Clone)]
pub struct Loaded {
    /// What runs.
    pub config: Arc<EngineConfig>,
    /// Prometheus' release.
    pub release: Release,
    /// The texts of `prometheus.yml` and `alertmanager.yml` without secrets.
    pub texts: [String; 2],
    /// Who answers scrapes.
    pub scrape: Scraper,
}

impl fmt::Debug for Loaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loaded").field("release", &self.release).finish_non_exhaustive()
    }
}

/// What runs where.
pub struct Options {
    /// The stack.
    pub loaded: Loaded,
    /// When targets are scraped and groups evaluated.
    pub phases: Phases,
    /// Where Prometheus' API listens; only asked when it runs.
    pub prometheus: SocketAddr,
    /// Where Alertmanager's API listens; only asked when it runs.
    pub alertmanager: SocketAddr,
    /// Who stands in for Discord: messages for Discord go there and not out into the world.
    pub discord: Option<SocketAddr>,
    /// How `POST /-/reload` reads the files again.
    pub reload: Option<Reload>,
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options").field("loaded", &self.loaded).finish_non_exhaustive()
    }
}

/// A stack that is running. It stops when it is dropped.
#[derive(Debug)]
pub struct Running {
    shared: Arc<Shared>,
    prometheus: Option<Server>,
    alertmanager: Option<Server>,
    front: Option<Server>,
    driver: Option<JoinHandle<()>>,
}

struct Shared {
    inner: Mutex<Inner>,
    /// Something happened that may bring the next wake-up forward.
    changed: Condvar,
    phases: Phases,
    reload: Option<Reload>,
    started: Time,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

struct Inner {
    engine: Engine,
    loaded: Loaded,
    /// When each target was scraped last.
    scraped: Vec<Option<Time>>,
    /// When the files were read, and whether that succeeded.
    read: (Time, bool),
    stopping: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic in one request leaves data that are still whole.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads the files again and goes on with them.
    ///
    /// # Errors
    /// They are refused; what ran runs on.
    fn reload(&self) -> Result<(), String> {
        let Some(read) = &self.reload else { return Err("there is nothing to read again".to_owned()) };
        let loaded = read();
        let mut inner = self.lock();
        let at = now();
        match loaded {
            Ok(loaded) => {
                inner.engine.reload(at, loaded.config.clone(), &self.phases);
                inner.scraped = vec![None; loaded.config.prometheus.as_ref().map_or(0, |p| p.targets.len())];
                inner.loaded = loaded;
                inner.read = (at, true);
                self.changed.notify_all();
                Ok(())
            }
            Err(e) => {
                inner.read.1 = false;
                Err(e)
            }
        }
    }
}

impl Running {
    /// Starts with empty storage. Programs that the configuration leaves out do not listen.
    ///
    /// # Errors
    /// An address is taken or cannot be listened on; the error names it.
    pub fn start(options: Options) -> io::Result<Self> {
        let Options { loaded, phases, prometheus, alertmanager, discord, reload } = options;
        let (at, config) = (now(), loaded.config.clone());
        let scraped = vec![None; config.prometheus.as_ref().map_or(0, |p| p.targets.len())];
        let engine = Engine::new(config.clone(), &phases, at);
        let inner = Inner { engine, loaded, scraped, read: (at, true), stopping: false };
        let shared =
            Arc::new(Shared { inner: Mutex::new(inner), changed: Condvar::new(), phases, reload, started: at });
        let listen = |name: &str, address: SocketAddr, app| {
            let named = |e: io::Error| io::Error::new(e.kind(), format!("cannot listen on {address} for {name}: {e}"));
            Server::start(name, address, app).map_err(named)
        };
        let prometheus = match config.prometheus {
            Some(_) => Some(listen("prometheus", prometheus, prometheus::app(&shared))?),
            None => None,
        };
        let alertmanager = match config.alertmanager {
            Some(_) => Some(listen("alertmanager", alertmanager, alertmanager::app(&shared))?),
            None => None,
        };
        let (state, deliverer) = (Arc::clone(&shared), Deliverer::new(discord)?);
        let driver = std::thread::Builder::new().name("driver".to_owned()).spawn(move || drive(&state, &deliverer))?;
        Ok(Self { shared, prometheus, alertmanager, front: None, driver: Some(driver) })
    }

    /// Where Prometheus' API listens, if it runs.
    pub fn prometheus(&self) -> Option<SocketAddr> {
        self.prometheus.as_ref().map(Server::address)
    }

    /// Where Alertmanager's API listens, if it runs.
    pub fn alertmanager(&self) -> Option<SocketAddr> {
        self.alertmanager.as_ref().map(Server::address)
    }

    /// Serves the page that shows the whole; gives where.
    ///
    /// # Errors
    /// The address is taken or cannot be listened on.
    pub fn serve_front(&mut self, address: SocketAddr, front: Front) -> io::Result<SocketAddr> {
        let server = Server::start("front", address, front::app(&self.shared, front))?;
        let address = server.address();
        self.front = Some(server);
        Ok(address)
    }

    /// Stops, and waits until requests under way are answered.
    ///
    /// # Errors
    /// A server had failed.
    pub fn stop(mut self) -> io::Result<()> {
        self.end()
    }

    fn end(&mut self) -> io::Result<()> {
        self.shared.lock().stopping = true;
        self.shared.changed.notify_all();
        if let Some(driver) = self.driver.take() {
            let _ = driver.join();
        }
        let servers = [self.front.take(), self.prometheus.take(), self.alertmanager.take()];
        servers.into_iter().flatten().map(Server::stop).fold(Ok(()), io::Result::and)
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
        for output in inner.engine.poll(at) {
            match output {
                Output::Scrape { target, at: slot } => {
                    let config = inner.engine.config().clone();
                    let Some(setup) = config.prometheus.as_ref().and_then(|p| p.targets.get(target.0)) else {
                        continue;
                    };
                    let outcome = (inner.loaded.scrape)(target.0, &setup.target, slot);
                    if let Some(scraped) = inner.scraped.get_mut(target.0) {
                        *scraped = Some(slot);
                    }
                    inner.engine.handle(at.max(slot), Input::Scraped { target, began: slot, outcome });
                }
                Output::Post { id, notification, deadline } => {
                    let state = Arc::clone(shared);
                    let within = Duration::from_nanos(u64::try_from(deadline.since(at)).unwrap_or(0));
                    deliverer.start(inner.engine.config(), notification, within, move |outcome| {
                        state.lock().engine.handle(now(), Input::Posted { id, outcome });
                        state.changed.notify_all();
                    });
                }
                Output::Cancel(_) => {}
            }
        }
        let until = inner.engine.next_wakeup().map_or(MAX_SLEEP, |next| {
            let nanos = u64::try_from(next.since(now())).unwrap_or(0);
            Duration::from_nanos(nanos).min(MAX_SLEEP)
        });
        if !until.is_zero() {
            inner = shared.changed.wait_timeout(inner, until).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// A request with its body read.
struct Asked {
    method: String,
    path: String,
    query: Vec<(String, String)>,
    content_type: Option<String>,
    body: Vec<u8>,
}

impl Asked {
    async fn read(request: HttpRequest<Body>) -> Result<Self, HttpResponse<Body>> {
        let (parts, body) = request.into_parts();
        let Ok(body) = to_bytes(body, MAX_BODY).await else {
            return Err(reply(StatusCode::PAYLOAD_TOO_LARGE, "text/plain; charset=utf-8", "request entity too large"));
        };
        Ok(Self {
            method: parts.method.as_str().to_owned(),
            path: parts.uri.path().to_owned(),
            query: decoded(parts.uri.query().unwrap_or("")),
            content_type: parts.headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).map(str::to_owned),
            body: body.to_vec(),
        })
    }
}

/// The names and values of a query or a form.
fn decoded(query: &str) -> Vec<(String, String)> {
    let mut url = reqwest::Url::parse("http://query/").ok();
    let pairs = url.as_mut().map(|url| {
        url.set_query(Some(query));
        url.query_pairs().into_owned().collect()
    });
    pairs.unwrap_or_default()
}

fn reply(status: StatusCode, content_type: &'static str, body: impl Into<Body>) -> HttpResponse<Body> {
    let mut response = HttpResponse::new(body.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static(content_type));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, header::HeaderValue::from_static("nosniff"));
    response
}

/// A moment as Go writes it in JSON: UTC, nanoseconds without zeros at their end.
fn shown_time(at: Time) -> String {
    jiff::Timestamp::from_nanosecond(i128::from(at.0)).map_or_else(|_| ZERO_TIME.to_owned(), |t| t.to_string())
}

/// Go's zero time.
const ZERO_TIME: &str = "0001-01-01T00:00:00Z";
