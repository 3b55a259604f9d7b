//! `POST /v1/credit-report-requests` and `GET /v1/journal`.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::JsonRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use jiff::Timestamp;
use tracing::error;

use super::conduct::Conduct;
use super::courier::Shared;
use super::journal::Line;
use super::office::asked;
use super::wire::{Asked, Question, Report, Reports};
use crate::http::ndjson;
use crate::http::problem::{Kind, Problem};
use crate::telemetry;

/// The largest body: some thousands of questions.
const BODY_MAX: usize = 4 << 20;

/// What the handlers share.
pub(super) struct FrontOffice {
    pub(super) name: String,
    pub(super) conduct: Conduct,
    pub(super) shared: Arc<Shared>,
}

/// The bureau's routes.
pub(super) fn routes(office: Arc<FrontOffice>) -> Router {
    Router::new()
        .route("/v1/credit-report-requests", post(ask))
        .route("/v1/journal", get(journal))
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .with_state(office)
}

async fn ask(
    State(office): State<Arc<FrontOffice>>,
    headers: HeaderMap,
    body: Result<Json<Asked<Question>>, JsonRejection>,
) -> Result<Response, Problem> {
    let Json(asked) = body.map_err(|rejection| Kind::InvalidBody.with(rejection.body_text()))?;
    office.conduct.calls.wait().await.map_err(|failed| Kind::Internal.with(failed.to_string()))?;
    let number = u64::try_from(asked.requests.len()).unwrap_or(u64::MAX);
    metrics::counter!("lending_bureau_questions_taken_total").increment(number);
    let waits = headers.get("prefer").and_then(|value| value.to_str().ok()).is_some_and(|value| value.contains("wait"));
    match waits {
        true => office.answer(&asked.requests).await.map(|reports| Json(reports).into_response()),
        false => office.take(&asked).map(|()| StatusCode::ACCEPTED.into_response()),
    }
}

async fn journal(State(office): State<Arc<FrontOffice>>) -> Result<Response, Problem> {
    let (path, length) = office.shared.journal.contents();
    ndjson::file(path, length).await
}

impl FrontOffice {
    /// Takes questions whose reports go to the callback.
    fn take(&self, body: &Asked<Question>) -> Result<(), Problem> {
        // One call at a time: what is new is in the journal before anybody else can ask the same.
        let mut office = self.shared.office();
        office.room(body.requests.len()).map_err(|_| Kind::NotAttempted.with("too many questions are open"))?;
        let mut lines: Vec<Line> = office
            .new_ones(&body.requests)
            .into_iter()
            .map(|question| asked(question, &self.name, Some(&body.callback_url)))
            .collect();
        let _steps = telemetry::http::parts("take a question", lines.iter_mut().map(|line| &mut line.traceparent));
        self.write(&lines)?;
        office.plan(&self.name, &lines, &self.conduct, &mut rand::rng());
        metrics::gauge!("lending_bureau_open").set(u32::try_from(office.open()).map_or(f64::INFINITY, f64::from));
        drop(office);
        self.shared.planned.notify_one();
        Ok(())
    }

    /// Answers when the last report is ready; never, where one of them is not given.
    async fn answer(&self, questions: &[Question]) -> Result<Reports, Problem> {
        let mut lines: Vec<Line> = questions.iter().map(|question| asked(question, &self.name, None)).collect();
        self.write(&lines)?;
        let fates: Vec<_> = {
            let mut random = rand::rng();
            questions.iter().map(|_| self.conduct.fate(&mut random).after).collect()
        };
        let wait: Option<Vec<Duration>> = fates.into_iter().collect();
        let Some(wait) = wait else { return std::future::pending().await };
        tokio::time::sleep(wait.into_iter().max().unwrap_or_default()).await;
        for line in &mut lines {
            line.answered_at = Some(Timestamp::now());
        }
        self.write(&lines)?;
        let report = |line: &Line| Report {
            request_id: line.request_id,
            external_id: line.external_id,
            bureau: self.name.clone(),
            score: line.score,
            traceparent: line.traceparent.clone(),
        };
        Ok(Reports { reports: lines.iter().map(report).collect() })
    }

    fn write(&self, lines: &[Line]) -> Result<(), Problem> {
        self.shared.journal.append(lines).map_err(|error| {
            error!(%error, "a call fails for the journal takes nothing");
            Kind::Internal.with("the bureau cannot write its journal")
        })
    }
}
