//! Every experiment that the project ships.

#![expect(clippy::unwrap_used, reason = "a test ends where its preparation fails")]

use assert_cmd::Command;
use std::path::{Path, PathBuf};

fn experiments() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/experiments");
    let files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path()).collect();
    assert!(files.len() >= 5, "only {} experiments", files.len());
    files
}

fn table(path: &Path) -> toml::Table {
    std::fs::read_to_string(path).unwrap().parse().unwrap()
}

#[test]
fn every_experiment_can_be_planned() {
    for path in experiments() {
        let mut command = Command::cargo_bin("proofload").unwrap();
        command.current_dir(env!("CARGO_MANIFEST_DIR")).arg("plan").arg(&path).assert().code(0);
    }
}

#[test]
fn every_experiment_can_be_planned_as_a_baseline_and_under_each_of_its_controls() {
    for path in experiments() {
        let plan = |extra: &[&str]| {
            let mut command = Command::cargo_bin("proofload").unwrap();
            command.current_dir(env!("CARGO_MANIFEST_DIR")).arg("plan").arg(&path).args(extra).assert().code(0);
        };
        plan(&["--without-faults"]);
        for variant in table(&path)["control"].as_table().unwrap().keys() {
            plan(&["--variant", variant]);
        }
    }
}

#[test]
fn every_experiment_has_a_hypothesis_a_seed_and_a_control() {
    for path in experiments() {
        let table = table(&path);
        for key in ["hypothesis", "seed", "control"] {
            assert!(table.contains_key(key), "{} has no `{key}`", path.display());
        }
    }
}
