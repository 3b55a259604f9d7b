//! `monotonic` agrees with a judge that is quadratic and obviously right, on random ways of ids through their states.

#![expect(clippy::unwrap_used, reason = "what is missing in a test ends it")]

mod support;

use proofload_history::journal::DrainOutcome;
use proofload_history::{History, Id, Observation};
use proofload_verify::{Budget, Finding, Judgement};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use support::{Script, asked};

const KEYS: &str = "stage = \"log.in\", states = [[\"a\"], [\"b\", \"c\"], [\"d\"]]";

/// The group of a state; `x` is in none.
fn group(state: &str) -> Option<usize> {
    ["a", "bc", "d"].iter().position(|group| group.contains(state))
}

/// An id, and what one row says of it.
type Row = (u8, Option<&'static str>, Option<i64>, Option<i32>, Option<i64>);

fn row() -> impl Strategy<Value = Row> {
    let often = |some: u32| move |value: i64| prop_oneof![some => Just(Some(value)), 1 => Just(None)];
    let state = prop_oneof![
        16 => prop_oneof![Just("a"), Just("b"), Just("d")].prop_map(Some),
        4 => Just(Some("c")),
        1 => Just(Some("x")),
        1 => Just(None),
    ];
    let version = (0..5_i64).prop_flat_map(often(12));
    let partition = prop_oneof![12 => Just(Some(0)), 1 => Just(Some(1)), 1 => Just(None)];
    let offset = (0..9_i64).prop_flat_map(often(20));
    (0..3_u8, state, version, partition, offset)
}

fn history(rows: &[Row], read: bool, drained: bool) -> History {
    let mut script = Script::new();
    for (id, state, version, partition, offset) in rows {
        let state = state.map(Into::into);
        let (version, partition, offset) = (*version, *partition, *offset);
        let seen = Observation::of("log.in".into(), Script::id(u64::from(*id)));
        script.observed(Observation { state, version, partition, offset, ..seen });
    }
    script.drained(61.0, if drained { DrainOutcome::Quiet } else { DrainOutcome::Moving });
    script.read(62.0, "log.in", read, 0);
    script.history()
}

/// What the model says: the judgement, and every offender.
#[derive(Debug, PartialEq)]
struct Answer {
    judgement: Judgement,
    offenders: BTreeSet<(String, Id)>,
    unordered: u64,
}

/// The slow and obvious judge: every row of an id beside every other.
fn model(history: &History, sure: bool) -> Answer {
    let (mut offenders, mut unordered, mut followed) = (BTreeSet::new(), 0, false);
    let named = |row: &Observation| row.state.as_deref().and_then(group);
    let observations = history.observations.to_vec().unwrap();
    let all: Vec<&Observation> = observations.iter().collect();
    let ids: BTreeSet<Id> = all.iter().map(|row| row.id).collect();
    for id in ids {
        let rows: Vec<&Observation> = all.iter().copied().filter(|row| row.id == id && named(row).is_some()).collect();
        let versions = rows.iter().all(|row| row.version.is_some());
        let offsets = rows.iter().all(|row| row.offset.is_some() && row.partition.is_some())
            && rows.iter().all(|row| row.partition == rows[0].partition);
        let place = |row: &Observation| if versions { row.version } else { row.offset.filter(|_| offsets) };
        followed |= rows.len() >= 2;
        let pairs = || rows.iter().flat_map(|a| rows.iter().map(move |b| (*a, *b)));
        let regressed = pairs().any(|(a, b)| place(a) < place(b) && named(a) > named(b));
        if regressed {
            offenders.insert(("regressed".to_owned(), id));
        } else if pairs().any(|(a, b)| place(a) == place(b) && named(a) != named(b)) {
            unordered += 1;
        }
        if pairs().any(|(a, b)| named(a) == named(b) && a.state != b.state) {
            offenders.insert(("contradicted".to_owned(), id));
        }
    }
    let sure = sure && followed && unordered == 0 && all.iter().all(|row| named(row).is_some());
    let judgement = match (offenders.is_empty(), sure) {
        (false, _) => Judgement::Fail,
        (true, true) => Judgement::Pass,
        (true, false) => Judgement::Unknown,
    };
    Answer { judgement, offenders, unordered }
}

fn judged(history: &History) -> Finding {
    asked::finding(("monotonic", KEYS), history, &BTreeMap::new(), Budget::OF_CHECK)
}

fn answer(finding: &Finding) -> Answer {
    let offenders = finding.offenders.iter().map(|offender| (offender.defect.clone(), offender.id.unwrap()));
    let unordered = finding.figures.iter().find(|figure| figure.name == "unordered_ids").unwrap().value.unwrap();
    Answer { judgement: finding.judgement, offenders: offenders.collect(), unordered: unordered as u64 }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn monotonic_agrees_with_the_obvious_judge(
        rows in proptest::collection::vec(row(), 0..8),
        read in proptest::bool::weighted(0.9),
        drained in proptest::bool::weighted(0.9),
    ) {
        let history = history(&rows, read, drained);
        let finding = judged(&history);
        prop_assert_eq!(answer(&finding), model(&history, read && drained));
        prop_assert_eq!(finding.offenders_total, finding.offenders.len() as u64);
        let mut reversed = rows.clone();
        reversed.reverse();
        prop_assert_eq!(answer(&judged(&self::history(&reversed, read, drained))), answer(&finding));
    }
}

/// The generator reaches what it is there for: every answer and every defect.
#[test]
fn the_random_ways_have_every_answer_and_every_defect() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let mut seen = BTreeSet::new();
    for _ in 0..500 {
        let rows = proptest::collection::vec(row(), 0..8).new_tree(&mut runner).unwrap().current();
        let answer = model(&history(&rows, true, true), true);
        seen.insert(format!("{:?}", answer.judgement));
        seen.extend(answer.offenders.into_iter().map(|(defect, _)| defect));
        seen.extend((answer.unordered > 0).then(|| "unordered".to_owned()));
    }
    for expected in ["Pass", "Unknown", "Fail", "regressed", "contradicted", "unordered"] {
        assert!(seen.contains(expected), "{expected} is not among {seen:?}");
    }
}
