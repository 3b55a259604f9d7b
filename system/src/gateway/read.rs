//! Reads: the owner's answer, passed on.

use std::sync::Arc;

use axum::extract::{FromRequestParts, RawPathParams, Request};
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::Gateway;
use super::owner::{Known, Question};
use super::routes::Read;
use crate::http::problem::{Kind, Problem};
use crate::http::request_id::RequestId;
use crate::http::trace;
use crate::telemetry::context;

/// Answers with the state of something; 404 covers what is accepted and not yet stored.
pub(super) async fn read(gateway: Arc<Gateway>, read: &'static Read, request: Request) -> Result<Response, Problem> {
    let _place = gateway.admission.enter()?;
    gateway.tokens.client(request.headers(), read.scope).await?;
    let (mut parts, _) = request.into_parts();
    let parameters = RawPathParams::from_request_parts(&mut parts, &()).await;
    let parameters = parameters.map_err(|rejection| Kind::InvalidId.with(rejection.body_text()))?;
    let given = parameters.iter().find(|(name, _)| *name == read.parameter).map_or("", |(_, value)| value);
    let id = (read.id)(given)?;
    if read.parameter == "customer_id" {
        context::about_customer(&id);
    }
    let Ok(request_id) = RequestId::from_request_parts(&mut parts, &()).await;
    let owner = (read.owner)(&gateway);
    let path = read.path.replace(&format!("{{{}}}", read.parameter), &id);
    let question = Question { route: read.path, path: &path, request_id, traceparent: trace::parent(&parts.headers) };
    match owner.ask(&question).await {
        Known::State(media_type, document) => Ok(([(header::CONTENT_TYPE, media_type)], document).into_response()),
        Known::Nothing => Err(read.unknown.with(format!("{} knows no {id}, or not yet", owner.name))),
        Known::Unavailable => Err(Kind::OwnerUnavailable.with(format!("{} did not answer", owner.name))),
    }
}
