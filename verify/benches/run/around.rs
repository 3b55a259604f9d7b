//! What else a run has on record: its journal, with a fault that was injected and healed, and its series.

use super::observations::Observations;
use super::operations::{OF_ORDERS, Operations};
use super::{SEED, TOOK_NS, due};
use proofload_history::journal::{DrainEnd, DrainOutcome, LoadAudit};
use proofload_history::{At, Entry, Event, History, Phase, Sample, Table};
use std::collections::BTreeMap;

/// So long after the traffic everything is at rest.
const REST_NS: u64 = 1_000_000_000;

/// A history that lacks its operations and observations.
pub(super) fn around(operations: &Operations, observations: &Observations) -> History {
    let end = due(operations.rows()) + TOOK_NS;
    let rest = end + REST_NS;
    let mut told: Vec<(u64, Event)> = started(operations).into_iter().map(|event| (0, event)).collect();
    told.extend(fault(end / 4, end / 2));
    told.push((end, Event::PhaseStarted { phase: Phase::Drain }));
    told.extend(audits(operations).map(|audit| (end, Event::LoadAudited(audit))));
    told.push((
        rest,
        Event::Drained(DrainEnd { outcome: DrainOutcome::Quiet, left: BTreeMap::new(), evidence: String::new() }),
    ));
    told.extend(observations.read().map(|read| (rest, Event::StageRead(read))));
    told.push((rest, Event::RunEnded {}));
    let mut history = History::default();
    history.journal.entries = told.into_iter().map(|(at, event)| Entry { at: At(at), event }).collect();
    history.series = Table::of(&series(end)).expect("it is encoded");
    history
}

fn started(operations: &Operations) -> Vec<Event> {
    let started = Event::RunStarted {
        experiment: "bench".into(),
        wall_ms: 0,
        seed: SEED,
        variants: Vec::new(),
        environment: "lab".into(),
        machine: BTreeMap::new(),
    };
    let issued = operations.traffics().map(|(stream, traffic, operation, to)| Event::IdsIssued {
        stream,
        traffic: traffic.into(),
        operation: operation.into(),
        from: 0,
        to,
    });
    [started, Event::PhaseStarted { phase: Phase::Steady }].into_iter().chain(issued).collect()
}

/// A leader is killed, seen to be gone, started again and seen to be back.
fn fault(from: u64, to: u64) -> [(u64, Event); 7] {
    let fault = || "leader-kill".to_owned();
    let injecting = Event::FaultInjecting {
        fault: fault(),
        kind: "kill".into(),
        targets: vec!["kafka-2".into()],
        because: "due".into(),
    };
    let attested = Event::FaultAttested {
        fault: fault(),
        effective: true,
        observer: "a tcp connect".into(),
        evidence: "refused".into(),
    };
    [
        (from, Event::PhaseStarted { phase: Phase::Fault }),
        (from, injecting),
        (from, Event::FaultInjected { fault: fault() }),
        (from, attested),
        (to, Event::FaultHealed { fault: fault(), because: "due".into(), began: None }),
        (to, Event::HealAttested { fault: fault(), healed: true, evidence: "connected".into() }),
        (to, Event::PhaseStarted { phase: Phase::Recovery }),
    ]
}

/// What the generator says: everything was sent, and on time.
fn audits(operations: &Operations) -> impl Iterator<Item = LoadAudit> {
    let repeats = operations.rows() - operations.traffics().iter().map(|(.., issued)| issued).sum::<u64>();
    operations.traffics().into_iter().map(move |(stream, traffic, _, issued)| {
        let requests = issued + if stream == OF_ORDERS { repeats } else { 0 };
        LoadAudit {
            traffic: traffic.into(),
            scheduled: requests,
            sent: requests,
            goose_requests: requests,
            ..LoadAudit::default()
        }
    })
}

/// A machine that was never starved, and a consumer that falls behind in the second half.
fn series(end: u64) -> Vec<Sample> {
    let sample = |metric: &str, subject: &str, at, value| Sample {
        metric: metric.into(),
        subject: subject.into(),
        at: At(at),
        value,
    };
    let seconds = || (0..=end / 1_000_000_000).map(|second| second * 1_000_000_000);
    let canary = seconds().map(|at| sample("canary_us", "machine", at, 80.0));
    let lag = seconds().map(|at| sample("gauge", "lag", at, if at < end / 2 { 0.0 } else { 2_000.0 }));
    canary.chain(lag).collect()
}
