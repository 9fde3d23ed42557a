//! The pages: `/`, `/metrics`, `/healthz`, `/readyz`.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse};
use axum::routing::get;

use super::server::Parts;

pub(super) fn router(parts: Arc<Parts>) -> Router {
    Router::new()
        .route("/", get(index))
        .route("/metrics", get(metrics))
        .route("/healthz", get(alive))
        .route("/readyz", get(ready))
        .with_state(parts)
}

async fn index(State(parts): State<Arc<Parts>>) -> Html<String> {
    let (missing, version) = (parts.health.missing(), parts.version);
    let state = if missing.is_empty() { "ready".to_owned() } else { missing.join(", ") };
    Html(format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Tollgate</title>\
         <h1>Tollgate {version}</h1><p>{state}</p>\
         <ul><li><a href=\"/metrics\">metrics</a><li><a href=\"/healthz\">alive?</a><li><a href=\"/readyz\">ready?</a></ul>\n"
    ))
}

/// The text format of Prometheus, version 0.0.4.
async fn metrics(State(parts): State<Arc<Parts>>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], (parts.metrics)())
}

/// The process answers; nothing more is meant.
async fn alive() -> &'static str {
    "alive\n"
}

/// 200 when calls can be taken, else 503 and what is missing, one in a line.
async fn ready(State(parts): State<Arc<Parts>>) -> (StatusCode, String) {
    match parts.health.missing().as_slice() {
        [] => (StatusCode::OK, "ready\n".into()),
        missing => (StatusCode::SERVICE_UNAVAILABLE, format!("{}\n", missing.join("\n"))),
    }
}
