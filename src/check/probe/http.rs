//! One HTTP request with an end to everything: to the wait, to the size, to redirects. Proxies of the environment are
//! not used: what is checked is near.

use std::collections::BTreeMap;
use std::error::Error as _;
use std::fmt;
use std::io::{self, Read as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use reqwest::blocking::{Client as Inner, Response};
use reqwest::redirect::Policy;
use reqwest::{StatusCode, Url, header};
use serde::{Deserialize, Serialize};

use super::tape::Tape;

/// How long a connection may take to be made.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// How long a whole answer may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// Seconds that two clocks may differ.
pub const CLOCK_SKEW: f64 = 30.0;
/// Bytes of an answer that are read.
pub const MAX_BODY: usize = 10 * 1024 * 1024;
/// Redirects that are followed.
const MAX_REDIRECTS: usize = 2;

/// Who asks.
#[derive(Clone, Default)]
pub enum Auth {
    /// Nobody in particular.
    #[default]
    None,
    /// A user with a password.
    Basic(String, String),
    /// The holder of a token.
    Bearer(String),
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Basic(..) => "Basic(•••)",
            Self::Bearer(_) => "Bearer(•••)",
        })
    }
}

impl Auth {
    /// What is told of it.
    fn told(&self) -> &'static str {
        match self {
            // Everybody may know this one; it is tried beside the real one.
            Self::Basic(user, password) if user == "admin" && password == "admin" => " with the first password",
            _ => "",
        }
    }
}

/// How a body is written down: as text; what is none keeps its readable parts.
mod body {
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(body: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&String::from_utf8_lossy(body))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        String::deserialize(deserializer).map(String::into_bytes)
    }
}

/// Where a program is said to answer.
#[derive(Clone, Debug)]
pub struct Base {
    url: String,
    auth: Auth,
}

impl Base {
    /// Reads an address; `http://` may be left out, user and password may be in it.
    ///
    /// # Errors
    /// It is no HTTP address.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let full = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        let mut url = Url::parse(&full).map_err(|e| format!("{text:?} is no address: {e}"))?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
            return Err(format!("{text:?} is no address, wanted http://HOST:PORT"));
        }
        let auth = match url.password() {
            Some(password) => Auth::Basic(decoded(url.username()), decoded(password)),
            None => Auth::None,
        };
        // Both can only be refused for addresses without a host.
        let _ = url.set_password(None);
        let _ = url.set_username("");
        url.set_query(None);
        url.set_fragment(None);
        Ok(Self { url: url.as_str().trim_end_matches('/').to_owned(), auth })
    }

    /// The address without a slash at its end and without secrets.
    pub fn as_str(&self) -> &str {
        &self.url
    }

    /// The address of something below.
    pub fn join(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// Who asks there, from the address itself.
    pub fn auth(&self) -> &Auth {
        &self.auth
    }

    /// Whether it names a page and not only a host.
    pub fn has_path(&self) -> bool {
        Url::parse(&self.url).is_ok_and(|u| u.path() != "/" && !u.path().is_empty())
    }
}

/// What stands behind `%40` and the like.
fn decoded(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let hex = bytes.get(at + 1..at + 3).and_then(|h| std::str::from_utf8(h).ok());
        match hex.filter(|_| bytes[at] == b'%').and_then(|h| u8::from_str_radix(h, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

impl fmt::Display for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url)
    }
}

/// An answer, whatever its status.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// `Content-Type`
    pub content_type: String,
    /// The body, unpacked.
    #[serde(with = "body")]
    pub body: Vec<u8>,
    /// Where the answer came from, after redirects.
    pub url: String,
    /// The other clock, in seconds of Unix time, when the answer tells it.
    pub date: Option<i64>,
}

impl Reply {
    /// The body as text.
    pub fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }

    /// Whether a browser would show it as a page.
    pub fn is_html(&self) -> bool {
        let start = self.body.iter().position(|b| !b.is_ascii_whitespace()).unwrap_or(0);
        let start = String::from_utf8_lossy(&self.body[start..self.body.len().min(start + 64)]).to_ascii_lowercase();
        self.content_type.starts_with("text/html") || start.starts_with("<!doctype") || start.starts_with("<html")
    }

    /// The title of a page, for people who wonder what answered.
    pub fn title(&self) -> Option<String> {
        let text = self.text();
        let lower = text.to_ascii_lowercase();
        let start = lower.find("<title")?;
        let start = start + lower[start..].find('>')? + 1;
        let end = start + lower[start..].find("</title")?;
        let title: String = text.get(start..end)?.split_whitespace().collect::<Vec<_>>().join(" ");
        (!title.is_empty()).then(|| title.chars().take(80).collect())
    }

    /// What answered, when it is not what was asked for.
    pub fn spoken(&self) -> String {
        let status = StatusCode::from_u16(self.status).ok().and_then(|s| s.canonical_reason()).unwrap_or("");
        let what = match self.title() {
            Some(title) => format!("a page titled {title:?}"),
            None if self.is_html() => "an HTML page".to_owned(),
            None if self.body.is_empty() => "nothing".to_owned(),
            None => {
                let text = self.text();
                let line = text.lines().next().unwrap_or_default();
                format!("{:?}", line.chars().take(80).collect::<String>())
            }
        };
        format!("status {} {status} with {what}", self.status).replace("  ", " ")
    }
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Trouble {
    /// Nothing listens there.
    Refused,
    /// No way leads there.
    Unreachable,
    /// The name stands for no machine.
    UnknownHost,
    /// No connection, or no answer, in time.
    TimedOut,
    /// The secure connection could not be made.
    Tls(String),
    /// The answer ended too early.
    CutOff,
    /// The answer was too large.
    TooLarge,
    /// One redirect after the other, or to somewhere it may not lead.
    Redirect(String),
    /// What answered does not speak HTTP.
    NotHttp,
    /// Something else.
    Other(String),
}

