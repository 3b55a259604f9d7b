//! Whether the experiments catch what is broken: what `proofload self-test` tries, and what it comes to.
//!
//! - `trials`: which runs are made, in which order, under which seeds
//! - `tally`: from what the runs came to, to the matrix; `sentence`, `reason`: its words. Pure
//! - `table`: the matrix for a terminal; `record`: its folder
//!
//! Whether a run is red for the reason stated is `verify`'s to say. Nothing here makes a run.

mod reason;
mod record;
mod sentence;
mod table;
mod tally;
mod trials;

pub(crate) use record::Record;
pub(crate) use table::table;
pub(crate) use tally::{Done, End, answer, tally};
pub(crate) use trials::{Case, Design, Subject, Trial, trials};
