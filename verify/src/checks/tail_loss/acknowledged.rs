//! Which intents of a stage were acknowledged, and when.

use crate::Context;
use crate::intents::{Intents, Known};
use proofload_history::{At, History, Id};
use std::collections::BTreeSet;

/// What was acknowledged of the operations whose chains have the stage.
pub(super) struct Acknowledged<'h>(Vec<Intents<'h>>);

impl<'h> Acknowledged<'h> {
    /// # Errors
    /// If no chain has the stage, or the intents of one cannot be told.
    pub(super) fn of(history: &'h History, context: &Context<'_>, stage: &str) -> Result<Self, String> {
        let chains = context.chains.values().filter(|chain| chain.stages.iter().any(|of| of.stage == stage));
        let operations: BTreeSet<&str> = chains.map(|chain| chain.operation.as_str()).collect();
        if operations.is_empty() {
            return Err(format!("no chain has the stage {stage}, so nobody can tell what was acknowledged"));
        }
        let intents: Result<_, String> = operations.iter().map(|operation| Intents::of(history, operation)).collect();
        Ok(Self(intents.map_err(|why| format!("the intents cannot be told: {why}"))?))
    }

    /// When `id` was acknowledged; `None` if it was not.
    pub(super) fn at(&self, id: Id) -> Option<At> {
        self.0.iter().find_map(|intents| {
            let number = intents.number(id)?;
            let made = intents.decisive(number)?;
            (intents.known()[number as usize] == Known::Ok).then_some(made.done)
        })
    }
}
