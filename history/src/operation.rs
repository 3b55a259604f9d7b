//! A request that the traffic made, and how it ended.

use crate::{At, Id, Name};

/// How one attempt ended, as far as its client can know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The system acknowledged it.
    Ok,
    /// It certainly did not happen.
    Fail,
    /// Nobody can know: a time-out, a reset after the request was written, most 5xx.
    Indeterminate,
}

impl Outcome {
    /// The outcome of an intent from those of its attempts: ok if any is ok, else indeterminate if any is, else fail.
    #[must_use]
    pub fn of_attempts(attempts: impl IntoIterator<Item = Self>) -> Self {
        attempts.into_iter().fold(Self::Fail, |known, attempt| match (known, attempt) {
            (Self::Ok, _) | (_, Self::Ok) => Self::Ok,
            (Self::Indeterminate, _) | (_, Self::Indeterminate) => Self::Indeterminate,
            (Self::Fail, Self::Fail) => Self::Fail,
        })
    }

    /// The name that files and reports use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Fail => "fail",
            Self::Indeterminate => "indeterminate",
        }
    }
}

/// Why an arrival was never sent: every worker was waiting for the system. The system's failure.
pub const UNSENT_WORKERS_WAITING: &str = "unsent: every worker was waiting for the system";
/// Why an arrival was never sent: the generator could not keep up while workers were idle. Invalidates the run.
pub const UNSENT_GENERATOR: &str = "unsent: the generator could not keep up";

/// One request that the traffic made, or was due to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// What the client wanted to happen once; all attempts share it.
    pub intent: Id,
    /// The number of this attempt, from 0.
    pub attempt: u32,
    /// Which operation of the manifest: `submit_application`.
    pub name: Name,
    /// When the schedule wanted it sent.
    pub intended: At,
    /// When it was sent; `None` if it never was (see [`UNSENT_WORKERS_WAITING`], [`UNSENT_GENERATOR`]).
    pub sent: Option<At>,
    /// When its answer had been read, or it was given up.
    pub done: At,
    /// How it ended.
    pub outcome: Outcome,
    /// The HTTP status, if there was an answer.
    pub status: Option<u16>,
    /// What went wrong, in a few words that many rows share: `time-out`, `connection reset`.
    pub error: Option<Name>,
    /// The digest of the answer's body, if it was read to its end: FNV-1a of its bytes. Equal requests that got equal
    /// answers have equal digests.
    pub answer: Option<u64>,
}

impl Operation {
    /// Nanoseconds from the intended instant to the answer. `None` is infinite: there was no answer that a client
    /// could use (an indeterminate operation, or one never sent).
    ///
    /// Counting from the intended instant keeps a stall visible (no coordinated omission).
    #[must_use]
    pub fn latency_ns(&self) -> Option<u64> {
        latency_ns(self.outcome, self.sent, [self.intended, self.done])
    }
}

/// The one rule of what a latency is: see [`Operation::latency_ns`].
pub(crate) fn latency_ns(outcome: Outcome, sent: Option<At>, [intended, done]: [At; 2]) -> Option<u64> {
    let answered = sent.is_some() && outcome != Outcome::Indeterminate;
    answered.then(|| done.0.saturating_sub(intended.0))
}
