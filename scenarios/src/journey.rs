//! What a client does for one arrival: steps, one after the other.

use crate::request::Request;
use proofload_history::id::MAX_OWN_IDS;
use proofload_history::{Id, Name};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// What a client does for one arrival. A step after a request that was not ok is not made.
#[derive(Clone, Debug)]
pub struct Journey {
    name: Name,
    first: Arc<Request>,
    steps: Vec<Step>,
}

/// A step of a journey.
#[derive(Clone, Debug)]
pub enum Step {
    /// A request, so many times one after the other.
    Do {
        /// The request.
        request: Arc<Request>,
        /// How often; at least once.
        times: u32,
    },
    /// A request again and again, until its answer shows something.
    Until(Until),
    /// Time to think.
    Pause(Duration),
}

/// Asking again until the answer shows something. Each question is an operation; an answer that is not ok means "not
/// yet".
#[derive(Clone, Debug)]
pub struct Until {
    /// The request that asks, a GET.
    pub request: Arc<Request>,
    /// What the answer must show.
    pub sees: Condition,
    /// What ends the journey quietly when an answer shows it.
    pub unless: Vec<Condition>,
    /// From an answer to the next question.
    pub every: Duration,
    /// From the first question to giving up; an answer under way is waited for.
    pub within: Duration,
}

/// A condition on an answer's JSON.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// Where in it: a JSON pointer (RFC 6901).
    pub pointer: String,
    /// What must be there.
    pub equals: serde_json::Value,
}

impl Condition {
    /// Whether `answer` shows it.
    #[must_use]
    pub fn holds(&self, answer: &serde_json::Value) -> bool {
        answer.pointer(&self.pointer) == Some(&self.equals)
    }
}

/// Steps that make no journey. `step` counts them from 0.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum JourneyError {
    /// Nothing to do.
    #[error("a scenario needs at least one step")]
    Empty,
    /// The arrivals are spread in time already.
    #[error("a scenario begins with a request: its arrivals are spread in time already")]
    BeginsWithPause,
    /// Never made.
    #[error("a request is made at least once")]
    Never {
        /// Which step.
        step: usize,
    },
    /// Asking must change nothing.
    #[error("`until` asks again and again, so `{operation}` must be a GET")]
    NotAGet {
        /// Which step.
        step: usize,
        /// The operation.
        operation: Name,
    },
    /// Asking is no intent.
    #[error("`until` asks for the arrival, so `{operation}` cannot have ids of its own")]
    AsksWithOwnId {
        /// Which step.
        step: usize,
        /// The operation.
        operation: Name,
    },
    /// More own ids than fit into an id.
    #[error("this takes more than {MAX_OWN_IDS} own ids within one arrival")]
    TooManyOwnIds {
        /// Which step.
        step: usize,
    },
    /// A template uses a value that no earlier answer can have held.
    #[error("`{operation}` uses {{capture:{capture}}}, and no earlier step captures it")]
    UnknownCapture {
        /// Which step.
        step: usize,
        /// The operation that uses it.
        operation: Name,
        /// The capture.
        capture: String,
        /// What earlier steps do capture.
        captured: Vec<String>,
    },
}

impl JourneyError {
    /// The number of the step that is wrong, from 0, if one is.
    #[must_use]
    pub fn step(&self) -> Option<usize> {
        match self {
            Self::Empty => None,
            Self::BeginsWithPause => Some(0),
            Self::Never { step }
            | Self::NotAGet { step, .. }
            | Self::AsksWithOwnId { step, .. }
            | Self::TooManyOwnIds { step }
            | Self::UnknownCapture { step, .. } => Some(*step),
        }
    }
}

impl Step {
    /// The request that it makes, if it makes one.
    #[must_use]
    pub fn request(&self) -> Option<&Arc<Request>> {
        match self {
            Self::Do { request, .. } | Self::Until(Until { request, .. }) => Some(request),
            Self::Pause(_) => None,
        }
    }

