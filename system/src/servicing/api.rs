//! `GET /v1/loans/{external_id}` and `GET /v1/loans/{external_id}/ledger`: the truth about a loan.

use std::collections::BTreeMap;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::routing::get;
use axum::{Json, Router};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::types;
use tracing::error;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::customer::CustomerId;
use crate::domain::ledger::{Account, LedgerKind};
use crate::domain::loan::Loan;
use crate::domain::money::Currency;
use crate::domain::status::LoanStatus;
use crate::http::problem::{Kind, Problem};
use crate::store::{Store, StoreError, column};

const READ: &str = "
select jsonb_build_object('now', now(), 'loan', to_jsonb(l), 'past', (
    select coalesce(jsonb_agg(to_jsonb(i) order by i.number), '[]')
    from instalment i where i.external_id = l.external_id
)) as answer
from loan l where l.external_id = $1";

const READ_LEDGER: &str = "
select jsonb_build_object(
    'external_id', l.external_id,
    'currency', l.currency,
    'balances', (
        select coalesce(jsonb_object_agg(account, balance), '{}') from (
            select account, sum(amount_minor_units) as balance
            from ledger_entry e join ledger_transaction t on t.id = e.transaction_id
            where t.external_id = l.external_id group by account
        ) balances
    ),
    'transactions', (
        select coalesce(jsonb_agg(jsonb_build_object(
            'id', t.id, 'kind', t.kind, 'instruction_id', t.instruction_id, 'reversal_of', t.reversal_of,
            'booked_at', t.booked_at, 'entries', (
                select jsonb_agg(jsonb_build_object('account', account, 'amount_minor_units', amount_minor_units))
                from ledger_entry e where e.transaction_id = t.id
            )) order by t.id), '[]')
        from ledger_transaction t where t.external_id = l.external_id
    )
) as answer
from loan l where l.external_id = $1";

/// The routes of loans.
pub(super) fn routes(store: Store) -> Router {
    Router::new()
        .route("/v1/loans/{external_id}", get(read))
        .route("/v1/loans/{external_id}/ledger", get(read_ledger))
        .with_state(store)
}

/// A loan as the database has it.
#[derive(Deserialize)]
struct Row {
    now: Timestamp,
    loan: Loan,
    past: Vec<Past>,
}

#[derive(Deserialize)]
struct Past {
    number: u16,
    due_at: Timestamp,
    principal_minor_units: i64,
    interest_minor_units: i64,
    settled_at: Option<Timestamp>,
}

/// A loan as clients see it; amounts are in minor units of its currency.
#[derive(Serialize, ToSchema)]
#[schema(as = Loan)]
pub(crate) struct Document {
    external_id: Uuid,
    #[schema(value_type = CustomerId)]
    customer_id: String,
    status: LoanStatus,
    version: i64,
    principal: Money,
    rate_basis_points: u32,
    term_months: u16,
    /// The principal that is still owed.
    outstanding: Money,
    /// What closes it now.
    payoff_minor_units: i64,
    /// What is to be paid next; null where nothing is.
    #[schema(required)]
    next_instalment: Option<NextInstalment>,
    arrears: Arrears,
    schedule: Vec<Line>,
}

#[derive(Serialize, ToSchema)]
struct Money {
    currency: Currency,
    minor_units: i64,
}

#[derive(Serialize, ToSchema)]
struct NextInstalment {
    number: u16,
    /// What is left to be paid of it.
    minor_units: i64,
    #[schema(required)]
    due_at: Option<Timestamp>,
}

/// What fell due and is not paid.
#[derive(Serialize, ToSchema)]
struct Arrears {
    instalments: usize,
    minor_units: i64,
}

/// An instalment that was paid, or is to be paid as things stand.
#[derive(Serialize, ToSchema)]
#[schema(as = Instalment)]
struct Line {
    number: u16,
    /// Null before the loan is paid out.
    #[schema(required)]
    due_at: Option<Timestamp>,
    principal_minor_units: i64,
    interest_minor_units: i64,
    paid: bool,
}

