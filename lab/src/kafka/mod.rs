//! How the brokers stand, and the way to them that no fault on a link touches: the direct listeners.
//!
//! [`View`] asks brokers of its own choice for what they believe, which librdkafka cannot promise (it asks whichever
//! broker it has a connection to). Clients that read records and offsets are librdkafka's, made by [`direct`].

mod append;
mod autopsy;
mod epochs;
mod metadata;
mod quorum;
mod view;

pub use append::{append_everywhere, value_at};
pub use autopsy::{Compared, compare};
pub use quorum::controller;
pub use view::{Partition, View};

pub(crate) use autopsy::keep_logs;
pub(crate) use epochs::Epochs;

use crate::Lab;
use rdkafka::ClientConfig;
use std::net::SocketAddr;

/// The kind of component that this module knows.
pub(crate) const KIND: &str = "kafka";
/// Where brokers listen for each other and for the conductor.
pub(crate) const DIRECT_PORT: u16 = 9092;

/// The direct listeners of the brokers of `component`.
fn listeners(lab: &Lab, component: &str) -> Vec<SocketAddr> {
    let brokers = lab.instances().iter().filter(|instance| &*instance.of == component);
    brokers.map(|broker| SocketAddr::from((broker.address, DIRECT_PORT))).collect()
}

/// A librdkafka consumer's configuration for the direct listeners of `component`, in the consumer group `group`.
///
/// It never commits and never joins the group.
pub(crate) fn direct(lab: &Lab, component: &str, group: &str) -> ClientConfig {
    let mut config = client(lab, component);
    config
        .set("group.id", group)
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("allow.auto.create.topics", "false");
    config
}

/// A librdkafka client's configuration for the direct listeners of `component`. What it waits for is bounded by seconds,
/// not by librdkafka's minutes.
fn client(lab: &Lab, component: &str) -> ClientConfig {
    let listeners: Vec<String> = listeners(lab, component).iter().map(SocketAddr::to_string).collect();
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", listeners.join(","))
        .set("client.id", "proofload")
        .set("socket.timeout.ms", "3000")
        .set("socket.connection.setup.timeout.ms", "2000")
        .set("reconnect.backoff.max.ms", "500")
        .set("topic.metadata.refresh.interval.ms", "2000");
    config
}
