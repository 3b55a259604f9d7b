//! Settings of origination.

use std::time::Duration;

use super::database::DatabaseSettings;
use super::kafka::KafkaSettings;
use super::server::ServerSettings;
use super::{ConfigError, Environment};

/// When offsets are committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Commit {
    /// When the batch is stored: a crash repeats it, and the inbox drops the repeat.
    AfterEffect,
    /// When the batch was received: a crash loses it.
    BeforeEffect,
}

/// How repeats are recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dedup {
    /// By event id in the inbox, and by the unique key of the application.
    Inbox,
    /// Not at all.
    None,
}

/// How events leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Publish {
    /// As rows of the transaction that makes them true, relayed later.
    Outbox,
    /// Straight after the commit; a crash in between loses them.
    DualWrite,
}

/// Everything that origination is told.
#[derive(Debug, Clone)]
pub(crate) struct OriginationSettings {
    /// This instance's name, as it stands in leases.
    pub(crate) instance: String,
    pub(crate) server: ServerSettings,
    pub(crate) kafka: KafkaSettings,
    pub(crate) database: DatabaseSettings,
    pub(crate) intake: IntakeSettings,
    pub(crate) decision: DecisionSettings,
    pub(crate) relay: RelaySettings,
}

/// How submitted applications are taken from the log.
#[derive(Debug, Clone)]
pub(crate) struct IntakeSettings {
    pub(crate) commit: Commit,
    pub(crate) dedup: Dedup,
    /// Records in one transaction.
    pub(crate) batch_max: usize,
    /// How long a batch waits for more.
    pub(crate) batch_linger: Duration,
    /// How long a silent consumer keeps its partitions.
    pub(crate) session_timeout: Duration,
}

/// How applications are decided.
#[derive(Debug, Clone)]
pub(crate) struct DecisionSettings {
    /// The bureau's base URL, without a slash at the end.
    pub(crate) bureau: String,
    /// How long one call may take.
    pub(crate) timeout: Duration,
    /// Calls for one decision.
    pub(crate) attempts: usize,
    /// Calls at once.
    pub(crate) concurrency: usize,
    /// Applications claimed at once.
    pub(crate) claim_max: usize,
    /// How long a claim holds.
    pub(crate) lease: Duration,
    /// The lowest score that is approved.
    pub(crate) approval_score: u16,
    pub(crate) publish: Publish,
}

/// How the outbox is emptied.
#[derive(Debug, Clone)]
pub(crate) struct RelaySettings {
    /// Rows published before the cursor moves.
    pub(crate) batch_max: usize,
    /// How long a silent holder keeps its shard.
    pub(crate) lease: Duration,
}

impl OriginationSettings {
    pub(crate) fn from_environment(environment: &Environment) -> Result<Self, ConfigError> {
        let settings = Self {
            instance: environment.text("LENDING_INSTANCE").to_owned(),
            server: ServerSettings::from_environment(environment)?,
            kafka: KafkaSettings::from_environment(environment)?,
            database: DatabaseSettings::from_environment(environment)?,
            intake: IntakeSettings::from_environment(environment)?,
            decision: DecisionSettings::from_environment(environment)?,
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

impl IntakeSettings {
    fn from_environment(environment: &Environment) -> Result<Self, ConfigError> {
        let commit = [("after-effect", Commit::AfterEffect), ("before-effect", Commit::BeforeEffect)];
        Ok(Self {
            commit: environment.choice("LENDING_COMMIT", &commit)?,
            dedup: environment.choice("LENDING_DEDUP", &[("inbox", Dedup::Inbox), ("none", Dedup::None)])?,
            batch_max: environment.count("LENDING_BATCH_MAX")?,
            batch_linger: environment.duration("LENDING_BATCH_LINGER")?,
            session_timeout: environment.duration("LENDING_KAFKA_SESSION_TIMEOUT")?,
        })
    }
}

impl DecisionSettings {
    fn from_environment(environment: &Environment) -> Result<Self, ConfigError> {
        let bureau = environment.text("LENDING_BUREAU_URL").trim_end_matches('/').to_owned();
        if !bureau.starts_with("http://") && !bureau.starts_with("https://") {
            return Err(environment.invalid("LENDING_BUREAU_URL", "must start with http:// or https://"));
        }
        let publish = [("outbox", Publish::Outbox), ("dual-write", Publish::DualWrite)];
        Ok(Self {
            bureau,
            timeout: environment.duration("LENDING_BUREAU_TIMEOUT")?,
            attempts: environment.count("LENDING_BUREAU_ATTEMPTS")?,
            concurrency: environment.count("LENDING_BUREAU_CONCURRENCY")?,
            claim_max: environment.count("LENDING_DECISION_CLAIM_MAX")?,
            lease: environment.duration("LENDING_DECISION_LEASE")?,
            approval_score: environment.parsed("LENDING_APPROVAL_SCORE")?,
            publish: environment.choice("LENDING_PUBLISH", &publish)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Role;

    fn read(extra: &[(&str, &str)]) -> Result<OriginationSettings, ConfigError> {
        let needed = [
            ("LENDING_KAFKA", "kafka-1:9092"),
            ("LENDING_DATABASE_URL", "postgres://postgres@db:5432/origination"),
            ("LENDING_BUREAU_URL", "http://bureau:8080/"),
        ];
        let pairs = needed.iter().chain(extra).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        OriginationSettings::from_environment(&Environment::read(Role::Origination, pairs)?)
    }

    #[test]
    fn the_defaults_are_the_safe_design() {
        let settings = read(&[]).expect("complete");
        assert_eq!(settings.intake.commit, Commit::AfterEffect);
        assert_eq!(settings.intake.dedup, Dedup::Inbox);
        assert_eq!(settings.decision.publish, Publish::Outbox);
        assert_eq!(settings.kafka.acks, crate::config::kafka::Acks::All);
        assert!(settings.kafka.idempotence);
        assert_eq!(settings.decision.bureau, "http://bureau:8080");
    }

    #[test]
    fn a_broken_design_is_one_setting_away() {
        let settings =
            read(&[("LENDING_COMMIT", "before-effect"), ("LENDING_DEDUP", "none"), ("LENDING_PUBLISH", "dual-write")])
                .expect("complete");
        assert_eq!(settings.intake.commit, Commit::BeforeEffect);
        assert_eq!(settings.intake.dedup, Dedup::None);
        assert_eq!(settings.decision.publish, Publish::DualWrite);
    }

    #[test]
    fn values_that_contradict_each_other_are_refused() {
        for (name, value) in [
            ("LENDING_COMMIT", "sometimes"),
            ("LENDING_KAFKA_ACKS", "1"),
            ("LENDING_RELAY_LEASE", "8s"),
            ("LENDING_RELAY_BATCH_MAX", "10001"),
            ("LENDING_BATCH_MAX", "0"),
            ("LENDING_BUREAU_URL", "bureau:8080"),
        ] {
            assert!(matches!(read(&[(name, value)]), Err(ConfigError::Invalid { .. })), "{name}={value}");
        }
    }
}
