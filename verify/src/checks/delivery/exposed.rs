//! How many intents were at risk of each fault.

use crate::faults::Faults;
use proofload_history::At;
use std::collections::BTreeMap;

/// For each fault that was injected, how many intents were at risk of being lost by it: those acknowledged while it was
/// active or could still do harm.
pub(crate) struct Exposures<'f> {
    faults: &'f Faults,
    counts: Vec<u64>,
}

impl<'f> Exposures<'f> {
    pub(crate) fn of(faults: &'f Faults) -> Self {
        Self { faults, counts: vec![0; faults.records.len()] }
    }

    /// Takes an intent in that was acknowledged at `at`.
    pub(crate) fn acknowledged(&mut self, at: At) {
        for (fault, count) in self.faults.records.iter().zip(&mut self.counts) {
            *count += u64::from(self.faults.harms(fault, at));
        }
    }

    /// For each injection, in order, how many were at risk.
    pub(crate) fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// By fault, over all its repeats.
    pub(super) fn by_fault(&self) -> BTreeMap<&'f str, Exposed> {
        let mut by_fault: BTreeMap<&str, Exposed> = BTreeMap::new();
        for (fault, intents) in self.faults.records.iter().zip(&self.counts) {
            let exposed = by_fault.entry(&fault.id).or_default();
            exposed.intents += intents;
            exposed.injections += u64::from(*intents > 0);
        }
        by_fault
    }
}

/// How much was at risk of a fault, over all its repeats.
#[derive(Default)]
pub(super) struct Exposed {
    /// Intents; one that two repeats put at risk counts twice.
    pub(super) intents: u64,
    /// Injections that put any at risk. One that hit nothing shows nothing, and does not count.
    pub(super) injections: u64,
}
