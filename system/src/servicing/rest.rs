//! The rest between two looks at a table: none after a full batch, for there may be more; a long one after an error.

use std::time::Duration;

use tokio::sync::{Notify, watch};
use tracing::error;

use crate::store::StoreError;

/// How one who looks for work rests.
pub(super) struct Rest<'a> {
    /// What does not come about while looking fails.
    pub(super) failure: &'static str,
    /// How much is a full batch.
    pub(super) batch_max: usize,
    /// Pause when there is nothing to do.
    pub(super) look: Duration,
    /// Pause after an error.
    pub(super) pause: Duration,
    /// Who ends the pause when there is nothing to do, by bringing something.
    pub(super) wakeup: Option<&'a Notify>,
}

impl Rest<'_> {
    /// Rests after a look that found so much; not at all once it is `stopped`.
    pub(super) async fn after(&self, looked: Result<usize, StoreError>, stopped: &mut watch::Receiver<bool>) {
        let (pause, wakeup) = match looked {
            Ok(done) if done >= self.batch_max => return,
            Ok(_) => (self.look, self.wakeup),
            Err(error) => {
                error!(%error, "{}; trying again", self.failure);
                (self.pause, None)
            }
        };
        let woken = async {
            match wakeup {
                Some(wakeup) => wakeup.notified().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = woken => {}
            _ = stopped.wait_for(|stop| *stop) => {}
        }
    }
}
