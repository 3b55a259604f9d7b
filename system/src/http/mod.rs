//! What HTTP has in every role: problems as RFC 9457 documents, health, metrics, an ordered stop, one client.

mod client;
pub(crate) mod head;
pub(crate) mod health;
pub(crate) mod metrics;
pub(crate) mod ndjson;
pub(crate) mod problem;
pub(crate) mod request_id;
pub(crate) mod server;
pub(crate) mod trace;

pub(crate) use client::client;
