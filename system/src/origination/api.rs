//! `GET /v1/loan-applications/{external_id}`: the truth about an application.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use jiff::Timestamp;
use serde::Serialize;
use sqlx::postgres::PgRow;
use tracing::error;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::application::Product;
use crate::domain::customer::CustomerId;
use crate::domain::money::Amount;
use crate::domain::stage::Stage;
use crate::domain::status::{ApplicationStatus, Reason};
use crate::http::problem::{Kind, Problem};
use crate::store::{Store, StoreError, column};

const READ: &str = "
select external_id, customer_id, product, principal_currency, principal_minor_units, term_months, status, stage, reason,
    version, score, rate_basis_points, instalment_minor_units, (extract(epoch from due_at) * 1000000)::bigint as due_at_us
from loan_application where external_id = $1 order by id limit 1";

/// An application as clients see it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Application)]
pub(crate) struct Document {
    external_id: Uuid,
    #[schema(value_type = CustomerId)]
    customer_id: String,
    #[schema(value_type = Product)]
    product: String,
    #[schema(value_type = Amount)]
    principal: AmountDocument,
    term_months: i32,
    #[schema(value_type = ApplicationStatus)]
    status: String,
    #[schema(value_type = Stage)]
    stage: String,
    /// Why it ended without a loan.
    #[schema(value_type = Option<Reason>, required)]
    reason: Option<String>,
    /// 1 when it came in; grows with every step.
    version: i64,
    /// The median of the bureaus' scores, once it was judged by one.
    #[schema(required)]
    score: Option<i32>,
    /// What the client can take, could have taken, or has taken.
    #[schema(required)]
    offer: Option<OfferDocument>,
}

#[derive(Debug, Serialize)]
struct AmountDocument {
    currency: String,
    minor_units: i64,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Offer)]
struct OfferDocument {
    #[schema(value_type = Amount)]
    principal: AmountDocument,
    /// A year's nominal rate: 525 is 5.25 %.
    rate_basis_points: i32,
    term_months: i32,
    instalment_minor_units: i64,
    /// Until when it can be taken; only as long as it can.
    #[schema(required)]
    expires_at: Option<Timestamp>,
}

/// Answers with the application's state.
pub(super) async fn read(
    State(store): State<Arc<Store>>,
    id: Result<Path<Uuid>, PathRejection>,
) -> Result<Json<Document>, Problem> {
    let Path(id) = id.map_err(|rejection| Kind::InvalidId.with(rejection.body_text()))?;
    match find(&store, id).await {
        Ok(Some(document)) => Ok(Json(document)),
        Ok(None) => Err(Kind::UnknownApplication.with(format!("there is no application {id}"))),
        Err(error) => {
            error!(%error, external_id = %id, "cannot answer a read");
            Err(Kind::OwnerUnavailable.with("the database did not answer"))
        }
    }
}

pub(super) async fn find(store: &Store, id: Uuid) -> Result<Option<Document>, StoreError> {
    let rows = store.rows("read an application", sqlx::query(READ).bind(id)).await?;
    rows.first().map(document).transpose()
}

fn document(row: &PgRow) -> Result<Document, StoreError> {
    Ok(Document {
        external_id: column(row, "external_id")?,
        customer_id: column(row, "customer_id")?,
        product: column(row, "product")?,
        principal: principal(row)?,
        term_months: column(row, "term_months")?,
        status: column(row, "status")?,
        stage: column(row, "stage")?,
        reason: column(row, "reason")?,
        version: column(row, "version")?,
        score: column(row, "score")?,
        offer: offer(row)?,
    })
}

fn principal(row: &PgRow) -> Result<AmountDocument, StoreError> {
    Ok(AmountDocument {
        currency: column(row, "principal_currency")?,
        minor_units: column(row, "principal_minor_units")?,
    })
}

fn offer(row: &PgRow) -> Result<Option<OfferDocument>, StoreError> {
    let rate: Option<i32> = column(row, "rate_basis_points")?;
    let instalment: Option<i64> = column(row, "instalment_minor_units")?;
    let (Some(rate_basis_points), Some(instalment_minor_units)) = (rate, instalment) else { return Ok(None) };
    let stage: &str = column(row, "stage")?;
    let due_at: Option<i64> = column(row, "due_at_us")?;
    let expires_at = due_at.filter(|_| stage == Stage::OfferPending.name());
    Ok(Some(OfferDocument {
        principal: principal(row)?,
        rate_basis_points,
        term_months: column(row, "term_months")?,
        instalment_minor_units,
        expires_at: expires_at.and_then(|instant| Timestamp::from_microsecond(instant).ok()),
    }))
}
