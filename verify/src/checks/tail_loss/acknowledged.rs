//! Which intents of a stage were acknowledged, and when.

use crate::Context;
use crate::intents::{Intents, Known, Marks};
use proofload_history::{At, History, HistoryError, Id};
use std::collections::BTreeSet;

/// What was acknowledged of the operations whose chains have the stage.
pub(super) struct Acknowledged(Vec<Intents>);

/// Acknowledged intents, by operation.
pub(super) struct Chosen(Vec<Marks>);

impl Acknowledged {
    /// `None` if no chain has the stage: then nobody can tell what was acknowledged.
    ///
    /// # Errors
    /// If the operations cannot be read.
    pub(super) fn of(history: &History, context: &Context<'_>, stage: &str) -> Result<Option<Self>, HistoryError> {
        let chains = context.chains.values().filter(|chain| chain.stages.iter().any(|of| of.stage == stage));
        let operations: BTreeSet<&str> = chains.map(|chain| chain.operation.as_str()).collect();
        if operations.is_empty() {
            return Ok(None);
        }
        let intents = operations.iter().map(|operation| Intents::of(history, operation));
        Ok(Some(Self(intents.collect::<Result<_, HistoryError>>()?)))
    }

    /// Whether `id` was acknowledged.
    pub(super) fn has(&self, id: Id) -> bool {
        self.place(id).is_some()
    }

    /// None of them.
    pub(super) fn none(&self) -> Chosen {
        Chosen(self.0.iter().map(|intents| Marks::new(intents.len())).collect())
    }

    /// Hands over each of `chosen` with the instant at which it was acknowledged. A pass over the operations for each
    /// operation of which one was chosen.
    ///
    /// # Errors
    /// If the operations cannot be read.
    pub(super) fn each(
        &self,
        history: &History,
        chosen: Chosen,
        mut take: impl FnMut(Id, At),
    ) -> Result<(), HistoryError> {
        let chosen = self.0.iter().zip(chosen.0).filter(|(_, marks)| marks.iter().next().is_some());
        for (intents, marks) in chosen {
            intents.each_acknowledgement(history, marks, |number, made| take(intents.id(number), made.done()))?;
        }
        Ok(())
    }

    /// The first operation under which `id` was acknowledged, and its number there.
    fn place(&self, id: Id) -> Option<(usize, u32)> {
        let of = |(nth, intents): (usize, &Intents)| {
            let number = intents.number(id)?;
            (intents.known()[number as usize] == Known::Ok).then_some((nth, number))
        };
        self.0.iter().enumerate().find_map(of)
    }
}

impl Chosen {
    /// Chooses `id`, which was acknowledged.
    pub(super) fn put(&mut self, acknowledged: &Acknowledged, id: Id) {
        if let Some((nth, number)) = acknowledged.place(id) {
            self.0[nth].put(number);
        }
    }
}
