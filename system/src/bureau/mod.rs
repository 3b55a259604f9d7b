//! A credit bureau: an external party that is asked by the list, takes its time, and sends its reports to whoever asked.
//!
//! - [`api`]: what it is asked, and its journal; [`wire`]: both as JSON
//! - [`score`]: what it thinks, a function of the application and the bureau
//! - [`conduct`]: how well it behaves, by settings
//! - [`office`]: what it has to answer and when; [`courier`]: brings it, with a [`token`]
//! - [`journal`]: the ground truth; what is not answered in it is answered after a restart

mod api;
pub(crate) mod conduct;
mod courier;
mod journal;
mod office;
mod score;
#[cfg(test)]
pub(crate) mod tests;
mod token;
pub(crate) mod wire;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use tokio::sync::Notify;
use tracing::info;

use crate::config::bureau::BureauSettings;
use crate::http::health::Readiness;
use crate::http::{self, metrics, server};
use api::FrontOffice;
use courier::{Courier, Shared};
use office::Office;
use token::Tokens;

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// Serves until the process is told to stop. What is not answered by then is in the journal.
pub(crate) async fn run(settings: BureauSettings) -> anyhow::Result<()> {
    let metrics = metrics::install()?;
    let server = settings.server.clone();
    let (routes, courier) = parts(settings)?;
    let readiness = Readiness::default();
    let router = server::with_operations(routes, readiness.clone(), metrics);
    tokio::select! {
        served = server::serve(&server, router, readiness) => served,
        () = courier.run() => anyhow::bail!("the courier ended without being told to"),
    }
}

/// The routes, and who brings what is asked there.
fn parts(settings: BureauSettings) -> anyhow::Result<(Router, Courier)> {
    let BureauSettings { name, data, identity, ca, callback_timeout, conduct, .. } = settings;
    std::fs::create_dir_all(&data).with_context(|| format!("cannot make the folder {}", data.display()))?;
    let path = data.join("bureau.ndjson");
    let (journal, open) =
        journal::open(&path).with_context(|| format!("cannot open the journal {}", path.display()))?;
    let mut office = Office::default();
    office.plan(&name, &open, &conduct, &mut rand::rng());
    info!(path = %path.display(), open = office.open(), "the journal is open");
    let shared = Arc::new(Shared { office: Mutex::new(office), planned: Notify::new(), journal });
    let client = http::client(CONNECT_TIMEOUT, callback_timeout, ca.as_deref())?;
    let tokens = Arc::new(Tokens::new(http::client(CONNECT_TIMEOUT, callback_timeout, None)?, identity));
    let courier = Courier { shared: Arc::clone(&shared), client, tokens };
    Ok((api::routes(Arc::new(FrontOffice { name, conduct, shared })), courier))
}
