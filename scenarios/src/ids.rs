//! Ids are journalled before they are sent.

use proofload_history::{Event, HistoryError, Recorder};
use std::sync::Arc;

/// The counters of one stream of ids.
///
/// They are issued in blocks, each of which is in the journal before its first id is handed out: a run that is killed
/// knows which ids may be found in the system.
pub(crate) struct Ids {
    recorder: Arc<Recorder>,
    stream: u16,
    traffic: String,
    operation: String,
    next: u64,
    issued: u64,
}

impl Ids {
    pub(crate) fn new(recorder: Arc<Recorder>, stream: u16, traffic: String, operation: String) -> Self {
        Self { recorder, stream, traffic, operation, next: 0, issued: 0 }
    }

    /// Issues as many as are missing for `count` to be taken: no more, so that no id is issued that nobody wants.
    pub(crate) fn provide(&mut self, count: u64) -> Result<(), HistoryError> {
        let to = self.next + count;
        if to > self.issued {
            self.recorder.event(Event::IdsIssued {
                stream: self.stream,
                traffic: self.traffic.clone(),
                operation: self.operation.clone(),
                from: self.issued,
                to,
            })?;
            self.issued = to;
        }
        Ok(())
    }

    /// The counter that [`Self::take`] takes: issued, and not yet anybody's.
    pub(crate) fn next(&mut self) -> Result<u64, HistoryError> {
        if self.next == self.issued {
            self.provide(1)?;
        }
        Ok(self.next)
    }

    /// Gives the next counter away.
    pub(crate) fn take(&mut self) {
        self.next += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proofload_history::{Clock, RunDir};

    fn blocks(run: &RunDir) -> Vec<(u64, u64)> {
        let journal = std::fs::read_to_string(run.journal()).unwrap();
        let entries = journal.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        entries.map(|entry| (entry["from"].as_u64().unwrap(), entry["to"].as_u64().unwrap())).collect()
    }

    #[test]
    fn an_id_is_in_the_journal_before_it_is_handed_out_and_none_is_issued_in_vain() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunDir::create(folder.path(), "ids").unwrap();
        let recorder = Arc::new(Recorder::create(&run, Clock::new()).unwrap());
        let mut ids = Ids::new(recorder, 1, "apply".to_owned(), "submit".to_owned());
        assert_eq!(blocks(&run), []);
        ids.provide(3).unwrap();
        assert_eq!(blocks(&run), [(0, 3)]);
        for expected in 0..2 {
            assert_eq!(ids.next().unwrap(), expected);
            ids.take();
        }
        // One of the first block is left, so the next block is one smaller.
        ids.provide(3).unwrap();
        assert_eq!(blocks(&run), [(0, 3), (3, 5)]);
        for _ in 0..3 {
            ids.take();
        }
        assert_eq!(ids.next().unwrap(), 5, "beyond what was provided, one at a time");
        assert_eq!(blocks(&run), [(0, 3), (3, 5), (5, 6)]);
    }
}
