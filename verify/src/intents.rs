//! The intents of one operation as columns, each under a dense number, so that rows are joined without hashing.
//!
//! The ids of a run are a function of its seed, a stream and a counter, and the journal says which were issued: the id
//! of an arrival that was issued *is* its place in a column. Only what arrivals did under ids of their own goes through
//! a map, and ids that were not issued (none, in a whole history).

use proofload_history::{Event, History, HistoryError, Id, OperationRef, Outcome};
use std::collections::{BTreeMap, HashMap};

/// More ids than this are a damaged journal rather than a run: their columns alone would take gigabytes.
const MAX_ISSUED: u64 = 1 << 28;

/// The number of an intent, dense from 0.
pub(crate) type Number = u32;

/// What is known of an intent from its attempts. Ordered so that the outcome of several is their maximum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Known {
    /// Issued, and no attempt is on record: nobody can know.
    NoRow,
    /// An id that only other operations were made under: no intent of this one, and no phantom either.
    Other,
    /// It certainly did not happen.
    Fail,
    /// Nobody can know.
    Indeterminate,
    /// Acknowledged.
    Ok,
}

impl From<Outcome> for Known {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Ok => Self::Ok,
            Outcome::Fail => Self::Fail,
            Outcome::Indeterminate => Self::Indeterminate,
        }
    }
}

/// The intents behind one operation: a byte each, and no more of their attempts. What needs an attempt takes a pass of
/// its own.
pub(crate) struct Intents {
    operation: String,
    index: Index,
    known: Vec<Known>,
    /// Those under whose id another operation was made as well, and not refused.
    beside: Marks,
}

impl Intents {
    /// The intents behind the operations called `operation`. O(operations + ids issued).
    ///
    /// # Errors
    /// If the operations cannot be read, or the journal claims more ids than a run can have issued.
    pub(crate) fn of(history: &History, operation: &str) -> Result<Self, HistoryError> {
        Self::with_acknowledgements(history, operation, |_, _| {})
    }

