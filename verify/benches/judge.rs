//! `delivery` over ten million operations and four stages, beside the obvious way, a hash map from ids as texts, over a
//! thousandth of them (it takes too long for more); and all checks over a run of a million operations.
//!
//! `cargo bench -p proofload-verify --bench judge`. Throughput is in rows (operations and observations) a second;
//! `delivery` runs on one core.

mod run;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use proofload_history::History;
use proofload_verify::{Budget, Check, Context, Expectation, JudgeInput, Judgement, Plan, PlannedFault, judge};
use std::collections::HashMap;
use std::hint::black_box;

/// Every check with a table that makes it work on the run.
const CHECKS: [(&str, &str); 19] = [
    ("delivery", "chain = 'order'"),
    ("latency", "of = 'place_order', during = 'steady', p95 = '1s'"),
    ("availability", "of = 'place_order', during = 'steady', at_least = 99.9"),
    ("error_budget", "of = 'place_order', objective = 99.9"),
    ("recovery", "to = 'latency', after = 'leader-kill', within = '15s'"),
    ("drain", ""),
    ("idempotency", "of = 'place_order'"),
    ("effect_once", "stages = ['db.row', 'db.done']"),
    ("no_phantom", "stages = ['db.row'], operations = ['place_order']"),
    ("order", "stage = 'log.out'"),
    ("monotonic", "stage = 'log.out', states = [['OPEN'], ['DONE']]"),
    ("conservation", "stage = 'db.row'"),
    ("agreement", "left = 'db.row', right = 'db.done'"),
    ("saga_complete", "started = 'log.in', done = { stage = 'db.done' }, within = '30s'"),
    ("rate_limit", "over = ['greedy'], below = ['orders'], limit = '100000/s', burst = 100000"),
    ("backpressure", "of = 'place_order', lag = 'lag', lag_at_least = 1000"),
    ("freshness", "of = 'place_order', stage = 'db.row', p95 = '1s'"),
    ("tail_loss", "stage = 'log.in'"),
    ("attested", ""),
];

fn check(name: &str, table: &str) -> Box<dyn Check> {
    let about = proofload_verify::checks::find(name).expect("the table has it");
    let table = format!("{{ {table} }}");
    let table = toml::de::ValueDeserializer::parse(&table).expect("the table is TOML");
    (about.parse)(table).expect("the table is right")
}

fn plan() -> Plan {
    let expectation = |(name, table): &(&str, &str)| Expectation {
        id: (*name).into(),
        check_name: (*name).into(),
        check: check(name, table),
    };
    Plan {
        experiment: "bench".into(),
        title: "A long run".into(),
        hypothesis: "It is judged in no time.".into(),
        variants: Vec::new(),
        sets: Vec::new(),
        chains: run::chains(),
        expectations: CHECKS.iter().map(expectation).collect(),
        faults: vec![PlannedFault { id: "leader-kill".into(), kind: "kill".into() }],
        without_faults: false,
    }
}

/// The obvious way: for each id as a text, how often each stage has it.
fn naive(history: &History) -> usize {
    let mut seen: HashMap<String, HashMap<String, u32>> = HashMap::new();
    let counted = history.observations.each(|row| {
        *seen.entry(row.id().to_string()).or_default().entry(row.stage().to_owned()).or_default() += 1;
    });
    let mut missing = 0;
    let looked = history.operations.each(|made| {
        let at = seen.get(&made.intent().to_string());
        let lacks = |stage: &&str| at.and_then(|at| at.get(*stage)).is_none();
        missing += usize::from(run::STAGES.iter().any(lacks));
    });
    counted.and(looked).expect("it is in memory");
    missing
}

fn rows(history: &History) -> Throughput {
    Throughput::Elements(history.operations.rows() + history.observations.rows())
}

fn of_delivery(criterion: &mut Criterion) {
    let (history, thousandth) = (run::held(10_000_000), run::held(10_000));
    let chains = run::chains();
    let context = Context { chains: &chains, expectations: &[], faults: &[], budget: Budget::OF_CHECK };
    let check = check("delivery", "chain = 'order'");
    let judged = || check.judge(black_box(&history), &context).expect("it is in memory");
    assert_eq!(judged().judgement, Judgement::Pass);
    let mut group = criterion.benchmark_group("delivery, 4 stages");
    group.sample_size(10);
    group.throughput(rows(&history));
    group.bench_function("10 M operations", |bencher| bencher.iter(judged));
    group.throughput(rows(&thousandth));
    group.bench_function("a hash map of texts, 10 k operations", |bencher| {
        bencher.iter(|| naive(black_box(&thousandth)));
    });
    group.finish();
}

fn of_all_checks(criterion: &mut Criterion) {
    let (history, plan) = (run::held(1_000_000), plan());
    let judged = || judge(&JudgeInput { history: black_box(&history), plan: &plan });
    let findings = judged().findings;
    assert!(findings.iter().all(|finding| finding.judgement != Judgement::Fail), "{findings:?}");
    let mut group = criterion.benchmark_group("judge");
    group.sample_size(10);
    group.throughput(rows(&history));
    group.bench_function("all checks, 1 M operations, 4 stages", |bencher| bencher.iter(judged));
    for (name, table) in CHECKS {
        let expectations = [Expectation {
            id: "latency".into(),
            check_name: "latency".into(),
            check: check(CHECKS[1].0, CHECKS[1].1),
        }];
        let context = Context {
            chains: &plan.chains,
            expectations: &expectations,
            faults: &plan.faults,
            budget: Budget::OF_CHECK,
        };
        let check = check(name, table);
        group.bench_function(name, |bencher| bencher.iter(|| check.judge(black_box(&history), &context)));
    }
    group.finish();
}

criterion_group!(benches, of_delivery, of_all_checks);
criterion_main!(benches);
