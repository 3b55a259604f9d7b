//! A database of its own for each test that asks, on the [server](super::postgres_server) of this process.

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};
use uuid::Uuid;

use super::postgres_server;
use crate::config::database::DatabaseSettings;
use crate::config::migrate::Service;
use crate::migrate;
use crate::store::Store;

/// Shards of the outbox in a test's database.
pub(crate) const SHARDS: u32 = 2;

/// A new database with the migrations of `service` applied and [`SHARDS`] shards.
pub(crate) async fn database(service: Service) -> DatabaseSettings {
    let options = empty().await;
    migrate::apply(&options, service, SHARDS).await.expect("the migrations fit an empty database");
    settings(options)
}

/// The same, connected to.
pub(crate) async fn store(service: Service) -> Store {
    Store::new(&database(service).await)
}

/// A new database with nothing in it.
pub(crate) async fn empty() -> PgConnectOptions {
    let name = format!("test_{}", Uuid::new_v4().simple());
    let mut connection = PgConnection::connect_with(&options("postgres")).await.expect("the server takes connections");
    // Names of databases cannot be parameters; this one is letters and digits.
    let statement = AssertSqlSafe(format!("create database {name}"));
    sqlx::query(statement).execute(&mut connection).await.expect("the database is new");
    connection.close().await.expect("the connection was sound");
    options(&name)
}

/// How a store connects to a test's database.
pub(crate) fn settings(connect: PgConnectOptions) -> DatabaseSettings {
    DatabaseSettings {
        connect,
        connections: 4,
        connections_min: 0,
        acquire_timeout: Duration::from_secs(30),
        timeout: Duration::from_secs(60),
    }
}

fn options(database: &str) -> PgConnectOptions {
    let options = PgConnectOptions::new_without_pgpass().socket(postgres_server::folder());
    options.username("postgres").database(database).disable_statement_logging()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_owner_has_a_database_with_its_migrations() {
        for (service, table) in
            [(Service::Customers, "customer"), (Service::Origination, "loan_application"), (Service::Servicing, "loan")]
        {
            let statement = AssertSqlSafe(format!("select * from {table}, processed_event, outbox"));
            let rows = store(service).await.rows("read empty tables", sqlx::query(statement)).await;
            assert!(rows.expect("the tables are there").is_empty());
        }
    }
}
