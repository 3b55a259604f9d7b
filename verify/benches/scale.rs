//! How much memory it takes to judge a run that is longer than memory, and beside it Porcupine on the same history, as far
//! as it gets.
//!
//! `cargo bench -p proofload-verify --bench scale`, with `PROOFLOAD_BENCH_OPERATIONS=100000000` for a hundred million
//! operations (ten million if left out). It is no loop of criterion's: what counts is the peak of a process. Porcupine is
//! built by Go; without it, its rows say so.

mod run;

use proofload_history::{History, Id, Outcome, Reading};
use proofload_verify::{JudgeInput, Judgement, judge};
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
    ("rate_limit", "over = ['greedy'], below = ['modest'], limit = '2000/s', burst = 100"),
];

/// A check that puts all rows of a stage together, which takes a pass for each part that fits into its budget.
const GROUPED: [(&str, &str); 1] = [("effect_once", "stages = ['db.row']")];
/// It is asked about at most so many operations.
const MOST_GROUPED: u64 = 10_000_000;

/// Porcupine's models, and how many operations each is given: as a register per id as many as memory has room for, as a
/// queue per partition fewer, for of each step it keeps which of all others were taken before.
const OF_PORCUPINE: [(Model, u64); 4] =
    [(Model::Register, 100_000), (Model::Register, 1_000_000), (Model::Queue, 32_000), (Model::Queue, 96_000)];

/// What Porcupine takes the history for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Model {
    /// Each id is a register, set by its order and read by each stage.
    Register,
    /// Each partition of `log.in` is a queue, into which orders put their ids and from which its reader takes them.
    Queue,
}

impl Model {
    /// What the program calls it.
    fn name(self) -> &'static str {
        match self {
            Self::Register => "register",
            Self::Queue => "queue",
        }
    }

    fn note(self) -> &'static str {
        match self {
            Self::Register => "a register for each id, set by its order and read at each stage",
            Self::Queue => "a queue for each partition of log.in, put into by orders, taken from in its order",
        }
    }

    /// Which register or queue an order has to do with.
    fn key(self, order: u64) -> u64 {
        match self {
            Self::Register => order,
            Self::Queue => run::partition(order),
        }
    }
}

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
    for (model, operations) in OF_PORCUPINE {
        match porcupine(model, operations) {
            Ok(()) => {}
            Err(why) => println!("| Porcupine 1.3.0, {} | {operations} | | | | | skipped: {why} |", model.name()),
        }
    }
    Ok(())
}

fn row(what: &str, operations: u64, rows: u64, seconds: f64, peak: u64, note: &str) {
    let (rate, peak) = (rows as f64 / seconds, peak as f64 / 1_048_576.0);
    println!("| {what} | {operations} | {rows} | {seconds:.1} | {rate:.0} | {peak:.0} | {note} |");
}

fn judged(what: &str, operations: u64, expected: &[(&str, &str)]) -> Result<(), Box<dyn Error>> {
    let plan = run::plan(expected);
    let history = run::made(operations);
    let rows = history.operations.rows() + history.observations.rows();
    let start = Instant::now();
    let verdict = judge(&JudgeInput { history: &history, plan: &plan });
    let seconds = start.elapsed().as_secs_f64();
    if let Some(other) = verdict.findings.iter().find(|finding| finding.judgement != Judgement::Pass) {
        return Err(format!("{}: {}", other.expectation, other.sentence).into());
    }
    let names: Vec<&str> = verdict.findings.iter().map(|finding| finding.expectation.as_str()).collect();
    row(what, operations, rows, seconds, peak_bytes()?, &names.join(", "));
    Ok(())
}

/// The peak of this process's memory.
fn peak_bytes() -> Result<u64, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("the kernel tells no peak")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1_024)
}

/// The four numbers of a record: key, id, call, return.
type Numbers = [u64; 4];

/// Gives the records of a history as the model sees it: whether it is a read, and its numbers.
fn records(model: Model, history: &History, mut take: impl FnMut(bool, Numbers)) -> Result<(), Box<dyn Error>> {
    // What was read at the end was read after all that was done; an order that nobody answered may be done at any time.
    let end = history.journal.end().0;
    let number = |id: Id| id.counter(run::SEED).map_or(0, |(_, number)| number);
    history.operations.each(|made| {
        // To repeat an order sets its register again; it puts nothing more into a queue.
        let put_before = model == Model::Queue && made.attempt() > 0;
        if made.name() == run::OPERATION && !put_before {
            let order = number(made.intent());
            let done = if made.outcome() == Outcome::Ok { made.done().0 } else { u64::MAX >> 1 };
            take(false, [model.key(order), order, made.intended().0, done]);
        }
    })?;
    history.observations.each(|seen| {
        let elsewhere = model == Model::Queue && seen.stage() != "log.in";
        if seen.reading() == Reading::Final && !elsewhere {
            let order = number(seen.id());
            // Registers are read all at once, a queue record by record.
            let at = match model {
                Model::Register => end + 1,
                Model::Queue => end + 2 * seen.offset().unwrap_or_default() as u64,
            };
            take(true, [model.key(order), order, at, at + 1]);
        }
    })?;
    Ok(())
}

fn porcupine(model: Model, operations: u64) -> Result<(), Box<dyn Error>> {
    let program = built()?;
    let mut child = Command::new(program).arg(model.name()).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut input = BufWriter::new(child.stdin.take().ok_or("no standard input")?);
    let mut written = Ok(());
    records(model, &run::made(operations), |read, numbers| {
        let mut record = vec![u8::from(read)];
        numbers.iter().for_each(|number| record.extend(number.to_be_bytes()));
        if written.is_ok() {
            written = input.write_all(&record);
        }
    })?;
    written?;
    input.flush()?;
    drop(input);
    let said = child.wait_with_output()?;
    let text = String::from_utf8(said.stdout)?;
    let [rows, seconds, peak] = text.split_whitespace().collect::<Vec<_>>()[..] else {
        return Err(format!("it ended with {}", said.status).into());
    };
    let what = format!("Porcupine 1.3.0, {}", model.name());
    row(&what, operations, rows.parse()?, seconds.parse()?, peak.parse()?, model.note());
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
