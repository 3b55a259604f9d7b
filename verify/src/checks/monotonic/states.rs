//! States in the order in which they may be reached, and the way of one id through them.

use crate::checks::groups::Member;
use crate::offending::Spot;
use serde::Deserialize;

/// What is kept of a row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kept {
    pub(super) spot: Spot,
    pub(super) version: Option<i64>,
    pub(super) state: State,
}

/// What a row says of the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// The number of the state among all that are named.
    Named(u16),
    /// One that no group names.
    Strange,
    /// Nothing.
    Missing,
}

/// Groups of states: no name twice, and at least two in all.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Vec<Vec<String>>")]
pub(super) struct States {
    /// Each with the number of its group.
    states: Vec<(String, usize)>,
}

impl TryFrom<Vec<Vec<String>>> for States {
    type Error = String;

    fn try_from(groups: Vec<Vec<String>>) -> Result<Self, String> {
        let mut states: Vec<(String, usize)> = Vec::new();
        for (group, names) in groups.into_iter().enumerate() {
            if names.is_empty() {
                return Err("a group without states can be reached by nothing: leave it out".into());
            }
            for name in names {
                if states.iter().any(|(known, _)| *known == name) {
                    return Err(format!("`{name}` is named twice: a state belongs to one group"));
                }
                states.push((name, group));
            }
        }
        if states.len() > usize::from(u16::MAX) {
            return Err("more states than anything can have".into());
        }
        if states.len() < 2 {
            return Err(
                "name at least two states, such as [[\"OPEN\"], [\"DONE\", \"FAILED\"]]: one cannot go back".into()
            );
        }
        Ok(Self { states })
    }
}

/// A state that an id has reached.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reached {
    /// The number of the state among all that are named.
    pub(super) state: usize,
    group: usize,
    pub(super) row: Member<Kept>,
}

impl States {
    /// The names of all states. A state's number is its place among them.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.states.iter().map(|(name, _)| name.as_str())
    }

    /// The row `row`, which has the state with this number.
    pub(super) fn reached(&self, state: u16, row: Member<Kept>) -> Reached {
        let state = usize::from(state);
        Reached { state, group: self.states[state].1, row }
    }
}

/// Sorts the rows of an id: by version if all have one, else by offset if all are in one partition. Rows that these do
/// not tell apart stand in the order of their groups, so that none seems to go back which may not have. Whether there are
/// none of several groups among them, so that the order is known.
pub(super) fn sort(reached: &mut [Reached]) -> bool {
    let partition = reached.first().and_then(|first| first.row.what.spot.partition());
    let in_partition = |spot: Spot| spot.partition() == partition && spot.offset().is_some();
    let versions = reached.iter().all(|reached| reached.row.what.version.is_some());
    let offsets = partition.is_some() && reached.iter().all(|reached| in_partition(reached.row.what.spot));
    let place = |reached: &Reached| match (versions, offsets) {
        (true, _) => reached.row.what.version,
        (false, true) => reached.row.what.spot.offset(),
        (false, false) => None,
    };
    let at = |reached: &Reached| reached.row.what.spot.at();
    reached.sort_unstable_by_key(|reached| {
        (place(reached), reached.group, reached.state, at(reached), reached.row.number())
    });
    reached.windows(2).all(|pair| pair[0].group == pair[1].group || place(&pair[0]) != place(&pair[1]))
}

/// The first row of an earlier group than the one before it, after that one.
pub(super) fn regress(reached: &[Reached]) -> Option<(Reached, Reached)> {
    reached.windows(2).find(|pair| pair[1].group < pair[0].group).map(|pair| (pair[0], pair[1]))
}

/// The first row that has another state of a group than one before it, after that one. O(rows x groups).
pub(super) fn contradiction(reached: &[Reached]) -> Option<(Reached, Reached)> {
    let last = reached.iter().map(|reached| reached.group).max()?;
    (0..=last).find_map(|group| {
        let mut of_group = reached.iter().filter(|reached| reached.group == group);
        let first = of_group.next()?;
        let other = of_group.find(|reached| reached.state != first.state)?;
        Some((*first, *other))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_that_make_no_sense_are_refused_with_what_to_write() {
        #[derive(Debug, Deserialize)]
        struct Table {
            states: States,
        }
        let read = |text: &str| toml::from_str::<Table>(&format!("states = {text}"));
        let states = read("[[\"a\"], [\"b\", \"c\"]]").unwrap().states;
        assert_eq!(states.names().collect::<Vec<_>>(), ["a", "b", "c"]);
        for (text, says) in [
            ("[]", "at least two states"),
            ("[[\"a\"]]", "at least two states"),
            ("[[\"a\"], []]", "a group without states"),
            ("[[\"a\"], [\"b\", \"a\"]]", "`a` is named twice"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.message().contains(says), "{text}: {}", error.message());
            assert!(error.span().is_some(), "{text}: no place");
        }
        assert!(read("[[\"a\", \"b\"]]").is_ok(), "one group: no state changes into the other");
    }
}
