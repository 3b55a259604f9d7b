//! Settings of the gateway.
//!
//! - [`idempotency`]: how repeats are recognised
//! - [`intake`]: who hears of an application first
//! - [`tokens`]: who may ask for what

pub(crate) mod idempotency;
pub(crate) mod intake;
pub(crate) mod tokens;

use std::time::Duration;

use super::kafka::KafkaSettings;
use super::server::ServerSettings;
use super::setting::{Setting, conditional, optional, required};
use super::{ConfigError, Environment};
use crate::Role::Gateway;
use idempotency::IdempotencySettings;
use intake::IntakeOrder;
use tokens::TokenSettings;

pub(crate) const SETTINGS: &[Setting] = &[
    required("LENDING_REDIS_URL", &[Gateway], "Where answers are remembered by Idempotency-Key, and revoked tokens."),
    optional(
        "LENDING_REDIS_TIMEOUT",
        &[Gateway],
        "200ms",
        "How long Redis may take before the gateway goes on without.",
    ),
    optional(
        "LENDING_IDEMPOTENCY_STORE",
        &[Gateway],
        "redis",
        "Where answers are remembered: `redis`, or `memory`, which another gateway and a restart know nothing of.",
    ),
    optional("LENDING_IDEMPOTENCY_TTL", &[Gateway], "24h", "How long an answer is replayed."),
    optional(
        "LENDING_IDEMPOTENCY_RESERVATION",
        &[Gateway],
        "15s",
        "How long a key stays reserved when its gateway dies; longer than the message timeout.",
    ),
    optional(
        "LENDING_COMMAND_ID",
        &[Gateway],
        "derived",
        "Which id a command gets: `derived` from what is asked, so that a repeat is the same event, or `random`.",
    ),
    optional(
        "LENDING_KEYING",
        &[Gateway],
        "key",
        "Which key a command's record has: `key`, whom or what it is about, so that commands about one keep their order, or `none`.",
    ),
    required("LENDING_IDENTITY_URL", &[Gateway], "The identity provider, whose keys verify tokens."),
    optional("LENDING_IDENTITY_TIMEOUT", &[Gateway], "2s", "How long it may take to tell its keys."),
    optional("LENDING_TOKEN_ISSUER", &[Gateway], "lending-identity", "The issuer that a token must name."),
    optional("LENDING_TOKEN_AUDIENCE", &[Gateway], "lending", "The audience that a token must name."),
    optional(
        "LENDING_TOKEN_ALGORITHMS",
        &[Gateway],
        "ES256",
        "Which signatures count: `ES256`, or `any`, which believes the token's own header, `none` included.",
    ),
    optional(
        "LENDING_REVOCATION",
        &[Gateway],
        "on",
        "Whether revoked tokens are refused: `on`, or `off`, which takes them until they expire.",
    ),
    optional("LENDING_REVOCATION_TTL", &[Gateway], "1s", "How long a token that was not revoked is not asked about."),
    required("LENDING_CUSTOMERS", &[Gateway], "Instances of customers, host:port separated by commas."),
    optional("LENDING_CUSTOMERS_TIMEOUT", &[Gateway], "3s", "How long customers may take to answer a read."),
    required("LENDING_ORIGINATION", &[Gateway], "Instances of origination, host:port separated by commas."),
    optional("LENDING_ORIGINATION_TIMEOUT", &[Gateway], "3s", "How long origination may take to answer a read."),
    required("LENDING_SERVICING", &[Gateway], "Instances of servicing, host:port separated by commas."),
    optional("LENDING_SERVICING_TIMEOUT", &[Gateway], "3s", "How long servicing may take to answer a read."),
    optional(
        "LENDING_REQUEST_TIMEOUT",
        &[Gateway],
        "9s",
        "How long a request may take as a whole, its body included; nginx waits a little longer.",
    ),
    optional("LENDING_IN_FLIGHT_MAX", &[Gateway], "4096", "Requests in work before the gateway sheds load."),
    optional(
        "LENDING_BODY_MAX",
        &[Gateway],
        "65536",
        "Bytes of a request body; the largest is a batch of credit reports.",
    ),
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
    pub(crate) redis: RedisSettings,
    /// Who hears of an application first.
    pub(crate) intake: IntakeOrder,
    pub(crate) idempotency: IdempotencySettings,
    /// Which id a command's event gets.
    pub(crate) command_ids: CommandIds,
    /// Which key a command's record has.
    pub(crate) keying: Keying,
    pub(crate) tokens: TokenSettings,
    pub(crate) customers: OwnerSettings,
    pub(crate) origination: OwnerSettings,
    pub(crate) servicing: OwnerSettings,
    /// How long a request may take as a whole.
    pub(crate) request_timeout: Duration,
    /// Requests in work before load is shed.
    pub(crate) in_flight_max: usize,
    /// Bytes of a request body.
    pub(crate) body_max: usize,
}

/// Redis, which is asked and never waited for long.
#[derive(Debug, Clone)]
pub(crate) struct RedisSettings {
    pub(crate) client: redis::Client,
    /// How long it may take before the gateway goes on without.
    pub(crate) timeout: Duration,
    /// Whether it is left alone for a while when it fails.
    pub(crate) breaker: bool,
}

/// A service that owns state and is asked for it.
#[derive(Debug, Clone)]
pub(crate) struct OwnerSettings {
    /// Its instances, host:port.
    pub(crate) instances: Vec<String>,
    /// How long one of them may take to answer.
    pub(crate) timeout: Duration,
}

/// Which id a command's event gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CommandIds {
    /// Made from what is asked: a repeat is the same event.
    Derived,
    /// A new one each time: a repeat is another event, and nobody can tell that it is a repeat.
    Random,
}

