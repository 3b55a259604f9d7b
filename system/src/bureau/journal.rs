//! The bureau's journal: what it was asked and what it has answered, one JSON object a line: the ground truth.
//!
//! A line is with the operating system before anybody hears of what it tells; it survives the process, not the machine.
//! A question has a line when it is asked, and another when its report has been taken.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tracing::warn;
use uuid::Uuid;

/// A line of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Line {
    pub(super) request_id: Uuid,
    pub(super) external_id: Uuid,
    pub(super) score: Option<u16>,
    pub(super) asked_at: Timestamp,
    /// When the report was taken; null while it was not.
    pub(super) answered_at: Option<Timestamp>,
    /// Where the report goes; null where it was waited for.
    pub(super) callback_url: Option<String>,
    /// The step of a trace that the report follows from, also after a restart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) traceparent: Option<String>,
}

/// The journal of this process.
pub(super) struct Journal {
    path: PathBuf,
    file: Mutex<Written>,
}

struct Written {
    file: File,
    length: u64,
}

impl Journal {
    /// Opens the journal at `path`, or begins it; returns it with what is asked in it and not answered. A line that was
    /// torn by a crash is cut off: nobody was told of it. Errors where the file cannot be read or holds a line, not the
    /// last one, that is none.
    pub(super) fn open(path: &Path) -> io::Result<(Self, Vec<Line>)> {
        let mut file = OpenOptions::new().create(true).read(true).append(true).open(path)?;
        let (open, length) = read(&mut file)?;
        if file.metadata()?.len() > length {
            warn!(path = %path.display(), length, "the journal's last line is torn and cut off");
            file.set_len(length)?;
        }
        Ok((Self { path: path.to_owned(), file: Mutex::new(Written { file, length }) }, open))
    }

    /// Appends lines, all or none; after an error the next ones overwrite what there is of these.
    pub(super) fn append(&self, lines: &[Line]) -> io::Result<()> {
        let mut text = Vec::with_capacity(lines.len() * 256);
        for line in lines {
            serde_json::to_writer(&mut text, line)?;
            text.push(b'\n');
        }
        let mut written = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = written.file.write_all(&text) {
            written.file.set_len(written.length)?;
            return Err(error);
        }
        written.length += u64::try_from(text.len()).unwrap_or(u64::MAX);
        Ok(())
    }

    /// The file, and how many of its bytes are whole lines.
    pub(super) fn contents(&self) -> (&Path, u64) {
        (&self.path, self.file.lock().unwrap_or_else(PoisonError::into_inner).length)
    }
}

/// What is asked and not answered in the file, and its length up to the last line that is whole.
fn read(file: &mut File) -> io::Result<(Vec<Line>, u64)> {
    let (mut open, mut length, mut number) = (HashMap::new(), 0, 0_u64);
    let mut reader = BufReader::new(file);
    let mut text = Vec::new();
    loop {
        text.clear();
        number += 1;
        let bytes = reader.read_until(b'\n', &mut text)?;
        if !text.ends_with(b"\n") {
            return Ok((open.into_values().collect(), length));
        }
        let line: Line = serde_json::from_slice(&text).map_err(|error| {
            io::Error::new(io::ErrorKind::InvalidData, format!("line {number} of the journal is broken: {error}"))
        })?;
        match line.answered_at {
            None => open.insert(line.request_id, line),
            Some(_) => open.remove(&line.request_id),
        };
        length += u64::try_from(bytes).unwrap_or(u64::MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    fn line(id: u128, answered: bool) -> Line {
        let now = Timestamp::from_second(1_700_000_000).expect("an instant");
        Line {
            request_id: Uuid::from_u128(id),
            external_id: Uuid::from_u128(id + 1_000),
            score: Some(500),
            asked_at: now,
            answered_at: answered.then_some(now),
            callback_url: Some("http://front".to_owned()),
            traceparent: None,
        }
    }

    #[test]
    fn what_was_not_answered_is_known_after_a_restart_even_with_a_torn_line() {
        let folder = TempDir::new().expect("a folder");
        let path = folder.path().join("bureau.ndjson");
        let (journal, open) = Journal::open(&path).expect("a new journal");
        assert!(open.is_empty());
        journal.append(&[line(1, false), line(2, false)]).expect("written");
        journal.append(&[line(1, true)]).expect("written");
        let (_, length) = journal.contents();
        drop(journal);
        OpenOptions::new().append(true).open(&path).expect("the file").write_all(b"{\"request_id\":").expect("torn");
        let (journal, open) = Journal::open(&path).expect("readable");
        assert_eq!(open, [line(2, false)]);
        assert_eq!(journal.contents().1, length);
        journal.append(&[line(2, true)]).expect("written");
        assert!(Journal::open(&path).expect("readable").1.is_empty());
    }

    #[test]
    fn a_broken_line_in_the_middle_is_told_by_its_number() {
        let folder = TempDir::new().expect("a folder");
        let path = folder.path().join("bureau.ndjson");
        std::fs::write(&path, "{}\n").expect("a file");
        let error = Journal::open(&path).err().expect("no journal");
        assert!(error.to_string().contains("line 1"), "{error}");
    }
}
