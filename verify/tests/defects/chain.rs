//! A simple chain in which all goes well: a client asks for a loan, the log has it, a row is made, events are published,
//! the ledger books and the rail pays.

use crate::support::Script;
use proofload_history::journal::{DrainOutcome, StageRead};
use proofload_history::{At, Event, History, Id, Observation, Outcome, Phase, Reading};
use proofload_verify::{Chain, ChainStage};
use std::collections::{BTreeMap, BTreeSet};

/// As many as it takes to tell a p95.
pub(crate) const LOANS_MIN: u64 = 120;
const PARTITIONS: u64 = 3;

/// A history in the making.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) loans: u64,
    pub(crate) facts: Vec<Observation>,
    /// Loans whose client was told that it did not happen.
    pub(crate) refused: BTreeSet<u64>,
    /// For each partition of `log.in` how many records it has lost at its end.
    pub(crate) cut: BTreeMap<i32, i64>,
    unread: Option<&'static str>,
}

impl World {
    pub(crate) const STAGES: [&'static str; 6] =
        ["log.in", "db.row", "log.out", "ledger.entry", "ledger.payout", "rail.payout"];

    /// A run in which so many loans were asked for, and all went well.
    pub(crate) fn of(loans: u64) -> Self {
        let mut world = Self { loans, facts: Vec::new(), refused: BTreeSet::new(), cut: BTreeMap::new(), unread: None };
        (0..loans).for_each(|loan| world.go_well(loan));
        world
    }

    pub(crate) fn chains() -> BTreeMap<String, Chain> {
        let stage = |stage: &str| ChainStage {
            stage: stage.into(),
            title: stage.into(),
            repeats_allowed: stage.starts_with("log."),
            only_if: None,
        };
        let stages = ["log.in", "db.row", "rail.payout", "log.out"].map(stage).to_vec();
        BTreeMap::from([("loan".to_owned(), Chain { operation: Script::OPERATION.into(), stages })])
    }

    /// Whether a check with this table depends on `stage`.
    pub(crate) fn reads(check: &str, table: &str, stage: &str) -> bool {
        let chain = || Self::chains()["loan"].stages.iter().any(|of| of.stage == stage);
        if check == "delivery" { chain() } else { table.contains(&format!("\"{stage}\"")) }
    }

    /// When a loan is asked for, in seconds.
    fn asked_at(loan: u64) -> f64 {
        5.0 + loan as f64 * 0.1
    }

    pub(crate) fn amount(loan: u64) -> i64 {
        1_000 + loan as i64
    }

    pub(crate) fn partition(loan: u64) -> i32 {
        (loan % PARTITIONS) as i32
    }

    /// A loan whose record is the last of its partition of `log.in`.
    pub(crate) fn last_of_a_partition(&self, loan: u64) -> u64 {
        self.loans - 1 - loan % PARTITIONS
    }

    fn go_well(&mut self, loan: u64) {
        let seen_after = |stage: &str, seconds: f64| Observation {
            key: Some(Script::id(loan)),
            at: Some(At::from_secs_f64(Self::asked_at(loan) + seconds)),
            digest: Some(loan),
            ..Observation::of(stage.into(), Script::id(loan))
        };
        let place = |seen: Observation, offset: u64| Observation {
            partition: Some(Self::partition(loan)),
            offset: Some(offset as i64),
            ..seen
        };
        let taken = place(seen_after("log.in", 0.005), loan / PARTITIONS);
        self.facts.push(Observation { reading: Reading::Live, ..taken.clone() });
        self.facts.push(taken);
        self.facts.push(Observation { state: Some("ACTIVE".into()), ..seen_after("db.row", 0.2) });
        for (n, state) in (0_u64..).zip(["SUBMITTED", "APPROVED", "ACTIVE"]) {
            let told = place(seen_after("log.out", 0.3 + n as f64 * 0.1), loan / PARTITIONS * 10 + n);
            let (version, state) = (Some(n as i64 + 1), Some(state.into()));
            self.facts.push(Observation { version, state, digest: Some(loan * 10 + n), ..told });
        }
        let transaction = Some(Id::of(&format!("transaction {loan}")));
        for amount in [Self::amount(loan), -Self::amount(loan)] {
            let entry = seen_after("ledger.entry", 0.4);
            self.facts.push(Observation { key: transaction, amount: Some(amount), ..entry });
        }
        for stage in ["ledger.payout", "rail.payout"] {
            self.facts.push(Observation { amount: Some(Self::amount(loan)), ..seen_after(stage, 0.5) });
        }
    }

    /// What is seen of a loan at a stage at the end.
    pub(crate) fn at(&mut self, stage: &str, loan: u64) -> impl Iterator<Item = &mut Observation> {
        let id = Script::id(loan);
        self.facts
            .iter_mut()
            .filter(move |fact| fact.id == id && *fact.stage == *stage && fact.reading == Reading::Final)
    }

    /// Takes away what is seen of a loan where `which` says so.
    pub(crate) fn forget(&mut self, loan: u64, which: impl Fn(&Observation) -> bool) {
        let id = Script::id(loan);
        self.facts.retain(|fact| fact.id != id || !which(fact));
    }

    /// Adds what brokers' copies have, each loan of a run in which all went well.
    pub(crate) fn copied(&mut self) {
        let whole = Self::of(self.loans).facts;
        self.facts.extend(whole.into_iter().map(|fact| Observation { reading: Reading::Replica, ..fact }));
    }

    pub(crate) fn unread(&mut self, stage: &'static str) {
        self.unread = Some(stage);
    }

    pub(crate) fn history(&self) -> History {
        let mut script = Script::new();
        script.phases(&[(0.0, Phase::WarmUp), (5.0, Phase::Steady), (60.0, Phase::Drain)]).issue(1, 0, self.loans);
        for loan in 0..self.loans {
            let outcome = if self.refused.contains(&loan) { Outcome::Fail } else { Outcome::Ok };
            script.timed(loan, Self::asked_at(loan), 10, outcome);
        }
        script.audit_good().event(60.0, Event::TrafficEnded {}).drained(61.0, DrainOutcome::Quiet);
        for stage in Self::STAGES {
            if self.unread != Some(stage) {
                let bounds = if stage == "log.in" { self.bounds() } else { Vec::new() };
                let read = StageRead { stage: stage.into(), complete: true, bounds, ..StageRead::default() };
                script.event(62.0, Event::StageRead(read));
            }
        }
        script.ended(63.0);
        script.observations.clone_from(&self.facts);
        script.history()
    }

    /// For each partition of `log.in` where it begins and ends.
    fn bounds(&self) -> Vec<(i32, i64, i64)> {
        let end = |partition: u64| (self.loans - partition).div_ceil(PARTITIONS) as i64;
        let cut = |partition: i32| self.cut.get(&partition).copied().unwrap_or_default();
        (0..PARTITIONS).map(|partition| (partition as i32, 0, end(partition) - cut(partition as i32))).collect()
    }
}
