//! The rows of stages, put together by sorting: nothing is hashed, whatever the ids are.

use crate::names::Names;
use proofload_history::{At, History, Id, Observation, Reading};

/// A row of a stage, by what it is put together with others by. Ordered so that a group's rows are together, as read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    group: Id,
    /// Its number among the history's observations.
    number: u32,
}

/// What was read at a stage at the end, in groups: the rows of an id, the entries of a transaction.
pub(super) struct StageRows<'h> {
    observations: &'h [Observation],
    rows: Vec<Row>,
    /// Rows that were read, those of no group included.
    pub(super) read: u64,
}

impl<'h> StageRows<'h> {
    /// The rows of each of `stages`, each in the group that `group` says. A stage that is named twice has its rows at
    /// its first place. One pass over the observations, then O(n log n) for n rows, with 32 bytes a row.
    pub(super) fn of<const N: usize>(
        history: &'h History,
        stages: [&str; N],
        group: impl Fn(&Observation) -> Option<Id>,
    ) -> [Self; N] {
        let observations = history.observations.as_slice();
        let mut found = stages.map(|_| Self { observations, rows: Vec::new(), read: 0 });
        let mut names = Names::new(stages);
        for (number, seen) in (0..).zip(observations) {
            if seen.reading != Reading::Final {
                continue;
            }
            let Some(stage) = names.number(&seen.stage) else { continue };
            found[stage].read += 1;
            found[stage].rows.extend(group(seen).map(|group| Row { group, number }));
        }
        for stage in &mut found {
            stage.rows.sort_unstable();
        }
        found
    }

    /// Rows that belong to no group.
    pub(super) fn without_group(&self) -> u64 {
        self.read - self.rows.len() as u64
    }

    /// The groups, in the order of their ids.
    pub(super) fn groups(&self) -> impl Iterator<Item = (Id, Group<'_>)> {
        let mut rest = self.cursor();
        std::iter::from_fn(move || rest.next_id().map(|id| (id, rest.take(id))))
    }

    /// The groups, to be asked for one after the other.
    pub(super) fn cursor(&self) -> Cursor<'_> {
        Cursor(Group { observations: self.observations, rows: &self.rows })
    }
}

/// The rows of one group, in the order in which they were read.
#[derive(Clone, Copy)]
pub(super) struct Group<'r> {
    observations: &'r [Observation],
    rows: &'r [Row],
}

impl<'r> Group<'r> {
    pub(super) fn is_empty(self) -> bool {
        self.rows.is_empty()
    }

    pub(super) fn len(self) -> usize {
        self.rows.len()
    }

    pub(super) fn iter(self) -> impl Iterator<Item = &'r Observation> + Clone {
        self.rows.iter().map(move |row| &self.observations[row.number as usize])
    }

    /// The earliest instant that any of its rows has.
    pub(super) fn first_at(self) -> Option<At> {
        self.iter().filter_map(|seen| seen.at).min()
    }
}

/// The groups that were not asked for yet: several stages are joined in one pass over each.
pub(super) struct Cursor<'r>(Group<'r>);

impl<'r> Cursor<'r> {
    /// The id of the next group.
    pub(super) fn next_id(&self) -> Option<Id> {
        self.0.rows.first().map(|row| row.group)
    }

    /// The rows of `id`, none if the stage does not have it. Ids have to be asked for in ascending order.
    pub(super) fn take(&mut self, id: Id) -> Group<'r> {
        let Group { observations, rows } = self.0;
        let before = rows.iter().take_while(|row| row.group < id).count();
        let rows = &rows[before..];
        let (taken, rest) = rows.split_at(rows.iter().take_while(|row| row.group == id).count());
        self.0.rows = rest;
        Group { observations, rows: taken }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Script;

    #[test]
    fn rows_come_in_groups_by_id_and_as_read_within_one() {
        let mut script = Script::new();
        for counter in [3, 1, 3, 2] {
            script.seen("log.in", Script::id(counter));
        }
        script.seen_live("log.in", Script::id(0)).seen("log.out", Script::id(9));
        let history = script.history();
        let [rows, none] = StageRows::of(&history, ["log.in", "nowhere"], |seen| Some(seen.id));
        let groups: Vec<(Id, Vec<Option<i64>>)> =
            rows.groups().map(|(id, group)| (id, group.iter().map(|seen| seen.offset).collect())).collect();
        let expected =
            [(1, vec![Some(1)]), (2, vec![Some(3)]), (3, vec![Some(0), Some(2)])].map(|(n, at)| (Script::id(n), at));
        assert_eq!(groups, expected);
        assert_eq!((rows.read, rows.without_group(), none.read), (4, 0, 0));
    }

    #[test]
    fn a_cursor_passes_over_the_groups_that_nobody_asks_for() {
        let mut script = Script::new();
        script.seen("log.in", Script::id(1)).seen("log.in", Script::id(2)).seen("log.in", Script::id(4));
        let history = script.history();
        let [rows] = StageRows::of(&history, ["log.in"], |seen| Some(seen.id));
        let mut cursor = rows.cursor();
        assert_eq!(cursor.take(Script::id(2)).len(), 1);
        assert!(cursor.take(Script::id(3)).is_empty());
        assert_eq!(cursor.next_id(), Some(Script::id(4)));
    }
}
