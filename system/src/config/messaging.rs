//! Settings of how an owner of state takes records and publishes events.

use std::time::Duration;

use super::kafka::KafkaSettings;
use super::setting::{OWNERS, Setting, optional};
use super::{ConfigError, Environment};
use crate::messaging::inbox::Dedup;

pub(crate) const SETTINGS: &[Setting] = &[
    optional("LENDING_KAFKA_SESSION_TIMEOUT", OWNERS, "6s", "How long a silent consumer keeps its partitions."),
    optional(
        "LENDING_COMMIT",
        OWNERS,
        "after-effect",
        "When offsets are committed: `after-effect`, or `before-effect`, which loses what a crash interrupts.",
    ),
    optional(
        "LENDING_DEDUP",
        OWNERS,
        "inbox",
        "How repeats are recognised: `inbox`, or `none`, which stores them again.",
    ),
    optional("LENDING_BATCH_MAX", OWNERS, "500", "Records stored in one transaction."),
    optional("LENDING_BATCH_LINGER", OWNERS, "5ms", "How long a batch waits for more records."),
    optional(
        "LENDING_PUBLISH",
        OWNERS,
        "outbox",
        "How events leave: `outbox`, or `dual-write`, which publishes after the commit and loses what a crash interrupts.",
    ),
    optional("LENDING_RELAY_BATCH_MAX", OWNERS, "500", "Outbox rows published before the cursor moves."),
    optional(
        "LENDING_RELAY_LEASE",
        OWNERS,
        "15s",
        "How long a silent relay keeps its shard; longer than the message timeout, by what the database may take.",
    ),
];

/// When offsets are committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Commit {
    /// When the batch is applied: a crash repeats it, and the inbox drops the repeat.
    AfterEffect,
    /// When the batch was received: a crash loses it.
    BeforeEffect,
}

/// How events leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Publish {
    /// As rows of the transaction that makes them true, relayed later.
    Outbox,
    /// Straight after the commit; a crash in between loses them.
    DualWrite,
}

/// Everything about records and events.
#[derive(Debug, Clone)]
pub(crate) struct MessagingSettings {
    pub(crate) kafka: KafkaSettings,
    pub(crate) consumer: ConsumerSettings,
    pub(crate) dedup: Dedup,
    pub(crate) publish: Publish,
    pub(crate) relay: RelaySettings,
}

/// How records are taken from the log.
#[derive(Debug, Clone)]
pub(crate) struct ConsumerSettings {
    pub(crate) commit: Commit,
    /// Records in one transaction.
    pub(crate) batch_max: usize,
    /// How long a batch waits for more.
    pub(crate) batch_linger: Duration,
    /// How long a silent consumer keeps its partitions.
    pub(crate) session_timeout: Duration,
}

/// How the outbox is emptied.
#[derive(Debug, Clone)]
pub(crate) struct RelaySettings {
    /// Rows published before the cursor moves.
    pub(crate) batch_max: usize,
    /// How long a silent holder keeps its shard.
    pub(crate) lease: Duration,
}

impl MessagingSettings {
    pub(crate) fn from_environment(environment: &Environment) -> Result<Self, ConfigError> {
        let publish = [("outbox", Publish::Outbox), ("dual-write", Publish::DualWrite)];
        let commit = [("after-effect", Commit::AfterEffect), ("before-effect", Commit::BeforeEffect)];
        let settings = Self {
            kafka: KafkaSettings::from_environment(environment)?,
            consumer: ConsumerSettings {
                commit: environment.choice("LENDING_COMMIT", &commit)?,
                batch_max: environment.count("LENDING_BATCH_MAX")?,
                batch_linger: environment.duration("LENDING_BATCH_LINGER")?,
                session_timeout: environment.duration("LENDING_KAFKA_SESSION_TIMEOUT")?,
            },
            dedup: environment.choice("LENDING_DEDUP", &[("inbox", Dedup::Inbox), ("none", Dedup::None)])?,
            publish: environment.choice("LENDING_PUBLISH", &publish)?,
            relay: RelaySettings {
                batch_max: environment.count("LENDING_RELAY_BATCH_MAX")?,
                lease: environment.duration("LENDING_RELAY_LEASE")?,
            },
        };
        if settings.relay.lease <= settings.kafka.message_timeout {
            let reason = "must be longer than LENDING_KAFKA_MESSAGE_TIMEOUT, or two relays publish at once";
            return Err(environment.invalid("LENDING_RELAY_LEASE", reason));
        }
        if settings.relay.batch_max > settings.kafka.queue_max {
            let reason = "must not exceed LENDING_KAFKA_QUEUE_MAX, for a batch is handed over whole";
            return Err(environment.invalid("LENDING_RELAY_BATCH_MAX", reason));
        }
        Ok(settings)
    }
}
