//! Prometheus' HTTP API on its socket, as far as people and tools of the lab use it.
//!
//! Facts: upstream `web/api/v1`; answers recorded from 2.42.

mod queries;
mod state;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Request as HttpRequest, Response as HttpResponse, StatusCode, header};
use serde_json::{Value, json};

use super::{Asked, Inner, Shared, decoded, reply};

const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";

pub(super) fn app(shared: &Arc<Shared>) -> Router {
    Router::new().fallback(answer).with_state(Arc::clone(shared))
}

/// An answer of the API.
struct Answer {
    status: u16,
    body: String,
}

impl Answer {
    fn data(data: &Value) -> Self {
        Self { status: 200, body: json!({"status": "success", "data": data}).to_string() }
    }

    fn bad_data(error: &str) -> Self {
        let body = json!({"status": "error", "errorType": "bad_data", "error": error}).to_string();
        Self { status: 400, body }
    }
}

/// The parameters of a request, those of its body's form first.
struct Parameters(Vec<(String, String)>);

impl Parameters {
    fn of(asked: &Asked) -> Self {
        let is_form = asked.content_type.as_deref().is_some_and(|t| t.starts_with("application/x-www-form-urlencoded"));
        let mut all = if is_form { decoded(&String::from_utf8_lossy(&asked.body)) } else { Vec::new() };
        all.extend(asked.query.iter().cloned());
        Self(all)
    }

    fn get(&self, name: &str) -> Option<&str> {
        let first = self.0.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str());
        first.filter(|value| !value.is_empty())
    }

    fn all<'p>(&'p self, name: &'p str) -> impl Iterator<Item = &'p str> {
        self.0.iter().filter(move |(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

async fn answer(State(state): State<Arc<Shared>>, request: HttpRequest<Body>) -> HttpResponse<Body> {
    let asked = match Asked::read(request).await {
        Ok(asked) => asked,
        Err(refused) => return refused,
    };
    let (get, post) = (matches!(asked.method.as_str(), "GET" | "HEAD"), asked.method == "POST");
    match asked.path.as_str() {
        "/-/healthy" if get => reply(StatusCode::OK, TEXT, "Prometheus Server is Healthy.\n"),
        "/-/ready" if get => reply(StatusCode::OK, TEXT, "Prometheus Server is Ready.\n"),
        "/-/reload" => match asked.method.as_str() {
            "POST" | "PUT" => match state.reload() {
                Ok(()) => reply(StatusCode::OK, TEXT, ""),
                Err(e) => reply(StatusCode::INTERNAL_SERVER_ERROR, TEXT, format!("failed to reload config: {e}\n")),
            },
            _ => reply(StatusCode::METHOD_NOT_ALLOWED, TEXT, "Only POST or PUT requests allowed\n"),
        },
        "/graph" | "/query" if get => {
            let expr = asked.query.iter().find(|(name, _)| name == "g0.expr").map_or("", |(_, expr)| expr);
            queries::page(&state.lock(), expr)
        }
        "/" if get => {
            let mut response = reply(StatusCode::FOUND, TEXT, "");
            response.headers_mut().insert(header::LOCATION, header::HeaderValue::from_static("/graph"));
            response
        }
        path => match path.strip_prefix("/api/v1/") {
            Some(_) if !get && !post => reply(StatusCode::METHOD_NOT_ALLOWED, TEXT, "Method Not Allowed\n"),
            Some(rest) => {
                let answer = api(&state, &state.lock(), rest, &Parameters::of(&asked));
                match answer {
                    Some(Answer { status, body }) => {
                        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                        reply(status, JSON, if asked.method == "HEAD" { String::new() } else { body })
                    }
                    None => reply(StatusCode::NOT_FOUND, TEXT, "404 page not found\n"),
                }
            }
            None => reply(StatusCode::NOT_FOUND, TEXT, "404 page not found\n"),
        },
    }
}

fn api(shared: &Shared, inner: &Inner, path: &str, parameters: &Parameters) -> Option<Answer> {
    Some(match path.trim_end_matches('/') {
        "query" => queries::query(inner, parameters, false),
        "query_range" => queries::query(inner, parameters, true),
        "format_query" => queries::format(inner, parameters),
        "series" => queries::series(inner, parameters),
        "labels" => queries::label_names(inner, parameters),
        "targets" => state::targets(inner, parameters),
        "rules" => state::rules(inner, parameters),
        "alerts" => Answer::data(&state::alerts(inner)),
        "alertmanagers" => Answer::data(&state::alertmanagers(inner)),
        "scrape_pools" => Answer::data(&state::scrape_pools(inner)),
        "metadata" => Answer::data(&json!({})),
        "query_exemplars" => Answer::data(&json!([])),
        "status/config" => Answer::data(&json!({"yaml": inner.loaded.texts[0]})),
        "status/buildinfo" => Answer::data(&state::build_info(inner)),
        "status/runtimeinfo" => Answer::data(&state::runtime_info(shared, inner)),
        "status/flags" => Answer::data(&state::flags(inner)),
        "status/tsdb" => Answer::data(&state::store(inner)),
        other => {
            let name = other.strip_prefix("label/")?.strip_suffix("/values")?;
            queries::label_values(inner, name, parameters)
        }
    })
}
