//! The credit bureaus, each on its own: what is due is claimed in the table, asked in batches, and asked again later,
//! within a budget, until the report comes by another way or nobody waits for it any more.
//!
//! - [`client`]: one call; [`claim`]: what is due; [`budget`]: how much may be asked again
//! - [`dispatcher`]: the loop, with a circuit per bureau
//!
//! A bureau that is slow, silent or dead delays its own reports and nobody else's.

mod budget;
mod claim;
mod client;
mod dispatcher;
#[cfg(test)]
mod tests;

use std::time::Duration;

use sqlx::postgres::PgRow;
use tokio::sync::watch;
use tracing::debug;

use crate::store::{Store, StoreError, column};

pub(super) use client::Bureau;
pub(super) use dispatcher::Dispatcher;

/// How often the open requests are counted.
const MEASURE: Duration = Duration::from_secs(5);

const OPEN: &str = "
select bureau, count(*) as requests from credit_report_request where state in ('PENDING', 'SENT') group by bureau";

/// Measures how many answers are waited for, until `stopped`.
pub(super) async fn measure(
    store: Store,
    bureaus: Vec<String>,
    mut stopped: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    while !*stopped.borrow_and_update() {
        match store.rows("count open requests", sqlx::query(OPEN)).await.and_then(|rows| counts(&rows)) {
            Ok(counts) => {
                for bureau in &bureaus {
                    let open = counts.iter().find(|(name, _)| name == bureau).map_or(0, |(_, open)| *open);
                    let open = u32::try_from(open).map_or(f64::INFINITY, f64::from);
                    metrics::gauge!("lending_bureau_requests_open", "bureau" => bureau.clone()).set(open);
                }
            }
            Err(error) => debug!(%error, "open requests are not counted"),
        }
        let _ = tokio::time::timeout(MEASURE, stopped.wait_for(|stop| *stop)).await;
    }
    Ok(())
}

fn counts(rows: &[PgRow]) -> Result<Vec<(String, i64)>, StoreError> {
    rows.iter().map(|row| Ok((column(row, "bureau")?, column(row, "requests")?))).collect()
}