/// What was booked about a loan, as the database has it and as clients see it; amounts are in minor units of its
/// currency, debits positive and credits negative.
#[derive(Serialize, Deserialize, ToSchema)]
pub(crate) struct Ledger {
    external_id: Uuid,
    currency: Currency,
    /// What was booked to each account that was touched; together they are zero.
    balances: BTreeMap<Account, i64>,
    transactions: Vec<LedgerTransaction>,
}

#[derive(Serialize, Deserialize, ToSchema)]
struct LedgerTransaction {
    id: i64,
    kind: LedgerKind,
    /// What it tells of: a transfer, the accrual of an instalment, or a write-off.
    instruction_id: Uuid,
    /// The transaction that it takes back.
    #[schema(required)]
    reversal_of: Option<i64>,
    booked_at: Timestamp,
    entries: Vec<LedgerEntry>,
}

#[derive(Serialize, Deserialize, ToSchema)]
struct LedgerEntry {
    account: Account,
    amount_minor_units: i64,
}

async fn read(State(store): State<Store>, id: Result<Path<Uuid>, PathRejection>) -> Result<Json<Document>, Problem> {
    let types::Json(row): types::Json<Row> = find(&store, READ, id).await?;
    Ok(Json(document(&row)))
}

async fn read_ledger(
    State(store): State<Store>,
    id: Result<Path<Uuid>, PathRejection>,
) -> Result<Json<Ledger>, Problem> {
    let types::Json(ledger) = find(&store, READ_LEDGER, id).await?;
    Ok(Json(ledger))
}

async fn find<T>(
    store: &Store,
    statement: &'static str,
    id: Result<Path<Uuid>, PathRejection>,
) -> Result<types::Json<T>, Problem>
where
    T: for<'de> Deserialize<'de> + 'static,
{
    let Path(id) = id.map_err(|rejection| Kind::InvalidId.with(rejection.body_text()))?;
    match answer(store, statement, id).await {
        Ok(Some(answer)) => Ok(answer),
        Ok(None) => Err(Kind::UnknownLoan.with(format!("there is no loan {id}"))),
        Err(error) => {
            error!(%error, external_id = %id, "cannot answer a read");
            Err(Kind::OwnerUnavailable.with("the database did not answer"))
        }
    }
}

async fn answer<T>(store: &Store, statement: &'static str, id: Uuid) -> Result<Option<types::Json<T>>, StoreError>
where
    T: for<'de> Deserialize<'de> + 'static,
{
    let rows = store.rows("read a loan", sqlx::query(statement).bind(id)).await?;
    rows.first().map(|row| column(row, "answer")).transpose()
}

fn document(row: &Row) -> Document {
    let loan = &row.loan;
    let money = |minor_units| Money { currency: loan.currency, minor_units };
    let (instalments, minor_units) = loan.arrears();
    let paid = loan.next_interest_paid + loan.next_principal_paid;
    let next = loan.remaining().next().filter(|_| loan.status == LoanStatus::Active);
    Document {
        external_id: loan.external_id,
        customer_id: loan.customer_id.as_str().to_owned(),
        status: loan.status,
        version: loan.version,
        principal: money(loan.principal_minor_units),
        rate_basis_points: loan.rate_basis_points,
        term_months: loan.term_months,
        outstanding: money(loan.outstanding_minor_units),
        payoff_minor_units: loan.payoff(row.now),
        next_instalment: next.map(|next| NextInstalment {
            number: next.number,
            minor_units: next.amount() - paid,
            due_at: loan.falls_due(next.number),
        }),
        arrears: Arrears { instalments, minor_units },
        schedule: schedule(row),
    }
}

fn schedule(row: &Row) -> Vec<Line> {
    let past = row.past.iter().filter(|past| past.settled_at.is_some()).map(|past| Line {
        number: past.number,
        due_at: Some(past.due_at),
        principal_minor_units: past.principal_minor_units,
        interest_minor_units: past.interest_minor_units,
        paid: true,
    });
    let rest = row.loan.remaining().map(|one| Line {
        number: one.number,
        due_at: row.loan.falls_due(one.number),
        principal_minor_units: one.principal,
        interest_minor_units: one.interest,
        paid: false,
    });
    past.chain(rest).collect()
}
