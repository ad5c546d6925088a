//! What people watch: the channel as a page that stays up to date by itself, and the list for programs.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

use axum::body::Body;
use axum::http::{HeaderValue, Response as HttpResponse, StatusCode, header};
use axum::response::IntoResponse as _;
use axum::response::sse::{Event, KeepAlive, Sse};
use tokio::sync::mpsc;

use super::super::events::Events;
use super::{Inner, Shared, plain};
use crate::discord::api::RecordedMessage;
use crate::discord::page::{ChannelLink, ChannelPage, POLICY, SCRIPT, STYLE, article};

/// How many messages a page shows.
const MAX_SHOWN: usize = 200;
/// News that wait for a slow reader.
const QUEUE: usize = 32;

/// Answers what is not of the API.
pub(super) fn answer(state: &Arc<Shared>, path: &str, query: &str) -> HttpResponse<Body> {
    let webhook = query.split('&').find_map(|pair| pair.strip_prefix("webhook=")).and_then(|id| id.parse().ok());
    match path {
        "/" => page(&state.lock(), webhook),
        "/style.css" => plain(StatusCode::OK, "text/css; charset=utf-8", STYLE),
        "/live.js" => plain(StatusCode::OK, "text/javascript; charset=utf-8", SCRIPT),
        "/events" => events(state, webhook),
        "/messages.json" => {
            let list: serde_json::Value = state.lock().received.iter().map(super::Received::to_json).collect();
            plain(StatusCode::OK, "application/json", &list.to_string())
        }
        _ => plain(StatusCode::NOT_FOUND, "text/plain", "not found"),
    }
}

fn page(inner: &Inner, webhook: Option<u64>) -> HttpResponse<Body> {
    let name = |id: u64| inner.owners.get(&id).cloned().unwrap_or_else(|| format!("webhook {id}"));
    let channels = match inner.owners.is_empty() {
        true => Vec::new(),
        false => {
            let all = ChannelLink { href: "./".to_owned(), name: "all".to_owned(), here: webhook.is_none() };
            let each = inner.owners.iter().map(|(id, owner)| ChannelLink {
                href: format!("?webhook={id}"),
                name: owner.clone(),
                here: webhook == Some(*id),
            });
            std::iter::once(all).chain(each).collect()
        }
    };
    let page = ChannelPage {
        title: webhook.map_or_else(|| "alerts".to_owned(), name),
        topic: "what Discord would show; times are UTC".to_owned(),
        channels,
        events: webhook.map_or_else(|| "events".to_owned(), |id| format!("events?webhook={id}")),
    };
    let articles: String = articles(inner, webhook).into_values().collect();
    let mut response = plain(StatusCode::OK, "text/html; charset=utf-8", &page.html(&articles));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

/// The messages of a page by their ids, oldest first.
fn articles(inner: &Inner, webhook: Option<u64>) -> BTreeMap<u64, String> {
    let shown = |m: &&RecordedMessage| webhook.is_none_or(|id| m.webhook_id == id);
    let last = inner.server.messages().iter().rev().filter(shown).take(MAX_SHOWN);
    last.map(|m| (m.id, article(m.id, &m.into()))).collect()
}

/// Shows the latest messages elsewhere.
#[derive(Clone, Debug)]
pub struct Latest(pub(super) Weak<Shared>);

impl Latest {
    /// At most `max` messages as articles, newest first.
    pub fn articles(&self, max: usize) -> String {
        let Some(state) = self.0.upgrade() else { return String::new() };
        let messages = articles(&state.lock(), None);
        messages.into_values().rev().take(max).collect()
    }
}

/// First all messages, then each that comes or changes, until the reader is gone or the receiver stops.
fn events(state: &Arc<Shared>, webhook: Option<u64>) -> HttpResponse<Body> {
    let (send, receive) = mpsc::channel(QUEUE);
    let mut changes = state.changes.subscribe();
    // Weak, or a reader would keep alive what is being stopped.
    let state = Arc::downgrade(state);
    tokio::spawn(async move {
        let Some(mut shown) = look(&state, webhook) else { return };
        let all: String = shown.values().map(String::as_str).collect();
        if send.send(Ok(Event::default().event("all").data(all))).await.is_err() {
            return;
        }
        while changes.changed().await.is_ok() {
            let Some(now) = look(&state, webhook) else { return };
            for (_, article) in now.iter().filter(|(id, article)| shown.get(id) != Some(article)) {
                if send.send(Ok(Event::default().event("article").data(article))).await.is_err() {
                    return;
                }
            }
            shown = now;
        }
    });
    Sse::new(Events(receive)).keep_alive(KeepAlive::default()).into_response()
}

fn look(state: &Weak<Shared>, webhook: Option<u64>) -> Option<BTreeMap<u64, String>> {
    let state = state.upgrade()?;
    let inner = state.lock();
    (!inner.stopping).then(|| articles(&inner, webhook))
}