    /// The same, with each intent's acknowledgement handed over on the way: the first attempt, in the order recorded,
    /// that was ok.
    ///
    /// # Errors
    /// As [`Self::of`].
    pub(crate) fn with_acknowledgements(
        history: &History,
        operation: &str,
        mut take: impl FnMut(Number, OperationRef<'_>),
    ) -> Result<Self, HistoryError> {
        let index = Index::of(history, operation)?;
        let known = vec![Known::NoRow; index.blocks_end as usize];
        let beside = Marks::new(known.len());
        let mut intents = Self { operation: operation.to_owned(), index, known, beside };
        history.operations.each(|made| {
            let number = intents.column(made.intent());
            let now = if made.name() == operation { made.outcome().into() } else { Known::Other };
            if now == Known::Other && made.outcome() != Outcome::Fail {
                intents.beside.put(number);
            }
            let known = &mut intents.known[number as usize];
            if now == Known::Ok && *known != Known::Ok {
                take(number, made);
            }
            *known = now.max(*known);
        })?;
        Ok(intents)
    }

    /// Hands over the acknowledgement of each intent that `wanted` has, by number. One pass over the operations.
    ///
    /// # Errors
    /// If the operations cannot be read.
    pub(crate) fn each_acknowledgement(
        &self,
        history: &History,
        mut wanted: Marks,
        mut take: impl FnMut(Number, OperationRef<'_>),
    ) -> Result<(), HistoryError> {
        history.operations.each(|made| {
            if made.name() == self.operation
                && made.outcome() == Outcome::Ok
                && let Some(number) = self.number(made.intent())
                && wanted.take(number)
            {
                take(number, made);
            }
        })
    }

    /// The number of `id`, which was seen somewhere. An own id of an arrival that was issued is none that nobody issued:
    /// one without a row gets a number now.
    pub(crate) fn seen(&mut self, id: Id) -> Option<Number> {
        self.number(id).or_else(|| self.was_issued(id).then(|| self.column(id)))
    }

    /// The place of `id` in the columns, made for it if it has none.
    fn column(&mut self, id: Id) -> Number {
        let number = self.index.number_or_add(id);
        if number as usize == self.known.len() {
            self.known.push(Known::NoRow);
            self.beside.grow(self.known.len());
        }
        number
    }

    /// How many intents are numbered, ids that were issued and have no row included.
    pub(crate) fn len(&self) -> usize {
        self.known.len()
    }

    /// The number of `id`, if it was issued or has a row.
    #[inline]
    pub(crate) fn number(&self, id: Id) -> Option<Number> {
        self.index.number(id)
    }

    /// Whether `id` was issued, as an arrival or within one.
    pub(crate) fn was_issued(&self, id: Id) -> bool {
        self.index.arrival_number(id).is_some()
    }

    /// The id of an intent.
    pub(crate) fn id(&self, number: Number) -> Id {
        self.index.id(number)
    }

    /// What the attempts of each intent came to, by number.
    pub(crate) fn known(&self) -> &[Known] {
        &self.known
    }

    /// Whether another operation may have left something under the id of this intent.
    pub(crate) fn shared(&self, number: Number) -> bool {
        self.beside.has(number)
    }

    /// What is known of `id`: [`Known::NoRow`] of one that was issued and has none, `None` of one that was not.
    pub(crate) fn known_of(&self, id: Id) -> Option<Known> {
        let known = self.number(id).map(|number| self.known[number as usize]);
        known.or_else(|| self.was_issued(id).then_some(Known::NoRow))
    }

    /// Whether the id was issued for this operation, to be made first under it. An own id of an arrival never was: the
    /// journal does not say what it is for.
    pub(crate) fn issued_for_it(&self, id: Id) -> bool {
        self.number(id).and_then(|number| self.index.block(number)).is_some_and(|block| block.own)
    }

    /// How many intents came to `known`.
    pub(crate) fn count(&self, known: Known) -> u64 {
        self.known.iter().filter(|this| **this == known).count() as u64
    }

    /// The intents that were issued for this operation and have no row: the rest of the last block in a run that came
    /// to its end, and whatever was under way in one that did not.
    pub(crate) fn without_row(&self) -> impl Iterator<Item = Number> + '_ {
        let own = self.index.blocks.iter().filter(|block| block.own);
        own.flat_map(|block| block.first..block.first + (block.to - block.from) as Number)
            .filter(|number| self.known[*number as usize] == Known::NoRow)
    }
}

/// A set of numbers, a bit each.
#[derive(Clone)]
pub(crate) struct Marks(Vec<u64>);

impl Marks {
    /// None of the numbers below `end`.
    pub(crate) fn new(end: usize) -> Self {
        Self(vec![0; end.div_ceil(64)])
    }

    /// Makes room for the numbers below `end`.
    fn grow(&mut self, end: usize) {
        self.0.resize(end.div_ceil(64), 0);
    }

    /// Puts a number in.
    pub(crate) fn put(&mut self, number: Number) {
        self.0[number as usize / 64] |= 1 << (number % 64);
    }

    /// Whether a number is in.
    pub(crate) fn has(&self, number: Number) -> bool {
        self.0.get(number as usize / 64).is_some_and(|bits| bits & (1 << (number % 64)) != 0)
    }

    /// The numbers, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Number> {
        let words = (0..).zip(&self.0).filter(|(_, bits)| **bits != 0);
        words.flat_map(|(word, bits)| (0..64).filter(move |bit| bits & (1 << bit) != 0).map(move |bit| word * 64 + bit))
    }

    /// Takes a number out; whether it was in.
    pub(crate) fn take(&mut self, number: Number) -> bool {
        let was = self.has(number);
        if was {
            self.0[number as usize / 64] &= !(1 << (number % 64));
        }
        was
    }
}

/// From ids to dense numbers and back.
struct Index {
    seed: u64,
    /// Ids issued, disjoint, ordered by stream and counter.
    blocks: Vec<Block>,
    /// One past the last number that a block uses.
    blocks_end: Number,
    /// Own ids that were seen or have a row, and ids that have a row and were not issued.
    others: Vec<Id>,
    other_numbers: HashMap<Id, Number>,
}

