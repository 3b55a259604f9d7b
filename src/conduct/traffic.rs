//! From the experiment's traffic to the generator's load.

use crate::experiment::Experiment;
use proofload_history::Recorder;
use proofload_lab::Lab;
use proofload_scenarios::traffic::MAX_WORKERS;
use proofload_scenarios::{Generator, Load, Traffic};
use std::sync::Arc;

/// The generator of an experiment's traffic, ready to run.
pub(super) fn generator(experiment: &Experiment, lab: &Lab, recorder: &Arc<Recorder>) -> anyhow::Result<Generator> {
    let scenarios = &experiment.system.manifest.scenarios;
    let lasts = experiment.header.phases.traffic();
    let traffic = |(index, (name, table)): (usize, &(String, crate::experiment::TrafficTable))| {
        let steps = scenarios.get(table.scenario.get_ref()).into_iter().flat_map(|scenario| &scenario.steps);
        Traffic {
            name: name.as_str().into(),
            stream: u16::try_from(index).unwrap_or(u16::MAX),
            arrivals: table.arrivals,
            lasts,
            steps: steps.filter_map(|step| experiment.requests.get(step.get_ref()).cloned()).collect(),
        }
    };
    let load = Load {
        base_url: lab.entry_url()?,
        seed: experiment.header.seed,
        traffics: experiment.traffic.iter().enumerate().map(traffic).collect(),
        max_workers: MAX_WORKERS,
    };
    Ok(Generator::new(load, Arc::clone(recorder))?)
}
