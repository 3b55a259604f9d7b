//! What stands at stages in random histories and how it was read, and what the obvious judges of it share.

use super::Script;
use proofload_history::journal::{DrainEnd, DrainOutcome, StageRead};
use proofload_history::{At, Event, History, Id, Observation, Reading};
use proofload_verify::{Budget, Offender};
use proptest::collection::{btree_set, vec};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use std::collections::BTreeSet;

/// How a stage was read.
#[derive(Clone, Copy, Debug)]
struct Read {
    complete: bool,
    unreadable: u64,
    /// Rows that the reading gave and the history has not.
    lacking: u64,
    /// The first offset that its log still had.
    first: i64,
}

/// The rows of [`Script::STAGES`], and what is known of how they were read.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    rows: Vec<Observation>,
    /// For each stage: `None` not read.
    reads: [Option<Read>; 3],
    drained: Option<DrainOutcome>,
    damaged: bool,
}

/// Arrivals, their own ids, those of another run, and what is no id of a run.
fn id() -> impl Strategy<Value = Id> {
    let arrival = |(stream, counter)| Id::issued(Script::SEED, stream, counter);
    prop_oneof![
        8 => (1..4_u16, 0..4_u64).prop_map(arrival),
        4 => ((1..3_u16, 0..2_u64).prop_map(arrival), 1..3_u16).prop_map(|(id, own)| id.own(own)),
        1 => (0..2_u64).prop_map(|counter| Id::issued(Script::SEED + 1, 1, counter)),
        1 => Just(Id::of("a stranger")),
    ]
}

/// Whom a history is about: few, so that what is told of them meets.
#[derive(Clone, Debug)]
pub(crate) struct Ids {
    /// They are at every stage once.
    pub(crate) sound: BTreeSet<Id>,
    /// They and others, which have stray rows, if any.
    pub(crate) all: Vec<Id>,
}

pub(crate) fn ids() -> impl Strategy<Value = Ids> {
    (btree_set(id(), 0..4), vec(id(), 1..5)).prop_map(|(sound, stray)| {
        let all = sound.iter().copied().chain(stray).collect();
        Ids { sound, all }
    })
}

/// The stages that a check is asked about, in any order: the others are none of its business.
pub(crate) fn stages() -> impl Strategy<Value = Vec<&'static str>> {
    subsequence(Script::STAGES.to_vec(), 1..=3).prop_shuffle()
}

fn row(ids: &[Id]) -> impl Strategy<Value = Observation> + use<> {
    let reading = prop_oneof![6 => Just(Reading::Final), 1 => Just(Reading::Live), 1 => Just(Reading::Replica)];
    let place = (proptest::option::of(0..2_i32), proptest::option::of(0..6_i64));
    let at = proptest::option::weighted(0.8, (0..60_u64).prop_map(|secs| At(secs * 1_000_000_000)));
    let digest = proptest::option::weighted(0.8, 0..2_u64);
    (select(ids.to_vec()), select(Script::STAGES.to_vec()), reading, place, at, digest).prop_map(
        |(id, stage, reading, (partition, offset), at, digest)| Observation {
            reading,
            partition,
            offset,
            at,
            digest,
            ..Observation::of(stage.into(), id)
        },
    )
}

fn read() -> impl Strategy<Value = Option<Read>> {
    let whole = Read { complete: true, unreadable: 0, lacking: 0, first: 0 };
    prop_oneof![
        16 => Just(Some(whole)),
        1 => Just(Some(Read { complete: false, ..whole })),
        1 => Just(Some(Read { unreadable: 1, ..whole })),
        1 => Just(Some(Read { lacking: 1, ..whole })),
        1 => Just(Some(Read { first: 2, ..whole })),
        1 => Just(None),
    ]
}

/// How the drain ended, if there was one; mostly at rest.
pub(crate) fn drained() -> impl Strategy<Value = Option<DrainOutcome>> {
    prop_oneof![
        8 => Just(Some(DrainOutcome::Quiet)),
        2 => Just(Some(DrainOutcome::Stuck)),
        1 => Just(Some(DrainOutcome::Moving)),
        1 => Just(Some(DrainOutcome::Unreadable)),
        1 => Just(Some(DrainOutcome::Unwatched)),
        1 => Just(None),
    ]
}

