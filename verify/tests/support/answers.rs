//! What a check and its model are compared by, and whether the random histories reach what they are there for.

use proofload_history::{At, Id};
use proofload_verify::{Finding, Judgement, Offender};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use std::collections::{BTreeMap, BTreeSet};

/// The judgement, every figure, and every offender, told by as much as its model knows of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer<O> {
    pub(crate) judgement: Judgement,
    pub(crate) figures: BTreeMap<String, Option<f64>>,
    /// Sorted, and not a set: an id can break a promise twice at one instant.
    pub(crate) offenders: Vec<O>,
}

impl<O: Ord> Answer<O> {
    /// What a model says: what was found stands, and without it only one who is `sure` says that all is well.
    pub(crate) fn new(
        sure: bool,
        figures: impl IntoIterator<Item = (impl Into<String>, Option<f64>)>,
        mut offenders: Vec<O>,
    ) -> Self {
        let judgement = match (offenders.is_empty(), sure) {
            (false, _) => Judgement::Fail,
            (true, true) => Judgement::Pass,
            (true, false) => Judgement::Unknown,
        };
        offenders.sort();
        let figures = figures.into_iter().map(|(name, value)| (name.into(), value)).collect();
        Self { judgement, figures, offenders }
    }

    /// What a check says, whose offenders are told by `tell`.
    pub(crate) fn of(finding: Finding, tell: impl Fn(Offender) -> O) -> Self {
        assert_eq!(finding.offenders_total, finding.offenders.len() as u64, "all are told");
        let mut offenders: Vec<O> = finding.offenders.into_iter().map(tell).collect();
        offenders.sort();
        let figures = finding.figures.into_iter().map(|figure| (figure.name, figure.value)).collect();
        Self { judgement: finding.judgement, figures, offenders }
    }
}

/// An offender as most models know it: what is wrong, whose it is, and when, where that is known.
pub(crate) type Offence = (String, Option<Id>, Option<At>);

/// It, as a check tells it.
pub(crate) fn offence(one: Offender) -> Offence {
    (one.defect, one.id, one.at)
}

impl Answer<Offence> {
    /// The judgement, the defects, and the figures that are told and are not 0.
    pub(crate) fn words(self) -> BTreeSet<String> {
        let figures = self.figures.into_iter().filter(|(_, value)| value.is_some_and(|value| value != 0.0));
        let defects = self.offenders.into_iter().map(|(defect, _, _)| defect);
        figures.map(|(name, _)| name).chain(defects).chain([format!("{:?}", self.judgement)]).collect()
    }
}

/// Holds 500 random worlds to what they are there for: of each of the things `expected`, as `said` says them of a world, so
/// many worlds at least.
pub(crate) fn reached<W: std::fmt::Debug>(
    worlds: impl Strategy<Value = W>,
    said: impl Fn(&W) -> BTreeSet<String>,
    expected: &[(&str, u32)],
) {
    let mut runner = TestRunner::deterministic();
    let mut numbers: BTreeMap<String, u32> = BTreeMap::new();
    for _ in 0..500 {
        for thing in said(&worlds.new_tree(&mut runner).unwrap().current()) {
            *numbers.entry(thing).or_default() += 1;
        }
    }
    for (thing, least) in expected {
        assert!(numbers.get(*thing).is_some_and(|number| number >= least), "{thing} is too rare in {numbers:?}");
    }
}
