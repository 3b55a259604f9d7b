//! Liveness and readiness, which mean different things: `live` says that the process answers, `ready` that it can do
//! its work: that it has all that it needs for it. A service that stops, or whose database is away, is live and not
//! ready. To start it anew would help nobody; to send it requests would not either.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;

/// Whether the service can do its work, shared by those who know and the one who answers. Who needs nothing is ready.
#[derive(Debug, Clone, Default)]
pub(crate) struct Readiness(Arc<RwLock<Vec<Need>>>);

/// One thing that the service cannot do its work without, as who knows about it sees it.
#[derive(Debug, Clone)]
pub(crate) struct Need {
    name: &'static str,
    met: Arc<AtomicBool>,
}

impl Need {
    /// Says whether the service has it from now on.
    pub(crate) fn set(&self, met: bool) {
        self.met.store(met, Ordering::Release);
    }

    fn is_met(&self) -> bool {
        self.met.load(Ordering::Acquire)
    }
}

impl Readiness {
    /// One thing more that is needed; it is not there yet.
    pub(crate) fn needs(&self, name: &'static str) -> Need {
        let need = Need { name, met: Arc::default() };
        self.0.write().unwrap_or_else(PoisonError::into_inner).push(need.clone());
        need
    }

    /// The service stops: it is not ready any more, whatever it has.
    pub(crate) fn end(&self) {
        self.needs("a stop that has not begun");
    }

    fn status(&self) -> (StatusCode, String) {
        let needs = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let unmet: Vec<&str> = needs.iter().filter(|need| !need.is_met()).map(|need| need.name).collect();
        match unmet.is_empty() {
            true => (StatusCode::OK, "ready\n".to_owned()),
            false => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready, for want of {}\n", unmet.join(", "))),
        }
    }
}

/// The routes `/health/live` and `/health/ready`.
pub(crate) fn routes(readiness: Readiness) -> Router {
    Router::new()
        .route("/health/live", get(|| async { "live\n" }))
        .route("/health/ready", get(|State(readiness): State<Readiness>| async move { readiness.status() }))
        .with_state(readiness)
}

#[cfg(test)]
pub(crate) mod tests {
    use axum::body::Body;
    use axum::http::Request;
    use tower::ServiceExt;

    use super::*;

    /// What is answered at this path of health.
    pub(crate) async fn told(readiness: &Readiness, path: &str) -> (StatusCode, String) {
        let request = Request::get(path).body(Body::empty()).expect("a request");
        let answer = routes(readiness.clone()).oneshot(request).await.expect("a router cannot fail");
        let status = answer.status();
        let body = axum::body::to_bytes(answer.into_body(), 1024).await.expect("a body");
        (status, String::from_utf8_lossy(&body).into_owned())
    }

    #[tokio::test]
    async fn ready_is_who_has_all_that_it_needs_until_it_stops_and_live_is_who_answers() {
        let readiness = Readiness::default();
        assert_eq!(told(&readiness, "/health/ready").await, (StatusCode::OK, "ready\n".to_owned()));
        let (log, database) = (readiness.needs("the log"), readiness.needs("the database"));
        log.set(true);
        let (status, said) = told(&readiness, "/health/ready").await;
        assert_eq!((status.as_u16(), said.as_str()), (503, "not ready, for want of the database\n"));
        database.set(true);
        assert_eq!(told(&readiness, "/health/ready").await.0, StatusCode::OK);
        readiness.end();
        assert_eq!(told(&readiness, "/health/ready").await.0, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(told(&readiness, "/health/live").await.0, StatusCode::OK);
    }
}
