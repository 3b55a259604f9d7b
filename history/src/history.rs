//! A history read back.

use crate::table::{self, Names, Rows};
use crate::{Entry, Event, HistoryError, Id, Journal, Name, Observation, Operation, Outcome, RunDir, Sample};
use std::collections::HashMap;

/// Everything that a verdict is computed from.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// Operations, in the order in which they were recorded.
    pub operations: Vec<Operation>,
    /// Observations, final and live.
    pub observations: Vec<Observation>,
    /// Samples of series.
    pub series: Vec<Sample>,
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
    /// The operation that it is made of.
    pub operation: Name,
    /// Ok if any attempt is ok, else indeterminate if any is, else fail.
    pub outcome: Outcome,
    /// How many attempts were made.
    pub attempts: u32,
    /// Index of the decisive attempt in [`History::operations`]: the first ok one, else the last.
    /// `None` for an id that was issued and has no row.
    pub row: Option<usize>,
}

impl History {
    /// Reads the history of a run.
    ///
    /// A run that was killed lacks its last batches: that is no error, but [`Self::damage`] tells of it.
    ///
    /// # Errors
    /// If a file is missing, damaged, or of another version.
    pub fn read(run: &RunDir) -> Result<Self, HistoryError> {
        let mut names = Names::default();
        let mut damage = Vec::new();
        let mut note = |table: &str, truncated: bool| {
            if truncated {
                damage.push(format!("the file of {table} breaks off: the run was killed while it was written"));
            }
        };
        let Rows { rows: operations, truncated } = table::read(&run.operations(), &mut names)?;
        note("operations", truncated);
        let Rows { rows: observations, truncated } = table::read(&run.observations(), &mut names)?;
        note("observations", truncated);
        let Rows { rows: series, truncated } = table::read(&run.series(), &mut names)?;
        note("series", truncated);
        let (journal, truncated) = read_journal(run)?;
        note("the journal", truncated);
        Ok(Self { operations, observations, series, journal, damage })
    }

    /// The intents behind the operations called `operation`, ids that were issued for it and have no row included
    /// (as indeterminate), ordered by id. O(operations log operations).
    #[must_use]
    pub fn intents(&self, operation: &str) -> Vec<Intent> {
        let mut intents: HashMap<Id, Intent> = HashMap::new();
        for (row, made) in self.operations.iter().enumerate().filter(|(_, made)| &*made.name == operation) {
            let intent = intents.entry(made.intent).or_insert_with(|| Intent {
                id: made.intent,
                operation: Name::clone(&made.name),
                outcome: made.outcome,
                attempts: 0,
                row: Some(row),
            });
            intent.attempts += 1;
            if intent.outcome != Outcome::Ok {
                intent.row = Some(row);
            }
            intent.outcome = Outcome::of_attempts([intent.outcome, made.outcome]);
        }
        let name: Name = operation.into();
        for id in self.issued(operation) {
            intents.entry(id).or_insert_with(|| Intent {
                id,
                operation: Name::clone(&name),
                outcome: Outcome::Indeterminate,
                attempts: 0,
                row: None,
            });
        }
        let mut intents: Vec<Intent> = intents.into_values().collect();
        intents.sort_unstable_by_key(|intent| intent.id);
        intents
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
