//! What tests stand on: the real thing where a fake would prove too little.
//!
//! - [`postgres`]: databases of a real PostgreSQL server, one per test; [`postgres_server`]: the server
//! - [`redis`]: a real Redis server
//! - [`log`]: mock brokers, for what clients do
//! - [`http`]: a client and servers over the loopback
//! - [`otlp`]: a collector of spans; [`traces`]: the spans of this process
//! - [`lines`]: what is written to the process's log

pub(crate) mod http;
pub(crate) mod lines;
pub(crate) mod log;
pub(crate) mod otlp;
pub(crate) mod postgres;
pub(crate) mod postgres_server;
pub(crate) mod redis;
pub(crate) mod traces;
