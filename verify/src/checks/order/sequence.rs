//! What is wrong with the records of each key, whatever may be claimed of it.

use crate::checks::groups::Member;
use crate::offending::Spot;
use proofload_history::{Id, ObservationRef};

/// What is kept of a record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kept {
    pub(super) id: Id,
    pub(super) spot: Spot,
    version: Option<i64>,
    digest: Option<u64>,
}

impl Kept {
    pub(super) fn of(seen: ObservationRef<'_>) -> Self {
        Self { id: seen.id(), spot: Spot::of(seen), version: seen.version(), digest: seen.digest() }
    }
}

/// A record of a key.
pub(super) type Record = Member<Kept>;

/// What is wrong with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    /// Its version is lower than one before it in its partition, and it repeats none.
    Reordered,
    /// A record before it in its partition has its version and its digest.
    Repeated,
    /// A record before it in its partition has its version and another digest.
    Contradicted,
    /// Versions below its own that no record of its key has.
    Missing {
        /// The lowest of them.
        from: i64,
        /// The highest of them.
        to: i64,
        /// Whether a record of the key has no version, so that it may be one of them.
        doubtful: bool,
    },
    /// Its key is in a partition before its own as well.
    Split,
}

impl Wrong {
    /// The word that findings use.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Reordered => "reordered",
            Self::Repeated => "repeated",
            Self::Contradicted => "contradicted",
            Self::Missing { .. } => "missing",
            Self::Split => "split",
        }
    }

    /// How much is wrong: versions that are missing, else one.
    pub(super) fn number(self) -> u64 {
        match self {
            Self::Missing { from, to, .. } => to.abs_diff(from).saturating_add(1),
            Self::Reordered | Self::Repeated | Self::Contradicted | Self::Split => 1,
        }
    }
}

/// Something that is wrong, with the record that shows it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    pub(super) wrong: Wrong,
    pub(super) seen: Record,
    /// The record that it is wrong beside; `None` for versions that are missing before the first of a key.
    pub(super) before: Option<Record>,
}

/// The records of a stage, key by key.
#[derive(Debug, Default)]
pub(super) struct Sequences {
    pub(super) records: u64,
    pub(super) keys: u64,
    /// Keys with at least two records that have a version.
    pub(super) sequenced_keys: u64,
    /// Keys with a version below the one that they were said to begin with.
    pub(super) early_keys: u64,
    pub(super) unversioned_records: u64,
    /// Records without a partition or an offset.
    pub(super) unplaced_records: u64,
    scratch: Scratch,
}

impl Sequences {
    /// Takes the records of one key in, and hands over what is wrong with them. `first` is the version with which every
    /// key begins; without `digests`, records of one version count as equal.
    pub(super) fn take(
        &mut self,
        records: &mut [Record],
        first: Option<i64>,
        digests: bool,
        mut found: impl FnMut(Found),
    ) {
        // Those without a position keep their order.
        records.sort_unstable_by_key(|record| (position(record), record.number()));
        self.count(records);
        split(records).into_iter().for_each(&mut found);
        for part in records.chunk_by(|a, b| partition(a) == partition(b)) {
            self.scratch.within_partition(part, digests, &mut found);
        }
        self.early_keys += u64::from(self.scratch.missing(records, first, &mut found));
    }

    /// Whether the stage is a log: its records have positions, if there are any.
    pub(super) fn placed(&self) -> bool {
        self.unplaced_records < self.records || self.records == 0
    }

    fn count(&mut self, records: &[Record]) {
        let versioned = records.iter().filter(|record| record.what.version.is_some()).count();
        self.records += records.len() as u64;
        self.keys += 1;
        self.sequenced_keys += u64::from(versioned >= 2);
        self.unversioned_records += (records.len() - versioned) as u64;
        self.unplaced_records += records.iter().filter(|record| position(record).is_none()).count() as u64;
    }
}

/// The partition and the offset.
fn position(record: &Record) -> Option<(i32, i64)> {
    record.what.spot.position()
}

fn partition(record: &Record) -> Option<i32> {
    position(record).map(|(partition, _)| partition)
}

