//! The system's own services.

use super::{Component, Ground, Site, Way, placeholder};
use crate::host::Recipe;
use crate::plan::Instance;
use crate::{LabError, manifest};
use futures::future::BoxFuture;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// A process of the system under test.
pub(crate) struct Service {
    name: String,
    spec: manifest::Process,
}

impl Service {
    pub(crate) fn new(name: &str, spec: &manifest::Process) -> Self {
        Self { name: name.to_owned(), spec: spec.clone() }
    }
}

impl Component for Service {
    fn port(&self) -> u16 {
        self.spec.ready.port
    }

    fn ready_within(&self) -> Duration {
        Duration::from_secs(60)
    }

    fn prepare<'a>(&'a self, _site: &'a Site) -> BoxFuture<'a, Result<(), LabError>> {
        Box::pin(async { Ok(()) })
    }

    fn recipe(&self, site: &Site) -> Result<Recipe, LabError> {
        let place = format!("process.{}", self.name);
        let command = self.spec.command.get_ref();
        Ok(Recipe {
            program: find_program(&site.ground, &place, command)?,
            args: command.iter().skip(1).map(Into::into).collect(),
            env: expand_env(&site.ground, &place, Some(&site.instance), &self.spec.env)?,
            as_user: false,
            folder: site.data.clone(),
        })
    }

    /// Its own word that it is ready.
    fn ping<'a>(&'a self, site: &'a Site, at: SocketAddr) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async move {
            let path = &self.spec.ready.http;
            match Way::to(&site.ground, &site.instance, at)?.status(path).await? {
                200..300 => Ok(()),
                status => Err(format!("GET {path} is answered with {status}")),
            }
        })
    }
}

/// The program of a command: as a path, if it has a slash (from the manifest's folder), else beside this executable,
/// else in PATH.
pub(crate) fn find_program(ground: &Ground, place: &str, command: &[String]) -> Result<PathBuf, LabError> {
    let name = command.first().map(String::as_str).unwrap_or_default();
    let found = if name.contains('/') {
        Some(ground.manifest.folder.join(name)).filter(|path| path.is_file())
    } else {
        ground.tools.program(name)
    };
    found.and_then(|path| std::path::absolute(path).ok()).ok_or_else(|| LabError::MissingBinary {
        what: format!("`{name}`, the program of {place}"),
        how: "build it, and put it beside the proofload executable or into PATH; for what the lab itself runs on, run \
              ./setup"
            .to_owned(),
    })
}

/// The environment of a migration, which has no host of its own.
pub(crate) fn expand_migration(
    ground: &Ground,
    place: &str,
    env: &BTreeMap<String, manifest::Template>,
) -> Result<BTreeMap<String, String>, LabError> {
    expand_env(ground, place, None, env)
}

fn expand_env(
    ground: &Ground,
    place: &str,
    instance: Option<&Instance>,
    env: &BTreeMap<String, manifest::Template>,
) -> Result<BTreeMap<String, String>, LabError> {
    env.iter()
        .map(|(name, value)| match placeholder::expand(ground, instance, value) {
            Ok(value) => Ok((name.clone(), value)),
            Err(what) => Err(LabError::Manifest { place: format!("{place}.env.{name}"), what }),
        })
        .collect()
}
