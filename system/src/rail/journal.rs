//! The rail's journal: one JSON object a line, on disk before anybody hears of what it tells. It is the ground truth for
//! money moved.
//!
//! One thread owns the file and what is known of instructions. It takes all requests that wait, decides what is new,
//! writes, syncs once for all of them, and only then answers: however many repeats come at once, the first decides.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};
use tracing::info;
use uuid::Uuid;

use super::conduct;
use super::transfer::{Direction, Instruction, Settled, Verdict};
use crate::party::journal::{JournalFile, Lines};

/// Requests that wait for the disk before more are held back.
const QUEUE: usize = 4_096;
/// Requests that share one sync.
const GROUP: usize = 1_024;
/// What the rail says when it refuses.
const REASON: &str = "ACCOUNT_CLOSED";

/// A line of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Line {
    pub(super) instruction_id: Uuid,
    pub(super) external_id: Uuid,
    pub(super) direction: Direction,
    pub(super) amount_minor_units: i64,
    pub(super) state: Verdict,
    pub(super) at: Timestamp,
}

/// The file cannot be written any more; what was asked may have been executed or not.
#[derive(Debug, thiserror::Error)]
#[error("the journal takes nothing any more")]
pub(super) struct Closed;

/// The way to the journal; cheap to clone.
#[derive(Clone)]
pub(super) struct Journal {
    requests: mpsc::Sender<Request>,
    path: Arc<PathBuf>,
    synced: Arc<AtomicU64>,
}

struct Request {
    instructions: Vec<Instruction>,
    answer: oneshot::Sender<Vec<Settled>>,
}

impl Journal {
    /// Opens the journal at `path`, or begins it, and reads what was done. The receiver hears how the journal ended.
    /// Errors as [`JournalFile::open`] does.
    pub(super) fn open(path: &Path, refusal: f64) -> io::Result<(Self, oneshot::Receiver<io::Result<()>>)> {
        let mut known = HashMap::new();
        let file = JournalFile::open(path, |line: Line| {
            known.insert(line.instruction_id, line.state);
        })?;
        file.sync()?;
        if let Some(folder) = path.parent() {
            // The file's name is to survive as well.
            File::open(folder)?.sync_all()?;
        }
        info!(path = %path.display(), instructions = known.len(), "the journal is open");
        let (requests, waiting) = mpsc::channel(QUEUE);
        let synced = Arc::new(AtomicU64::new(file.length()));
        let writer = Writer { file, known, refusal, synced: Arc::clone(&synced) };
        let (end, ended) = oneshot::channel();
        // Where nobody listens for the end, every later request is told of it.
        let thread = std::thread::Builder::new().name("journal".to_owned());
        thread.spawn(move || end.send(writer.run(waiting)))?;
        Ok((Self { requests, path: Arc::new(path.to_owned()), synced }, ended))
    }

    /// Executes what is new among `instructions`, and returns the result of each when all of them are on disk.
    pub(super) async fn execute(&self, instructions: Vec<Instruction>) -> Result<Vec<Settled>, Closed> {
        let (answer, settled) = oneshot::channel();
        self.requests.send(Request { instructions, answer }).await.map_err(|_| Closed)?;
        settled.await.map_err(|_| Closed)
    }

    /// The file, and how many of its bytes are on disk.
    pub(super) fn contents(&self) -> (&Path, u64) {
        (&self.path, self.synced.load(Ordering::Acquire))
    }
}

struct Writer {
    file: JournalFile,
    known: HashMap<Uuid, Verdict>,
    refusal: f64,
    synced: Arc<AtomicU64>,
}

impl Writer {
    /// Goes on until nobody can ask any more. After an error nothing is known of the file's end, so nothing is written
    /// behind it.
    fn run(mut self, mut waiting: mpsc::Receiver<Request>) -> io::Result<()> {
        let mut group = Vec::with_capacity(GROUP);
        while waiting.blocking_recv_many(&mut group, GROUP) > 0 {
            let (mut lines, mut answers) = (Lines::default(), Vec::with_capacity(group.len()));
            for Request { instructions, answer } in group.drain(..) {
                let settled =
                    instructions.iter().map(|one| self.execute(one, &mut lines)).collect::<io::Result<_>>()?;
                answers.push((answer, settled));
            }
            if !lines.is_empty() {
                self.file.append(&lines)?;
                self.file.sync()?;
                self.synced.store(self.file.length(), Ordering::Release);
                metrics::counter!("lending_rail_syncs_total").increment(1);
            }
            for (answer, settled) in answers {
                // Who asked may have gone; what was done is done.
                let _: Result<(), Vec<Settled>> = answer.send(settled);
            }
        }
        Ok(())
    }

