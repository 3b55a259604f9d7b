//! The owner of applications, origination: asked over HTTP, one instance after the other.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Context;
use axum::body::Bytes;
use axum::http::StatusCode;
use reqwest::{Client, Response};
use tracing::warn;
use uuid::Uuid;

use crate::http::request_id::{self, RequestId};

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// What the owner knows about an application.
pub(super) enum Known {
    /// Its JSON document.
    Application(Bytes),
    /// There is none, or not yet.
    Nothing,
    /// No instance gave an answer.
    Unavailable,
}

/// Origination's instances.
pub(super) struct Owner {
    client: Client,
    instances: Vec<String>,
    next: AtomicUsize,
}

impl Owner {
    pub(super) fn new(instances: Vec<String>, timeout: Duration) -> anyhow::Result<Self> {
        let client = Client::builder()
            .no_proxy()
            .timeout(timeout)
            .connect_timeout(CONNECT_TIMEOUT)
            .build()
            .context("cannot make the HTTP client")?;
        Ok(Self { client, instances, next: AtomicUsize::new(0) })
    }

    /// Asks one instance, and a second where the first could not be connected to.
    pub(super) async fn application(&self, id: Uuid, request: RequestId) -> Known {
        let first = self.next.fetch_add(1, Ordering::Relaxed);
        for attempt in 0..2 {
            let instance = &self.instances[(first.wrapping_add(attempt)) % self.instances.len()];
            match self.ask(instance, id, request).await {
                Ok(known) => return known,
                Err(error) => {
                    warn!(%error, instance, "cannot read an application from origination");
                    if !error.is_connect() {
                        break;
                    }
                }
            }
        }
        Known::Unavailable
    }

    async fn ask(&self, instance: &str, id: Uuid, request: RequestId) -> reqwest::Result<Known> {
        let url = format!("http://{instance}/v1/loan-applications/{id}");
        let request = self.client.get(url).header(request_id::HEADER, request.0.to_string());
        let response = request.send().await?;
        match response.status() {
            StatusCode::OK => Ok(Known::Application(response.bytes().await?)),
            StatusCode::NOT_FOUND => Ok(Known::Nothing),
            _ => response.error_for_status().map(|_: Response| Known::Unavailable),
        }
    }
}
