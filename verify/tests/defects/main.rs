//! The oracle on histories of a simple chain into which known defects were put: the checks that must see a defect do, and
//! no other says a word.

#![expect(clippy::unwrap_used, reason = "what is missing in a test ends it")]

mod chain;
mod defect;
#[path = "../support/mod.rs"]
mod support;

use chain::World;
use defect::{Defect, Injected};
use proofload_history::History;
use proofload_verify::{Budget, Context, Finding, Judgement};
use proptest::prelude::*;
use std::collections::BTreeSet;

/// Every check that is about what the chain holds, each on the stages of [`chain`].
const CHECKS: [(&str, &str); 10] = [
    ("delivery", "chain = \"loan\""),
    ("effect_once", "stages = [\"db.row\", \"rail.payout\", \"ledger.payout\"]"),
    ("no_phantom", "stages = [\"log.in\", \"db.row\", \"rail.payout\"]\noperations = [\"place_order\"]"),
    ("order", "stage = \"log.out\"\nfirst = 1"),
    ("monotonic", "stage = \"log.out\"\nstates = [[\"SUBMITTED\"], [\"APPROVED\"], [\"ACTIVE\", \"REJECTED\"]]"),
    ("conservation", "stage = \"ledger.entry\""),
    ("agreement", "left = \"rail.payout\"\nright = \"ledger.payout\""),
    ("saga_complete", "started = \"log.in\"\ndone = { stage = \"db.row\", states = [\"ACTIVE\"] }\nwithin = \"30s\""),
    ("tail_loss", "stage = \"log.in\""),
    ("freshness", "of = \"place_order\"\nstage = \"db.row\"\nduring = \"steady\"\np95 = \"5s\""),
];

/// A quantile is told by an interval: a handful that never came is enough for its end to be out of reach.
const MAY_BE_UNSURE: [&str; 1] = ["freshness"];

fn judged(name: &str, table: &str, history: &History) -> Finding {
    let document = toml::de::DeTable::parse(table).unwrap();
    let span = document.span();
    let value = toml::Spanned::new(span, toml::de::DeValue::Table(document.into_inner()));
    let check = (proofload_verify::checks::find(name).unwrap().parse)(value.into()).unwrap();
    let context = Context { chains: &World::chains(), expectations: &[], faults: &[], budget: Budget::OF_CHECK };
    check.judge(history, &context).unwrap()
}

/// The checks that fail, and those that neither fail nor pass.
fn verdict(history: &History) -> (BTreeSet<&'static str>, BTreeSet<&'static str>) {
    let (mut red, mut unknown) = (BTreeSet::new(), BTreeSet::new());
    for (name, table) in CHECKS {
        match judged(name, table, history).judgement {
            Judgement::Fail => drop(red.insert(name)),
            Judgement::Unknown => drop(unknown.insert(name)),
            Judgement::Pass => {}
        }
    }
    (red, unknown)
}

fn injected() -> impl Strategy<Value = Injected> {
    (0..Defect::ALL.len(), 0..chain::LOANS_MIN).prop_map(|(kind, loan)| Injected { defect: Defect::ALL[kind], loan })
}

/// Up to three defects, each on a loan of its own.
fn world() -> impl Strategy<Value = (World, Vec<Injected>)> {
    let world = (chain::LOANS_MIN..chain::LOANS_MIN + 60).prop_map(World::of);
    (world, proptest::collection::vec(injected(), 0..=3)).prop_map(|(mut world, mut injected)| {
        let mut taken = BTreeSet::new();
        injected.retain(|one| taken.insert(one.victim(&world)));
        injected.iter().for_each(|one| one.put_into(&mut world));
        (world, injected)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn the_checks_that_must_see_a_defect_do_and_no_other_says_a_word((world, injected) in world()) {
        let expected: BTreeSet<&str> = injected.iter().flat_map(|one| one.defect.seen_by()).copied().collect();
        let (red, unknown) = verdict(&world.history());
        prop_assert_eq!(&red, &expected, "{:?}", injected);
        prop_assert!(unknown.is_subset(&MAY_BE_UNSURE.into()), "{:?} unknown with {:?}", unknown, injected);
    }
}

/// Each defect alone, so that none is seen by another's check only.
#[test]
fn every_defect_is_seen_by_exactly_the_checks_that_it_names() {
    for defect in Defect::ALL {
        let mut world = World::of(chain::LOANS_MIN);
        Injected { defect, loan: 7 }.put_into(&mut world);
        let (red, unknown) = verdict(&world.history());
        let expected: BTreeSet<&str> = defect.seen_by().iter().copied().collect();
        assert_eq!(red, expected, "{defect:?}");
        assert!(unknown.is_subset(&MAY_BE_UNSURE.into()), "{unknown:?} unknown with {defect:?}");
    }
}

#[test]
fn every_check_of_the_chain_is_needed_by_some_defect() {
    let seen: BTreeSet<&str> = Defect::ALL.iter().flat_map(|defect| defect.seen_by()).copied().collect();
    for (name, _) in CHECKS {
        assert!(seen.contains(name), "no defect needs {name}");
    }
}

#[test]
fn a_chain_in_which_all_goes_well_passes_every_check() {
    assert_eq!(verdict(&World::of(chain::LOANS_MIN).history()), (BTreeSet::new(), BTreeSet::new()));
}

/// A broker's copy that has all that ever was is no place where anything is.
#[test]
fn what_copies_have_changes_nothing() {
    for defect in Defect::ALL {
        let mut world = World::of(chain::LOANS_MIN);
        Injected { defect, loan: 7 }.put_into(&mut world);
        let without = verdict(&world.history());
        world.copied();
        assert_eq!(verdict(&world.history()), without, "{defect:?}");
    }
}

/// A history that lacks a stage's reading makes unknown what depends on it, and fails nothing.
#[test]
fn a_stage_that_was_not_read_fails_nothing_and_passes_nothing_that_depends_on_it() {
    for stage in World::STAGES {
        let mut world = World::of(chain::LOANS_MIN);
        world.unread(stage);
        let (red, unknown) = verdict(&world.history());
        assert_eq!(red, BTreeSet::new(), "{stage}");
        let depends: BTreeSet<&str> =
            CHECKS.iter().filter(|(name, table)| World::reads(name, table, stage)).map(|(name, _)| *name).collect();
        assert_eq!(unknown, depends, "{stage}");
    }
}
