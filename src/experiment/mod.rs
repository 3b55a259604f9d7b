//! The experiment file: parsed, its names resolved against the manifest, nothing started.

mod find;
mod header;
mod load;
mod requests;
mod tables;

pub(crate) use find::{
    experiment as find, experiments as find_all, manifest as find_manifest, systems as find_systems,
};
pub(crate) use header::{Header, MAX_SEED, SteadyProbe};
pub(crate) use load::{Overrides, check_templates, load, load_stored};
pub(crate) use tables::TrafficTable;

use proofload_chaos::Schedule;
use proofload_lab::Resolved;
use proofload_scenarios::Request;
use proofload_verify::{Control, Expectation};
use std::collections::BTreeMap;
use std::sync::Arc;

/// An experiment whose every name is resolved.
pub(crate) struct Experiment {
    /// Its file's stem.
    pub(crate) name: String,
    /// What it says of itself.
    pub(crate) header: Header,
    /// Traffic by name, in the file's order of names.
    pub(crate) traffic: Vec<(String, TrafficTable)>,
    /// The system's operations as requests, by name.
    pub(crate) requests: BTreeMap<String, Arc<Request>>,
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
