//! The reference system beside its raw limits, on the real lab: what its parts carry, and what is lost on the way from
//! what Kafka, PostgreSQL and a bare HTTP handler carry on the same machine in the same minutes.
//!
//! `cargo bench --bench lending [-- intake relay consumer chain]`, or `make bench`. The lab holds a whole system, so this
//! is no loop of criterion's: the system is started once, by `proofload up`, and this program runs itself inside it.
//! Every figure is one measurement behind a warm-up; run it again to see how far they spread.
//!
//! - [`intake`]: commands a second, to the log
//! - [`relay`]: events a second, from the outbox to the log
//! - [`consumer`]: commands a second, from the log to the database
//! - [`chain`]: applications a second, from the front door to the decision, and the processor time of one
//!
//! They stand on [`inside`] (the ways into the lab), [`place`] (what they need there), [`closed_loop`], [`records`],
//! [`statements`], [`tools`] (programs of others), [`processors`], [`table`] and [`report`].

#![expect(clippy::unwrap_used, reason = "a benchmark ends where its preparation fails")]

mod chain;
mod closed_loop;
mod consumer;
#[path = "../../tests/inside/mod.rs"]
mod inside;
mod intake;
mod place;
mod processors;
mod records;
mod relay;
mod report;
mod statements;
mod table;
mod tools;

use std::path::Path;
use std::process::{Command, ExitCode};

use report::Report;

/// The hidden first argument of the program inside the lab.
const INSIDE: &str = "--inside";
/// What can be asked for.
const NAMES: [&str; 4] = ["intake", "relay", "consumer", "chain"];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // Cargo says that these are benchmarks; whoever tests benchmarks with `cargo test --benches` does not mean to wait.
    let told = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let wanted: Vec<&str> = arguments.iter().map(String::as_str).filter(|name| !name.starts_with("--")).collect();
    if let Some(unknown) = wanted.iter().find(|name| !NAMES.contains(name)) {
        eprintln!("there is no benchmark called {unknown}: there are {}", NAMES.join(", "));
        return ExitCode::FAILURE;
    }
    let chosen = |name: &&&str| wanted.is_empty() || wanted.contains(*name);
    let chosen: Vec<&str> = NAMES.iter().filter(chosen).copied().collect();
    if told(INSIDE) {
        inside(&chosen);
        return ExitCode::SUCCESS;
    }
    if !told("--bench") {
        println!("not measured: this is no `cargo bench`");
        return ExitCode::SUCCESS;
    }
    outside(&chosen)
}

/// Starts the system and this program inside it.
fn outside(chosen: &[&str]) -> ExitCode {
    let proofload = Path::new(env!("CARGO_BIN_EXE_proofload"));
    let lending = proofload.with_file_name("lending");
    if !lending.exists() {
        eprintln!("{} is not there: run `cargo build --release --package lending`, or `make bench`", lending.display());
        return ExitCode::FAILURE;
    }
    let out = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let status = Command::new(proofload)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["up", "lending", "--out"])
        .arg(out.path())
        .arg("--")
        .arg(std::env::current_exe().unwrap())
        .arg(INSIDE)
        .args(chosen)
        .env(place::LENDING, lending)
        .status()
        .unwrap();
    println!("The tables are in {}", report::path().display());
    if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn inside(chosen: &[&str]) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let mut report = Report::begin(chosen);
        let door = place::Door::open().await;
        intake::warm_up(&door).await;
        for name in chosen {
            let table = match *name {
                "intake" => intake::measure(&door).await,
                "relay" => relay::measure().await,
                "consumer" => consumer::measure().await,
                _ => chain::measure(&door).await,
            };
            report.add(&table);
        }
    });
}
