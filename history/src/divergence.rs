//! What a replica held that its log does not have: what the loss autopsy found, as the journal tells it.

use crate::At;

/// A broker's copy of a log, taken while a fault held the broker, has records that the log itself does not have at the
/// end. Whether anything was lost with them is not said here: that is so only for what was acknowledged and is nowhere.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct LogDiverged {
    /// The topic.
    pub log: String,
    /// The partition.
    pub partition: i32,
    /// The broker whose copy it is: `kafka-2`.
    pub broker: String,
    /// The fault before whose heal the copy was taken, by its name in the journal.
    pub fault: String,
    /// The first offset at which the copy and the log are different.
    pub from_offset: i64,
    /// One past the last offset of the copy.
    pub to_offset: i64,
    /// The leader epoch under which the copy's last record was appended.
    pub epoch: i32,
    /// The first leader epoch of the log that came after that one, under which it went on without the copy's records;
    /// `None` if none did.
    pub truncated_under_epoch: Option<i32>,
    /// When the broker cut its log off, by its own word; `None` if it does not say. It locates, and decides nothing.
    pub truncated_at: Option<At>,
    /// The broker's high watermark as it had last written it down, if it had: what lies below was committed.
    pub high_watermark: Option<i64>,
    /// How many records of the copy lie there.
    pub records: u64,
    /// How many of them are in no observation, because a stage cannot read them.
    pub unreadable: u64,
    /// The stages that are read from the log: their observations with the reading `replica` at these positions are
    /// these records.
    pub stages: Vec<String>,
}

/// Copies of logs of which nobody can tell whether they hold more than the logs.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct LogsNotCompared {
    /// The fault before whose heal the copies were taken, or were to be taken.
    pub fault: String,
    /// The broker.
    pub broker: String,
    /// The logs: `orders/3`.
    pub logs: Vec<String>,
    /// The stages that are read from them.
    pub stages: Vec<String>,
    /// Why.
    pub why: String,
}

impl LogDiverged {
    /// Whether the copy's records at these positions are what `self` tells of.
    #[must_use]
    pub fn holds(&self, stage: &str, partition: i32, offset: i64) -> bool {
        self.partition == partition
            && (self.from_offset..self.to_offset).contains(&offset)
            && self.stages.iter().any(|known| known == stage)
    }
}
