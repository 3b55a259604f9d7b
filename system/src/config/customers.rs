//! Settings of customers, of the seed, and of the directory that origination keeps of customers.

use std::time::Duration;

use super::database::{self, DatabaseSettings};
use super::messaging::MessagingSettings;
use super::server::ServerSettings;
use super::setting::{Setting, optional};
use super::{ConfigError, Environment};
use crate::Role::{Customers, Origination};

pub(crate) const SETTINGS: &[Setting] = &[
    optional(
        "LENDING_KYC",
        &[Customers],
        "automatic",
        "Who finds out who a customer is: `automatic` verifies with the registration, `manual` leaves it PENDING until somebody decides.",
    ),
    optional(
        "LENDING_DIRECTORY",
        &[Origination],
        "invalidate",
        "How the local copy of customers is kept: `invalidate` by the log, or `frozen`, which never learns what changed after the start.",
    ),
];

/// Who finds out who a customer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KycPolicy {
    /// A simulated check with the registration, which everybody passes.
    Automatic,
    /// Somebody, later.
    Manual,
}

/// How a local copy of customers is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Freshness {
    /// By the log, change by change.
    Invalidate,
    /// Not at all after the start.
    Frozen,
}

impl Freshness {
    /// What origination is told about its directory.
    pub(crate) fn from_environment(environment: &Environment) -> Result<Self, ConfigError> {
        let choices = [("invalidate", Self::Invalidate), ("frozen", Self::Frozen)];
        environment.choice("LENDING_DIRECTORY", &choices)
    }
}

/// Everything that customers is told.
#[derive(Debug, Clone)]
pub(crate) struct CustomersSettings {
    pub(crate) server: ServerSettings,
    pub(crate) database: DatabaseSettings,
    pub(crate) messaging: MessagingSettings,
    pub(crate) kyc: KycPolicy,
}

impl CustomersSettings {
    pub(crate) fn from_environment(environment: &Environment) -> Result<Self, ConfigError> {
        let kyc = [("automatic", KycPolicy::Automatic), ("manual", KycPolicy::Manual)];
        Ok(Self {
            server: ServerSettings::from_environment(environment)?,
            database: DatabaseSettings::from_environment(environment)?,
            messaging: MessagingSettings::from_environment(environment)?,
            kyc: environment.choice("LENDING_KYC", &kyc)?,
        })
    }
}

/// Where the seed puts its customers.
#[derive(Debug, Clone)]
pub(crate) struct SeedSettings {
    pub(crate) database: DatabaseSettings,
}

impl SeedSettings {
    pub(crate) fn from_environment(environment: &Environment) -> Result<Self, ConfigError> {
        let database = DatabaseSettings {
            connect: database::connect_options(environment)?.application_name("seed"),
            connections: 1,
            connections_min: 0,
            acquire_timeout: Duration::from_secs(10),
            timeout: Duration::from_secs(60),
        };
        Ok(Self { database })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Role;

    fn read(extra: &[(&str, &str)]) -> Result<CustomersSettings, ConfigError> {
        let needed = [("LENDING_KAFKA", "k:1"), ("LENDING_DATABASE_URL", "postgres://postgres@db:5432/customers")];
        let pairs = needed.iter().chain(extra).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        CustomersSettings::from_environment(&Environment::read(Role::Customers, pairs)?)
    }

    #[test]
    fn a_registration_is_verified_at_once_unless_that_is_left_to_somebody() {
        assert_eq!(read(&[]).expect("complete").kyc, KycPolicy::Automatic);
        assert_eq!(read(&[("LENDING_KYC", "manual")]).expect("complete").kyc, KycPolicy::Manual);
        assert!(matches!(read(&[("LENDING_KYC", "never")]), Err(ConfigError::Invalid { .. })));
    }

    #[test]
    fn the_seed_is_told_nothing_but_its_database() {
        let given = [("LENDING_DATABASE_URL".to_owned(), "postgres://postgres@db:5432/customers".to_owned())];
        let environment = Environment::read(Role::Seed, given).expect("complete");
        assert!(SeedSettings::from_environment(&environment).is_ok());
    }
}
