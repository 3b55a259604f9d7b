//! A journal's file: one JSON object a line, only ever appended to.
//!
//! A line counts once it has its end. What a crash has torn has none, and nobody was told of it: it is cut off when the
//! file is opened again. What the lines tell, and when they are synced, is up to the party that writes them.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;
use tracing::warn;

/// A journal that whoever answers writes: a line is with the operating system before anybody hears of what it tells; it
/// survives the process, not the machine.
#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
    file: Mutex<JournalFile>,
}

impl Journal {
    /// Opens the journal at `path`, or begins it, and gives every line that it has to `take`. Errors as
    /// [`JournalFile::open`] does.
    pub(crate) fn open<L: DeserializeOwned>(path: &Path, take: impl FnMut(L)) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), file: Mutex::new(JournalFile::open(path, take)?) })
    }

    /// Appends lines, all or none; after an error the next ones overwrite what there is of these.
    pub(crate) fn append<L: Serialize>(&self, lines: &[L]) -> io::Result<()> {
        let mut text = Lines::default();
        for line in lines {
            text.push(line)?;
        }
        self.file().append(&text)
    }

    /// The file, and how many of its bytes are whole lines.
    pub(crate) fn contents(&self) -> (&Path, u64) {
        (&self.path, self.file().length())
    }

    fn file(&self) -> MutexGuard<'_, JournalFile> {
        // Its length is that of whole lines, whoever panicked.
        self.file.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The file, open behind its last whole line.
#[derive(Debug)]
pub(crate) struct JournalFile {
    file: File,
    length: u64,
}

impl JournalFile {
    /// Opens the file at `path`, or begins it, and gives every line that it has to `take`, in their order. A torn line
    /// at the end is cut off. Errors where the file cannot be read, or where a line that has its end is none.
    pub(crate) fn open<L: DeserializeOwned>(path: &Path, take: impl FnMut(L)) -> io::Result<Self> {
        let mut file = OpenOptions::new().create(true).read(true).append(true).open(path)?;
        let length = read(&mut file, take)?;
        if file.metadata()?.len() > length {
            warn!(path = %path.display(), length, "the journal's last line is torn and cut off");
            file.set_len(length)?;
        }
        Ok(Self { file, length })
    }

    /// Appends lines, all or none; after an error the next ones overwrite what there is of these. They are with the
    /// operating system then: they survive the process, not the machine.
    pub(crate) fn append(&mut self, lines: &Lines) -> io::Result<()> {
        if let Err(error) = self.file.write_all(&lines.text) {
            self.file.set_len(self.length)?;
            return Err(error);
        }
        self.length += u64::try_from(lines.text.len()).unwrap_or(u64::MAX);
        Ok(())
    }

    /// Waits until what was appended survives the machine as well.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// How many bytes there are in whole lines.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }
}

/// Lines that are to be appended together.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    text: Vec<u8>,
}

impl Lines {
    /// One more. Errors where it cannot be JSON.
    pub(crate) fn push<L: Serialize>(&mut self, line: &L) -> io::Result<()> {
        serde_json::to_writer(&mut self.text, line)?;
        self.text.push(b'\n');
        Ok(())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }
}

/// Gives every whole line to `take`, and returns the length of all of them.
fn read<L: DeserializeOwned>(file: &mut File, mut take: impl FnMut(L)) -> io::Result<u64> {
    let (mut length, mut number) = (0, 0_u64);
    let mut reader = BufReader::new(file);
    let mut text = Vec::new();
    loop {
        text.clear();
        number += 1;
        let bytes = reader.read_until(b'\n', &mut text)?;
        if !text.ends_with(b"\n") {
            return Ok(length);
        }
        let line = serde_json::from_slice(&text).map_err(|error| {
            io::Error::new(io::ErrorKind::InvalidData, format!("line {number} of the journal is broken: {error}"))
        })?;
        take(line);
        length += u64::try_from(bytes).unwrap_or(u64::MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_has_its_end_and_is_none_is_refused_by_its_number() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.ndjson");
        for (text, number) in [("7\n{}\n8\n", 2), ("7\n{}\n", 2), ("\n", 1)] {
            std::fs::write(&path, text).expect("written");
            let error = JournalFile::open(&path, |_: u8| {}).expect_err("no journal");
            assert!(error.to_string().starts_with(&format!("line {number} of the journal is broken")), "{error}");
            assert_eq!(std::fs::read_to_string(&path).expect("a file"), text, "it is left as it is");
        }
    }

    #[test]
    fn a_torn_line_is_cut_off_and_the_next_one_stands_in_its_place() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.ndjson");
        for torn in ["", "{\"half", "9"] {
            std::fs::write(&path, format!("7\n8\n{torn}")).expect("written");
            let mut found = Vec::new();
            let mut file = JournalFile::open(&path, |line: u8| found.push(line)).expect("a journal");
            assert_eq!((&found[..], file.length()), (&[7, 8][..], 4));
            let mut lines = Lines::default();
            lines.push(&10).expect("JSON");
            file.append(&lines).expect("written");
            assert_eq!(file.length(), 7);
            assert_eq!(std::fs::read_to_string(&path).expect("a file"), "7\n8\n10\n");
        }
    }
}
