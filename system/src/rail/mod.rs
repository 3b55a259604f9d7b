//! The payment rail: an external party that moves money, each instruction once, and keeps a journal of it.
//!
//! - [`transfer`]: what it is asked and what it answers
//! - [`journal`]: what it did, on disk before anybody hears of it
//! - [`conduct`]: how late, how silent and how wrong its answers are
//! - [`api`]: `POST /v1/transfers`, `GET /v1/journal`
//!
//! It knows nothing of loans. Two instructions with one id are the same to it, whatever else they say.

mod api;
mod conduct;
mod journal;
pub(crate) mod transfer;

use std::io;

use anyhow::{Context, anyhow};
use tokio::sync::oneshot;

use crate::config::rail::RailSettings;
use crate::http::health::Readiness;
use crate::http::{metrics, server};
use journal::Journal;

/// Moves money until the process is told to stop. Errors where the journal cannot be read, or fails later: a rail that
/// cannot write down what it does must not do it.
pub(crate) async fn run(settings: RailSettings) -> anyhow::Result<()> {
    let metrics = metrics::install()?;
    let path = settings.data.join("rail.ndjson");
    let (journal, ended) = Journal::open(&path, settings.conduct.refusal)
        .with_context(|| format!("cannot open the journal {}", path.display()))?;
    let readiness = Readiness::default();
    let router = server::with_operations(api::routes(journal, settings.conduct), readiness.clone(), metrics);
    tokio::select! {
        served = server::serve(&settings.server, router, readiness) => served,
        error = failure(ended) => Err(error),
    }
}

/// Waits until the journal fails; one that ends because nobody can ask it any more has not.
async fn failure(ended: oneshot::Receiver<io::Result<()>>) -> anyhow::Error {
    match ended.await {
        Ok(Ok(())) => std::future::pending().await,
        Ok(Err(error)) => anyhow!(error).context("cannot write the journal"),
        Err(_) => anyhow!("the journal's thread panicked"),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    //! A rail in the tests' own process.

    use std::path::Path;

    pub(crate) use super::conduct::tests::good;
    use super::*;
    use crate::config::rail::Conduct;
    use crate::testing::http::Server;

    /// Serves with its journal in `folder` until the runtime ends; returns the base URL.
    pub(crate) async fn serve(folder: &Path, conduct: Conduct) -> String {
        let (journal, _) = Journal::open(&folder.join("rail.ndjson"), conduct.refusal).expect("a journal");
        format!("http://{}", Server::of(api::routes(journal, conduct)).await.for_good())
    }
}
