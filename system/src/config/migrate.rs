//! Settings of a migration.

use sqlx::postgres::PgConnectOptions;

use super::setting::{Setting, required};
use super::{ConfigError, Environment, database};
use crate::Role::Migrate;

pub(crate) const SETTINGS: &[Setting] =
    &[required("LENDING_SERVICE", &[Migrate], "Whose database it is: `customers`, `origination` or `servicing`.")];

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
}

impl MigrateSettings {
    pub(crate) fn from_environment(environment: &Environment) -> Result<Self, ConfigError> {
        let services = [
            ("customers", Service::Customers),
            ("origination", Service::Origination),
            ("servicing", Service::Servicing),
        ];
        Ok(Self {
            connect: database::connect_options(environment)?,
            service: environment.choice("LENDING_SERVICE", &services)?,
        })
    }
}
