//! The directions of dependency, and the names that must not cross a wall (ARCHITECTURE.md, "Invariants").

#![expect(clippy::unwrap_used, reason = "a test ends where its preparation fails")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Who may know whom. `verify` and `reports` stand on histories alone; the system under test is nobody's dependency.
const MAY_KNOW: &[(&str, &[&str])] = &[
    ("history", &[]),
    ("lab", &["proofload-history"]),
    ("chaos", &["proofload-history", "proofload-lab"]),
    ("scenarios", &["proofload-history"]),
    ("verify", &["proofload-history"]),
    ("reports", &["proofload-history", "proofload-verify"]),
    ("system", &[]),
    (
        ".",
        &[
            "proofload-history",
            "proofload-lab",
            "proofload-chaos",
            "proofload-scenarios",
            "proofload-verify",
            "proofload-reports",
        ],
    ),
];

/// The rooms that must work for any system.
const NEVER_NAME_A_SYSTEM: [&str; 6] = ["history", "lab", "chaos", "verify", "reports", "scenarios/src"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn rooms_known_by(room: &str) -> BTreeSet<String> {
    let path = root().join(room).join("Cargo.toml");
    let manifest: toml::Table = std::fs::read_to_string(&path).unwrap().parse().unwrap();
    let sections = ["dependencies", "dev-dependencies", "build-dependencies"];
    let tables = sections.iter().filter_map(|section| manifest.get(*section).and_then(toml::Value::as_table));
    tables
        .flat_map(|table| table.keys())
        .filter(|name| name.starts_with("proofload") || *name == "lending")
        .cloned()
        .collect()
}

#[test]
fn every_room_knows_only_whom_it_may_know() {
    for (room, allowed) in MAY_KNOW {
        let allowed: BTreeSet<String> = allowed.iter().map(ToString::to_string).collect();
        let known = rooms_known_by(room);
        let trespass: Vec<&String> = known.difference(&allowed).collect();
        assert!(trespass.is_empty(), "{room} must not know {trespass:?}");
    }
}

#[test]
fn every_room_of_the_workspace_has_its_rule() {
    let manifest: toml::Table = std::fs::read_to_string(root().join("Cargo.toml")).unwrap().parse().unwrap();
    let members = manifest["workspace"]["members"].as_array().unwrap();
    for member in members.iter().filter_map(toml::Value::as_str) {
        assert!(MAY_KNOW.iter().any(|(room, _)| *room == member), "{member} has no rule");
    }
}

#[test]
fn the_harness_never_names_the_system_that_it_ships_with() {
    let mut files = Vec::new();
    for room in NEVER_NAME_A_SYSTEM {
        sources(&root().join(room), &mut files);
    }
    assert!(files.len() > 20, "only {} files were looked at", files.len());
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(!text.to_lowercase().contains("lending"), "{} names the reference system", file.display());
    }
}

fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            into.push(path);
        }
    }
}
