//! The length and the digest of what passes through a reader or a writer.

use std::io::{Error, ErrorKind, Read, Write};
use xxhash_rust::xxh3::Xxh3Default;

/// How much passed, and its digest: 64-bit XXH3, for a long run has gigabytes, each of which passes when it is recorded and
/// whenever it is judged.
#[derive(Clone, Default)]
pub(crate) struct Tally {
    bytes: u64,
    digest: Xxh3Default,
}

impl Tally {
    fn pass(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        self.digest.update(bytes);
    }

    /// How many bytes passed.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The digest of what passed, however that was divided.
    pub(crate) fn digest(&self) -> u64 {
        self.digest.digest()
    }

    /// Of all that `from` gives.
    pub(crate) fn of(mut from: impl Read) -> std::io::Result<Self> {
        let (mut tally, mut part) = (Self::default(), [0; 1 << 16]);
        loop {
            match from.read(&mut part) {
                Ok(0) => return Ok(tally),
                Ok(read) => tally.pass(&part[..read]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// A writer that keeps the tally of what it wrote: what was meant to lie in the file, not what is found there later.
///
/// It writes nothing more once a write has failed. A file that breaks off can be read as far as it goes, and one that goes
/// on behind half a message cannot.
pub(crate) struct Tallied<W> {
    to: W,
    tally: Tally,
    failed: bool,
}

impl<W> Tallied<W> {
    pub(crate) fn new(to: W) -> Self {
        Self { to, tally: Tally::default(), failed: false }
    }

    pub(crate) fn tally(&self) -> Tally {
        self.tally.clone()
    }
}

impl<W: Write> Write for Tallied<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.failed {
            return Err(Error::other("an earlier write failed, and nothing can be read behind it"));
        }
        match self.to.write(bytes) {
            Ok(written) => {
                self.failed = written == 0 && !bytes.is_empty();
                self.tally.pass(&bytes[..written]);
                Ok(written)
            }
            Err(error) => {
                self.failed = error.kind() != ErrorKind::Interrupted;
                Err(error)
            }
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.to.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(parts: &[&[u8]]) -> (u64, u64) {
        let mut tally = Tally::default();
        parts.iter().for_each(|part| tally.pass(part));
        (tally.bytes(), tally.digest())
    }

    #[test]
    fn a_digest_is_the_same_in_every_version() {
        assert_eq!(tally(&[]), (0, 0x2d06_8005_38d3_94c2), "XXH3 of nothing, as its specification has it");
    }

    #[test]
    fn what_passes_in_parts_is_the_same_however_it_is_divided() {
        let long: Vec<u8> = (0..100_000_u32).map(|n| (n % 251) as u8).collect();
        let whole = tally(&[&long]);
        assert_eq!(tally(&[&long[..1], &long[1..70_000], &long[70_000..]]), whole);
        let read = Tally::of(long.as_slice()).unwrap();
        assert_eq!((read.bytes(), read.digest()), whole);
        let mut written = Tallied::new(Vec::new());
        written.write_all(&long).unwrap();
        assert_eq!((written.tally().bytes(), written.tally().digest()), whole);
    }

    #[test]
    fn another_order_is_another_digest() {
        assert_ne!(tally(&[b"abc"]), tally(&[b"acb"]));
    }

    /// Takes three bytes at a time, and has no room at one of the calls.
    struct Tight {
        taken: Vec<u8>,
        calls: usize,
        full_at: usize,
        says: ErrorKind,
    }

    impl Write for Tight {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.calls += 1;
            if self.calls == self.full_at {
                return Err(self.says.into());
            }
            let taken = bytes.len().min(3);
            self.taken.extend_from_slice(&bytes[..taken]);
            Ok(taken)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// What is written of two messages if there is no room for the second part of the first.
    fn written(says: ErrorKind) -> (String, [bool; 2], u64) {
        let mut writer = Tallied::new(Tight { taken: Vec::new(), calls: 0, full_at: 2, says });
        let done = ["message", "another"].map(|message| writer.write_all(message.as_bytes()).is_ok());
        (String::from_utf8(writer.to.taken).unwrap(), done, writer.tally.bytes())
    }

    #[test]
    fn behind_a_write_that_failed_nothing_is_written_even_if_there_is_room_again() {
        assert_eq!(written(ErrorKind::StorageFull), ("mes".to_owned(), [false, false], 3));
    }

    #[test]
    fn a_write_that_was_interrupted_goes_on() {
        assert_eq!(written(ErrorKind::Interrupted), ("messageanother".to_owned(), [true, true], 14));
    }
}
