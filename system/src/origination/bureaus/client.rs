//! One call to one bureau.

use std::time::Duration;

use reqwest::{Client, Response};

use crate::bureau::wire::{Asked, Question, Report, Reports};
use crate::config::origination::{BureauAddress, CallSettings};
use crate::http;
use crate::telemetry::http::Call;

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// The bureaus' route.
const ROUTE: &str = "/v1/credit-report-requests";
/// Whether the reports are to come in the answer: `wait`, or not, `respond-async` (RFC 7240).
const PREFER: &str = "prefer";

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
            client: http::client(CONNECT_TIMEOUT, address.timeout.unwrap_or(settings.timeout), None)?,
            name: address.name.clone(),
            url: format!("http://{}{ROUTE}", address.address),
            callback_url: settings.callback_url.clone(),
        })
    }

    /// Its name, in settings, rows and reports.
    pub(in crate::origination) fn name(&self) -> &str {
        &self.name
    }

    /// Asks; the answers come later and by another way.
    pub(super) async fn ask(&self, questions: &[&Question]) -> reqwest::Result<()> {
        self.call(questions, "respond-async").await.map(drop)
    }

    /// Asks and waits for the answers.
    pub(in crate::origination) async fn ask_and_wait(&self, questions: &[&Question]) -> reqwest::Result<Vec<Report>> {
        let reports: Reports = self.call(questions, "wait").await?.json().await?;
        Ok(reports.reports)
    }

    /// Makes the call, a step of the trace of every question, which tells the bureau so.
    async fn call(&self, questions: &[&Question], prefer: &str) -> reqwest::Result<Response> {
        let mut questions: Vec<Question> = questions.iter().copied().cloned().collect();
        let traces = questions.iter_mut().map(|question| &mut question.traceparent);
        let mut call = Call::about("POST", &self.name, ROUTE, traces);
        let body = Asked { callback_url: self.callback_url.clone(), requests: questions };
        let request = self.client.post(&self.url).header(PREFER, prefer).json(&body);
        call.send(request).await?.error_for_status()
    }
}
