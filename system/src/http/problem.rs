//! Errors as answers: RFC 9457 problem documents, from one table of kinds.

use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

/// Says `true` where an answer that is not a success changed nothing: the request can be repeated without a thought.
pub(crate) const NOT_ATTEMPTED: HeaderName = HeaderName::from_static("not-attempted");

/// The media type of a problem document.
pub(crate) const MEDIA_TYPE: &str = "application/problem+json";

/// Every way in which a request can end without success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It is no HTTP that the front door understands.
    BadRequest,
    /// The body is no JSON.
    MalformedBody,
    /// The body is JSON and no valid command.
    InvalidBody,
    /// The body is larger than allowed.
    BodyTooLarge,
    /// The body is said to be something else than JSON.
    UnsupportedMediaType,
    /// The body did not arrive in time.
    RequestTimeout,
    /// The path and its query are longer than allowed.
    UriTooLong,
    /// The headers are larger than allowed.
    HeadersTooLarge,
    /// The Idempotency-Key is missing or no UUID.
    InvalidIdempotencyKey,
    /// The first request with this key is still in work.
    InProgress,
    /// The key was used for another request.
    KeyReused,
    /// There is no token.
    MissingToken,
    /// The token is none of the identity provider's, or not good for this.
    InvalidToken,
    /// The token was good and was revoked.
    RevokedToken,
    /// The token is good for other routes.
    InsufficientScope,
    /// An id in the path is none.
    InvalidId,
    /// There is no such customer, or not yet.
    UnknownCustomer,
    /// There is no such application, or not yet.
    UnknownApplication,
    /// There is no such loan, or not yet.
    UnknownLoan,
    /// There is no such path.
    UnknownPath,
    /// The path does not know the method.
    MethodNotAllowed,
    /// The client asks for more than its share; the front door says so.
    TooManyRequests,
    /// Nothing was done: too much is in work, or nothing could be handed to the log.
    NotAttempted,
    /// The log did not confirm in time: nobody can know whether it holds the request.
    Unconfirmed,
    /// The front door got no answer from a gateway: nobody can know whether it has the request.
    BadGateway,
    /// The owner of the state cannot be reached.
    OwnerUnavailable,
    /// A defect of the service.
    Internal,
}

impl Kind {
    /// The one table: type, status, title.
    pub(crate) fn description(self) -> (&'static str, StatusCode, &'static str) {
        use StatusCode as S;
        match self {
            Self::BadRequest => ("bad-request", S::BAD_REQUEST, "The request is not valid HTTP"),
            Self::MalformedBody => ("malformed-body", S::BAD_REQUEST, "The body is not JSON"),
            Self::InvalidBody => ("invalid-body", S::UNPROCESSABLE_ENTITY, "The body is not valid"),
            Self::BodyTooLarge => ("body-too-large", S::PAYLOAD_TOO_LARGE, "The body is too large"),
            Self::UnsupportedMediaType => {
                ("unsupported-media-type", S::UNSUPPORTED_MEDIA_TYPE, "The body must be application/json")
            }
            Self::RequestTimeout => ("request-timeout", S::REQUEST_TIMEOUT, "The request did not arrive in time"),
            Self::UriTooLong => ("uri-too-long", S::URI_TOO_LONG, "The path is too long"),
            Self::HeadersTooLarge => {
                ("headers-too-large", S::REQUEST_HEADER_FIELDS_TOO_LARGE, "The headers are too large")
            }
            Self::InvalidIdempotencyKey => {
                ("invalid-idempotency-key", S::BAD_REQUEST, "The header Idempotency-Key must be a UUID")
            }
            Self::InProgress => ("in-progress", S::CONFLICT, "The first request with this key is in work"),
            Self::KeyReused => ("key-reused", S::UNPROCESSABLE_ENTITY, "The key was used for another request"),
            Self::MissingToken => ("missing-token", S::UNAUTHORIZED, "A bearer token is needed"),
            Self::InvalidToken => ("invalid-token", S::UNAUTHORIZED, "The token is not valid"),
            Self::RevokedToken => ("revoked-token", S::UNAUTHORIZED, "The token was revoked"),
            Self::InsufficientScope => ("insufficient-scope", S::FORBIDDEN, "The token is not good for this"),
            Self::InvalidId => ("invalid-id", S::BAD_REQUEST, "An id in the path is not valid"),
            Self::UnknownCustomer => ("unknown-customer", S::NOT_FOUND, "No such customer"),
            Self::UnknownApplication => ("unknown-application", S::NOT_FOUND, "No such application"),
            Self::UnknownLoan => ("unknown-loan", S::NOT_FOUND, "No such loan"),
            Self::UnknownPath => ("unknown-path", S::NOT_FOUND, "No such path"),
            Self::MethodNotAllowed => ("method-not-allowed", S::METHOD_NOT_ALLOWED, "No such method here"),
            Self::TooManyRequests => ("too-many-requests", S::TOO_MANY_REQUESTS, "Too many requests of this client"),
            Self::NotAttempted => ("not-attempted", S::SERVICE_UNAVAILABLE, "Nothing was done; try again"),
            Self::Unconfirmed => ("unconfirmed", S::GATEWAY_TIMEOUT, "Not confirmed in time; repeat with the same key"),
            Self::BadGateway => ("bad-gateway", S::BAD_GATEWAY, "No gateway gave an answer; repeat with the same key"),
            Self::OwnerUnavailable => {
                ("owner-unavailable", S::SERVICE_UNAVAILABLE, "The owner of the state cannot be reached")
            }
            Self::Internal => ("internal", S::INTERNAL_SERVER_ERROR, "A defect of the service"),
        }
    }

