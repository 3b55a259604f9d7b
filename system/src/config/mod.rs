//! Configuration from the environment: read once, typed per role, refused where it is not understood.
//!
//! - [`setting`]: the one table of settings
//! - [`environment`]: variables to complete, known text
//! - `span`: durations; `latency`: how long a party takes
//! - the others: the settings of one subject each, their table and their types

pub(crate) mod bureau;
pub(crate) mod customers;
pub(crate) mod database;
pub(crate) mod environment;
pub(crate) mod gateway;
pub(crate) mod identity;
pub(crate) mod kafka;
mod latency;
pub(crate) mod messaging;
pub(crate) mod migrate;
pub(crate) mod origination;
pub(crate) mod rail;
pub(crate) mod replay;
pub(crate) mod server;
pub(crate) mod servicing;
pub(crate) mod setting;
mod span;
pub(crate) mod telemetry;

pub(crate) use environment::{ConfigError, Environment};
