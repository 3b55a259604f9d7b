//! Takes records from the log, in batches, to what they are for: once each in effect, however often they come.
//!
//! - [`reader`]: the thread that polls, collects batches and commits their offsets
//! - [`member`]: what the group tells: whose partitions are ours, and how far behind we are
//! - [`effect`]: a batch to its effect, however long the database is away, and poison apart from the rest
//! - [`poison`]: records that can have no effect, into the dead letters
//!
//! A batch keeps the order of its partitions, is applied in one transaction, and its offsets are committed afterwards:
//! a crash in between repeats it, and the inbox recognises the repeat.

mod effect;
mod member;
mod poison;
mod reader;

use std::sync::Arc;

use anyhow::Context;
use rdkafka::ClientConfig;
use rdkafka::message::OwnedMessage;
use tokio::sync::watch;

use crate::config::kafka::millis;
use crate::config::messaging::MessagingSettings;
use crate::http::health::Need;
use crate::messaging::event::EventError;
use crate::store::StoreError;

/// What an owner of state does with records.
pub(crate) trait Handler: Send + Sync + 'static {
    /// What a record says, as the owner needs it.
    type Input: Send + Sync + 'static;

    /// Reads a record; none where it is not for this owner. An error makes it poison: it goes to the dead letters.
    fn read(&self, record: &OwnedMessage) -> Result<Option<Self::Input>, EventError>;

    /// Is told which step of a trace processes `input`: what follows from it follows from that step.
    fn processed_in(input: &mut Self::Input, traceparent: String);

    /// Makes what `inputs` say true, in their order, all or none, in one transaction with the inbox. It is called again
    /// after an error, with the same inputs or with a part of them; a part is applied before the next one is tried.
    fn apply(&self, inputs: &[Self::Input]) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// What is read, and by whom together.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subscription {
    /// The group, whose members share the partitions.
    pub(crate) group: &'static str,
    pub(crate) topics: &'static [&'static str],
}

/// Consumes until `stopped`; `consuming` is met as soon as it has begun. A stop waits for the batch in hand.
pub(crate) async fn run<H: Handler>(
    handler: Arc<H>,
    subscription: Subscription,
    settings: MessagingSettings,
    consuming: Need,
    stopped: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let config = config(subscription.group, &settings);
    let reader = reader::Reader::new(handler, subscription, &settings, consuming, stopped)?;
    let (done, ended) = tokio::sync::oneshot::channel();
    std::thread::Builder::new()
        .name("consumer".to_owned())
        .spawn(move || done.send(reader.run_until_stopped(&config)))
        .context("cannot start the consumer's thread")?;
    ended.await.context("the consumer's thread panicked")?
}

fn config(group: &str, settings: &MessagingSettings) -> ClientConfig {
    let mut config = settings.kafka.consumer(group);
    config
        .set("group.protocol", "classic")
        // Eager: manual commits with the cooperative protocol have been reported broken.
        .set("partition.assignment.strategy", "range")
        .set("session.timeout.ms", millis(settings.consumer.session_timeout))
        .set("heartbeat.interval.ms", millis(settings.consumer.session_timeout / 4))
        .set("fetch.error.backoff.ms", "100")
        .set("queued.min.messages", "2000")
        .set("statistics.interval.ms", millis(member::STATISTICS));
    config
}

#[cfg(test)]
mod tests;
