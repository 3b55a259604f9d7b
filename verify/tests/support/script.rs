//! Histories for tests, written as a run would tell them. Shared by the crate's own tests, the tests in the
//! folder above.

use super::{Chain, ChainStage, Condition};
use proofload_history::journal::{DrainEnd, DrainOutcome, LoadAudit, StageRead};
use proofload_history::{
    At, Entry, Event, History, Id, Journal, Name, Observation, Operation, Outcome, Phase, Reading, Sample, Table,
};
use std::collections::BTreeMap;

/// Writes a history step by step.
#[derive(Clone, Debug, Default)]
pub(crate) struct Script {
    pub(crate) operations: Vec<Operation>,
    pub(crate) observations: Vec<Observation>,
    series: Vec<Sample>,
    journal: Journal,
    damage: Vec<String>,
    next_offset: i64,
}

impl Script {
    pub(crate) const SEED: u64 = 7;
    pub(crate) const OPERATION: &'static str = "place_order";
    pub(crate) const STAGES: [&'static str; 3] = ["log.in", "db.row", "log.out"];

    /// A run that has started, on a machine that is watched and has time.
    pub(crate) fn new() -> Self {
        let mut script = Self::default();
        script.event(
            0.0,
            Event::RunStarted {
                experiment: "test".into(),
                wall_ms: 1_700_000_000_000,
                seed: Self::SEED,
                variants: Vec::new(),
                environment: "lab".into(),
                machine: BTreeMap::new(),
            },
        );
        for second in 0..120 {
            script.sample("canary_us", f64::from(second) + 0.5, 80.0);
        }
        script
    }

    /// Takes away what the machine's own samples say.
    pub(crate) fn unwatched(&mut self) -> &mut Self {
        self.series.clear();
        self
    }

    /// A whole run of 60 s at 20/s in which all went well: steady from 5 s, fault from 20 s, recovery from 40 s, drained
    /// at 61 s, every stage read.
    pub(crate) fn good() -> Self {
        Self::good_with(|_, _| {})
    }

    /// The same, with a chance to add or change something before it ends.
    pub(crate) fn good_with(change: impl Fn(&mut Self, Id)) -> Self {
        let mut script = Self::new();
        script.phases(&[
            (0.0, Phase::WarmUp),
            (5.0, Phase::Steady),
            (20.0, Phase::Fault),
            (40.0, Phase::Recovery),
            (60.0, Phase::Drain),
        ]);
        script.issue(1, 0, 1_200);
        for n in 0..1_200 {
            script.timed(n, n as f64 / 20.0, 20, Outcome::Ok);
            script.everywhere(Self::id(n));
        }
        change(&mut script, Self::id(600));
        script.audit_good().event(60.0, Event::TrafficEnded {});
        script.drained(61.0, DrainOutcome::Quiet).read_all(62.0).ended(63.0);
        script
    }

    pub(crate) fn id(counter: u64) -> Id {
        Id::issued(Self::SEED, 1, counter)
    }

    /// The chain of the three stages; repeats are forbidden in the middle one.
    pub(crate) fn chains() -> BTreeMap<String, Chain> {
        let stage = |stage: &str| ChainStage {
            stage: stage.into(),
            title: stage.into(),
            repeats_allowed: stage != "db.row",
            only_if: None,
        };
        let stages = Self::STAGES.iter().copied().map(stage).collect();
        BTreeMap::from([("order".to_owned(), Chain { operation: Self::OPERATION.into(), stages })])
    }

    /// The same, where the last stage is only for what is `OPEN` in the middle one.
    pub(crate) fn conditional_chains() -> BTreeMap<String, Chain> {
        let mut chains = Self::chains();
        let only_if = Condition { stage: "db.row".into(), states: vec!["OPEN".into()] };
        if let Some(last) = chains.values_mut().next().and_then(|chain| chain.stages.last_mut()) {
            last.only_if = Some(only_if);
        }
        chains
    }

    /// Gives what was seen last a state.
    pub(crate) fn in_state(&mut self, state: &str) -> &mut Self {
        if let Some(last) = self.observations.last_mut() {
            last.state = Some(state.into());
        }
        self
    }

    pub(crate) fn event(&mut self, at: f64, event: Event) -> &mut Self {
        self.journal.entries.push(Entry { at: At::from_secs_f64(at), event });
        self
    }

    pub(crate) fn phases(&mut self, phases: &[(f64, Phase)]) -> &mut Self {
        for (at, phase) in phases {
            self.event(*at, Event::PhaseStarted { phase: *phase });
        }
        self
    }

    pub(crate) fn issue(&mut self, stream: u16, from: u64, to: u64) -> &mut Self {
        let operation = Self::OPERATION.into();
        self.event(0.0, Event::IdsIssued { stream, traffic: "orders".into(), operation, from, to })
    }

    /// An attempt answered after 10 ms.
    pub(crate) fn attempt(&mut self, id: Id, at: f64, outcome: Outcome) -> &mut Self {
        self.operation(id, at, 10, outcome)
    }

    /// An attempt of another operation than [`Self::OPERATION`], answered after 10 ms.
    pub(crate) fn attempt_of(&mut self, operation: &str, id: Id, at: f64, outcome: Outcome) -> &mut Self {
        self.operation(id, at, 10, outcome);
        if let Some(made) = self.operations.last_mut() {
            made.name = operation.into();
        }
        self
    }

    /// The only attempt of intent `counter`.
    pub(crate) fn timed(&mut self, counter: u64, at: f64, latency_ms: u64, outcome: Outcome) -> &mut Self {
        self.operation(Self::id(counter), at, latency_ms, outcome)
    }

    fn operation(&mut self, intent: Id, at: f64, latency_ms: u64, outcome: Outcome) -> &mut Self {
        let intended = At::from_secs_f64(at);
        self.operations.push(Operation {
            intent,
            attempt: 0,
            name: Self::OPERATION.into(),
            intended,
            sent: Some(intended),
            done: At(intended.0 + latency_ms * 1_000_000),
            outcome,
            status: match outcome {
                Outcome::Ok => Some(202),
                Outcome::Fail => Some(429),
                Outcome::Indeterminate => None,
            },
            error: None,
            answer: None,
        });
        self
    }

    /// What the last attempt was answered with: its status, and the digest of the body.
    pub(crate) fn answered(&mut self, status: u16, body: Option<u64>) -> &mut Self {
        if let Some(last) = self.operations.last_mut() {
            (last.status, last.answer) = (Some(status), body);
        }
        self
    }

    /// An arrival that was never sent.
    pub(crate) fn unsent(&mut self, counter: u64, at: f64, why: &str) -> &mut Self {
        self.timed(counter, at, 0, Outcome::Fail);
        if let Some(last) = self.operations.last_mut() {
            (last.sent, last.status, last.error) = (None, None, Some(why.into()));
        }
        self
    }

    pub(crate) fn seen(&mut self, stage: &str, id: Id) -> &mut Self {
        self.observe(stage, id, Reading::Final)
    }

    pub(crate) fn seen_live(&mut self, stage: &str, id: Id) -> &mut Self {
        self.observe(stage, id, Reading::Live)
    }

    fn observe(&mut self, stage: &str, id: Id, reading: Reading) -> &mut Self {
        let mut seen = Observation { reading, ..Observation::of(Name::from(stage), id) };
        if stage.starts_with("log.") {
            (seen.partition, seen.offset) = (Some(3), Some(self.next_offset));
            self.next_offset += 1;
        }
        self.observations.push(seen);
        self
    }

    pub(crate) fn everywhere(&mut self, id: Id) -> &mut Self {
        for stage in Self::STAGES {
            self.seen(stage, id);
        }
        self
    }

    /// Takes what was seen of `id` at the end at `stage` away.
    pub(crate) fn gone(&mut self, stage: &str, id: Id) -> &mut Self {
        self.observations.retain(|seen| !(&*seen.stage == stage && seen.id == id && seen.reading == Reading::Final));
        self
    }

    pub(crate) fn read(&mut self, at: f64, stage: &str, complete: bool, unreadable: u64) -> &mut Self {
        let final_here = |seen: &&Observation| &*seen.stage == stage && seen.reading == Reading::Final;
        let rows = self.observations.iter().filter(final_here).count() as u64;
        let read = StageRead { stage: stage.into(), complete, rows, unreadable, ..StageRead::default() };
        self.event(at, Event::StageRead(read))
    }

    pub(crate) fn read_all(&mut self, at: f64) -> &mut Self {
        for stage in Self::STAGES {
            self.read(at, stage, true, 0);
        }
        self
    }

    pub(crate) fn drained(&mut self, at: f64, outcome: DrainOutcome) -> &mut Self {
        let lag = if outcome == DrainOutcome::Quiet { 0.0 } else { 12.0 };
        let left = [("lag".to_owned(), lag), ("outbox".to_owned(), 0.0)].into();
        let evidence = format!("lag = {lag}, outbox = 0, unmoved for 2.0 s");
        self.event(at, Event::Drained(DrainEnd { outcome, left, evidence }))
    }

    pub(crate) fn injected(&mut self, at: f64, fault: &str) -> &mut Self {
        let (kind, targets) = ("kill".to_owned(), vec!["kafka-2".to_owned()]);
        self.event(at, Event::FaultInjecting { fault: fault.into(), kind, targets, because: "due".into() });
        self.event(at, Event::FaultInjected { fault: fault.into() })
    }

    pub(crate) fn attested(&mut self, at: f64, fault: &str, effective: bool) -> &mut Self {
        let (observer, evidence) = ("a tcp connect".to_owned(), "refused".to_owned());
        self.event(at, Event::FaultAttested { fault: fault.into(), effective, observer, evidence })
    }

    pub(crate) fn healed(&mut self, at: f64, fault: &str) -> &mut Self {
        self.healed_from(at, at, fault)
    }

    /// A heal that took its time.
    pub(crate) fn healed_from(&mut self, began: f64, at: f64, fault: &str) -> &mut Self {
        let began = Some(At::from_secs_f64(began));
        self.event(at, Event::FaultHealed { fault: fault.into(), because: "due".into(), began });
        self.event(at, Event::HealAttested { fault: fault.into(), healed: true, evidence: "connected".into() })
    }

    /// A fault that took effect and healed.
    pub(crate) fn fault(&mut self, from: f64, to: f64, fault: &str) -> &mut Self {
        self.injected(from, fault).attested(from, fault, true).healed(to, fault)
    }

    pub(crate) fn audit(&mut self, audit: LoadAudit) -> &mut Self {
        self.event(60.0, Event::LoadAudited(audit))
    }

    /// An audit that agrees with the rows.
    pub(crate) fn audit_good(&mut self) -> &mut Self {
        let sent = self.operations.iter().filter(|made| made.sent.is_some()).count() as u64;
        self.audit(LoadAudit {
            traffic: "orders".into(),
            scheduled: sent,
            sent,
            goose_requests: sent,
            ..LoadAudit::default()
        })
    }

    pub(crate) fn sample(&mut self, metric: &str, at: f64, value: f64) -> &mut Self {
        self.sample_of("machine", metric, at, value)
    }

    /// A sample of a metric of something.
    pub(crate) fn sample_of(&mut self, subject: &str, metric: &str, at: f64, value: f64) -> &mut Self {
        let (metric, subject) = (metric.into(), subject.into());
        self.series.push(Sample { metric, subject, at: At::from_secs_f64(at), value });
        self
    }

    pub(crate) fn damaged(&mut self, what: &str) -> &mut Self {
        self.damage.push(what.into());
        self
    }

    pub(crate) fn ended(&mut self, at: f64) -> &mut Self {
        self.event(at, Event::RunEnded {})
    }

    /// Takes the events away that `which` picks.
    pub(crate) fn without(&mut self, which: impl Fn(&Event) -> bool) -> &mut Self {
        self.journal.entries.retain(|entry| !which(&entry.event));
        self
    }

    /// The history so far, its journal in the order of instants.
    pub(crate) fn history(&self) -> History {
        let mut journal = self.journal.clone();
        journal.entries.sort_by_key(|entry| entry.at);
        History {
            operations: Table::of(&self.operations).unwrap(),
            observations: Table::of(&self.observations).unwrap(),
            series: Table::of(&self.series).unwrap(),
            journal,
            damage: self.damage.clone(),
        }
    }

    /// A row with whatever it says: a key, a position, a version, a state.
    pub(crate) fn observed(&mut self, seen: Observation) -> &mut Self {
        self.observations.push(seen);
        self
    }

    /// Seen at the end, with the instant at which it happened.
    pub(crate) fn seen_at(&mut self, stage: &str, id: Id, at: At) -> &mut Self {
        self.seen(stage, id);
        if let Some(last) = self.observations.last_mut() {
            last.at = Some(at);
        }
        self
    }

    /// A record of a log at a place of its own, with a digest.
    pub(crate) fn record(
        &mut self,
        reading: Reading,
        (partition, offset): (i32, i64),
        id: Id,
        digest: u64,
    ) -> &mut Self {
        let (partition, offset, digest) = (Some(partition), Some(offset), Some(digest));
        let seen = Observation { reading, partition, offset, digest, ..Observation::of("log.in".into(), id) };
        self.observations.push(seen);
        self
    }

    /// How `log.in` was read, with the first and the end offset of its partitions.
    pub(crate) fn read_log(&mut self, at: f64, complete: bool, bounds: &[(i32, i64, i64)]) -> &mut Self {
        self.read(at, "log.in", complete, 0);
        if let Some(Entry { event: Event::StageRead(read), .. }) = self.journal.entries.last_mut() {
            read.bounds = bounds.to_vec();
        }
        self
    }

    /// A value of a gauge.
    pub(crate) fn gauge(&mut self, gauge: &str, at: f64, value: f64) -> &mut Self {
        self.sample_of(gauge, "gauge", at, value)
    }

    /// Ids `0..100,000` of a stream, issued for a traffic.
    pub(crate) fn traffic(&mut self, stream: u16, traffic: &str) -> &mut Self {
        let (traffic, operation) = (traffic.into(), Self::OPERATION.into());
        self.event(0.0, Event::IdsIssued { stream, traffic, operation, from: 0, to: 100_000 })
    }

    /// A request, sent and answered at these instants in milliseconds; without a status it was given up then.
    pub(crate) fn request(&mut self, id: Id, (sent, done): (u64, u64), status: Option<u16>) -> &mut Self {
        let outcome = match status {
            Some(200..300) => Outcome::Ok,
            Some(_) => Outcome::Fail,
            None => Outcome::Indeterminate,
        };
        self.operation(id, 0.0, 0, outcome);
        if let Some(made) = self.operations.last_mut() {
            let (sent, done) = (At(sent * 1_000_000), At(done * 1_000_000));
            (made.intended, made.sent, made.done, made.status) = (sent, Some(sent), done, status);
        }
        self
    }
}