/// The rows of those that are sound, and in most histories stray ones among them.
pub(crate) fn standing(Ids { sound, all }: &Ids) -> impl Strategy<Value = Standing> + use<> {
    let once = |id: &Id| {
        let seen = |stage: &str| Observation::of(stage.into(), *id);
        Script::STAGES.map(|stage| Observation { at: Some(At(30_000_000_000)), digest: Some(0), ..seen(stage) })
    };
    let sound: Vec<Observation> = sound.iter().flat_map(once).collect();
    let stray = prop_oneof![2 => Just(Vec::new()), 3 => vec(row(all), 0..6)];
    let rows = stray.prop_map(move |stray| [sound.clone(), stray].concat()).prop_shuffle();
    (rows, [read(), read(), read()], drained(), proptest::bool::weighted(0.1))
        .prop_map(|(rows, reads, drained, damaged)| Standing { rows, reads, drained, damaged })
}

impl Standing {
    /// Tells it at the end of a script.
    pub(crate) fn tell(&self, script: &mut Script) {
        for row in &self.rows {
            script.observed(row.clone());
        }
        if let Some(outcome) = self.drained {
            script.drained(80.0, outcome);
        }
        for (stage, read) in Script::STAGES.iter().zip(self.reads) {
            let Some(Read { complete, unreadable, lacking, first }) = read else { continue };
            let rows = last_rows(&self.rows, stage).len() as u64 + lacking;
            let (stage, bounds) = ((*stage).to_owned(), vec![(0, first, 9)]);
            let read = StageRead { stage, complete, unreadable, rows, bounds, ..StageRead::default() };
            script.event(90.0, Event::StageRead(read));
        }
        if self.damaged {
            script.damaged("the file of operations breaks off");
        }
    }
}

/// The rows of a stage that were read at the end: no others say what stands there.
pub(crate) fn last_rows<'r>(rows: &'r [Observation], stage: &str) -> Vec<&'r Observation> {
    rows.iter().filter(|row| &*row.stage == stage && row.reading == Reading::Final).collect()
}

/// Whether what was not seen at a stage was never there.
pub(crate) fn whole(history: &History, stage: &str) -> bool {
    let rows = last_rows(&history.observations.to_vec().unwrap(), stage).len() as u64;
    history.journal.stage_read(stage).is_some_and(|read| {
        let from_the_beginning = read.bounds.iter().all(|(_, first, _)| *first == 0);
        read.complete && read.unreadable == 0 && read.rows <= rows && from_the_beginning
    })
}

/// Whether the system was at rest when it was read, or had stopped.
pub(crate) fn at_rest(history: &History) -> bool {
    history.journal.entries.iter().any(|entry| {
        matches!(entry.event, Event::Drained(DrainEnd { outcome: DrainOutcome::Quiet | DrainOutcome::Stuck, .. }))
    })
}

/// That there is nothing to be found takes a whole history, a system at rest, and stages that were read whole and have
/// something.
pub(crate) fn sure(history: &History, stages: &[&str]) -> bool {
    let observations = history.observations.to_vec().unwrap();
    let read = |stage: &&str| whole(history, stage) && !last_rows(&observations, stage).is_empty();
    at_rest(history) && history.damage.is_empty() && stages.iter().all(read)
}

/// How many there are at a stage, as a figure: that there is none is known only of one that was read whole.
pub(crate) fn counted(number: usize, whole: bool) -> Option<f64> {
    (number > 0 || whole).then_some(number as f64)
}

/// An offender: its defect, its id, its stage, the instant that locates it, and what else is said of it.
pub(crate) type Offence = (String, Id, String, Option<At>, String);

/// It, as a check tells it; `said` picks out of its detail what a model says too.
pub(crate) fn offence(one: Offender, said: impl Fn(&str) -> String) -> Offence {
    let said = said(&one.detail);
    (one.defect, one.id.unwrap(), one.stage.unwrap(), one.at, said)
}

/// In whatever passes rows are put together, the finding is the same.
pub(crate) const BUDGETS: [Budget; 5] =
    [Budget::OF_CHECK, Budget::Passes(2), Budget::Passes(3), Budget::Passes(7), Budget::Bytes(500)];
