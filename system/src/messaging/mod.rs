//! Events and how they travel.
//!
//! - [`event`]: the envelope; [`contract`]: what events say; [`topic`]: where they are
//! - [`producer`]: records to the log, each with its fate known
//! - [`inbox`], [`outbox`]: what makes a transport that repeats and a database that crashes one effect

pub(crate) mod contract;
pub(crate) mod event;
pub(crate) mod inbox;
pub(crate) mod outbox;
pub(crate) mod producer;
pub(crate) mod shards;
pub(crate) mod topic;