    /// The first result of an instruction; where this is the first, its line is to be written before it is told.
    fn execute(&mut self, instruction: &Instruction, lines: &mut Lines) -> io::Result<Settled> {
        let id = instruction.instruction_id;
        if let Some(state) = self.known.get(&id) {
            metrics::counter!("lending_rail_repeats_total").increment(1);
            return Ok(settled(id, *state));
        }
        let state = conduct::verdict(id, self.refusal);
        lines.push(&Line {
            instruction_id: id,
            external_id: instruction.external_id,
            direction: instruction.direction,
            amount_minor_units: instruction.amount.minor_units,
            state,
            at: Timestamp::now(),
        })?;
        self.known.insert(id, state);
        let name = if state == Verdict::Executed { "executed" } else { "refused" };
        metrics::counter!("lending_rail_transfers_total", "state" => name).increment(1);
        Ok(settled(id, state))
    }
}

fn settled(instruction_id: Uuid, state: Verdict) -> Settled {
    let reason = (state == Verdict::Refused).then(|| REASON.to_owned());
    Settled { instruction_id, state, reason }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use tempfile::TempDir;

    use super::*;
    use crate::domain::money::{Amount, Currency};

    fn instruction(id: u128) -> Instruction {
        Instruction {
            instruction_id: Uuid::from_u128(id),
            external_id: Uuid::from_u128(id + 1_000_000),
            direction: Direction::Out,
            amount: Amount { currency: Currency::Eur, minor_units: 500 },
            traceparent: None,
        }
    }

    fn open(folder: &TempDir) -> Journal {
        Journal::open(&folder.path().join("rail.ndjson"), 0.5).expect("a journal").0
    }

    fn lines(folder: &TempDir) -> Vec<Line> {
        let text = std::fs::read_to_string(folder.path().join("rail.ndjson")).expect("a journal");
        text.lines().map(|line| serde_json::from_str(line).expect("a line")).collect()
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn a_thousand_concurrent_repeats_of_one_instruction_execute_it_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let journal = open(&folder);
        let repeats = (0..1_000).map(|_| {
            let journal = journal.clone();
            tokio::spawn(async move { journal.execute(vec![instruction(3), instruction(4)]).await })
        });
        let answers = futures::future::join_all(repeats).await;
        let first = answers[0].as_ref().expect("no panic").as_ref().expect("answered").clone();
        for answer in answers {
            assert_eq!(answer.expect("no panic").expect("answered"), first);
        }
        let ids: Vec<_> = lines(&folder).iter().map(|line| line.instruction_id).collect();
        assert_eq!(ids, [Uuid::from_u128(3), Uuid::from_u128(4)]);
    }

    #[tokio::test]
    async fn what_was_answered_is_known_after_a_restart_and_a_torn_line_is_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let before = open(&folder).execute((0..100).map(instruction).collect()).await.expect("answered");
        let path = folder.path().join("rail.ndjson");
        let whole = std::fs::read(&path).expect("a journal");
        // The crash tore the line of an instruction that nobody was told of.
        let torn = serde_json::to_vec(&lines(&folder)[0]).expect("JSON");
        std::fs::write(&path, [&whole[..], &torn[..torn.len() / 2]].concat()).expect("written");

        let journal = open(&folder);
        assert_eq!(std::fs::read(&path).expect("a journal"), whole, "the torn line is cut off");
        let after = journal.execute((0..100).map(instruction).collect()).await.expect("answered");
        assert_eq!(after, before);
        assert_eq!(lines(&folder).len(), 100, "nothing is executed again");
        journal.execute(vec![instruction(100)]).await.expect("answered");
        assert_eq!(lines(&folder).len(), 101, "and it goes on behind the last whole line");
    }

    #[tokio::test]
    async fn a_whole_last_line_without_its_end_was_not_told_either() {
        let folder = tempfile::tempdir().expect("a folder");
        open(&folder).execute(vec![instruction(1), instruction(2)]).await.expect("answered");
        let path = folder.path().join("rail.ndjson");
        let whole = std::fs::read(&path).expect("a journal");
        std::fs::write(&path, &whole[..whole.len() - 1]).expect("written");
        let journal = open(&folder);
        journal.execute(vec![instruction(2)]).await.expect("answered");
        assert_eq!(lines(&folder).len(), 2);
    }

    #[tokio::test]
    async fn an_answer_is_on_disk_before_it_is_given() {
        let folder = tempfile::tempdir().expect("a folder");
        let journal = open(&folder);
        journal.execute(vec![instruction(1)]).await.expect("answered");
        let (path, synced) = journal.contents();
        let mut text = String::new();
        File::open(path).expect("a journal").read_to_string(&mut text).expect("text");
        assert_eq!(u64::try_from(text.len()).expect("fits"), synced);
        assert!(text.contains(&Uuid::from_u128(1).to_string()));
    }
}
