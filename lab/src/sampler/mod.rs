//! Time series of a running lab: gauges, processors, memory, in-sync replicas, and how well the machine itself does.
//!
//! Twice a second, each source in a loop of its own: one that hangs (a database that is cut off) does not hold up the
//! others, and never overlaps itself. A source that cannot be read leaves a gap in its series, which says so better than
//! any number.

mod machine;
mod processors;

use crate::Lab;
use crate::gauge::Gauges;
use crate::kafka::{self, Partition, View};
use crate::manifest::Manifest;
use proofload_history::{Event, Name, Recorder, Sample};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

/// Twice a second: the harness shares the machine with the system under test.
const PERIOD: Duration = Duration::from_millis(500);

/// The running samplers of a lab. They end when it is stopped or dropped.
pub struct Sampler {
    stop: Arc<AtomicBool>,
    loops: JoinSet<()>,
    machine: Option<std::thread::JoinHandle<()>>,
}

/// Starts to sample.
///
/// The series, by metric and subject: `gauge` per gauge; `cpu_cores` (cores kept busy) and `rss_bytes` (resident memory;
/// pages that processes share count for each) per instance; `in_sync_replicas` per topic (of its worst partition);
/// `cpu_steal_fraction`, `cpu_foreign_fraction` (of the processors' time, spent on processes outside the lab) and
/// `canary_us` (how late a sleep of 1 ms returns) of `machine`. A partition that changes its
/// leader is journalled.
#[must_use]
pub fn start(lab: &Lab, manifest: &Manifest, gauges: &Gauges, recorder: &Arc<Recorder>) -> Sampler {
    let stop = Arc::new(AtomicBool::new(false));
    let mut loops = JoinSet::new();
    for name in manifest.gauges.keys() {
        loops.spawn(sample_gauge(name.as_str().into(), gauges.clone(), Arc::clone(recorder), Arc::clone(&stop)));
    }
    if lab.instances().iter().any(|instance| instance.kind == kafka::KIND) {
        loops.spawn(sample_replicas(View::new(lab), Arc::clone(recorder), Arc::clone(&stop)));
    }
    let (lab, recorder, stopped) = (lab.clone(), Arc::clone(recorder), Arc::clone(&stop));
    // A thread of its own: the canary is to feel the machine, not the async runtime's queue.
    let machine = std::thread::spawn(move || machine::sample(&lab, &recorder, &stopped, PERIOD));
    Sampler { stop, loops, machine: Some(machine) }
}

impl Sampler {
    /// Ends the samplers, and returns when nothing more will be recorded.
    pub async fn stop(mut self) {
        self.stop.store(true, Ordering::Relaxed);
        while self.loops.join_next().await.is_some() {}
        if let Some(machine) = self.machine.take() {
            // A thread that panicked has nothing more to record either.
            drop(tokio::task::spawn_blocking(move || machine.join()).await);
        }
    }
}

impl Drop for Sampler {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

async fn sample_gauge(name: Name, gauges: Gauges, recorder: Arc<Recorder>, stop: Arc<AtomicBool>) {
    let mut ticks = ticks();
    while !stop.load(Ordering::Relaxed) {
        ticks.tick().await;
        let Ok(value) = gauges.read(&name).await else { continue };
        record(&recorder, "gauge", &name, value);
    }
}

async fn sample_replicas(view: View, recorder: Arc<Recorder>, stop: Arc<AtomicBool>) {
    let mut ticks = ticks();
    let mut leaders = Leaders::default();
    while !stop.load(Ordering::Relaxed) {
        ticks.tick().await;
        let Ok(mut partitions) = view.partitions().await else { continue };
        partitions.retain(|partition| !partition.internal);
        for (topic, in_sync) in worst(&partitions) {
            record(&recorder, "in_sync_replicas", &topic, in_sync as f64);
        }
        for event in leaders.changes(partitions) {
            // If the journal cannot be written, the run ends elsewhere for the same reason.
            let _ = recorder.event(event);
        }
    }
}

fn ticks() -> tokio::time::Interval {
    let mut ticks = tokio::time::interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

fn record(recorder: &Recorder, metric: &str, subject: &Name, value: f64) {
    let sample = Sample { metric: metric.into(), subject: Name::clone(subject), at: recorder.clock().now(), value };
    // A full disk is told by the tables that matter; a series may have gaps.
    let _ = recorder.sample(sample);
}

/// The smallest in-sync set of each topic.
fn worst(partitions: &[Partition]) -> BTreeMap<Name, usize> {
    let mut worst: BTreeMap<Name, usize> = BTreeMap::new();
    for partition in partitions {
        let in_sync = partition.in_sync.len();
        worst
            .entry(partition.topic.as_str().into())
            .and_modify(|known| *known = in_sync.min(*known))
            .or_insert(in_sync);
    }
    worst
}

/// Who led each partition when it was last seen, and under which epoch.
#[derive(Default)]
struct Leaders(BTreeMap<(String, i32), (Option<Name>, i32)>);

impl Leaders {
    /// The changes since the last call. A partition seen for the first time has not changed.
    fn changes(&mut self, partitions: Vec<Partition>) -> Vec<Event> {
        let mut changes = Vec::new();
        for Partition { topic, partition, leader, epoch, .. } in partitions {
            let now = (leader.clone(), epoch);
            let before = self.0.insert((topic.clone(), partition), now.clone());
            if before.is_some_and(|before| before != now) {
                changes.push(Event::LeaderChanged { topic, partition, leader: leader.map(|name| name.to_string()) });
            }
        }
        changes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partition(number: i32, leader: Option<&str>, epoch: i32, in_sync: &[&str]) -> Partition {
        Partition {
            topic: "parcels".to_owned(),
            internal: false,
            partition: number,
            leader: leader.map(Into::into),
            epoch,
            replicas: Vec::new(),
            in_sync: in_sync.iter().map(|name| (*name).into()).collect(),
        }
    }

    #[test]
    fn a_topic_is_as_well_as_its_worst_partition() {
        let partitions = [partition(0, None, 1, &["a", "b", "c"]), partition(1, None, 1, &["a"])];
        assert_eq!(worst(&partitions), BTreeMap::from([("parcels".into(), 1)]));
    }

    #[test]
    fn a_new_leader_or_a_new_epoch_is_a_change_and_the_first_sight_is_none() {
        let mut leaders = Leaders::default();
        let event = |leader: Option<&str>| Event::LeaderChanged {
            topic: "parcels".to_owned(),
            partition: 0,
            leader: leader.map(str::to_owned),
        };
        assert_eq!(leaders.changes(vec![partition(0, Some("kafka-1"), 4, &[])]), vec![]);
        assert_eq!(leaders.changes(vec![partition(0, Some("kafka-1"), 4, &[])]), vec![]);
        assert_eq!(leaders.changes(vec![partition(0, None, 4, &[])]), vec![event(None)]);
        assert_eq!(leaders.changes(vec![partition(0, Some("kafka-2"), 5, &[])]), vec![event(Some("kafka-2"))]);
        assert_eq!(leaders.changes(vec![partition(0, Some("kafka-2"), 6, &[])]), vec![event(Some("kafka-2"))]);
    }
}
