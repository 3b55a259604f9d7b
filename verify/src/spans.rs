//! Spans of time, and the operations in them.

use proofload_history::operation::UNSENT_GENERATOR;
use proofload_history::{At, History, Operation};

/// Spans of time, from inclusive, to exclusive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Spans(pub(crate) Vec<(At, At)>);

impl Spans {
    pub(crate) fn contain(&self, at: At) -> bool {
        self.0.iter().any(|(from, to)| *from <= at && at < *to)
    }

    /// How long they are together, in seconds.
    pub(crate) fn seconds(&self) -> f64 {
        self.0.iter().map(|(from, to)| to.since(*from).as_secs_f64()).sum()
    }

    /// The operations called `name` that were intended in them, but for those that the generator failed to send: they
    /// say nothing about the system.
    pub(crate) fn operations<'a>(&'a self, history: &'a History, name: &'a str) -> impl Iterator<Item = &'a Operation> {
        history
            .operations
            .iter()
            .filter(move |made| self.contain(made.intended) && &*made.name == name && !unsent_by_generator(made))
    }
}

/// Whether the generator, not the system, kept an operation from being sent.
pub(crate) fn unsent_by_generator(made: &Operation) -> bool {
    made.sent.is_none() && made.error.as_deref() == Some(UNSENT_GENERATOR)
}
