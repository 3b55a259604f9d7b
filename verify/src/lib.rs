//! Whether it was good enough: from a history to a verdict.
//!
//! Pure: no I/O, no clock, no randomness, no async; the same history gives the same verdict, byte for byte. It
//! deliberately knows no file and no running system.
//!
//! - [`finding`], [`verdict`], [`defect`]: what comes out; [`offending`]: all that breaks a promise, in little space
//! - [`budget`]: how much a check may hold in memory
//! - [`check`]: what a check is, and what it may look up
//! - [`checks`]: every check, one a file, in one table
//! - [`expectation`]: a check under a name of its own
//! - [`mod@judge`]: from a history and a plan to the verdict
//! - [`control`]: whether a broken design was caught for the reason stated
//! - [`mod@trace`]: everything that is known of one id
//! - [`statistics`]: intervals, quantiles and burn rates, each with its source
//! - [`faults`]: which faults were active when

pub mod budget;
pub mod check;
pub mod checks;
pub mod control;
pub mod defect;
pub mod expectation;
pub mod faults;
pub mod finding;
pub mod judge;
pub mod offending;
pub mod statistics;
pub mod trace;
pub mod verdict;

mod autopsy;
mod intents;
mod names;
mod place;
mod spans;
mod wording;

#[cfg(test)]
mod testing;

pub use budget::Budget;
pub use check::{
    About, Band, Chain, ChainStage, Check, Condition, Context, FigureTable, PlannedFault, Reference, Subjects,
};
pub use checks::CHECKS;
pub use control::{Because, Beyond, Caught, Control, caught};
pub use defect::Defect;
pub use expectation::Expectation;
pub use finding::{Class, Evidence, Figure, Finding, Judgement, Offender};
pub use judge::{IMPLICIT, JudgeInput, Plan, judge};
pub use offending::{Listed, Listing};
pub use trace::{Trace, trace, traces};
pub use verdict::{FaultSummary, PhaseSpan, Verdict};
pub use wording::count;
