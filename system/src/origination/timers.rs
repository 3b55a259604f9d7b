//! What lets time pass: timers that are due, and customers who have come to be known. Both are found in the table by
//! whichever instance looks first; nothing is remembered, so nothing is forgotten.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tracing::warn;

use super::evaluation::Evaluation;
use crate::customers::directory::Directory;
use crate::store::StoreError;

/// How often timers are looked for.
const LOOK: Duration = Duration::from_millis(250);
/// How long after news of customers more of them are waited for.
const GATHER: Duration = Duration::from_millis(100);
/// Pause after the database did not answer.
const PAUSE: Duration = Duration::from_millis(500);

/// Fires timers until `stopped`.
pub(super) async fn fire(evaluation: Arc<Evaluation>, mut stopped: watch::Receiver<bool>) -> anyhow::Result<()> {
    while !*stopped.borrow_and_update() {
        let fired = evaluation.fire_due().await;
        metrics::counter!("lending_timers_fired_total").increment(number(&fired));
        let _ = tokio::time::timeout(pause(&fired, LOOK), stopped.wait_for(|stop| *stop)).await;
    }
    Ok(())
}

/// Goes on with what waits for customers whenever the directory says that some have changed, until `stopped`. What it
/// misses is found by the timers.
pub(super) async fn follow_customers(
    evaluation: Arc<Evaluation>,
    directory: Directory,
    mut stopped: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let mut again = false;
    while !*stopped.borrow_and_update() {
        tokio::select! {
            () = directory.changed().notified(), if !again => {}
            () = std::future::ready(()), if again => {}
            _ = stopped.wait_for(|stop| *stop) => return Ok(()),
        }
        let tried = evaluation.go_on_with_customers().await;
        again = tried.is_err();
        let _ = tokio::time::timeout(pause(&tried, GATHER), stopped.wait_for(|stop| *stop)).await;
    }
    Ok(())
}

fn number(done: &Result<usize, StoreError>) -> u64 {
    done.as_ref().map_or(0, |number| u64::try_from(*number).unwrap_or(u64::MAX))
}

/// None after a batch that left more to do, `idle` after one that found nothing.
fn pause(done: &Result<usize, StoreError>, idle: Duration) -> Duration {
    match done {
        Ok(0) => idle,
        Ok(_) => Duration::ZERO,
        Err(error) => {
            warn!(%error, "applications do not go on; trying again");
            PAUSE
        }
    }
}
