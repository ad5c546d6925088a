//! The stand-in for Discord on a socket: a real Alertmanager posts to it, people watch the page at `/`.
//!
//! The answers are those of [`crate::discord::api`]; this file adds the clock, the socket and the record.

mod fail_script;
mod record;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::{Request as HttpRequest, Response as HttpResponse, StatusCode, header};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

pub use fail_script::{Answer, FailScript};
pub use record::Received;

use crate::discord::api::{
    ApiVersion, Channel, DiscordServer, Policy, RateLimits, Request, Resource, Response, Route, Settings, Webhook,
    rate_limited,
};
use crate::discord::{ShownMessage, page};
use crate::model::Time;
use record::RecordFile;

/// The largest body that is read, in bytes.
const MAX_BODY: usize = 26 * 1024 * 1024;
/// Requests kept in memory; older ones are forgotten (the file keeps all).
const MAX_KEPT: usize = 10_000;
/// Bytes of a body that are kept.
const MAX_KEPT_BODY: usize = 256 * 1024;
/// How long a stop waits for requests that are under way.
const STOP_WITHIN: Duration = Duration::from_secs(2);
/// How long a hanging answer hangs at most.
const HANG: Duration = Duration::from_secs(3_600);
/// How often the page loads itself again, in seconds.
const REFRESH: u32 = 5;

/// How a receiver behaves.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Id and token of the webhooks that exist; none: any well-formed one.
    pub webhooks: Vec<(u64, String)>,
    /// Whether Discord's rate limits hold.
    pub rate_limits: bool,
    /// Answers to the first messages.
    pub fail: FailScript,
    /// A file that gets one JSON line per request for a message.
    pub record: Option<PathBuf>,
    /// Whom to tell of each request for a message.
    pub tell: Option<mpsc::Sender<Received>>,
}

/// A receiver that is running on a thread of its own. It stops when it is dropped.
#[derive(Debug)]
pub struct Receiver {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<io::Result<()>>>,
}

#[derive(Debug)]
struct Shared(Mutex<Inner>);

