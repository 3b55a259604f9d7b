//! What a Goose user does: take an arrival, make its requests, record what became of them.

use crate::answer::Broken;
use crate::lane::{Job, Lane};
use crate::request::{Rendered, Request};
use crate::tally::late;
use futures::FutureExt;
use goose::goose::{GooseRequest, GooseResponse, GooseUser};
use proofload_history::operation::UNSENT_GENERATOR;
use proofload_history::{At, Id, Name, Operation, Outcome};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

/// An idle worker returns to Goose this often, in case Goose wants it to end; closing the lane wakes it at once.
const IDLE: Duration = Duration::from_secs(2);
/// A worker of a closed lane waits this long for Goose to end it, and does not spin.
const CLOSED: Duration = Duration::from_millis(20);

/// One turn of a worker: at most one arrival.
pub(crate) async fn serve(user: &mut GooseUser, lane: &Arc<Lane>) {
    match tokio::time::timeout(IDLE, lane.take()).await {
        Err(_) => {}
        Ok(None) => tokio::time::sleep(CLOSED).await,
        Ok(Some(job)) => {
            // Goose loses a panic without a trace. The arrival has no row then: its id was issued, so nobody knows.
            if AssertUnwindSafe(carry_out(user, lane, &job)).catch_unwind().await.is_err() {
                lane.tally.panics.add_one();
            }
        }
    }
}

/// Makes the steps of an arrival, one after the other while they are ok.
async fn carry_out(user: &mut GooseUser, lane: &Lane, job: &Job) {
    let counter = job.arrival.counter;
    let id = Id::issued(lane.seed, lane.traffic.stream, counter);
    let mut intended = job.arrival.intended;
    for (index, step) in lane.traffic.steps.iter().enumerate() {
        let arrival = (index == 0).then_some(job);
        let intent = Intent { lane, id, step, request: step.render(lane.seed, id, counter), intended, arrival };
        if intent.attempts(user).await != Outcome::Ok {
            return;
        }
        // Within one intent the client waits for its answers: the next step is due when the one before has ended.
        intended = lane.clock().now();
    }
}

/// One step of one intent.
struct Intent<'a> {
    lane: &'a Lane,
    id: Id,
    step: &'a Request,
    request: Rendered,
    intended: At,
    /// The arrival, if this is its first step.
    arrival: Option<&'a Job>,
}

/// How one attempt ended.
#[derive(Clone, Copy)]
struct Ended {
    sent: Option<At>,
    outcome: Outcome,
    status: Option<u16>,
    error: Option<&'static str>,
}

impl Intent<'_> {
    /// Attempts the step as often as its retry policy wants. All attempts keep the intended instant: to the client the
    /// retries are part of the wait.
    async fn attempts(&self, user: &mut GooseUser) -> Outcome {
        let mut attempt = 0;
        loop {
            let ended = self.ask(user).await;
            if let Some(job) = self.arrival.filter(|_| attempt == 0) {
                audit(self.lane, job, ended.sent);
            }
            let outcome = ended.outcome;
            self.record(attempt, ended);
            attempt += 1;
            let retry = self.step.retry().filter(|retry| attempt < retry.attempts && retry.on.after(outcome));
            let Some(retry) = retry.filter(|_| !self.lane.stopping()) else { return outcome };
            tokio::time::sleep(retry.backoff.0).await;
        }
    }

    async fn ask(&self, user: &mut GooseUser) -> Ended {
        let url = format!("{}{}", self.lane.base_url, self.request.path);
        let mut builder = self.lane.client.request(self.request.method.clone(), url);
        builder = builder.headers(self.request.headers.clone()).timeout(self.step.timeout());
        if let Some(body) = &self.request.body {
            builder = builder.body(body.clone());
        }
        let name = self.lane.goose_name(self.step.name());
        let request = GooseRequest::builder().name(name.as_str()).set_request_builder(builder).build();
        let sent = self.lane.clock().now();
        let undecided = |error| Ended { sent: Some(sent), outcome: Outcome::Indeterminate, status: None, error };
        match user.request(request).await {
            Ok(GooseResponse { response: Ok(response), .. }) => self.read(sent, response).await,
            Ok(GooseResponse { response: Err(error), .. }) => match Broken::of(&error) {
                Broken::Undecided(word) => undecided(Some(word)),
                Broken::NeverConnected(word) => Ended { outcome: Outcome::Fail, ..undecided(Some(word)) },
                Broken::Generator => Ended { sent: None, outcome: Outcome::Fail, ..undecided(Some(UNSENT_GENERATOR)) },
            },
            // Goose could not count it; whether it was sent is not known.
            Err(_) => undecided(Some("lost in Goose")),
        }
    }

    /// Reads the answer to its end: until then it has not arrived.
    async fn read(&self, sent: At, mut response: reqwest::Response) -> Ended {
        let status = response.status().as_u16();
        let outcome = self.step.rules().outcome(status, response.headers());
        let ended = Ended { sent: Some(sent), outcome, status: Some(status), error: None };
        loop {
            match response.chunk().await {
                Ok(Some(_)) => {}
                Ok(None) => return ended,
                Err(error) => {
                    let word = match Broken::of(&error) {
                        Broken::Undecided(word) | Broken::NeverConnected(word) => word,
                        Broken::Generator => UNSENT_GENERATOR,
                    };
                    return Ended { outcome: Outcome::Indeterminate, error: Some(word), ..ended };
                }
            }
        }
    }

    fn record(&self, attempt: u32, ended: Ended) {
        self.lane.record(Operation {
            intent: self.id,
            attempt,
            name: Name::clone(self.step.name()),
            intended: self.intended,
            sent: ended.sent,
            done: self.lane.clock().now(),
            outcome: ended.outcome,
            status: ended.status,
            error: ended.error.map(Name::from),
        });
    }
}

/// Notes how an arrival came to be sent: its lag is the generator's if a worker was idle for it.
fn audit(lane: &Lane, job: &Job, sent: Option<At>) {
    let Some(sent) = sent else {
        lane.tally.unsent_generator.add_one();
        return;
    };
    lane.tally.sent.add_one();
    if job.awaited {
        lane.tally.dispatch_lag.record(sent.since(job.arrival.handed_over));
        if late(job.arrival.intended, sent) {
            lane.tally.unsent_generator.add_one();
        }
    }
}
