//! The wish that the traffic end early.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::Notify;

/// Whether the traffic is to end early; whoever waits learns of it at once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stop(Arc<Wish>);

#[derive(Debug, Default)]
struct Wish {
    stopping: AtomicBool,
    told: Notify,
}

impl Stop {
    pub(crate) fn stop(&self) {
        self.0.stopping.store(true, Ordering::Release);
        self.0.told.notify_waiters();
    }

    pub(crate) fn stopping(&self) -> bool {
        self.0.stopping.load(Ordering::Acquire)
    }

    /// Sleeps for `span`; false, and at once, if the traffic is to end before.
    pub(crate) async fn sleep(&self, span: Duration) -> bool {
        let told = self.0.told.notified();
        // Asked after `notified` was called: a wish that comes in between wakes it.
        !self.stopping() && tokio::time::timeout(span, told).await.is_err()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_sleeps_wakes_when_the_traffic_is_to_end_and_nobody_falls_asleep_after() {
        let stop = Stop::default();
        assert!(stop.sleep(Duration::from_millis(1)).await, "nobody wished anything");
        let sleeper = tokio::spawn({
            let stop = stop.clone();
            async move { stop.sleep(Duration::from_secs(3_600)).await }
        });
        tokio::task::yield_now().await;
        stop.stop();
        assert!(!sleeper.await.unwrap());
        assert!(!stop.sleep(Duration::from_secs(3_600)).await);
    }
}
