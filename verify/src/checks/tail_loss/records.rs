//! What became of the records of a log that were seen while the run went on.

use crate::checks::groups::{Group, Member};
use proofload_history::{Id, ObservationRef};

/// A record by its place, as it was read. Ordered by its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Record {
    pub(super) partition: i32,
    pub(super) offset: i64,
    digest: Option<u64>,
    pub(super) epoch: Option<i32>,
}

impl Record {
    /// `None` for a row without a place: it is of no log.
    pub(super) fn of(seen: ObservationRef<'_>) -> Option<Self> {
        let (partition, offset) = (seen.partition()?, seen.offset()?);
        Some(Self { partition, offset, digest: seen.digest(), epoch: seen.leader_epoch() })
    }

    pub(super) fn place(&self) -> (i32, i64) {
        (self.partition, self.offset)
    }

    /// Whether it may be the same record as another of the same id: at the same place, with a digest that does not
    /// contradict.
    fn may_be(&self, other: &Self) -> bool {
        let equal = self.digest.zip(other.digest).is_none_or(|(one, another)| one == another);
        self.place() == other.place() && equal
    }
}

/// What happened to a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It stands where it stood.
    Stands,
    /// It was before the first offset of its partition, whose beginning is gone.
    Expired,
    /// The bounds of its partition are not on record.
    Unbounded,
    /// The partition ends before its place, at this offset.
    CutOff(i64),
    /// Another record has its place, or none of this stage; the partition ends at this offset.
    Overwritten(i64),
}

impl Fate {
    /// Whether the record is not where its partition should have it.
    fn is_gone(self) -> bool {
        matches!(self, Self::CutOff(_) | Self::Overwritten(_))
    }
}

/// What became of the live records.
#[derive(Debug, Default)]
pub(super) struct Fates {
    /// Live records, each once.
    pub(super) live: u64,
    /// Those that were acknowledged.
    pub(super) at_risk: u64,
    pub(super) cut_off: u64,
    pub(super) overwritten: u64,
    pub(super) expired: u64,
    /// Acknowledged intents that stood in the beginning of a partition, which is gone, and are nowhere.
    pub(super) expired_intents: u64,
    pub(super) unbounded: u64,
}

impl Fates {
    /// Takes the records of one id into account: `bounds` are those of a stage that was read to its end (partition,
    /// first offset, end offset), `None` for one that was not. Whether the id has lost a record, and has none left.
    pub(super) fn take(
        &mut self,
        group: &Group<'_, Record>,
        bounds: Option<&[(i32, i64, i64)]>,
        acknowledged: bool,
    ) -> bool {
        let live = live(group);
        self.live += live.len() as u64;
        self.at_risk += if acknowledged { live.len() as u64 } else { 0 };
        let Some(bounds) = bounds else { return false };
        let (last, mut gone, mut expired) = (group.at(0), false, false);
        for record in &live {
            let fate = fate(record, last, bounds);
            self.count(fate);
            gone |= fate.is_gone();
            expired |= fate == Fate::Expired;
        }
        if !last.is_empty() {
            return false;
        }
        self.expired_intents += u64::from(acknowledged && expired && !gone);
        gone
    }

    fn count(&mut self, fate: Fate) {
        let count = match fate {
            Fate::Stands => return,
            Fate::Expired => &mut self.expired,
            Fate::Unbounded => &mut self.unbounded,
            Fate::CutOff(_) => &mut self.cut_off,
            Fate::Overwritten(_) => &mut self.overwritten,
        };
        *count += 1;
    }
}

/// The records of an id that were seen live, each once, by their places: after a truncation a client may read from the
/// beginning again.
fn live(group: &Group<'_, Record>) -> Vec<Record> {
    let mut live: Vec<Record> = group.live_at(0).iter().map(|row| row.what).collect();
    live.sort_unstable();
    live.dedup();
    live
}

/// What happened to a record of an id that has these rows at the end.
fn fate(record: &Record, last: &[Member<Record>], bounds: &[(i32, i64, i64)]) -> Fate {
    let Some((_, first, end)) = bounds.iter().find(|(partition, ..)| *partition == record.partition) else {
        return Fate::Unbounded;
    };
    if record.offset < *first {
        Fate::Expired
    } else if record.offset >= *end {
        Fate::CutOff(*end)
    } else if last.iter().any(|row| row.what.may_be(record)) {
        Fate::Stands
    } else {
        Fate::Overwritten(*end)
    }
}

/// The first record of an id that is gone, with its fate, and whose record has its place now.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gone {
    pub(super) record: Record,
    pub(super) fate: Fate,
    pub(super) now: Option<(Id, Option<i32>)>,
}

impl Gone {
    /// The first by place of the records that an id without a row at the end has lost.
    pub(super) fn first(live: &[Record], bounds: &[(i32, i64, i64)]) -> Option<Self> {
        let fates = live.iter().map(|record| (record, fate(record, &[], bounds)));
        let (record, fate) = fates.filter(|(_, fate)| fate.is_gone()).min_by_key(|(record, _)| **record)?;
        Some(Self { record: *record, fate, now: None })
    }
}
