//! Which faults were active when.

use proofload_history::journal::FaultRecord;
use proofload_history::{At, Journal};
use std::time::Duration;

/// How long after its heal a fault may still do harm: losses after a cut leader's heal were measured up to 5.7 s
/// later, until it had stepped down and its log was truncated.
pub const AFTERMATH: Duration = Duration::from_secs(6);

/// The faults of a run with the end of its journal, for those that were never healed.
pub(crate) struct Faults {
    pub(crate) records: Vec<FaultRecord>,
    end: At,
}

impl Faults {
    pub(crate) fn of(journal: &Journal) -> Self {
        Self { records: journal.faults(), end: journal.end() }
    }

    /// From the beginning of the injection to the heal, or to the end of the run.
    pub(crate) fn active(&self, fault: &FaultRecord) -> (At, At) {
        (fault.injecting, fault.healed.unwrap_or(self.end))
    }

    /// Whether `at` lies between the injection and [`AFTERMATH`] after the heal.
    pub(crate) fn harms(&self, fault: &FaultRecord, at: At) -> bool {
        let (from, to) = self.active(fault);
        from <= at && at <= to + AFTERMATH
    }

    /// The ids of the faults that were active at an instant, each once, in order of injection.
    pub(crate) fn during(&self, at: At) -> Vec<String> {
        let mut ids: Vec<String> = Vec::new();
        for fault in &self.records {
            let (from, to) = self.active(fault);
            if from <= at && at <= to && !ids.iter().any(|id| **id == *fault.id) {
                ids.push(fault.id.to_string());
            }
        }
        ids
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Script;

    #[test]
    fn every_fault_that_is_active_is_named_once_from_its_injection_to_its_heal() {
        let mut script = Script::new();
        script.fault(5.0, 9.0, "cut#1").fault(7.0, 12.0, "cut#2").fault(8.0, 9.0, "kill").injected(20.0, "stall");
        let faults = Faults::of(&script.ended(30.0).history().journal);
        let cases: [(f64, &[&str]); 6] =
            [(4.9, &[]), (5.0, &["cut"]), (8.5, &["cut", "kill"]), (12.0, &["cut"]), (12.1, &[]), (30.0, &["stall"])];
        for (at, active) in cases {
            assert_eq!(faults.during(At::from_secs_f64(at)), active, "{at}");
        }
    }
}
