//! Logs followed while the run goes on. A record seen now and gone at the end proves that the log was cut short.
//!
//! One thread and one consumer per topic, from its beginning. Nobody depends on a tail being complete: the final reading
//! judges, and a tail only adds what it has seen. After a truncation the client may see records again, under the
//! positions that they have then; they are recorded again.

use crate::Lab;
use crate::kafka;
use crate::manifest::{LogStage, Manifest, StageSource};
use crate::stage::{Records, Verdict};
use proofload_history::{Event, Reading, Recorder};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// The consumer group of tails; it never commits.
const GROUP: &str = "proofload-tail";
const POLL: Duration = Duration::from_millis(200);

/// The running tails of a lab's logs. They end when it is stopped or dropped.
pub struct Tail {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

/// Follows the log of every log stage of `manifest`, from its beginning, and records what it sees as live observations.
#[must_use]
pub fn start(lab: &Lab, manifest: &Manifest, recorder: &Arc<Recorder>) -> Tail {
    let mut topics: BTreeMap<&str, Vec<(&str, &LogStage)>> = BTreeMap::new();
    for (name, stage) in &manifest.stages {
        if let StageSource::Log(source) = &stage.source {
            topics.entry(source.topic.get_ref()).or_default().push((name, source));
        }
    }
    let stop = Arc::new(AtomicBool::new(false));
    let mut threads = Vec::new();
    for (topic, stages) in topics {
        let Some((component, described)) = manifest.topic(topic) else { continue };
        let clock = recorder.clock();
        let follower = Follower {
            topic: topic.to_owned(),
            partitions: i32::try_from(described.partitions).unwrap_or(i32::MAX),
            stages: stages
                .iter()
                .map(|(name, source)| Records::new(name, &source.layout, Reading::Live, clock))
                .collect(),
            recorder: Arc::clone(recorder),
            stop: Arc::clone(&stop),
        };
        let config = config(lab, component);
        threads.push(std::thread::spawn(move || follower.follow(&config)));
    }
    Tail { stop, threads }
}

impl Tail {
    /// Ends the tails, and returns when nothing more will be recorded.
    pub async fn stop(mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let threads = std::mem::take(&mut self.threads);
        // A thread that panicked has nothing more to record either.
        let ended = tokio::task::spawn_blocking(move || threads.into_iter().for_each(|thread| drop(thread.join())));
        drop(ended.await);
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn config(lab: &Lab, component: &str) -> ClientConfig {
    let mut config = kafka::direct(lab, component, GROUP);
    config
        .set("isolation.level", "read_committed")
        // After a truncation there is nothing else to go on from that would not leave a gap.
        .set("auto.offset.reset", "earliest")
        .set("queued.max.messages.kbytes", "4096")
        // A tail is in no hurry, and every fetch costs the brokers of the system under test.
        .set("fetch.min.bytes", "262144")
        .set("fetch.wait.max.ms", "500");
    config
}

struct Follower {
    topic: String,
    partitions: i32,
    stages: Vec<Records>,
    recorder: Arc<Recorder>,
    stop: Arc<AtomicBool>,
}

impl Follower {
    fn follow(mut self, config: &ClientConfig) {
        if let Err(why) = self.run(config) {
            let note = format!("topic `{}` is not followed any more: {why}", self.topic);
            // If the journal cannot be written either, the run ends elsewhere for the same reason.
            let _ = self.recorder.event(Event::Noted { note });
        }
    }

    fn run(&mut self, config: &ClientConfig) -> Result<(), String> {
        let consumer: BaseConsumer = config.create().map_err(|error| error.to_string())?;
        let mut assigned = TopicPartitionList::new();
        for partition in 0..self.partitions {
            let added = assigned.add_partition_offset(&self.topic, partition, Offset::Beginning);
            added.map_err(|error| error.to_string())?;
        }
        consumer.assign(&assigned).map_err(|error| error.to_string())?;
        while !self.stop.load(Ordering::Relaxed) {
            match consumer.poll(POLL) {
                Some(Ok(record)) => {
                    for stage in &mut self.stages {
                        if let Verdict::Fact(fact) = stage.read(&record) {
                            self.recorder.observation(fact).map_err(|error| error.to_string())?;
                        }
                    }
                }
                Some(Err(error @ KafkaError::MessageConsumptionFatal(_))) => return Err(error.to_string()),
                // Brokers come and go in a run; the client goes on by itself.
                Some(Err(_)) | None => {}
            }
        }
        Ok(())
    }
}
