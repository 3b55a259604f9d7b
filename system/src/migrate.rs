//! Brings the service's own database to the schema of this binary. Running it twice changes nothing.

use anyhow::Context;
use sqlx::Connection;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use tracing::info;

/// Runs the migrations that the database has not seen.
pub(crate) async fn run(options: &PgConnectOptions) -> anyhow::Result<()> {
    let database = options.get_database().unwrap_or_default();
    let mut connection = PgConnection::connect_with(options)
        .await
        .with_context(|| format!("cannot connect to the database {database:?}"))?;
    sqlx::migrate!().run(&mut connection).await.context("cannot migrate")?;
    connection.close().await.context("cannot close the connection")?;
    info!(database, "migrated");
    Ok(())
}
