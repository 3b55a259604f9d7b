//! The journeys of clients as their author writes and plans them.

#![expect(clippy::unwrap_used, reason = "a test ends where its preparation fails")]

use assert_cmd::Command;
use std::path::PathBuf;

/// The parcels, with all that their clients do.
const MANIFEST: &str =
    concat!(include_str!("../lab/tests/manifests/parcels.toml"), include_str!("../lab/tests/manifests/clients.toml"));

const EXPERIMENT: &str = r#"
format = 1
title = "Parcels arrive"
hypothesis = "Everything that is sent is paid."
system = "manifest.toml"
phases = { warm_up = "2s", steady = "6s" }

[traffic.clients]
scenario = "all"
arrivals = { constant = "50/s" }
"#;

/// An experiment on the parcels, whose manifest has its only `from` replaced.
fn experiment(from: &str, to: &str) -> (tempfile::TempDir, PathBuf) {
    assert_eq!(MANIFEST.matches(from).count(), 1, "`{from}` must be there once");
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let path = folder.path().join("arrive.toml");
    std::fs::write(&path, EXPERIMENT).unwrap();
    std::fs::write(folder.path().join("manifest.toml"), MANIFEST.replace(from, to)).unwrap();
    // The template of the parcels' front door, which a plan reads and does not start.
    std::fs::write(folder.path().join("door.conf"), "").unwrap();
    (folder, path)
}

fn plan(path: &PathBuf) -> Command {
    let mut command = Command::cargo_bin("proofload").unwrap();
    command.arg("plan").arg(path);
    command
}

/// What is said on stderr of a manifest with its only `from` replaced.
fn refused(from: &str, to: &str, more: &[&str]) -> String {
    let (_folder, path) = experiment(from, to);
    let assert = plan(&path).args(more).assert().code(64).stdout("");
    String::from_utf8(assert.get_output().stderr.clone()).unwrap()
}

#[test]
fn a_plan_shows_every_scenario_with_its_share_and_its_steps() {
    let (_folder, path) = experiment("format = 1", "format = 1");
    let assert = plan(&path).assert().code(0);
    let shown = String::from_utf8(assert.get_output().stdout.clone()).unwrap();
    let from = shown.find("            traffic clients").unwrap();
    let to = shown[from..].find("\n     2.0 s").unwrap() + from;
    let expected = r#"            traffic clients: scenario all, 50/s, evenly spaced
                5.0 %  follow
                         post
                         read every 200ms until /state is "ARRIVED", unless /lost is true, within 20s
                         pause of 1s
                         pay, 3 times
               95.0 %  send
                         post"#;
    assert_eq!(&shown[from..to], expected);
}

#[test]
fn a_capture_that_no_earlier_step_makes_is_refused_at_its_step_with_the_nearest() {
    let said = refused("{capture:weight}", "{capture:wieght}", &[]);
    let line = MANIFEST.lines().position(|line| line.contains("do = \"pay\"")).unwrap() + 1;
    let place = format!("manifest.toml:{line}:3:");
    for part in [place.as_str(), "`pay` uses {capture:wieght}", "did you mean `weight`?", "{ do = \"pay\""] {
        assert!(said.contains(part), "no `{part}` in: {said}");
    }
    let said = refused("steps = [\"post\"]", "steps = [\"pay\", \"read\"]", &[]);
    assert!(said.contains("`pay` uses {capture:weight}, and no earlier step captures it"), "{said}");
}

#[test]
fn a_credential_that_the_manifest_does_not_have_is_refused_with_the_nearest() {
    let said = refused("{credential:sender}", "{credential:sendr}", &[]);
    assert!(said.contains("operation `pay`: there is no credential `sendr`"), "{said}");
    assert!(said.contains("did you mean `sender`?"), "{said}");
    let said = refused("operation = \"get_token\"", "operation = \"pay\"", &[]);
    assert!(said.contains("`pay` gets the credential `sender`"), "{said}");
}

#[test]
fn steps_that_make_no_sense_are_refused_before_anything_starts() {
    for (from, to, part) in [
        ("steps = [\"post\"]", "steps = [{ pause = \"1s\" }, \"post\"]", "begins with a request"),
        ("until = \"read\"", "until = \"post\"", "`post` must be a GET"),
        ("captures = {", "own_id = true\ncaptures = {", "`read` cannot have ids of its own"),
        ("path = \"/token\"", "path = \"/token/{credential:sender}\"", "belongs into a header"),
    ] {
        let said = refused(from, to, &[]);
        assert!(said.contains(part) && said.contains("manifest.toml"), "{said}");
    }
}

#[test]
fn a_mistake_in_a_changed_manifest_points_nowhere_in_the_one_that_its_author_sees() {
    let said = refused("{capture:weight}", "{capture:wieght}", &["--variant", "acks-one"]);
    assert!(said.contains("manifest.toml: scenario `follow`"), "{said}");
}

#[test]
fn the_page_on_clients_shows_what_can_be_planned() {
    let page = include_str!("../docs/clients.md");
    let shown = page.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    let system = MANIFEST.split("[operation.post]").next().unwrap();
    let (_folder, path) = experiment("format = 1", "format = 1");
    std::fs::write(path.with_file_name("manifest.toml"), format!("{system}{shown}")).unwrap();
    std::fs::write(&path, EXPERIMENT.replace("\"all\"", "\"everybody\"")).unwrap();
    plan(&path).assert().code(0).stdout(predicates::str::contains("pay, 2 times"));
}
