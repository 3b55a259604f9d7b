//! One request of one intent: its attempts, what became of each, and the row of each.

use crate::answer::Broken;
use crate::lane::{Job, Lane};
use crate::request::{Rendered, Request};
use crate::tally::late;
use goose::goose::{GooseRequest, GooseResponse, GooseUser};
use proofload_history::digest::Digest;
use proofload_history::operation::UNSENT_GENERATOR;
use proofload_history::{At, Id, Name, Operation, Outcome};

/// A longer answer is none that a client looks into; it is read to its end, and not kept.
const MAX_BODY_BYTES: usize = 1 << 20;

/// A request of an intent, ready to be made.
pub(crate) struct Ask<'a> {
    pub(crate) lane: &'a Lane,
    pub(crate) id: Id,
    pub(crate) request: &'a Request,
    pub(crate) rendered: Rendered,
    pub(crate) intended: At,
    /// The arrival, if this is its first request.
    pub(crate) first: Option<&'a Job>,
    /// Whether it asks for what its client waits for.
    pub(crate) waits: bool,
}

/// What became of a request.
pub(crate) struct Answer {
    pub(crate) outcome: Outcome,
    /// Its JSON, if it was ok and held JSON of a sensible size.
    pub(crate) body: Option<serde_json::Value>,
}

/// How one attempt ended.
struct Ended {
    sent: Option<At>,
    outcome: Outcome,
    status: Option<u16>,
    error: Option<&'static str>,
    /// As much of the answer as anybody looks into.
    body: Vec<u8>,
    /// The digest of all of it, once it was read to its end.
    answer: Option<u64>,
}

impl Ask<'_> {
    /// Attempts the request as often as its retry policy wants, and numbers its attempts from `attempt` on. All keep the
    /// intended instant: to the client the retries are part of the wait.
    pub(crate) async fn attempts(&self, user: &mut GooseUser, attempt: &mut u32) -> Answer {
        let mut made = 0;
        loop {
            let ended = self.attempt(user).await;
            if let Some(job) = self.first.filter(|_| made == 0) {
                audit(self.lane, job, ended.sent);
            }
            self.record(*attempt, &ended);
            *attempt += 1;
            made += 1;
            let outcome = ended.outcome;
            let retry = self.request.retry().filter(|retry| made < retry.attempts && retry.on.after(outcome));
            let Some(retry) = retry.filter(|_| !self.lane.stop.stopping()) else {
                let looks = outcome == Outcome::Ok && ended.body.len() <= MAX_BODY_BYTES;
                let body = if looks { serde_json::from_slice(&ended.body).ok() } else { None };
                return Answer { outcome, body };
            };
            tokio::time::sleep(retry.backoff.0).await;
        }
    }

    async fn attempt(&self, user: &mut GooseUser) -> Ended {
        let url = format!("{}{}", self.lane.base_url(self.request.name()), self.rendered.path);
        let mut builder = self.lane.client.request(self.rendered.method.clone(), url);
        builder = builder.headers(self.rendered.headers.clone()).timeout(self.request.timeout());
        if let Some(body) = &self.rendered.body {
            builder = builder.body(body.clone());
        }
        let name = self.lane.goose_name(self.request.name());
        let request = GooseRequest::builder().name(name.as_str()).set_request_builder(builder).build();
        let sent = self.lane.clock().now();
        let undecided = |error| Ended {
            sent: Some(sent),
            outcome: Outcome::Indeterminate,
            status: None,
            error,
            body: Vec::new(),
            answer: None,
        };
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
        let outcome = self.request.rules().outcome(status, response.headers());
        let (status, body) = (Some(status), Vec::new());
        let mut ended = Ended { sent: Some(sent), outcome, status, error: None, body, answer: None };
        let mut digest = Digest::default();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) => {
                    digest.pass(&chunk);
                    if self.looks_into_answer() {
                        // One byte more than the most, so that it shows.
                        let room = (MAX_BODY_BYTES + 1).saturating_sub(ended.body.len());
                        ended.body.extend_from_slice(&chunk[..chunk.len().min(room)]);
                    }
                }
                Ok(None) => return Ended { answer: Some(digest.value()), ..ended },
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

    fn looks_into_answer(&self) -> bool {
        self.waits || !self.request.captures().is_empty()
    }

    fn record(&self, attempt: u32, ended: &Ended) {
        let made = Operation {
            intent: self.id,
            attempt,
            name: Name::clone(self.request.name()),
            intended: self.intended,
            sent: ended.sent,
            done: self.lane.clock().now(),
            outcome: ended.outcome,
            status: ended.status,
            error: ended.error.map(Name::from),
            answer: ended.answer,
        };
        self.lane.record(made, self.waits);
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
