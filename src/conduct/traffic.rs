//! From the experiment's traffic to the generator's load.

use crate::experiment::{Experiment, TrafficTable};
use anyhow::Context as _;
use proofload_history::{Name, Recorder};
use proofload_lab::manifest::Place;
use proofload_lab::{Lab, LabError};
use proofload_scenarios::{Credential, Generator, Load, Mix, Traffic};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

/// The generator of an experiment's traffic, ready to run.
pub(super) fn generator(experiment: &Experiment, lab: &Lab, recorder: &Arc<Recorder>) -> anyhow::Result<Generator> {
    let traffics = traffics(experiment)?;
    let entry = &experiment.system.manifest.entry;
    let (base_url, connect_to) = if experiment.system.manifest.speaks_tls(entry.host.get_ref()) {
        // By its name, which is what its certificate is for.
        let (name, address) = first_instance(lab, entry.host.get_ref(), entry.port)?;
        (format!("https://{name}:{}", entry.port), Some(address))
    } else {
        (lab.entry_url()?, None)
    };
    let load = Load {
        connect_to,
        ca: lab.ca().map(Path::to_owned),
        places: places(experiment, lab)?,
        credentials: shown(experiment, &traffics),
        ..Load::new(base_url, experiment.header.seed, traffics)
    };
    Ok(Generator::new(load, Arc::clone(recorder))?)
}

/// The traffics, each with as many streams of ids as it has journeys.
fn traffics(experiment: &Experiment) -> anyhow::Result<Vec<Traffic>> {
    let mut stream = 0_usize;
    let traffic = |(name, table): &(String, TrafficTable)| {
        let scenario = table.scenario.get_ref();
        let mix: &Mix = experiment.scenarios.get(scenario).with_context(|| format!("no scenario `{scenario}`"))?;
        let traffic = Traffic {
            name: name.as_str().into(),
            stream: u16::try_from(stream).unwrap_or(u16::MAX),
            arrivals: table.arrivals,
            lasts: experiment.header.phases.traffic(),
            mix: mix.clone(),
        };
        stream += mix.journeys().len();
        Ok(traffic)
    };
    experiment.traffic.iter().map(traffic).collect()
}

/// The credentials that the clients of these traffics show; nobody asks for others.
fn shown(experiment: &Experiment, traffics: &[Traffic]) -> Vec<Credential> {
    let journeys = || traffics.iter().flat_map(|traffic| traffic.mix.journeys());
    let is_shown = |name: &str| {
        journeys()
            .flat_map(|journey| journey.requests())
            .any(|request| request.credentials().any(|shown| shown == name))
    };
    experiment.credentials.iter().filter(|credential| is_shown(&credential.name)).cloned().collect()
}

/// Where the operations go that do not go to the entry.
fn places(experiment: &Experiment, lab: &Lab) -> anyhow::Result<BTreeMap<Name, String>> {
    let operations = experiment.system.manifest.operations.iter();
    let elsewhere = operations.filter_map(|(name, operation)| Some((name, operation.at.as_ref()?)));
    let place = |(name, place): (&String, &Place)| {
        let (_, address) = first_instance(lab, place.host.get_ref(), place.port)?;
        Ok((name.as_str().into(), format!("http://{address}")))
    };
    elsewhere.map(place).collect()
}

/// The first instance of a component or process: its name, and where in the lab it is.
fn first_instance(lab: &Lab, host: &str, port: u16) -> Result<(String, SocketAddr), LabError> {
    let name = lab.manifest().instances(host).into_iter().next().unwrap_or_else(|| host.to_owned());
    match lab.address(&name) {
        Some(address) => Ok((name, SocketAddr::from((address, port)))),
        None => {
            let known = lab.instances().iter().map(|instance| instance.name.to_string()).collect();
            Err(LabError::UnknownInstance { doing: "reach", name, known })
        }
    }
}
