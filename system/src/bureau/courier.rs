//! Brings reports to those who asked: in batches, each tried until it is taken or definitely refused, under one
//! Idempotency-Key.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rand::Rng;
use reqwest::{Client, StatusCode};
use tokio::sync::{Notify, Semaphore};
use tracing::{debug, error, warn};
use uuid::Uuid;

use super::office::{Answer, Office};
use super::token::Tokens;
use super::wire::Reports;
use crate::party::journal::Journal;
use crate::telemetry::http::Call;

/// Reports in one callback; who takes them takes no more.
const BATCH_MAX: usize = 200;
/// How long reports wait for company.
const LINGER: Duration = Duration::from_millis(10);
/// Callbacks at once.
const CALLBACKS: usize = 8;
/// What a callback is called in traces; its whole address is whoever asked's to choose.
const CALLBACK: &str = "callback";
/// The longest pause before a callback is tried again, at first and at last; all of it is drawn.
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// What the courier and the front office share.
pub(super) struct Shared {
    pub(super) office: Mutex<Office>,
    /// Says that something was planned.
    pub(super) planned: Notify,
    pub(super) journal: Journal,
}

impl Shared {
    pub(super) fn office(&self) -> std::sync::MutexGuard<'_, Office> {
        // Every change of it is whole before anything can panic.
        self.office.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Brings reports; cheap to clone.
#[derive(Clone)]
pub(super) struct Courier {
    pub(super) shared: Arc<Shared>,
    pub(super) client: Client,
    pub(super) tokens: Arc<Tokens>,
}

/// What became of one try.
enum Outcome {
    Taken,
    /// It may do better later.
    Again,
    /// It would be refused again.
    Refused,
}

impl Courier {
    /// Brings what is due, for ever.
    pub(super) async fn run(self) {
        let slots = Arc::new(Semaphore::new(CALLBACKS));
        loop {
            self.wait().await;
            let due = self.shared.office().take_due(Instant::now());
            for batch in batches(due) {
                // Never closed.
                let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { return };
                let courier = self.clone();
                tokio::spawn(async move {
                    courier.bring(batch).await;
                    drop(slot);
                });
            }
            tokio::time::sleep(LINGER).await;
        }
    }

    /// Waits until something is due.
    async fn wait(&self) {
        loop {
            let next = self.shared.office().next();
            match next {
                Some(next) if next <= Instant::now() => return,
                Some(next) => {
                    let _ = tokio::time::timeout_at(next.into(), self.shared.planned.notified()).await;
                }
                None => self.shared.planned.notified().await,
            }
        }
    }

    /// Brings one batch, and what of it is to come twice a second time.
    async fn bring(&self, batch: Vec<Answer>) {
        let taken = self.insist(&batch).await;
        if taken {
            let lines: Vec<_> = batch.iter().map(Answer::taken).collect();
            if let Err(error) = self.shared.journal.append(&lines) {
                error!(%error, "what was answered is not in the journal, and is answered again after a restart");
            }
        }
        self.shared.office().done(&batch);
        let again: Vec<Answer> = batch.into_iter().filter(|answer| answer.twice).collect();
        if taken && !again.is_empty() {
            self.insist(&again).await;
        }
    }

    /// Tries a batch until it is taken; false where it is definitely refused.
    async fn insist(&self, batch: &[Answer]) -> bool {
        let Some(url) = batch.first().map(|answer| answer.callback_url.as_str()) else { return true };
        let key = Uuid::new_v4();
        let mut body = Reports { reports: batch.iter().map(|answer| answer.report.clone()).collect() };
        // One step for all tries: what is tried again under the same key is the same to the last byte.
        let traces = body.reports.iter_mut().map(|report| &mut report.traceparent);
        let mut step = Call::about("POST", url, CALLBACK, traces);
        let mut pause = PAUSE_MIN;
        loop {
            let (outcome, name) = match self.call(url, key, &body, &mut step).await {
                Ok(outcome @ Outcome::Taken) => (outcome, "taken"),
                Ok(outcome @ Outcome::Refused) => (outcome, "refused"),
                Ok(outcome @ Outcome::Again) => (outcome, "again"),
                Err(error) => {
                    debug!(%error, url, "a callback failed; trying again");
                    (Outcome::Again, "again")
                }
            };
            metrics::counter!("lending_bureau_callbacks_total", "result" => name).increment(1);
            match outcome {
                Outcome::Taken => return true,
                Outcome::Refused => return false,
                Outcome::Again => {
                    let drawn = rand::rng().random_range(0.0..=1.0);
                    tokio::time::sleep(pause.mul_f64(drawn)).await;
                    pause = (pause * 2).min(PAUSE_MAX);
                }
            }
        }
    }

    async fn call(&self, url: &str, key: Uuid, body: &Reports, step: &mut Call) -> reqwest::Result<Outcome> {
        let token = self.tokens.get().await?;
        let request = self.client.post(url).bearer_auth(&token).header("idempotency-key", key.to_string());
        let status = step.tell(request.json(body)).send().await?.status();
        Ok(match status {
            _ if status.is_success() => {
                step.returned(status);
                Outcome::Taken
            }
            StatusCode::UNAUTHORIZED => {
                self.tokens.refused(&token).await;
                Outcome::Again
            }
            StatusCode::REQUEST_TIMEOUT | StatusCode::CONFLICT | StatusCode::TOO_MANY_REQUESTS => Outcome::Again,
            _ if status.is_client_error() => {
                step.returned(status);
                warn!(%status, url, reports = body.reports.len(), "reports are refused, and given up");
                Outcome::Refused
            }
            _ => Outcome::Again,
        })
    }
}

/// Answers to the same address together, as many as are taken at once.
fn batches(due: Vec<Answer>) -> Vec<Vec<Answer>> {
    let mut by_url: BTreeMap<String, Vec<Answer>> = BTreeMap::new();
    for answer in due {
        by_url.entry(answer.callback_url.clone()).or_default().push(answer);
    }
    let mut batches = Vec::new();
    for mut answers in by_url.into_values() {
        while answers.len() > BATCH_MAX {
            let rest = answers.split_off(BATCH_MAX);
            batches.push(std::mem::replace(&mut answers, rest));
        }
        batches.push(answers);
    }
    batches
}
