//! `delivery` over a million operations and four stages, beside the obvious way, a hash map from ids as texts, over a
//! hundredth of them: it takes too long for more.
//!
//! `cargo bench -p proofload-verify --bench delivery`. Throughput is in rows (operations and observations) a second, on
//! one core.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use proofload_history::{At, Entry, Event, History, Id, Name, Observation, Operation, Outcome};
use proofload_verify::{Chain, ChainStage, Check, Context, Judgement};
use std::collections::{BTreeMap, HashMap};
use std::hint::black_box;

const OPERATIONS: u64 = 1_000_000;
const STAGES: [&str; 4] = ["log.in", "db.row", "log.out", "db.done"];
const SEED: u64 = 7;

/// A run in which nothing is lost, with its rows in the order in which a run would write them.
fn history(operations: u64) -> History {
    let mut history = History::default();
    let started = Event::RunStarted {
        experiment: "bench".into(),
        wall_ms: 0,
        seed: SEED,
        variants: Vec::new(),
        environment: "lab".into(),
        machine: BTreeMap::new(),
    };
    let issued = Event::IdsIssued {
        stream: 1,
        traffic: "orders".into(),
        operation: "place_order".into(),
        from: 0,
        to: operations,
    };
    let drained = Event::Drained { outcome: proofload_history::journal::DrainOutcome::Quiet, evidence: String::new() };
    for event in [started, issued, drained] {
        history.journal.entries.push(Entry { at: At(0), event });
    }
    let name: Name = "place_order".into();
    history.operations = (0..operations).map(|n| operation(n, &name)).collect();
    for stage in STAGES {
        let shared: Name = stage.into();
        // A log is read partition by partition, so ids come in strides.
        let of_partition = |partition: u64| (partition..operations).step_by(6);
        let ids = (0..6).flat_map(of_partition).map(|n| Id::issued(SEED, 1, n));
        history.observations.extend(ids.map(|id| Observation::of(Name::clone(&shared), id)));
        let read = proofload_history::journal::StageRead {
            stage: stage.into(),
            complete: true,
            rows: operations,
            ..Default::default()
        };
        history.journal.entries.push(Entry { at: At(0), event: Event::StageRead(read) });
    }
    history
}

fn operation(n: u64, name: &Name) -> Operation {
    Operation {
        intent: Id::issued(SEED, 1, n),
        attempt: 0,
        name: Name::clone(name),
        intended: At(n * 1_000),
        sent: Some(At(n * 1_000)),
        done: At(n * 1_000 + 5_000_000),
        outcome: Outcome::Ok,
        status: Some(202),
        error: None,
        answer: None,
    }
}

/// The obvious way: for each id as a text, how often each stage has it.
fn naive(history: &History) -> usize {
    let mut seen: HashMap<String, HashMap<String, u32>> = HashMap::new();
    for observation in &history.observations {
        *seen.entry(observation.id.to_string()).or_default().entry(observation.stage.to_string()).or_default() += 1;
    }
    let missing = |made: &&Operation| {
        let at = seen.get(&made.intent.to_string());
        made.outcome == Outcome::Ok && STAGES.iter().any(|stage| at.and_then(|at| at.get(*stage)).is_none())
    };
    history.operations.iter().filter(missing).count()
}

fn delivery() -> Box<dyn Check> {
    let about = proofload_verify::checks::find("delivery").expect("the table has delivery");
    let table = toml::de::ValueDeserializer::parse("{ chain = \"order\" }").expect("the table is TOML");
    (about.parse)(table).expect("the table is right")
}

fn rows(history: &History) -> Throughput {
    Throughput::Elements((history.operations.len() + history.observations.len()) as u64)
}

fn bench(criterion: &mut Criterion) {
    let (history, hundredth) = (history(OPERATIONS), history(OPERATIONS / 100));
    let stages = STAGES.iter().map(|stage| ChainStage {
        stage: (*stage).into(),
        title: String::new(),
        repeats_allowed: stage.starts_with("log"),
        only_if: None,
    });
    let chains =
        BTreeMap::from([("order".to_owned(), Chain { operation: "place_order".into(), stages: stages.collect() })]);
    let context = Context { chains: &chains, expectations: &[], faults: &[] };
    let check = delivery();
    assert_eq!(check.judge(&history, &context).judgement, Judgement::Pass);

    let mut group = criterion.benchmark_group("delivery, 4 stages");
    group.sample_size(10);
    group.throughput(rows(&history));
    group.bench_function("columns, 1 M operations", |bencher| {
        bencher.iter(|| check.judge(black_box(&history), &context));
    });
    group.throughput(rows(&hundredth));
    group.bench_function("hash map of texts, 10 k operations", |bencher| bencher.iter(|| naive(black_box(&hundredth))));
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
