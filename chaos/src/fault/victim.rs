//! An instance that a fault hits: its processes, and what others see of it.

use super::{Look, Scene};
use crate::process::{Process, family};
use futures::future::join_all;
use proofload_lab::Lab;
use proofload_lab::kafka::View;
use std::time::Duration;

/// An instance, and the processes that it consists of before anything is done to it.
pub(super) struct Victim {
    pub(super) instance: String,
    pub(super) processes: Vec<Process>,
}

impl Victim {
    /// How many of its processes are stopped, and how many there are still.
    pub(super) fn stopped(&self) -> (usize, usize) {
        let states: Vec<char> = self.processes.iter().filter_map(|process| process.state()).collect();
        (states.iter().filter(|state| **state == 'T').count(), states.len())
    }
}

/// What the target was resolved to, every instance of which must run.
pub(super) fn victims(scene: Scene<'_>) -> Result<Vec<Victim>, String> {
    let victim = |instance: &String| {
        let processes = scene.lab.pid(instance).map(family).unwrap_or_default();
        if processes.is_empty() {
            return Err(format!("{instance} does not run"));
        }
        Ok(Victim { instance: instance.clone(), processes })
    };
    scene.resolved.instances.iter().map(victim).collect()
}

/// The names of `victims`.
pub(super) fn names(victims: &[Victim]) -> Vec<&str> {
    victims.iter().map(|victim| victim.instance.as_str()).collect()
}

/// Which faults may not hit a process at the same time.
pub(super) const BESIDE: &str =
    "no `kill` or `pause` of the same processes: one that comes while they are held is skipped";

/// What a fault of the processes of `victims` holds.
pub(super) fn held(victims: &[Victim]) -> Vec<String> {
    victims.iter().map(|victim| format!("the processes of {}", victim.instance)).collect()
}

/// How long a request of a probe may take before it counts as unanswered.
pub(super) const PROBE_BOUND: Duration = Duration::from_secs(1);

/// A look by a client: effective if `instance` does not answer in its own protocol.
pub(super) async fn unanswered(lab: &Lab, instance: &str) -> Look {
    let (answers, evidence) = answer(lab, instance).await;
    Look { effective: !answers, observer: format!("a client of {instance}"), evidence }
}

/// Whether `instance` answers in its own protocol, with what was seen.
pub(super) async fn answer(lab: &Lab, instance: &str) -> (bool, String) {
    match tokio::time::timeout(PROBE_BOUND, lab.probe(instance)).await {
        Ok(Ok(took)) => (true, format!("{instance} answers in {:.1} ms", took.as_secs_f64() * 1e3)),
        Ok(Err(error)) => (false, format!("{instance} does not answer: {error}")),
        Err(_) => (false, format!("{instance} does not answer within {PROBE_BOUND:?}")),
    }
}

/// Whether every one of `instances` answers, and, where one of them is a Kafka broker, whether all replicas are in sync.
pub(super) async fn serving(lab: &Lab, instances: &[&str]) -> Vec<(bool, String)> {
    let mut seen = join_all(instances.iter().map(|instance| answer(lab, instance))).await;
    let is_kafka = |name: &&str| lab.instance(name).is_some_and(|instance| instance.kind == "kafka");
    if instances.iter().any(is_kafka) {
        seen.push(match View::new(lab).all_in_sync().await {
            Ok(true) => (true, "all Kafka replicas are in sync".to_owned()),
            Ok(false) => (false, "not all Kafka replicas are in sync".to_owned()),
            Err(error) => (false, error),
        });
    }
    seen
}
