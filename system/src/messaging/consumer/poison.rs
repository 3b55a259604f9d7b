//! Poison: records that can have no effect, whenever they are tried. They go to the dead letters, acknowledged there
//! before their offset is committed, and the records behind them do not wait.

use anyhow::Context;
use rdkafka::Message;
use rdkafka::message::OwnedMessage;
use tracing::{error, warn};

use super::effect::Pause;
use crate::config::messaging::{MessagingSettings, PoisonPolicy};
use crate::messaging::dead_letter::{self, DeadLetter};
use crate::messaging::producer::LogProducer;
use crate::store::StoreError;

/// SQLSTATE classes that say that data is refused: data exceptions, and violations of constraints.
const REFUSED_DATA: [&str; 2] = ["22", "23"];

/// Whether the database refuses what it was given, as it would again.
pub(super) fn is_refused_data(error: &StoreError) -> bool {
    let StoreError::Database { source: sqlx::Error::Database(refusal), .. } = error else { return false };
    refusal.code().is_some_and(|code| REFUSED_DATA.iter().any(|class| code.starts_with(class)))
}

pub(super) struct Poison {
    group: &'static str,
    instance: String,
    /// None where poison is tried again for ever.
    producer: Option<LogProducer>,
}

impl Poison {
    /// Errors where librdkafka refuses the settings.
    pub(super) fn new(group: &'static str, settings: &MessagingSettings) -> anyhow::Result<Self> {
        let producer = match settings.consumer.poison {
            PoisonPolicy::DeadLetter => {
                let kafka = dead_letter::producer_settings(&settings.kafka);
                Some(LogProducer::new(&kafka).context("cannot make the producer of dead letters")?)
            }
            PoisonPolicy::Retry => None,
        };
        Ok(Self { group, instance: settings.kafka.client_id.clone(), producer })
    }

    /// Puts a record among the dead letters, however long the log is away. False where it is not there, for `wanted`
    /// said that it is no longer ours to put there.
    pub(super) async fn put_aside(&self, record: &OwnedMessage, reason: &str, wanted: impl Fn() -> bool) -> bool {
        let (topic, partition, offset) = (record.topic(), record.partition(), record.offset());
        metrics::counter!("lending_poison_records_total", "group" => self.group, "topic" => topic.to_owned())
            .increment(1);
        let mut pause = Pause::default();
        let Some(producer) = &self.producer else {
            while wanted() {
                error!(reason, topic, partition, offset, "a record is poison; trying it again");
                pause.wait().await;
            }
            return false;
        };
        warn!(reason, topic, partition, offset, "a record is poison; it goes to the dead letters");
        let letter = DeadLetter::of(record, reason, self.group, &self.instance);
        while wanted() {
            match producer.publish(letter.record()).await {
                Ok(()) => return true,
                Err(error) => {
                    warn!(%error, topic, partition, offset, "a dead letter is not acknowledged; trying again");
                    producer.replace_if_failed();
                    pause.wait().await;
                }
            }
        }
        false
    }
}
