//! One arrival on its way through its journey.

use crate::ask::{Answer, Ask};
use crate::intent::{Captures, Intent};
use crate::journey::{Journey, Step, Until};
use crate::lane::{Job, Lane};
use crate::request::Request;
use goose::goose::GooseUser;
use proofload_history::{Id, Outcome};
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// How a journey ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// With its last step.
    Completed,
    /// What was waited for could not come any more.
    Unless,
    /// A step was not ok.
    NotOk,
    /// What was waited for did not come in time.
    WaitedInVain,
    /// A value was needed that no answer had held.
    WithoutValue,
    /// The traffic was to end.
    Stopped,
}

impl End {
    /// How many there are.
    pub(crate) const KINDS: usize = Self::Stopped as usize + 1;
}

/// An arrival in the hands of a worker.
pub(crate) struct Walk<'a> {
    lane: &'a Lane,
    user: &'a mut GooseUser,
    journey: &'a Journey,
    counter: u64,
    arrival: Id,
    /// The arrival's instant and its audit, until its first request is made.
    first: Option<&'a Job>,
    /// How many own ids it has used.
    own_ids: u16,
    /// How often each operation has been attempted under the arrival's own id: attempts are numbered through.
    attempts: HashMap<&'a str, u32>,
    captures: Captures,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(lane: &'a Lane, job: &'a Job, user: &'a mut GooseUser) -> Self {
        let counter = job.arrival.counter;
        Self {
            lane,
            user,
            journey: lane.journey(job.arrival.scenario),
            counter,
            arrival: lane.id(job.arrival.scenario, counter),
            first: Some(job),
            own_ids: 0,
            attempts: HashMap::new(),
            captures: Captures::new(),
        }
    }

    /// Makes the steps, one after the other, as long as they are ok.
    pub(crate) async fn walk(mut self) -> End {
        for step in self.journey.steps() {
            if let Err(end) = self.step(step).await {
                return end;
            }
        }
        End::Completed
    }

    async fn step(&mut self, step: &'a Step) -> Result<(), End> {
        match step {
            Step::Do { request, times } => {
                for _ in 0..*times {
                    let answer = self.ask(request, false).await?;
                    if answer.outcome != Outcome::Ok {
                        return Err(End::NotOk);
                    }
                    self.capture(request, &answer);
                }
                Ok(())
            }
            Step::Until(until) => self.wait_for(until).await,
            Step::Pause(span) => self.sleep(*span).await,
        }
    }

    /// Asks until the answer shows what is waited for.
    async fn wait_for(&mut self, until: &'a Until) -> Result<(), End> {
        let deadline = Instant::now() + until.within;
        loop {
            let answer = self.ask(&until.request, true).await?;
            let seen = answer.body.as_ref().filter(|_| answer.outcome == Outcome::Ok);
            if seen.is_some_and(|body| until.sees.holds(body)) {
                self.capture(&until.request, &answer);
                return Ok(());
            }
            if seen.is_some_and(|body| until.unless.iter().any(|condition| condition.holds(body))) {
                return Err(End::Unless);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(End::WaitedInVain);
            }
            self.sleep(until.every.min(left)).await?;
        }
    }

    async fn sleep(&self, span: Duration) -> Result<(), End> {
        if self.lane.stop.sleep(span).await { Ok(()) } else { Err(End::Stopped) }
    }

    /// Makes a request, as often as its retry policy wants. An arrival that was sent to a worker is made, whatever is
    /// wished; what would come after it is not.
    async fn ask(&mut self, request: &'a Request, waits: bool) -> Result<Answer, End> {
        if self.first.is_none() && self.lane.stop.stopping() {
            return Err(End::Stopped);
        }
        let id = if request.own_id() {
            self.own_ids += 1;
            self.arrival.own(self.own_ids)
        } else {
            self.arrival
        };
        let intent = Intent {
            seed: self.lane.seed,
            id,
            arrival: self.arrival,
            counter: self.counter,
            captures: &self.captures,
            wallet: Some(&self.lane.wallet),
        };
        let rendered = request.render(&intent).map_err(|_| End::WithoutValue)?;
        let mut own_attempts = 0;
        let attempts = match request.own_id() {
            true => &mut own_attempts,
            false => self.attempts.entry(request.name()).or_default(),
        };
        let first = self.first.take();
        // Within one journey the client waits for its answers: a step is due when the one before has ended.
        let intended = first.map_or_else(|| self.lane.clock().now(), |job| job.arrival.intended);
        let ask = Ask { lane: self.lane, id, request, rendered, intended, first, waits };
        Ok(ask.attempts(self.user, attempts).await)
    }

    /// Takes what the answer holds. What it does not hold any more is not known any more: a value that is old could be
    /// wrong.
    fn capture(&mut self, request: &Request, answer: &Answer) {
        for (name, pointer) in request.captures() {
            match answer.body.as_ref().and_then(|body| body.pointer(pointer)) {
                Some(serde_json::Value::String(text)) => self.captures.insert(name.clone(), text.clone()),
                Some(serde_json::Value::Number(number)) => self.captures.insert(name.clone(), number.to_string()),
                _ => self.captures.remove(name),
            };
        }
    }
}
