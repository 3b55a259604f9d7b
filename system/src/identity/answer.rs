//! What identity answers where it does not do what is asked: error documents as in RFC 6749, section 5.2.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// Why a request is not fulfilled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It is not understood, for this reason.
    InvalidRequest(String),
    /// There is no such client, or the secret is another.
    InvalidClient,
    /// Something else than client credentials is to be the ground.
    UnsupportedGrantType,
    /// The client may not have a scope that it asks for.
    InvalidScope,
    /// Whoever asks does not know the admin's secret.
    NotAdmin,
    /// A defect, a disk that takes nothing, or what it was told to.
    ServerError,
}

#[derive(Serialize)]
struct Document {
    error: &'static str,
    error_description: String,
}

impl Refusal {
    fn description(self) -> (StatusCode, &'static str, String) {
        let said = |text: &str| text.to_owned();
        match self {
            Self::InvalidRequest(reason) => (StatusCode::BAD_REQUEST, "invalid_request", reason),
            Self::InvalidClient => {
                (StatusCode::UNAUTHORIZED, "invalid_client", said("no such client, or another secret"))
            }
            Self::UnsupportedGrantType => {
                (StatusCode::BAD_REQUEST, "unsupported_grant_type", said("grant_type must be client_credentials"))
            }
            Self::InvalidScope => {
                (StatusCode::BAD_REQUEST, "invalid_scope", said("the client may not have that scope"))
            }
            Self::NotAdmin => {
                (StatusCode::UNAUTHORIZED, "invalid_token", said("the bearer token must be the admin's secret"))
            }
            Self::ServerError => {
                (StatusCode::INTERNAL_SERVER_ERROR, "server_error", said("it may have been done or not; try again"))
            }
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let challenge = (self == Self::NotAdmin).then(|| HeaderValue::from_static("Bearer realm=\"identity\""));
        let (status, error, error_description) = self.description();
        let mut response = (status, Json(Document { error, error_description })).into_response();
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(challenge) = challenge {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}
