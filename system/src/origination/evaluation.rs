//! What happens to applications, made true: a batch at a time, in one transaction with the inbox and the outbox, in a
//! handful of round trips whatever its size. Commands, timers and news of customers all go this way.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use rdkafka::Message;
use rdkafka::message::OwnedMessage;
use sqlx::postgres::PgRow;
use tokio::sync::watch;

use super::application::now;
use super::batch::{Batch, Customers};
use super::blocking::Blocking;
use super::command::Command;
use super::policy::Policy;
use super::step::Input;
use super::table::{self, Tracked};
use crate::domain::customer::{CustomerId, Kyc};
use crate::domain::stage::Stage;
use crate::messaging::consumer::Handler;
use crate::messaging::event::EventError;
use crate::messaging::inbox::{self, Dedup};
use crate::messaging::outbox::Publisher;
use crate::store::{Store, StoreError, Transaction, column};

/// Applications in one transaction of timers or customers.
const BATCH_MAX: i64 = 500;

/// Customers that somebody waits for.
const WAITED_FOR: &str = "select distinct customer_id from loan_application where stage = 'ENRICHMENT' limit $1";

/// Everything that a transaction needs.
pub(super) struct Evaluation {
    pub(super) store: Store,
    pub(super) publisher: Arc<Publisher>,
    pub(super) dedup: Dedup,
    pub(super) policy: Policy,
    pub(super) customers: Box<Customers>,
    /// With it, bureaus are waited for inside the transaction.
    pub(super) blocking: Option<Blocking>,
    /// Says that there is something to ask the bureaus.
    pub(super) asked: watch::Sender<()>,
}

impl Handler for Evaluation {
    type Input = Command;

    fn read(&self, record: &OwnedMessage) -> Result<Option<Command>, EventError> {
        Command::parse(record.payload().unwrap_or_default()).map(Some)
    }

    fn processed_in(command: &mut Command, traceparent: String) {
        command.cause.traceparent = Some(traceparent);
    }

    async fn apply(&self, commands: &[Command]) -> Result<(), StoreError> {
        let mut transaction = self.store.begin("apply commands").await?;
        let new = inbox::fresh(&mut transaction, self.dedup, commands, |command| command.event_id).await?;
        metrics::counter!("lending_events_repeated_total").increment(count(commands.len() - new.len()));
        if new.is_empty() {
            return transaction.commit().await;
        }
        let external_ids: BTreeSet<_> = new.iter().map(|command| command.external_id).collect();
        let external_ids: Vec<_> = external_ids.into_iter().collect();
        let stored = table::with_ids(&mut transaction, &external_ids).await?;
        let mut batch = self.batch(now(), stored);
        for command in new {
            batch.apply(command, self.dedup)?;
        }
        self.finish(transaction, batch).await
    }
}

impl Evaluation {
    /// Fires timers that are due, as many as one transaction takes; returns how many.
    pub(super) async fn fire_due(&self) -> Result<usize, StoreError> {
        let mut transaction = self.store.begin("fire timers").await?;
        let (now, due) = table::due(&mut transaction, BATCH_MAX).await?;
        self.happen_to(transaction, now, due, Input::Due).await
    }

    /// Goes on with applications whose customers have come to be known, as many as one transaction takes; returns how
    /// many were tried.
    pub(super) async fn go_on_with_customers(&self) -> Result<usize, StoreError> {
        let statement = sqlx::query(WAITED_FOR).bind(BATCH_MAX);
        let rows = self.store.rows("read which customers are waited for", statement).await?;
        let ids: Vec<String> = rows.iter().map(id).collect::<Result<_, _>>()?;
        let known: Vec<String> = ids.into_iter().filter(|id| self.decides(id)).collect();
        if known.is_empty() {
            return Ok(0);
        }
        let mut transaction = self.store.begin("go on with customers").await?;
        let waiting = table::of_customers(&mut transaction, &known, BATCH_MAX).await?;
        self.happen_to(transaction, now(), waiting, Input::CustomerChanged).await
    }

    /// Whether as much is known of a customer as his applications wait for.
    fn decides(&self, id: &str) -> bool {
        let id = CustomerId::try_from(id.to_owned()).ok();
        id.and_then(|id| (self.customers)(&id)).is_some_and(|known| known.kyc != Kyc::Pending)
    }

    async fn happen_to(
        &self,
        transaction: Transaction,
        now: Timestamp,
        applications: Vec<Tracked>,
        input: Input,
    ) -> Result<usize, StoreError> {
        let tried = applications.len();
        if tried == 0 {
            transaction.commit().await?;
            return Ok(0);
        }
        let mut batch = self.batch(now, applications);
        batch.happen_to_all(input)?;
        self.finish(transaction, batch).await?;
        Ok(tried)
    }

    fn batch(&self, now: Timestamp, stored: Vec<Tracked>) -> Batch<'_> {
        Batch::new(now, &self.policy, self.customers.as_ref(), stored)
    }

    /// Writes what has become of a batch, with its events, and commits.
    async fn finish(&self, mut transaction: Transaction, mut batch: Batch<'_>) -> Result<(), StoreError> {
        if let Some(blocking) = &self.blocking {
            blocking.wait_for_reports(&mut batch).await?;
        }
        let Batch { applications, events, .. } = batch;
        table::save(&mut transaction, self.dedup, &applications).await?;
        self.publisher.append(&mut transaction, &events).await?;
        transaction.commit().await?;
        self.publisher.committed(events);
        if applications.iter().any(is_asked) {
            self.asked.send_replace(());
        }
        let stored = applications.iter().filter(|one| one.stored.is_none()).count();
        metrics::counter!("lending_applications_stored_total").increment(count(stored));
        Ok(())
    }
}

/// Whether bureaus are to be asked about it from now on.
fn is_asked(one: &Tracked) -> bool {
    let before = one.stored.as_ref().map(|(_, before)| before.stage);
    one.application.stage == Stage::Underwriting && before != Some(Stage::Underwriting)
}

fn id(row: &PgRow) -> Result<String, StoreError> {
    column(row, "customer_id")
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
