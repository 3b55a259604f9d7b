//! The reference system as its clients and its auditors see it: over HTTP, in its databases and in its parties' journals.
//!
//! The tests that are not ignored start the system in a lab each, and run those that are, inside it: one boot for many.

#![expect(clippy::unwrap_used, reason = "a test ends where its preparation fails")]

mod books;
mod borrower;
mod by_hand;
mod client;
mod duplicates;
#[path = "../inside/mod.rs"]
mod inside;
mod log;
mod outside;
mod poison;
mod refusals;
mod replay;
mod settled;
mod story;

use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

/// One lab at a time: each has the machine that its patience is made for.
static MACHINE: Mutex<()> = Mutex::new(());

/// Nothing is decided by a deadline: what a test leaves open stays open until it goes on.
const PATIENT: [&str; 2] =
    ["process.origination.env.LENDING_REPORTS_DEADLINE=10m", "process.origination.env.LENDING_MANUAL_DEADLINE=10m"];

/// Starts the system, patient and with these settings changed, and runs in it the tests whose names begin with `inside`.
fn in_a_lab_with(settings: &[&str], inside: &str) {
    let _machine = MACHINE.lock().unwrap_or_else(PoisonError::into_inner);
    let out = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let status = Command::new(env!("CARGO_BIN_EXE_proofload"))
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")))
        .args(["up", "lending", "--out"])
        .arg(out.path())
        .args(PATIENT.iter().chain(settings).flat_map(|setting| ["--set", *setting]))
        .arg("--")
        .arg(std::env::current_exe().unwrap())
        // One after the other: they share the machine, and some of them break things for a while.
        .args(["--ignored", "--test-threads=1", inside])
        .status()
        .unwrap();
    assert!(status.success(), "{status}");
}

#[test]
fn the_reference_system_keeps_its_word() {
    in_a_lab_with(&[], "inside_the_lab");
}

#[test]
fn the_reference_system_keeps_its_books_over_months() {
    in_a_lab_with(&["process.servicing.env.LENDING_MONTH=15s"], "inside_a_lab_with_short_months");
}
