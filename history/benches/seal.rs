//! What the seal costs on a long run: a run of a million operations and two million observations is read with its seal, of
//! which every byte of its files is held against what was recorded, and without it. And what recording it costs.
//!
//! `cargo bench -p proofload-history --bench seal`. Throughput is in bytes of the run's files. The files are in the cache of
//! the kernel: what is measured is the processor's part, and a disk's comes on top of both.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use proofload_history::{
    At, Clock, Event, History, Id, Observation, Operation, Outcome, Phase, Recorder, RunDir, Sample,
};
use std::hint::black_box;
use std::path::Path;

const OPERATIONS: u64 = 1_000_000;

fn operation(n: u64) -> Operation {
    Operation {
        intent: Id::issued(7, 1, n),
        attempt: 0,
        name: "place_order".into(),
        intended: At(n * 100_000),
        sent: Some(At(n * 100_000)),
        done: At(n * 100_000 + 5_000_000),
        outcome: Outcome::Ok,
        status: Some(202),
        error: None,
        answer: Some(n),
    }
}

fn observation(stage: &str, n: u64) -> Observation {
    Observation {
        partition: Some((n % 6) as i32),
        offset: Some((n / 6) as i64),
        at: Some(At(n * 100_000 + 9_000_000)),
        ..Observation::of(stage.into(), Id::issued(7, 1, n))
    }
}

/// Records the run below `out`.
fn record(out: &Path) -> RunDir {
    let run = RunDir::create(out, "bench").expect("a folder");
    let recorder = Recorder::create(&run, Clock::new()).expect("its files");
    recorder.event(Event::PhaseStarted { phase: Phase::Steady }).expect("an event");
    for n in 0..OPERATIONS {
        recorder.operation(operation(n)).expect("an operation");
        recorder.observation(observation("log.in", n)).expect("an observation");
        recorder.observation(observation("db.row", n)).expect("an observation");
    }
    let sample = Sample { metric: "gauge".into(), subject: "lag".into(), at: At(1), value: 0.0 };
    recorder.sample(sample).expect("a sample");
    recorder.close().expect("its seal");
    run
}

fn bytes(run: &RunDir) -> u64 {
    let files = [run.operations(), run.observations(), run.series(), run.journal()];
    files.iter().map(|file| file.metadata().expect("it was recorded").len()).sum()
}

fn seal(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder");
    let (sealed, unsealed) = (record(&folder.path().join("sealed")), record(&folder.path().join("not")));
    std::fs::remove_file(unsealed.seal()).expect("it was sealed");
    let mut group = criterion.benchmark_group("a run of 1 M operations and 2 M observations");
    group.sample_size(10);
    group.throughput(Throughput::Bytes(bytes(&sealed)));
    // Nothing is held: as of a run that is longer than memory, each table is read from its file.
    for (name, run, damaged) in [("read, sealed", &sealed, false), ("read, without its seal", &unsealed, true)] {
        let read = || History::read_holding(black_box(run), 0).expect("it is whole");
        assert_eq!(!read().damage.is_empty(), damaged, "{name}");
        group.bench_function(name, |bencher| bencher.iter(read));
    }
    group.bench_function("recorded and sealed", |bencher| {
        // Dropping the folder removes the run, and is not measured.
        bencher.iter_with_large_drop(|| {
            let folder = tempfile::tempdir().expect("a folder");
            record(folder.path());
            folder
        });
    });
    group.finish();
}

criterion_group!(benches, seal);
criterion_main!(benches);
