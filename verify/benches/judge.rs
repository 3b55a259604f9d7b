//! `delivery` over ten million operations and four stages, beside the obvious way, a hash map from ids as texts, over a
//! hundredth of them (it takes too long for more); and all checks over a run of a million operations.
//!
//! `cargo bench -p proofload-verify --bench judge`. Throughput is in rows (operations and observations) a second;
//! `delivery` runs on one core.

mod run;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use proofload_history::{History, Outcome, Reading};
use proofload_verify::{Budget, Context, JudgeInput, Judgement, judge};
use std::collections::HashMap;
use std::hint::black_box;

/// Every check with a table that makes it work on the run, and pass; `load` is asked of every run.
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
    ("order", "stage = 'log.out', first = 1"),
    ("monotonic", "stage = 'log.out', states = [['OPEN'], ['DONE']]"),
    ("conservation", "stage = 'db.row'"),
    ("agreement", "left = 'db.row', right = 'db.done'"),
    ("saga_complete", "started = 'log.in', done = { stage = 'db.done' }, within = '30s'"),
    ("rate_limit", "over = ['greedy'], below = ['modest'], limit = '2000/s', burst = 100"),
    ("backpressure", "of = 'place_order', lag = 'lag', lag_at_least = 1000"),
    ("freshness", "of = 'place_order', stage = 'db.row', p95 = '1s'"),
    ("tail_loss", "stage = 'log.in'"),
    ("attested", ""),
];

/// The obvious way: for each id as a text, how often each stage has it; how many that were acknowledged are not at all.
fn naive(history: &History) -> usize {
    let mut seen: HashMap<String, HashMap<String, u32>> = HashMap::new();
    let counted = history.observations.each(|row| {
        if row.reading() == Reading::Final {
            *seen.entry(row.id().to_string()).or_default().entry(row.stage().to_owned()).or_default() += 1;
        }
    });
    let mut missing = 0;
    let looked = history.operations.each(|made| {
        if made.name() == run::OPERATION && made.outcome() == Outcome::Ok {
            let at = seen.get(&made.intent().to_string());
            missing += usize::from(run::stages().any(|stage| at.and_then(|at| at.get(stage)).is_none()));
        }
    });
    counted.and(looked).expect("it is in memory");
    missing
}

fn rows(history: &History) -> Throughput {
    Throughput::Elements(history.operations.rows() + history.observations.rows())
}

fn of_delivery(criterion: &mut Criterion) {
    let (history, hundredth) = (run::held(10_000_000), run::held(100_000));
    let chains = run::chains();
    let context = Context { chains: &chains, expectations: &[], faults: &[], budget: Budget::OF_CHECK };
    let delivery = run::expectation(("delivery", "chain = 'order'")).check;
    let judged = || delivery.judge(black_box(&history), &context).expect("it is in memory");
    assert_eq!((judged().judgement, naive(&hundredth)), (Judgement::Pass, 0));
    let mut group = criterion.benchmark_group("delivery, 4 stages");
    group.sample_size(10);
    group.throughput(rows(&history));
    group.bench_function("10 M operations", |bencher| bencher.iter(judged));
    group.throughput(rows(&hundredth));
    group.bench_function("a hash map of texts, 100 k operations", |bencher| {
        bencher.iter(|| naive(black_box(&hundredth)));
    });
    group.finish();
}

fn of_all_checks(criterion: &mut Criterion) {
    let (history, plan) = (run::held(1_000_000), run::plan(&CHECKS));
    let judged = || judge(&JudgeInput { history: black_box(&history), plan: &plan });
    let findings = judged().findings;
    assert!(findings.iter().all(|finding| finding.judgement == Judgement::Pass), "{findings:#?}");
    let mut group = criterion.benchmark_group("judge");
    group.sample_size(10);
    group.throughput(rows(&history));
    group.bench_function("all checks, 1 M operations, 4 stages", |bencher| bencher.iter(judged));
    let context = Context {
        chains: &plan.chains,
        expectations: &plan.expectations,
        faults: &plan.faults,
        budget: Budget::OF_CHECK,
    };
    for expectation in &plan.expectations {
        let judged = || expectation.check.judge(black_box(&history), &context);
        group.bench_function(&expectation.check_name, |bencher| bencher.iter(judged));
    }
    group.finish();
}

criterion_group!(benches, of_delivery, of_all_checks);
criterion_main!(benches);
