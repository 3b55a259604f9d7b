//! `order` agrees with a judge that is quadratic and obviously right, on logs with every defect in them, their rows in
//! any order.

#![expect(clippy::unwrap_used, reason = "what is missing in a test ends it")]

mod support;

use proofload_history::journal::DrainOutcome;
use proofload_history::{At, History, Id, Observation};
use proofload_verify::{Budget, Finding, Judgement};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use support::{Script, asked, standing};

const STAGE: &str = "log.in";

/// What makes a good log a bad one. A record is named by its place among all, modulo their number.
#[derive(Clone, Debug)]
enum Edit {
    /// Two records take each other's partition and offset.
    Swap(usize, usize),
    /// It comes again at the end of its partition.
    Again(usize),
    /// The same with another digest.
    Otherwise(usize),
    Drop(usize),
    /// It is in another partition.
    Elsewhere(usize),
    Version(usize, i64),
    NoVersion(usize),
    NoOffset(usize),
    NoDigest(usize),
    NoKey(usize),
}

#[derive(Clone, Debug)]
struct World {
    /// For each key how many versions it has, from 1.
    keys: Vec<i64>,
    edits: Vec<Edit>,
    /// Whether the stage is a log; else no row has a position.
    log: bool,
    /// Settles the order of the rows.
    shuffle: u64,
    /// `None` not read, else whether to its end.
    read: Option<bool>,
    unreadable: u64,
    drained: Option<DrainOutcome>,
    rules: Rules,
}

#[derive(Clone, Copy, Debug)]
struct Rules {
    repeats_allowed: bool,
    gaps_allowed: bool,
    first: Option<i64>,
}

impl Rules {
    fn keys(self) -> String {
        let rule = |allowed| if allowed { "allowed" } else { "forbidden" };
        let first = self.first.map_or_else(String::new, |first| format!(", first = {first}"));
        let (repeats, gaps) = (rule(self.repeats_allowed), rule(self.gaps_allowed));
        format!("stage = \"{STAGE}\", repeats = \"{repeats}\", gaps = \"{gaps}\"{first}")
    }
}

fn edit() -> impl Strategy<Value = Edit> {
    let at = || 0..64_usize;
    prop_oneof![
        4 => (at(), at()).prop_map(|(a, b)| Edit::Swap(a, b)),
        4 => at().prop_map(Edit::Again),
        2 => at().prop_map(Edit::Otherwise),
        3 => at().prop_map(Edit::Drop),
        2 => at().prop_map(Edit::Elsewhere),
        2 => (at(), -1..9_i64).prop_map(|(at, version)| Edit::Version(at, version)),
        1 => at().prop_map(Edit::NoVersion),
        1 => at().prop_map(Edit::NoOffset),
        1 => at().prop_map(Edit::NoDigest),
        1 => at().prop_map(Edit::NoKey),
    ]
}

fn world() -> impl Strategy<Value = World> {
    let edits = prop_oneof![1 => Just(Vec::new()), 4 => proptest::collection::vec(edit(), 0..6)];
    let log = (proptest::collection::vec(0..6_i64, 0..4), edits, proptest::bool::weighted(0.8), any::<u64>());
    let read = prop_oneof![8 => Just(Some(true)), 1 => Just(Some(false)), 1 => Just(None)];
    let drained = prop_oneof![
        8 => Just(Some(DrainOutcome::Quiet)),
        1 => Just(Some(DrainOutcome::Stuck)),
        1 => Just(Some(DrainOutcome::Moving)),
        1 => Just(None),
    ];
    let unreadable = prop_oneof![9 => Just(0_u64), 1 => Just(1)];
    let first = prop_oneof![2 => Just(None), 1 => (0..3_i64).prop_map(Some)];
    let rules = (any::<bool>(), any::<bool>(), first).prop_map(|(repeats_allowed, gaps_allowed, first)| Rules {
        repeats_allowed,
        gaps_allowed,
        first,
    });
    (log, read, unreadable, drained, rules).prop_map(
        |((keys, edits, log, shuffle), read, unreadable, drained, rules)| World {
            keys,
            edits,
            log,
            shuffle,
            read,
            unreadable,
            drained,
            rules,
        },
    )
}

impl World {
    /// The records, each with an instant of its own and an offset that no other has in any partition.
    fn records(&self) -> Vec<Observation> {
        let mut records: Vec<Observation> = Vec::new();
        for version in 1..6 {
            for (key, versions) in (0..).zip(&self.keys) {
                if version <= *versions {
                    records.push(Observation {
                        key: Some(Id(key)),
                        version: Some(version),
                        partition: Some((key % 2) as i32),
                        offset: Some(records.len() as i64),
                        digest: Some(version as u64),
                        ..Observation::of(STAGE.into(), Script::id(records.len() as u64))
                    });
                }
            }
        }
        for edit in &self.edits {
            change(&mut records, edit);
        }
        for (serial, record) in (0..).zip(&mut records) {
            record.at = Some(At(serial));
            if !self.log {
                (record.partition, record.offset) = (None, None);
            }
        }
        let order = |record: &Observation| {
            record.at.map(|at| (at.0 ^ self.shuffle).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(17))
        };
        records.sort_by_key(order);
        records
    }

