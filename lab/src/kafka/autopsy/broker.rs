//! Copies of all logs of a broker that stages are read from, bounded in bytes and in time.

use super::keep::{Bound, Kept, keep};
use super::taken::HIGH_WATERMARKS;
use super::{segment, stages_by_topic};
use crate::component::Site;
use crate::kafka::epochs::log_folder;
use crate::manifest::Manifest;
use proofload_history::{Event, LogsNotCompared};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How much of one broker's logs is copied for one fault, and how much in a run.
const FAULT_BYTES_MAX: u64 = 128 << 20;
const RUN_BYTES_MAX: u64 = 512 << 20;
/// How long copying may take: a heal waits for it.
const KEEP_WITHIN: Duration = Duration::from_secs(5);

/// Copies the logs of the broker at `site` that stages are read from, before the heal of `fault`. Blocks for
/// [`KEEP_WITHIN`] at most, and a little for the file that is being copied then.
///
/// What could not be copied is in the journal; a fault is healed whatever becomes of this.
pub(crate) fn keep_logs(site: &Site, fault: &str) {
    // Copies lie in a folder of that name.
    if Path::new(fault).file_name() != Some(fault.as_ref()) {
        let note = format!("nothing is kept before `{fault}` is healed: its name cannot be that of a folder");
        let _ = site.ground.recorder.event(Event::Noted { note });
        return;
    }
    let manifest = &site.ground.manifest;
    let root = site.ground.run.autopsy();
    let into = root.join(fault).join(&*site.instance.name);
    // Brokers that one fault holds are kept side by side: each within its share of what is left.
    let side_by_side = (manifest.instances(&site.instance.of).len() as u64).max(1);
    let bound = Bound {
        bytes: FAULT_BYTES_MAX.min(RUN_BYTES_MAX.saturating_sub(bytes_below(&root)) / side_by_side),
        until: Instant::now() + KEEP_WITHIN,
    };
    for (log, stages, kept) in keep_each(manifest, &site.instance.of, &site.data, &into, bound) {
        let event = match kept {
            Kept::Whole { .. } => continue,
            Kept::End { bytes, from } => Event::Noted {
                note: format!(
                    "of {log} on {}, only the {bytes} bytes from offset {from} on were copied before `{fault}` was healed: there was no room for more",
                    site.instance.name
                ),
            },
            Kept::Nothing(why) => Event::LogsNotCompared(LogsNotCompared {
                fault: fault.to_owned(),
                broker: site.instance.name.to_string(),
                logs: vec![log],
                stages,
                why,
            }),
        };
        // A journal that cannot be written ends the run elsewhere.
        let _ = site.ground.recorder.event(event);
    }
}

/// Copies every log of the broker whose data are given, the small ones first, each within its share of what is left.
/// Gives each log, the stages that are read from it, and what became of it.
fn keep_each(
    manifest: &Manifest,
    component: &str,
    data: &Path,
    into: &Path,
    mut bound: Bound,
) -> Vec<(String, Vec<String>, Kept)> {
    let mut logs: Vec<(u64, PathBuf, String, Vec<String>)> = Vec::new();
    for (topic, stages) in stages_by_topic(manifest) {
        let Some((_, described)) = manifest.topic(topic).filter(|(of, _)| *of == component) else { continue };
        for partition in 0..described.partitions {
            // Not every broker has a replica of every partition.
            let Some(folder) = log_folder(data, &format!("{topic}-{partition}")) else { continue };
            let stages = stages.iter().map(|(name, _)| (*name).to_owned()).collect();
            logs.push((segment::bytes(&folder), folder, format!("{topic}/{partition}"), stages));
        }
    }
    logs.sort_unstable();
    if let Some(folder) = logs.first().and_then(|(_, folder, ..)| folder.parent())
        && std::fs::create_dir_all(into).is_ok()
    {
        // Without it the copies say that no high watermark is known.
        let _ = std::fs::copy(folder.join(HIGH_WATERMARKS), into.join(HIGH_WATERMARKS));
    }
    let count = logs.len() as u64;
    let keep_one = |(number, (_, folder, log, stages)): (u64, (u64, PathBuf, String, Vec<String>))| {
        let share = Bound { bytes: bound.bytes / (count - number), ..bound };
        let kept = keep(&folder, &into.join(folder.file_name().unwrap_or_default()), share);
        if let Kept::Whole { bytes } | Kept::End { bytes, .. } = kept {
            bound.bytes -= bytes;
        }
        (log, stages, kept)
    };
    (0..).zip(logs).map(keep_one).collect()
}

