//! What tests stand on: the real thing where a fake would prove too little.
//!
//! - [`postgres`]: databases of a real PostgreSQL server, one per test

pub(crate) mod postgres;
