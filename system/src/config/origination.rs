//! Settings of origination.

use std::time::Duration;

use super::database::DatabaseSettings;
use super::messaging::MessagingSettings;
use super::server::ServerSettings;
use super::setting::{Setting, optional, required};
use super::{ConfigError, Environment};
use crate::Role::Origination;

pub(crate) const SETTINGS: &[Setting] = &[
    required("LENDING_BUREAU_URL", &[Origination], "The credit bureau."),
    optional("LENDING_BUREAU_TIMEOUT", &[Origination], "2s", "How long the bureau may take for one answer."),
    optional(
        "LENDING_BUREAU_ATTEMPTS",
        &[Origination],
        "3",
        "Calls for one decision before its lease is left to expire.",
    ),
    optional("LENDING_BUREAU_CONCURRENCY", &[Origination], "64", "Calls to the bureau at once, per instance."),
    optional("LENDING_DECISION_CLAIM_MAX", &[Origination], "256", "Applications claimed at once, per instance."),
    optional(
        "LENDING_DECISION_LEASE",
        &[Origination],
        "10s",
        "How long a claimed application is left to its instance before another takes it.",
    ),
    optional("LENDING_APPROVAL_SCORE", &[Origination], "410", "The lowest score that is approved, of 300 to 850."),
];

/// Everything that origination is told.
#[derive(Debug, Clone)]
pub(crate) struct OriginationSettings {
    /// This instance's name, as it stands in leases.
    pub(crate) instance: String,
    pub(crate) server: ServerSettings,
    pub(crate) database: DatabaseSettings,
    pub(crate) messaging: MessagingSettings,
    pub(crate) decision: DecisionSettings,
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
}

impl OriginationSettings {
    pub(crate) fn from_environment(environment: &Environment) -> Result<Self, ConfigError> {
        Ok(Self {
            instance: environment.text("LENDING_INSTANCE").to_owned(),
            server: ServerSettings::from_environment(environment)?,
            database: DatabaseSettings::from_environment(environment)?,
            messaging: MessagingSettings::from_environment(environment)?,
            decision: DecisionSettings::from_environment(environment)?,
        })
    }
}

impl DecisionSettings {
    fn from_environment(environment: &Environment) -> Result<Self, ConfigError> {
        let bureau = environment.text("LENDING_BUREAU_URL").trim_end_matches('/').to_owned();
        if !bureau.starts_with("http://") && !bureau.starts_with("https://") {
            return Err(environment.invalid("LENDING_BUREAU_URL", "must start with http:// or https://"));
        }
        Ok(Self {
            bureau,
            timeout: environment.duration("LENDING_BUREAU_TIMEOUT")?,
            attempts: environment.count("LENDING_BUREAU_ATTEMPTS")?,
            concurrency: environment.count("LENDING_BUREAU_CONCURRENCY")?,
            claim_max: environment.count("LENDING_DECISION_CLAIM_MAX")?,
            lease: environment.duration("LENDING_DECISION_LEASE")?,
            approval_score: environment.parsed("LENDING_APPROVAL_SCORE")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Role;
    use crate::config::messaging::{Commit, Publish};
    use crate::messaging::inbox::Dedup;

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
        assert_eq!(settings.messaging.consumer.commit, Commit::AfterEffect);
        assert_eq!(settings.messaging.dedup, Dedup::Inbox);
        assert_eq!(settings.messaging.publish, Publish::Outbox);
        assert_eq!(settings.messaging.kafka.acks, crate::config::kafka::Acks::All);
        assert!(settings.messaging.kafka.idempotence);
        assert_eq!(settings.decision.bureau, "http://bureau:8080");
    }

    #[test]
    fn a_broken_design_is_one_setting_away() {
        let settings =
            read(&[("LENDING_COMMIT", "before-effect"), ("LENDING_DEDUP", "none"), ("LENDING_PUBLISH", "dual-write")])
                .expect("complete");
        assert_eq!(settings.messaging.consumer.commit, Commit::BeforeEffect);
        assert_eq!(settings.messaging.dedup, Dedup::None);
        assert_eq!(settings.messaging.publish, Publish::DualWrite);
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
