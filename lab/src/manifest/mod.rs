//! The manifest: what the harness needs to run, load, break and read a system.
//!
//! One file per table. This module owns the shapes, the names that refer to each other, and the changes that variants
//! and `--set` make. It deliberately starts nothing and opens no file but the text that it is given.

pub mod chain;
pub mod component;
pub mod credential;
pub mod entry;
pub mod gauge;
pub mod migration;
pub mod operation;
pub mod placeholder;
pub mod process;
pub mod scenario;
pub mod setting;
pub mod stage;
pub mod step;
pub mod variant;

mod change;
mod error;
mod names;
mod resolved;
mod template;

pub use chain::{Chain, ChainStage, OnlyIf, Repeats};
pub use component::{Component, Topic};
pub use credential::Credential;
pub use entry::Entry;
pub use error::SpecError;
pub use gauge::{Gauge, GaugeSource};
pub use migration::Migration;
pub use operation::{FailWhen, Method, Operation, Place};
pub use placeholder::{Placeholder, Template};
pub use process::{Process, Ready};
pub use resolved::{Circumstances, Resolved};
pub use scenario::{Course, Scenario};
pub use setting::{Setting, Settings};
pub use stage::{DatabaseStage, HttpStage, Keeper, Layout, LogStage, Pointer, Stage, StageSource, Where};
pub use step::{Act, Step, Until};
pub use template::TemplateError;
pub use variant::Variant;

use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;
use toml::Spanned;

/// A system under test, as its manifest describes it. Every name in it that refers to another has been checked.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The version of the format; always 1.
    pub format: Spanned<u32>,
    /// The system's name, as experiments give it.
    pub name: String,
    /// What it is, for people.
    pub title: String,
    /// The parts that the harness knows how to start, by name.
    #[serde(default, rename = "component")]
    pub components: BTreeMap<String, Component>,
    /// The system's own services, by name.
    #[serde(default, rename = "process")]
    pub processes: BTreeMap<String, Process>,
    /// What runs once, in order, after the components and before the processes.
    #[serde(default, rename = "migrate")]
    pub migrations: Vec<Migration>,
    /// Where the traffic enters.
    pub entry: Entry,
    /// Whether all that a request asks for is done when it is answered, so that there is nothing to wait for behind the
    /// traffic. Where it is not, gauges that drain tell when the system is at rest.
    pub done_when_answered: Option<Spanned<bool>>,
    /// Requests that clients make, by name.
    #[serde(default, rename = "operation")]
    pub operations: BTreeMap<String, Operation>,
    /// What clients do, by name.
    #[serde(default, rename = "scenario")]
    pub scenarios: BTreeMap<String, Scenario>,
    /// What clients show to be let in, by name.
    #[serde(default, rename = "credential")]
    pub credentials: BTreeMap<String, Credential>,
    /// Places in the business chain where the system's state can be read, by name.
    #[serde(default, rename = "stage")]
    pub stages: BTreeMap<String, Stage>,
    /// What an acknowledged operation must reach, by name.
    #[serde(default, rename = "chain")]
    pub chains: BTreeMap<String, Chain>,
    /// Numbers read from the running system, by name.
    #[serde(default, rename = "gauge")]
    pub gauges: BTreeMap<String, Gauge>,
    /// Named changes of the settings, by name.
    #[serde(default, rename = "variant")]
    pub variants: BTreeMap<String, Variant>,
    /// The folder that relative paths in the manifest (nginx's template) start from. Whoever read the file sets it.
    #[serde(skip)]
    pub folder: PathBuf,
}

impl Manifest {
    /// Reads a manifest and checks every name in it, and that every variant can be applied.
    ///
    /// # Errors
    /// If the text is no TOML, has unknown or missing keys, values of the wrong kind, or names that refer to nothing.
    pub fn parse(text: &str) -> Result<Self, SpecError> {
        let manifest = Self::parse_without_variants(text)?;
        for name in manifest.variants.keys() {
            change::apply_variant(text, &manifest, name)?;
        }
        Ok(manifest)
    }

    /// Reads and checks a manifest, but does not try its variants.
    fn parse_without_variants(text: &str) -> Result<Self, SpecError> {
        let manifest: Self = toml::from_str(text).map_err(|error| SpecError::from_toml(&error))?;
        names::check(&manifest)?;
        Ok(manifest)
    }

    /// Whether all that a request asks for is done when it is answered.
    #[must_use]
    pub fn is_done_when_answered(&self) -> bool {
        self.done_when_answered.as_ref().is_some_and(|done| *done.get_ref())
    }

    /// The component that owns the topic called `topic`, with that topic.
    #[must_use]
    pub fn topic(&self, topic: &str) -> Option<(&str, &Topic)> {
        self.components.iter().find_map(|(name, component)| Some((name.as_str(), component.topics.get(topic)?)))
    }

    /// Whether the component or process called `name` listens with TLS.
    #[must_use]
    pub fn speaks_tls(&self, name: &str) -> bool {
        self.components.get(name).is_some_and(|component| component.tls)
            || self.processes.get(name).is_some_and(|process| process.tls)
    }

    /// Whether anything here listens with TLS, so that there is a certificate authority.
    #[must_use]
    pub fn has_authority(&self) -> bool {
        self.components.values().any(|component| component.tls) || self.processes.values().any(|process| process.tls)
    }

    /// The names of the instances of the component or process called `name`; none if there is no such thing.
    ///
    /// With `replicas` given, 1 included, they are numbered from 1: `kafka-1`, `kafka-2`. Without it there is one
    /// instance, called as its component or process is.
    #[must_use]
    pub fn instances(&self, name: &str) -> Vec<String> {
        let component = self.components.get(name).map(|component| component.replicas.as_ref());
        let Some(replicas) = component.or_else(|| self.processes.get(name).map(|process| process.replicas.as_ref()))
        else {
            return Vec::new();
        };
        match replicas {
            Some(replicas) => (1..=*replicas.get_ref()).map(|number| format!("{name}-{number}")).collect(),
            None => vec![name.to_owned()],
        }
    }
}
