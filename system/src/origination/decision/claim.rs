//! Claims pending applications for a while.

use std::time::Duration;

use sqlx::postgres::PgRow;
use uuid::Uuid;

use crate::domain::customer::CustomerId;
use crate::store::{Store, StoreError, column};

/// Oldest first; what another instance is claiming at this moment is skipped, not waited for. The clock is the
/// database's, so instances need not agree on theirs.
const CLAIM: &str = "
update loan_application a
set claimed_until = now() + make_interval(secs => $2)
from (
    select id from loan_application
    where status = 'SUBMITTED_AND_PENDING_APPROVAL' and (claimed_until is null or claimed_until < now())
    order by id
    limit $1
    for update skip locked
) free
where a.id = free.id
returning a.id, a.external_id, a.customer_id, a.version, a.correlation_id, a.causation_id";

/// An application that this instance decides.
#[derive(Debug, Clone)]
pub(super) struct Claimed {
    pub(super) id: i64,
    pub(super) external_id: Uuid,
    pub(super) customer_id: CustomerId,
    pub(super) version: i64,
    pub(super) correlation_id: Uuid,
    /// The event that the application came in.
    pub(super) causation_id: Uuid,
}

/// Claims up to `limit` applications for the length of `lease`.
pub(super) async fn claim(store: &Store, limit: usize, lease: Duration) -> Result<Vec<Claimed>, StoreError> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let statement = sqlx::query(CLAIM).bind(limit).bind(lease.as_secs_f64());
    store.rows("claim pending applications", statement).await?.iter().map(claimed).collect()
}

fn claimed(row: &PgRow) -> Result<Claimed, StoreError> {
    Ok(Claimed {
        id: column(row, "id")?,
        external_id: column(row, "external_id")?,
        customer_id: customer_id(row)?,
        version: column(row, "version")?,
        correlation_id: column(row, "correlation_id")?,
        causation_id: column(row, "causation_id")?,
    })
}

fn customer_id(row: &PgRow) -> Result<CustomerId, StoreError> {
    let id: String = column(row, "customer_id")?;
    id.try_into().map_err(|error: crate::domain::customer::NoCustomerId| StoreError::Database {
        doing: "read a customer's id",
        source: sqlx::Error::Decode(error.into()),
    })
}
