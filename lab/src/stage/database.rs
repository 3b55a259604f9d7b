//! Reading of a database stage: the rows of a query in a repeatable-read snapshot.

use super::equal_digests;
use super::row::{self, Rows};
use super::unordered::Unordered;
use crate::manifest::DatabaseStage;
use crate::{Lab, database};
use futures::TryStreamExt;
use proofload_history::Recorder;
use proofload_history::journal::StageRead;
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, PgConnection};
use std::time::Duration;

/// Without a row for this long, the reading has come to a halt.
const STALL: Duration = Duration::from_secs(30);
/// Stamps as text that names the zone; nobody waits for locks of others.
const BEGIN: &str = "set timezone = 'UTC'; set datestyle = 'ISO'; \
                     begin transaction isolation level repeatable read, read only";

pub(super) async fn read(
    lab: &Lab,
    source: &DatabaseStage,
    recorder: &Recorder,
    read: &mut StageRead,
) -> Result<(), String> {
    read.isolation = "repeatable read".to_owned();
    let mut connection = database::connect(lab, source.component.get_ref(), source.database.get_ref()).await?;
    let mut rows = Rows::new(&read.stage, recorder.clock());
    let first = snapshot(&mut connection, &source.sql, |row| {
        match rows.read(row)? {
            Some(fact) => {
                recorder.observation(fact).map_err(|error| error.to_string())?;
                read.rows += 1;
            }
            None => read.unreadable += 1,
        }
        Ok(())
    })
    .await?;
    let second = snapshot(&mut connection, &source.sql, |_| Ok(())).await?;
    equal_digests(read, first, second)
}

/// Gives every row of one snapshot to `take`, and returns the digest of all of them.
async fn snapshot(
    connection: &mut PgConnection,
    sql: &str,
    mut take: impl FnMut(&PgRow) -> Result<(), String>,
) -> Result<u64, String> {
    execute(connection, BEGIN).await?;
    let mut digest = Unordered::default();
    {
        let query = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        let mut rows = query.fetch(&mut *connection);
        while let Some(row) = within(rows.try_next()).await? {
            digest.take(row::digest(&row)?);
            take(&row)?;
        }
    }
    execute(connection, "commit").await?;
    Ok(digest.value())
}

async fn execute(connection: &mut PgConnection, sql: &'static str) -> Result<(), String> {
    within(sqlx::raw_sql(sql).execute(connection)).await.map(|_| ())
}

async fn within<T>(step: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, String> {
    match tokio::time::timeout(STALL, step).await {
        Ok(outcome) => outcome.map_err(|error| error.to_string()),
        Err(_) => Err(format!("no progress for {} s (is the database healthy?)", STALL.as_secs())),
    }
}
