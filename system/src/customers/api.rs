//! `GET /v1/customers/{customer_id}`: the truth about a customer.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use tracing::error;

use super::customer::Customer;
use super::table;
use crate::domain::customer::CustomerId;
use crate::http::problem::{Kind, Problem};
use crate::store::Store;

/// Answers with the customer's state.
pub(super) async fn read(
    State(store): State<Arc<Store>>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Json<Customer>, Problem> {
    let Path(id) = id.map_err(|rejection| Kind::InvalidId.with(rejection.body_text()))?;
    let id = CustomerId::try_from(id).map_err(|error| Kind::InvalidId.with(error.to_string()))?;
    match table::find(&store, &id).await {
        Ok(Some(customer)) => Ok(Json(customer)),
        Ok(None) => Err(Kind::UnknownCustomer.with(format!("there is no customer {id}"))),
        Err(error) => {
            error!(%error, customer_id = %id, "cannot answer a read");
            Err(Kind::OwnerUnavailable.with("the database did not answer"))
        }
    }
}
