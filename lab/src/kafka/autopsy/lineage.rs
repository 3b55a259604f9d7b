//! Where two logs go different ways, by the leader epochs under which their records were appended.
//!
//! There is one leader in an epoch, and it only appends. So two logs that have a record of the same epoch at the same
//! offset are the same up to there, and they part where the shorter one ends in the largest epoch that both have: the
//! rule by which a follower cuts its log off (KIP-101, KIP-279).

use super::super::epochs;
use super::segment;
use std::path::Path;

/// The leader epochs of a log, and its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lineage {
    /// Where each epoch begins, in order: offset, epoch.
    starts: Vec<(i64, i32)>,
    /// One past the last offset.
    end: i64,
}

/// Where a copy goes another way than its log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Parting {
    /// The first offset that is different.
    pub(super) from: i64,
    /// One past the last offset of the copy.
    pub(super) to: i64,
    /// The epoch of the copy's last record.
    pub(super) epoch: i32,
    /// The first epoch of the log that came after that one, if any did.
    pub(super) under: Option<i32>,
}

impl Lineage {
    /// What the folder of a log tells: its `leader-epoch-checkpoint` and the headers of its last batches.
    ///
    /// # Errors
    /// Why it does not tell.
    pub(super) fn read(folder: &Path) -> Result<Self, String> {
        let checkpoint = folder.join("leader-epoch-checkpoint");
        let text = std::fs::read_to_string(&checkpoint).map_err(|error| format!("leader-epoch-checkpoint: {error}"))?;
        // The file is made empty, and stays so until the first record.
        let starts = if text.is_empty() { Some(Vec::new()) } else { epochs::parse(&text) };
        let starts = starts.ok_or("leader-epoch-checkpoint is not understood")?;
        let segments = segment::segments(folder).map_err(|error| format!("its segments: {error}"))?;
        let (base, last) = segments.last().ok_or("it has no segment")?;
        let batches = segment::batches(last).map_err(|error| format!("the segment {base}: {error}"))?;
        let lineage = Self { starts, end: batches.last().map_or(*base, |batch| batch.last + 1) };
        match batches.last() {
            Some(batch) if lineage.epoch_of(batch.base) != Some(batch.epoch) => Err(format!(
                "leader-epoch-checkpoint does not know that offset {} is of epoch {}",
                batch.base, batch.epoch
            )),
            _ => Ok(lineage),
        }
    }

    /// One past the last offset.
    pub(super) fn end(&self) -> i64 {
        self.end
    }

    /// The epoch of the record at `offset`.
    fn epoch_of(&self, offset: i64) -> Option<i32> {
        let began = self.starts.iter().rev().find(|(start, _)| *start <= offset);
        began.filter(|_| offset < self.end).map(|(_, epoch)| *epoch)
    }

    /// One past the last offset of `epoch`, which it has.
    fn end_of(&self, epoch: i32) -> i64 {
        self.starts.iter().find(|(_, other)| *other > epoch).map_or(self.end, |(start, _)| *start)
    }

    fn has(&self, epoch: i32) -> bool {
        self.starts.iter().any(|(_, known)| *known == epoch)
    }

    /// Where `self`, a copy, goes another way than `log`; `None` if the log has all that it has.
    ///
    /// # Errors
    /// If they have no epoch in common and the log does not begin early enough to tell.
    pub(super) fn parts_from(&self, log: &Self) -> Result<Option<Parting>, String> {
        let Some(first) = self.starts.first().map(|(start, _)| *start).filter(|start| *start < self.end) else {
            return if self.starts.is_empty() && self.end > 0 {
                Err("the copy does not tell its epochs".to_owned())
            } else {
                Ok(None)
            };
        };
        let common = self.starts.iter().map(|(_, epoch)| *epoch).filter(|epoch| log.has(*epoch)).max();
        let from = match common {
            Some(epoch) => self.end_of(epoch).min(log.end_of(epoch)),
            // A log that holds nothing, or began no later, has none of it.
            None if log.starts.is_empty() && log.end == 0 => first,
            None if log.starts.first().is_some_and(|(start, _)| *start <= first) => first,
            None => return Err("the copy and the log have no leader epoch in common".to_owned()),
        };
        let Some(epoch) = self.epoch_of(self.end - 1).filter(|_| from < self.end) else { return Ok(None) };
        // Whoever had the copy led, or followed a leader, under that epoch: only a later one cuts it off.
        let under = log.starts.iter().map(|(_, later)| *later).find(|later| *later > epoch);
        Ok(Some(Parting { from, to: self.end, epoch, under }))
    }
}