    fn history(&self) -> History {
        let mut script = Script::new();
        for record in self.records() {
            script.observed(record);
        }
        if let Some(complete) = self.read {
            script.read(90.0, STAGE, complete, self.unreadable);
        }
        if let Some(outcome) = self.drained {
            script.drained(80.0, outcome);
        }
        script.history()
    }
}

fn change(records: &mut Vec<Observation>, edit: &Edit) {
    let Some(last) = records.len().checked_sub(1) else { return };
    let n = |at: usize| at % (last + 1);
    let end = records.iter().filter_map(|record| record.offset).max().unwrap_or_default() + 1;
    match *edit {
        Edit::Swap(a, b) => {
            let (a, b) = (n(a), n(b));
            let place = |record: &Observation| (record.partition, record.offset);
            let (at_a, at_b) = (place(&records[a]), place(&records[b]));
            (records[a].partition, records[a].offset) = at_b;
            (records[b].partition, records[b].offset) = at_a;
        }
        Edit::Again(at) => records.push(Observation { offset: Some(end), ..records[n(at)].clone() }),
        Edit::Otherwise(at) => {
            records.push(Observation { offset: Some(end), digest: Some(99), ..records[n(at)].clone() });
        }
        Edit::Drop(at) => {
            records.remove(n(at));
        }
        Edit::Elsewhere(at) => records[n(at)].partition = Some(5),
        Edit::Version(at, version) => records[n(at)].version = Some(version),
        Edit::NoVersion(at) => records[n(at)].version = None,
        Edit::NoOffset(at) => records[n(at)].offset = None,
        Edit::NoDigest(at) => records[n(at)].digest = None,
        Edit::NoKey(at) => records[n(at)].key = None,
    }
}

/// What the model says: the judgement, how much of each is wrong, and every offender by the instant of its record.
#[derive(Debug, PartialEq)]
struct Answer {
    judgement: Judgement,
    counts: BTreeMap<String, u64>,
    offenders: BTreeSet<(String, At)>,
}

const COUNTS: [&str; 6] = [
    "reordered_records",
    "repeated_records",
    "contradicted_records",
    "missing_versions",
    "undecided_versions",
    "split_keys",
];