#[derive(Debug)]
struct Inner {
    server: DiscordServer,
    fail: FailScript,
    record: Option<RecordFile>,
    received: Vec<Received>,
    tell: Option<mpsc::Sender<Received>>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic in one request leaves data that are still whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Receiver {
    /// Listens on `address` (port 0: any free one) until it is stopped.
    ///
    /// # Errors
    /// The address is taken or cannot be listened on, or the record cannot be opened.
    pub fn start(address: SocketAddr, options: Options) -> io::Result<Self> {
        let limits = if options.rate_limits { RateLimits::DISCORD } else { RateLimits::NONE };
        let policy = if options.webhooks.is_empty() { Policy::AnyWellFormed } else { Policy::Listed };
        let mut server = DiscordServer::new(Settings { policy, limits, ..Settings::default() });
        for (id, token) in options.webhooks {
            server.add_webhook(Webhook { channel: Channel::AnyThread, ..Webhook::new(id, token) });
        }
        let record = options.record.as_deref().map(RecordFile::open).transpose()?;
        let (fail, tell) = (options.fail, options.tell);
        let shared = Arc::new(Shared(Mutex::new(Inner { server, fail, record, received: Vec::new(), tell })));
        let listener = std::net::TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel();
        let state = Arc::clone(&shared);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = std::thread::Builder::new()
            .name("discord".to_owned())
            .spawn(move || runtime.block_on(serve(listener, state, stopped)))?;
        Ok(Self { address, shared, stop: Some(stop), thread: Some(thread) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The requests for messages so far, oldest first.
    pub fn received(&self) -> Vec<Received> {
        self.shared.lock().received.clone()
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
            Some(Err(_)) => Err(io::Error::other("the receiver's thread panicked")),
            None => Ok(()),
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.end();
    }
}

async fn serve(listener: std::net::TcpListener, state: Arc<Shared>, stopped: oneshot::Receiver<()>) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    let app = Router::new().fallback(answer).with_state(state);
    let (quit, quitting) = oneshot::channel::<()>();
    let server = axum::serve(listener, app).with_graceful_shutdown(async {
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

fn now() -> Time {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Time(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

async fn answer(State(state): State<Arc<Shared>>, request: HttpRequest<Body>) -> HttpResponse<Body> {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_BODY).await else {
        return plain(StatusCode::PAYLOAD_TOO_LARGE, "text/plain", "request entity too large");
    };
    if parts.method == "GET" && !parts.uri.path().starts_with("/api/") {
        return watch(&state, parts.uri.path());
    }
    let headers: Vec<(String, String)> = parts
        .headers
        .iter()
        .map(|(n, v)| (n.as_str().to_owned(), String::from_utf8_lossy(v.as_bytes()).into_owned()))
        .collect();
    let request = Request {
        method: parts.method.as_str(),
        path: parts.uri.path(),
        query: parts.uri.query().unwrap_or(""),
        headers: &headers,
        body: &body,
    };
    let route = Route::parse(request.path).ok();
    let is_message =
        request.method == "POST" && route.as_ref().is_none_or(|r| !matches!(r.resource, Resource::Message(_)));
    let order = if is_message { state.lock().fail.take() } else { Answer::Take };
    let arrived = now();
    match order {
        Answer::Delay(time) => tokio::time::sleep(time).await,
        Answer::Hang => {
            state.note(&request, route.as_ref(), arrived, None);
            tokio::time::sleep(HANG).await;
        }
        Answer::Take | Answer::Status(_) | Answer::RateLimited(_) => {}
    }
    let response = match order {
        Answer::Status(status) => Response::text(status, "answered on order"),
        Answer::RateLimited(wait) => {
            let version = route.as_ref().map_or(ApiVersion::UNVERSIONED, |r| r.version);
            rate_limited(version, i64::try_from(wait.as_nanos()).unwrap_or(i64::MAX))
        }
        Answer::Take | Answer::Delay(_) | Answer::Hang => {
            let mut inner = state.lock();
            let response = inner.server.handle(now(), &request);
            inner.server.keep_last(MAX_KEPT);
            response
        }
    };
    if is_message && order != Answer::Hang {
        state.note(&request, route.as_ref(), arrived, Some(&response));
    }
    into_http(response)
}

impl Shared {
    fn note(&self, request: &Request<'_>, route: Option<&Route>, at: Time, response: Option<&Response>) {
        let received = Received {
            at,
            webhook: route.map(|r| r.webhook),
            status: response.map(|r| r.status),
            user_agent: request.header("user-agent").unwrap_or("").to_owned(),
            body: String::from_utf8_lossy(&request.body[..request.body.len().min(MAX_KEPT_BODY)]).into_owned(),
            answer: response.map(|r| String::from_utf8_lossy(&r.body).into_owned()).unwrap_or_default(),
            note: response.and_then(|r| r.note),
        };
        let mut inner = self.lock();
        if let Some(file) = &mut inner.record
            && file.append(&received).is_err()
        {
            // A full disk must not stop the lab; the page still shows what comes.
            inner.record = None;
        }
        if let Some(tell) = &inner.tell {
            let _ = tell.send(received.clone());
        }
        if inner.received.len() >= MAX_KEPT {
            inner.received.drain(..MAX_KEPT / 10);
        }
        inner.received.push(received);
    }
}

/// The page for people and the list for programs.
fn watch(state: &Shared, path: &str) -> HttpResponse<Body> {
    let inner = state.lock();
    match path {
        "/" => {
            let messages: Vec<ShownMessage> = inner.server.messages().iter().rev().take(200).map(Into::into).collect();
            plain(StatusCode::OK, "text/html; charset=utf-8", &page("alerts", &messages, Some(REFRESH)))
        }
        "/messages.json" => {
            let list: serde_json::Value = inner.received.iter().map(Received::to_json).collect();
            plain(StatusCode::OK, "application/json", &list.to_string())
        }
        _ => plain(StatusCode::NOT_FOUND, "text/plain", "not found"),
    }
}

fn plain(status: StatusCode, content_type: &'static str, body: &str) -> HttpResponse<Body> {
    let mut response = HttpResponse::new(Body::from(body.to_owned()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(content_type));
    response
}

fn into_http(response: Response) -> HttpResponse<Body> {
    let mut builder = HttpResponse::builder().status(response.status);
    for (name, value) in &response.headers {
        builder = builder.header(name.as_str(), value.as_str());
    }
    builder
        .body(Body::from(response.body))
        .unwrap_or_else(|_| plain(StatusCode::INTERNAL_SERVER_ERROR, "text/plain", "the answer is no HTTP"))
}

#[cfg(test)]
mod tests;
