//! The version of the files of a history, and how a file states it.

use crate::HistoryError;
use arrow_schema::Schema;
use std::path::Path;

/// The version that is written and read. It is raised whenever what is written, in whichever file, means something else
/// than before: a reader that does not know the meaning of a file must not judge by it.
pub const FORMAT: u32 = 2;

/// Under this key the schema of a table states it.
const KEY: &str = "proofload.format";

/// `schema`, with the version stated in it.
pub(crate) fn stated(schema: Schema) -> Schema {
    schema.with_metadata([(KEY.to_owned(), FORMAT.to_string())])
}

/// Refuses a table of another version. One that states none is from before there was a seal: its history has none, and
/// never passes.
pub(crate) fn check_table(path: &Path, schema: &Schema) -> Result<(), HistoryError> {
    schema.metadata().get(KEY).map_or(Ok(()), |format| check(path, format))
}

/// Refuses a file that says it is of another version.
pub(crate) fn check(path: &Path, format: &str) -> Result<(), HistoryError> {
    if format == FORMAT.to_string() {
        return Ok(());
    }
    Err(HistoryError::Format { path: path.to_owned(), format: format.to_owned() })
}
