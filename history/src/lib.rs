//! The record of a run: what was asked of a system, what it was seen to hold, what was done to it.
//!
//! Everything that a verdict is computed from is here, and nothing that judges. The crate owns the types, the files
//! of a run directory that hold them, and their writers and readers. It deliberately knows no check, no component and
//! no experiment: everybody may know `history`, and it knows nobody.
//!
//! - [`id`]: the id of an intent, a function of a stream and a counter
//! - [`clock`]: instants since the start of a run, on one monotonic clock
//! - [`period`]: durations as TOML files write them (`"300ms"`)
//! - [`phase`]: the named spans of a run
//! - [`operation`], [`observation`], [`sample`]: the three tables
//! - [`journal`]: the low-volume record
//! - [`divergence`]: what a replica held and its log does not have
//! - [`table`]: rows as Arrow batches: held, read anew from their file on each pass, or made by a generator
//! - [`digest`]: digests of payloads, rows and answers
//! - [`recorder`]: writes a history while a run goes on
//! - [`history`]: a history read back
//! - [`run_dir`]: the files of a run and where they lie
//! - `seal`: whether they are what was recorded; `format`: whether this version knows what they mean

pub mod clock;
pub mod digest;
pub mod divergence;
pub mod history;
pub mod id;
pub mod journal;
pub mod observation;
pub mod operation;
pub mod period;
pub mod phase;
pub mod recorder;
pub mod run_dir;
pub mod sample;
pub mod table;

mod error;
mod format;
mod seal;
mod tally;

pub use clock::{At, Clock};
pub use divergence::{LogDiverged, LogsNotCompared};
pub use error::HistoryError;
pub use format::FORMAT;
pub use history::{History, Intent};
pub use id::Id;
pub use journal::{Entry, Event, Journal};
pub use observation::{Observation, Reading};
pub use operation::{Operation, Outcome};
pub use period::Period;
pub use phase::Phase;
pub use recorder::Recorder;
pub use run_dir::RunDir;
pub use sample::Sample;
pub use table::{ObservationRef, OperationRef, SampleRef, Table};

/// A short name that many rows share: an operation, a stage, a state.
pub type Name = std::sync::Arc<str>;