#[cfg(test)]
mod tests {
    use super::super::segment::tests::batch;
    use super::*;
    use proptest::prelude::*;

    fn lineage(starts: &[(i64, i32)], end: i64) -> Lineage {
        Lineage { starts: starts.to_vec(), end }
    }

    #[test]
    fn an_isolated_leader_went_its_own_way_from_where_the_next_epoch_began() {
        let copy = lineage(&[(0, 2), (700, 4)], 930);
        let log = lineage(&[(0, 2), (700, 4), (812, 5)], 1_400);
        assert_eq!(copy.parts_from(&log), Ok(Some(Parting { from: 812, to: 930, epoch: 4, under: Some(5) })));
        assert_eq!(log.parts_from(&log), Ok(None));
    }

    #[test]
    fn a_follower_that_only_fell_behind_has_nothing_of_its_own() {
        assert_eq!(lineage(&[(0, 2)], 500).parts_from(&lineage(&[(0, 2), (812, 5)], 1_400)), Ok(None));
    }

    #[test]
    fn where_no_epoch_is_in_common_a_log_that_begins_late_tells_nothing() {
        let copy = lineage(&[(0, 4)], 100);
        assert!(copy.parts_from(&lineage(&[(50, 6)], 90)).is_err());
        let parting = Parting { from: 0, to: 100, epoch: 4, under: Some(6) };
        assert_eq!(copy.parts_from(&lineage(&[(0, 6)], 90)), Ok(Some(parting)));
        assert_eq!(copy.parts_from(&lineage(&[], 0)), Ok(Some(Parting { under: None, ..parting })));
    }

