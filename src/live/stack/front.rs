//! The page that shows the whole stack: alerts, targets, the VM's load, the latest messages, and the way to the rest.

use std::convert::Infallible;
use std::fmt;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, Request as HttpRequest, Response as HttpResponse, StatusCode, header};
use axum::response::IntoResponse as _;
use axum::response::sse::{Event, KeepAlive, Sse};
use tokio::sync::mpsc;

use super::super::events::Events;
use super::{Asked, Inner, Shared, now, reply};
use crate::discord::page::{POLICY, STYLE, escape};
use crate::engine::TargetId;
use crate::golang::duration::format_prometheus_duration;
use crate::golang::float::format_value;
use crate::golang::quote;
use crate::model::Time;
use crate::rules::AlertState;

/// How often the page looks for news.
const PERIOD: Duration = Duration::from_secs(1);
const OWN_STYLE: &str = include_str!("front.css");
const SCRIPT: &str = include_str!("front.js");

/// A link of the page.
#[derive(Clone, Debug)]
pub struct Link {
    /// What it is called.
    pub name: String,
    /// Where it leads.
    pub url: String,
}

/// What loads the modelled VM.
#[derive(Clone)]
pub struct LoadControl {
    /// The share of its time that the VM is busy, 0 to 1.
    pub busy: Arc<dyn Fn(Time) -> f64 + Send + Sync>,
    /// Loads all cores for so many seconds from now on; refuses in words.
    pub start: Arc<dyn Fn(f64) -> Result<(), String> + Send + Sync>,
}

/// What the page shows beside the stack itself.
#[derive(Clone)]
pub struct Front {
    /// What is served.
    pub title: String,
    /// The other pages.
    pub links: Vec<Link>,
    /// The latest messages as articles, newest first.
    pub messages: Arc<dyn Fn() -> String + Send + Sync>,
    /// The modelled VM.
    pub load: LoadControl,
    /// What is worth a remark.
    pub remarks: Vec<String>,
}

impl fmt::Debug for Front {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Front").field("title", &self.title).field("links", &self.links).finish_non_exhaustive()
    }
}

struct Served {
    shared: Arc<Shared>,
    front: Front,
}

pub(super) fn app(shared: &Arc<Shared>, front: Front) -> Router {
    Router::new().fallback(answer).with_state(Arc::new(Served { shared: Arc::clone(shared), front }))
}

async fn answer(State(served): State<Arc<Served>>, request: HttpRequest<Body>) -> HttpResponse<Body> {
    // A page of another site cannot set this header without being asked first.
    let own = request.headers().contains_key("x-labkit");
    let asked = match Asked::read(request).await {
        Ok(asked) => asked,
        Err(refused) => return refused,
    };
    match (asked.method.as_str(), asked.path.as_str()) {
        ("GET" | "HEAD", "/") => {
            let mut response = reply(StatusCode::OK, "text/html; charset=utf-8", page(&served));
            response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
            response
        }
        ("GET", "/style.css") => reply(StatusCode::OK, "text/css; charset=utf-8", format!("{STYLE}{OWN_STYLE}")),
        ("GET", "/front.js") => reply(StatusCode::OK, "text/javascript; charset=utf-8", SCRIPT),
        ("GET", "/events") => events(&served),
        ("POST", "/load") if own => {
            let seconds = asked.query.iter().find(|(name, _)| name == "seconds").and_then(|(_, s)| s.parse().ok());
            match seconds.filter(|s: &f64| (1.0..=3600.0).contains(s)) {
                Some(seconds) => match (served.front.load.start)(seconds) {
                    Ok(()) => reply(StatusCode::OK, "text/plain; charset=utf-8", ""),
                    Err(e) => reply(StatusCode::CONFLICT, "text/plain; charset=utf-8", e),
                },
                None => reply(StatusCode::BAD_REQUEST, "text/plain; charset=utf-8", "wanted 1 to 3600 seconds"),
            }
        }
        _ => reply(StatusCode::NOT_FOUND, "text/plain; charset=utf-8", "not found\n"),
    }
}

/// The state each time it has changed, until the reader is gone or the stack stops.
fn events(served: &Arc<Served>) -> HttpResponse<Body> {
    let (send, receive) = mpsc::channel(2);
    let served = Arc::downgrade(served);
    tokio::spawn(async move {
        let mut last = String::new();
        while let Some(served) = served.upgrade().filter(|s| !s.shared.lock().stopping) {
            let html = state(&served);
            drop(served);
            if html != last {
                let event = Ok::<_, Infallible>(Event::default().event("state").data(&html));
                if send.send(event).await.is_err() {
                    return;
                }
                last = html;
            }
            tokio::time::sleep(PERIOD).await;
        }
    });
    Sse::new(Events(receive)).keep_alive(KeepAlive::default()).into_response()
}

