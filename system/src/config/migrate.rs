//! Settings of a migration.

use sqlx::postgres::PgConnectOptions;

use super::setting::{Setting, optional, required};
use super::{ConfigError, Environment, database};
use crate::Role::Migrate;

pub(crate) const SETTINGS: &[Setting] = &[
    required("LENDING_SERVICE", &[Migrate], "Whose database it is: `customers`, `origination` or `servicing`."),
    optional(
        "LENDING_OUTBOX_SHARDS",
        &[Migrate],
        "2",
        "Shards of the outbox, each with a relay of its own; it changes only when everything in the outbox is published.",
    ),
];

/// More relays than anybody has cores for.
const SHARDS_MAX: u32 = 64;

/// A service that owns a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    Customers,
    Origination,
    Servicing,
}

/// What is migrated.
#[derive(Debug, Clone)]
pub(crate) struct MigrateSettings {
    pub(crate) connect: PgConnectOptions,
    pub(crate) service: Service,
    /// Shards of the outbox.
    pub(crate) shards: u32,
}

impl MigrateSettings {
    pub(crate) fn from_environment(environment: &Environment) -> Result<Self, ConfigError> {
        let services = [
            ("customers", Service::Customers),
            ("origination", Service::Origination),
            ("servicing", Service::Servicing),
        ];
        let shards = environment.parsed("LENDING_OUTBOX_SHARDS")?;
        if !(1..=SHARDS_MAX).contains(&shards) {
            return Err(environment.invalid("LENDING_OUTBOX_SHARDS", &format!("must be from 1 to {SHARDS_MAX}")));
        }
        Ok(Self {
            shards,
            connect: database::connect_options(environment)?,
            service: environment.choice("LENDING_SERVICE", &services)?,
        })
    }
}