/// Which key a command's record has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keying {
    /// Whom or what it is about: all of that is in one partition, in its order.
    Subject,
    /// None: the producer spreads the records over the partitions, and order is lost.
    Nothing,
}

impl GatewaySettings {
    pub(crate) fn from_environment(environment: &Environment) -> Result<Self, ConfigError> {
        let owner = |instances, timeout| -> Result<OwnerSettings, ConfigError> {
            Ok(OwnerSettings { instances: environment.addresses(instances)?, timeout: environment.duration(timeout)? })
        };
        let ids = [("derived", CommandIds::Derived), ("random", CommandIds::Random)];
        let settings = Self {
            server: ServerSettings::from_environment(environment)?,
            kafka: KafkaSettings::from_environment(environment)?,
            redis: RedisSettings::from_environment(environment)?,
            intake: IntakeOrder::from_environment(environment)?,
            idempotency: IdempotencySettings::from_environment(environment)?,
            command_ids: environment.choice("LENDING_COMMAND_ID", &ids)?,
            keying: environment.choice("LENDING_KEYING", &[("key", Keying::Subject), ("none", Keying::Nothing)])?,
            tokens: TokenSettings::from_environment(environment)?,
            customers: owner("LENDING_CUSTOMERS", "LENDING_CUSTOMERS_TIMEOUT")?,
            origination: owner("LENDING_ORIGINATION", "LENDING_ORIGINATION_TIMEOUT")?,
            servicing: owner("LENDING_SERVICING", "LENDING_SERVICING_TIMEOUT")?,
            request_timeout: environment.duration("LENDING_REQUEST_TIMEOUT")?,
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

impl RedisSettings {
    fn from_environment(environment: &Environment) -> Result<Self, ConfigError> {
        Ok(Self {
            client: environment.redis("LENDING_REDIS_URL")?,
            timeout: environment.duration("LENDING_REDIS_TIMEOUT")?,
            breaker: environment.switch("LENDING_BREAKER")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Role;
    use crate::config::gateway::idempotency::AnswerStore;
    use crate::config::gateway::tokens::Algorithms;

    const DATABASE_FIRST: (&str, &str) = ("LENDING_INTAKE", "database-first");
    const DATABASE: (&str, &str) = ("LENDING_DATABASE_URL", "postgres://postgres@db:5432/origination");

    fn read(extra: &[(&str, &str)]) -> Result<GatewaySettings, ConfigError> {
        let needed = [
            ("LENDING_KAFKA", "kafka-1:9092"),
            ("LENDING_REDIS_URL", "redis://redis:6379"),
            ("LENDING_IDENTITY_URL", "http://identity:8080"),
            ("LENDING_CUSTOMERS", "customers-1:8080"),
            ("LENDING_ORIGINATION", "origination-1:8080"),
            ("LENDING_SERVICING", "servicing-1:8080"),
        ];
        let pairs = needed.iter().chain(extra).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        GatewaySettings::from_environment(&Environment::read(Role::Gateway, pairs)?)
    }

    #[test]
    fn the_default_is_the_safe_design() {
        let settings = read(&[]).expect("complete");
        assert!(matches!(settings.intake, IntakeOrder::LogFirst));
        assert_eq!(settings.idempotency.store, AnswerStore::Redis);
        assert_eq!(settings.command_ids, CommandIds::Derived);
        assert_eq!(settings.keying, Keying::Subject);
        assert_eq!(settings.tokens.algorithms, Algorithms::Es256);
        assert_eq!(settings.tokens.revocation_ttl, Some(Duration::from_secs(1)));
        assert!(settings.redis.breaker);
        assert!(settings.request_timeout < Duration::from_millis(9500), "nginx waits that long");
        assert!(settings.kafka.message_timeout < settings.request_timeout, "the log's answer comes first");
    }

    #[test]
    fn each_broken_design_is_one_setting_away() {
        let with = |name, value| read(&[(name, value)]).expect("complete");
        assert_eq!(with("LENDING_IDEMPOTENCY_STORE", "memory").idempotency.store, AnswerStore::Memory);
        assert_eq!(with("LENDING_COMMAND_ID", "random").command_ids, CommandIds::Random);
        assert_eq!(with("LENDING_KEYING", "none").keying, Keying::Nothing);
        assert_eq!(with("LENDING_TOKEN_ALGORITHMS", "any").tokens.algorithms, Algorithms::Any);
        assert_eq!(with("LENDING_REVOCATION", "off").tokens.revocation_ttl, None);
        assert!(!with("LENDING_BREAKER", "off").redis.breaker);
    }

    #[test]
    fn log_first_needs_no_database() {
        assert!(matches!(read(&[DATABASE]).expect("complete").intake, IntakeOrder::LogFirst));
    }

    #[test]
    fn database_first_is_one_setting_away_and_gives_up_before_its_client_does() {
        let settings = read(&[DATABASE_FIRST, DATABASE]).expect("complete");
        let IntakeOrder::DatabaseFirst(database) = settings.intake else { panic!("database first") };
        assert_eq!(database.connect.get_host(), "db");
        assert_eq!(database.connections_min, database.connections);
        assert!(database.acquire_timeout < database.timeout, "who waited for a connection has time to use it");
        assert!(database.timeout < settings.request_timeout, "a request waits no longer");
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
    fn values_that_nobody_knows_are_refused() {
        for (name, value) in [
            ("LENDING_INTAKE", "both"),
            ("LENDING_IDENTITY_URL", "identity:8080"),
            ("LENDING_TOKEN_ALGORITHMS", "HS256"),
            ("LENDING_REVOCATION", "maybe"),
            ("LENDING_COMMAND_ID", "none"),
        ] {
            assert!(matches!(read(&[(name, value)]), Err(ConfigError::Invalid { .. })), "{name}={value}");
        }
    }
}