/// The first record of a key, sorted by position, that is not in the first of its partitions.
fn split(records: &[Record]) -> Option<Found> {
    let placed = &records[records.partition_point(|record| position(record).is_none())..];
    let first = *placed.first()?;
    let elsewhere = placed.partition_point(|record| partition(record) == partition(&first));
    Some(Found { wrong: Wrong::Split, seen: *placed.get(elsewhere)?, before: Some(first) })
}

/// What one key after another is judged in, so that none of them allocates.
#[derive(Debug, Default)]
struct Scratch {
    told: Vec<Told>,
    held: Vec<(i64, Record)>,
}

/// A record with a version.
#[derive(Debug)]
struct Told {
    version: i64,
    digest: Option<u64>,
    /// Its place among the records of its key and partition.
    nth: usize,
    /// The first of the highest versions before it, and its place.
    highest_before: Option<(i64, usize)>,
}

impl Scratch {
    /// What is wrong with the records of one key in one partition, in their order there.
    fn within_partition(&mut self, part: &[Record], digests: bool, found: &mut impl FnMut(Found)) {
        self.tell(part, digests);
        // Where nothing has a position, nothing is known of the order, but what is there twice is.
        let placed = part.first().is_some_and(|record| position(record).is_some());
        let mut push = |wrong, nth: usize, before: usize| {
            found(Found { wrong, seen: part[nth], before: Some(part[before]) });
        };
        for same_version in self.told.chunk_by(|a, b| a.version == b.version) {
            let Some(earliest) = same_version.iter().map(|told| told.nth).min() else { continue };
            for same in same_version.chunk_by(|a, b| a.digest == b.digest) {
                let [origin, repeats @ ..] = same else { continue };
                let higher = origin.highest_before.filter(|(version, _)| placed && *version > origin.version);
                if let Some((_, higher)) = higher {
                    push(Wrong::Reordered, origin.nth, higher);
                } else if origin.nth != earliest {
                    push(Wrong::Contradicted, origin.nth, earliest);
                }
                for repeat in repeats {
                    push(Wrong::Repeated, repeat.nth, origin.nth);
                }
            }
        }
    }

    /// Fills `told`, sorted by version, then digest, then place.
    fn tell(&mut self, part: &[Record], digests: bool) {
        self.told.clear();
        let mut highest_before: Option<(i64, usize)> = None;
        for (nth, record) in part.iter().enumerate() {
            let Some(version) = record.what.version else { continue };
            self.told.push(Told { version, digest: record.what.digest.filter(|_| digests), nth, highest_before });
            if highest_before.is_none_or(|(highest, _)| version > highest) {
                highest_before = Some((version, nth));
            }
        }
        self.told.sort_unstable_by_key(|told| (told.version, told.digest, told.nth));
    }

    /// The versions between the lowest (or `first`) and the highest of a key that no record has. Whether the lowest is
    /// below `first`.
    fn missing(&mut self, records: &[Record], first: Option<i64>, found: &mut impl FnMut(Found)) -> bool {
        self.held.clear();
        self.held.extend(records.iter().filter_map(|record| Some((record.what.version?, *record))));
        let doubtful = self.held.len() < records.len();
        // Stable, so that the first record that has a version stands for it.
        self.held.sort_by_key(|(version, _)| *version);
        self.held.dedup_by_key(|(version, _)| *version);
        let Some((lowest, seen)) = self.held.first().copied() else { return false };
        if let Some(first) = first.filter(|first| *first < lowest) {
            let wrong = Wrong::Missing { from: first, to: lowest - 1, doubtful };
            found(Found { wrong, seen, before: None });
        }
        for pair in self.held.windows(2) {
            let ((low, before), (high, seen)) = (pair[0], pair[1]);
            if high.abs_diff(low) > 1 {
                let wrong = Wrong::Missing { from: low + 1, to: high - 1, doubtful };
                found(Found { wrong, seen, before: Some(before) });
            }
        }
        first.is_some_and(|first| lowest < first)
    }
}
