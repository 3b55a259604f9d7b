//! The length and the digest of what passes through a reader or a writer.

use crate::digest::Digest;
use std::io::{Read, Write};

/// How much passed, and its digest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) bytes: u64,
    pub(crate) digest: Digest,
}

impl Tally {
    fn pass(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        self.digest.pass(bytes);
    }

    /// Of all that `from` gives.
    pub(crate) fn of(mut from: impl Read) -> std::io::Result<Self> {
        let (mut tally, mut part) = (Self::default(), [0; 1 << 14]);
        loop {
            match from.read(&mut part) {
                Ok(0) => return Ok(tally),
                Ok(read) => tally.pass(&part[..read]),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// A writer that keeps the tally of what it wrote: what was meant to lie in the file, not what is found there later.
pub(crate) struct Tallied<W> {
    to: W,
    tally: Tally,
}

impl<W> Tallied<W> {
    pub(crate) fn new(to: W) -> Self {
        Self { to, tally: Tally::default() }
    }

    pub(crate) fn tally(&self) -> Tally {
        self.tally
    }
}

impl<W: Write> Write for Tallied<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.tally.pass(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.to.flush()
    }
}
