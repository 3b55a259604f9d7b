//! The bureau's journal: what it was asked and what it has answered, one JSON object a line: the ground truth.
//!
//! A line is with the operating system before anybody hears of what it tells; it survives the process, not the machine.
//! A question has a line when it is asked, and another when its report has been taken.

use std::collections::HashMap;
use std::io;
use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::party::journal::Journal;

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

/// Opens the journal at `path`, or begins it; returns it with what is asked in it and not answered. Errors as
/// [`JournalFile::open`](crate::party::journal::JournalFile::open) does.
pub(super) fn open(path: &Path) -> io::Result<(Journal, Vec<Line>)> {
    let mut open = HashMap::new();
    let journal = Journal::open(path, |line: Line| {
        match line.answered_at {
            None => open.insert(line.request_id, line),
            Some(_) => open.remove(&line.request_id),
        };
    })?;
    Ok((journal, open.into_values().collect()))
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;
    use std::io::Write;

    use tempfile::TempDir;

    use super::*;

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
        let (journal, unanswered) = open(&path).expect("a new journal");
        assert!(unanswered.is_empty());
        journal.append(&[line(1, false), line(2, false)]).expect("written");
        journal.append(&[line(1, true)]).expect("written");
        let (_, length) = journal.contents();
        drop(journal);
        let mut file = OpenOptions::new().append(true).open(&path).expect("the file");
        file.write_all(b"{\"request_id\":").expect("torn");
        let (journal, unanswered) = open(&path).expect("readable");
        assert_eq!(unanswered, [line(2, false)]);
        assert_eq!(journal.contents().1, length);
        journal.append(&[line(2, true)]).expect("written");
        assert!(open(&path).expect("readable").1.is_empty());
    }
}
