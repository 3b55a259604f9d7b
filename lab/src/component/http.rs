//! Asking over HTTP.

use std::net::SocketAddr;
use std::time::Duration;

/// Longer than any toxic on a link holds an answer back; a Toxiproxy that hangs is found out by it.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// A client for the harness's own questions: a fresh connection each, so that an answer says how the path is now.
pub(crate) fn client() -> Result<reqwest::Client, String> {
    let builder = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).timeout(ANSWER_WITHIN);
    builder.build().map_err(|error| error.to_string())
}

/// GETs `path` at `at`: the status of the answer.
pub(crate) async fn get(client: &reqwest::Client, at: SocketAddr, path: &str) -> Result<u16, String> {
    let answer = client.get(format!("http://{at}{path}")).send().await.map_err(|error| words(&error))?;
    Ok(answer.status().as_u16())
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
