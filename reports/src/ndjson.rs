//! Files with one JSON object a line.

use crate::ReportError;
use std::io::Write;

/// Writes a line.
///
/// # Errors
/// If `out` cannot be written.
pub(crate) fn json_line(out: &mut dyn Write, line: &impl serde::Serialize) -> Result<(), ReportError> {
    serde_json::to_writer(&mut *out, line)?;
    Ok(out.write_all(b"\n")?)
}
