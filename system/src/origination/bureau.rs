//! The client of the credit bureau: bounded in time, tried again a few times.

use std::time::Duration;

use anyhow::Context;
use rand::Rng;
use reqwest::Client;
use tracing::debug;
use uuid::Uuid;

use crate::bureau::Score;
use crate::config::origination::DecisionSettings;
use crate::http::request_id;

/// The first pause before another attempt; it doubles, and half of it is drawn.
const PAUSE: Duration = Duration::from_millis(50);
/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// Asks for scores; cheap to clone.
#[derive(Clone)]
pub(super) struct Bureau {
    client: Client,
    url: String,
    attempts: usize,
}

impl Bureau {
    pub(super) fn new(settings: &DecisionSettings) -> anyhow::Result<Self> {
        let client = Client::builder()
            .no_proxy()
            .timeout(settings.timeout)
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_max_idle_per_host(settings.concurrency)
            .build()
            .context("cannot make the HTTP client")?;
        Ok(Self { client, url: settings.bureau.clone(), attempts: settings.attempts })
    }

    /// The score of an application, or the last attempt's error.
    pub(super) async fn score(&self, application: Uuid, correlation_id: Uuid) -> reqwest::Result<u16> {
        let mut pause = PAUSE;
        for attempt in 1.. {
            match self.ask(application, correlation_id).await {
                Err(error) if attempt < self.attempts => {
                    debug!(%error, attempt, %application, "the bureau did not answer; asking again");
                    metrics::counter!("lending_bureau_retries_total").increment(1);
                    let spread = rand::rng().random_range(0.5..1.5);
                    tokio::time::sleep(pause.mul_f64(spread)).await;
                    pause *= 2;
                }
                answer => return answer,
            }
        }
        unreachable!("the last attempt returns")
    }

    async fn ask(&self, application: Uuid, correlation_id: Uuid) -> reqwest::Result<u16> {
        let url = format!("{}/v1/scores/{application}", self.url);
        let request = self.client.get(url).header(request_id::HEADER, correlation_id.to_string());
        let score: Score = request.send().await?.error_for_status()?.json().await?;
        Ok(score.score)
    }
}
