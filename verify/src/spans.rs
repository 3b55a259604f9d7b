//! Spans of time, and the operations in them.

use proofload_history::operation::UNSENT_GENERATOR;
use proofload_history::{At, History, HistoryError, OperationRef};

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

    /// Passes over the operations called `name` that were intended in them, but for those that the generator failed to
    /// send: they say nothing about the system.
    pub(crate) fn each_operation(
        &self,
        history: &History,
        name: &str,
        mut take: impl FnMut(OperationRef<'_>),
    ) -> Result<(), HistoryError> {
        history.operations.each(|made| {
            if made.name() == name && self.contain(made.intended()) && !unsent_by_generator(made) {
                take(made);
            }
        })
    }
}

/// Whether the generator, not the system, kept an operation from being sent.
pub(crate) fn unsent_by_generator(made: OperationRef<'_>) -> bool {
    made.sent().is_none() && made.error() == Some(UNSENT_GENERATOR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_has_its_beginning_and_not_its_end() {
        let spans = Spans(vec![(At(10), At(20)), (At(30), At(40))]);
        let contained: Vec<u64> = (0..50).filter(|at| spans.contain(At(*at))).collect();
        assert_eq!(contained, (10..20).chain(30..40).collect::<Vec<_>>());
    }
}
