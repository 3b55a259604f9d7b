//! Where something was seen, for people.

use proofload_history::{Observation, Reading};

/// `log.submitted/3 offset 812 epoch 4`, or only the stage where there are no positions.
pub(crate) fn of(seen: &Observation) -> String {
    let mut text = seen.stage.to_string();
    if let Some(partition) = seen.partition {
        text += &format!("/{partition}");
    }
    if let Some(offset) = seen.offset {
        text += &format!(" offset {offset}");
    }
    if let Some(epoch) = seen.leader_epoch {
        text += &format!(" epoch {epoch}");
    }
    if let Some(state) = &seen.state {
        text += &format!(" ({state})");
    }
    text
}

/// How it was read: `at the end`, `live`.
pub(crate) fn how(reading: Reading) -> &'static str {
    match reading {
        Reading::Final => "at the end",
        Reading::Live => "live",
        Reading::Replica => "from a broker's copy",
    }
}
