//! The command as its user drives it, where nothing needs to be started.

#![expect(clippy::unwrap_used, reason = "a test ends where its preparation fails")]

use assert_cmd::Command;
use predicates::prelude::*;
use predicates::str::contains;
use std::path::PathBuf;

fn proofload() -> Command {
    let mut command = Command::cargo_bin("proofload").unwrap();
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    command
}

/// An experiment that is right, with `from` replaced by `to`.
fn changed(from: &str, to: &str) -> (tempfile::TempDir, PathBuf) {
    let right = include_str!("../scenarios/experiments/partition-leader.toml");
    assert!(right.contains(from), "the experiment has no `{from}`");
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let path = folder.path().join("changed.toml");
    std::fs::write(&path, right.replacen(from, to, 1)).unwrap();
    (folder, path)
}

/// A wrong experiment is refused with exit 64, and stderr says all of `said`.
fn refuses(from: &str, to: &str, said: &[&str]) {
    let (_folder, path) = changed(from, to);
    for verb in ["plan", "run"] {
        let assert = proofload().arg(verb).arg(&path).assert().code(64).stdout("");
        let stderr = String::from_utf8(assert.get_output().stderr.clone()).unwrap();
        for text in said {
            assert!(stderr.contains(text), "`{verb}` does not say `{text}`:\n{stderr}");
        }
    }
}

#[test]
fn a_typo_in_a_key_is_located_and_the_nearest_key_is_named() {
    refuses("hypothesis =", "hypothesys =", &["changed.toml:3:1", "`hypothesys`", "did you mean `hypothesis`?"]);
}

#[test]
fn a_typo_in_the_name_of_a_table_is_located() {
    refuses("[fault.leader-cut]", "[fualt.leader-cut]", &["changed.toml:14:2", "`fualt`", "did you mean `fault`?"]);
}

#[test]
fn a_typo_in_a_key_of_a_fault_is_located() {
    refuses("target = ", "taget = ", &["`taget`", "did you mean `target`?", "changed.toml:16:1"]);
}

#[test]
fn a_fault_on_a_component_that_does_not_exist_is_refused() {
    refuses(
        "component = \"kafka\"",
        "component = \"kafak\"",
        &["`kafak`", "did you mean `kafka`?", "changed.toml:17:"],
    );
}

#[test]
fn a_fault_of_a_kind_that_does_not_exist_is_refused() {
    refuses(
        "kind = \"partition\"",
        "kind = \"partitoin\"",
        &["`partitoin`", "did you mean `partition`?", "changed.toml:15:"],
    );
}

#[test]
fn a_negative_rate_is_refused() {
    refuses("\"50/s\"", "\"-3/s\"", &["`-3/s` is not a rate", "changed.toml:11:"]);
}

#[test]
fn a_check_that_does_not_exist_is_refused() {
    refuses("check = \"delivery\"", "check = \"delivry\"", &["`delivry`", "did you mean `delivery`?"]);
}

#[test]
fn an_expectation_about_a_fault_that_does_not_exist_is_refused() {
    refuses("after = \"leader-cut\"", "after = \"leader-cat\"", &["`leader-cat`", "did you mean `leader-cut`?"]);
}

#[test]
fn a_duration_without_a_unit_is_refused() {
    refuses("for = \"22s\"", "for = \"22\"", &["`22` is not a duration", "changed.toml:20:"]);
}

#[test]
fn a_control_for_a_variant_that_does_not_exist_is_refused() {
    refuses("[control.acks-one]", "[control.acks-won]", &["`acks-won`", "did you mean `acks-one`?"]);
}

#[test]
fn a_control_that_must_also_break_what_nobody_promised_is_refused() {
    refuses(
        "at_least = 10 }",
        "at_least = 10 }\nalso = { recover = { figure = \"failover_s\", above = 9 } }",
        &["`recover`", "did you mean `recovers`?", "changed.toml:44:"],
    );
}

#[test]
fn a_control_whose_reason_no_finding_can_show_is_refused() {
    let because = "lost_at = \"log.submitted\", during = \"leader-cut\", at_least = 10";
    for (figure, nearest) in [
        ("lost_intent.log.submitted", "lost_intents.log.submitted"),
        ("lost_intents.log.submited", "lost_intents.log.submitted"),
        ("exposed_intents.leader-cat", "exposed_intents.leader-cut"),
    ] {
        let (wrong, nearest) = (format!("`{figure}`"), format!("did you mean `{nearest}`?"));
        let reason = format!("figure = \"{figure}\", above = 9");
        refuses(because, &reason, &[&wrong, &nearest, "changed.toml:43:"]);
    }
    let of_recovery = ["`recovery` does not count what is lost", "changed.toml:"];
    refuses("must_fail = \"nothing-lost\"", "must_fail = \"recovers\"", &of_recovery);
    // A gauge, and none that drains.
    let of_rest = "at_least = 10 }\nalso = { drains = { figure = \"left.unapplied_commands\", above = 0 } }";
    refuses("at_least = 10 }", of_rest, &["`left.unapplied_commands`", "changed.toml:44:"]);
}

#[test]
fn an_expectation_with_the_name_of_what_every_run_is_held_to_is_refused() {
    for name in ["load", "attested"] {
        let says = format!("every run has a finding called `{name}` already");
        refuses("[expect.drains]", &format!("[expect.{name}]"), &[&says, "changed.toml:38:"]);
    }
}

#[test]
fn what_was_set_for_a_run_is_told_and_is_no_key_of_an_experiment() {
    let mut command = proofload();
    command.args(["plan", "partition-leader", "--set", "process.gateway.replicas=3"]);
    command.assert().code(0).stdout(contains("changed     process.gateway.replicas=3"));
    refuses("seed = 7", "seed = 7\nsets = [\"x=1\"]", &["`sets` says what a stored run changed", "changed.toml:7:"]);
}

