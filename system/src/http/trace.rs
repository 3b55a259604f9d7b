//! The trace that a request belongs to.

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;

use crate::telemetry::{self, traceparent};

/// The trace that the request says it belongs to; none where it says nothing, or nothing that W3C Trace Context knows,
/// so that no client writes into events and logs what it likes.
pub(crate) fn parent(headers: &HeaderMap) -> Option<&str> {
    headers.get(traceparent::HEADER)?.to_str().ok().filter(|text| traceparent::sound(text))
}

/// Makes the answer to a request a step of its trace. Whoever answers finds that step in the request's header, in place
/// of what the client sent.
pub(crate) async fn follow(mut request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map_or("unmatched", MatchedPath::as_str);
    let (method, path) = (request.method().as_str(), request.uri().path());
    let mut step = telemetry::http::answer(method, route, path, parent(request.headers()));
    match step.traceparent().and_then(|text| HeaderValue::try_from(text).ok()) {
        Some(text) => request.headers_mut().insert(traceparent::HEADER, text),
        None => request.headers_mut().remove(traceparent::HEADER),
    };
    let response = next.run(request).await;
    telemetry::http::answered(&mut step, response.status().as_u16());
    response
}
