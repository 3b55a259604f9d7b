//! Which requests were whose.

use crate::names::Met;
use crate::offending::Offending;
use proofload_history::{At, Event, History, HistoryError, Id, OperationRef, Outcome};

/// How many streams an id can tell apart: their number has 12 bits.
const STREAMS: usize = 1 << 12;

/// What is kept of a request that was sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request {
    pub(super) intended: At,
    pub(super) sent: At,
    pub(super) done: At,
    pub(super) status: Option<u16>,
    pub(super) ok: bool,
    /// The number of its operation's name.
    pub(super) operation: u16,
    pub(super) attempt: u32,
    pub(super) intent: Id,
}

impl Request {
    /// It as an offender.
    pub(super) fn offending(&self, defect: &'static str) -> Offending<'static> {
        Offending { row: self.attempt.into(), ..Offending::of_id(defect, self.intent, None, Some(self.done)) }
    }
}

/// The requests of some traffics.
#[derive(Default)]
pub(super) struct Requests {
    /// For each traffic, in the order recorded.
    pub(super) of: Vec<Vec<Request>>,
    /// The operations' names.
    pub(super) operations: Met,
}

impl Requests {
    /// What each of the traffics `names` sent, whatever the operation. An id tells its stream, and the journal whose
    /// stream it is: one pass, no hashing.
    pub(super) fn sent_by(history: &History, names: &[&str]) -> Result<Self, HistoryError> {
        let mut whose: Vec<Option<usize>> = vec![None; STREAMS];
        for entry in &history.journal.entries {
            if let Event::IdsIssued { stream, traffic, .. } = &entry.event {
                whose[usize::from(*stream) % STREAMS] = names.iter().position(|name| **name == **traffic);
            }
        }
        let seed = history.journal.seed().unwrap_or_default();
        let mut requests = Self { of: vec![Vec::new(); names.len()], ..Self::default() };
        history.operations.each(|made| {
            let stream = made.intent().counter(seed).map(|(stream, _)| usize::from(stream));
            if let Some((traffic, sent)) = stream.and_then(|stream| whose[stream]).zip(made.sent()) {
                let operation = requests.operations.number(made.name()) as u16;
                requests.of[traffic].push(request(made, sent, operation));
            }
        })?;
        Ok(requests)
    }
}

fn request(made: OperationRef<'_>, sent: At, operation: u16) -> Request {
    Request {
        intended: made.intended(),
        sent,
        done: made.done(),
        status: made.status(),
        ok: made.outcome() == Outcome::Ok,
        operation,
        attempt: made.attempt(),
        intent: made.intent(),
    }
}
