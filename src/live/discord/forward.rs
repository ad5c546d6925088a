//! Passing messages on to a real webhook, one after the other, on a thread of its own.
//!
//! The sender has its answer already: a slow or broken network changes nothing for the lab. Facts about waiting times:
//! Discord's documentation of rate limits.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use reqwest::blocking::Client;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, RETRY_AFTER};
use serde_json::{Value, json};

use crate::discord::api::{ApiVersion, Route};

const RESET_AFTER: HeaderName = HeaderName::from_static("x-ratelimit-reset-after");
/// How long the real webhook may take.
const TIMEOUT: Duration = Duration::from_secs(15);
/// How often a message is tried when the real webhook asks to wait.
const TRIES: usize = 5;
/// The longest wait that is honoured.
const MAX_WAIT: Duration = Duration::from_secs(60);
/// The longest wait that is honoured once it is to stop.
const MAX_LAST_WAIT: Duration = Duration::from_secs(2);
/// Bytes of the real webhook's answer that are kept.
const MAX_ANSWER: usize = 64 * 1024;
/// How long a stop still passes on what waits.
const FINISH_WITHIN: Duration = Duration::from_secs(10);

/// The address of a real webhook. Its token is a secret: it is never shown.
#[derive(Clone)]
pub struct ForwardUrl(reqwest::Url);

impl std::fmt::Debug for ForwardUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ForwardUrl(•••)")
    }
}

impl ForwardUrl {
    /// Reads the address from a file's first line that is not empty.
    ///
    /// # Errors
    /// The file cannot be read, or holds no http or https address.
    pub fn read(path: &Path) -> io::Result<Self> {
        let text = std::fs::read_to_string(path)?;
        let line = text.lines().map(str::trim).find(|l| !l.is_empty()).unwrap_or("");
        let wrong = || io::Error::new(io::ErrorKind::InvalidData, "the first line is no http or https address");
        let url = reqwest::Url::parse(line).map_err(|_| wrong())?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(wrong());
        }
        Ok(Self(url))
    }

    /// The version of the API that it speaks.
    fn version(&self) -> ApiVersion {
        Route::parse(self.0.path()).map_or_else(|(version, _)| version, |route| route.version)
    }

    /// With the path's ending for other formats, and the query of the message behind its own.
    fn with(&self, suffix: &str, query: &str) -> reqwest::Url {
        let mut url = self.0.clone();
        if !suffix.is_empty() {
            let path = format!("{}/{suffix}", url.path().trim_end_matches('/'));
            url.set_path(&path);
        }
        if !query.is_empty() {
            let query = url.query().map_or_else(|| query.to_owned(), |own| format!("{own}&{query}"));
            url.set_query(Some(&query));
        }
        url
    }
}

/// A message to pass on.
#[derive(Clone, Debug)]
pub(super) struct Message {
    /// The number of its line in the record.
    pub(super) number: u64,
    /// `slack`, `github` or nothing.
    pub(super) suffix: &'static str,
    pub(super) query: String,
    pub(super) content_type: String,
    pub(super) body: Vec<u8>,
}

/// What the real webhook said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forwarded {
    /// Its last status; none when it did not answer.
    pub status: Option<u16>,
    /// The body of its last answer.
    pub answer: String,
    /// How often it was tried.
    pub tries: usize,
    /// Why there is no answer.
    pub error: Option<String>,
}

impl Forwarded {
    /// As it stands in the record.
    pub fn to_json(&self) -> Value {
        let answer = serde_json::from_str(&self.answer).unwrap_or_else(|_| Value::from(self.answer.as_str()));
        json!({"status": self.status, "answer": answer, "tries": self.tries, "error": self.error})
    }
}

