//! The way of every command: accepted is what the log has acknowledged, and nothing else.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, RawPathParams, Request};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::Response;
use jiff::Timestamp;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;
use tracing::{Instrument, error};
use uuid::Uuid;

use super::Gateway;
use super::answer::{Accepted, Answer};
use super::append::append;
use super::asked::{Asked, Order, defect};
use super::idempotency::Seen;
use super::routes::Command;
use crate::http::problem::{Kind, Problem};
use crate::http::request_id::RequestId;
use crate::http::trace;
use crate::messaging::event::Cause;
use crate::telemetry::context;

pub(super) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// A request that may be carried out.
struct Task {
    client: String,
    key: Uuid,
    /// What is asked, to tell a repeat from another request under the same key.
    digest: String,
    topic: &'static str,
    order: Order,
    _place: OwnedSemaphorePermit,
}

/// Takes a command: 202 with its location once the log has it.
pub(super) async fn accept(
    gateway: Arc<Gateway>,
    command: &'static Command,
    request: Request,
) -> Result<Response, Problem> {
    let deadline = Instant::now() + gateway.request_timeout;
    let task = prepare(&gateway, command, request).await?;
    // A task of its own: a client that hangs up must not leave the key reserved and the outcome unrecorded.
    let work = tokio::spawn(async move { carry_out(&gateway, task).await }.in_current_span());
    match tokio::time::timeout_at(deadline, work).await {
        Ok(Ok(result)) => result,
        Ok(Err(error)) => {
            error!(%error, "accepting a command failed");
            Err(Kind::Internal.with("the request may or may not have been accepted"))
        }
        Err(_) => Err(Kind::Unconfirmed.with("the request took too long; it may still be accepted")),
    }
}

/// Everything that can be said against a request before anything is done. A client without a token does not get its
/// body read.
async fn prepare(gateway: &Gateway, command: &'static Command, request: Request) -> Result<Task, Problem> {
    let place = gateway.admission.enter()?;
    let client = gateway.tokens.client(request.headers(), command.scope).await?;
    let (mut parts, body) = request.into_parts();
    let key = idempotency_key(&parts.headers)?;
    json(&parts.headers)?;
    let Ok(RequestId(correlation_id)) = RequestId::from_request_parts(&mut parts, &()).await;
    context::correlated_by(correlation_id);
    let parameters = RawPathParams::from_request_parts(&mut parts, &()).await;
    let parameters = parameters.map_err(|rejection| Kind::InvalidId.with(rejection.body_text()))?;
    let parameters = parameters.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let traceparent = trace::parent(&parts.headers).map(ToOwned::to_owned);
    let (method, path) = (parts.method.to_string(), parts.uri.path().to_owned());
    let body = read(Request::from_parts(parts, body), gateway.request_timeout).await?;
    let cause = Cause { correlation_id, causation_id: None, traceparent };
    let Gateway { command_ids: ids, trace_propagation, .. } = *gateway;
    let asked = Asked { method, path, parameters, key, body, cause, ids, trace_propagation };
    let order = (command.read)(&asked)?;
    if let Some(customer) = &order.customer {
        context::about_customer(customer.as_str());
    }
    Ok(Task { client, key, digest: asked.digest(), topic: command.topic, order, _place: place })
}

async fn read(request: Request, timeout: Duration) -> Result<Bytes, Problem> {
    let Ok(body) = tokio::time::timeout(timeout, Bytes::from_request(request, &())).await else {
        return Err(Kind::RequestTimeout.with(format!("the body was not here after {timeout:?}")));
    };
    body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Kind::BodyTooLarge.with(rejection.body_text()),
        _ => Kind::MalformedBody.with(rejection.body_text()),
    })
}

async fn carry_out(gateway: &Gateway, task: Task) -> Result<Response, Problem> {
    let reservation = match gateway.idempotency.reserve(&task.client, task.key, task.digest.clone()).await {
        Seen::First(reservation) => Some(reservation),
        Seen::Unknown(reservation) => reservation,
        Seen::Answered(answer) => return Ok(answer.into_response(true)),
        Seen::InProgress => return Err(Kind::InProgress.with(format!("key {}", task.key))),
        Seen::Reused => return Err(Kind::KeyReused.with(format!("key {}", task.key))),
    };
    let answered = take(gateway, task).await;
    match (&answered, reservation) {
        (Ok(answer), Some(reservation)) => gateway.idempotency.complete(reservation, answer.clone()).await,
        (Err(_), Some(reservation)) => gateway.idempotency.release(reservation).await,
        (_, None) => {}
    }
    answered.map(|answer| answer.into_response(false))
}

async fn take(gateway: &Gateway, task: Task) -> Result<Answer, Problem> {
    let Task { topic, order, .. } = task;
    gateway.intake.before_log(&order).await?;
    append(&gateway.producer, gateway.keying, topic, &order).await?;
    let accepted_at = Timestamp::now();
    let body = Accepted { event: order.event, id: order.id, events: order.records.len(), accepted_at };
    Answer::accepted(&body, order.location).map_err(|error| defect(&error))
}

fn idempotency_key(headers: &HeaderMap) -> Result<Uuid, Problem> {
    let text = headers.get(IDEMPOTENCY_KEY).and_then(|value| value.to_str().ok());
    let key = text.and_then(|text| Uuid::parse_str(text).ok());
    key.ok_or_else(|| {
        Kind::InvalidIdempotencyKey.with("send a new UUID with each new request, and the same with each repeat")
    })
}

fn json(headers: &HeaderMap) -> Result<(), Problem> {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    match essence.eq_ignore_ascii_case("application/json") {
        true => Ok(()),
        false => Err(Kind::UnsupportedMediaType.with("the header Content-Type is not application/json")),
    }
}
