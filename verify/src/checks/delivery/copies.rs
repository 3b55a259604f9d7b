//! Intents of which only a broker's copy of a log has a record: what the loss autopsy adds to a finding. It changes no
//! answer.

use super::tally::Scene;
use crate::intents::Known;
use crate::{Finding, wording};
use proofload_history::{HistoryError, Reading};
use std::collections::BTreeSet;

/// Adds what copies hold that the chain's logs lack, and of how many intents nothing else is there. One pass over the
/// observations where a copy holds more, none otherwise.
pub(super) fn tell(mut finding: Finding, scene: &Scene<'_>) -> Result<Finding, HistoryError> {
    let stages: Vec<&str> = scene.chain.stages.iter().map(|stage| stage.stage.as_str()).collect();
    for line in scene.autopsy.lines(&stages) {
        finding = finding.evidence("autopsy", line);
    }
    let [acknowledged, others] = if scene.autopsy.has_found_some() { alone(scene, &stages)? } else { [0, 0] };
    if acknowledged + others == 0 {
        return Ok(finding);
    }
    let text = format!(
        "only copies have a record of {} acknowledged, and of {} that nobody acknowledged, which is no loss",
        wording::plural(acknowledged, "intent"),
        wording::count(others)
    );
    Ok(finding.evidence("autopsy", text))
}

/// How many intents are at a stage in a copy alone: acknowledged ones, and others.
fn alone(scene: &Scene<'_>, stages: &[&str]) -> Result<[u64; 2], HistoryError> {
    let mut counted = BTreeSet::new();
    let mut alone = [0, 0];
    scene.history.observations.each(|seen| {
        if seen.reading() != Reading::Replica {
            return;
        }
        let stage = stages.iter().position(|stage| *stage == seen.stage());
        let (Some(stage), Some(number)) = (stage, scene.intents.number(seen.id())) else { return };
        if scene.sightings.times(stage, number) == 0 && counted.insert((stage, number)) {
            let acknowledged = scene.intents.known()[number as usize] == Known::Ok;
            alone[usize::from(!acknowledged)] += 1;
        }
    })?;
    Ok(alone)
}
