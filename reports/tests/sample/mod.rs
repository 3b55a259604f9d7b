//! Runs made by hand, in the shape of real ones: a broker is killed under 200 requests a second.

use proofload_history::journal::LoadAudit;
use proofload_history::{At, Entry, Event, History, Id, Operation, Outcome, Phase, Sample, Table};
use proofload_verify::{Chain, Class, FaultSummary, Figure, Finding, Judgement, Listed, Offender, PhaseSpan, Verdict};
use std::collections::BTreeMap;

const SEED: u64 = 7;
pub(crate) const RUN: &str = "runs/broker-kill/2026-03-02T10-15-00Z";
const RATE: u64 = 200;
const START_S: f64 = 14.0;
const PHASES: [(Phase, f64, f64); 6] = [
    (Phase::WarmUp, 14.0, 19.0),
    (Phase::Steady, 19.0, 39.0),
    (Phase::Fault, 39.0, 64.0),
    (Phase::Recovery, 64.0, 94.0),
    (Phase::Drain, 94.0, 101.5),
    (Phase::Observe, 101.5, 106.0),
];
/// The stall: from the kill to the election.
const STALL: (f64, f64) = (42.0, 45.6);

/// No way that an intent must go: what a trace tells of one is tested where traces are made.
pub(crate) static CHAINS: BTreeMap<String, Chain> = BTreeMap::new();

/// A run and its verdict.
pub(crate) struct Run {
    pub(crate) verdict: Verdict,
    pub(crate) history: History,
}

/// Nothing lost: a pass.
pub(crate) fn pass() -> Run {
    let mut verdict = verdict(
        Judgement::Pass,
        "PASS: 15,980 submit_request were sent and 15,550 acknowledged while broker-kill hit kafka-2; none was lost, none was done twice; back in band 4.6 s after broker-kill began.",
    );
    verdict.findings = vec![load(true), attested(), nothing_lost(0), fast(), recovers()];
    Run { verdict, history: history() }
}

/// Three acknowledged requests lost, and one expectation skipped: a fail.
pub(crate) fn fail() -> Run {
    let mut verdict = verdict(
        Judgement::Fail,
        "FAIL: nothing-lost: 15,550 submit_request were acknowledged; 3 were lost, none was done twice. 15,980 submit_request were sent and 15,550 acknowledged while broker-kill hit kafka-2.",
    );
    verdict.variants = vec!["acks-one".to_owned()];
    verdict
        .figures
        .iter_mut()
        .filter(|figure| figure.name == "lost_intents")
        .for_each(|figure| figure.value = Some(3.0));
    let mut skipped = Finding::new("recovery", Class::Performance, Judgement::Unknown, "");
    skipped.expectation = "recovers-from-slow-database".to_owned();
    skipped.skipped = Some("it speaks of the fault `postgres-slow`, which this run does not have".to_owned());
    verdict.findings = vec![load(true), attested(), nothing_lost(3), fast(), recovers(), skipped];
    Run { verdict, history: history() }
}

/// The generator fell behind: unknown.
pub(crate) fn unknown() -> Run {
    let mut verdict = verdict(
        Judgement::Unknown,
        "UNKNOWN: The generator could not keep up: asked for 200/s, sent 147/s; 4,210 of 16,000 arrivals late or not at all. 15,980 submit_request were sent and 15,550 acknowledged while broker-kill hit kafka-2.",
    );
    let unjudged = |mut finding: Finding| {
        finding.judgement = Judgement::Unknown;
        finding.sentence = "not judged, since the load was invalid".to_owned();
        finding
    };
    verdict.findings = vec![load(false), attested(), nothing_lost(0), unjudged(fast()), unjudged(recovers())];
    Run { verdict, history: history() }
}

