//! What parties outside have in common, whatever they are asked.
//!
//! - [`journal`]: the file that is the ground truth of what a party did
//! - [`latency`]: how long it takes to answer
//! - [`call`]: how calls fare that are not answered well
//! - [`chance`]: what looks like chance and is a function of an id
//!
//! What a line of a journal tells, and what a latency is the latency of, is each party's own.

pub(crate) mod call;
pub(crate) mod chance;
pub(crate) mod journal;
pub(crate) mod latency;
