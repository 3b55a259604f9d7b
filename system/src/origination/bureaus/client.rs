//! One call to one bureau.

use std::time::Duration;

use reqwest::{Client, RequestBuilder};

use crate::bureau::wire::{Asked, Question, Report, Reports};
use crate::config::origination::{BureauAddress, CallSettings};
use crate::http;

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// Asks for the reports in the answer (RFC 7240).
const PREFER: (&str, &str) = ("prefer", "wait");

/// A bureau and the way to it.
pub(in crate::origination) struct Bureau {
    client: Client,
    name: String,
    url: String,
    callback_url: String,
}

impl Bureau {
    pub(in crate::origination) fn new(address: &BureauAddress, settings: &CallSettings) -> anyhow::Result<Self> {
        Ok(Self {
            client: http::client(CONNECT_TIMEOUT, settings.timeout, None)?,
            name: address.name.clone(),
            url: format!("http://{}/v1/credit-report-requests", address.address),
            callback_url: settings.callback_url.clone(),
        })
    }

    /// Its name, in settings, rows and reports.
    pub(in crate::origination) fn name(&self) -> &str {
        &self.name
    }

    /// Asks; the answers come later and by another way.
    pub(super) async fn ask(&self, questions: &[&Question]) -> reqwest::Result<()> {
        self.request(questions).send().await?.error_for_status().map(drop)
    }

    /// Asks and waits for the answers.
    pub(in crate::origination) async fn ask_and_wait(&self, questions: &[&Question]) -> reqwest::Result<Vec<Report>> {
        let request = self.request(questions).header(PREFER.0, PREFER.1);
        let reports: Reports = request.send().await?.error_for_status()?.json().await?;
        Ok(reports.reports)
    }

    fn request(&self, questions: &[&Question]) -> RequestBuilder {
        let body = Asked { callback_url: self.callback_url.clone(), requests: questions.to_vec() };
        self.client.post(&self.url).json(&body)
    }
}
