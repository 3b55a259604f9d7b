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
    optional(
        "LENDING_DEAD_LETTER",
        OWNERS,
        "yes",
        "What becomes of a record that can have no effect: `yes`, it goes to the dead letters, or `no`, it is tried \
         again for ever, and what is behind it waits.",
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
    optional(
        "LENDING_RELAY_ORDER",
        OWNERS,
        "snapshot",
        "In which order the outbox is published: `snapshot`, of commits, or `naive-id`, of ids, which overtakes late \
         commits and loses them.",
    ),
    optional("LENDING_OUTBOX_RETENTION", OWNERS, "1h", "How long published rows of the outbox are kept."),
    optional(
        "LENDING_INBOX_RETENTION",
        OWNERS,
        "168h",
        "How long an event is recognised as a repeat; longer than the log keeps records.",
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

/// What becomes of a record that can have no effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PoisonPolicy {
    /// It goes to the dead letters, and its partition goes on.
    DeadLetter,
    /// It is tried again for ever, and its partition stands still.
    Retry,
}

/// In which order the outbox is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RelayOrder {
    /// That of commits, below the oldest transaction that is still running.
    Snapshot,
    /// That of positions, which are drawn before the commit: one that commits late is overtaken and lost.
    NaiveId,
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
    pub(crate) housekeeping: HousekeepingSettings,
}

/// How records are taken from the log.
#[derive(Debug, Clone)]
pub(crate) struct ConsumerSettings {
    pub(crate) commit: Commit,
    pub(crate) poison: PoisonPolicy,
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
    pub(crate) order: RelayOrder,
}

/// How long inbox and outbox remember.
#[derive(Debug, Clone)]
pub(crate) struct HousekeepingSettings {
    /// How long published rows are kept.
    pub(crate) outbox_retention: Duration,
    /// How long an event is recognised as a repeat.
    pub(crate) inbox_retention: Duration,
}

impl MessagingSettings {
    pub(crate) fn from_environment(environment: &Environment) -> Result<Self, ConfigError> {
        let publish = [("outbox", Publish::Outbox), ("dual-write", Publish::DualWrite)];
        let commit = [("after-effect", Commit::AfterEffect), ("before-effect", Commit::BeforeEffect)];
        let poison = [("yes", PoisonPolicy::DeadLetter), ("no", PoisonPolicy::Retry)];
        let order = [("snapshot", RelayOrder::Snapshot), ("naive-id", RelayOrder::NaiveId)];
        let settings = Self {
            kafka: KafkaSettings::from_environment(environment)?,
            consumer: ConsumerSettings {
                commit: environment.choice("LENDING_COMMIT", &commit)?,
                poison: environment.choice("LENDING_DEAD_LETTER", &poison)?,
                batch_max: environment.count("LENDING_BATCH_MAX")?,
                batch_linger: environment.duration("LENDING_BATCH_LINGER")?,
                session_timeout: environment.duration("LENDING_KAFKA_SESSION_TIMEOUT")?,
            },
            dedup: environment.choice("LENDING_DEDUP", &[("inbox", Dedup::Inbox), ("none", Dedup::None)])?,
            publish: environment.choice("LENDING_PUBLISH", &publish)?,
            relay: RelaySettings {
                batch_max: environment.count("LENDING_RELAY_BATCH_MAX")?,
                lease: environment.duration("LENDING_RELAY_LEASE")?,
                order: environment.choice("LENDING_RELAY_ORDER", &order)?,
            },
            housekeeping: HousekeepingSettings {
                outbox_retention: environment.duration("LENDING_OUTBOX_RETENTION")?,
                inbox_retention: environment.duration("LENDING_INBOX_RETENTION")?,
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

#[cfg(test)]
impl MessagingSettings {
    /// The safe design with short times, and these brokers.
    pub(crate) fn for_tests(brokers: String) -> Self {
        Self {
            kafka: crate::messaging::producer::tests::settings(brokers),
            consumer: ConsumerSettings {
                commit: Commit::AfterEffect,
                poison: PoisonPolicy::DeadLetter,
                batch_max: 500,
                batch_linger: Duration::from_millis(5),
                session_timeout: Duration::from_secs(6),
            },
            dedup: Dedup::Inbox,
            publish: Publish::Outbox,
            relay: RelaySettings { batch_max: 100, lease: Duration::from_secs(30), order: RelayOrder::Snapshot },
            housekeeping: HousekeepingSettings {
                outbox_retention: Duration::from_secs(3600),
                inbox_retention: Duration::from_secs(3600),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Role;

    fn read(extra: &[(&str, &str)]) -> Result<MessagingSettings, ConfigError> {
        let needed =
            [("LENDING_KAFKA", "kafka-1:9092"), ("LENDING_DATABASE_URL", "postgres://postgres@db:5432/customers")];
        let pairs = needed.iter().chain(extra).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        MessagingSettings::from_environment(&Environment::read(Role::Customers, pairs)?)
    }

    #[test]
    fn the_defaults_are_the_safe_design_and_each_broken_one_is_a_setting_away() {
        let safe = read(&[]).expect("complete");
        assert_eq!((safe.consumer.poison, safe.relay.order), (PoisonPolicy::DeadLetter, RelayOrder::Snapshot));
        let broken = read(&[("LENDING_DEAD_LETTER", "no"), ("LENDING_RELAY_ORDER", "naive-id")]).expect("complete");
        assert_eq!((broken.consumer.poison, broken.relay.order), (PoisonPolicy::Retry, RelayOrder::NaiveId));
    }

    #[test]
    fn a_word_that_no_setting_knows_is_refused() {
        for (name, value) in
            [("LENDING_DEAD_LETTER", "maybe"), ("LENDING_RELAY_ORDER", "id"), ("LENDING_INBOX_RETENTION", "7d")]
        {
            assert!(matches!(read(&[(name, value)]), Err(ConfigError::Invalid { .. })), "{name}={value}");
        }
    }
}
