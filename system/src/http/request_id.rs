//! The id of a request, given by the client or the proxy, or made here; it correlates everything that follows from it,
//! and stands in every line of the log about it.

use std::convert::Infallible;

use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument;
use uuid::Uuid;

use crate::telemetry::context;

/// The header that carries it.
pub(crate) const HEADER: &str = "x-request-id";

/// A request's id: a UUID with or without hyphens. What is no UUID is replaced, so that no client writes into logs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RequestId(pub(crate) Uuid);

impl RequestId {
    fn of(headers: &HeaderMap) -> Self {
        let given = headers.get(HEADER).and_then(|value| value.to_str().ok());
        Self(given.and_then(|text| Uuid::parse_str(text).ok()).unwrap_or_else(Uuid::new_v4))
    }
}

impl<S: Sync> FromRequestParts<S> for RequestId {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.headers))
    }
}

/// Gives a request an id that whoever answers finds in its header, and has every line about it say the id.
pub(crate) async fn know(mut request: Request, next: Next) -> Response {
    let RequestId(id) = RequestId::of(request.headers());
    if let Ok(text) = HeaderValue::try_from(id.to_string()) {
        request.headers_mut().insert(HEADER, text);
    }
    next.run(request).instrument(context::of_request(id)).await
}
