//! Transfers to the rail and its results into the ledger: the saga's middle.
//!
//! A claim is a lease in the row: who takes a transfer moves its `due_at` ahead, and when nothing is heard by then, for
//! whatever reason, somebody asks the rail again, with the same instruction, until it is known what became of it.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use sqlx::types::Json;
use tokio::sync::watch;
use tracing::{error, warn};
use uuid::Uuid;

use super::book::{Book, RailResult};
use super::intake::{Desk, count};
use super::rail::RailClient;
use super::rest::Rest;
use super::rows;
use super::transfer::Transfer;
use crate::circuit::Circuit;
use crate::config::servicing::{RailInstruction, TransferSettings};
use crate::rail::transfer::Verdict;
use crate::store::{StoreError, column};

/// Pause between two looks when there is nothing to do.
const LOOK: Duration = Duration::from_millis(100);
/// Pause after an error of the database.
const PAUSE: Duration = Duration::from_millis(500);

/// Takes transfers that are due, the oldest first. Without timers nobody takes them again.
const CLAIM: &str = "
with due as (
    select instruction_id from transfer
    where state = 'PENDING' and due_at <= now() order by due_at limit $1
    for update skip locked
)
update transfer t
set attempts = attempts + 1, due_at = coalesce(now() + make_interval(secs => $2), 'infinity')
from due where t.instruction_id = due.instruction_id
returning to_jsonb(t) as transfer";

/// Has the rail asked again after a pause that doubles with each attempt, half of it drawn: transfers that were sent
/// together come back apart.
const ASK_AGAIN: &str = "
update transfer
set due_at = now() + make_interval(secs => least($2 * 2 ^ least(attempts - 1, 30), $3) * (0.5 + random()))
where instruction_id = any($1) and state = 'PENDING'";

/// Only the first result counts. The loans are locked by then, which orders those who want to write the same.
const SETTLE: &str = "
update transfer t
set state = r.state, reason = r.reason, settled_at = now()
from jsonb_to_recordset($1) as r (instruction_id uuid, state text, reason text)
where t.instruction_id = r.instruction_id and t.state = 'PENDING'
returning to_jsonb(t) as transfer";

/// Asks the rail, in some workers side by side.
#[derive(Clone)]
pub(super) struct Dispatcher {
    desk: Desk,
    rail: RailClient,
    settings: Arc<TransferSettings>,
    circuit: Arc<Circuit>,
}

#[derive(Serialize)]
struct ResultRow<'a> {
    instruction_id: Uuid,
    state: Verdict,
    reason: Option<&'a str>,
}

impl Dispatcher {
    pub(super) fn new(desk: Desk, settings: TransferSettings) -> anyhow::Result<Self> {
        let rail = RailClient::new(&settings)?;
        Ok(Self { desk, rail, settings: Arc::new(settings), circuit: Arc::new(Circuit::new("rail")) })
    }

    /// Dispatches until `stopped`; a stop waits for the batch in hand.
    pub(super) async fn run(self, mut stopped: watch::Receiver<bool>) -> anyhow::Result<()> {
        let rest = Rest {
            failure: "transfers are not dispatched",
            batch_max: self.settings.batch_max,
            look: LOOK,
            pause: PAUSE,
            wakeup: Some(&self.desk.wakeups.transfers),
        };
        while !*stopped.borrow_and_update() {
            rest.after(self.dispatch().await, &mut stopped).await;
        }
        Ok(())
    }

    /// Claims a batch, asks the rail and books its results. Returns how many transfers it were: none where nothing is
    /// due, or where the rail is not asked because its circuit is open.
    pub(super) async fn dispatch(&self) -> Result<usize, StoreError> {
        if !self.circuit.allows(Instant::now()) {
            return Ok(0);
        }
        let claimed = self.claim().await?;
        if claimed.is_empty() {
            return Ok(0);
        }
        let claims = claimed.len();
        let mut results = self.ask(&claimed).await;
        let (known, unknown): (Vec<_>, Vec<_>) =
            claimed.into_iter().partition(|one| results.contains_key(&one.instruction_id));
        let known: Vec<_> =
            known.into_iter().filter_map(|one| Some((results.remove(&one.instruction_id)?, one))).collect();
        self.settle_or_part(&known).await?;
        self.ask_again(&unknown).await?;
        Ok(claims)
    }