fn page(served: &Served) -> String {
    let front = &served.front;
    let title = escape(&front.title);
    let links: String = front
        .links
        .iter()
        .map(|l| format!("<a href=\"{}\">{}</a>", escape(&l.url), escape(&l.name)))
        .collect::<Vec<_>>()
        .concat();
    let remarks: String = front.remarks.iter().map(|r| format!("<p class=\"remark\">{}</p>\n", escape(r))).collect();
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n\
         <link rel=\"stylesheet\" href=\"style.css\">\n<script src=\"front.js\" defer></script>\n</head>\n<body>\n\
         <header class=\"channel\"><h1>{title}</h1><p>times are UTC</p><output id=\"state\"></output></header>\n\
         <nav>{links}</nav>\n{remarks}<p class=\"load\">Load all cores of the VM for \
         <button data-seconds=\"120\">2 min</button> <button data-seconds=\"240\">4 min</button> \
         <output id=\"said\"></output></p>\n<main class=\"stack\">{}</main>\n</body>\n</html>\n",
        state(served)
    )
}

fn state(served: &Served) -> String {
    let mut out = String::new();
    let busy = (served.front.load.busy)(now());
    let _ = writeln!(out, "<p>The VM is {:.0} % busy.</p>", busy * 100.0);
    let inner = served.shared.lock();
    push_alerts(&mut out, &inner);
    push_targets(&mut out, &inner);
    drop(inner);
    let messages = (served.front.messages)();
    let none = if messages.is_empty() { "<p class=\"quiet\">none yet</p>" } else { "" };
    let _ = writeln!(out, "<h2>Latest messages</h2>\n{none}{messages}");
    out
}

fn clock(at: Time) -> String {
    let seconds = at.0.div_euclid(1_000_000_000).rem_euclid(86_400);
    format!("{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

fn push_alerts(out: &mut String, inner: &Inner) {
    out.push_str("<h2>Alerts</h2>\n<table><tr><th>state</th><th>alert</th><th>since</th><th>value</th></tr>\n");
    for group in inner.engine.groups() {
        for (r, rule) in group.spec().rules.iter().enumerate() {
            if matches!(rule.kind, crate::rules::RuleKind::Recording) {
                continue;
            }
            let mut any = false;
            for alert in group.active(r).filter(|a| a.state != AlertState::Inactive) {
                any = true;
                let labels = alert.labels.iter().filter(|l| &*l.name != "alertname");
                let labels: Vec<String> = labels.map(|l| format!("{}={}", l.name, quote(&l.value))).collect();
                let state = alert.state.as_str();
                let _ = writeln!(
                    out,
                    "<tr><td><span class=\"state {state}\">{state}</span></td><td>{} <code>{}</code></td><td>{}</td><td>{}</td></tr>",
                    escape(&rule.name),
                    escape(&labels.join(" ")),
                    clock(alert.active_at),
                    escape(&format_value(alert.value)),
                );
            }
            if !any {
                let failed = group.last_error(r).map_or_else(String::new, |e| format!(" <em>{}</em>", escape(e)));
                let _ = writeln!(
                    out,
                    "<tr><td><span class=\"state\">inactive</span></td><td>{}{failed}</td><td></td><td></td></tr>",
                    escape(&rule.name)
                );
            }
        }
    }
    out.push_str("</table>\n");
}

fn push_targets(out: &mut String, inner: &Inner) {
    out.push_str("<h2>Targets</h2>\n<table><tr><th>state</th><th>job</th><th>address</th><th>every</th></tr>\n");
    let targets = inner.loaded.config.prometheus.iter().flat_map(|p| p.targets.iter().enumerate());
    for (i, setup) in targets {
        let (state, error) = match inner.engine.scrape_error(TargetId(i)) {
            None => ("unknown", ""),
            Some(None) => ("up", ""),
            Some(Some(error)) => ("down", error),
        };
        let _ = writeln!(
            out,
            "<tr><td><span class=\"state {state}\">{state}</span></td><td>{}</td><td>{} <em>{}</em></td><td>{}</td></tr>",
            escape(&setup.target.job),
            escape(&setup.target.url),
            escape(error),
            format_prometheus_duration(setup.target.interval_ns),
        );
    }
    out.push_str("</table>\n");
}
