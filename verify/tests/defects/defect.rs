//! Defects of known kinds, and what must see each.

use crate::chain::World;
use crate::support::Script;
use proofload_history::{At, Id, Observation, Reading};

/// What is wrong with a loan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Defect {
    /// Acknowledged, and nowhere.
    Lost,
    /// Acknowledged and in the log, and nowhere behind it.
    LostBehindTheLog,
    /// Seen in the log, which was cut short afterwards.
    Truncated,
    /// Seen in the log, where another has its place.
    Overwritten,
    /// Its row is there twice.
    RowTwice,
    /// Paid out twice.
    PaidTwice,
    /// A row that nobody asked for.
    Phantom,
    /// There although its client was told that it did not happen.
    Refused,
    /// Its second event stands behind its third.
    Reordered,
    /// Its second event is missing.
    Gap,
    /// Its second event came again.
    EventTwice,
    /// Its third event is in another partition.
    Split,
    /// Its third event has the state of the first.
    Regressed,
    /// It was active, and then rejected.
    Contradicted,
    /// Half of its booking is missing.
    Torn,
    /// The rail paid another amount.
    WrongTransfer,
    /// Half of its booking has another amount.
    WrongBooking,
    /// Its row was made a minute later.
    Late,
    /// Its row never came to the last state.
    Unfinished,
    /// Every row was made ten seconds later.
    AllStale,
}

impl Defect {
    pub(crate) const ALL: [Self; 20] = [
        Self::Lost,
        Self::LostBehindTheLog,
        Self::Truncated,
        Self::Overwritten,
        Self::RowTwice,
        Self::PaidTwice,
        Self::Phantom,
        Self::Refused,
        Self::Reordered,
        Self::Gap,
        Self::EventTwice,
        Self::Split,
        Self::Regressed,
        Self::Contradicted,
        Self::Torn,
        Self::WrongTransfer,
        Self::WrongBooking,
        Self::Late,
        Self::Unfinished,
        Self::AllStale,
    ];

    /// The checks that must fail, and no others.
    pub(crate) fn seen_by(self) -> &'static [&'static str] {
        match self {
            Self::Lost => &["delivery"],
            Self::LostBehindTheLog => &["delivery", "saga_complete"],
            Self::Truncated | Self::Overwritten => &["delivery", "tail_loss"],
            Self::RowTwice => &["delivery", "effect_once"],
            Self::PaidTwice => &["delivery", "effect_once", "agreement"],
            Self::Phantom | Self::Refused => &["delivery", "no_phantom"],
            Self::Reordered | Self::Gap | Self::EventTwice | Self::Split => &["order"],
            Self::Regressed | Self::Contradicted => &["monotonic"],
            Self::Torn | Self::WrongBooking => &["conservation"],
            Self::WrongTransfer => &["agreement"],
            Self::Late | Self::Unfinished => &["saga_complete"],
            Self::AllStale => &["freshness"],
        }
    }
}

/// A defect of one loan.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Injected {
    pub(crate) defect: Defect,
    pub(crate) loan: u64,
}

impl Injected {
    /// The loan that it hits: a log is cut short at its end. The last of each partition are kept for that.
    pub(crate) fn victim(self, world: &World) -> u64 {
        match self.defect {
            Defect::Truncated => world.last_of_a_partition(self.loan),
            _ => self.loan % (world.loans - 3),
        }
    }

    pub(crate) fn put_into(self, world: &mut World) {
        let loan = self.victim(world);
        match self.defect {
            Defect::Lost => world.forget(loan, |_| true),
            Defect::LostBehindTheLog => world.forget(loan, |fact| &*fact.stage != "log.in"),
            Defect::Truncated => {
                world.forget(loan, |fact| fact.reading == Reading::Final);
                *world.cut.entry(World::partition(loan)).or_default() += 1;
            }
            Defect::Overwritten => world.forget(loan, |fact| fact.reading == Reading::Final),
            Defect::RowTwice => again(world, "db.row", loan, |_| {}),
            Defect::PaidTwice => again(world, "rail.payout", loan, |_| {}),
            Defect::Phantom => {
                again(world, "db.row", loan, |fact| fact.id = Id::of(&format!("a stranger beside {loan}")));
            }
            Defect::Refused => drop(world.refused.insert(loan)),
            Defect::Reordered => swap_offsets(world, loan),
            Defect::Gap => world.forget(loan, |fact| &*fact.stage == "log.out" && fact.version == Some(2)),
            Defect::EventTwice => event_again(world, loan),
            Defect::Split => change(world, "log.out", loan, 3, |fact| fact.partition = Some(7)),
            Defect::Regressed => change(world, "log.out", loan, 3, |fact| fact.state = Some("SUBMITTED".into())),
            Defect::Contradicted => contradict(world, loan),
            Defect::Torn => world.forget(loan, |fact| &*fact.stage == "ledger.entry" && fact.amount < Some(0)),
            Defect::WrongTransfer => first(world, "rail.payout", loan, one_more),
            Defect::WrongBooking => first(world, "ledger.entry", loan, one_more),
            Defect::Late => first(world, "db.row", loan, |fact| later(fact, 60)),
            Defect::Unfinished => first(world, "db.row", loan, |fact| fact.state = Some("PENDING".into())),
            Defect::AllStale => {
                let rows = world.facts.iter_mut().filter(|fact| &*fact.stage == "db.row");
                // Up to three of them together stay within the deadline of a saga.
                rows.for_each(|fact| later(fact, 8));
            }
        }
    }
}

fn later(fact: &mut Observation, seconds: u64) {
    fact.at = fact.at.map(|at| At(at.0 + seconds * 1_000_000_000));
}

fn one_more(fact: &mut Observation) {
    fact.amount = fact.amount.map(|amount| amount + 1);
}

/// Changes the first fact about a loan at a stage.
fn first(world: &mut World, stage: &str, loan: u64, change: impl Fn(&mut Observation)) {
    world.at(stage, loan).take(1).for_each(change);
}

/// Changes one version of a loan's events.
fn change(world: &mut World, stage: &str, loan: u64, version: i64, change: impl Fn(&mut Observation)) {
    world.at(stage, loan).filter(|fact| fact.version == Some(version)).for_each(change);
}

/// Adds a fact like the first about a loan at a stage.
fn again(world: &mut World, stage: &str, loan: u64, change: impl Fn(&mut Observation)) {
    let Some(mut fact) = world.at(stage, loan).next().cloned() else { return };
    change(&mut fact);
    world.facts.push(fact);
}

fn event(world: &mut World, loan: u64, version: i64) -> Option<Observation> {
    world.at("log.out", loan).find(|fact| fact.version == Some(version)).cloned()
}

fn swap_offsets(world: &mut World, loan: u64) {
    let offsets = [2, 3].map(|version| event(world, loan, version).and_then(|fact| fact.offset));
    change(world, "log.out", loan, 2, |fact| fact.offset = offsets[1]);
    change(world, "log.out", loan, 3, |fact| fact.offset = offsets[0]);
}

fn event_again(world: &mut World, loan: u64) {
    let Some(mut fact) = event(world, loan, 2) else { return };
    fact.offset = fact.offset.map(|offset| offset + 5);
    world.facts.push(fact);
}

fn contradict(world: &mut World, loan: u64) {
    let Some(mut fact) = event(world, loan, 3) else { return };
    fact.offset = fact.offset.map(|offset| offset + 1);
    (fact.version, fact.state, fact.digest) = (Some(4), Some("REJECTED".into()), Some(Script::id(loan).0 as u64));
    world.facts.push(fact);
}
