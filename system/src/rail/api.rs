//! `POST /v1/transfers` and `GET /v1/journal`.

use std::sync::Arc;

use axum::extract::rejection::JsonRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use tracing::error;

use super::conduct::Fate;
use super::journal::Journal;
use super::transfer::{Instructions, Results};
use crate::config::rail::Conduct;
use crate::http::ndjson;
use crate::http::problem::{Kind, Problem};
use crate::telemetry;

/// The largest body: some thousands of transfers.
const BODY_MAX: usize = 4 << 20;

#[derive(Clone)]
struct Rail {
    journal: Journal,
    conduct: Arc<Conduct>,
}

/// The rail's routes.
pub(super) fn routes(journal: Journal, conduct: Conduct) -> Router {
    Router::new()
        .route("/v1/transfers", post(transfer))
        .route("/v1/journal", get(journalled))
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .with_state(Rail { journal, conduct: Arc::new(conduct) })
}

async fn transfer(
    State(rail): State<Rail>,
    body: Result<Json<Instructions>, JsonRejection>,
) -> Result<Json<Results>, Problem> {
    let Json(Instructions { mut transfers }) =
        body.map_err(|rejection| Kind::InvalidBody.with(rejection.body_text()))?;
    let _steps = telemetry::http::parts("transfer", transfers.iter_mut().map(|one| &mut one.traceparent));
    let (fate, wait) = {
        let mut random = rand::rng();
        (rail.conduct.fate(&mut random), rail.conduct.latency.sample(&mut random))
    };
    tokio::time::sleep(wait).await;
    if fate == Fate::FailedBefore {
        return Err(Kind::Internal.with("the rail failed before it executed anything"));
    }
    let executed = rail.journal.execute(transfers).await;
    let results = executed.map_err(|error| {
        error!(%error, "a request has no answer");
        Kind::Internal.with("the rail cannot write its journal")
    })?;
    match fate {
        Fate::Answered | Fate::FailedBefore => Ok(Json(Results { results })),
        Fate::FailedAfter => Err(Kind::Internal.with("the rail failed after it executed everything")),
        // Dropped when the caller goes.
        Fate::Silent => std::future::pending().await,
    }
}

/// Streams every line that is on disk.
async fn journalled(State(rail): State<Rail>) -> Result<Response, Problem> {
    let (path, length) = rail.journal.contents();
    ndjson::file(path, length).await
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use uuid::Uuid;

    use super::*;
    use crate::rail::conduct::tests::good;
    use crate::rail::tests::serve;
    use crate::testing::http::client;

    fn body(id: u128) -> Value {
        json!({"transfers": [{
            "instruction_id": Uuid::from_u128(id),
            "external_id": Uuid::from_u128(7),
            "direction": "OUT",
            "amount": {"currency": "EUR", "minor_units": 1500},
        }]})
    }

    async fn post(url: &str, body: &Value) -> reqwest::Result<reqwest::Response> {
        client().post(format!("{url}/v1/transfers")).json(body).send().await
    }

    async fn journal(url: &str) -> Vec<Value> {
        let answer = client().get(format!("{url}/v1/journal")).send().await.expect("answered");
        assert_eq!(answer.headers()["content-type"], "application/x-ndjson");
        let text = answer.text().await.expect("text");
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    #[tokio::test]
    async fn a_transfer_is_executed_answered_and_in_the_journal() {
        let folder = tempfile::tempdir().expect("a folder");
        let url = serve(folder.path(), good()).await;
        let answer: Value = post(&url, &body(1)).await.expect("answered").json().await.expect("JSON");
        let id = Uuid::from_u128(1);
        assert_eq!(answer, json!({"results": [{"instruction_id": id, "state": "EXECUTED", "reason": null}]}));
        let lines = journal(&url).await;
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0]["instruction_id"], json!(id));
        assert_eq!((&lines[0]["direction"], &lines[0]["amount_minor_units"]), (&json!("OUT"), &json!(1500)));
        assert_eq!(lines[0]["state"], "EXECUTED");
    }

    #[tokio::test]
    async fn an_error_before_executes_nothing_and_an_error_after_everything() {
        for (conduct, executed) in
            [(Conduct { error_before: 1.0, ..good() }, 0), (Conduct { error_after: 1.0, ..good() }, 1)]
        {
            let folder = tempfile::tempdir().expect("a folder");
            let url = serve(folder.path(), conduct).await;
            let answer = post(&url, &body(1)).await.expect("answered");
            assert_eq!(answer.status(), 500);
            assert_eq!(journal(&url).await.len(), executed);
        }
    }

    #[tokio::test]
    async fn a_silent_rail_executes_and_does_not_answer() {
        let folder = tempfile::tempdir().expect("a folder");
        let url = serve(folder.path(), Conduct { silence: 1.0, ..good() }).await;
        let request = body(1);
        let mut asked = Box::pin(post(&url, &request));
        loop {
            tokio::select! {
                answer = &mut asked => panic!("answered: {answer:?}"),
                lines = journal(&url) => if !lines.is_empty() { break },
            }
        }
    }

    #[tokio::test]
    async fn an_amount_that_is_none_is_refused_as_a_whole() {
        let folder = tempfile::tempdir().expect("a folder");
        let url = serve(folder.path(), good()).await;
        let mut wrong = body(1);
        wrong["transfers"][0]["amount"]["minor_units"] = json!(-5);
        assert_eq!(post(&url, &wrong).await.expect("answered").status(), 422);
        assert!(journal(&url).await.is_empty());
    }
}
