//! What a check and its model are compared by, and whether the random histories reach what they are there for.

use proofload_history::{At, History, Id};
use proofload_verify::{Budget, Context, Judgement};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use std::collections::{BTreeMap, BTreeSet};

/// An offender: what is wrong, whose it is, and when, where that is known.
pub(crate) type Offence = (String, Option<Id>, Option<At>);

/// The judgement, every figure, and every offender.
#[derive(Debug, PartialEq)]
pub(crate) struct Answer {
    judgement: Judgement,
    figures: BTreeMap<String, Option<f64>>,
    /// Sorted, and not a set: an id can break a promise twice at one instant.
    offenders: Vec<Offence>,
}

impl Answer {
    /// What a model says: what was found stands, and without it only one who is `sure` says that all is well.
    pub(crate) fn new(sure: bool, figures: &[(&str, Option<f64>)], mut offenders: Vec<Offence>) -> Self {
        let judgement = match (offenders.is_empty(), sure) {
            (false, _) => Judgement::Fail,
            (true, true) => Judgement::Pass,
            (true, false) => Judgement::Unknown,
        };
        offenders.sort();
        let figures = figures.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
        Self { judgement, figures, offenders }
    }

    /// What the check says.
    pub(crate) fn of(check: &str, table: &str, history: &History) -> Self {
        let table = toml::de::ValueDeserializer::parse(table).unwrap();
        let check = (proofload_verify::checks::find(check).unwrap().parse)(table).unwrap();
        let context = Context { chains: &BTreeMap::new(), expectations: &[], faults: &[], budget: Budget::OF_CHECK };
        let finding = check.judge(history, &context).unwrap();
        assert_eq!(finding.offenders_total, finding.offenders.len() as u64, "all are told");
        let offenders = finding.offenders.into_iter().map(|one| (one.defect, one.id, one.at));
        let mut offenders: Vec<Offence> = offenders.collect();
        offenders.sort();
        let figures = finding.figures.into_iter().map(|figure| (figure.name, figure.value)).collect();
        Self { judgement: finding.judgement, figures, offenders }
    }

    /// The judgement, the defects, and the figures that are told and are not 0.
    fn words(self) -> BTreeSet<String> {
        let figures = self.figures.into_iter().filter(|(_, value)| value.is_some_and(|value| value != 0.0));
        let defects = self.offenders.into_iter().map(|(defect, _, _)| defect);
        figures.map(|(name, _)| name).chain(defects).chain([format!("{:?}", self.judgement)]).collect()
    }
}

/// Holds the worlds to what they are there for: every judgement, and each of the other `expected` words, is said by the
/// model of at least one world in twenty.
pub(crate) fn reached<W: std::fmt::Debug>(
    worlds: impl Strategy<Value = W>,
    model: impl Fn(&W) -> Answer,
    expected: &[&str],
) {
    const WORLDS: u32 = 500;
    let mut runner = TestRunner::deterministic();
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    for _ in 0..WORLDS {
        let world = worlds.new_tree(&mut runner).unwrap().current();
        model(&world).words().into_iter().for_each(|word| *seen.entry(word).or_default() += 1);
    }
    for expected in ["Pass", "Unknown", "Fail"].iter().chain(expected) {
        assert!(seen.get(*expected).is_some_and(|times| times * 20 >= WORLDS), "{expected} is seldom in {seen:?}");
    }
}
