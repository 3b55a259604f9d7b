//! The parts that the lab knows how to start: one file each, behind one trait, in one table.
//!
//! A component says how it is prepared, started and asked; it does not start itself. Toxiproxies and the system's own
//! processes are components as well, but no manifest names them by kind.

mod http;
mod kafka;
mod nginx;
mod placeholder;
mod postgres;
mod redis;
mod service;
mod toxiproxy;

pub(crate) use http::{Way, client, words};
pub(crate) use service::{Service, expand_migration, find_program};
pub(crate) use toxiproxy::{API_PORT, Toxiproxy};

use crate::authority::Authority;
use crate::host::Recipe;
use crate::plan::{Instance, Plan};
use crate::toolbox::Toolbox;
use crate::{LabError, manifest};
use futures::future::BoxFuture;
use proofload_history::{Recorder, RunDir};
use rustix::process::Signal;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Makes a component of one kind from what the manifest says about it.
type Make = fn(&manifest::Component) -> Box<dyn Component>;

/// A kind of component.
pub struct Kind {
    /// The name that a manifest uses: `kafka`.
    pub name: &'static str,
    /// What it starts, for people.
    pub description: &'static str,
    /// Whether a manifest may have it listen with TLS.
    pub takes_tls: bool,
    /// Whether it is configured by a template, and its settings are the template's.
    pub takes_template: bool,
    make: Make,
}

/// The kinds of component.
pub static KINDS: &[Kind] = &[
    Kind {
        name: "kafka",
        description: "Apache Kafka in KRaft mode; every broker is a controller too",
        takes_tls: false,
        takes_template: false,
        make: |spec| Box::new(kafka::Kafka::new(spec)),
    },
    Kind {
        name: "nginx",
        description: "nginx, configured by a template beside the manifest",
        takes_tls: true,
        takes_template: true,
        make: |spec| Box::new(nginx::Nginx::new(spec)),
    },
    Kind {
        name: "postgres",
        description: "PostgreSQL, with its databases",
        takes_tls: false,
        takes_template: false,
        make: |spec| Box::new(postgres::Postgres::new(spec)),
    },
    Kind {
        name: "redis",
        description: "Redis",
        takes_tls: false,
        takes_template: false,
        make: |spec| Box::new(redis::Redis::new(spec)),
    },
];

/// The names of the kinds of component.
pub fn kinds() -> impl Iterator<Item = &'static str> {
    KINDS.iter().map(|kind| kind.name)
}

/// The component of kind `kind`. The manifest has checked the name.
pub(crate) fn make(kind: &str, spec: &manifest::Component) -> Option<Box<dyn Component>> {
    KINDS.iter().find(|known| known.name == kind).map(|known| (known.make)(spec))
}

/// What all instances of a run share.
pub(crate) struct Ground {
    pub(crate) manifest: manifest::Manifest,
    pub(crate) plan: Plan,
    pub(crate) tools: Toolbox,
    pub(crate) run: RunDir,
    pub(crate) recorder: Arc<Recorder>,
    pub(crate) http: reqwest::Client,
    /// Who has signed the certificates of this run, if anything in it listens with TLS.
    pub(crate) authority: Option<Authority>,
}

/// The place of one instance.
#[derive(Clone)]
pub(crate) struct Site {
    pub(crate) instance: Instance,
    /// Its data; a Toxiproxy's too, though it keeps none.
    pub(crate) data: PathBuf,
    pub(crate) ground: Arc<Ground>,
}

/// A part that the lab knows how to start.
pub(crate) trait Component: Send + Sync {
    /// The port on which its clients reach it, directly and through links.
    fn port(&self) -> u16;

    /// How long it may take until it is ready.
    fn ready_within(&self) -> Duration;

    /// Fills its data folder, which is there and empty. Before its first start, and after its data was wiped.
    fn prepare<'a>(&'a self, site: &'a Site) -> BoxFuture<'a, Result<(), LabError>>;

    /// How it is started, on the data that it has.
    fn recipe(&self, site: &Site) -> Result<Recipe, LabError>;

    /// Asks whether it does its work now. Says what is wrong otherwise.
    fn ready<'a>(&'a self, site: &'a Site) -> BoxFuture<'a, Result<(), String>> {
        self.ping(site, SocketAddr::from((site.instance.address, self.port())))
    }

    /// One question and its answer in the component's own protocol, on a fresh connection to `at`: its own address, or
    /// a link to it.
    fn ping<'a>(&'a self, site: &'a Site, at: SocketAddr) -> BoxFuture<'a, Result<(), String>>;

    /// The signal that asks it to end.
    fn stop_signal(&self) -> Signal {
        Signal::TERM
    }

    /// How long it may take to end when it is asked to; then it is killed. Its data is not needed any more.
    fn stops_within(&self) -> Duration {
        Duration::from_secs(5)
    }

    /// Copies what the heal of `fault`, which holds it, would destroy, into the run's folder of autopsies. Nothing for most.
    fn keep<'a>(&'a self, site: &'a Site, fault: &'a str) -> BoxFuture<'a, ()> {
        let _ = (site, fault);
        Box::pin(async {})
    }

    /// What is done once, when all instances are ready for the first time: topics, databases.
    fn furnish<'a>(&'a self, siblings: &'a [Site]) -> BoxFuture<'a, Result<(), LabError>> {
        let _ = siblings;
        Box::pin(async { Ok(()) })
    }
}

/// Writes a file of an instance.
pub(crate) fn write(path: PathBuf, text: &str) -> Result<(), LabError> {
    std::fs::write(&path, text).map_err(LabError::file("write", path))
}
