//! Records to their effect on loans: one transaction a batch, with the inbox and the outbox.

use std::sync::Arc;

use rdkafka::message::OwnedMessage;
use tokio::sync::Notify;

use super::book::{Book, Changes, Policy, Turn};
use super::input::Input;
use super::rows;
use crate::messaging::consumer::Handler;
use crate::messaging::event::EventError;
use crate::messaging::inbox;
use crate::messaging::outbox::Publisher;
use crate::store::{Store, StoreError, Transaction};

/// Who wakes whom inside one instance. Waking is a shortcut: everything is also found by looking.
#[derive(Default)]
pub(super) struct Wakeups {
    /// There are new transfers.
    pub(super) transfers: Notify,
    /// Loans were paid out or rejected: commands may have waited for it.
    pub(super) settled: Notify,
}

/// What every part of servicing works with; cheap to clone.
#[derive(Clone)]
pub(super) struct Desk {
    pub(super) store: Store,
    pub(super) publisher: Arc<Publisher>,
    pub(super) policy: Policy,
    pub(super) wakeups: Arc<Wakeups>,
}

impl Desk {
    /// Writes what has changed with its events, and makes it true. Wakes who has to do with it.
    pub(super) async fn complete(&self, mut transaction: Transaction, changes: Changes) -> Result<(), StoreError> {
        rows::save(&mut transaction, &changes).await?;
        self.publisher.append(&mut transaction, &changes.outgoing).await?;
        transaction.commit().await?;
        let new_transfers = !changes.transfers.is_empty();
        metrics::counter!("lending_loans_created_total").increment(count(changes.new_loans.len()));
        metrics::counter!("lending_loans_changed_total").increment(count(changes.changed_loans.len()));
        metrics::counter!("lending_ledger_transactions_total").increment(count(changes.postings.len()));
        metrics::counter!("lending_commands_waiting_total").increment(count(changes.waiting.len()));
        self.publisher.committed(changes.outgoing);
        if new_transfers {
            self.wakeups.transfers.notify_one();
        }
        Ok(())
    }
}

pub(super) fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

impl Handler for Desk {
    type Input = Input;

    fn read(&self, record: &OwnedMessage) -> Result<Option<Input>, EventError> {
        Input::read(record)
    }

    fn processed_in(input: &mut Input, traceparent: String) {
        *input.traceparent() = Some(traceparent);
    }

    async fn apply(&self, inputs: &[Input]) -> Result<(), StoreError> {
        let mut transaction = self.store.begin("apply events about loans").await?;
        let fresh = inbox::fresh(&mut transaction, self.policy.dedup, inputs, Input::event_id).await?;
        if fresh.is_empty() {
            return transaction.commit().await;
        }
        let known = rows::load_for(&mut transaction, fresh.iter().copied()).await?;
        let mut book = Book::new(self.policy, known);
        for input in fresh {
            match input {
                Input::Accepted(event) => book.accepted(event)?,
                Input::Command(command) => book.command(command, Turn::Arrived)?,
            }
        }
        self.complete(transaction, book.into_changes()).await
    }
}
