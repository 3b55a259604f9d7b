//! `GET /v1/loan-applications/{external_id}`: the truth about an application.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use serde::Serialize;
use sqlx::postgres::PgRow;
use tracing::error;
use uuid::Uuid;

use crate::http::problem::{Kind, Problem};
use crate::store::{Store, StoreError, column};

const READ: &str = "
select external_id, customer_id, product, principal_currency, principal_minor_units, term_months, status, version
from loan_application where external_id = $1 order by id limit 1";

/// An application as clients see it.
#[derive(Serialize)]
pub(super) struct Document {
    external_id: Uuid,
    customer_id: String,
    product: String,
    principal: PrincipalDocument,
    term_months: i32,
    status: String,
    version: i64,
}

#[derive(Serialize)]
struct PrincipalDocument {
    currency: String,
    minor_units: i64,
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

async fn find(store: &Store, id: Uuid) -> Result<Option<Document>, StoreError> {
    let rows = store.rows("read an application", sqlx::query(READ).bind(id)).await?;
    rows.first().map(document).transpose()
}

fn document(row: &PgRow) -> Result<Document, StoreError> {
    Ok(Document {
        external_id: column(row, "external_id")?,
        customer_id: column(row, "customer_id")?,
        product: column(row, "product")?,
        principal: PrincipalDocument {
            currency: column(row, "principal_currency")?,
            minor_units: column(row, "principal_minor_units")?,
        },
        term_months: column(row, "term_months")?,
        status: column(row, "status")?,
        version: column(row, "version")?,
    })
}
