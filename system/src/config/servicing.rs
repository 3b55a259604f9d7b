//! Settings of servicing.

use std::time::Duration;

use super::database::DatabaseSettings;
use super::messaging::MessagingSettings;
use super::server::ServerSettings;
use super::setting::{Setting, optional, required};
use super::{ConfigError, Environment};
use crate::Role::Servicing;

pub(crate) const SETTINGS: &[Setting] = &[
    required("LENDING_RAIL_URL", &[Servicing], "The payment rail."),
    optional("LENDING_RAIL_TIMEOUT", &[Servicing], "2s", "How long the rail may take for one batch of transfers."),
    optional("LENDING_TRANSFER_BATCH_MAX", &[Servicing], "200", "Transfers in one call of the rail."),
    optional("LENDING_TRANSFER_CONCURRENCY", &[Servicing], "4", "Calls of the rail at once, per instance."),
    optional(
        "LENDING_TRANSFER_LEASE",
        &[Servicing],
        "10s",
        "How long a transfer is left to the instance that took it before another asks the rail; longer than its timeout.",
    ),
    optional(
        "LENDING_TRANSFER_RETRY",
        &[Servicing],
        "250ms",
        "About how long after the first call without an answer the rail is asked again; it doubles with each.",
    ),
    optional("LENDING_TRANSFER_RETRY_MAX", &[Servicing], "5s", "The longest that it grows to."),
    optional(
        "LENDING_RAIL_INSTRUCTION",
        &[Servicing],
        "derived",
        "The id that the rail knows a transfer by: `derived` from what it is for, so that asking again is no second \
         transfer, or `random` for each call, which makes it one.",
    ),
    optional(
        "LENDING_COMPENSATION",
        &[Servicing],
        "on",
        "Whether a refused disbursement takes its booking back: `on`, or `off`, which leaves the saga half done.",
    ),
    optional(
        "LENDING_SAGA_TIMERS",
        &[Servicing],
        "on",
        "Whether the rail is asked again about a transfer that it did not answer: `on`, or `off`, which leaves it open \
         for ever.",
    ),
    optional("LENDING_MONTH", &[Servicing], "720h", "The time from one instalment to the next."),
    optional(
        "LENDING_WAITING_COMMAND_MAX",
        &[Servicing],
        "60s",
        "How long a command waits for its loan to be there and paid out before it is refused.",
    ),
    optional("LENDING_TIMER_BATCH_MAX", &[Servicing], "500", "Loans, or commands that wait, looked at together."),
];

/// By which id the rail knows a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RailInstruction {
    /// The transfer's own, the same for every call.
    Derived,
    /// A new one for every call.
    Random,
}

/// Everything that servicing is told.
#[derive(Debug, Clone)]
pub(crate) struct ServicingSettings {
    pub(crate) server: ServerSettings,
    pub(crate) database: DatabaseSettings,
    pub(crate) messaging: MessagingSettings,
    pub(crate) transfers: TransferSettings,
    /// Whether a refused disbursement takes its booking back.
    pub(crate) compensation: bool,
    /// From one instalment to the next.
    pub(crate) month: Duration,
    /// How long a command waits for its loan.
    pub(crate) waiting_command_max: Duration,
    /// Rows that a timer takes at once.
    pub(crate) timer_batch_max: usize,
}

/// How the rail is asked.
#[derive(Debug, Clone)]
pub(crate) struct TransferSettings {
    /// The rail's base URL, without a slash at the end.
    pub(crate) rail: String,
    /// How long one call may take.
    pub(crate) timeout: Duration,
    /// Transfers in one call.
    pub(crate) batch_max: usize,
    /// Calls at once.
    pub(crate) concurrency: usize,
    /// How long a claim holds.
    pub(crate) lease: Duration,
    /// The first pause before an unanswered transfer is asked for again, and the longest.
    pub(crate) retry: Duration,
    pub(crate) retry_max: Duration,
    /// By which id the rail knows it.
    pub(crate) instruction: RailInstruction,
    /// Whether unanswered transfers are asked for again.
    pub(crate) timers: bool,
}

