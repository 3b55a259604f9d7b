//! Settings of the gateway.

use std::time::Duration;

use super::database::DatabaseSettings;
use super::kafka::KafkaSettings;
use super::server::ServerSettings;
use super::setting::{Setting, conditional, optional, required};
use super::{ConfigError, Environment};
use crate::Role::Gateway;

pub(crate) const SETTINGS: &[Setting] = &[
    required("LENDING_REDIS_URL", &[Gateway], "Where answers are remembered by Idempotency-Key."),
    optional(
        "LENDING_REDIS_TIMEOUT",
        &[Gateway],
        "200ms",
        "How long Redis may take before the gateway goes on without.",
    ),
    optional("LENDING_IDEMPOTENCY_TTL", &[Gateway], "24h", "How long an answer is replayed."),
    optional(
        "LENDING_IDEMPOTENCY_RESERVATION",
        &[Gateway],
        "15s",
        "How long a key stays reserved when its gateway dies; longer than the message timeout.",
    ),
    required("LENDING_ORIGINATION", &[Gateway], "Instances of origination, host:port separated by commas."),
    optional("LENDING_ORIGINATION_TIMEOUT", &[Gateway], "3s", "How long origination may take to answer a read."),
    optional("LENDING_IN_FLIGHT_MAX", &[Gateway], "4096", "Requests in work before the gateway sheds load."),
    optional("LENDING_BODY_MAX", &[Gateway], "16384", "Bytes of a request body."),
    optional(
        "LENDING_INTAKE",
        &[Gateway],
        "log-first",
        "Who hears of an application first: `log-first`, or `database-first`, which makes every client wait for PostgreSQL.",
    ),
    conditional(
        "LENDING_DATABASE_URL",
        &[Gateway],
        "The PostgreSQL database of `LENDING_INTAKE=database-first`, which needs it.",
    ),
    optional(
        "LENDING_DATABASE_CONNECTIONS",
        &[Gateway],
        "8",
        "Connections kept open, with `LENDING_INTAKE=database-first`.",
    ),
    optional("LENDING_DATABASE_ACQUIRE_TIMEOUT", &[Gateway], "3s", "How long a connection is waited for there."),
    optional(
        "LENDING_DATABASE_TIMEOUT",
        &[Gateway],
        "6s",
        "How long the row may take there, the wait for a connection included; shorter than a client waits.",
    ),
];

/// Everything that the gateway is told.
#[derive(Debug, Clone)]
pub(crate) struct GatewaySettings {
    pub(crate) server: ServerSettings,
    pub(crate) kafka: KafkaSettings,
    /// Who hears of an application first.
    pub(crate) intake: IntakeOrder,
    pub(crate) idempotency: IdempotencySettings,
    /// Instances of origination, host:port.
    pub(crate) origination: Vec<String>,
    /// How long one of them may take to answer.
    pub(crate) origination_timeout: Duration,
    /// Requests in work before load is shed.
    pub(crate) in_flight_max: usize,
    /// Bytes of a request body.
    pub(crate) body_max: usize,
}

/// Who hears of an application first.
#[derive(Debug, Clone)]
pub(crate) enum IntakeOrder {
    /// The log, and nobody else while the client waits.
    LogFirst,
    /// This database, and the log afterwards: every client waits for both.
    DatabaseFirst(Box<DatabaseSettings>),
}

/// How repeats of a request are recognised.
#[derive(Debug, Clone)]
pub(crate) struct IdempotencySettings {
    /// The Redis that remembers.
    pub(crate) redis: redis::Client,
    /// How long it may take before the gateway goes on without.
    pub(crate) timeout: Duration,
    /// How long an answer is replayed.
    pub(crate) ttl: Duration,
    /// How long a key stays reserved when its gateway dies.
    pub(crate) reservation: Duration,
}

