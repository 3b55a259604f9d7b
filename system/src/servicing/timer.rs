//! What time brings about: instalments that fall due, and commands that have waited, long enough or too long. Both are
//! rows; whoever comes first takes them.

use std::time::Duration;

use tokio::sync::{Notify, watch};
use tracing::{debug, error};

use super::book::{Book, Turn};
use super::input::Command;
use super::intake::{Desk, count};
use super::rest::Rest;
use super::rows;
use crate::store::{StoreError, column};
use crate::telemetry::context;

/// Pause between two looks when there is nothing to do.
const LOOK: Duration = Duration::from_millis(250);
/// Pause after an error.
const PAUSE: Duration = Duration::from_secs(1);

/// Commands whose loan is paid out or ended, or that have waited for too long, in the order in which they came.
const CLAIM: &str = "
select w.position, w.external_id, w.payload, coalesce(l.status, 'APPROVED') = 'APPROVED' as overdue
from waiting_command w left join loan l using (external_id)
where l.status <> 'APPROVED' or w.waits_until <= now()
order by w.position limit $1
for update of w skip locked";

const DROP: &str = "delete from waiting_command where position = any($1)";

/// Lets instalments fall due until `stopped`.
pub(super) async fn run_instalments(
    desk: Desk,
    batch_max: usize,
    mut stopped: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let rest = rest("instalments do not fall due", batch_max, None);
    while !*stopped.borrow_and_update() {
        rest.after(instalments(&desk, batch_max).await, &mut stopped).await;
    }
    Ok(())
}

/// Gives commands that have waited their turn until `stopped`.
pub(super) async fn run_waiting(
    desk: Desk,
    batch_max: usize,
    mut stopped: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let rest = rest("commands still wait", batch_max, Some(&desk.wakeups.settled));
    while !*stopped.borrow_and_update() {
        rest.after(waiting(&desk, batch_max).await, &mut stopped).await;
    }
    Ok(())
}

fn rest<'a>(failure: &'static str, batch_max: usize, wakeup: Option<&'a Notify>) -> Rest<'a> {
    Rest { failure, batch_max, look: LOOK, pause: PAUSE, wakeup }
}

/// Lets instalments of up to `limit` loans fall due. Returns of how many.
pub(super) async fn instalments(desk: &Desk, limit: usize) -> Result<usize, StoreError> {
    let mut transaction = desk.store.begin("let instalments fall due").await?;
    let known = rows::load_due(&mut transaction, i64::try_from(limit).unwrap_or(i64::MAX)).await?;
    let loans: Vec<_> = known.loans.iter().map(|held| held.loan.external_id).collect();
    let mut book = Book::new(desk.policy, known);
    for external_id in &loans {
        book.fall_due(*external_id)?;
    }
    let changes = book.into_changes();
    metrics::counter!("lending_instalments_overdue_total").increment(count(changes.outgoing.len()));
    desk.complete(transaction, changes).await?;
    Ok(loans.len())
}

/// Gives up to `limit` commands that have waited their turn. Returns how many it were.
pub(super) async fn waiting(desk: &Desk, limit: usize) -> Result<usize, StoreError> {
    let mut transaction = desk.store.begin("apply commands that have waited").await?;
    let claim = sqlx::query(CLAIM).bind(i64::try_from(limit).unwrap_or(i64::MAX));
    let claimed = transaction.rows(claim).await?;
    if claimed.is_empty() {
        transaction.commit().await?;
        return Ok(0);
    }
    let mut commands = Vec::with_capacity(claimed.len());
    for row in &claimed {
        let payload: String = column(row, "payload")?;
        let turn = if column(row, "overdue")? { Turn::Overdue } else { Turn::Waited };
        match Command::parse(&payload) {
            Ok(command) => commands.push((command, turn)),
            // Written by this service from an event that it had read.
            Err(error) => {
                let _about = context::of_event(payload.as_bytes()).entered();
                error!(%error, payload, "a command that waited cannot be read and is dropped");
            }
        }
    }
    let loans = commands.iter().map(|(command, _)| command.external_id()).collect();
    let repayments: Vec<_> = commands.iter().filter_map(|(command, _)| command.repayment_id()).collect();
    let mut book = Book::new(desk.policy, rows::load(&mut transaction, loans, &repayments).await?);
    for (command, turn) in &commands {
        book.command(command, *turn)?;
    }
    let positions = claimed.iter().map(|row| column::<i64>(row, "position")).collect::<Result<Vec<_>, _>>()?;
    transaction.rows(sqlx::query(DROP).bind(positions)).await?;
    desk.complete(transaction, book.into_changes()).await?;
    debug!(commands = claimed.len(), "commands that waited had their turn");
    Ok(claimed.len())
}
