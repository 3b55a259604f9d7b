//! The broken design `LENDING_BUREAU_CALL=blocking`: whoever applies a command waits for the bureaus' answers, with the
//! transaction open, its rows locked and the whole partition behind it. A slow bureau makes everything slow, and one
//! that does not answer stops it: the batch fails and is tried again, whatever else was in it.

use std::io;
use std::sync::Arc;

use futures::future::try_join_all;

use super::application::{RequestState, request_id};
use super::batch::Batch;
use super::bureaus::Bureau;
use super::step::Input;
use crate::bureau::wire::{Question, Report};
use crate::store::StoreError;

/// The bureaus that are waited for.
pub(super) struct Blocking(pub(super) Vec<Arc<Bureau>>);

impl Blocking {
    /// Asks every bureau about what nobody has asked it about, and goes on with the answers.
    pub(super) async fn wait_for_reports(&self, batch: &mut Batch<'_>) -> Result<(), StoreError> {
        let asked: Vec<_> = self.0.iter().map(|bureau| (bureau, questions(bureau.name(), batch))).collect();
        let answers = asked.iter().filter(|(_, open)| !open.is_empty()).map(|(bureau, open)| async {
            let questions: Vec<&Question> = open.iter().map(|(_, question)| question).collect();
            bureau.ask_and_wait(&questions).await
        });
        let answers = try_join_all(answers).await.map_err(|error| StoreError::Database {
            doing: "wait for the bureaus inside a transaction",
            source: sqlx::Error::Io(io::Error::other(error)),
        })?;
        let answers: Vec<Report> = answers.into_iter().flatten().collect();
        let score = |id| answers.iter().find(|report| report.request_id == id).map(|report| report.score);
        for (place, question) in asked.iter().flat_map(|(_, open)| open) {
            let Some(score) = score(question.request_id) else { continue };
            let cause = batch.applications[*place].origin.cause();
            batch.step(*place, Input::Report { request_id: question.request_id, score }, &cause)?;
        }
        Ok(())
    }
}

/// What a bureau has to be asked, and the place in the batch of the application that it is about.
fn questions(bureau: &str, batch: &Batch<'_>) -> Vec<(usize, Question)> {
    let open = batch.applications.iter().enumerate().filter(|(_, one)| {
        let asked = one.application.requests.iter().find(|request| request.bureau == bureau);
        asked.is_some_and(|request| request.state == RequestState::Pending)
    });
    let question = |(place, one): (usize, &super::table::Tracked)| {
        let wanted = &one.application.wanted;
        let request_id = request_id(wanted.external_id, bureau);
        let customer_id = wanted.customer_id.as_str().to_owned();
        let traceparent = one.origin.traceparent.clone();
        (place, Question { request_id, external_id: wanted.external_id, customer_id, traceparent })
    };
    open.map(question).collect()
}
