//! What origination does with the records of its commands.

use std::sync::Arc;

use rdkafka::Message;
use rdkafka::message::OwnedMessage;

use super::Wakeups;
use super::batch::Batch;
use super::intake;
use crate::domain::application::LoanApplication;
use crate::messaging::consumer::{Handler, Subscription};
use crate::messaging::event::{Event, EventError};
use crate::messaging::inbox::Dedup;
use crate::messaging::topic;
use crate::store::{Store, StoreError};

pub(super) const SUBSCRIPTION: Subscription =
    Subscription { group: "origination", topics: &[topic::ORIGINATION_COMMANDS] };

/// Stores submitted applications.
pub(super) struct Submissions {
    pub(super) store: Store,
    pub(super) dedup: Dedup,
    pub(super) wakeups: Arc<Wakeups>,
}

impl Handler for Submissions {
    type Input = Event<LoanApplication>;

    fn read(&self, record: &OwnedMessage) -> Result<Option<Self::Input>, EventError> {
        Event::parse(record.payload().unwrap_or_default()).map(Some)
    }

    async fn apply(&self, inputs: &[Self::Input]) -> Result<(), StoreError> {
        intake::store(&self.store, self.dedup, &Batch::of(inputs)).await?;
        self.wakeups.stored.notify_one();
        Ok(())
    }
}
