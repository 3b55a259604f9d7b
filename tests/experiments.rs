//! Every experiment that the project ships.

#![expect(clippy::unwrap_used, reason = "a test ends where its preparation fails")]

use assert_cmd::Command;
use std::collections::BTreeSet;
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

/// The reference system's manifest.
fn manifest() -> toml::Table {
    table(&Path::new(env!("CARGO_MANIFEST_DIR")).join("system/lending.toml"))
}

/// The keys of a table of the reference system's manifest.
fn names(table: &str) -> Vec<String> {
    manifest()[table].as_table().unwrap().keys().cloned().collect()
}

#[test]
fn every_scenario_of_the_reference_system_can_be_planned() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let path = folder.path().join("one.toml");
    let system = Path::new(env!("CARGO_MANIFEST_DIR")).join("system/lending.toml");
    for scenario in names("scenario") {
        let experiment = format!(
            "format = 1\ntitle = \"One\"\nhypothesis = \"It can be planned.\"\nsystem = {system:?}\n\
            phases = {{ warm_up = \"2s\", steady = \"6s\" }}\n\
            [traffic.clients]\nscenario = \"{scenario}\"\narrivals = {{ constant = \"5/s\" }}\n"
        );
        std::fs::write(&path, experiment).unwrap();
        Command::cargo_bin("proofload").unwrap().arg("plan").arg(&path).assert().code(0);
    }
}

#[test]
fn a_day_at_the_lenders_has_every_scenario_in_it_but_storms() {
    let manifest = manifest();
    let mix: BTreeSet<String> = manifest["scenario"]["mixed"]["mix"].as_table().unwrap().keys().cloned().collect();
    let expected = ["apply", "apply-and-withdraw", "browse", "customer-journey", "repay"];
    assert_eq!(mix, expected.map(str::to_owned).into());
    // Storms of repeats, a client that asks for more than its share, one that is called by numbers, and the half of `repay`
    // are no part of a day.
    let storms = ["mixed", "borrow", "apply-again", "apply-five-times", "browse-greedily", "change-five-times"];
    let others: BTreeSet<String> =
        names("scenario").into_iter().filter(|name| !storms.contains(&name.as_str())).collect();
    assert_eq!(mix, others);
}

/// nginx may pass such a request on after a gateway has taken it, and the next one speaks for itself alone.
#[test]
fn what_a_proxy_may_repeat_fails_only_by_what_every_gateway_would_say_at_any_time() {
    let manifest = manifest();
    let operations = manifest["operation"].as_table().unwrap().iter();
    let writes: Vec<_> = operations.filter(|(_, operation)| operation["method"].as_str() == Some("PUT")).collect();
    assert!(writes.iter().any(|(name, _)| *name == "give_consent"), "{writes:?}");
    for (name, operation) in writes {
        let of_the_moment = [401, 408, 409, 503].map(toml::Value::Integer);
        let fails = operation["fail"].as_array().unwrap();
        assert!(!fails.iter().any(|status| of_the_moment.contains(status)), "{name}: {fails:?}");
        assert!(operation.get("fail_when").is_none(), "{name} has fail_when");
    }
}

#[test]
fn every_variant_of_the_reference_system_can_be_planned() {
    for variant in names("variant") {
        let mut command = Command::cargo_bin("proofload").unwrap();
        command.current_dir(env!("CARGO_MANIFEST_DIR")).args(["plan", "steady-state", "--variant", &variant]);
        command.assert().code(0);
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