/// Counters `from..to` of a stream, numbered from `first`.
struct Block {
    /// Whether they were issued for the operation that is indexed; ids of other traffic are no phantoms either.
    own: bool,
    stream: u16,
    from: u64,
    to: u64,
    first: Number,
}

impl Index {
    fn of(history: &History, operation: &str) -> Result<Self, HistoryError> {
        let mut blocks = issued_blocks(history, operation);
        let issued = blocks.iter().fold(0_u64, |sum, block| sum.saturating_add(block.to - block.from));
        if issued > MAX_ISSUED {
            return Err(HistoryError::Issued { ids: issued });
        }
        let mut next: Number = 0;
        for block in &mut blocks {
            block.first = next;
            next += (block.to - block.from) as Number;
        }
        let seed = history.journal.seed().unwrap_or_default();
        Ok(Self { seed, blocks, blocks_end: next, others: Vec::new(), other_numbers: HashMap::new() })
    }

    /// The number that the blocks give the arrival that `id` belongs to.
    fn arrival_number(&self, id: Id) -> Option<Number> {
        let (stream, counter) = id.counter(self.seed)?;
        let after = self.blocks.partition_point(|block| (block.stream, block.from) <= (stream, counter));
        let block = self.blocks[..after].last()?;
        (block.stream == stream && counter < block.to).then(|| block.first + (counter - block.from) as Number)
    }

    fn number(&self, id: Id) -> Option<Number> {
        let issued = if id.own_number() == 0 { self.arrival_number(id) } else { None };
        issued.or_else(|| self.other_numbers.get(&id).copied())
    }

    fn number_or_add(&mut self, id: Id) -> Number {
        self.number(id).unwrap_or_else(|| {
            let number = self.blocks_end + self.others.len() as Number;
            self.others.push(id);
            self.other_numbers.insert(id, number);
            number
        })
    }

    /// The block that has the number, unless it is that of an own id or of one that was not issued.
    fn block(&self, number: Number) -> Option<&Block> {
        let after = self.blocks.partition_point(|block| block.first <= number);
        self.blocks[..after].last().filter(|_| number < self.blocks_end)
    }

    fn id(&self, number: Number) -> Id {
        match self.block(number) {
            Some(block) => Id::issued(self.seed, block.stream, block.from + u64::from(number - block.first)),
            None => self.others[(number - self.blocks_end) as usize],
        }
    }
}