fn verdict(judgement: Judgement, sentence: &str) -> Verdict {
    let phases = PHASES.iter().map(|(phase, from_s, to_s)| PhaseSpan {
        phase: phase.name().to_owned(),
        from_s: *from_s,
        to_s: *to_s,
    });
    Verdict {
        format: 1,
        experiment: "broker-kill".to_owned(),
        title: "A broker dies under load".to_owned(),
        hypothesis: "With three replicas, two in sync and acks=all, killing the leader of a partition loses nothing that was acknowledged, and p95 is back in band within 10 s.".to_owned(),
        judgement,
        sentence: sentence.to_owned(),
        variants: Vec::new(),
        sets: Vec::new(),
        seed: SEED,
        complete: true,
        figures: figures(),
        phases: phases.collect(),
        faults: vec![
            FaultSummary {
                fault: "broker-kill".to_owned(),
                kind: "kill".to_owned(),
                targets: vec!["kafka-2".to_owned()],
                because: "leader of requests.submitted/0".to_owned(),
                injected_s: Some(42.0),
                healed_s: Some(57.0),
                attested: true,
                attestation: vec!["tcp connect to kafka-2:9092: connection refused, 3 of 3 times".to_owned()],
                exposed: Some(41),
            },
            FaultSummary {
                fault: "slow-link".to_owned(),
                kind: "latency".to_owned(),
                targets: vec!["gateway-1 to kafka".to_owned()],
                because: "at 48 s".to_owned(),
                injected_s: Some(48.0),
                healed_s: Some(54.0),
                attested: false,
                attestation: vec!["round trip of gateway-1 to kafka: 1.1 ms before, 1.3 ms during".to_owned()],
                exposed: None,
            },
        ],
        findings: Vec::new(),
        limits: vec![
            "A killed process keeps the page cache: this run cannot show the loss of writes that were not synced to disk.".to_owned(),
            "One kill without a loss bounds the chance of a loss per kill at 95 %, with 95 % confidence.".to_owned(),
        ],
    }
}

fn figures() -> Vec<Figure> {
    let figure = |(name, value): (&str, Option<f64>)| Figure { name: name.to_owned(), value };
    [
        ("sent_operations", Some(15_980.0)),
        ("unsent_operations", Some(20.0)),
        ("ok_operations", Some(15_550.0)),
        ("lost_intents", Some(0.0)),
        ("repeated_intents", Some(0.0)),
        ("p95_ms.warm_up.submit_request", Some(104.0)),
        ("p95_ms.steady.submit_request", Some(30.9)),
        ("p95_ms.fault.submit_request", None),
        ("p95_ms.recovery.submit_request", Some(31.2)),
        ("failover_s.broker-kill", Some(4.6)),
        ("restoration_s.broker-kill", Some(0.0)),
    ]
    .map(figure)
    .into()
}

fn named(expectation: &str, finding: Finding) -> Finding {
    Finding { expectation: expectation.to_owned(), ..finding }
}

fn load(valid: bool) -> Finding {
    let (judgement, sentence, behind) = if valid {
        (Judgement::Pass, "15,980 of 16,000 scheduled arrivals were sent, on time.", 0.0)
    } else {
        (
            Judgement::Unknown,
            "The generator could not keep up: asked for 200/s, sent 147/s; 4,210 of 16,000 arrivals late or not at all.",
            4_210.0,
        )
    };
    let finding = Finding::new("load", Class::Performance, judgement, sentence)
        .figure("scheduled_arrivals", 16_000.0)
        .figure("unsent_generator_arrivals", behind)
        .figure("asked_per_s", 200.0)
        .evidence("workers", "2,000, of which at most 731 were busy at once");
    named("load", finding)
}

fn attested() -> Finding {
    let finding = Finding::new(
        "attested",
        Class::Safety,
        Judgement::Pass,
        "Every fault that a finding rests on was seen to take effect.",
    )
    .evidence("broker-kill", "tcp connect to kafka-2:9092: connection refused, 3 of 3 times");
    named("attested", finding)
}

fn nothing_lost(lost: u64) -> Finding {
    let judgement = if lost == 0 { Judgement::Pass } else { Judgement::Fail };
    let sentence = format!("15,550 submit_request were acknowledged; {lost} were lost, none was done twice.");
    let mut finding = Finding::new("delivery", Class::Safety, judgement, sentence)
        .figure("ok_intents", 15_550.0)
        .figure("lost_intents", lost as f64)
        .figure("repeated_intents", 0.0)
        .figure("unexpected_intents", 0.0)
        .figure("indeterminate_landed_intents", 211.0)
        .evidence("log.submitted", "15,761 records in 6 partitions, read twice with equal digests")
        .evidence("db.request", "15,761 rows in one repeatable-read snapshot");
    finding.offenders_total = lost;
    finding.offenders = (0..lost).map(lost_one).collect();
    for Offender { id, defect, stage, at, .. } in &finding.offenders {
        let (stage, partition, offset) = (stage.as_deref(), Some(3), None);
        finding.listing.push(&Listed { id: *id, defect, stage, at: *at, partition, offset });
    }
    named("nothing-lost", finding)
}

