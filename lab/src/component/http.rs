//! Asking over HTTP, and over TLS where who is asked listens with it.

use super::Ground;
use crate::plan::Instance;
use reqwest::{Client, ClientBuilder, RequestBuilder};
use std::net::SocketAddr;
use std::time::Duration;

/// Longer than any toxic on a link holds an answer back; a Toxiproxy that hangs is found out by it.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// A client for the harness's own questions: a fresh connection each, so that an answer says how the path is now.
pub(crate) fn client() -> Result<Client, String> {
    build(fresh().timeout(ANSWER_WITHIN))
}

/// The way to an instance: through its own port, or through a link.
pub(crate) struct Way {
    client: Client,
    base: String,
}

impl Way {
    /// The way to `instance` at `at`: by TLS, and only to whoever proves to be it, if the manifest says `tls = true`.
    pub(crate) fn to(ground: &Ground, instance: &Instance, at: SocketAddr) -> Result<Self, String> {
        if !ground.manifest.speaks_tls(&instance.of) {
            return Ok(Self::plain(ground, at));
        }
        Self::secure(ground, instance, at, fresh().timeout(ANSWER_WITHIN))
    }

    /// The way to whoever answers at `at` without TLS.
    pub(crate) fn plain(ground: &Ground, at: SocketAddr) -> Self {
        Self { client: ground.http.clone(), base: format!("http://{at}") }
    }

    /// The same as [`Self::to`], for answers that may be long: their time is not bounded, but for `stall` without a byte.
    pub(crate) fn to_read(
        ground: &Ground,
        instance: &Instance,
        at: SocketAddr,
        stall: Duration,
    ) -> Result<Self, String> {
        if !ground.manifest.speaks_tls(&instance.of) {
            return Self::plain_to_read(at, stall);
        }
        Self::secure(ground, instance, at, patient(stall))
    }

    /// [`Self::to_read`] without TLS.
    pub(crate) fn plain_to_read(at: SocketAddr, stall: Duration) -> Result<Self, String> {
        Ok(Self { client: build(patient(stall))?, base: format!("http://{at}") })
    }

    fn secure(ground: &Ground, instance: &Instance, at: SocketAddr, builder: ClientBuilder) -> Result<Self, String> {
        let authority = ground.authority.as_ref().ok_or("nobody has signed a certificate")?;
        // By name: at the end of a link is another address than the certificate's.
        let builder = builder.tls_certs_only([authority.trusted()]).resolve(&instance.name, at);
        Ok(Self { client: build(builder)?, base: format!("https://{}:{}", instance.name, at.port()) })
    }

    /// GETs `path`: the status of the answer.
    pub(crate) async fn status(&self, path: &str) -> Result<u16, String> {
        let answer = self.get(path).send().await.map_err(|error| words(&error))?;
        Ok(answer.status().as_u16())
    }

    /// A GET of `path`, not sent yet.
    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(format!("{}{path}", self.base))
    }
}

fn fresh() -> ClientBuilder {
    Client::builder().no_proxy().pool_max_idle_per_host(0)
}

/// Takes what is asked for as long as bytes come, and never somebody else's answer.
fn patient(stall: Duration) -> ClientBuilder {
    fresh().connect_timeout(stall).read_timeout(stall).redirect(reqwest::redirect::Policy::none())
}

fn build(builder: ClientBuilder) -> Result<Client, String> {
    builder.build().map_err(|error| words(&error))
}

/// The error with its causes; reqwest's own text stops at the first.
pub(crate) fn words(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