impl ServicingSettings {
    pub(crate) fn from_environment(environment: &Environment) -> Result<Self, ConfigError> {
        let settings = Self {
            server: ServerSettings::from_environment(environment)?,
            database: DatabaseSettings::from_environment(environment)?,
            messaging: MessagingSettings::from_environment(environment)?,
            transfers: TransferSettings::from_environment(environment)?,
            compensation: environment.switch("LENDING_COMPENSATION")?,
            month: environment.duration("LENDING_MONTH")?,
            waiting_command_max: environment.duration("LENDING_WAITING_COMMAND_MAX")?,
            timer_batch_max: environment.count("LENDING_TIMER_BATCH_MAX")?,
        };
        if settings.month.is_zero() {
            return Err(environment.invalid("LENDING_MONTH", "must not be 0"));
        }
        Ok(settings)
    }
}

impl TransferSettings {
    fn from_environment(environment: &Environment) -> Result<Self, ConfigError> {
        let rail = environment.base_url("LENDING_RAIL_URL")?;
        let instruction = [("derived", RailInstruction::Derived), ("random", RailInstruction::Random)];
        let settings = Self {
            rail,
            timeout: environment.duration("LENDING_RAIL_TIMEOUT")?,
            batch_max: environment.count("LENDING_TRANSFER_BATCH_MAX")?,
            concurrency: environment.count("LENDING_TRANSFER_CONCURRENCY")?,
            lease: environment.duration("LENDING_TRANSFER_LEASE")?,
            retry: environment.duration("LENDING_TRANSFER_RETRY")?,
            retry_max: environment.duration("LENDING_TRANSFER_RETRY_MAX")?,
            instruction: environment.choice("LENDING_RAIL_INSTRUCTION", &instruction)?,
            timers: environment.switch("LENDING_SAGA_TIMERS")?,
        };
        if settings.lease <= settings.timeout {
            let reason = "must be longer than LENDING_RAIL_TIMEOUT, or two instances ask for the same transfer";
            return Err(environment.invalid("LENDING_TRANSFER_LEASE", reason));
        }
        if settings.retry.is_zero() || settings.retry_max < settings.retry {
            let reason = "must be at least LENDING_TRANSFER_RETRY, which must not be 0";
            return Err(environment.invalid("LENDING_TRANSFER_RETRY_MAX", reason));
        }
        Ok(settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Role;

    fn read(extra: &[(&str, &str)]) -> Result<ServicingSettings, ConfigError> {
        let needed = [
            ("LENDING_KAFKA", "kafka-1:9092"),
            ("LENDING_DATABASE_URL", "postgres://postgres@db:5432/servicing"),
            ("LENDING_RAIL_URL", "http://rail:8080/"),
        ];
        let pairs = needed.iter().chain(extra).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        ServicingSettings::from_environment(&Environment::read(Role::Servicing, pairs)?)
    }

    #[test]
    fn the_defaults_are_the_safe_design() {
        let settings = read(&[]).expect("complete");
        assert!(settings.compensation && settings.transfers.timers);
        assert_eq!(settings.transfers.instruction, RailInstruction::Derived);
        assert_eq!(settings.transfers.rail, "http://rail:8080");
    }

    #[test]
    fn a_broken_design_is_one_setting_away() {
        let broken =
            [("LENDING_COMPENSATION", "off"), ("LENDING_SAGA_TIMERS", "off"), ("LENDING_RAIL_INSTRUCTION", "random")];
        let settings = read(&broken).expect("complete");
        assert!(!settings.compensation && !settings.transfers.timers);
        assert_eq!(settings.transfers.instruction, RailInstruction::Random);
    }

    #[test]
    fn values_that_contradict_each_other_are_refused() {
        for (name, value) in [
            ("LENDING_RAIL_URL", "rail:8080"),
            ("LENDING_TRANSFER_LEASE", "2s"),
            ("LENDING_TRANSFER_RETRY", "6s"),
            ("LENDING_TRANSFER_RETRY", "0ms"),
            ("LENDING_MONTH", "0s"),
            ("LENDING_COMPENSATION", "maybe"),
        ] {
            assert!(matches!(read(&[(name, value)]), Err(ConfigError::Invalid { .. })), "{name}={value}");
        }
    }
}
