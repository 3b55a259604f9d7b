//! The copies that were taken: a folder per fault, in it one per broker, in it one per log.

use super::lineage::{Lineage, Parting};
use super::segment;
use crate::kafka::epochs::log_folder;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// The copy of a log.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Copy {
    /// The fault before whose heal it was taken, as the journal calls it.
    pub(super) fault: String,
    /// The broker.
    pub(super) broker: String,
    /// The topic.
    pub(super) topic: String,
    /// The partition.
    pub(super) partition: i32,
    /// Where it lies: `.../FAULT/BROKER/TOPIC-PARTITION`.
    pub(super) folder: PathBuf,
}

impl Copy {
    /// All copies below `root`, in order.
    pub(super) fn all(root: &Path) -> Vec<Self> {
        let mut copies = Vec::new();
        for fault in folders(root) {
            for broker in folders(&fault) {
                let copy = |folder: PathBuf| {
                    let (topic, partition) =
                        name(&folder).rsplit_once('-').map(|(a, b)| (a.to_owned(), b.parse::<i32>()))?;
                    let (fault, broker) = (name(&fault).to_owned(), name(&broker).to_owned());
                    Some(Self { fault, broker, topic, partition: partition.ok()?, folder })
                };
                copies.extend(folders(&broker).into_iter().filter_map(copy));
            }
        }
        copies.sort_unstable();
        copies
    }

    /// Kafka's name for the log: `orders-3`.
    pub(super) fn log(&self) -> String {
        format!("{}-{}", self.topic, self.partition)
    }

    /// The name for people: `orders/3`.
    pub(super) fn words(&self) -> String {
        format!("{}/{}", self.topic, self.partition)
    }

    /// Where it parts from the log that `leader` and `others` hold now, the data folders of brokers; `None` if the log
    /// has all that it has.
    ///
    /// # Errors
    /// Why nobody can tell.
    pub(super) fn parts_from(&self, leader: &Path, others: &[PathBuf]) -> Result<Option<Parting>, String> {
        let copy = Lineage::read(&self.folder).map_err(|why| format!("of the copy, {why}"))?;
        let now = |data: &Path| {
            let folder = log_folder(data, &self.log()).ok_or("a replica has no folder")?;
            Lineage::read(&folder).map_err(|why| format!("of a replica, {why}"))
        };
        let log = now(leader)?;
        for other in others {
            let end = now(other)?.end();
            if end != log.end() {
                return Err(format!("the replicas end at {} and at {end}", log.end()));
            }
        }
        let Some(parting) = copy.parts_from(&log)? else { return Ok(None) };
        match segment::segments(&self.folder).map_err(|error| error.to_string())?.first() {
            Some((first, _)) if *first <= parting.from => Ok(Some(parting)),
            _ => Err(format!("only its end was copied, and it parts from the log before that, at {}", parting.from)),
        }
    }

    /// The segments of the copy that reach beyond `from`, by their file names.
    pub(super) fn beyond(&self, from: i64) -> std::io::Result<Vec<String>> {
        let segments = segment::segments(&self.folder)?;
        let ends = segments.iter().skip(1).map(|(base, _)| *base).chain([i64::MAX]);
        let beyond = segments.iter().zip(ends).filter(|(_, end)| *end > from);
        Ok(beyond.map(|((_, path), _)| name(path).to_owned()).collect())
    }

    /// When it was taken, milliseconds since 1970; 0 if that cannot be told.
    pub(super) fn taken_ms(&self) -> u64 {
        let modified = self.folder.metadata().and_then(|data| data.modified()).ok();
        let since = modified.and_then(|modified| modified.duration_since(UNIX_EPOCH).ok());
        since.and_then(|since| u64::try_from(since.as_millis()).ok()).unwrap_or_default()
    }

    /// The high watermark that the broker had last written down, if it had.
    pub(super) fn high_watermark(&self) -> Option<i64> {
        let text = std::fs::read_to_string(self.folder.parent()?.join(HIGH_WATERMARKS)).ok()?;
        high_watermark(&text, &self.topic, self.partition)
    }
}

/// The file in which a broker writes down high watermarks, every few seconds.
pub(super) const HIGH_WATERMARKS: &str = "replication-offset-checkpoint";

/// A version, a count, and a line `TOPIC PARTITION OFFSET` for each log.
fn high_watermark(text: &str, topic: &str, partition: i32) -> Option<i64> {
    let mut lines = text.lines();
    (lines.next()? == "0").then_some(())?;
    lines.skip(1).find_map(|line| {
        let [of, number, offset] = *line.split(' ').collect::<Vec<_>>() else { return None };
        let found = of == topic && number.parse::<i32>().is_ok_and(|number| number == partition);
        found.then(|| offset.parse().ok())?
    })
}

