//! What a command prints: its result on standard output, all else on standard error.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write as _};

/// Prints `text` and a line break. Where nobody reads any more (`proofload plan x | head -3`) that is no failure: what is
/// left is not wanted.
///
/// # Errors
/// If it cannot be written: the disk behind a redirection is full.
pub(crate) fn line(text: impl Display) -> io::Result<()> {
    match writeln!(io::stdout().lock(), "{text}") {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// Tells `text` on standard error. That it cannot be written there is no failure of anything: a run goes on, and heals,
/// whether somebody reads or not (`proofload run x 2>&1 | head -3`).
pub(crate) fn aside(text: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}