    /// The longest that it can keep a client.
    fn longest(&self) -> Duration {
        match self {
            Self::Do { request, times } => request.longest() * *times,
            Self::Until(until) => until.within + until.request.longest(),
            Self::Pause(span) => *span,
        }
    }
}

impl Journey {
    /// The scenario `name` with these steps.
    ///
    /// # Errors
    /// If the steps contradict each other: see [`JourneyError`].
    pub fn new(name: impl Into<Name>, steps: Vec<Step>) -> Result<Self, JourneyError> {
        let first = steps.first().ok_or(JourneyError::Empty)?;
        let first = Arc::clone(first.request().ok_or(JourneyError::BeginsWithPause)?);
        let mut own_ids = 0;
        let mut captured: BTreeSet<&str> = BTreeSet::new();
        for (step, what) in steps.iter().enumerate() {
            let Some(request) = what.request() else { continue };
            own_ids += check_step(step, what)?;
            if own_ids > u32::from(MAX_OWN_IDS) {
                return Err(JourneyError::TooManyOwnIds { step });
            }
            if let Some(capture) = request.needs().find(|name| !captured.contains(name)) {
                return Err(JourneyError::UnknownCapture {
                    step,
                    operation: Name::clone(request.name()),
                    capture: capture.to_owned(),
                    captured: captured.into_iter().map(str::to_owned).collect(),
                });
            }
            captured.extend(request.captures().keys().map(String::as_str));
        }
        Ok(Self { name: name.into(), first, steps })
    }

    /// The journey of one request, made once.
    ///
    /// # Errors
    /// If the request uses captures.
    pub fn of(request: Arc<Request>) -> Result<Self, JourneyError> {
        Self::new(Name::clone(request.name()), vec![Step::Do { request, times: 1 }])
    }

    /// The scenario's name.
    #[must_use]
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// Its steps.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Its requests, in order.
    pub fn requests(&self) -> impl Iterator<Item = &Arc<Request>> {
        self.steps.iter().filter_map(Step::request)
    }

    /// The request that it begins with.
    #[must_use]
    pub fn first(&self) -> &Request {
        &self.first
    }

    /// The id under which its first request is made for `arrival`.
    #[must_use]
    pub fn first_id(&self, arrival: Id) -> Id {
        if self.first.own_id() { arrival.own(1) } else { arrival }
    }

    /// The operation that is the first under the arrival's own id; empty if there is none.
    #[must_use]
    pub fn issues_for(&self) -> &str {
        self.requests().find(|request| !request.own_id()).map_or("", |request| request.name())
    }

    /// The longest that it can keep a client: nothing is answered until its time is over, and nothing is refused.
    #[must_use]
    pub fn longest(&self) -> Duration {
        self.steps.iter().map(Step::longest).sum()
    }

    /// How long its client thinks: time in which it waits for nobody.
    #[must_use]
    pub fn thinks(&self) -> Duration {
        let pauses = self.steps.iter().filter_map(|step| if let Step::Pause(span) = step { Some(*span) } else { None });
        pauses.sum()
    }
}

