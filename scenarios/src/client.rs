//! The one HTTP client of a load.

use crate::{GeneratorError, Load};
use std::path::Path;
use std::time::Duration;

/// The client that makes every request of `load`.
pub(crate) fn client(load: &Load) -> Result<reqwest::Client, GeneratorError> {
    let shortest = load.requests().map(|request| request.timeout()).min().unwrap_or(Duration::from_secs(10));
    let mut builder = reqwest::Client::builder()
        .user_agent("proofload")
        // Only what the load asks for reaches the system: a redirect would ask again, a proxy would answer for it.
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .no_gzip()
        // A connection per request in flight, with TLS as without.
        .http1_only()
        .tcp_nodelay(true)
        // A little before the request's own time-out, so that a connection that was never made is told apart.
        .connect_timeout(shortest.mul_f64(0.9))
        // Below the keep-alive of common servers: fewer requests meet a connection that is being closed.
        .pool_idle_timeout(Duration::from_secs(15))
        .pool_max_idle_per_host(usize::MAX);
    if let Some(path) = &load.ca {
        builder = builder.tls_certs_only(authority(path)?);
    }
    if let (Some(address), Some(name)) = (load.connect_to, load.host()) {
        builder = builder.resolve(&name, address);
    }
    builder.build().map_err(GeneratorError::Client)
}

/// The certificates of the authority in `path`.
fn authority(path: &Path) -> Result<Vec<reqwest::Certificate>, GeneratorError> {
    let pem = std::fs::read(path).map_err(|source| GeneratorError::ReadAuthority { path: path.to_owned(), source })?;
    reqwest::Certificate::from_pem_bundle(&pem)
        .map_err(|source| GeneratorError::Authority { path: path.to_owned(), source })
}
