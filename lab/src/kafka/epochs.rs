//! Under which leader epoch a record was appended, read from the replicas' own files.
//!
//! librdkafka's safe binding does not tell a record's epoch; the file `leader-epoch-checkpoint` of a replica tells
//! where each epoch began.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Where each leader epoch of a topic's partitions began.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Epochs(BTreeMap<i32, Vec<(i64, i32)>>);

impl Epochs {
    /// The epochs of `topic`, each partition's from the folder (the data of a broker) beside its number. A partition
    /// without such a file has no epochs.
    pub(crate) fn read<'a>(topic: &str, leaders: impl Iterator<Item = (i32, &'a Path)>) -> Self {
        let read = |(partition, data): (i32, &Path)| {
            let file = log_folder(data, &format!("{topic}-{partition}"))?.join("leader-epoch-checkpoint");
            Some((partition, parse(&std::fs::read_to_string(file).ok()?)?))
        };
        Self(leaders.filter_map(read).collect())
    }

    /// The epoch under which the record at `offset` of `partition` was appended, if that is known.
    pub(crate) fn of(&self, partition: i32, offset: i64) -> Option<i32> {
        let starts = self.0.get(&partition)?;
        starts.iter().rev().find(|(start, _)| *start <= offset).map(|(_, epoch)| *epoch)
    }
}

/// The folder of the partition's log called `log` within the data of a broker: there, or one folder deeper.
pub(super) fn log_folder(data: &Path, log: &str) -> Option<PathBuf> {
    let here = data.join(log);
    if here.is_dir() {
        return Some(here);
    }
    let deeper = std::fs::read_dir(data).ok()?.flatten().map(|entry| entry.path().join(log));
    deeper.into_iter().find(|path| path.is_dir())
}

/// A version, a count, and a line `EPOCH START_OFFSET` for each epoch. Gives (start, epoch), ordered by start.
pub(super) fn parse(text: &str) -> Option<Vec<(i64, i32)>> {
    let mut lines = text.lines();
    (lines.next()? == "0").then_some(())?;
    let count: usize = lines.next()?.parse().ok()?;
    let mut starts = Vec::new();
    for line in lines.take(count) {
        let (epoch, start) = line.split_once(' ')?;
        starts.push((start.parse().ok()?, epoch.parse().ok()?));
    }
    starts.sort_unstable();
    (starts.len() == count).then_some(starts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_belongs_to_the_epoch_that_began_last_before_it() {
        let data = tempfile::tempdir().unwrap();
        let folder = data.path().join("orders-3");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("leader-epoch-checkpoint"), "0\n2\n4 10\n7 25\n").unwrap();
        let epochs = Epochs::read("orders", [(3, data.path()), (4, data.path())].into_iter());
        let of = |offset| epochs.of(3, offset);
        assert_eq!([of(9), of(10), of(24), of(25), of(1_000)], [None, Some(4), Some(4), Some(7), Some(7)]);
        assert_eq!(epochs.of(4, 0), None);
    }

    #[test]
    fn a_file_of_another_version_or_cut_short_tells_nothing() {
        for text in ["1\n1\n4 10\n", "0\n2\n4 10\n", "0\n1\nfour 10\n", ""] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }
}