impl Trouble {
    /// Whether the machine that checks, or the way to the other one, is to blame rather than what should answer.
    pub fn is_environment(&self) -> bool {
        matches!(self, Self::UnknownHost | Self::Tls(_) | Self::Unreachable | Self::Other(_))
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused => f.write_str("nothing that listens (connection refused)"),
            Self::Unreachable => f.write_str("no way to that machine"),
            Self::UnknownHost => f.write_str("a name that stands for no machine"),
            Self::TimedOut => write!(f, "no answer within {} s", ANSWER_WITHIN.as_secs()),
            Self::Tls(why) => write!(f, "no secure connection ({why})"),
            Self::CutOff => f.write_str("an answer that was cut off"),
            Self::TooLarge => write!(f, "an answer of more than {} MB", MAX_BODY / 1024 / 1024),
            Self::Redirect(to) => write!(f, "a redirect to {to}"),
            Self::NotHttp => f.write_str("an answer that is no HTTP"),
            Self::Other(why) => f.write_str(why),
        }
    }
}

/// Makes requests.
#[derive(Clone, Debug)]
pub struct Client {
    inner: Inner,
    tape: Tape,
    /// By how many seconds the clocks of others are ahead, by host and port; from their first answers.
    clocks: Arc<Mutex<BTreeMap<String, f64>>>,
}

impl Client {
    /// A client.
    ///
    /// # Errors
    /// The system's certificates cannot be read.
    pub fn new(tape: Tape) -> Result<Self, String> {
        Inner::builder()
            .connect_timeout(CONNECT_WITHIN)
            .timeout(ANSWER_WITHIN)
            .redirect(Policy::none())
            .no_proxy()
            .user_agent(concat!("labkit/", env!("CARGO_PKG_VERSION")))
            .build()
            .map(|inner| Self { inner, tape, clocks: Arc::default() })
            .map_err(|e| format!("cannot make HTTP requests: {}", innermost(&e)))
    }

    /// Gets a page, following redirects within the same host that are not to a login.
    ///
    /// # Errors
    /// There is no whole answer.
    pub fn get(&self, url: &str, auth: &Auth, accept: &str) -> Result<Reply, Trouble> {
        let reply = self.tape.http(&format!("GET {url}{}", auth.told()), || self.really_get(url, auth, accept));
        if let Ok(Reply { date: Some(date), .. }) = &reply {
            let host = host_of(url);
            let mut clocks = self.clocks.lock().unwrap_or_else(PoisonError::into_inner);
            clocks.entry(host).or_insert_with(|| *date as f64 - self.tape.wall());
        }
        reply
    }

    /// By how many seconds the clock at an address is ahead of this machine's, when it has told its time and the
    /// difference is more than answers take.
    pub fn clock_ahead(&self, url: &str) -> f64 {
        let clocks = self.clocks.lock().unwrap_or_else(PoisonError::into_inner);
        clocks.get(&host_of(url)).copied().filter(|d| d.abs() > CLOCK_SKEW).unwrap_or(0.0)
    }

    fn really_get(&self, url: &str, auth: &Auth, accept: &str) -> Result<Reply, Trouble> {
        let mut url = Url::parse(url).map_err(|e| Trouble::Other(format!("no address: {e}")))?;
        for _ in 0..=MAX_REDIRECTS {
            let request = self.inner.get(url.clone()).header(header::ACCEPT, accept);
            let (reply, location) = read(with(request, auth).send())?;
            let Some(location) = location else { return Ok(reply) };
            let next = url.join(&location).map_err(|_| Trouble::Redirect(location.clone()))?;
            let same_host = next.host_str() == url.host_str() && matches!(next.scheme(), "http" | "https");
            if !same_host || next.path().contains("login") {
                return Err(Trouble::Redirect(next.to_string()));
            }
            url = next;
        }
        Err(Trouble::Redirect(url.to_string()))
    }

    /// Posts JSON; redirects are not followed.
    ///
    /// # Errors
    /// There is no whole answer.
    pub fn post_json(&self, url: &str, auth: &Auth, body: &serde_json::Value) -> Result<Reply, Trouble> {
        self.tape.http(&format!("POST {url} {body}{}", auth.told()), || self.really_post(url, auth, body))
    }

