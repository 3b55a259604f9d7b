//! What is done to a system: faults, targets, triggers, attestation, healing.
//!
//! A fault is planned in an experiment, aimed when it fires, journalled before it is injected, attested by others than
//! its injector, and healed on every way out. The crate owns these steps and the kinds of faults; it deliberately
//! judges nothing (whether an attested fault did harm is for `verify`), and knows no system by name.
//!
//! - [`fault`]: the kinds of faults, one per file, and the table of all of them
//! - [`plan`]: `[fault.NAME]` of an experiment; [`target`], [`trigger`], [`repeat`] and [`names`]: what it may say
//! - [`schedule`]: the faults of an experiment together, on the time of a run
//! - [`chaos`]: drives the faults of a run
//! - `wait`, `resolve`, `life`: a fault's moment, its aim, and its way from injection to heal
//! - `holds`: what active faults have in hand, so that no two end with the heal of one
//! - `process`, `spec`: reads /proc; reads TOML with the place of everything

pub mod chaos;
pub mod fault;
pub mod names;
pub mod plan;
pub mod repeat;
pub mod schedule;
pub mod target;
pub mod trigger;

mod error;
mod holds;
mod life;
mod process;
mod resolve;
mod spec;
mod wait;

pub use chaos::{Chaos, Outcome, ReadGauge, Setting};
pub use error::ChaosError;
pub use fault::{About, FAULTS};
pub use life::Fate;
pub use names::{Names, Part};
pub use plan::{COMMON_KEYS, FaultPlan};
pub use repeat::Repeat;
pub use schedule::{Planned, Schedule};
pub use target::{TARGETS, Target};
