//! `GET /v1/loan-applications/{external_id}`: the owner's answer, passed on.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use uuid::Uuid;

use super::Gateway;
use super::owner::Known;
use crate::http::problem::{Kind, Problem};
use crate::http::request_id::RequestId;

/// Answers with the application's state; 404 covers an application that is accepted and not yet stored.
pub(super) async fn read(
    State(gateway): State<Arc<Gateway>>,
    request_id: RequestId,
    id: Result<Path<Uuid>, PathRejection>,
) -> Result<Response, Problem> {
    let _place = gateway.admission.enter()?;
    let Path(id) = id.map_err(|rejection| Kind::InvalidId.with(rejection.body_text()))?;
    match gateway.owner.application(id, request_id).await {
        Known::Application(document) => Ok(([(header::CONTENT_TYPE, "application/json")], document).into_response()),
        Known::Nothing => Err(Kind::UnknownApplication.with(format!("origination has no application {id}"))),
        Known::Unavailable => Err(Kind::OwnerUnavailable.with("origination did not answer")),
    }
}