/// The thread that passes on. What waits is still passed on when it is dropped, for a while.
#[derive(Debug)]
pub(super) struct Forwarder {
    queue: Option<mpsc::Sender<Message>>,
    hurry: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Forwarder {
    /// Starts the thread; it tells `done` of every message.
    pub(super) fn start(url: ForwardUrl, done: impl Fn(u64, Forwarded) + Send + 'static) -> io::Result<Self> {
        let (queue, messages) = mpsc::channel::<Message>();
        let client = Client::builder()
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("labkit/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|e| io::Error::other(e.without_url()))?;
        let hurry = Arc::new(AtomicBool::new(false));
        let hurried = Arc::clone(&hurry);
        let thread = std::thread::Builder::new().name("forward".to_owned()).spawn(move || {
            let mut until = None;
            for message in messages {
                if until.is_none() && hurried.load(Ordering::Relaxed) {
                    until = Some(Instant::now() + FINISH_WITHIN);
                }
                let forwarded = if until.is_some_and(|t| Instant::now() >= t) {
                    Forwarded { error: Some("stopped before it was passed on".to_owned()), ..Forwarded::default() }
                } else {
                    pass_on(&client, &url, &message, &hurried)
                };
                done(message.number, forwarded);
            }
        })?;
        Ok(Self { queue: Some(queue), hurry, thread: Some(thread) })
    }

    pub(super) fn queue(&self) -> Option<mpsc::Sender<Message>> {
        self.queue.clone()
    }

    /// Waits until what is queued is passed on, but not for long.
    pub(super) fn finish(&mut self) {
        self.hurry.store(true, Ordering::Relaxed);
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        self.finish();
    }
}

fn pass_on(client: &Client, url: &ForwardUrl, message: &Message, hurry: &AtomicBool) -> Forwarded {
    let mut forwarded = Forwarded::default();
    while forwarded.tries < TRIES {
        forwarded.tries += 1;
        let request = client
            .post(url.with(message.suffix, &message.query))
            .header(CONTENT_TYPE, &message.content_type)
            .body(message.body.clone());
        let response = match request.send() {
            Ok(response) => response,
            Err(e) => {
                // The error would tell the address.
                forwarded.error = Some(reason(&e.without_url()));
                return forwarded;
            }
        };
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        forwarded.status = Some(status);
        forwarded.answer = read(response);
        let asked = waiting_time(url.version(), &headers, &forwarded.answer);
        if status != 429 || (asked > MAX_LAST_WAIT && hurry.load(Ordering::Relaxed)) {
            break;
        }
        if forwarded.tries < TRIES {
            std::thread::sleep(asked.min(MAX_WAIT));
        }
    }
    forwarded
}

fn reason(e: &(dyn std::error::Error + 'static)) -> String {
    let mut text = e.to_string();
    let mut source = e.source();
    while let Some(e) = source {
        text = format!("{text}: {e}");
        source = e.source();
    }
    text
}

/// How long the answer asks to wait. Discord's own answers tell it in JSON, in milliseconds up to version 7; what stands
/// in front of Discord tells it in a header, in seconds. The time until its bucket is full again is in seconds always.
fn waiting_time(version: ApiVersion, headers: &HeaderMap, answer: &str) -> Duration {
    let header = |name: HeaderName| headers.get(name)?.to_str().ok()?.trim().parse::<f64>().ok();
    let told = serde_json::from_str::<Value>(answer).ok().and_then(|answer| answer["retry_after"].as_f64());
    let seconds = match told {
        Some(wait) if version.waits_in_seconds() => Some(wait),
        Some(wait) => Some(wait / 1000.0),
        None => header(RETRY_AFTER),
    };
    let seconds = seconds.unwrap_or(1.0).max(header(RESET_AFTER).unwrap_or(0.0));
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::from_secs(1))
}

fn read(response: reqwest::blocking::Response) -> String {
    let mut bytes = Vec::new();
    // What came until the connection broke is worth keeping.
    let _ = io::Read::read_to_end(&mut io::Read::take(response, MAX_ANSWER as u64), &mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_from_a_file_and_never_shown() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("url");
        std::fs::write(&path, "\n https://discord.com/api/webhooks/1/secret?a=b\n").expect("a file");
        let url = ForwardUrl::read(&path).expect("an address");
        assert!(!format!("{url:?}").contains("secret"));
        let with = url.with("slack", "wait=true");
        assert_eq!((with.path(), with.query()), ("/api/webhooks/1/secret/slack", Some("a=b&wait=true")));
        std::fs::write(&path, "ftp://x").expect("a file");
        assert!(ForwardUrl::read(&path).is_err());
    }

    #[test]
    fn waiting_times_are_read_as_their_version_writes_them() {
        let headers = |pairs: &[(&'static str, &'static str)]| -> HeaderMap {
            pairs.iter().map(|(n, v)| (HeaderName::from_static(n), v.parse().expect("a value"))).collect()
        };
        let wait = |path: &str, pairs: &[_], answer: &str| {
            let url = ForwardUrl(format!("https://discord.com{path}").parse().expect("an address"));
            waiting_time(url.version(), &headers(pairs), answer).as_secs_f64()
        };
        let (old, new) = ("/api/webhooks/1/t", "/api/v10/webhooks/1/t");
        assert_eq!(wait(new, &[("retry-after", "2")], r#"{"retry_after":1.3,"global":false}"#), 1.3);
        assert_eq!(wait(old, &[("retry-after", "1300")], r#"{"retry_after":1300,"global":false}"#), 1.3);
        assert_eq!(wait("/api/v7/webhooks/1/t", &[], r#"{"retry_after":500}"#), 0.5);
        // A page of the gateway: seconds, whatever the version.
        assert_eq!(wait(old, &[("retry-after", "30")], "<html>"), 30.0);
        assert_eq!(wait(old, &[("x-ratelimit-reset-after", "1.5")], r#"{"retry_after":2}"#), 1.5);
        assert_eq!(wait(new, &[], ""), 1.0);
        assert_eq!(wait(new, &[("retry-after", "-4")], ""), 0.0);
    }
}
