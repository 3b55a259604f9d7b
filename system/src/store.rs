//! A service's PostgreSQL database, with a bound on every call.
//!
//! A call is one statement, and so one transaction and one round trip, whatever the latency on the way; or a
//! transaction around one statement, where its effect must not outlive its caller.

use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgArguments, PgPool, PgPoolOptions, PgRow};
use sqlx::query::Query;
use sqlx::{Connection, Postgres, Row};
use thiserror::Error;

use crate::config::database::DatabaseSettings;

/// A statement with its arguments.
pub(crate) type Statement<'a> = Query<'a, Postgres, PgArguments>;

/// Why a call to the database has no result. Its effect may have happened all the same.
#[derive(Debug, Error)]
pub(crate) enum StoreError {
    #[error("cannot {doing}: {source}")]
    Database {
        doing: &'static str,
        #[source]
        source: sqlx::Error,
    },
    #[error("cannot {doing}: no answer within {limit:?}")]
    TimedOut { doing: &'static str, limit: Duration },
}

/// The pool; cheap to clone.
#[derive(Clone)]
pub(crate) struct Store {
    pool: PgPool,
    timeout: Duration,
}

impl Store {
    /// Connects when it is first used; connections that are to be kept are opened at once.
    pub(crate) fn new(settings: &DatabaseSettings) -> Self {
        let mut options = PgPoolOptions::new()
            .max_connections(settings.connections)
            .acquire_timeout(settings.acquire_timeout)
            // A ping before each use would double the round trips; a stale connection is found out by its use.
            .test_before_acquire(false);
        if settings.connections_min > 0 {
            // A lazy pool opens them at its start only where none is ever closed for its age.
            options = options.min_connections(settings.connections_min).idle_timeout(None).max_lifetime(None);
        }
        let pool = options.connect_lazy_with(settings.connect.clone());
        Self { pool, timeout: settings.timeout }
    }

    /// Runs one statement and returns its rows; an error says what it was `doing`.
    pub(crate) async fn rows(&self, doing: &'static str, statement: Statement<'_>) -> Result<Vec<PgRow>, StoreError> {
        self.bounded(doing, async {
            let mut lease = self.lease().await?;
            let rows = statement.fetch_all(lease.connection()?).await?;
            lease.put_back();
            Ok(rows)
        })
        .await
    }

    /// The same in a transaction that is committed when the rows have come: a caller that dies in between has no
    /// effect, while a lone statement takes effect once it is on its way. It costs three round trips.
    pub(crate) async fn rows_in_transaction(
        &self,
        doing: &'static str,
        statement: Statement<'_>,
    ) -> Result<Vec<PgRow>, StoreError> {
        self.bounded(doing, async {
            let mut lease = self.lease().await?;
            let mut transaction = lease.connection()?.begin().await?;
            let rows = statement.fetch_all(&mut *transaction).await?;
            transaction.commit().await?;
            lease.put_back();
            Ok(rows)
        })
        .await
    }

    async fn lease(&self) -> Result<Lease, sqlx::Error> {
        Ok(Lease { connection: Some(self.pool.acquire().await?) })
    }

    async fn bounded<T>(
        &self,
        doing: &'static str,
        work: impl Future<Output = Result<T, sqlx::Error>>,
    ) -> Result<T, StoreError> {
        match tokio::time::timeout(self.timeout, work).await {
            Ok(result) => result.map_err(|source| StoreError::Database { doing, source }),
            Err(_) => Err(StoreError::TimedOut { doing, limit: self.timeout }),
        }
    }
}

/// The value of a column.
pub(crate) fn column<'r, T>(row: &'r PgRow, name: &'static str) -> Result<T, StoreError>
where
    T: sqlx::Decode<'r, Postgres> + sqlx::Type<Postgres>,
{
    row.try_get(name).map_err(|source| StoreError::Database { doing: "read a column", source })
}

/// A connection that goes back to the pool only when it is known to be sound. One that failed, or that was given up in
/// the middle of an answer, is closed: returning it would wait for the rest of that answer, maybe for minutes.
struct Lease {
    connection: Option<PoolConnection<Postgres>>,
}

impl Lease {
    fn connection(&mut self) -> Result<&mut sqlx::PgConnection, sqlx::Error> {
        self.connection.as_deref_mut().ok_or(sqlx::Error::PoolClosed)
    }

    fn put_back(&mut self) {
        drop(self.connection.take());
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            drop(connection.detach());
        }
    }
}
