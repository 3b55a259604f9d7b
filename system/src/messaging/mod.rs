//! Events and the log: the envelope, the topics, the producer.
//!
//! Consumers and the outbox belong to the services that own the state; they are not here.

pub(crate) mod event;
pub(crate) mod producer;
pub(crate) mod topic;