    fn really_post(&self, url: &str, auth: &Auth, body: &serde_json::Value) -> Result<Reply, Trouble> {
        let request = self
            .inner
            .post(url)
            .header(header::ACCEPT, "application/json")
            .header(header::CONTENT_TYPE, "application/json")
            .body(body.to_string());
        let (reply, location) = read(with(request, auth).send())?;
        location.map_or(Ok(reply), |to| Err(Trouble::Redirect(to)))
    }
}

/// Host and port of an address.
fn host_of(url: &str) -> String {
    url.split("://").nth(1).and_then(|rest| rest.split(['/', '?']).next()).unwrap_or_default().to_owned()
}

fn with(request: reqwest::blocking::RequestBuilder, auth: &Auth) -> reqwest::blocking::RequestBuilder {
    match auth {
        Auth::None => request,
        Auth::Basic(user, password) => request.basic_auth(user, Some(password)),
        Auth::Bearer(token) => request.bearer_auth(token),
    }
}

fn read(sent: reqwest::Result<Response>) -> Result<(Reply, Option<String>), Trouble> {
    let deadline = Instant::now() + ANSWER_WITHIN;
    let mut response = sent.map_err(|e| trouble(&e))?;
    let text = |name: header::HeaderName| {
        response.headers().get(name).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned()
    };
    let status = response.status();
    let content_type = text(header::CONTENT_TYPE).to_ascii_lowercase();
    let date = jiff::fmt::rfc2822::parse(&text(header::DATE)).ok().map(|z| z.timestamp().as_second());
    let location = Some(text(header::LOCATION)).filter(|l| status.is_redirection() && !l.is_empty());
    let url = response.url().to_string();
    let mut body = Vec::new();
    let mut chunk = vec![0; 64 * 1024];
    loop {
        match response.read(&mut chunk) {
            Ok(0) => break,
            Ok(n) => body.extend_from_slice(&chunk[..n]),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) if e.kind() == io::ErrorKind::TimedOut || e.to_string().contains("timed out") => {
                return Err(Trouble::TimedOut);
            }
            Err(_) => return Err(Trouble::CutOff),
        }
        if body.len() > MAX_BODY {
            return Err(Trouble::TooLarge);
        }
        // A page that comes byte by byte ends too.
        if Instant::now() > deadline {
            return Err(Trouble::TimedOut);
        }
    }
    Ok((Reply { status: status.as_u16(), content_type, body, url, date }, location))
}

fn trouble(error: &reqwest::Error) -> Trouble {
    if error.is_timeout() {
        return Trouble::TimedOut;
    }
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(io) = cause.downcast_ref::<io::Error>() {
            match io.kind() {
                io::ErrorKind::ConnectionRefused => return Trouble::Refused,
                io::ErrorKind::TimedOut => return Trouble::TimedOut,
                io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => return Trouble::Unreachable,
                io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe => {
                    return Trouble::CutOff;
                }
                _ => {}
            }
        }
        source = cause.source();
    }
    let all = chain(error);
    let lower = all.to_ascii_lowercase();
    if lower.contains("dns error") || lower.contains("lookup address") {
        Trouble::UnknownHost
    } else if lower.contains("ssl") || lower.contains("certificate") || lower.contains("tls") {
        Trouble::Tls(innermost(error))
    } else if lower.contains("connection closed") || lower.contains("incomplete") {
        Trouble::CutOff
    } else if lower.contains("invalid http") || lower.contains("parse") {
        Trouble::NotHttp
    } else {
        Trouble::Other(innermost(error))
    }
}

fn chain(error: &reqwest::Error) -> String {
    let mut all = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        all.push_str(": ");
        all.push_str(&cause.to_string());
        source = cause.source();
    }
    all
}

/// The words of the last cause: they hold no address, and so no secret.
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_with_its_secrets_apart() {
        let base = Base::parse("http://ann:p%40ss@localhost:3000/grafana/").expect("an address");
        assert_eq!(base.as_str(), "http://localhost:3000/grafana");
        assert!(matches!(base.auth(), Auth::Basic(u, p) if u == "ann" && p == "p@ss"));
        assert!(base.has_path() && !Base::parse("localhost:9090").expect("an address").has_path());
        assert!(Base::parse("ftp://x").is_err() && Base::parse("http://").is_err() && Base::parse("").is_err());
        assert_eq!(format!("{:?}", base.auth()), "Basic(•••)");
    }

    #[test]
    fn what_answered_is_told_by_its_title() {
        let reply = |content_type: &str, body: &str| Reply {
            status: 502,
            content_type: content_type.into(),
            body: body.into(),
            url: String::new(),
            date: None,
        };
        let page = reply("text/html", "<html><head><TITLE>\n Squid  error</TITLE>");
        assert_eq!(page.spoken(), "status 502 Bad Gateway with a page titled \"Squid error\"");
        assert!(reply("", "  <!DOCTYPE html>").is_html() && !reply("text/plain", "up 1").is_html());
    }
}
