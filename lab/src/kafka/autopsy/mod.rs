//! The loss autopsy: what a broker held while a fault held it, and its log does not have in the end.
//!
//! When everything is healed all replicas are equal, for a broker that rejoins cuts its log off where the others went on
//! without it. So the logs of the brokers that a fault holds are copied before its heal begins ([`keep_logs`]), and
//! compared at the end with what the replicas hold then ([`compare`]). Where logs part is told by their leader epochs; the
//! records beyond are read by Kafka's own `DumpLogSegments`, and understood by the same code that reads the stages. It
//! decides nothing about the system: whether anything was lost is for the checks.
//!
//! - `broker`, `keep`: the copies of a broker's logs, and of one of them
//! - `compare`: all copies beside their logs, into the history
//! - `taken`: the copies found again, and each beside its log
//! - `lineage`, `segment`: leader epochs, and the ends of logs
//! - `tool`, `dump`: the tool, and what it prints
//! - `cut`: when a broker cut its log off, by its own word

mod broker;
mod compare;
mod cut;
mod dump;
mod keep;
mod lineage;
mod segment;
mod taken;
mod tool;

pub(crate) use broker::keep_logs;
pub use compare::{Compared, compare};

use crate::manifest::{LogStage, Manifest, StageSource};
use std::collections::BTreeMap;

/// The stages that are read from each topic.
fn stages_by_topic(manifest: &Manifest) -> BTreeMap<&str, Vec<(&str, &LogStage)>> {
    let mut topics: BTreeMap<&str, Vec<(&str, &LogStage)>> = BTreeMap::new();
    for (name, stage) in &manifest.stages {
        if let StageSource::Log(source) = &stage.source {
            topics.entry(source.topic.get_ref()).or_default().push((name, source));
        }
    }
    topics
}
