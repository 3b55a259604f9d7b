//! Brings a service's own database to the schema of this binary. Running it twice changes nothing.

use anyhow::Context;
use sqlx::Connection;
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use tracing::info;

use crate::config::migrate::{MigrateSettings, Service};
use crate::messaging::shards;

/// What every owner has; numbered below 100.
static MESSAGING: Migrator = sqlx::migrate!("migrations/messaging");
static CUSTOMERS: Migrator = sqlx::migrate!("migrations/customers");
static ORIGINATION: Migrator = sqlx::migrate!("migrations/origination");
static SERVICING: Migrator = sqlx::migrate!("migrations/servicing");

/// Runs the migrations that the database has not seen.
pub(crate) async fn run(settings: &MigrateSettings) -> anyhow::Result<()> {
    apply(&settings.connect, settings.service, settings.shards).await
}

/// The same for a database that is named, with so many shards of its outbox.
pub(crate) async fn apply(options: &PgConnectOptions, service: Service, shards: u32) -> anyhow::Result<()> {
    let own = match service {
        Service::Customers => &CUSTOMERS,
        Service::Origination => &ORIGINATION,
        Service::Servicing => &SERVICING,
    };
    let database = options.get_database().unwrap_or_default();
    let mut connection = PgConnection::connect_with(options)
        .await
        .with_context(|| format!("cannot connect to the database {database:?}"))?;
    // Both are recorded in one table; each would take the other's for ones that it has lost.
    let both = MESSAGING.iter().chain(own.iter()).cloned().collect::<Vec<_>>();
    let migrator = Migrator { migrations: both.into(), ..Migrator::DEFAULT };
    migrator.run(&mut connection).await.context("cannot migrate")?;
    shards::set(&mut connection, shards).await?;
    connection.close().await.context("cannot close the connection")?;
    info!(database, shards, "migrated");
    Ok(())
}
