//! A service that owns state: asked over HTTP, one instance after the other.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Context;
use axum::body::Bytes;
use axum::http::{HeaderValue, StatusCode, header};
use reqwest::Client;
use tracing::warn;

use crate::config::gateway::OwnerSettings;
use crate::http;
use crate::http::request_id::{self, RequestId};
use crate::telemetry::http::Call;

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// What an owner is asked.
pub(super) struct Question<'a> {
    /// The path as the route has it.
    pub(super) route: &'static str,
    pub(super) path: &'a str,
    pub(super) request_id: RequestId,
    /// The step of a trace that the question follows from.
    pub(super) traceparent: Option<&'a str>,
}

/// What the owner said.
pub(super) enum Known {
    /// A document of this media type.
    State(HeaderValue, Bytes),
    /// There is none, or not yet.
    Nothing,
    /// No instance gave an answer.
    Unavailable,
}

/// An owner's instances.
pub(super) struct Owner {
    pub(super) name: &'static str,
    client: Client,
    instances: Vec<String>,
    next: AtomicUsize,
}

impl Owner {
    /// Errors where no HTTP client can be made.
    pub(super) fn new(name: &'static str, settings: OwnerSettings) -> anyhow::Result<Self> {
        let client = http::client(CONNECT_TIMEOUT, settings.timeout, None)
            .with_context(|| format!("cannot make the HTTP client for {name}"))?;
        Ok(Self { name, client, instances: settings.instances, next: AtomicUsize::new(0) })
    }

    /// Asks one instance for what is at `path`, and a second where the first could not be connected to.
    pub(super) async fn ask(&self, question: &Question<'_>) -> Known {
        let first = self.next.fetch_add(1, Ordering::Relaxed);
        for attempt in 0..2 {
            let instance = &self.instances[(first.wrapping_add(attempt)) % self.instances.len()];
            match self.get(instance, question).await {
                Ok(known) => return known,
                Err(error) => {
                    warn!(%error, instance, owner = self.name, "cannot read from the owner of the state");
                    if !error.is_connect() {
                        break;
                    }
                }
            }
        }
        metrics::counter!("lending_owner_unavailable_total", "owner" => self.name).increment(1);
        Known::Unavailable
    }

    async fn get(&self, instance: &str, question: &Question<'_>) -> reqwest::Result<Known> {
        let Question { route, path, request_id, traceparent } = *question;
        let asked = self.client.get(format!("http://{instance}{path}"));
        let asked = asked.header(request_id::HEADER, request_id.0.to_string());
        // It lives until the answer is read: the step lasts as long.
        let mut call = Call::after(traceparent, "GET", instance, route);
        let response = call.send(asked).await?;
        match response.status() {
            StatusCode::OK => {
                let media_type = response.headers().get(header::CONTENT_TYPE).cloned();
                let media_type = media_type.unwrap_or(HeaderValue::from_static("application/json"));
                Ok(Known::State(media_type, response.bytes().await?))
            }
            StatusCode::NOT_FOUND => Ok(Known::Nothing),
            status => {
                warn!(%status, instance, owner = self.name, "the owner of the state does not answer as it should");
                Ok(Known::Unavailable)
            }
        }
    }
}