/// The bytes of the files below a folder.
fn bytes_below(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let bytes = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(data) if data.is_dir() => bytes_below(&entry.path()),
        Ok(data) => data.len(),
        Err(_) => 0,
    };
    entries.map(bytes).sum()
}

#[cfg(test)]
mod tests {
    use super::super::segment::tests::batch;
    use super::*;

    const MANIFEST: &str = r#"
        format = 1
        name = "orders"
        title = "Orders"
        entry = { host = "kafka", port = 9094 }
        [component.kafka]
        kind = "kafka"
        replicas = 3
        topic.orders = { partitions = 4, replication = 2 }
        topic.unread = { partitions = 1, replication = 3 }
        [stage."log.taken"]
        title = "taken"
        topic = "orders"
        id = "/id"
    "#;

    /// The data of a broker that has replicas of `orders`/0 to 2, of 4, 1 and 1 batches of 72 bytes.
    fn data() -> tempfile::TempDir {
        let data = tempfile::tempdir().unwrap();
        let log = |name: &str, batches: i64| {
            let folder = data.path().join("log").join(name);
            std::fs::create_dir_all(&folder).unwrap();
            let segment: Vec<u8> = (0..batches).flat_map(|base| batch(base, 1, 0)).collect();
            std::fs::write(folder.join("00000000000000000000.log"), segment).unwrap();
        };
        for (name, batches) in [("orders-0", 4), ("orders-1", 1), ("orders-2", 1), ("unread-0", 1)] {
            log(name, batches);
        }
        std::fs::write(data.path().join("log").join(HIGH_WATERMARKS), "0\n0\n").unwrap();
        data
    }

    fn kept(bytes: u64) -> Vec<(String, Kept)> {
        let (data, into) = (data(), tempfile::tempdir().unwrap());
        let bound = Bound { bytes, until: Instant::now() + Duration::from_secs(60) };
        let manifest = Manifest::parse(MANIFEST).unwrap();
        let kept = keep_each(&manifest, "kafka", data.path(), into.path(), bound);
        assert!(into.path().join(HIGH_WATERMARKS).exists() && !into.path().join("unread-0").exists());
        assert!(kept.iter().all(|(_, stages, _)| stages == &["log.taken"]), "{kept:?}");
        kept.into_iter().map(|(log, _, kept)| (log, kept)).collect()
    }

    #[test]
    fn the_replicas_of_a_broker_that_a_stage_is_read_from_are_kept() {
        let whole = |log: &str, bytes| (log.to_owned(), Kept::Whole { bytes });
        assert_eq!(kept(10_000), [whole("orders/1", 72), whole("orders/2", 72), whole("orders/0", 288)]);
    }

    #[test]
    fn where_room_is_short_small_logs_are_kept_whole_and_large_ones_from_their_share_on() {
        let whole = |log: &str| (log.to_owned(), Kept::Whole { bytes: 72 });
        let end = |bytes, from| ("orders/0".to_owned(), Kept::End { bytes, from });
        assert_eq!(kept(300), [whole("orders/1"), whole("orders/2"), end(144, 2)]);
        assert!(kept(60).iter().all(|(_, kept)| matches!(kept, Kept::Nothing(_))));
    }
}
