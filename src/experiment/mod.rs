//! The experiment file: parsed, its names resolved against the manifest, nothing started.

mod credentials;
mod find;
mod header;
mod journeys;
mod load;
mod requests;
mod tables;
mod templates;

pub(crate) use find::{
    experiment as find, experiments as find_all, manifest as find_manifest, systems as find_systems,
};
pub(crate) use header::{Header, MAX_SEED, SteadyProbe};
pub(crate) use load::{Overrides, load, load_stored};
pub(crate) use tables::TrafficTable;
pub(crate) use templates::check_templates;

use proofload_chaos::Schedule;
use proofload_lab::Resolved;
use proofload_scenarios::{Credential, Mix};
use proofload_verify::{Control, Expectation};
use std::collections::BTreeMap;

/// An experiment whose every name is resolved.
pub(crate) struct Experiment {
    /// Its file's stem.
    pub(crate) name: String,
    /// What it says of itself.
    pub(crate) header: Header,
    /// Traffic by name, in the file's order of names.
    pub(crate) traffic: Vec<(String, TrafficTable)>,
    /// What clients do, by the names of the system's scenarios.
    pub(crate) scenarios: BTreeMap<String, Mix>,
    /// What clients show to be let in.
    pub(crate) credentials: Vec<Credential>,
    /// Its faults, laid out on the phases.
    pub(crate) schedule: Schedule,
    /// Expectations, in the file's order.
    pub(crate) expectations: Vec<Expectation>,
    /// Negative controls by the name of their variant.
    pub(crate) controls: Vec<(String, Control)>,
    /// The system, with variants and overrides applied.
    pub(crate) system: Resolved,
    /// The experiment as resolved, to be stored beside the run.
    pub(crate) toml: String,
}
