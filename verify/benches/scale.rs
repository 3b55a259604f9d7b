//! How much memory it takes to judge a run that is longer than memory, and beside it Porcupine on the same history, as far
//! as it gets.
//!
//! `cargo bench -p proofload-verify --bench scale`, with `PROOFLOAD_BENCH_OPERATIONS=100000000` for a hundred million
//! operations (ten million if left out). It is no loop of criterion's: what counts is the peak of a process. Porcupine is
//! built by Go; without it, its rows say so.

mod run;

use proofload_verify::{Expectation, JudgeInput, Judgement, Plan, PlannedFault, judge};
use std::error::Error;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

/// What the run is held to: what was lost or done twice, what nobody asked for, how quick it was.
const EXPECTED: [(&str, &str); 4] = [
    ("delivery", "chain = 'order'"),
    ("no_phantom", "stages = ['db.done'], operations = ['place_order']"),
    ("latency", "of = 'place_order', during = 'steady', p95 = '1s'"),
    ("error_budget", "of = 'place_order', objective = 99.9"),
];

/// Checks that look for windows, for which operations are put in order of time, span by span.
const ORDERED: [(&str, &str); 3] = [
    ("latency", "of = 'place_order', during = 'steady', p95 = '1s'"),
    ("recovery", "to = 'latency', after = 'leader-kill', within = '15s'"),
    ("rate_limit", "over = ['greedy'], below = ['orders'], limit = '100000/s', burst = 100000"),
];

/// A check that puts all rows of a stage together, which takes a pass for each part that fits into its budget.
const GROUPED: [(&str, &str); 1] = [("effect_once", "stages = ['db.row']")];
/// It is asked about at most so many operations.
const MOST_GROUPED: u64 = 10_000_000;

/// Porcupine is given as many operations, each with its reads, and takes all memory for more.
const OF_PORCUPINE: [u64; 2] = [100_000, 1_000_000];

fn main() -> Result<(), Box<dyn Error>> {
    let operations = match std::env::var("PROOFLOAD_BENCH_OPERATIONS") {
        Ok(text) => text.parse()?,
        Err(_) => 10_000_000,
    };
    println!("| | operations | rows | seconds | rows/s | peak memory, MiB | |");
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    judged("effect_once alone", operations.min(MOST_GROUPED), &GROUPED)?;
    judged("recovery and rate_limit", operations, &ORDERED)?;
    judged("judge", operations, &EXPECTED)?;
    for operations in OF_PORCUPINE {
        match porcupine(operations) {
            Ok(()) => {}
            Err(why) => println!("| Porcupine 1.3.0 | {operations} | | | | | skipped: {why} |"),
        }
    }
    Ok(())
}

fn row(what: &str, operations: u64, rows: u64, seconds: f64, peak: u64, note: &str) {
    let (rate, peak) = (rows as f64 / seconds, peak as f64 / 1_048_576.0);
    println!("| {what} | {operations} | {rows} | {seconds:.1} | {rate:.0} | {peak:.0} | {note} |");
}

fn judged(what: &str, operations: u64, expected: &[(&str, &str)]) -> Result<(), Box<dyn Error>> {
    let expectation = |(name, table): &(&str, &str)| -> Result<Expectation, Box<dyn Error>> {
        let about = proofload_verify::checks::find(name).ok_or("no such check")?;
        let check = (about.parse)(toml::de::ValueDeserializer::parse(&format!("{{ {table} }}"))?)?;
        Ok(Expectation { id: (*name).into(), check_name: (*name).into(), check })
    };
    let plan = Plan {
        experiment: "bench".into(),
        title: "A long run".into(),
        hypothesis: "It needs no more memory than a short one.".into(),
        variants: Vec::new(),
        sets: Vec::new(),
        chains: run::chains(),
        expectations: expected.iter().map(expectation).collect::<Result<_, _>>()?,
        faults: vec![PlannedFault { id: "leader-kill".into(), kind: "kill".into() }],
        without_faults: false,
    };
    let history = run::made(operations);
    let rows = history.operations.rows() + history.observations.rows();
    let start = Instant::now();
    let verdict = judge(&JudgeInput { history: &history, plan: &plan });
    let seconds = start.elapsed().as_secs_f64();
    let judged = verdict.findings.iter().filter(|finding| finding.judgement == Judgement::Pass).count();
    row(
        what,
        operations,
        rows,
        seconds,
        peak_bytes()?,
        &format!("{judged} of {} findings pass", verdict.findings.len()),
    );
    Ok(())
}

/// The peak of this process's memory.
fn peak_bytes() -> Result<u64, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("the kernel tells no peak")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1_024)
}

fn porcupine(operations: u64) -> Result<(), Box<dyn Error>> {
    let program = built()?;
    let mut child = Command::new(program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut input = BufWriter::new(child.stdin.take().ok_or("no standard input")?);
    let history = run::made(operations);
    let mut written = Ok(());
    let mut write = |kind: u8, id: u64, call: u64, done: u64| {
        let mut record = vec![kind];
        [id, call, done].iter().for_each(|number| record.extend(number.to_be_bytes()));
        if written.is_ok() {
            written = input.write_all(&record);
        }
    };
    let mut end = 0;
    history.operations.each(|made| {
        end = end.max(made.done().0);
        write(0, made.intent().0 as u64, made.intended().0, made.done().0);
    })?;
    history.observations.each(|seen| write(1, seen.id().0 as u64, end + 1, end + 2))?;
    written?;
    input.flush()?;
    drop(input);
    let said = child.wait_with_output()?;
    let text = String::from_utf8(said.stdout)?;
    let [rows, seconds, peak] = text.split_whitespace().collect::<Vec<_>>()[..] else {
        return Err(format!("it ended with {}", said.status).into());
    };
    row(
        "Porcupine 1.3.0",
        operations,
        rows.parse()?,
        seconds.parse()?,
        peak.parse()?,
        "a register for each id, set once and read at each stage",
    );
    Ok(())
}

/// The program, built by Go in this benchmark's folder for temporary files.
fn built() -> Result<PathBuf, Box<dyn Error>> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/porcupine");
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("porcupine");
    let go = Command::new("go").arg("build").arg("-o").arg(&program).arg(".").current_dir(source).status();
    match go {
        Ok(status) if status.success() => Ok(program),
        Ok(status) => Err(format!("go build ended with {status}").into()),
        Err(error) => Err(format!("cannot run go: {error}").into()),
    }
}