/// The ids that the journal says were issued, as disjoint blocks in order; not numbered yet. An id that is in several blocks
/// is the operation's own if one of them is.
fn issued_blocks(history: &History, operation: &str) -> Vec<Block> {
    // For each end of a block, how many more blocks hold an id from there on, and how many more of the operation's own.
    let mut ends: BTreeMap<(u16, u64), (i64, i64)> = BTreeMap::new();
    for entry in &history.journal.entries {
        if let Event::IdsIssued { stream, from, to, operation: of, .. } = &entry.event
            && from < to
        {
            let own = i64::from(of == operation);
            for (end, more) in [(*from, 1), (*to, -1)] {
                let (all, owned) = ends.entry((*stream, end)).or_default();
                *all += more;
                *owned += more * own;
            }
        }
    }
    let mut blocks: Vec<Block> = Vec::new();
    let (mut all, mut owned, mut from) = (0, 0, 0);
    for ((stream, to), (more, more_owned)) in ends {
        let own = owned > 0;
        match blocks.last_mut() {
            _ if all == 0 => {}
            Some(last) if last.stream == stream && last.to == from && last.own == own => last.to = to,
            _ => blocks.push(Block { own, stream, from, to, first: 0 }),
        }
        (all, owned, from) = (all + more, owned + more_owned, to);
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Script;
    use proptest::prelude::*;

    #[test]
    fn an_id_gives_back_its_number_whether_it_was_issued_or_not() {
        let mut script = Script::new();
        script.issue(1, 0, 10).issue(3, 5, 8).issue(1, 10, 12);
        let stray = Id::of("never issued");
        script.attempt(stray, 1.0, Outcome::Ok);
        let history = script.history();
        let intents = Intents::of(&history, Script::OPERATION).unwrap();
        assert_eq!(intents.len(), 16);
        for number in 0..16 {
            assert_eq!(intents.number(intents.id(number)), Some(number));
        }
        assert_eq!(intents.id(15), stray);
        assert_eq!(intents.number(Id::issued(Script::SEED, 1, 12)), None);
    }

    #[test]
    fn a_journal_that_claims_absurdly_many_ids_is_refused() {
        let mut script = Script::new();
        script.issue(1, 0, u64::MAX >> 2);
        assert!(Intents::of(&script.history(), Script::OPERATION).is_err());
    }

    #[test]
    fn an_own_id_has_a_number_of_its_own_and_never_that_of_its_arrival() {
        let mut script = Script::new();
        script.issue(1, 0, 10);
        let arrival = Id::issued(Script::SEED, 1, 4);
        script.attempt(arrival.own(1), 1.0, Outcome::Ok).attempt(arrival.own(2), 2.0, Outcome::Fail);
        script.seen("log.in", arrival.own(3)).seen("log.in", Id::issued(Script::SEED, 1, 10).own(1));
        script.attempt_of("another", arrival.own(5), 3.0, Outcome::Ok).seen("log.in", arrival.own(5));
        let history = script.history();
        let mut intents = Intents::of(&history, Script::OPERATION).unwrap();
        history.observations.each(|seen| _ = intents.seen(seen.id())).unwrap();
        let known = |own| intents.number(arrival.own(own)).map(|number| intents.known()[number as usize]);
        assert_eq!([known(0), known(1), known(2)], [Some(Known::NoRow), Some(Known::Ok), Some(Known::Fail)]);
        assert_eq!([known(3), known(4)], [Some(Known::NoRow), None], "seen without a row, and not seen at all");
        assert_eq!(known(5), Some(Known::Other), "made under another operation");
        assert_eq!(intents.number(Id::issued(Script::SEED, 1, 10).own(1)), None, "its arrival was not issued");
        assert!((0..intents.len() as Number).all(|number| intents.number(intents.id(number)) == Some(number)));
    }

    #[test]
    fn the_journal_tells_for_which_operation_an_id_was_issued_but_for_own_ids() {
        let mut script = Script::new();
        let other = Event::IdsIssued { stream: 2, traffic: "x".into(), operation: "another".into(), from: 0, to: 4 };
        script.issue(1, 0, 10).event(0.0, other);
        let (arrival, stray) = (Id::issued(Script::SEED, 1, 9), Id::of("never issued"));
        script.attempt(stray, 1.0, Outcome::Ok).attempt(arrival.own(1), 1.0, Outcome::Ok);
        let history = script.history();
        let intents = Intents::of(&history, Script::OPERATION).unwrap();
        let issued = |id| intents.issued_for_it(id);
        assert_eq!([issued(arrival), issued(Id::issued(Script::SEED, 2, 0))], [true, false]);
        assert_eq!([issued(arrival.own(1)), issued(stray)], [false, false]);
    }

    fn of_another(from: u64, to: u64) -> Event {
        Event::IdsIssued { stream: 1, traffic: "x".into(), operation: "another".into(), from, to }
    }

    #[test]
    fn ids_that_the_journal_tells_of_twice_are_numbered_once() {
        let mut script = Script::new();
        script.issue(1, 5, 10).issue(1, 6, 8).issue(1, 8, 15).issue(1, 17, 17).issue(1, 40, 42);
        for (from, to) in [(15, 20), (18, 22), (30, 32)] {
            script.event(0.0, of_another(from, to));
        }
        let intents = Intents::of(&script.history(), Script::OPERATION).unwrap();
        let issued = (5..22).chain(30..32).chain(40..42);
        let numbers: Vec<Option<Number>> = issued.map(|counter| intents.number(Script::id(counter))).collect();
        assert_eq!(numbers, (0..21).map(Some).collect::<Vec<_>>());
        assert_eq!(intents.len(), 21);
        // 5 to 14, and 40 and 41: those issued for it.
        assert_eq!(intents.without_row().collect::<Vec<_>>(), (0..10).chain(19..21).collect::<Vec<_>>());
    }

    #[test]
    fn a_stream_that_begins_where_another_ended_is_another() {
        let mut script = Script::new();
        script.issue(1, 0, 10).issue(2, 10, 20);
        let intents = Intents::of(&script.history(), Script::OPERATION).unwrap();
        let number = |stream, counter| intents.number(Id::issued(Script::SEED, stream, counter));
        assert_eq!([number(1, 9), number(1, 10), number(2, 9), number(2, 10)], [Some(9), None, None, Some(10)]);
    }

    #[test]
    fn an_id_that_was_issued_for_two_operations_was_issued_for_either() {
        let mut script = Script::new();
        script.event(0.0, of_another(0, 10)).issue(1, 5, 8);
        for operation in [Script::OPERATION, "another"] {
            let intents = Intents::of(&script.history(), operation).unwrap();
            assert!(intents.issued_for_it(Script::id(6)), "{operation}");
        }
    }

    #[test]
    fn an_intent_without_a_row_was_issued_and_has_no_attempt() {
        let mut script = Script::new();
        script.issue(1, 0, 4).attempt(Script::id(1), 1.0, Outcome::Ok).attempt(Script::id(2), 1.0, Outcome::Fail);
        let intents = Intents::of(&script.history(), Script::OPERATION).unwrap();
        assert_eq!(intents.without_row().collect::<Vec<_>>(), [0, 3]);
    }

    #[test]
    fn few_ids_are_few_however_far_the_stream_has_come() {
        let mut script = Script::new();
        script.issue(1, MAX_ISSUED, MAX_ISSUED + 4);
        assert_eq!(Intents::of(&script.history(), Script::OPERATION).unwrap().len(), 4);
    }

    fn outcome() -> impl Strategy<Value = Outcome> {
        prop_oneof![Just(Outcome::Ok), Just(Outcome::Fail), Just(Outcome::Indeterminate)]
    }

    proptest! {
        #[test]
        fn intents_agree_with_those_that_the_history_joins_by_hashing(
            attempts in proptest::collection::vec((0u64..40, outcome()), 0..120),
        ) {
            let mut script = Script::new();
            script.issue(1, 0, 20);
            for (nth, (counter, outcome)) in attempts.iter().enumerate() {
                script.attempt(Id::issued(Script::SEED, 1, *counter), nth as f64, *outcome);
            }
            let history = script.history();
            let mut told = std::collections::BTreeMap::new();
            let intents = Intents::with_acknowledgements(&history, Script::OPERATION, |number, made| {
                told.insert(number, made.to_owned());
            })
            .unwrap();
            let mut wanted = Marks::new(intents.len());
            (0..intents.len()).step_by(2).for_each(|number| wanted.put(number as Number));
            let mut told_again = std::collections::BTreeMap::new();
            intents
                .each_acknowledgement(&history, wanted, |number, made| _ = told_again.insert(number, made.to_owned()))
                .unwrap();
            let model = history.intents(Script::OPERATION).unwrap();
            prop_assert_eq!(intents.len(), model.len());
            for expected in model {
                let number = intents.number(expected.id).unwrap();
                let known = expected.decisive.as_ref().map_or(Known::NoRow, |_| expected.outcome.into());
                prop_assert_eq!(intents.known()[number as usize], known);
                let acknowledged = expected.decisive.as_ref().filter(|made| made.outcome == Outcome::Ok);
                prop_assert_eq!(told.get(&number), acknowledged);
                prop_assert_eq!(told_again.get(&number), acknowledged.filter(|_| number.is_multiple_of(2)));
            }
        }
    }
}
