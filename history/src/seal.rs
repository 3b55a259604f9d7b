//! The seal of a history: the lengths and the digests of its files, written when the last of them was closed.
//!
//! A bit that flips in a column gives another value, and a journal that lost its last lines is a journal: nobody can tell
//! from the file alone. So a history that was sealed is read only if each of its files is what was recorded, byte for byte.
//! One without a seal was not closed (its run was killed), and is read as far as it goes, as a damaged one. The seal is for
//! accidents; who wants to deceive can write another.

use crate::tally::Tally;
use crate::{HistoryError, RunDir, format};
use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// What the files of a history are.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Seal {
    format: u32,
    operations: SealedFile,
    observations: SealedFile,
    series: SealedFile,
    journal: SealedFile,
}

/// What one file is.
#[derive(Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct SealedFile {
    bytes: u64,
    /// 64-bit XXH3, in hexadecimal: not every reader of JSON keeps 64 bits of a number.
    xxh3: String,
}

/// The one key that every version has: what is meant by the others depends on it.
#[derive(serde::Deserialize)]
struct Stated {
    format: serde_json::Number,
}

/// What passed into the files of a history.
pub(crate) struct Tallies {
    pub(crate) operations: Tally,
    pub(crate) observations: Tally,
    pub(crate) series: Tally,
    pub(crate) journal: Tally,
}

impl Seal {
    pub(crate) fn of(tallies: &Tallies) -> Self {
        Self {
            format: format::FORMAT,
            operations: SealedFile::of(&tallies.operations),
            observations: SealedFile::of(&tallies.observations),
            series: SealedFile::of(&tallies.series),
            journal: SealedFile::of(&tallies.journal),
        }
    }

    /// Writes it to `path`, whole or not at all.
    pub(crate) fn write(&self, path: &Path) -> Result<(), HistoryError> {
        let mut text = serde_json::to_vec_pretty(self)
            .map_err(|error| HistoryError::file("write", path)(std::io::Error::new(ErrorKind::InvalidData, error)))?;
        text.push(b'\n');
        let fresh = path.with_extension("json.part");
        std::fs::write(&fresh, text).map_err(HistoryError::file("write", &fresh))?;
        std::fs::rename(&fresh, path).map_err(HistoryError::file("create", path))
    }

    /// Removes the seal of whatever was recorded in this folder before.
    pub(crate) fn remove(path: &Path) -> Result<(), HistoryError> {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(HistoryError::file("remove", path)(error)),
            _ => Ok(()),
        }
    }

    /// The seal of `run`, if it was sealed.
    pub(crate) fn find(run: &RunDir) -> Result<Option<Self>, HistoryError> {
        let path = run.seal();
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(HistoryError::file("read", path)(error)),
        };
        let damaged = |source| HistoryError::Seal { path: path.clone(), source };
        let stated: Stated = serde_json::from_slice(&text).map_err(damaged)?;
        format::check(&path, &stated.format.to_string())?;
        serde_json::from_slice(&text).map(Some).map_err(damaged)
    }

    /// Holds every file of `run` against it.
    pub(crate) fn verify(&self, run: &RunDir) -> Result<(), HistoryError> {
        let files = [
            (&self.operations, run.operations()),
            (&self.observations, run.observations()),
            (&self.series, run.series()),
            (&self.journal, run.journal()),
        ];
        files.into_iter().try_for_each(|(sealed, path)| sealed.verify(path))
    }
}

impl SealedFile {
    fn of(tally: &Tally) -> Self {
        Self { bytes: tally.bytes(), xxh3: format!("{:016x}", tally.digest()) }
    }

    fn verify(&self, path: PathBuf) -> Result<(), HistoryError> {
        let file = File::open(&path).map_err(HistoryError::file("open", &path))?;
        let bytes = file.metadata().map_err(HistoryError::file("read", &path))?.len();
        if bytes != self.bytes {
            let what = format!("it has {bytes} bytes, and {} were recorded", self.bytes);
            return Err(HistoryError::Altered { path, what });
        }
        let found = Self::of(&Tally::of(file).map_err(HistoryError::file("read", &path))?);
        if found != *self {
            let what = format!("its digest is {}, and that of what was recorded {}", found.xxh3, self.xxh3);
            return Err(HistoryError::Altered { path, what });
        }
        Ok(())
    }
}