fn lost_one(index: u64) -> Offender {
    Offender {
        id: Some(Id::issued(SEED, 1, 5_620 + index)),
        defect: "lost".to_owned(),
        stage: Some("log.submitted".to_owned()),
        at: Some(At::from_secs_f64(44.1 + index as f64 * 0.2)),
        during: vec!["broker-kill".to_owned()],
        detail: "acknowledged with 202, last seen nowhere".to_owned(),
    }
}

fn fast() -> Finding {
    let finding = Finding::new(
        "latency",
        Class::Performance,
        Judgement::Pass,
        "p95 was 31 ms in the steady phase, below 300 ms.",
    )
    .figure("p95_ms", 30.9)
    .figure("p95_low_ms", 30.4)
    .figure("p95_high_ms", 31.6)
    .figure("limit_ms", 300.0);
    named("fast-when-healthy", finding)
}

fn recovers() -> Finding {
    let sentence = "Back in band 4.6 s after the kill, while the broker was still down.";
    let finding = Finding::new("recovery", Class::Performance, Judgement::Pass, sentence)
        .figure("failover_s.broker-kill", 4.6)
        .figure("restoration_s.broker-kill", 0.0)
        .evidence("band", "99 % accepted and p95 within 300 ms, sustained for 5 s over 1,000 requests");
    named("recovers", finding)
}

/// The history of the run, the same every time.
fn history() -> History {
    let operations = Table::of(&operations()).expect("it is encoded");
    let series = Table::of(&series()).expect("it is encoded");
    let mut history = History { operations, series, ..History::default() };
    history.journal.entries = journal();
    history
}

fn journal() -> Vec<Entry> {
    let mut entries = vec![(0.0, started()), (13.8, Event::SystemReady { seconds: 13.6 })];
    entries.extend(PHASES.iter().map(|(phase, from_s, _)| (*from_s, Event::PhaseStarted { phase: *phase })));
    entries.extend(fault("broker-kill", "kill", "kafka-2", (42.0, 57.0), true));
    entries.extend(fault("slow-link", "latency", "gateway-1 to kafka", (48.0, 54.0), false));
    entries
        .push((42.02, Event::ProcessExited { instance: "kafka-2".into(), status: "signal 9".into(), expected: true }));
    for partition in [0, 3] {
        let change = |leader: &str| Event::LeaderChanged {
            topic: "requests.submitted".into(),
            partition,
            leader: Some(leader.into()),
        };
        entries.extend([(45.4, change("kafka-3")), (66.3 + f64::from(partition), change("kafka-2"))]);
    }
    let audit = LoadAudit { traffic: "apply".into(), scheduled: 16_000, sent: 16_000, ..LoadAudit::default() };
    entries.extend([(94.0, Event::TrafficEnded {}), (94.1, Event::LoadAudited(audit)), (106.0, Event::RunEnded {})]);
    entries.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    entries.into_iter().map(|(at, event)| Entry { at: At::from_secs_f64(at), event }).collect()
}

fn started() -> Event {
    let facts = [("cores", "2"), ("memory", "24 GiB"), ("kernel", "6.8.0"), ("proofload", "0.1.0"), ("kafka", "4.3.0")];
    Event::RunStarted {
        experiment: "broker-kill".into(),
        wall_ms: 1_772_446_500_000,
        seed: SEED,
        variants: Vec::new(),
        environment: "lab".into(),
        machine: facts.map(|(name, value)| (name.to_owned(), value.to_owned())).into_iter().collect::<BTreeMap<_, _>>(),
    }
}