    /// Whether the same request may do better soon.
    pub(crate) fn retry_after(self) -> bool {
        matches!(
            self,
            Self::InProgress
                | Self::TooManyRequests
                | Self::NotAttempted
                | Self::Unconfirmed
                | Self::BadGateway
                | Self::OwnerUnavailable
        )
    }

    /// Whether the answer says that nothing was changed, where its status alone does not.
    pub(crate) fn not_attempted(self) -> bool {
        matches!(self, Self::TooManyRequests | Self::NotAttempted)
    }

    /// What a client is told about its token, in the words of RFC 6750.
    pub(crate) fn challenge(self) -> Option<HeaderValue> {
        let text = match self {
            Self::MissingToken => "Bearer realm=\"lending\"",
            Self::InvalidToken | Self::RevokedToken => "Bearer realm=\"lending\", error=\"invalid_token\"",
            Self::InsufficientScope => "Bearer realm=\"lending\", error=\"insufficient_scope\"",
            _ => return None,
        };
        Some(HeaderValue::from_static(text))
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

/// What went wrong (RFC 9457).
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct Document<'a> {
    /// `urn:lending:problem:` and the kind: what a program decides by.
    #[serde(rename = "type")]
    kind: String,
    /// The kind in words.
    title: &'a str,
    /// The answer's status.
    status: u16,
    /// What is special about this case.
    detail: &'a str,
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (name, status, title) = self.kind.description();
        let kind = format!("urn:lending:problem:{name}");
        let document = Document { kind, title, status: status.as_u16(), detail: &self.detail };
        let mut response = (status, Json(document)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        if self.kind.retry_after() {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if self.kind.not_attempted() {
            headers.insert(NOT_ATTEMPTED, HeaderValue::from_static("true"));
        }
        if let Some(challenge) = self.kind.challenge() {
            headers.insert(header::WWW_AUTHENTICATE, challenge);
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

    #[test]
    fn a_refused_token_is_told_how_to_do_better() {
        let challenge = |kind: Kind| kind.with("").into_response().headers()[header::WWW_AUTHENTICATE].clone();
        assert_eq!(challenge(Kind::MissingToken), "Bearer realm=\"lending\"");
        assert_eq!(challenge(Kind::RevokedToken), "Bearer realm=\"lending\", error=\"invalid_token\"");
        assert_eq!(challenge(Kind::InsufficientScope), "Bearer realm=\"lending\", error=\"insufficient_scope\"");
    }
}
