//! Copies of a broker's logs, taken while a fault holds the broker: what its heal will make it cut off.
//!
//! A broker that rejoins truncates its files in place, so these are copies and no links. They are bounded in bytes and in
//! time: the end of each log is kept, for that is where logs part.

use super::segment::{self, Batch};
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::time::Instant;

/// How much may be copied, and until when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bound {
    pub(super) bytes: u64,
    pub(super) until: Instant,
}

/// What became of the copy of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    /// All of it.
    Whole {
        /// How large it is.
        bytes: u64,
    },
    /// Only its end, from this offset on.
    End {
        /// How large that is.
        bytes: u64,
        /// The first offset that was kept.
        from: i64,
    },
    /// Nothing of it.
    Nothing(String),
}

/// Copies the log in `folder` into the folder `into`, which is made: segments, the newest first, then
/// `leader-epoch-checkpoint`, so that it knows of every epoch that the segments have.
pub(super) fn keep(folder: &Path, into: &Path, bound: Bound) -> Kept {
    let kept = keep_segments(folder, into, bound);
    let kept = kept.unwrap_or_else(|error| Kept::Nothing(format!("it could not be copied: {error}")));
    if let Kept::Nothing(_) = kept {
        // What was begun is no copy. Where it cannot be removed, it is found to have no checkpoint.
        let _ = std::fs::remove_dir_all(into);
    }
    kept
}

fn keep_segments(folder: &Path, into: &Path, bound: Bound) -> io::Result<Kept> {
    std::fs::create_dir_all(into)?;
    let (mut bytes, mut from) = (0, None);
    let mut cut = false;
    for (number, (base, path)) in segment::segments(folder)?.into_iter().rev().enumerate() {
        if cut || Instant::now() >= bound.until {
            cut = true;
            break;
        }
        let room = bound.bytes - bytes;
        let length = if number == 0 { whole_batches(&path)? } else { path.metadata()?.len() };
        if length <= room {
            bytes += copy(&path, 0, length, &into.join(name(base)))?;
            from = Some(base);
            continue;
        }
        cut = true;
        // A segment may begin with any of its batches, as long as it is called after the first.
        if let Some(Batch { position, base, .. }) = first_within(&segment::batches(&path)?, length, room) {
            bytes += copy(&path, position, length - position, &into.join(name(base)))?;
            from = Some(base);
        }
    }
    let checkpoint = "leader-epoch-checkpoint";
    match std::fs::copy(folder.join(checkpoint), into.join(checkpoint)) {
        // What has none is said to have none when it is compared.
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    Ok(match (cut, from) {
        (false, _) => Kept::Whole { bytes },
        (true, Some(from)) => Kept::End { bytes, from },
        (true, None) => Kept::Nothing("there was no room or no time left for it".to_owned()),
    })
}

/// The bytes of the whole batches of the newest segment: one that is being written is nobody's yet, and a segment that ends
/// in half of one would be called damaged. All bytes of a segment that is damaged: who reads it is to see that.
fn whole_batches(path: &Path) -> io::Result<u64> {
    match segment::batches(path) {
        Ok(batches) => Ok(batches.last().map_or(0, |last| last.position + last.size)),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Ok(path.metadata()?.len()),
        Err(error) => Err(error),
    }
}

/// The first batch from which on no more than `room` bytes follow.
fn first_within(batches: &[Batch], length: u64, room: u64) -> Option<Batch> {
    batches.iter().find(|batch| length - batch.position <= room).copied()
}

fn name(base: i64) -> String {
    format!("{base:020}.log")
}

fn copy(from: &Path, position: u64, bytes: u64, to: &Path) -> io::Result<u64> {
    let mut source = File::open(from)?;
    source.seek(SeekFrom::Start(position))?;
    // No more than was there when it was looked at: the broker may still write.
    io::copy(&mut source.take(bytes), &mut File::create(to)?)
}

#[cfg(test)]
mod tests {
    use super::super::lineage::Lineage;
    use super::super::segment::tests::batch;
    use super::*;
    use std::time::Duration;

    /// A log of three segments of two batches of 72 bytes each.
    fn log() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for base in [0, 20, 40] {
            let segment = [batch(base, 10, 3), batch(base + 10, 10, 3)].concat();
            std::fs::write(folder.path().join(name(base)), segment).unwrap();
        }
        std::fs::write(folder.path().join("leader-epoch-checkpoint"), "0\n1\n3 0\n").unwrap();
        std::fs::write(folder.path().join("00000000000000000000.index"), "not wanted").unwrap();
        folder
    }

    fn kept(bytes: u64, seconds: u64) -> (tempfile::TempDir, Kept) {
        let (log, into) = (log(), tempfile::tempdir().unwrap());
        let bound = Bound { bytes, until: Instant::now() + Duration::from_secs(seconds) };
        let kept = keep(log.path(), &into.path().join("orders-0"), bound);
        (into, kept)
    }

    #[test]
    fn a_log_is_kept_whole_where_there_is_room() {
        let (into, kept) = kept(432, 60);
        assert_eq!(kept, Kept::Whole { bytes: 432 });
        let copy = into.path().join("orders-0");
        let lineage = Lineage::read(&copy).unwrap();
        assert_eq!((lineage.end(), copy.join("00000000000000000000.index").exists()), (60, false));
    }

    #[test]
    fn a_batch_that_is_being_written_is_left_out_of_the_copy() {
        let (log, into) = (log(), tempfile::tempdir().unwrap());
        let newest = log.path().join(name(40));
        let torn = [std::fs::read(&newest).unwrap(), batch(60, 10, 3)[..50].to_vec()].concat();
        std::fs::write(&newest, torn).unwrap();
        let bound = Bound { bytes: 10_000, until: Instant::now() + Duration::from_secs(60) };
        assert_eq!(keep(log.path(), &into.path().join("orders-0"), bound), Kept::Whole { bytes: 432 });
    }

    #[test]
    fn where_room_is_short_the_end_is_kept_from_a_batch_on() {
        let expected = [(431, 360, 10), (300, 288, 20), (143, 72, 50), (72, 72, 50)];
        for (room, bytes, from) in expected {
            let (into, kept) = kept(room, 60);
            assert_eq!(kept, Kept::End { bytes, from }, "with room for {room}");
            assert_eq!(Lineage::read(&into.path().join("orders-0")).unwrap().end(), 60);
        }
    }

    #[test]
    fn without_room_or_time_nothing_is_kept_and_that_is_said() {
        for (room, seconds) in [(71, 60), (432, 0)] {
            let (into, kept) = kept(room, seconds);
            assert!(matches!(kept, Kept::Nothing(_)), "{room} bytes, {seconds} s");
            assert!(!into.path().join("orders-0").exists());
        }
        let into = tempfile::tempdir().unwrap();
        let bound = Bound { bytes: 1_000, until: Instant::now() + Duration::from_secs(60) };
        let Kept::Nothing(why) = keep(Path::new("/nowhere/orders-0"), into.path(), bound) else { panic!("kept") };
        assert!(why.starts_with("it could not be copied: "), "{why}");
    }
}
