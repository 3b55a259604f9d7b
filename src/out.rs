//! What a command prints on standard output.

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
