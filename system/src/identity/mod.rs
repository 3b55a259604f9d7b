//! Identity, simulated: issues tokens to clients by their credentials, rotates its keys, revokes.
//!
//! - [`api`]: the routes; [`answer`]: refusals as RFC 6749 has them
//! - [`clients`]: who may have a token, and for what; [`token`]: what it says
//! - [`key`]: signing keys; [`kept`]: keys and revocations, what outlives the process; [`file`] and [`vault`]: where
//! - [`journal`]: what it did, for whoever looks on
//! - [`bulletin`]: what is revoked, told to the gateways by Redis
//!
//! It owns no database and takes no part in the log: for the services it is somebody else's.

mod answer;
mod api;
mod bulletin;
pub(crate) mod clients;
mod file;
mod journal;
mod kept;
mod key;
#[cfg(test)]
mod tests;
mod token;
mod vault;

use std::sync::Arc;

use anyhow::{Context, bail};
use axum::Router;

use crate::config::identity::IdentitySettings;
use crate::http::health::Readiness;
use crate::http::{metrics, server};
use crate::party::journal::Journal;
use api::Provider;
use file::KeptFile;
use vault::Vault;

/// Serves until the process is told to stop. Errors where the file of keys cannot be read or written.
pub(crate) async fn run(settings: IdentitySettings) -> anyhow::Result<()> {
    let metrics = metrics::install()?;
    let (routes, vault) = provider(&settings)?;
    let readiness = Readiness::default();
    let router = server::with_operations(routes, readiness.clone(), metrics);
    // What Redis has not heard when the process stops, it hears from the next one: the file has it.
    let bulletin = tokio::spawn(bulletin::run(settings.redis.clone(), vault.watch()));
    tokio::select! {
        served = server::serve(&settings.server, router, readiness) => served,
        ended = bulletin => {
            ended.context("telling revocations panicked")??;
            bail!("telling revocations ended without being told to")
        }
    }
}

/// The routes, and what they stand on.
fn provider(settings: &IdentitySettings) -> anyhow::Result<(Router, Vault)> {
    let vault = Vault::open(KeptFile::new(&settings.data)?, settings.lifetime_seconds)?;
    let path = settings.data.join("identity.ndjson");
    let journal = Journal::open(&path, |_: journal::Line| {});
    let journal = journal.with_context(|| format!("cannot open the journal {}", path.display()))?;
    Ok((api::routes(Arc::new(Provider::new(vault.clone(), journal, settings))), vault))
}
