//! The batches of a log segment, by their headers alone: where each lies in the file, its offsets and its epoch.
//!
//! The headers are those of Kafka's message format 2 (KIP-98): base offset (8 bytes), length of what follows (4), leader
//! epoch (4), magic (1), checksum (4), attributes (2), last offset within the batch (4). Records are read by Kafka's own
//! tool, never here.

use std::fs::File;
use std::io::{self, BufReader, Read as _};
use std::path::{Path, PathBuf};

/// The bytes of a header that are looked at.
const HEADER_BYTES: usize = 27;
/// What comes before the bytes that a batch's length counts.
const BEFORE_LENGTH: u64 = 12;
/// The shortest that a batch without records can be, less the bytes that its length does not count.
const LENGTH_MIN: u64 = 49;
const MAGIC: u8 = 2;

/// A batch, as its header tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Batch {
    /// Where it lies in the file.
    pub(super) position: u64,
    /// How many bytes it takes there.
    pub(super) size: u64,
    /// The first offset.
    pub(super) base: i64,
    /// The last offset.
    pub(super) last: i64,
    /// The leader epoch under which it was appended.
    pub(super) epoch: i32,
}

/// The segments of the log in `folder`, by their base offsets, in order.
pub(super) fn segments(folder: &Path) -> io::Result<Vec<(i64, PathBuf)>> {
    let mut segments = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let is_segment = path.extension().is_some_and(|extension| extension == "log");
        let base = path.file_stem().and_then(|stem| stem.to_str()?.parse().ok());
        segments.extend(base.filter(|_| is_segment).map(|base| (base, path)));
    }
    segments.sort_unstable();
    Ok(segments)
}

/// The bytes of the segments of the log in `folder`; indices do not count, which are full of holes.
pub(super) fn bytes(folder: &Path) -> u64 {
    let lengths =
        segments(folder).unwrap_or_default().into_iter().map(|(_, path)| path.metadata().map_or(0, |it| it.len()));
    lengths.sum()
}

/// The whole batches of a segment. Its last one may be in the middle of being written; that one is left out.
///
/// # Errors
/// If the file cannot be read, or something in it is no batch.
pub(super) fn batches(path: &Path) -> io::Result<Vec<Batch>> {
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    let mut reader = BufReader::new(file);
    let (mut batches, mut position) = (Vec::new(), 0);
    while position + HEADER_BYTES as u64 <= length {
        let mut header = [0; HEADER_BYTES];
        reader.read_exact(&mut header)?;
        let batch = parse(position, &header)
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, format!("no batch begins at byte {position}")))?;
        position += batch.size;
        if position > length {
            break;
        }
        batches.push(batch);
        reader.seek_relative(i64::try_from(batch.size).unwrap_or(i64::MAX) - HEADER_BYTES as i64)?;
    }
    Ok(batches)
}

/// The batch whose header this is.
fn parse(position: u64, header: &[u8; HEADER_BYTES]) -> Option<Batch> {
    let four = |at: usize| Some(i32::from_be_bytes(header[at..at + 4].try_into().ok()?));
    let base = i64::from_be_bytes(header[..8].try_into().ok()?);
    let (length, epoch, span) = (u64::try_from(four(8)?).ok()?, four(12)?, four(23)?);
    let sound = base >= 0 && length >= LENGTH_MIN && header[16] == MAGIC && span >= 0;
    let size = BEFORE_LENGTH + length;
    sound.then_some(Batch { position, size, base, last: base + i64::from(span), epoch })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A batch of a length that is right, with nothing in it.
    pub(in crate::kafka::autopsy) fn batch(base: i64, records: i32, epoch: i32) -> Vec<u8> {
        let mut bytes = base.to_be_bytes().to_vec();
        let body = 60_usize;
        bytes.extend(i32::try_from(body).unwrap().to_be_bytes());
        bytes.extend(epoch.to_be_bytes());
        bytes.push(MAGIC);
        bytes.extend([0; 6]);
        bytes.extend((records - 1).to_be_bytes());
        bytes.resize(BEFORE_LENGTH as usize + body, 0);
        bytes
    }

    fn of(bytes: &[u8]) -> io::Result<Vec<Batch>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("00000000000000000000.log");
        std::fs::write(&path, bytes).unwrap();
        batches(&path)
    }

    #[test]
    fn every_whole_batch_is_found_and_one_that_is_being_written_is_left_out() {
        let whole = [batch(100, 3, 4), batch(103, 1, 5)].concat();
        let expected = [
            Batch { position: 0, size: 72, base: 100, last: 102, epoch: 4 },
            Batch { position: 72, size: 72, base: 103, last: 103, epoch: 5 },
        ];
        assert_eq!(of(&whole).unwrap(), expected);
        for cut in 1..72 {
            assert_eq!(of(&whole[..whole.len() - cut]).unwrap(), expected[..1], "{cut} bytes short");
        }
    }

    #[test]
    fn what_is_no_batch_is_an_error() {
        let mut other_magic = batch(0, 1, 0);
        other_magic[16] = 1;
        for bytes in [vec![0; 72], other_magic, [batch(0, 1, 0), vec![7; 30]].concat()] {
            assert_eq!(of(&bytes).unwrap_err().kind(), io::ErrorKind::InvalidData);
        }
    }

    #[test]
    fn segments_are_in_the_order_of_their_offsets_and_other_files_are_none() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["00000000000000000900.log", "00000000000000000000.log", "00000000000000000000.index", "x.log"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let bases: Vec<i64> = segments(folder.path()).unwrap().into_iter().map(|(base, _)| base).collect();
        assert_eq!(bases, [0, 900]);
    }
}
