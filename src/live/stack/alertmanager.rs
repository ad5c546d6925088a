//! Alertmanager's API on its socket.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Request as HttpRequest, Response as HttpResponse, header};

use super::{Asked, Shared, now};
use crate::alertmanager::api::{ApiRequest, ApiResponse, ServerFacts};

pub(super) fn app(shared: &Arc<Shared>) -> Router {
    Router::new().fallback(answer).with_state(Arc::clone(shared))
}

async fn answer(State(state): State<Arc<Shared>>, request: HttpRequest<Body>) -> HttpResponse<Body> {
    let asked = match Asked::read(request).await {
        Ok(asked) => asked,
        Err(refused) => return refused,
    };
    let without_body = asked.method == "HEAD";
    if asked.path == "/-/reload" {
        let answer = match asked.method.as_str() {
            "POST" | "PUT" => match state.reload() {
                Ok(()) => ApiResponse::text(200, ""),
                Err(e) => ApiResponse::text(500, &format!("failed to reload config: {e}\n")),
            },
            _ => ApiResponse::text(405, "This endpoint requires a POST request.\n"),
        };
        return into_http(answer, without_body);
    }
    let Asked { method, path, query, content_type, body } = asked;
    let request = ApiRequest { method, path, query, content_type, body };
    let mut inner = state.lock();
    let facts = ServerFacts { config_text: inner.loaded.texts[1].clone() };
    let answer = inner.engine.alertmanager_mut().map(|alertmanager| alertmanager.answer(now(), &request, &facts));
    drop(inner);
    state.changed.notify_all();
    into_http(answer.unwrap_or_else(|| ApiResponse::text(503, "not running\n")), without_body)
}

fn into_http(answer: ApiResponse, without_body: bool) -> HttpResponse<Body> {
    let mut builder = HttpResponse::builder().status(answer.status);
    if let Some(content_type) = answer.content_type {
        builder = builder.header(header::CONTENT_TYPE, content_type);
    }
    let body = if without_body { Body::empty() } else { Body::from(answer.body) };
    builder.body(body).unwrap_or_default()
}