    #[test]
    fn a_folder_tells_its_epochs_and_its_end_or_why_it_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
        write("00000000000000000007.log", &[batch(7, 3, 1), batch(10, 2, 4)].concat());
        assert!(Lineage::read(folder.path()).unwrap_err().starts_with("leader-epoch-checkpoint: "));
        write("leader-epoch-checkpoint", b"0\n2\n1 7\n4 10\n");
        assert_eq!(Lineage::read(folder.path()), Ok(lineage(&[(7, 1), (10, 4)], 12)));
        // Another epoch began while the copy was taken, and is not in the checkpoint.
        write("leader-epoch-checkpoint", b"0\n1\n1 7\n");
        assert!(Lineage::read(folder.path()).unwrap_err().contains("offset 10 is of epoch 4"));
        write("leader-epoch-checkpoint", b"");
        assert!(Lineage::read(folder.path()).unwrap_err().contains("does not know"));
        write("leader-epoch-checkpoint", b"0\n2\n1 7\n");
        assert!(Lineage::read(folder.path()).unwrap_err().contains("not understood"));
    }

    #[test]
    fn a_log_that_never_had_a_record_has_none_of_its_own_and_all_of_a_copy_is_missing_from_it() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["00000000000000000000.log", "leader-epoch-checkpoint"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let empty = Lineage::read(folder.path()).unwrap();
        let copy = lineage(&[(0, 3)], 7);
        assert_eq!(empty.parts_from(&copy), Ok(None));
        assert_eq!(copy.parts_from(&empty), Ok(Some(Parting { from: 0, to: 7, epoch: 3, under: None })));
    }

    /// A record as the model knows it: its epoch, and a number that no other record has.
    type Record = (i32, u64);

    /// A replica of the model: its records from offset 0, and its checkpoint as Kafka keeps it.
    #[derive(Clone, Debug, Default)]
    struct Replica {
        records: Vec<Record>,
        starts: Vec<(i64, i32)>,
    }

    impl Replica {
        fn end(&self) -> i64 {
            self.records.len() as i64
        }

        /// Notes that `epoch` begins at the end: what is noted to begin there or later is forgotten.
        fn begin(&mut self, epoch: i32) {
            let end = self.end();
            self.starts.retain(|(start, _)| *start < end);
            self.starts.push((end, epoch));
        }

        fn append(&mut self, record: Record) {
            if self.starts.last().is_none_or(|(_, epoch)| *epoch < record.0) {
                self.begin(record.0);
            }
            self.records.push(record);
        }

        /// Cuts off what the leader does not have, and takes up to `some` more of what it has.
        fn follow(&mut self, leader: &Self, some: usize) {
            let same = self.records.iter().zip(&leader.records).take_while(|(own, other)| own == other).count();
            self.records.truncate(same);
            self.starts.retain(|(start, _)| *start < same as i64);
            for record in leader.records.iter().skip(same).take(some) {
                self.append(*record);
            }
        }

        fn lineage(&self) -> Lineage {
            lineage(&self.starts, self.end())
        }
    }

    /// What can happen: an election, records at whoever believes to lead, a follower that catches up.
    #[derive(Clone, Debug)]
    enum Step {
        Elect(usize),
        Append(usize, usize),
        Follow(usize, usize),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            (0..3_usize).prop_map(Step::Elect),
            (0..3_usize, 1..5_usize).prop_map(|(replica, records)| Step::Append(replica, records)),
            (0..3_usize, 0..6_usize).prop_map(|(replica, records)| Step::Follow(replica, records)),
        ];
        proptest::collection::vec(step, 1..40)
    }

    /// Plays the steps with three replicas. Elections may be unclean, and who was replaced goes on appending under its
    /// own epoch until it follows. Gives every replica as it was after every step, and the leader's log at the end.
    fn play(steps: &[Step]) -> (Vec<Replica>, Replica) {
        let mut replicas = vec![Replica::default(); 3];
        let mut believes: [Option<i32>; 3] = [Some(0), None, None];
        replicas[0].begin(0);
        let (mut leader, mut epoch, mut number, mut copies) = (0, 0, 0, Vec::new());
        for step in steps {
            match step {
                Step::Elect(replica) => {
                    epoch += 1;
                    leader = *replica;
                    believes[leader] = Some(epoch);
                    replicas[leader].begin(epoch);
                }
                Step::Append(replica, records) => {
                    let Some(epoch) = believes[*replica] else { continue };
                    for _ in 0..*records {
                        number += 1;
                        replicas[*replica].append((epoch, number));
                    }
                }
                Step::Follow(replica, some) if *replica != leader => {
                    believes[*replica] = None;
                    let log = replicas[leader].clone();
                    replicas[*replica].follow(&log, *some);
                }
                Step::Follow(..) => {}
            }
            copies.extend(replicas.iter().cloned());
        }
        let log = replicas.swap_remove(leader);
        (copies, log)
    }

    proptest! {
        #[test]
        fn a_copy_parts_from_its_log_at_the_first_record_that_the_log_does_not_have(steps in steps()) {
            let (copies, log) = play(&steps);
            for copy in copies {
                let same = copy.records.iter().zip(&log.records).take_while(|(own, other)| own == other).count();
                let parting = copy.lineage().parts_from(&log.lineage()).unwrap();
                let expected = (same < copy.records.len())
                    .then(|| (same as i64, copy.end(), copy.records[copy.records.len() - 1].0));
                prop_assert_eq!(parting.map(|it| (it.from, it.to, it.epoch)), expected, "{:?} and {:?}", copy, log);
                if let Some(Parting { epoch, under: Some(under), .. }) = parting {
                    prop_assert!(under > epoch && log.lineage().has(under));
                }
            }
        }
    }
}
