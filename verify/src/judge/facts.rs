//! What the rows of a run come to whatever is expected of it: counts and latencies by operation and phase.

use super::Plan;
use crate::checks::{delivery, latency};
use crate::faults::Faults;
use crate::intents::{Intents, Known};
use crate::names::Met;
use crate::spans::{Spans, unsent_by_generator};
use crate::statistics::durations::{Durations, Sorted};
use proofload_history::{History, HistoryError, OperationRef, Outcome, Phase, Reading};
use std::collections::BTreeMap;

/// The facts of a run.
#[derive(Default)]
pub(super) struct Facts {
    /// By the names of the operations.
    pub(super) operations: BTreeMap<String, Ended>,
    /// Intents of all operations.
    pub(super) intents: Intended,
    /// The phases with traffic, in order.
    pub(super) phases: Vec<OfPhase>,
    /// For each injection, in order, how many acknowledged intents of all chains it put at risk.
    pub(super) exposures: Vec<u64>,
    /// Whether a log was read along while the run went on.
    pub(super) read_along: bool,
}

/// How the operations of one name ended.
#[derive(Clone, Copy, Default)]
pub(super) struct Ended {
    pub(super) made: u64,
    pub(super) sent: u64,
    /// Of those that were sent.
    pub(super) ok: u64,
    pub(super) failed: u64,
    pub(super) indeterminate: u64,
}

/// How intents ended.
#[derive(Clone, Copy, Default)]
pub(super) struct Intended {
    pub(super) ok: u64,
    pub(super) failed: u64,
    pub(super) indeterminate: u64,
}

/// What was due in a phase.
pub(super) struct OfPhase {
    pub(super) phase: Phase,
    pub(super) seconds: f64,
    /// By the names of the operations, those that were due.
    pub(super) operations: BTreeMap<String, Due>,
}

/// Operations of one name that were due in a phase, but for those that the generator failed to send.
pub(super) struct Due {
    pub(super) offered: u64,
    pub(super) accepted: u64,
    pub(super) latencies: Sorted,
}

impl Facts {
    /// A pass over the operations, one more for each of their names, and one over the observations.
    pub(super) fn of(history: &History, plan: &Plan) -> Result<Self, HistoryError> {
        let mut counting = Counting::of(history);
        history.operations.each(|made| counting.take(made))?;
        let mut facts = counting.facts();
        facts.join_intents(history, plan)?;
        history.observations.each(|seen| facts.read_along |= seen.reading() == Reading::Live)?;
        Ok(facts)
    }

    /// Takes the attempts of each intent together.
    fn join_intents(&mut self, history: &History, plan: &Plan) -> Result<(), HistoryError> {
        let faults = Faults::of(&history.journal);
        self.exposures = vec![0; faults.records.len()];
        for name in self.operations.keys() {
            let mut exposures = delivery::Exposures::of(&faults);
            let intents = Intents::with_acknowledgements(history, name, |_, made| exposures.acknowledged(made.done()))?;
            self.intents.ok += intents.count(Known::Ok);
            self.intents.failed += intents.count(Known::Fail);
            self.intents.indeterminate += intents.count(Known::Indeterminate);
            if plan.chains.values().any(|chain| chain.operation == *name) {
                self.exposures.iter_mut().zip(exposures.counts()).for_each(|(sum, exposed)| *sum += exposed);
            }
        }
        Ok(())
    }

    /// All operations together.
    pub(super) fn ended(&self) -> Ended {
        self.operations.values().fold(Ended::default(), |all, one| Ended {
            made: all.made + one.made,
            sent: all.sent + one.sent,
            ok: all.ok + one.ok,
            failed: all.failed + one.failed,
            indeterminate: all.indeterminate + one.indeterminate,
        })
    }
}

/// The facts while the operations are passed over: names are numbers.
struct Counting {
    names: Met,
    ended: Vec<Ended>,
    spans: Vec<(Phase, Spans)>,
    /// For each phase, by the number of the name.
    due: Vec<Vec<Counted>>,
}

/// Operations of one name in a phase: how many were offered and accepted, and how long they took.
#[derive(Default)]
struct Counted {
    offered: u64,
    accepted: u64,
    latencies: Durations,
}

impl Counting {
    fn of(history: &History) -> Self {
        let phases = history.journal.phases().into_iter().filter(|(phase, _, _)| *phase < Phase::Drain);
        let spans: Vec<(Phase, Spans)> = phases.map(|(phase, from, to)| (phase, Spans(vec![(from, to)]))).collect();
        let due = spans.iter().map(|_| Vec::new()).collect();
        Self { names: Met::default(), ended: Vec::new(), spans, due }
    }

    fn take(&mut self, made: OperationRef<'_>) {
        let name = self.names.number(made.name());
        if name == self.ended.len() {
            self.ended.push(Ended::default());
            self.due.iter_mut().for_each(|due| due.push(Counted::default()));
        }
        let (ended, outcome) = (&mut self.ended[name], made.outcome());
        ended.made += 1;
        if made.sent().is_some() {
            ended.sent += 1;
            match outcome {
                Outcome::Ok => ended.ok += 1,
                Outcome::Fail => ended.failed += 1,
                Outcome::Indeterminate => ended.indeterminate += 1,
            }
        }
        if unsent_by_generator(made) {
            return;
        }
        let phase = self.spans.iter().position(|(_, spans)| spans.contain(made.intended()));
        if let Some(phase) = phase {
            let due = &mut self.due[phase][name];
            due.offered += 1;
            due.accepted += u64::from(outcome == Outcome::Ok);
            if let Some(latency) = latency::of_operation(made) {
                due.latencies.push(latency);
            }
        }
    }

    fn facts(self) -> Facts {
        let names = self.names.names;
        let phase = |((phase, spans), due): ((Phase, Spans), Vec<Counted>)| {
            let due = names.iter().zip(due).filter(|(_, counted)| counted.offered > 0);
            let due = due.map(|(name, Counted { offered, accepted, latencies })| {
                (name.clone(), Due { offered, accepted, latencies: latencies.sorted() })
            });
            OfPhase { phase, seconds: spans.seconds(), operations: due.collect() }
        };
        Facts {
            phases: self.spans.into_iter().zip(self.due).map(phase).collect(),
            operations: names.iter().cloned().zip(self.ended).collect(),
            ..Facts::default()
        }
    }
}