impl GatewaySettings {
    pub(crate) fn from_environment(environment: &Environment) -> Result<Self, ConfigError> {
        let url = environment.text("LENDING_REDIS_URL");
        let redis =
            redis::Client::open(url).map_err(|error| environment.invalid("LENDING_REDIS_URL", &error.to_string()))?;
        let settings = Self {
            server: ServerSettings::from_environment(environment)?,
            kafka: KafkaSettings::from_environment(environment)?,
            intake: IntakeOrder::from_environment(environment)?,
            idempotency: IdempotencySettings {
                redis,
                timeout: environment.duration("LENDING_REDIS_TIMEOUT")?,
                ttl: environment.duration("LENDING_IDEMPOTENCY_TTL")?,
                reservation: environment.duration("LENDING_IDEMPOTENCY_RESERVATION")?,
            },
            origination: environment.addresses("LENDING_ORIGINATION")?,
            origination_timeout: environment.duration("LENDING_ORIGINATION_TIMEOUT")?,
            in_flight_max: environment.count("LENDING_IN_FLIGHT_MAX")?,
            body_max: environment.count("LENDING_BODY_MAX")?,
        };
        let longest = settings.kafka.message_timeout.saturating_add(settings.intake.longest());
        if settings.idempotency.reservation <= longest {
            let reason = "must be longer than LENDING_KAFKA_MESSAGE_TIMEOUT, and with LENDING_INTAKE=database-first \
                          than that and LENDING_DATABASE_TIMEOUT together, or a repeat overtakes its first";
            return Err(environment.invalid("LENDING_IDEMPOTENCY_RESERVATION", reason));
        }
        Ok(settings)
    }
}

impl IntakeOrder {
    fn from_environment(environment: &Environment) -> Result<Self, ConfigError> {
        if !environment.choice("LENDING_INTAKE", &[("log-first", false), ("database-first", true)])? {
            return Ok(Self::LogFirst);
        }
        environment.needs("LENDING_DATABASE_URL", "LENDING_INTAKE=database-first")?;
        let database = DatabaseSettings::from_environment(environment)?;
        // A client must not wait for connections to be made: all are kept open.
        Ok(Self::DatabaseFirst(Box::new(DatabaseSettings { connections_min: database.connections, ..database })))
    }

    /// The longest time that it adds to a request.
    fn longest(&self) -> Duration {
        match self {
            Self::LogFirst => Duration::ZERO,
            Self::DatabaseFirst(database) => database.timeout,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Role;

    const DATABASE_FIRST: (&str, &str) = ("LENDING_INTAKE", "database-first");
    const DATABASE: (&str, &str) = ("LENDING_DATABASE_URL", "postgres://postgres@db:5432/origination");

    fn read(extra: &[(&str, &str)]) -> Result<GatewaySettings, ConfigError> {
        let needed = [
            ("LENDING_KAFKA", "kafka-1:9092"),
            ("LENDING_REDIS_URL", "redis://redis:6379"),
            ("LENDING_ORIGINATION", "origination-1:8080"),
        ];
        let pairs = needed.iter().chain(extra).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        GatewaySettings::from_environment(&Environment::read(Role::Gateway, pairs)?)
    }

    #[test]
    fn the_default_is_the_log_first_and_needs_no_database() {
        assert!(matches!(read(&[]).expect("complete").intake, IntakeOrder::LogFirst));
        assert!(matches!(read(&[DATABASE]).expect("complete").intake, IntakeOrder::LogFirst));
    }

    #[test]
    fn database_first_is_one_setting_away_and_gives_up_before_its_client_does() {
        let settings = read(&[DATABASE_FIRST, DATABASE]).expect("complete");
        let IntakeOrder::DatabaseFirst(database) = settings.intake else { panic!("database first") };
        assert_eq!(database.connect.get_host(), "db");
        assert_eq!(database.connections_min, database.connections);
        assert!(database.acquire_timeout < database.timeout, "who waited for a connection has time to use it");
        assert!(database.timeout < Duration::from_millis(9500), "nginx waits that long");
    }

    #[test]
    fn database_first_without_a_database_says_which_setting_is_missing_and_why() {
        let error = read(&[DATABASE_FIRST]).expect_err("there is no database");
        assert_eq!(
            error.to_string(),
            "the environment lacks LENDING_DATABASE_URL, which LENDING_INTAKE=database-first needs"
        );
    }

    #[test]
    fn a_reservation_outlasts_everything_that_a_request_waits_for() {
        let reserved = ("LENDING_IDEMPOTENCY_RESERVATION", "14s");
        assert!(read(&[reserved]).is_ok());
        assert!(matches!(read(&[reserved, DATABASE_FIRST, DATABASE]), Err(ConfigError::Invalid { .. })));
        assert!(matches!(read(&[("LENDING_IDEMPOTENCY_RESERVATION", "8s")]), Err(ConfigError::Invalid { .. })));
    }

    #[test]
    fn an_order_that_nobody_knows_is_refused() {
        assert!(matches!(read(&[("LENDING_INTAKE", "both")]), Err(ConfigError::Invalid { .. })));
    }
}
