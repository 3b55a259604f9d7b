//! A history read back.

use crate::seal::Seal;
use crate::{Entry, Event, HistoryError, Id, Journal, Observation, Operation, Outcome, RunDir, Sample, Table};
use std::collections::BTreeMap;

/// Everything that a verdict is computed from.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// Operations, in the order in which they were recorded.
    pub operations: Table<Operation>,
    /// Observations, final and live.
    pub observations: Table<Observation>,
    /// Samples of series.
    pub series: Table<Sample>,
    /// The journal.
    pub journal: Journal,
    /// What was found broken off or missing while the files were read; empty for a run that came to its end.
    pub damage: Vec<String>,
}

/// What a client wanted to happen once: its attempts taken together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    /// Its id.
    pub id: Id,
    /// Ok if any attempt is ok, else indeterminate if any is, else fail.
    pub outcome: Outcome,
    /// How many attempts were made.
    pub attempts: u32,
    /// The decisive attempt: the first ok one in the order recorded, else the last. `None` for an id that was issued and
    /// has no row.
    pub decisive: Option<Operation>,
}

/// What is wrong with a history whose files look whole and were never sealed, or not by a version that seals.
const UNSEALED: &str = "it was not sealed: the run was killed, could not write all that it recorded, or was recorded by a \
    version of proofload that sealed nothing";

/// Tables whose files are not longer than this together are held in memory; others are read anew on each pass.
pub const HOLD_BYTES: u64 = 256 << 20;

impl History {
    /// Reads the history of a run.
    ///
    /// A run that was killed lacks its last batches and its seal: that is no error, but [`Self::damage`] tells of it.
    ///
    /// # Errors
    /// If a file is missing, damaged, of another version, or not the one that was sealed.
    pub fn read(run: &RunDir) -> Result<Self, HistoryError> {
        Self::read_holding(run, HOLD_BYTES)
    }

    /// The same, with at most `hold` bytes of rows in memory.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn read_holding(run: &RunDir, mut hold: u64) -> Result<Self, HistoryError> {
        let seal = Seal::find(run)?;
        if let Some(seal) = &seal {
            seal.verify(run)?;
        }
        let mut damage = Vec::new();
        let mut note = |table: &str, truncated: bool| {
            if truncated {
                damage.push(format!("the file of {table} breaks off: the run was killed while it was written"));
            }
        };
        let (operations, truncated) = Table::open(&run.operations(), &mut hold)?;
        note("operations", truncated);
        let (observations, truncated) = Table::open(&run.observations(), &mut hold)?;
        note("observations", truncated);
        let (series, truncated) = Table::open(&run.series(), &mut hold)?;
        note("series", truncated);
        let (journal, truncated) = read_journal(run)?;
        note("the journal", truncated);
        // What breaks off says so already. Without a seal, whatever looks whole may lack its end or have other values.
        if seal.is_none() && damage.is_empty() {
            damage.push(UNSEALED.to_owned());
        }
        Ok(Self { operations, observations, series, journal, damage })
    }

    /// The intents behind the operations called `operation`, ids that were issued for it and have no row included
    /// (as indeterminate), ordered by id: the obvious way, for histories that are known to be small.
    ///
    /// # Errors
    /// If the operations cannot be read.
    pub fn intents(&self, operation: &str) -> Result<Vec<Intent>, HistoryError> {
        let mut intents: BTreeMap<Id, Intent> = BTreeMap::new();
        self.operations.each(|made| {
            if made.name() != operation {
                return;
            }
            let (id, outcome) = (made.intent(), made.outcome());
            let intent = intents.entry(id).or_insert(Intent { id, outcome, attempts: 0, decisive: None });
            intent.attempts += 1;
            if intent.outcome != Outcome::Ok || intent.decisive.is_none() {
                intent.decisive = Some(made.to_owned());
            }
            intent.outcome = Outcome::of_attempts([intent.outcome, outcome]);
        })?;
        for id in self.issued(operation) {
            let outcome = Outcome::Indeterminate;
            intents.entry(id).or_insert(Intent { id, outcome, attempts: 0, decisive: None });
        }
        Ok(intents.into_values().collect())
    }

    /// The ids that the journal says were issued for `operation`.
    pub fn issued<'a>(&'a self, operation: &'a str) -> impl Iterator<Item = Id> + 'a {
        let seed = self.journal.seed().unwrap_or_default();
        self.journal.entries.iter().flat_map(move |entry| {
            match &entry.event {
                Event::IdsIssued { stream, operation: of, from, to, .. } if of == operation => {
                    let stream = *stream;
                    Some((*from..*to).map(move |counter| Id::issued(seed, stream, counter)))
                }
                _ => None,
            }
            .into_iter()
            .flatten()
        })
    }
}

fn read_journal(run: &RunDir) -> Result<(Journal, bool), HistoryError> {
    let path = run.journal();
    let text = std::fs::read_to_string(&path).map_err(HistoryError::file("read", &path))?;
    let whole = text.is_empty() || text.ends_with('\n');
    let lines = text.lines().count();
    let mut entries: Vec<Entry> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        match serde_json::from_str(line) {
            Ok(entry) => entries.push(entry),
            Err(_) if !whole && index + 1 == lines => {}
            Err(source) => return Err(HistoryError::Journal { path, line: index + 1, source }),
        }
    }
    Ok((Journal { entries }, !whole))
}
