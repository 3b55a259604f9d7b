//! Intents of which only a broker's copy of a log has a record: what the loss autopsy adds to a finding. It changes no
//! answer.

use super::tally::Scene;
use crate::autopsy::Autopsy;
use crate::intents::Known;
use crate::{Finding, wording};
use proofload_history::Reading;
use std::collections::BTreeSet;

/// Adds what copies hold that the chain's logs lack, and of how many intents nothing else is there. O(observations) where
/// a copy holds more, nothing otherwise.
pub(super) fn tell(mut finding: Finding, scene: &Scene<'_>) -> Finding {
    let stages: Vec<&str> = scene.chain.stages.iter().map(|stage| stage.stage.as_str()).collect();
    for line in Autopsy::of(&scene.history.journal).lines(&stages) {
        finding = finding.evidence("autopsy", line);
    }
    let [acknowledged, others] = alone(scene, &stages);
    if acknowledged + others == 0 {
        return finding;
    }
    let text = format!(
        "only copies have a record of {} acknowledged, and of {} that nobody acknowledged, which is no loss",
        wording::plural(acknowledged, "intent"),
        wording::count(others)
    );
    finding.evidence("autopsy", text)
}

/// How many intents are at a stage in a copy alone: acknowledged ones, and others.
fn alone(scene: &Scene<'_>, stages: &[&str]) -> [u64; 2] {
    let mut counted = BTreeSet::new();
    let mut alone = [0, 0];
    for seen in scene.history.observations.iter().filter(|seen| seen.reading == Reading::Replica) {
        let stage = stages.iter().position(|stage| *stage == &*seen.stage);
        let (Some(stage), Some(number)) = (stage, scene.intents.number(seen.id)) else { continue };
        if scene.sightings.times(stage, number) == 0 && counted.insert((stage, number)) {
            let acknowledged = scene.intents.known()[number as usize] == Known::Ok;
            alone[usize::from(!acknowledged)] += 1;
        }
    }
    alone
}