fn fault(id: &str, kind: &str, target: &str, (from, to): (f64, f64), effective: bool) -> [(f64, Event); 4] {
    let fault = id.to_owned();
    let injecting = Event::FaultInjecting {
        fault: fault.clone(),
        kind: kind.into(),
        targets: vec![target.into()],
        because: String::new(),
    };
    let attested =
        Event::FaultAttested { fault: fault.clone(), effective, observer: String::new(), evidence: String::new() };
    [
        (from, injecting),
        (from + 0.01, Event::FaultInjected { fault: fault.clone() }),
        (from + 1.0, attested),
        (to, Event::FaultHealed { fault, because: "due".into(), began: None }),
    ]
}

fn operations() -> Vec<Operation> {
    let end_s = PHASES[3].2;
    let total = ((end_s - START_S) * RATE as f64) as u64;
    (0..total).map(|counter| operation(counter, START_S + counter as f64 / RATE as f64)).collect()
}

fn operation(counter: u64, due_s: f64) -> Operation {
    let chance = noise(counter);
    let usual_ms = 9.0 + 26.0 * chance.powi(4) + if noise(counter + 7) > 0.985 { 90.0 * chance } else { 0.0 };
    let warm = if due_s < 19.0 { (19.0 - due_s) * 22.0 * chance } else { 0.0 };
    let slow = if (48.0..54.0).contains(&due_s) { 30.0 * chance } else { 0.0 };
    let stalled = (STALL.0..STALL.1).contains(&due_s);
    let wait_ms = if stalled { (STALL.1 - due_s) * 1e3 + 200.0 * chance } else { 0.0 };
    let outcome = match (stalled, noise(counter + 99)) {
        (true, draw) if draw < 0.55 => Outcome::Indeterminate,
        (true, draw) if draw < 0.62 => Outcome::Fail,
        _ => Outcome::Ok,
    };
    let unsent = stalled && due_s > 45.0 && noise(counter + 3) > 0.8;
    let intended = At::from_secs_f64(due_s);
    let ms = if outcome == Outcome::Indeterminate { 3_000.0 } else { usual_ms + warm + slow + wait_ms };
    Operation {
        intent: Id::issued(SEED, 1, counter),
        attempt: 0,
        name: "submit_request".into(),
        intended,
        sent: (!unsent).then_some(intended),
        done: if unsent { intended } else { At::from_secs_f64(due_s + ms / 1e3) },
        outcome: if unsent { Outcome::Fail } else { outcome },
        status: None,
        error: None,
        answer: None,
    }
}

fn series() -> Vec<Sample> {
    let mut samples = Vec::new();
    for tick in 0..184_u32 {
        let at_s = START_S + f64::from(tick) * 0.5;
        let draw = noise(u64::from(tick));
        let stalled = (STALL.0..STALL.1).contains(&at_s);
        let backlog = if at_s > STALL.0 { (540.0 - (at_s - STALL.1).max(0.0) * 60.0).max(0.0) } else { 0.0 };
        let lag = if stalled { (at_s - STALL.0) * 150.0 } else { backlog } + 12.0 * draw;
        let working = if at_s < 94.0 { 1.0 } else { 0.15 };
        let busy = |share: f64| (share * (0.9 + 0.2 * draw) * working).max(0.005);
        let mut sample = |metric: &str, subject: &str, value: f64| {
            let at = At::from_secs_f64(at_s);
            samples.push(Sample { metric: metric.into(), subject: subject.into(), at, value });
        };
        sample("gauge", "uncommitted_requests", lag.round());
        sample("gauge", "unpublished_events", (lag / 4.0).round());
        sample("gauge", "open_transfers", 0.0);
        for (subject, share) in
            [("kafka-1", 0.21), ("kafka-3", 0.2), ("postgres", 0.18), ("nginx", 0.04), ("redis", 0.03)]
        {
            sample("cpu_cores", subject, busy(share));
        }
        if !(42.0..57.0).contains(&at_s) {
            sample("cpu_cores", "kafka-2", busy(0.2));
        }
        for subject in ["gateway-1", "gateway-2", "worker-1", "worker-2", "worker-3"] {
            sample("cpu_cores", subject, busy(if stalled { 0.02 } else { 0.09 }));
        }
    }
    samples
}

/// A number from 0 to 1 that looks like chance and is the same every time.
fn noise(seed: u64) -> f64 {
    let mut x = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(0x1234_5678_9abc_def1);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((x ^ (x >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}
