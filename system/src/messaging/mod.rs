//! Events and how they travel.
//!
//! - [`event`]: the envelope; [`contract`]: what events say, [`schema`]: the same as JSON Schema; [`topic`]: where they are
//! - [`producer`]: records to the log, each with its fate known; [`consumer`]: records from the log to their effect
//! - [`inbox`], [`outbox`]: what makes a transport that repeats and a database that crashes one effect
//! - [`relay`]: the outbox to the log, [`shards`] side by side; [`housekeeping`]: away with what is old in both
//! - [`dead_letter`]: what nobody could do anything with, and [`replay`]: back to where it came from

pub(crate) mod consumer;
pub(crate) mod contract;
pub(crate) mod dead_letter;
pub(crate) mod event;
pub(crate) mod housekeeping;
pub(crate) mod inbox;
pub(crate) mod outbox;
pub(crate) mod producer;
pub(crate) mod relay;
pub(crate) mod replay;
pub(crate) mod schema;
pub(crate) mod shards;
pub(crate) mod topic;