/// How many own ids a step takes, if it is one that can be made.
fn check_step(step: usize, what: &Step) -> Result<u32, JourneyError> {
    match what {
        Step::Do { times: 0, .. } => Err(JourneyError::Never { step }),
        Step::Do { request, times } => Ok(if request.own_id() { *times } else { 0 }),
        Step::Until(Until { request, .. }) if !request.is_get() => {
            Err(JourneyError::NotAGet { step, operation: Name::clone(request.name()) })
        }
        Step::Until(Until { request, .. }) if request.own_id() => {
            Err(JourneyError::AsksWithOwnId { step, operation: Name::clone(request.name()) })
        }
        Step::Until(_) | Step::Pause(_) => Ok(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn request(name: &str, more: &str) -> Arc<Request> {
        let spec = format!("ok = [200]\ntimeout = '2s'\n{more}");
        Arc::new(Request::new(name, &toml::from_str(&spec).unwrap()).unwrap())
    }

    fn once(request: Arc<Request>) -> Step {
        Step::Do { request, times: 1 }
    }

    fn until(request: Arc<Request>) -> Step {
        let sees = Condition { pointer: "/status".to_owned(), equals: json!("ACTIVE") };
        let (every, within) = (Duration::from_millis(100), Duration::from_secs(20));
        Step::Until(Until { request, sees, unless: Vec::new(), every, within })
    }

    fn read() -> Arc<Request> {
        request("read", "method = 'GET'\npath = '/{id}'\ncaptures = { due = '/due' }")
    }

    fn repay() -> Arc<Request> {
        request("repay", "method = 'POST'\npath = '/{arrival}'\nbody = '{capture:due}'\nown_id = true")
    }

    #[test]
    fn a_condition_is_about_one_place_in_the_answer_and_of_one_kind() {
        let condition = Condition { pointer: "/loan/part".to_owned(), equals: json!(3) };
        assert!(condition.holds(&json!({ "loan": { "part": 3 } })));
        assert!(!condition.holds(&json!({ "loan": { "part": "3" } })));
        assert!(!condition.holds(&json!({ "part": 3 })));
    }

    #[test]
    fn a_capture_is_known_to_later_steps_and_to_no_earlier_one() {
        assert!(Journey::new("pay", vec![once(read()), once(repay())]).is_ok());
        let error = Journey::new("pay", vec![once(repay()), once(read())]).unwrap_err();
        assert_eq!(error.step(), Some(0));
        assert_eq!(error.to_string(), "`repay` uses {capture:due}, and no earlier step captures it");
    }

    #[test]
    fn steps_that_make_no_journey_are_refused() {
        let second = Duration::from_secs(1);
        let own = request("own", "method = 'GET'\npath = '/'\nown_id = true");
        let post = request("post", "method = 'POST'\npath = '/'");
        let many = |times| Step::Do { request: Arc::clone(&own), times };
        for (steps, said, step) in [
            (vec![], "at least one step", None),
            (vec![Step::Pause(second), once(read())], "begins with a request", Some(0)),
            (vec![once(read()), many(0)], "at least once", Some(1)),
            (vec![once(read()), until(Arc::clone(&own))], "`own` cannot have ids of its own", Some(1)),
            (vec![until(post)], "`post` must be a GET", Some(0)),
            (vec![many(16_383), many(1)], "more than 16383 own ids", Some(1)),
        ] {
            let error = Journey::new("wrong", steps).unwrap_err();
            assert!(error.to_string().contains(said), "{error}");
            assert_eq!(error.step(), step, "{error}");
        }
    }

    #[test]
    fn the_longest_that_a_journey_keeps_a_client_counts_every_step() {
        let pause = Step::Pause(Duration::from_secs(3));
        let thrice = Step::Do { request: repay(), times: 3 };
        let journey = Journey::new("pay", vec![until(read()), pause, thrice]).unwrap();
        assert_eq!(journey.longest(), Duration::from_secs(20 + 2 + 3 + 3 * 2));
        assert_eq!(journey.thinks(), Duration::from_secs(3));
    }

    #[test]
    fn an_arrivals_id_is_issued_for_the_first_request_that_carries_it() {
        let arrival = Id::issued(7, 1, 42);
        let own = request("own", "method = 'POST'\npath = '/'\nown_id = true");
        let journey = Journey::new("pay", vec![once(Arc::clone(&own)), once(read())]).unwrap();
        assert_eq!((journey.first_id(arrival), journey.issues_for()), (arrival.own(1), "read"));
        assert_eq!(Journey::of(own).unwrap().issues_for(), "");
        assert_eq!(Journey::of(read()).unwrap().first_id(arrival), arrival);
    }
}
