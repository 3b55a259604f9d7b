//! What the tests beside this folder share.

#![allow(dead_code, reason = "every test uses a part of it")]

use proofload_verify::{Chain, ChainStage, Condition};

pub(crate) mod answers;
pub(crate) mod asked;
mod script;
pub(crate) mod standing;

pub(crate) use script::Script;
