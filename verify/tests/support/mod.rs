//! What the tests beside this folder share.

use proofload_verify::{Chain, ChainStage, Condition};

#[expect(dead_code, reason = "every test uses a part of it")]
mod script;

pub(crate) use script::Script;
