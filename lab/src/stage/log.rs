//! Reading of a log stage: every record of every partition, from the first to the end offset at the start.

use super::pass::{Bounds, Pass, pass};
use super::{Records, Verdict, equal_digests};
use crate::Lab;
use crate::kafka::{self, Epochs, View};
use crate::manifest::{LogStage, Manifest};
use proofload_history::journal::StageRead;
use proofload_history::{Observation, Reading, Recorder};
use rdkafka::{ClientConfig, Message};
use std::path::PathBuf;
use tokio::sync::mpsc;

/// The consumer group of readings; it never commits.
const GROUP: &str = "proofload-reading";
/// Observations on their way to the recorder: batches of this size, and this many batches.
const BATCH_ROWS: usize = 1_024;
const BATCHES: usize = 4;

pub(super) async fn read(
    lab: &Lab,
    manifest: &Manifest,
    source: &LogStage,
    recorder: &Recorder,
    read: &mut StageRead,
) -> Result<(), String> {
    read.isolation = "read_committed".to_owned();
    let topic = source.topic.get_ref();
    let (component, _) = manifest.topic(topic).ok_or_else(|| format!("no component has the topic `{topic}`"))?;
    let config = config(lab, component);
    let epochs = epochs(lab, topic).await;
    let records = Records::new(&read.stage, &source.layout, Reading::Final, recorder.clock());
    let first = observe(&config, topic, records, epochs, recorder, read).await?;
    let (second_config, second_topic) = (config.clone(), topic.clone());
    let second = blocking(move || pass(&second_config, &second_topic, |_| Ok(()))).await?;
    read.bounds.clone_from(&first.bounds);
    if first.bounds != second.bounds {
        return Err(moved(topic, &first.bounds, &second.bounds));
    }
    equal_digests(read, first.digest, second.digest)
}

fn config(lab: &Lab, component: &str) -> ClientConfig {
    let mut config = kafka::direct(lab, component, GROUP);
    config
        .set("enable.partition.eof", "true")
        // A position that the log does not have any more must not become another one in silence.
        .set("auto.offset.reset", "error")
        .set("queued.max.messages.kbytes", "8192")
        .set("fetch.wait.max.ms", "100");
    config
}

/// Where the leader epochs of `topic` began, as far as the leaders' own files tell.
async fn epochs(lab: &Lab, topic: &str) -> Epochs {
    let leaders = View::new(lab).leaders(topic).await.unwrap_or_default();
    let folders: Vec<(i32, PathBuf)> =
        leaders.into_iter().filter_map(|(partition, leader)| Some((partition, lab.data(&leader?)))).collect();
    Epochs::read(topic, folders.iter().map(|(partition, folder)| (*partition, folder.as_path())))
}

/// The first reading: reads in a thread of its own, and records here what it finds.
async fn observe(
    config: &ClientConfig,
    topic: &str,
    mut records: Records,
    epochs: Epochs,
    recorder: &Recorder,
    read: &mut StageRead,
) -> Result<Pass, String> {
    let (sender, mut batches) = mpsc::channel::<Vec<Observation>>(BATCHES);
    let (config, topic) = (config.clone(), topic.to_owned());
    let reading = tokio::task::spawn_blocking(move || {
        let (mut filtered, mut unreadable) = (0, 0);
        let mut batch = Vec::with_capacity(BATCH_ROWS);
        let send = |batch: &mut Vec<Observation>| {
            sender.blocking_send(std::mem::take(batch)).map_err(|_| "the reading was given up".to_owned())
        };
        let outcome = pass(&config, &topic, |record| {
            match records.read(record) {
                Verdict::Fact(fact) => {
                    batch.push(Observation { leader_epoch: epochs.of(record.partition(), record.offset()), ..fact });
                }
                Verdict::Filtered => filtered += 1,
                Verdict::Unreadable => unreadable += 1,
            }
            if batch.len() >= BATCH_ROWS { send(&mut batch) } else { Ok(()) }
        });
        let outcome = send(&mut batch).and(outcome);
        (outcome, filtered, unreadable)
    });
    while let Some(batch) = batches.recv().await {
        for fact in batch {
            recorder.observation(fact).map_err(|error| error.to_string())?;
            read.rows += 1;
        }
    }
    let (outcome, filtered, unreadable) = reading.await.map_err(|error| error.to_string())?;
    read.filtered = filtered;
    read.unreadable = unreadable;
    outcome
}

async fn blocking(read: impl FnOnce() -> Result<Pass, String> + Send + 'static) -> Result<Pass, String> {
    tokio::task::spawn_blocking(read).await.map_err(|error| error.to_string())?
}

fn moved(topic: &str, first: &Bounds, second: &Bounds) -> String {
    let changed = first.iter().zip(second).find(|(before, after)| before != after);
    match changed {
        Some(((number, start, end), (_, new_start, new_end))) => format!(
            "{topic}/{number} went from {start} to {end} in the first reading and from {new_start} to {new_end} in the \
             second (does the system still write?)"
        ),
        None => format!("topic `{topic}` had {} partitions, and then {}", first.len(), second.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_that_moved_between_the_readings_is_named_with_its_bounds() {
        let message = moved("parcels", &vec![(0, 0, 5), (1, 0, 7)], &vec![(0, 0, 5), (1, 0, 8)]);
        assert!(message.starts_with("parcels/1 went from 0 to 7 in the first reading and from 0 to 8"), "{message}");
    }
}
