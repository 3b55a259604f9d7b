//! `POST /v1/loan-applications`: accepted is what the log has acknowledged, and nothing else.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tokio::sync::OwnedSemaphorePermit;
use tracing::{error, warn};
use uuid::Uuid;

use super::Gateway;
use super::idempotency::Seen;
use crate::domain::application::LoanApplication;
use crate::http::problem::{Kind, Problem};
use crate::http::request_id::RequestId;
use crate::messaging::event::{Cause, Event};
use crate::messaging::producer::PublishError;
use crate::messaging::topic;

const ROUTE: &str = "loan-applications";
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const IDEMPOTENT_REPLAY: HeaderName = HeaderName::from_static("idempotent-replay");

/// What the client is told about an application that was accepted.
#[derive(Serialize)]
struct Accepted {
    external_id: Uuid,
    status: &'static str,
}

/// Takes an application: 202 with its location once the log has it.
pub(super) async fn submit(
    State(gateway): State<Arc<Gateway>>,
    request_id: RequestId,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let place = gateway.admission.enter()?;
    let key = idempotency_key(&headers)?;
    let application = parse(&headers, body)?;
    // A task of its own: a client that hangs up must not leave the key reserved and the outcome unrecorded.
    let work = tokio::spawn(accept(gateway, place, request_id, key, application));
    work.await.unwrap_or_else(|error| {
        error!(%error, "accepting an application failed");
        Err(Kind::Internal.with("the request may or may not have been accepted"))
    })
}

async fn accept(
    gateway: Arc<Gateway>,
    _place: OwnedSemaphorePermit,
    request_id: RequestId,
    key: Uuid,
    application: LoanApplication,
) -> Result<Response, Problem> {
    let external_id = application.external_id;
    let location = format!("/v1/loan-applications/{external_id}");
    let request = serde_json::to_string(&application).map_err(|error| defect(&error))?;
    let reservation = match gateway.idempotency.reserve(ROUTE, key, request).await {
        Seen::First(reservation) => Some(reservation),
        Seen::Unknown => None,
        Seen::Answered(location) => return Ok(accepted(external_id, &location, true)),
        Seen::InProgress => return Err(Kind::InProgress.with(format!("key {key}"))),
        Seen::Reused => return Err(Kind::KeyReused.with(format!("key {key}"))),
    };
    let published = take(&gateway, request_id, application).await;
    match (&published, reservation) {
        (Ok(()), Some(reservation)) => gateway.idempotency.complete(reservation, &location).await,
        (Err(_), Some(reservation)) => gateway.idempotency.release(reservation).await,
        (_, None) => {}
    }
    published.map(|()| accepted(external_id, &location, false))
}

async fn take(gateway: &Gateway, request_id: RequestId, application: LoanApplication) -> Result<(), Problem> {
    gateway.intake.before_log(&application).await?;
    append(gateway, request_id, application).await
}

async fn append(gateway: &Gateway, request_id: RequestId, application: LoanApplication) -> Result<(), Problem> {
    let external_id = application.external_id.to_string();
    let event = Event::now(Cause { correlation_id: request_id.0, causation_id: None, traceparent: None }, application)
        .to_json()
        .map_err(|error| defect(&error))?;
    gateway.producer.publish(topic::ORIGINATION_COMMANDS, &external_id, &event).await.map_err(|error| {
        let (kind, detail) = match &error {
            PublishError::NotAttempted { .. } => (Kind::NotAttempted, "nothing was handed to the log"),
            PublishError::Unconfirmed { .. } => (Kind::Unconfirmed, "the log did not confirm in time"),
        };
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        warn!(%error, cause, external_id, correlation_id = %request_id.0, "an application was not accepted");
        kind.with(detail)
    })
}

fn accepted(external_id: Uuid, location: &str, replay: bool) -> Response {
    let body = Accepted { external_id, status: "SUBMITTED_AND_PENDING_APPROVAL" };
    let mut response = (StatusCode::ACCEPTED, Json(body)).into_response();
    if let Ok(location) = HeaderValue::from_str(location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    if replay {
        response.headers_mut().insert(IDEMPOTENT_REPLAY, HeaderValue::from_static("true"));
    }
    response
}

fn idempotency_key(headers: &HeaderMap) -> Result<Uuid, Problem> {
    let text = headers.get(IDEMPOTENCY_KEY).and_then(|value| value.to_str().ok());
    let key = text.and_then(|text| Uuid::parse_str(text).ok());
    key.ok_or_else(|| {
        Kind::InvalidIdempotencyKey.with("send a new UUID with each new request, and the same with each repeat")
    })
}

fn parse(headers: &HeaderMap, body: Result<Bytes, BytesRejection>) -> Result<LoanApplication, Problem> {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/json") {
        return Err(Kind::UnsupportedMediaType.with(format!("the header Content-Type is {content_type:?}")));
    }
    let body = body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Kind::BodyTooLarge.with(rejection.body_text()),
        _ => Kind::MalformedBody.with(rejection.body_text()),
    })?;
    serde_json::from_slice(&body).map_err(|error| {
        let kind = if error.is_data() { Kind::InvalidBody } else { Kind::MalformedBody };
        kind.with(error.to_string())
    })
}

/// The answer where JSON of our own cannot be written.
pub(super) fn defect(error: &serde_json::Error) -> Problem {
    error!(%error, "cannot write JSON");
    Kind::Internal.with("cannot write JSON")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::application::tests::sound;

    fn json_headers() -> HeaderMap {
        HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"))])
    }

    fn refused(headers: &HeaderMap, body: &str) -> Kind {
        parse(headers, Ok(Bytes::copy_from_slice(body.as_bytes()))).expect_err("must be refused").kind
    }

    #[test]
    fn a_sound_body_is_taken() {
        assert!(parse(&json_headers(), Ok(Bytes::from(sound().to_string()))).is_ok());
    }

    #[test]
    fn each_wrong_body_has_its_own_problem() {
        assert_eq!(refused(&json_headers(), "{"), Kind::MalformedBody);
        assert_eq!(refused(&json_headers(), ""), Kind::MalformedBody);
        assert_eq!(refused(&json_headers(), "{}"), Kind::InvalidBody);
        assert_eq!(refused(&json_headers(), "[1]"), Kind::InvalidBody);
        assert_eq!(refused(&HeaderMap::new(), &sound().to_string()), Kind::UnsupportedMediaType);
    }

    #[test]
    fn the_idempotency_key_is_a_uuid() {
        assert!(idempotency_key(&HeaderMap::new()).is_err());
        let with = |value| idempotency_key(&HeaderMap::from_iter([(IDEMPOTENCY_KEY, HeaderValue::from_static(value))]));
        assert!(with("17").is_err());
        assert!(with("0190c2f4-7d1c-7a3e-8a55-0c8b8a5b0001").is_ok());
    }

    #[test]
    fn a_replay_says_that_it_is_one() {
        let first = accepted(Uuid::nil(), "/x", false);
        assert_eq!(
            (first.status(), &first.headers()[header::LOCATION]),
            (StatusCode::ACCEPTED, &HeaderValue::from_static("/x"))
        );
        assert!(!first.headers().contains_key(IDEMPOTENT_REPLAY));
        assert_eq!(accepted(Uuid::nil(), "/x", true).headers()[IDEMPOTENT_REPLAY], "true");
    }
}
