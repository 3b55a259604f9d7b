//! `[component.NAME]`: a part that the harness knows how to start, probe, observe and break.

use super::{Setting, Settings};
use serde::Deserialize;
use std::collections::BTreeMap;
use toml::Spanned;

/// A part that the harness knows how to start.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Component {
    /// Which kind of part: a name in the lab's table of components.
    pub kind: Spanned<String>,
    /// How many instances, numbered from 1; without it there is one, without a number.
    pub replicas: Option<Spanned<u32>>,
    /// Its own configuration. Of a component with a template: the values of `{setting:NAME}` there, no more and no less.
    /// Of the others it is free: keys and values as the component's manual has them.
    #[serde(default)]
    pub settings: Settings,
    /// Topics to create, for a message log.
    #[serde(default, rename = "topic")]
    pub topics: BTreeMap<String, Topic>,
    /// Databases to create, for a database server.
    #[serde(default)]
    pub databases: Vec<Spanned<String>>,
    /// A configuration file in the component's own language with placeholders, beside the manifest; where the kind of
    /// component takes one, it needs one.
    pub template: Option<String>,
    /// The port that it listens on, where the template decides that.
    pub listen: Option<u16>,
    /// Whether the ports that the manifest names on it speak TLS: each instance then has a certificate of the run's own
    /// authority; the template finds it as `{certificate}` and `{certificate_key}`.
    #[serde(default)]
    pub tls: bool,
    /// Components and processes that must be ready before it starts.
    #[serde(default)]
    pub needs: Vec<Spanned<String>>,
}

/// `[component.NAME.topic.TOPIC]`: a topic to create.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Topic {
    /// How many partitions.
    pub partitions: u32,
    /// How many brokers hold each partition.
    pub replication: Spanned<u32>,
    /// Its own configuration, free: `min.insync.replicas`, ...
    #[serde(default)]
    pub settings: BTreeMap<String, Setting>,
}
