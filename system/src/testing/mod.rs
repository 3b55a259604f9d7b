//! What tests stand on: the real thing where a fake would prove too little.
//!
//! - [`postgres`]: databases of a real PostgreSQL server, one per test
//! - [`log`]: mock brokers, for what clients do

pub(crate) mod log;
pub(crate) mod postgres;
