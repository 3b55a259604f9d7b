//! Load shedding: a request over the limit is refused at once, because one that waits makes the others late too.
//!
//! A semaphore and not tower's `ConcurrencyLimit` with `LoadShed`: tower's place is free when the response is made or
//! the client hangs up, and a command's work goes on in a task of its own after that; the place here goes with it.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::http::problem::{Kind, Problem};

/// The limit of requests in work.
pub(super) struct Admission {
    places: Arc<Semaphore>,
}

impl Admission {
    pub(super) fn new(limit: usize) -> Self {
        Self { places: Arc::new(Semaphore::new(limit.min(Semaphore::MAX_PERMITS))) }
    }

    /// A place that lasts as long as its permit, or the problem that says that nothing was done.
    pub(super) fn enter(&self) -> Result<OwnedSemaphorePermit, Problem> {
        Arc::clone(&self.places).try_acquire_owned().map_err(|_| {
            metrics::counter!("lending_requests_shed_total").increment(1);
            Kind::NotAttempted.with("too many requests are in work")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_over_the_limit_is_refused_until_a_place_is_free() {
        let admission = Admission::new(1);
        let place = admission.enter().expect("the first fits");
        assert_eq!(admission.enter().expect_err("the second does not").kind, Kind::NotAttempted);
        drop(place);
        assert!(admission.enter().is_ok());
    }
}
