//! What a batch reads and writes, each in one statement whatever the batch's size: rows travel as one JSON document per
//! table, in the words of its columns.

use std::collections::BTreeSet;

use serde::Serialize;
use sqlx::types::Json;
use uuid::Uuid;

use super::book::{Changes, Known};
use super::input::Input;
use crate::store::{StoreError, Transaction, column};

/// Locks the loans in the order of their ids, so that no two batches wait for each other, and reads them as they are
/// once they are locked. `now()` is the one clock of all instances.
const LOAD: &str = "
with held as (
    select to_jsonb(l) as loan,
        exists (select from waiting_command w where w.external_id = l.external_id) as awaited
    from loan l where l.external_id = any($1) order by l.external_id for update
)
select jsonb_build_object(
    'now', now(),
    'loans', (select coalesce(jsonb_agg(to_jsonb(held)), '[]') from held),
    'transfers', (select coalesce(jsonb_agg(to_jsonb(t)), '[]') from transfer t where t.instruction_id = any($2))
) as known";

/// The same for loans whose timers have come; those that somebody else has locked are left to him.
const LOAD_DUE: &str = "
with held as (
    select to_jsonb(l) as loan, false as awaited
    from loan l where l.due_at <= now() order by l.due_at limit $1 for update skip locked
)
select jsonb_build_object(
    'now', now(),
    'loans', (select coalesce(jsonb_agg(to_jsonb(held)), '[]') from held),
    'transfers', '[]'::jsonb
) as known";

/// A transfer that is there already, under the same id, is the same.
const SAVE: &str = "
with created as (
    insert into loan (external_id, customer_id, currency, principal_minor_units, rate_basis_points, term_months,
        instalment_minor_units, month_us, status, version, outstanding_minor_units, next_number, next_principal_paid,
        next_interest_paid, disbursed_at, due_through, due_at, correlation_id, causation_id, traceparent)
    select external_id, customer_id, currency, principal_minor_units, rate_basis_points, term_months,
        instalment_minor_units, month_us, status, version, outstanding_minor_units, next_number, next_principal_paid,
        next_interest_paid, disbursed_at, due_through, due_at, correlation_id, causation_id, traceparent
    from jsonb_populate_recordset(null::loan, $1)
), changed as (
    update loan l
    set status = c.status, version = c.version, outstanding_minor_units = c.outstanding_minor_units,
        next_number = c.next_number, next_principal_paid = c.next_principal_paid,
        next_interest_paid = c.next_interest_paid, disbursed_at = c.disbursed_at, due_through = c.due_through,
        due_at = c.due_at, updated_at = now()
    from jsonb_populate_recordset(null::loan, $2) c
    where l.external_id = c.external_id
), asked as (
    insert into transfer (instruction_id, external_id, repayment_id, direction, kind, currency, amount_minor_units,
        correlation_id, causation_id, traceparent)
    select instruction_id, external_id, repayment_id, direction, kind, currency, amount_minor_units,
        correlation_id, causation_id, traceparent
    from jsonb_populate_recordset(null::transfer, $3)
    on conflict (instruction_id) do nothing
), booked as (
    insert into ledger_transaction (external_id, kind, instruction_id, reversal_of, currency, fund_source,
        loan_portfolio, interest_on_loans, overpayment, losses_written_off, interest_receivable)
    select p.external_id, p.kind, p.instruction_id, o.id, p.currency, p.fund_source,
        p.loan_portfolio, p.interest_on_loans, p.overpayment, p.losses_written_off, p.interest_receivable
    from jsonb_populate_recordset(null::ledger_transaction, $4) p
    left join ledger_transaction o
        on p.kind = 'REVERSAL' and o.instruction_id = p.instruction_id and o.kind = 'DISBURSEMENT'
), noted as (
    insert into instalment (external_id, number, due_at, principal_minor_units, interest_minor_units, in_arrears_at,
        settled_at)
    select external_id, number, due_at, principal_minor_units, interest_minor_units, in_arrears_at, settled_at
    from jsonb_populate_recordset(null::instalment, $5)
    on conflict (external_id, number) do update
    set in_arrears_at = coalesce(instalment.in_arrears_at, excluded.in_arrears_at),
        settled_at = coalesce(instalment.settled_at, excluded.settled_at)
)
insert into waiting_command (event_id, external_id, payload, waits_until)
select (w ->> 'event_id')::uuid, (w ->> 'external_id')::uuid, w ->> 'payload', (w ->> 'waits_until')::timestamptz
from jsonb_array_elements($6) with ordinality as t (w, number)
order by number";

/// What is known of the loans, now locked, and the repayments that `inputs` are about.
pub(super) async fn load_for(
    transaction: &mut Transaction,
    inputs: impl Iterator<Item = &Input> + Clone,
) -> Result<Known, StoreError> {
    let loans = inputs.clone().map(Input::external_id).collect();
    let repayments = inputs.filter_map(Input::repayment_id).collect::<Vec<_>>();
    load(transaction, loans, &repayments).await
}

/// What is known of `loans`, now locked, and of the transfers with the ids of `repayments`.
pub(super) async fn load(
    transaction: &mut Transaction,
    loans: BTreeSet<Uuid>,
    repayments: &[Uuid],
) -> Result<Known, StoreError> {
    let loans = loans.into_iter().collect::<Vec<_>>();
    known(&transaction.rows(sqlx::query(LOAD).bind(loans).bind(repayments)).await?)
}

/// Up to `limit` loans whose timers have come, now locked.
pub(super) async fn load_due(transaction: &mut Transaction, limit: i64) -> Result<Known, StoreError> {
    known(&transaction.rows(sqlx::query(LOAD_DUE).bind(limit)).await?)
}

fn known(rows: &[sqlx::postgres::PgRow]) -> Result<Known, StoreError> {
    let [row] = rows else {
        return Err(StoreError::Database { doing: "read loans", source: sqlx::Error::RowNotFound });
    };
    let Json(known) = column(row, "known")?;
    Ok(known)
}

/// Writes what has changed, events aside.
pub(super) async fn save(transaction: &mut Transaction, changes: &Changes) -> Result<(), StoreError> {
    if changes.is_empty() {
        return Ok(());
    }
    let statement = sqlx::query(SAVE)
        .bind(json(&changes.new_loans)?)
        .bind(json(&changes.changed_loans)?)
        .bind(json(&changes.transfers)?)
        .bind(json(&changes.postings)?)
        .bind(json(&changes.instalments())?)
        .bind(json(&changes.waiting)?);
    transaction.rows(statement).await.map(drop)
}

/// Rows as one document.
pub(super) fn json<T: Serialize>(rows: &[T]) -> Result<Json<Box<serde_json::value::RawValue>>, StoreError> {
    let document = serde_json::value::to_raw_value(rows);
    document.map(Json).map_err(|error| StoreError::Database {
        doing: "write rows as JSON",
        source: sqlx::Error::Encode(error.into()),
    })
}