fn folders(root: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
}

fn name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::segment::tests::batch;
    use super::*;

    fn write(folder: &Path, segments: &[(i64, Vec<u8>)], epochs: &str) {
        std::fs::create_dir_all(folder).unwrap();
        for (base, bytes) in segments {
            std::fs::write(folder.join(format!("{base:020}.log")), bytes).unwrap();
        }
        std::fs::write(folder.join("leader-epoch-checkpoint"), epochs).unwrap();
    }

    /// A copy whose leader went on alone under epoch 4 from offset 20 to 40, and two replicas of the log as it is now.
    struct Bench {
        root: tempfile::TempDir,
        copy: Copy,
    }

    impl Bench {
        fn new() -> Self {
            let root = tempfile::tempdir().unwrap();
            let copy = root.path().join("autopsy/cut#2/kafka-2/orders.in-eu-3");
            write(&copy, &[(0, batch(0, 20, 4)), (20, batch(20, 20, 4))], "0\n1\n4 0\n");
            let bench = Self { copy: Copy::all(&root.path().join("autopsy")).remove(0), root };
            for broker in ["kafka-1", "kafka-3"] {
                let segments = [(0, [batch(0, 20, 4), batch(20, 5, 5)].concat())];
                write(&bench.data(broker).join("log/orders.in-eu-3"), &segments, "0\n2\n4 0\n5 20\n");
            }
            bench
        }

        fn data(&self, broker: &str) -> PathBuf {
            self.root.path().join("data").join(broker)
        }

        fn parts(&self) -> Result<Option<Parting>, String> {
            self.copy.parts_from(&self.data("kafka-1"), &[self.data("kafka-3")])
        }
    }

    #[test]
    fn a_copy_is_found_with_its_fault_its_broker_and_its_log() {
        let Copy { fault, broker, topic, partition, .. } = Bench::new().copy;
        assert_eq!(
            (fault.as_str(), broker.as_str(), topic.as_str(), partition),
            ("cut#2", "kafka-2", "orders.in-eu", 3)
        );
    }

    #[test]
    fn a_copy_parts_from_its_log_where_another_epoch_began_and_its_segments_beyond_are_named() {
        let bench = Bench::new();
        assert_eq!(bench.parts(), Ok(Some(Parting { from: 20, to: 40, epoch: 4, under: Some(5) })));
        assert_eq!(bench.copy.beyond(20).unwrap(), ["00000000000000000020.log"]);
        assert_eq!(bench.copy.beyond(19).unwrap().len(), 2);
    }

    #[test]
    fn replicas_that_disagree_tell_nothing() {
        let bench = Bench::new();
        let longer = [(0, [batch(0, 20, 4), batch(20, 6, 5)].concat())];
        write(&bench.data("kafka-3").join("log/orders.in-eu-3"), &longer, "0\n2\n4 0\n5 20\n");
        assert_eq!(bench.parts(), Err("the replicas end at 25 and at 26".to_owned()));
    }

    #[test]
    fn without_a_checkpoint_nobody_can_tell_and_it_is_said_whose_is_missing() {
        let bench = Bench::new();
        std::fs::remove_file(bench.data("kafka-3").join("log/orders.in-eu-3/leader-epoch-checkpoint")).unwrap();
        assert!(bench.parts().unwrap_err().starts_with("of a replica, leader-epoch-checkpoint: "));
        std::fs::remove_file(bench.copy.folder.join("leader-epoch-checkpoint")).unwrap();
        assert!(bench.parts().unwrap_err().starts_with("of the copy, leader-epoch-checkpoint: "));
    }

    #[test]
    fn a_copy_that_begins_behind_where_it_parts_is_not_enough() {
        let bench = Bench::new();
        std::fs::remove_file(bench.copy.folder.join("00000000000000000000.log")).unwrap();
        assert!(bench.parts().is_ok());
        std::fs::rename(
            bench.copy.folder.join("00000000000000000020.log"),
            bench.copy.folder.join("00000000000000000021.log"),
        )
        .unwrap();
        assert!(bench.parts().unwrap_err().starts_with("only its end was copied"), "{:?}", bench.parts());
    }

    #[test]
    fn the_high_watermark_is_that_of_the_very_log() {
        let text = "0\n3\norders 1 17\norders 3 20\nother 3 99\n";
        assert_eq!(high_watermark(text, "orders", 3), Some(20));
        assert_eq!(high_watermark(text, "orders", 2), None);
        assert_eq!(high_watermark("1\n1\norders 3 20\n", "orders", 3), None);
        assert_eq!(high_watermark("", "orders", 3), None);
    }
}
