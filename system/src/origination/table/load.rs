//! Reads applications and locks them, in the order of their ids, so that no two transactions wait for each other.

use jiff::Timestamp;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::{Origin, Tracked};
use crate::domain::application::{LoanApplication, Product};
use crate::domain::customer::CustomerId;
use crate::domain::money::{Amount, Currency};
use crate::domain::stage::Stage;
use crate::domain::status::Reason;
use crate::origination::application::{Application, Price, ReportRequest, RequestState, now};
use crate::store::{StoreError, Transaction, column};

const WITH_IDS: &str = "
select * from applications_with_requests(array(
    select id from loan_application where external_id = any ($1) order by id for update))";

const OF_CUSTOMERS: &str = "
select * from applications_with_requests(array(
    select id from loan_application where stage = 'ENRICHMENT' and customer_id = any ($1) order by id limit $2
    for update))";

/// What another instance has in hand at this moment is skipped, not waited for. The clock is the database's, so
/// instances need not agree on theirs.
const DUE: &str = "
select *, (extract(epoch from now()) * 1000000)::bigint as now_us from applications_with_requests(array(
    select id from loan_application where due_at <= now() order by due_at limit $1 for update skip locked))";

/// The applications with these ids of clients.
pub(in crate::origination) async fn with_ids(
    transaction: &mut Transaction,
    external_ids: &[Uuid],
) -> Result<Vec<Tracked>, StoreError> {
    transaction.rows(sqlx::query(WITH_IDS).bind(external_ids)).await?.iter().map(tracked).collect()
}

/// Up to `limit` applications that wait for one of these customers.
pub(in crate::origination) async fn of_customers(
    transaction: &mut Transaction,
    customers: &[String],
    limit: i64,
) -> Result<Vec<Tracked>, StoreError> {
    transaction.rows(sqlx::query(OF_CUSTOMERS).bind(customers).bind(limit)).await?.iter().map(tracked).collect()
}

/// Up to `limit` applications whose timer is due and that nobody else has in hand, and the instant by which it is.
pub(in crate::origination) async fn due(
    transaction: &mut Transaction,
    limit: i64,
) -> Result<(Timestamp, Vec<Tracked>), StoreError> {
    let rows = transaction.rows(sqlx::query(DUE).bind(limit)).await?;
    let now = rows.first().map(|row| instant(column(row, "now_us")?)).transpose()?.unwrap_or_else(now);
    Ok((now, rows.iter().map(tracked).collect::<Result<_, _>>()?))
}

fn tracked(row: &PgRow) -> Result<Tracked, StoreError> {
    let application = application(row)?;
    let origin = Origin {
        correlation_id: column(row, "correlation_id")?,
        event_id: column(row, "causation_id")?,
        traceparent: column(row, "traceparent")?,
    };
    Ok(Tracked { stored: Some((column(row, "id")?, application.clone())), application, origin })
}

fn application(row: &PgRow) -> Result<Application, StoreError> {
    let due_at: Option<i64> = column(row, "due_at_us")?;
    let reason: Option<&str> = column(row, "reason")?;
    Ok(Application {
        wanted: wanted(row)?,
        stage: known("stage", column(row, "stage")?, Stage::of)?,
        reason: reason.map(|reason| known("reason", reason, Reason::of)).transpose()?,
        version: column(row, "version")?,
        score: score(column(row, "score")?)?,
        price: price(row)?,
        due_at: due_at.map(instant).transpose()?,
        created_at: instant(column(row, "created_at_us")?)?,
        requests: requests(row)?,
    })
}

fn wanted(row: &PgRow) -> Result<LoanApplication, StoreError> {
    let customer_id: String = column(row, "customer_id")?;
    let term_months: i32 = column(row, "term_months")?;
    Ok(LoanApplication {
        external_id: column(row, "external_id")?,
        customer_id: CustomerId::try_from(customer_id).map_err(unreadable)?,
        product: known("product", column(row, "product")?, Product::of)?,
        principal: Amount {
            currency: known("currency", column(row, "principal_currency")?, Currency::of)?,
            minor_units: column(row, "principal_minor_units")?,
        },
        term_months: u16::try_from(term_months).map_err(unreadable)?,
    })
}

fn price(row: &PgRow) -> Result<Option<Price>, StoreError> {
    let rate: Option<i32> = column(row, "rate_basis_points")?;
    let instalment: Option<i64> = column(row, "instalment_minor_units")?;
    let (Some(rate), Some(instalment_minor_units)) = (rate, instalment) else { return Ok(None) };
    Ok(Some(Price { rate_basis_points: u32::try_from(rate).map_err(unreadable)?, instalment_minor_units }))
}

fn requests(row: &PgRow) -> Result<Vec<ReportRequest>, StoreError> {
    let Some(bureaus) = column::<Option<Vec<String>>>(row, "bureaus")? else { return Ok(Vec::new()) };
    let states: Vec<String> = column(row, "states")?;
    let scores: Vec<Option<i32>> = column(row, "scores")?;
    let read = |((bureau, state), given): ((String, String), Option<i32>)| {
        Ok(ReportRequest {
            bureau,
            state: known("state of a request", &state, RequestState::of)?,
            score: score(given)?,
        })
    };
    bureaus.into_iter().zip(states).zip(scores).map(read).collect()
}

fn score(score: Option<i32>) -> Result<Option<u16>, StoreError> {
    score.map(|score| u16::try_from(score).map_err(unreadable)).transpose()
}

fn instant(microseconds: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_microsecond(microseconds).map_err(unreadable)
}

/// The value that a text names; a text that names none is of a later version of this service.
fn known<T>(what: &'static str, text: &str, of: fn(&str) -> Option<T>) -> Result<T, StoreError> {
    of(text).ok_or_else(|| unreadable(format!("{text:?} is no {what} that this version knows")))
}

fn unreadable(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StoreError {
    StoreError::Database { doing: "read an application", source: sqlx::Error::Decode(error.into()) }
}