#[test]
fn a_name_given_twice_is_refused() {
    refuses("[expect.recovers]", "[expect.nothing-lost]", &["duplicate key", "changed.toml:"]);
}

#[test]
fn an_unknown_variant_is_refused() {
    let assert = proofload().args(["run", "partition-leader", "--variant", "acks-won"]).assert();
    assert.code(64).stderr(contains("`acks-won`").and(contains("did you mean `acks-one`?")));
}

#[test]
fn a_setting_that_does_not_exist_is_refused() {
    let assert = proofload().args(["plan", "partition-leader", "--set", "process.gatewy.replicas=3"]).assert();
    assert.code(64).stderr(contains("gatewy").and(contains("did you mean `gateway`?")));
}

#[test]
fn an_experiment_that_does_not_exist_is_refused_with_the_nearest() {
    proofload().args(["run", "broker-kil"]).assert().code(64).stderr(contains("did you mean `broker-kill`?"));
}

#[test]
fn a_self_test_refuses_what_does_not_exist_and_makes_no_folder() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let refused = |arguments: &[&str], said: &str| {
        let mut command = proofload();
        command.arg("self-test").args(arguments).arg("--out").arg(folder.path());
        command.assert().code(64).stdout("").stderr(contains(said));
    };
    refused(&["broker-kil"], "did you mean `broker-kill`?");
    refused(&["--tag", "nightlie"], "did you mean `nightly`?");
    refused(&["broker-kill", "--repeat", "0"], "--repeat");
    let (_folder, wrong) = changed("[control.acks-one]", "[control.acks-won]");
    refused(&["broker-kill", wrong.to_str().unwrap()], "did you mean `acks-one`?");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_self_test_of_an_experiment_without_a_control_lists_it_as_such_and_is_unknown() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let mut command = proofload();
    command.args(["self-test", "tests/experiments/short.toml", "--out"]).arg(folder.path());
    command.assert().code(3).stdout(contains("broken design: none").and(contains("matrix.html")));
    for file in ["self-test/latest/matrix.html", "self-test/latest/matrix.json"] {
        assert!(folder.path().join(file).is_file(), "{file} is missing");
    }
    assert!(!folder.path().join("short").exists(), "a run was made");
}

#[test]
fn an_unreadable_file_is_refused() {
    proofload()
        .args(["plan", "nowhere/x.toml"])
        .assert()
        .code(64)
        .stderr(contains("nowhere/x.toml: cannot read the file"));
}

#[test]
fn a_file_that_is_no_text_is_refused() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let path = folder.path().join("binary.toml");
    std::fs::write(&path, [0xff, 0xfe, 0x00]).unwrap();
    proofload().arg("plan").arg(&path).assert().code(64).stderr(contains("binary.toml"));
}

#[test]
fn a_wrong_argument_is_a_usage_error() {
    proofload().args(["run", "broker-kill", "--repeat", "0"]).assert().code(64);
    proofload().arg("fly").assert().code(64);
    proofload().assert().code(64);
}

#[test]
fn help_shows_the_exit_codes_and_an_example() {
    proofload().arg("--help").assert().code(0).stdout(contains("69  the environment cannot be brought up"));
    proofload().args(["run", "--help"]).assert().code(0).stdout(contains("proofload run broker-kill"));
    proofload().args(["self-test", "--help"]).assert().code(0).stdout(contains("proofload self-test --tag pr --json"));
}

#[test]
fn a_plan_shows_what_would_happen_and_starts_nothing() {
    let assert = proofload().args(["plan", "partition-leader"]).assert().code(0);
    assert.stdout(
        contains("steady for 10.0 s").and(contains("leader-cut")).and(contains("acks-one")).and(contains("minutes")),
    );
}

#[test]
fn lists_come_from_the_tables_that_the_code_uses() {
    for (kind, name) in [
        ("experiments", "broker-kill"),
        ("checks", "delivery"),
        ("faults", "partition"),
        ("components", "postgres"),
        ("variants", "early-commit"),
    ] {
        proofload().args(["list", kind]).assert().code(0).stdout(contains(name));
    }
}

#[test]
fn a_run_directory_that_is_none_is_refused() {
    proofload().args(["judge", "src"]).assert().code(64).stderr(contains("src/experiment.toml"));
}

#[test]
fn a_trace_of_something_that_is_no_id_is_refused() {
    proofload().args(["trace", "src", "42"]).assert().code(64).stderr(contains("`42` is not an id"));
}

#[test]
fn circumstances_that_the_manifest_does_not_know_are_refused_where_they_stand() {
    refuses(
        "seed = 7",
        "set = { \"process.gatway.replicas\" = 3 }\nseed = 7",
        &["changed.toml:6:9", "there is no `gatway` in `process`", "did you mean `gateway`?"],
    );
}

#[test]
fn circumstances_hold_for_every_variant_and_are_shown_by_the_plan() {
    let (_folder, path) = changed("seed = 7", "set = { \"process.gateway.replicas\" = 1 }\nseed = 7");
    for variant in [&[][..], &["--variant", "acks-one"]] {
        let assert = proofload().arg("plan").arg(&path).args(variant).assert().code(0);
        let stdout = String::from_utf8(assert.get_output().stdout.clone()).unwrap();
        assert!(stdout.contains("set         process.gateway.replicas = 1"), "{stdout}");
    }
}

#[test]
fn a_reader_that_has_read_enough_is_no_failure() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = std::process::Command::new(assert_cmd::cargo::cargo_bin("proofload"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["plan", "broker-kill"])
        .stdout(writer)
        .stderr(std::process::Stdio::piped())
        .output()
        .unwrap();
    assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()));
}
