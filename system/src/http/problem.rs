//! Errors as answers: RFC 9457 problem documents, from one table of kinds.

use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// Says `true` where an answer that is not a success changed nothing: the request can be repeated without a thought.
pub(crate) const NOT_ATTEMPTED: HeaderName = HeaderName::from_static("not-attempted");

/// Every way in which a request can end without success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The body is no JSON.
    MalformedBody,
    /// The body is JSON and no valid command.
    InvalidBody,
    /// The body is larger than allowed.
    BodyTooLarge,
    /// The body is said to be something else than JSON.
    UnsupportedMediaType,
    /// The Idempotency-Key is missing or no UUID.
    InvalidIdempotencyKey,
    /// The first request with this key is still in work.
    InProgress,
    /// The key was used for another request.
    KeyReused,
    /// The path's id is no UUID.
    InvalidId,
    /// There is no such customer, or not yet.
    UnknownCustomer,
    /// There is no such application, or not yet.
    UnknownApplication,
    /// There is no such path.
    UnknownPath,
    /// The path does not know the method.
    MethodNotAllowed,
    /// Nothing was done: too much is in work, or nothing could be handed to the log.
    NotAttempted,
    /// The log did not confirm in time: nobody can know whether it holds the request.
    Unconfirmed,
    /// The owner of the state cannot be reached.
    OwnerUnavailable,
    /// A defect of the service.
    Internal,
}

impl Kind {
    /// The one table: type, status, title.
    fn description(self) -> (&'static str, StatusCode, &'static str) {
        match self {
            Self::MalformedBody => ("malformed-body", StatusCode::BAD_REQUEST, "The body is not JSON"),
            Self::InvalidBody => ("invalid-body", StatusCode::UNPROCESSABLE_ENTITY, "The body is not valid"),
            Self::BodyTooLarge => ("body-too-large", StatusCode::PAYLOAD_TOO_LARGE, "The body is too large"),
            Self::UnsupportedMediaType => {
                ("unsupported-media-type", StatusCode::UNSUPPORTED_MEDIA_TYPE, "The body must be application/json")
            }
            Self::InvalidIdempotencyKey => {
                ("invalid-idempotency-key", StatusCode::BAD_REQUEST, "The header Idempotency-Key must be a UUID")
            }
            Self::InProgress => ("in-progress", StatusCode::CONFLICT, "The first request with this key is in work"),
            Self::KeyReused => ("key-reused", StatusCode::UNPROCESSABLE_ENTITY, "The key was used for another request"),
            Self::InvalidId => ("invalid-id", StatusCode::BAD_REQUEST, "The id must be a UUID"),
            Self::UnknownCustomer => ("unknown-customer", StatusCode::NOT_FOUND, "No such customer"),
            Self::UnknownApplication => ("unknown-application", StatusCode::NOT_FOUND, "No such application"),
            Self::UnknownPath => ("unknown-path", StatusCode::NOT_FOUND, "No such path"),
            Self::MethodNotAllowed => ("method-not-allowed", StatusCode::METHOD_NOT_ALLOWED, "No such method here"),
            Self::NotAttempted => ("not-attempted", StatusCode::SERVICE_UNAVAILABLE, "Nothing was done; try again"),
            Self::Unconfirmed => {
                ("unconfirmed", StatusCode::GATEWAY_TIMEOUT, "Not confirmed in time; repeat with the same key")
            }
            Self::OwnerUnavailable => {
                ("owner-unavailable", StatusCode::SERVICE_UNAVAILABLE, "The owner of the state cannot be reached")
            }
            Self::Internal => ("internal", StatusCode::INTERNAL_SERVER_ERROR, "A defect of the service"),
        }
    }

    /// Whether the same request may do better soon.
    fn retry_after(self) -> bool {
        matches!(self, Self::NotAttempted | Self::Unconfirmed | Self::OwnerUnavailable | Self::InProgress)
    }

    /// A problem of this kind, with what is special about this case.
    pub(crate) fn with(self, detail: impl Into<String>) -> Problem {
        Problem { kind: self, detail: detail.into() }
    }
}

/// An answer that says what went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) kind: Kind,
    pub(crate) detail: String,
}

#[derive(Serialize)]
struct Document<'a> {
    #[serde(rename = "type")]
    kind: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (name, status, title) = self.kind.description();
        let kind = format!("urn:lending:problem:{name}");
        let document = Document { kind, title, status: status.as_u16(), detail: &self.detail };
        let mut response = (status, Json(document)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if self.kind.retry_after() {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if self.kind == Kind::NotAttempted {
            headers.insert(NOT_ATTEMPTED, HeaderValue::from_static("true"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn document(problem: Problem) -> serde_json::Value {
        let body = axum::body::to_bytes(problem.into_response().into_body(), 4096).await.expect("a body");
        serde_json::from_slice(&body).expect("JSON")
    }

    #[tokio::test]
    async fn a_problem_is_a_document_with_type_title_status_and_detail() {
        let document = document(Kind::InvalidBody.with("term_months is 0")).await;
        assert_eq!(document["type"], "urn:lending:problem:invalid-body");
        assert_eq!(document["status"], 422);
        assert_eq!(document["title"], "The body is not valid");
        assert_eq!(document["detail"], "term_months is 0");
    }

    #[test]
    fn only_what_changed_nothing_says_so() {
        let shed = Kind::NotAttempted.with("").into_response();
        assert_eq!(shed.status(), 503);
        assert_eq!(shed.headers()[NOT_ATTEMPTED], "true");
        assert_eq!(shed.headers()[header::RETRY_AFTER], "1");
        assert_eq!(shed.headers()[header::CONTENT_TYPE], "application/problem+json");
        let unconfirmed = Kind::Unconfirmed.with("").into_response();
        assert_eq!(unconfirmed.status(), 504);
        assert!(!unconfirmed.headers().contains_key(NOT_ATTEMPTED));
    }
}
