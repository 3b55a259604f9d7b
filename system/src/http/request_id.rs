//! The id of a request, given by the client or the proxy, or made here; it correlates everything that follows from it.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use uuid::Uuid;

/// The header that carries it.
pub(crate) const HEADER: &str = "x-request-id";

/// A request's id: a UUID with or without hyphens. What is no UUID is replaced, so that no client writes into logs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RequestId(pub(crate) Uuid);

impl<S: Sync> FromRequestParts<S> for RequestId {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        let given = parts.headers.get(HEADER).and_then(|value| value.to_str().ok());
        Ok(Self(given.and_then(|text| Uuid::parse_str(text).ok()).unwrap_or_else(Uuid::new_v4)))
    }
}
