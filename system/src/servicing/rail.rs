//! The client of the payment rail: one bounded call for a batch of transfers.

use std::collections::HashMap;
use std::time::Duration;

use thiserror::Error;
use uuid::Uuid;

use super::book::RailResult;
use crate::config::servicing::TransferSettings;
use crate::http;
use crate::rail::transfer::{Instruction, Instructions, Results, Settled, Verdict};
use crate::telemetry::http::Call;

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// The rail's route.
const ROUTE: &str = "/v1/transfers";
/// The longest reason that is taken over from the rail, in characters.
const REASON_MAX: usize = 200;

/// Why nobody knows what became of a call's transfers.
#[derive(Debug, Error)]
pub(super) enum NoAnswer {
    #[error("the rail did not answer: {0}")]
    Call(#[from] reqwest::Error),
    #[error("the rail answered {0}")]
    Status(reqwest::StatusCode),
}

/// Asks the rail; cheap to clone.
#[derive(Clone)]
pub(super) struct RailClient {
    client: reqwest::Client,
    url: String,
}

impl RailClient {
    pub(super) fn new(settings: &TransferSettings) -> anyhow::Result<Self> {
        let client = http::client(CONNECT_TIMEOUT.min(settings.timeout), settings.timeout, None)?;
        Ok(Self { client, url: format!("{}{ROUTE}", settings.rail) })
    }

    /// What became of `transfers`, by instruction id; one that the rail says nothing about is not there.
    /// The call is a step of the trace of every transfer, which tells the rail so.
    pub(super) async fn instruct(
        &self,
        mut transfers: Vec<Instruction>,
    ) -> Result<HashMap<Uuid, RailResult>, NoAnswer> {
        let traces = transfers.iter_mut().map(|transfer| &mut transfer.traceparent);
        let mut call = Call::about("POST", "rail", ROUTE, traces);
        let answer = call.send(self.client.post(&self.url).json(&Instructions { transfers })).await?;
        if answer.status() != reqwest::StatusCode::OK {
            return Err(NoAnswer::Status(answer.status()));
        }
        let Results { results } = answer.json().await?;
        Ok(results.into_iter().map(|settled| (settled.instruction_id, result(settled))).collect())
    }
}

fn result(settled: Settled) -> RailResult {
    match settled.state {
        Verdict::Executed => RailResult::Executed,
        Verdict::Refused => {
            let reason = settled.reason.unwrap_or_default();
            // It goes into rows and events, which take no control characters.
            RailResult::Refused(reason.chars().filter(|one| !one.is_control()).take(REASON_MAX).collect())
        }
    }
}
