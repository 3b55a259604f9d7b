//! What a Goose user does: take an arrival, and see it to the end of its journey.

use crate::lane::Lane;
use crate::walk::Walk;
use futures::FutureExt;
use goose::goose::GooseUser;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

/// An idle worker returns to Goose this often, in case Goose wants it to end; closing the lane wakes it at once.
const IDLE: Duration = Duration::from_secs(2);
/// A worker of a closed lane waits this long for Goose to end it, and does not spin.
const CLOSED: Duration = Duration::from_millis(20);

/// One turn of a worker: at most one arrival.
pub(crate) async fn serve(user: &mut GooseUser, lane: &Arc<Lane>) {
    match tokio::time::timeout(IDLE, lane.take()).await {
        Err(_) => {}
        Ok(None) => tokio::time::sleep(CLOSED).await,
        Ok(Some(job)) => {
            lane.tally.begun.add_one();
            // Goose loses a panic without a trace. The arrival has no row then: its id was issued, so nobody knows.
            match AssertUnwindSafe(Walk::new(lane, &job, user).walk()).catch_unwind().await {
                Ok(end) => lane.tally.ended(end),
                Err(_) => lane.tally.panics.add_one(),
            }
        }
    }
}
