//! How well a bureau behaves.

use std::time::Duration;

use rand::Rng;

use crate::party::call::Calls;
use crate::party::latency::Latency;

/// What a bureau does, as shares from 0 to 1.
#[derive(Debug, Clone)]
pub(crate) struct Conduct {
    /// How calls are treated.
    pub(crate) calls: Calls,
    /// How long a report takes.
    pub(crate) latency: Latency,
    /// Of questions that are never answered.
    pub(crate) silence: f64,
    /// Of reports that are sent twice.
    pub(crate) duplicates: f64,
    /// Of reports that are late.
    pub(crate) late: f64,
    /// How late those are.
    pub(crate) lateness: Duration,
}

/// What becomes of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fate {
    /// When it is answered; never, where there is none.
    pub(super) after: Option<Duration>,
    /// Whether the answer is sent twice.
    pub(super) twice: bool,
}

impl Conduct {
    /// Draws what becomes of a question.
    pub(super) fn fate(&self, random: &mut impl Rng) -> Fate {
        let latency = self.latency.sample(random);
        let late = random.random::<f64>() < self.late;
        let silent = random.random::<f64>() < self.silence;
        let twice = random.random::<f64>() < self.duplicates;
        let after = if late { latency + self.lateness } else { latency };
        Fate { after: (!silent).then_some(after), twice }
    }
}
