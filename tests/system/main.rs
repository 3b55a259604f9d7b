//! The reference system as its clients and its auditors see it: over HTTP, in its databases and in its parties' journals.
//!
//! One test starts the system in the lab and runs the others, which are ignored elsewhere, inside it: one boot for all.

#![expect(clippy::unwrap_used, reason = "a test ends where its preparation fails")]

mod books;
mod client;
mod duplicates;
#[path = "../inside/mod.rs"]
mod inside;
mod outside;
mod poison;
mod refusals;
mod story;

use std::path::Path;
use std::process::Command;

#[test]
fn the_reference_system_keeps_its_word() {
    let out = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let inside = std::env::current_exe().unwrap();
    let status = Command::new(env!("CARGO_BIN_EXE_proofload"))
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")))
        .args(["up", "lending", "--out"])
        .arg(out.path())
        .arg("--")
        .arg(inside)
        // One after the other: they share the machine, and some of them break things for a while.
        .args(["--ignored", "--test-threads=1", "inside_the_lab"])
        .status()
        .unwrap();
    assert!(status.success(), "{status}");
}
