//! What is wrong with the records of each key, whatever may be claimed of it.

use proofload_history::{Id, Observation};

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
pub(super) struct Found<'h> {
    pub(super) wrong: Wrong,
    pub(super) seen: &'h Observation,
    /// The record that it is wrong beside; `None` for versions that are missing before the first of a key.
    pub(super) before: Option<&'h Observation>,
}

/// The records of a stage, key by key.
#[derive(Debug, Default)]
pub(super) struct Sequences<'h> {
    pub(super) records: u64,
    pub(super) keys: u64,
    /// Keys with at least two records that have a version.
    pub(super) sequenced_keys: u64,
    /// Keys with a version below the one that they were said to begin with.
    pub(super) early_keys: u64,
    pub(super) unversioned_records: u64,
    /// Records without a partition or an offset.
    pub(super) unplaced_records: u64,
    /// Whether every record has a digest. If not, records of one version count as equal.
    pub(super) digests: bool,
    pub(super) found: Vec<Found<'h>>,
}

impl<'h> Sequences<'h> {
    /// Of `rows`, which are left sorted by key and position; those without a position keep their order. `first` is the
    /// version with which every key begins. O(n log n).
    pub(super) fn of(rows: &mut [&'h Observation], first: Option<i64>) -> Self {
        rows.sort_by_key(|seen| (key(seen), position(seen)));
        let digests = rows.iter().all(|seen| seen.digest.is_some());
        let mut sequences = Self { digests, ..Self::default() };
        let mut scratch = Scratch::default();
        for records in rows.chunk_by(|a, b| key(a) == key(b)) {
            sequences.count(records);
            sequences.found.extend(split(records));
            for part in records.chunk_by(|a, b| partition(a) == partition(b)) {
                scratch.within_partition(part, digests, &mut sequences.found);
            }
            sequences.early_keys += u64::from(scratch.missing(records, first, &mut sequences.found));
        }
        sequences
    }

    /// Whether the stage is a log: its records have positions, if there are any.
    pub(super) fn placed(&self) -> bool {
        self.unplaced_records < self.records || self.records == 0
    }

    fn count(&mut self, records: &[&Observation]) {
        let versioned = records.iter().filter(|seen| seen.version.is_some()).count();
        self.records += records.len() as u64;
        self.keys += 1;
        self.sequenced_keys += u64::from(versioned >= 2);
        self.unversioned_records += (records.len() - versioned) as u64;
        self.unplaced_records += records.iter().filter(|seen| position(seen).is_none()).count() as u64;
    }
}

/// What the order of a record is kept by.
pub(super) fn key(seen: &Observation) -> Id {
    seen.key.unwrap_or(seen.id)
}

/// The partition and the offset.
fn position(seen: &Observation) -> Option<(i32, i64)> {
    seen.partition.zip(seen.offset)
}

fn partition(seen: &Observation) -> Option<i32> {
    position(seen).map(|(partition, _)| partition)
}

/// The first record of a key, sorted by position, that is not in the first of its partitions.
fn split<'h>(records: &[&'h Observation]) -> Option<Found<'h>> {
    let placed = &records[records.partition_point(|seen| position(seen).is_none())..];
    let first = *placed.first()?;
    let elsewhere = placed.partition_point(|seen| partition(seen) == partition(first));
    Some(Found { wrong: Wrong::Split, seen: *placed.get(elsewhere)?, before: Some(first) })
}

/// What one key after another is judged in, so that none of them allocates.
#[derive(Default)]
struct Scratch<'h> {
    told: Vec<Told>,
    held: Vec<(i64, &'h Observation)>,
}

/// A record with a version.
struct Told {
    version: i64,
    digest: Option<u64>,
    /// Its place among the records of its key and partition.
    nth: usize,
    /// The first of the highest versions before it, and its place.
    highest_before: Option<(i64, usize)>,
}

impl<'h> Scratch<'h> {
    /// What is wrong with the records of one key in one partition, in their order there.
    fn within_partition(&mut self, part: &[&'h Observation], digests: bool, found: &mut Vec<Found<'h>>) {
        self.tell(part, digests);
        // Where nothing has a position, nothing is known of the order, but what is there twice is.
        let placed = part.first().is_some_and(|seen| position(seen).is_some());
        let mut push = |wrong, nth: usize, before: usize| {
            found.push(Found { wrong, seen: part[nth], before: Some(part[before]) });
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
    fn tell(&mut self, part: &[&Observation], digests: bool) {
        self.told.clear();
        let mut highest_before: Option<(i64, usize)> = None;
        for (nth, seen) in part.iter().enumerate() {
            let Some(version) = seen.version else { continue };
            self.told.push(Told { version, digest: seen.digest.filter(|_| digests), nth, highest_before });
            if highest_before.is_none_or(|(highest, _)| version > highest) {
                highest_before = Some((version, nth));
            }
        }
        self.told.sort_unstable_by_key(|told| (told.version, told.digest, told.nth));
    }

    /// The versions between the lowest (or `first`) and the highest of a key that no record has. Whether the lowest is
    /// below `first`.
    fn missing(&mut self, records: &[&'h Observation], first: Option<i64>, found: &mut Vec<Found<'h>>) -> bool {
        self.held.clear();
        self.held.extend(records.iter().filter_map(|seen| Some((seen.version?, *seen))));
        let doubtful = self.held.len() < records.len();
        // Stable, so that the first record that has a version stands for it.
        self.held.sort_by_key(|(version, _)| *version);
        self.held.dedup_by_key(|(version, _)| *version);
        let Some((lowest, seen)) = self.held.first().copied() else { return false };
        if let Some(first) = first.filter(|first| *first < lowest) {
            let wrong = Wrong::Missing { from: first, to: lowest - 1, doubtful };
            found.push(Found { wrong, seen, before: None });
        }
        for pair in self.held.windows(2) {
            let ((low, before), (high, seen)) = (pair[0], pair[1]);
            if high.abs_diff(low) > 1 {
                let wrong = Wrong::Missing { from: low + 1, to: high - 1, doubtful };
                found.push(Found { wrong, seen, before: Some(before) });
            }
        }
        first.is_some_and(|first| lowest < first)
    }
}
