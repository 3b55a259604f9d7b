//! What became of the records of a log that were seen while the run went on.

use crate::names::Names;
use proofload_history::{History, Id, Observation, Reading};

/// A record by its place, as it was read. Ordered by its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Record {
    pub(super) partition: i32,
    pub(super) offset: i64,
    pub(super) id: Id,
    digest: Option<u64>,
    pub(super) epoch: Option<i32>,
}

impl Record {
    /// `None` for a row without a place: it is of no log.
    fn of(seen: &Observation) -> Option<Self> {
        let (partition, offset) = (seen.partition?, seen.offset?);
        Some(Self { partition, offset, id: seen.id, digest: seen.digest, epoch: seen.leader_epoch })
    }

    fn place(&self) -> (i32, i64) {
        (self.partition, self.offset)
    }

    /// Whether it may be the same record: the same id, and digests that do not contradict each other.
    fn may_be(&self, other: &Self) -> bool {
        self.id == other.id && self.digest.zip(other.digest).is_none_or(|(one, another)| one == another)
    }
}

/// The records of a stage.
pub(super) struct Records {
    /// Seen while the run went on, each once, by their places.
    pub(super) live: Vec<Record>,
    /// Read at the end, by their places.
    pub(super) last: Vec<Record>,
    /// Rows read at the end, with or without a place.
    pub(super) rows: u64,
}

impl Records {
    /// One pass over the observations, and two sorts.
    pub(super) fn of(history: &History, stage: &str) -> Self {
        let mut records = Self { live: Vec::new(), last: Vec::new(), rows: 0 };
        let mut names = Names::new([stage]);
        for seen in &history.observations {
            if names.number(&seen.stage).is_none() {
                continue;
            }
            match seen.reading {
                Reading::Live => records.live.extend(Record::of(seen)),
                Reading::Final => {
                    records.rows += 1;
                    records.last.extend(Record::of(seen));
                }
                Reading::Replica => {}
            }
        }
        records.live.sort_unstable();
        // After a truncation a client may read from the beginning again.
        records.live.dedup();
        records.last.sort_unstable();
        records
    }
}

/// What happened to a record that does not stand where it stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// The partition ends before its place.
    CutOff,
    /// Another record has its place; `None` for one that is not of the stage.
    Overwritten(Option<Record>),
}

/// A record that does not stand where it stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gone {
    pub(super) record: Record,
    pub(super) fate: Fate,
    /// The end offset of its partition.
    pub(super) end: i64,
}

/// What became of the live records.
#[derive(Debug, Default)]
pub(super) struct Fates {
    pub(super) gone: Vec<Gone>,
    /// Records before the first offset of their partition: removed from its beginning, by retention.
    pub(super) expired: u64,
    /// Records of partitions whose bounds are not on record.
    pub(super) unbounded: u64,
}

impl Fates {
    /// From a stage that was read to its end, with its bounds (partition, first offset, end offset). One pass over both
    /// readings, side by side.
    pub(super) fn of(records: &Records, bounds: &[(i32, i64, i64)]) -> Self {
        let mut fates = Self::default();
        let mut rest = records.last.as_slice();
        for record in &records.live {
            while let Some((_, later)) = rest.split_first().filter(|(first, _)| first.place() < record.place()) {
                rest = later;
            }
            let Some((_, first, end)) = bounds.iter().find(|(partition, ..)| *partition == record.partition) else {
                fates.unbounded += 1;
                continue;
            };
            let mut there = rest.iter().take_while(|there| there.place() == record.place());
            if record.offset < *first {
                fates.expired += 1;
            } else if record.offset >= *end {
                fates.gone.push(Gone { record: *record, fate: Fate::CutOff, end: *end });
            } else if !there.clone().any(|there| there.may_be(record)) {
                let fate = Fate::Overwritten(there.next().copied());
                fates.gone.push(Gone { record: *record, fate, end: *end });
            }
        }
        fates
    }

    /// How many were cut off.
    pub(super) fn cut_off(&self) -> u64 {
        self.gone.iter().filter(|gone| gone.fate == Fate::CutOff).count() as u64
    }

    /// How many were overwritten.
    pub(super) fn overwritten(&self) -> u64 {
        self.gone.len() as u64 - self.cut_off()
    }
}