/// The slow and obvious judge: every record beside every other, each rule as it is documented.
fn model(history: &History, rules: Rules) -> Answer {
    let observations = history.observations.to_vec().unwrap();
    let rows: Vec<(usize, &Observation)> = observations.iter().enumerate().collect();
    let key = |row: &Observation| row.key.unwrap_or(row.id);
    let partition = |row: &Observation| row.partition.filter(|_| row.offset.is_some());
    let digests = rows.iter().all(|(_, row)| row.digest.is_some());
    let read = history.journal.stage_read(STAGE).is_some_and(|read| read.complete && read.unreadable == 0);
    let settled = standing::at_rest(history);

    let mut counts: BTreeMap<String, u64> = COUNTS.map(|name| (name.to_owned(), 0)).into();
    let mut offenders: BTreeSet<(String, At)> = BTreeSet::new();
    let mut doubtful = !read || !settled || rows.is_empty();
    let mut found = |defect: &str, figure: &str, number: u64, row: Option<&Observation>| {
        *counts.get_mut(figure).unwrap() += number;
        offenders.extend(row.map(|row| (defect.to_owned(), row.at.unwrap())));
    };

    for (n, row) in &rows {
        let Some(version) = row.version else {
            doubtful = true;
            continue;
        };
        let is_before = |(other, before): &(usize, &Observation)| {
            let together = key(before) == key(row) && partition(before) == partition(row);
            let earlier = if partition(row).is_some() { before.offset < row.offset } else { *other < *n };
            together && earlier
        };
        let before: Vec<&Observation> = rows.iter().filter(|other| is_before(other)).map(|(_, row)| *row).collect();
        let told_before = |same: &dyn Fn(&Observation) -> bool| {
            before.iter().any(|before| before.version == Some(version) && same(before))
        };
        if told_before(&|before| !digests || before.digest == row.digest) {
            found("repeated", "repeated_records", 1, Some(*row).filter(|_| !rules.repeats_allowed));
            doubtful |= rules.repeats_allowed && !digests;
        } else if partition(row).is_some() && before.iter().any(|before| before.version > Some(version)) {
            found("reordered", "reordered_records", 1, Some(*row));
        } else if told_before(&|_| true) {
            found("contradicted", "contradicted_records", 1, Some(*row));
        }
    }

    let keys: BTreeSet<Id> = rows.iter().map(|(_, row)| key(row)).collect();
    let mut sequenced = false;
    for this in keys {
        let of_key: Vec<&(usize, &Observation)> = rows.iter().filter(|(_, row)| key(row) == this).collect();
        let first_place = of_key.iter().filter_map(|(_, row)| partition(row)).min();
        let elsewhere = of_key.iter().filter(|(_, row)| partition(row).is_some() && partition(row) != first_place);
        if let Some((_, row)) = elsewhere.min_by_key(|(_, row)| (row.partition, row.offset)) {
            found("split", "split_keys", 1, Some(*row));
        }
        let versions: BTreeSet<i64> = of_key.iter().filter_map(|(_, row)| row.version).collect();
        sequenced |= of_key.iter().filter(|(_, row)| row.version.is_some()).count() >= 2;
        let (Some(lowest), Some(highest)) = (versions.first(), versions.last()) else { continue };
        doubtful |= rules.first.is_some_and(|first| lowest < &first);
        let claimed = read && settled && of_key.iter().all(|(_, row)| row.version.is_some());
        for version in rules.first.unwrap_or(*lowest).min(*lowest)..*highest {
            if versions.contains(&version) {
                continue;
            }
            let next = versions.range(version..).next();
            let holders = of_key.iter().filter(|(_, row)| row.version.as_ref() == next);
            let (_, holder) =
                holders.min_by_key(|(n, row)| (partition(row), partition(row).and(row.offset), *n)).unwrap();
            let forbidden = !rules.gaps_allowed || version < *lowest;
            let figure = if claimed { "missing_versions" } else { "undecided_versions" };
            found("missing", figure, 1, Some(*holder).filter(|_| claimed && forbidden));
        }
    }
    let placed = rows.iter().filter(|(_, row)| partition(row).is_some()).count();
    doubtful |= !sequenced || (placed > 0 && placed < rows.len());
    doubtful |= placed == 0 && rules.repeats_allowed && rules.gaps_allowed;
    let judgement = match (offenders.is_empty(), doubtful) {
        (false, _) => Judgement::Fail,
        (true, true) => Judgement::Unknown,
        (true, false) => Judgement::Pass,
    };
    Answer { judgement, counts, offenders }
}

fn judged(history: &History, rules: Rules) -> Finding {
    asked::finding(("order", &rules.keys()), history, &BTreeMap::new(), Budget::OF_CHECK)
}

fn answer(finding: &Finding) -> Answer {
    let value = |name: &str| finding.figures.iter().find(|figure| figure.name == name).and_then(|figure| figure.value);
    let offenders = finding.offenders.iter().map(|offender| (offender.defect.clone(), offender.at.unwrap()));
    Answer {
        judgement: finding.judgement,
        counts: COUNTS.map(|name| (name.to_owned(), value(name).unwrap_or_default() as u64)).into(),
        offenders: offenders.collect(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn order_agrees_with_the_obvious_judge(world in world()) {
        let history = world.history();
        let finding = judged(&history, world.rules);
        prop_assert_eq!(answer(&finding), model(&history, world.rules));
        prop_assert_eq!(finding.offenders_total, finding.offenders.len() as u64);
    }

    /// Of a log: the rows of a stage without positions have no order but that in which they were read.
    #[test]
    fn the_order_of_rows_changes_nothing(world in world(), shuffle in any::<u64>()) {
        let world = World { log: true, edits: world.edits.into_iter().filter(placed).collect(), ..world };
        let shuffled = World { shuffle, ..world.clone() };
        prop_assert_eq!(judged(&world.history(), world.rules), judged(&shuffled.history(), world.rules));
    }
}

fn placed(edit: &Edit) -> bool {
    !matches!(edit, Edit::NoOffset(_))
}

/// The generator reaches what it is there for: every answer and every defect.
#[test]
fn the_random_logs_have_every_answer_and_every_defect() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let mut seen = BTreeSet::new();
    for _ in 0..500 {
        let world = world().new_tree(&mut runner).unwrap().current();
        let answer = model(&world.history(), world.rules);
        seen.insert(format!("{:?}", answer.judgement));
        seen.extend(answer.offenders.into_iter().map(|(defect, _)| defect));
        seen.extend(answer.counts.into_iter().filter(|(_, number)| *number > 0).map(|(name, _)| name));
    }
    let defects = ["reordered", "repeated", "contradicted", "missing", "split"];
    for expected in ["Pass", "Unknown", "Fail"].into_iter().chain(defects).chain(COUNTS) {
        assert!(seen.contains(expected), "{expected} is not among {seen:?}");
    }
}
