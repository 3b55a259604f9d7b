//! The named spans of a run.

use std::fmt;

/// A named span of a run, in the order in which they follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Traffic, not judged: caches fill, JITs compile.
    WarmUp,
    /// Traffic on a whole system: what the other phases are compared with.
    Steady,
    /// Traffic while faults are injected.
    Fault,
    /// Traffic after the last fault was due.
    Recovery,
    /// No traffic; the system finishes what it holds.
    Drain,
    /// The stages are read.
    Observe,
}

impl Phase {
    /// All phases, in order.
    pub const ALL: [Self; 6] = [Self::WarmUp, Self::Steady, Self::Fault, Self::Recovery, Self::Drain, Self::Observe];

    /// The name that files and reports use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::WarmUp => "warm_up",
            Self::Steady => "steady",
            Self::Fault => "fault",
            Self::Recovery => "recovery",
            Self::Drain => "drain",
            Self::Observe => "observe",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
