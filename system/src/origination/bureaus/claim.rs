//! What is due to be asked, claimed in the table: the claim is the instant at which it is asked again.

use std::time::Duration;

use sqlx::postgres::PgRow;
use uuid::Uuid;

use crate::bureau::wire::Question;
use crate::store::{Store, StoreError, column};

/// Takes questions, and says at once that they were sent and when they are sent again: later after each attempt, and
/// not at the same instant for all. If this instance dies before it has asked, that is when another one asks. What
/// others are claiming is skipped, not waited for. The clock is the database's.
const CLAIM: &str = "
with first as (
    select external_id, bureau from credit_report_request
    where bureau = $1 and attempts = 0 and state in ('PENDING', 'SENT') and due_at <= now()
    order by due_at limit $2 for update skip locked
), again as (
    select external_id, bureau from credit_report_request
    where bureau = $1 and attempts > 0 and state in ('PENDING', 'SENT') and due_at <= now()
    order by due_at limit $3 for update skip locked
), due as (
    select * from first union all select * from again
)
update credit_report_request r
set state = 'SENT', attempts = r.attempts + 1,
    due_at = now() + make_interval(secs => $4 * power(2, least(r.attempts, 10)) * (0.75 + random() / 2))
from due
where r.external_id = due.external_id and r.bureau = due.bureau
returning r.request_id, r.external_id, r.customer_id, r.attempts,
    (select a.traceparent from loan_application a where a.external_id = r.external_id limit 1) as traceparent";

/// Gives questions back that the bureau did not take. The pause is drawn from all up to a longest, which doubles with
/// every attempt (full jitter). What is locked is being answered or given up at this moment: it needs no pause, and
/// waiting for it could be waiting in a circle.
const PUT_BACK: &str = "
with free as (
    select external_id from credit_report_request
    where bureau = $1 and external_id = any ($2) and state in ('PENDING', 'SENT')
    for update skip locked
)
update credit_report_request r
set state = 'PENDING', due_at = now() + make_interval(secs => random() * least($3, $4 * power(2, least(r.attempts, 20))))
from free
where r.bureau = $1 and r.external_id = free.external_id";

/// The longest pause before a bureau is asked again that did not take a question, and half of the first.
const PAUSE_MAX: Duration = Duration::from_secs(30);
const PAUSE_MIN: Duration = Duration::from_millis(100);

/// What this instance has taken on to ask.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Claimed {
    pub(super) questions: Vec<Question>,
    /// How many of them are asked again.
    pub(super) again: u64,
}

/// Claims what is due for a bureau: up to `first` questions that nobody has asked, and up to `again` others. Unless
/// they are answered they are due again after `repeat`.
pub(super) async fn claim(
    store: &Store,
    bureau: &str,
    first: i64,
    again: i64,
    repeat: Duration,
) -> Result<Claimed, StoreError> {
    let statement = sqlx::query(CLAIM).bind(bureau).bind(first).bind(again).bind(repeat.as_secs_f64());
    let rows = store.rows("claim what bureaus are asked", statement).await?;
    let mut claimed = Claimed::default();
    for row in &rows {
        let attempts: i32 = column(row, "attempts")?;
        claimed.again += u64::from(attempts > 1);
        claimed.questions.push(question(row)?);
    }
    Ok(claimed)
}

fn question(row: &PgRow) -> Result<Question, StoreError> {
    Ok(Question {
        request_id: column(row, "request_id")?,
        external_id: column(row, "external_id")?,
        customer_id: column(row, "customer_id")?,
        traceparent: column(row, "traceparent")?,
    })
}

/// Gives back what a bureau did not take.
pub(super) async fn put_back(store: &Store, bureau: &str, questions: &[Question]) -> Result<(), StoreError> {
    let ids: Vec<Uuid> = questions.iter().map(|question| question.external_id).collect();
    let statement =
        sqlx::query(PUT_BACK).bind(bureau).bind(ids).bind(PAUSE_MAX.as_secs_f64()).bind(PAUSE_MIN.as_secs_f64());
    store.rows("give back what a bureau did not take", statement).await.map(drop)
}
