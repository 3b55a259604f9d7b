//! A service's PostgreSQL database, with a bound on every call.
//!
//! A call is one statement, and so one transaction and one round trip, whatever the latency on the way; or a
//! transaction of several, where they belong together or where their effect must not outlive their caller.

use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgArguments, PgPool, PgPoolOptions, PgRow};
use sqlx::query::Query;
use sqlx::{Postgres, Row};
use thiserror::Error;
use tokio::time::Instant;

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

    /// Begins a transaction whose statements and commit together are bounded in time; an error says what it was
    /// `doing`. Dropped without a commit it has no effect, and neither has one whose process dies.
    pub(crate) async fn begin(&self, doing: &'static str) -> Result<Transaction, StoreError> {
        let until = Instant::now() + self.timeout;
        let lease = self.bounded(doing, async {
            let mut lease = self.lease().await?;
            sqlx::raw_sql("begin").execute(lease.connection()?).await?;
            Ok(lease)
        });
        Ok(Transaction { lease: lease.await?, doing, until, limit: self.timeout })
    }

    async fn lease(&self) -> Result<Lease, sqlx::Error> {
        Ok(Lease { connection: Some(self.pool.acquire().await?) })
    }

    async fn bounded<T>(
        &self,
        doing: &'static str,
        work: impl Future<Output = Result<T, sqlx::Error>>,
    ) -> Result<T, StoreError> {
        within(doing, Instant::now() + self.timeout, self.timeout, work).await
    }
}

async fn within<T>(
    doing: &'static str,
    until: Instant,
    limit: Duration,
    work: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, StoreError> {
    match tokio::time::timeout_at(until, work).await {
        Ok(result) => result.map_err(|source| StoreError::Database { doing, source }),
        Err(_) => Err(StoreError::TimedOut { doing, limit }),
    }
}

/// A transaction on a connection of its own.
pub(crate) struct Transaction {
    lease: Lease,
    doing: &'static str,
    until: Instant,
    limit: Duration,
}

impl Transaction {
    /// Runs one statement and returns its rows.
    pub(crate) async fn rows(&mut self, statement: Statement<'_>) -> Result<Vec<PgRow>, StoreError> {
        within(self.doing, self.until, self.limit, async { statement.fetch_all(self.lease.connection()?).await }).await
    }

    /// Makes everything true at once. An error leaves it open whether it did.
    pub(crate) async fn commit(mut self) -> Result<(), StoreError> {
        within(self.doing, self.until, self.limit, async {
            sqlx::raw_sql("commit").execute(self.lease.connection()?).await
        })
        .await?;
        self.lease.put_back();
        Ok(())
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
