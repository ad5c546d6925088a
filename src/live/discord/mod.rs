//! The stand-in for Discord on a socket: a real Alertmanager posts to it, people watch the page at `/`.
//!
//! The answers are those of [`crate::discord::api`]; this file adds the clock, the socket and the record.

mod fail_script;
mod forward;
mod record;
mod tokens;
mod watch;

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, State};
use axum::http::{Request as HttpRequest, Response as HttpResponse, StatusCode, header};
use tokio::sync::watch as watch_channel;

pub use fail_script::{Answer, FailScript};
pub use forward::{ForwardUrl, Forwarded};
pub use record::Received;
pub use tokens::{Token, list, token, tokens};
pub use watch::Latest;

use super::mock::now;
use super::server::{Line, Server};
use crate::discord::api::{
    ApiVersion, Channel, DiscordServer, Policy, RateLimits, Request, Resource, Response, Route, Settings, Webhook,
    rate_limited,
};
use crate::model::Time;
use forward::{Forwarder, Message};
use record::RecordFile;

/// The largest body that is read, in bytes.
const MAX_BODY: usize = 26 * 1024 * 1024;
/// Requests kept in memory; older ones are forgotten (the file keeps all).
const MAX_KEPT: usize = 10_000;
/// Bytes of a body that are kept.
const MAX_KEPT_BODY: usize = 256 * 1024;
/// How long a hanging answer hangs at most.
const HANG: Duration = Duration::from_secs(3_600);

/// How a receiver behaves.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The webhooks that exist; none: any well-formed one.
    pub webhooks: Vec<Listed>,
    /// Whether Discord's rate limits hold.
    pub rate_limits: bool,
    /// Answers to the first messages.
    pub fail: FailScript,
    /// A file that gets one JSON line per request for a message.
    pub record: Option<PathBuf>,
    /// A real webhook that every message is passed on to.
    pub forward: Option<ForwardUrl>,
    /// Whom to tell of each request for a message.
    pub tell: Option<mpsc::Sender<Received>>,
}

/// A webhook that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its id.
    pub id: u64,
    /// Its token.
    pub token: String,
    /// Whose it is.
    pub owner: Option<String>,
}

/// A receiver that is running on a thread of its own. It stops when it is dropped.
#[derive(Debug)]
pub struct Receiver {
    shared: Arc<Shared>,
    server: Server,
    forwarder: Option<Forwarder>,
}

#[derive(Debug)]
struct Shared {
    inner: Mutex<Inner>,
    /// Wakes those who watch.
    changes: watch_channel::Sender<()>,
}

