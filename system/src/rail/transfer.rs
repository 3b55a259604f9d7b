//! What the rail is asked and what it answers.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::domain::money::Amount;

/// The body of `POST /v1/transfers`.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Instructions {
    pub(crate) transfers: Vec<Instruction>,
}

/// An amount to be moved, once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Instruction {
    /// What makes a repeat a repeat.
    pub(crate) instruction_id: Uuid,
    /// What it is for, in the caller's words.
    pub(crate) external_id: Uuid,
    pub(crate) direction: Direction,
    pub(crate) amount: Amount,
    /// The step of a trace that it follows from; left out where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) traceparent: Option<String>,
}

/// Which way money goes, seen from the lender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Direction {
    /// To the client.
    Out,
    /// From the client.
    In,
}

/// The answer to `POST /v1/transfers`: a result for each instruction, in their order.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Results {
    pub(crate) results: Vec<Settled>,
}

/// What became of an instruction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Settled {
    pub(crate) instruction_id: Uuid,
    pub(crate) state: Verdict,
    /// Why it was refused.
    pub(crate) reason: Option<String>,
}

/// Whether money was moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Verdict {
    Executed,
    Refused,
}
