//! A fact read at a stage.

use crate::{At, Id, Name};

/// When a fact was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reading {
    /// In the `observe` phase, with everything healed: what the system holds.
    Final,
    /// While the run went on. A record seen then and gone later proves truncation.
    Live,
    /// From a broker's copy of a log, taken while a fault held the broker, beyond where the log itself went on without
    /// it. The journal's `log_diverged` at these positions tells whose copies have it. No check counts these.
    Replica,
}

impl Reading {
    /// How `observations.arrow` writes it.
    #[must_use]
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Final => 0,
            Self::Live => 1,
            Self::Replica => 2,
        }
    }

    /// The reading that `code` stands for. What a later version writes proves nothing here.
    #[must_use]
    pub(crate) fn of_code(code: u8) -> Self {
        match code {
            0 => Self::Final,
            1 => Self::Live,
            _ => Self::Replica,
        }
    }
}

/// One fact read at a stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// The stage: `log.submitted`, `db.application`.
    pub stage: Name,
    /// When it was read.
    pub reading: Reading,
    /// The intent that the fact belongs to.
    pub id: Id,
    /// What the order of the stage is kept by, where it has one (a record's key).
    pub key: Option<Id>,
    /// The partition of the stage's log; `None` for a stage that is no log.
    pub partition: Option<i32>,
    /// The offset in that partition.
    pub offset: Option<i64>,
    /// The leader epoch under which the record was appended, where the reader can tell.
    pub leader_epoch: Option<i32>,
    /// When it happened, by the system's own stamp. It locates; order is judged by positions.
    pub at: Option<At>,
    /// A version or sequence number within the id.
    pub version: Option<i64>,
    /// A state, by name.
    pub state: Option<Name>,
    /// Money in minor units.
    pub amount: Option<i64>,
    /// A digest of the whole fact, to tell a repeat from a contradiction.
    pub digest: Option<u64>,
}

impl Observation {
    /// A fact about `id` at `stage`, read at the end, with nothing else known.
    #[must_use]
    pub fn of(stage: Name, id: Id) -> Self {
        Self {
            stage,
            reading: Reading::Final,
            id,
            key: None,
            partition: None,
            offset: None,
            leader_epoch: None,
            at: None,
            version: None,
            state: None,
            amount: None,
            digest: None,
        }
    }
}
