//! What a client is told about a request that was accepted, in a form that can be remembered and told again.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Says `true` where the answer is that of an earlier request with the same key.
pub(super) const IDEMPOTENT_REPLAY: HeaderName = HeaderName::from_static("idempotent-replay");

/// An answer as it is remembered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// Where the state of what was asked for can be read.
    pub(super) location: Option<String>,
    /// A JSON document.
    pub(super) body: String,
}

/// The log has the command; its owner will carry it out.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Accepted {
    /// The type of the event that the log has.
    pub(super) event: &'static str,
    /// Whom or what it is about; left out where it is about several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<String>,
    /// How many events the log has.
    pub(super) events: usize,
    /// When the log had them: a repeat is told when the first was accepted.
    pub(super) accepted_at: Timestamp,
}

impl Answer {
    /// 202 with this body.
    pub(super) fn accepted(body: &Accepted, location: Option<String>) -> Result<Self, serde_json::Error> {
        Ok(Self { status: StatusCode::ACCEPTED.as_u16(), location, body: serde_json::to_string(body)? })
    }

    /// The answer, given for the first time or as a `replay`.
    pub(super) fn into_response(self, replay: bool) -> Response {
        // What is remembered was written here; a status that is none can only come from somebody else's hand.
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::ACCEPTED);
        let mut response = (status, [(header::CONTENT_TYPE, "application/json")], self.body).into_response();
        if let Some(location) = self.location.and_then(|location| HeaderValue::try_from(location).ok()) {
            response.headers_mut().insert(header::LOCATION, location);
        }
        if replay {
            response.headers_mut().insert(IDEMPOTENT_REPLAY, HeaderValue::from_static("true"));
        }
        response
    }
}