    /// Books results together; where the database refuses that, one by one, so that one that cannot be booked does not
    /// keep the others from it for ever.
    async fn settle_or_part(&self, results: &[(RailResult, Transfer)]) -> Result<(), StoreError> {
        match self.settle(results).await {
            Err(StoreError::Database { source, .. }) if source.as_database_error().is_some() && results.len() > 1 => {
                warn!(error = %source, results = results.len(), "results are not booked together; booking them apart");
                for result in results {
                    if let Err(error) = self.settle(std::slice::from_ref(result)).await {
                        let Transfer { instruction_id, external_id, correlation_id, .. } = &result.1;
                        error!(%error, %instruction_id, %external_id, %correlation_id, "a result is not booked");
                    }
                }
                Ok(())
            }
            settled => settled,
        }
    }

    async fn claim(&self) -> Result<Vec<Transfer>, StoreError> {
        let lease = self.settings.timers.then_some(self.settings.lease.as_secs_f64());
        let limit = i64::try_from(self.settings.batch_max).unwrap_or(i64::MAX);
        let statement = sqlx::query(CLAIM).bind(limit).bind(lease);
        transfers(&self.desk.store.rows("claim transfers", statement).await?)
    }

    /// What became of the transfers, as far as the rail says so.
    async fn ask(&self, claimed: &[Transfer]) -> HashMap<Uuid, RailResult> {
        let sent: Vec<_> = claimed.iter().map(|one| (self.sent_id(one), one)).collect();
        let instructions = sent.iter().map(|(id, one)| one.instruction(*id)).collect();
        let started = Instant::now();
        let answer = self.rail.instruct(instructions).await;
        let result = if answer.is_ok() { "answered" } else { "unanswered" };
        metrics::histogram!("lending_rail_call_duration_seconds", "result" => result)
            .record(started.elapsed().as_secs_f64());
        match answer {
            Ok(mut results) => {
                self.circuit.succeeded();
                sent.iter().filter_map(|(id, one)| Some((one.instruction_id, results.remove(id)?))).collect()
            }
            Err(error) => {
                self.circuit.failed(Instant::now());
                warn!(%error, transfers = claimed.len(), "it is not known what became of transfers; asking again");
                HashMap::new()
            }
        }
    }

    /// The id that the rail is to know the transfer by in this call.
    fn sent_id(&self, transfer: &Transfer) -> Uuid {
        match self.settings.instruction {
            RailInstruction::Derived => transfer.instruction_id,
            RailInstruction::Random => Uuid::new_v4(),
        }
    }

    async fn ask_again(&self, unknown: &[Transfer]) -> Result<(), StoreError> {
        metrics::counter!("lending_transfers_unanswered_total").increment(count(unknown.len()));
        if unknown.is_empty() || !self.settings.timers {
            return Ok(());
        }
        let statement = sqlx::query(ASK_AGAIN)
            .bind(unknown.iter().map(|one| one.instruction_id).collect::<Vec<_>>())
            .bind(self.settings.retry.as_secs_f64())
            .bind(self.settings.retry_max.as_secs_f64());
        self.desk.store.rows("put transfers off", statement).await.map(drop)
    }

    /// Books results, each once, however often it is heard.
    pub(super) async fn settle(&self, results: &[(RailResult, Transfer)]) -> Result<(), StoreError> {
        if results.is_empty() {
            return Ok(());
        }
        let mut transaction = self.desk.store.begin("book the rail's results").await?;
        let loans: BTreeSet<_> = results.iter().map(|(_, transfer)| transfer.external_id).collect();
        let known = rows::load(&mut transaction, loans, &[]).await?;
        let written: Vec<_> = results.iter().map(|(result, transfer)| row(result, transfer)).collect();
        let settled = transaction.rows(sqlx::query(SETTLE).bind(rows::json(&written)?)).await?;
        let mut first: BTreeSet<_> = transfers(&settled)?.into_iter().map(|one| one.instruction_id).collect();
        let mut book = Book::new(self.desk.policy, known);
        for (result, transfer) in results {
            if first.remove(&transfer.instruction_id) {
                book.settled(transfer, result)?;
                let state = if *result == RailResult::Executed { "executed" } else { "refused" };
                metrics::counter!("lending_transfers_settled_total", "state" => state).increment(1);
            }
        }
        self.desk.complete(transaction, book.into_changes()).await?;
        self.desk.wakeups.settled.notify_one();
        Ok(())
    }
}

fn row<'a>(result: &'a RailResult, transfer: &Transfer) -> ResultRow<'a> {
    let instruction_id = transfer.instruction_id;
    match result {
        RailResult::Executed => ResultRow { instruction_id, state: Verdict::Executed, reason: None },
        RailResult::Refused(reason) => ResultRow { instruction_id, state: Verdict::Refused, reason: Some(reason) },
    }
}

fn transfers(rows: &[sqlx::postgres::PgRow]) -> Result<Vec<Transfer>, StoreError> {
    rows.iter().map(|row| column::<Json<Transfer>>(row, "transfer").map(|Json(transfer)| transfer)).collect()
}
