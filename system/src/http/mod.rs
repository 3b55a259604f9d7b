//! What every HTTP server of the system has: problems as RFC 9457 documents, health, metrics, an ordered stop.

pub(crate) mod head;
pub(crate) mod health;
pub(crate) mod metrics;
pub(crate) mod problem;
pub(crate) mod request_id;
pub(crate) mod server;
pub(crate) mod trace;