#[derive(Debug)]
struct Inner {
    server: DiscordServer,
    fail: FailScript,
    owners: BTreeMap<u64, String>,
    record: Option<RecordFile>,
    /// Why the record ended early.
    trouble: Option<String>,
    received: VecDeque<Received>,
    /// Requests for messages so far.
    count: u64,
    forward: Option<mpsc::Sender<Message>>,
    tell: Option<mpsc::Sender<Received>>,
    /// Nobody is to be told of more.
    stopping: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic in one request leaves data that are still whole.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Receiver {
    /// Listens on `address` (port 0: any free one) until it is stopped.
    ///
    /// # Errors
    /// The address is taken or cannot be listened on, or the record cannot be opened; the error names which.
    pub fn start(address: SocketAddr, options: Options) -> io::Result<Self> {
        let limits = if options.rate_limits { RateLimits::DISCORD } else { RateLimits::NONE };
        let policy = if options.webhooks.is_empty() { Policy::AnyWellFormed } else { Policy::Listed };
        let mut server = DiscordServer::new(Settings { policy, limits, ..Settings::default() });
        let mut owners = BTreeMap::new();
        for listed in options.webhooks {
            let Listed { id, token, owner } = listed;
            owners.extend(owner.map(|owner| (id, owner)));
            server.add_webhook(Webhook { channel: Channel::AnyThread, ..Webhook::new(id, token) });
        }
        let named = |what: String| move |e: io::Error| io::Error::new(e.kind(), format!("{what}: {e}"));
        let record = match options.record.as_deref() {
            Some(path) => {
                let cannot = named(format!("cannot write the record {}", path.display()));
                Some(RecordFile::open(path).map_err(cannot)?)
            }
            None => None,
        };
        let inner = Inner {
            server,
            fail: options.fail,
            owners,
            record,
            trouble: None,
            received: VecDeque::new(),
            count: 0,
            forward: None,
            tell: options.tell,
            stopping: false,
        };
        let shared = Arc::new(Shared { inner: Mutex::new(inner), changes: watch_channel::Sender::new(()) });
        // Weak, or the thread would keep its own queue open.
        let state = Arc::downgrade(&shared);
        let done = move |number, forwarded| {
            if let Some(state) = state.upgrade() {
                state.forwarded(number, forwarded);
            }
        };
        let forwarder = options.forward.map(|url| Forwarder::start(url, done)).transpose()?;
        shared.lock().forward = forwarder.as_ref().and_then(Forwarder::queue);
        let app = Router::new().fallback(answer).with_state(Arc::clone(&shared));
        let server = Server::start("discord", address, app).map_err(named(format!("cannot listen on {address}")))?;
        Ok(Self { server, shared, forwarder })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// A view of the latest messages that does not keep the receiver running.
    pub fn latest(&self) -> Latest {
        Latest(Arc::downgrade(&self.shared))
    }

    /// The requests for messages so far, oldest first.
    pub fn received(&self) -> Vec<Received> {
        self.shared.lock().received.iter().cloned().collect()
    }

    /// Stops, waits until requests under way are answered, and passes on what waits for that.
    ///
    /// # Errors
    /// The server had failed, or the record could not be written to its end.
    pub fn stop(self) -> io::Result<()> {
        let Self { shared, server, forwarder } = self;
        // Those who watch would hold the server up.
        shared.lock().stopping = true;
        shared.changes.send_replace(());
        let stopped = server.stop();
        shared.lock().forward = None;
        if let Some(mut forwarder) = forwarder {
            forwarder.finish();
        }
        let trouble = shared.lock().trouble.take();
        // Nobody is to be told of more.
        shared.lock().tell = None;
        stopped.and(trouble.map_or(Ok(()), |t| Err(io::Error::other(t))))
    }
}

async fn answer(
    State(state): State<Arc<Shared>>,
    ConnectInfo(line): ConnectInfo<Line>,
    request: HttpRequest<Body>,
) -> HttpResponse<Body> {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_BODY).await else {
        return plain(StatusCode::PAYLOAD_TOO_LARGE, "text/plain", "request entity too large");
    };
    if parts.method == "GET" && !parts.uri.path().starts_with("/api/") {
        return watch::answer(&state, parts.uri.path(), parts.uri.query().unwrap_or(""));
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
        Answer::Close => {
            state.note(&request, route.as_ref(), arrived, None);
            line.hang_up();
            return plain(StatusCode::SERVICE_UNAVAILABLE, "text/plain", "never sent");
        }
        Answer::Take | Answer::Status(_) | Answer::RateLimited(_) => {}
    }
    let response = match order {
        Answer::Status(status) => Response::text(status, "answered on order"),
        Answer::RateLimited(wait) => {
            let version = route.as_ref().map_or(ApiVersion::UNVERSIONED, |r| r.version);
            rate_limited(version, i64::try_from(wait.as_nanos()).unwrap_or(i64::MAX))
        }
        Answer::Take | Answer::Delay(_) | Answer::Hang | Answer::Close => {
            let mut inner = state.lock();
            let response = inner.server.handle(now(), &request);
            inner.server.keep_last(MAX_KEPT);
            response
        }
    };
    if is_message && order != Answer::Hang {
        state.note(&request, route.as_ref(), arrived, Some(&response));
    }
    state.changes.send_replace(());
    into_http(response)
}

impl Shared {
    fn note(&self, request: &Request<'_>, route: Option<&Route>, at: Time, response: Option<&Response>) {
        let mut inner = self.lock();
        inner.count += 1;
        let received = Received {
            number: inner.count,
            at,
            webhook: route.map(|r| r.webhook),
            owner: route.and_then(|r| inner.owners.get(&r.webhook).cloned()),
            status: response.map(|r| r.status),
            user_agent: request.header("user-agent").unwrap_or("").to_owned(),
            body: String::from_utf8_lossy(&request.body[..request.body.len().min(MAX_KEPT_BODY)]).into_owned(),
            answer: response.map(|r| String::from_utf8_lossy(&r.body).into_owned()).unwrap_or_default(),
            note: response.and_then(|r| r.note),
            forwarded: None,
        };
        inner.write(&received.to_json());
        if let Some(tell) = &inner.tell {
            let _ = tell.send(received.clone());
        }
        // What Discord would refuse for its content goes on too: both answers are worth comparing. Strangers do not
        // get through, nor does what was lost on order.
        let goes_on = matches!(received.status, Some(200..=299 | 400));
        if let (true, Some(forward), Some(route)) = (goes_on, &inner.forward, route) {
            let suffix = match route.resource {
                Resource::Slack => "slack",
                Resource::GitHub => "github",
                Resource::Webhook | Resource::Message(_) => "",
            };
            // The queue outlives the server.
            let _ = forward.send(Message {
                number: received.number,
                suffix,
                query: request.query.to_owned(),
                content_type: request.header("content-type").unwrap_or("application/json").to_owned(),
                body: request.body.to_vec(),
            });
        }
        if inner.received.len() >= MAX_KEPT {
            inner.received.pop_front();
        }
        inner.received.push_back(received);
    }

    /// Takes down what the real webhook said.
    fn forwarded(&self, number: u64, forwarded: Forwarded) {
        let mut inner = self.lock();
        inner.write(&serde_json::json!({"n": number, "forwarded": forwarded.to_json()}));
        let first = inner.received.front().map_or(0, |r| r.number);
        let place = usize::try_from(number.wrapping_sub(first)).unwrap_or(usize::MAX);
        if let Some(received) = inner.received.get_mut(place) {
            received.forwarded = Some(forwarded);
            let told = received.clone();
            if let Some(tell) = &inner.tell {
                let _ = tell.send(told);
            }
        }
    }
}

impl Inner {
    fn write(&mut self, line: &serde_json::Value) {
        if let Some(file) = &mut self.record
            && let Err(e) = file.append(line)
        {
            // A full disk must not stop the lab; the page still shows what comes, and the end tells of it.
            self.trouble = Some(format!("the record ends early: {e}"));
            self.record = None;
        }
    }
}

fn plain(status: StatusCode, content_type: &'static str, body: &str) -> HttpResponse<Body> {
    let mut response = HttpResponse::new(Body::from(body.to_owned()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static(content_type));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, header::HeaderValue::from_static("nosniff"));
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
