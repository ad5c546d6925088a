//! The mocked model as a real exporter: a page with one gauge whose value follows from the time.
//!
//! Like the client libraries, it answers OpenMetrics to whoever likes that best, and gzip to whoever takes it.

use std::fmt;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, Uri, header};
use flate2::Compression;
use flate2::write::GzEncoder;

use super::server::Server;
use crate::exposition::{Format, MetricType, negotiate, write_family, write_openmetrics_end, write_series};
use crate::model::Time;

/// What the page's help says.
const HELP: &str = "Latest result of the mocked model";
/// What `/` answers.
const FRONT: &str = "<!doctype html><html lang=\"en\"><title>metrics</title><a href=\"/metrics\">metrics</a></html>\n";

/// The value at a moment of Unix time.
pub type ValueAt = Arc<dyn Fn(Time) -> f64 + Send + Sync>;

/// What is served.
#[derive(Clone)]
pub struct Served {
    /// The gauge's name.
    pub metric: String,
    /// Its value.
    pub value: ValueAt,
}

impl fmt::Debug for Served {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Served").field("metric", &self.metric).finish_non_exhaustive()
    }
}

impl Served {
    /// The page at a moment.
    pub fn page(&self, format: Format, at: Time) -> String {
        let mut out = String::new();
        write_family(&mut out, format, &self.metric, MetricType::Gauge, HELP);
        write_series(&mut out, format, &self.metric, [], (self.value)(at), None);
        if format == Format::OpenMetrics {
            write_openmetrics_end(&mut out);
        }
        out
    }
}

/// Serves the page on `/metrics` until the server is stopped.
///
/// # Errors
/// The address is taken or cannot be listened on.
pub fn start(address: SocketAddr, served: Served) -> io::Result<Server> {
    let app = Router::new().fallback(answer).with_state(Arc::new(served));
    Server::start("mock", address, app)
}

/// A page of metrics at a moment of Unix time, in the classic text format.
pub type PageAt = Arc<dyn Fn(Time) -> String + Send + Sync>;

/// Serves a page on `/metrics` until the server is stopped.
///
/// # Errors
/// The address is taken or cannot be listened on.
pub fn start_page(name: &str, address: SocketAddr, page: PageAt) -> io::Result<Server> {
    let answer = |State(page): State<PageAt>, uri: Uri| async move {
        match uri.path() {
            "/metrics" => reply(StatusCode::OK, Format::Text.content_type(), page(now()).into_bytes()),
            "/" => reply(StatusCode::OK, "text/html; charset=utf-8", FRONT.as_bytes().to_vec()),
            _ => reply(StatusCode::NOT_FOUND, "text/plain; charset=utf-8", b"not found, try /metrics\n".to_vec()),
        }
    };
    Server::start(name, address, Router::new().fallback(answer).with_state(page))
}

/// Now, as the engine counts time.
pub fn now() -> Time {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Time(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

async fn answer(State(served): State<Arc<Served>>, uri: Uri, headers: HeaderMap) -> Response<Body> {
    match uri.path() {
        "/metrics" => metrics(&served, &headers),
        "/" => reply(StatusCode::OK, "text/html; charset=utf-8", FRONT.as_bytes().to_vec()),
        _ => reply(StatusCode::NOT_FOUND, "text/plain; charset=utf-8", b"not found, try /metrics\n".to_vec()),
    }
}

fn metrics(served: &Served, headers: &HeaderMap) -> Response<Body> {
    let text = |name| headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let format = negotiate(text(header::ACCEPT));
    let page = served.page(format, now()).into_bytes();
    let mut response = if takes_gzip(text(header::ACCEPT_ENCODING)) {
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        match packed.write_all(&page).and_then(|()| packed.finish()) {
            Ok(packed) => {
                let mut response = reply(StatusCode::OK, format.content_type(), packed);
                response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
                response
            }
            Err(_) => reply(StatusCode::OK, format.content_type(), page),
        }
    } else {
        reply(StatusCode::OK, format.content_type(), page)
    };
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("Accept, Accept-Encoding"));
    response
}

/// Whether `Accept-Encoding` names gzip and does not refuse it.
fn takes_gzip(accepted: &str) -> bool {
    accepted.split(',').any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let named = parts.next().is_some_and(|c| c.eq_ignore_ascii_case("gzip"));
        named && !parts.any(|p| p.strip_prefix("q=").is_some_and(|q| q.parse::<f64>() == Ok(0.0)))
    })
}

fn reply(status: StatusCode, content_type: &'static str, body: Vec<u8>) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_formats_hold_the_value_of_the_moment() {
        let served = Served { metric: "model_result".into(), value: Arc::new(|at| at.secs_f64() / 10.0) };
        let at = Time::from_millis(5000);
        assert!(served.page(Format::Text, at).ends_with("# TYPE model_result gauge\nmodel_result 0.5\n"));
        assert!(served.page(Format::OpenMetrics, at).ends_with("\nmodel_result 0.5\n# EOF\n"));
    }

    #[test]
    fn gzip_is_sent_to_those_who_take_it() {
        assert!(takes_gzip("gzip") && takes_gzip("deflate, GZIP;q=0.5"));
        assert!(!takes_gzip("") && !takes_gzip("identity") && !takes_gzip("gzip;q=0"));
    }
}
