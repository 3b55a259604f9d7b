//! `proofload self-test` on the real lab, with a system that starts at once: that it tells a control that is caught
//! from one that is not, and keeps what it did.

#![expect(clippy::unwrap_used, reason = "a test ends where its preparation fails")]

mod machine;
mod schema;

use machine::{Bench, fixtures, pid_namespaces, proofload, said, wait_for};
use serde_json::Value;
use std::process::{Command, Stdio};

impl Bench {
    fn self_test(&self, extra: &[&str]) -> Command {
        let mut command = proofload(&["self-test", "tests/experiments/payments.toml", "--out"]);
        command.arg(self.out.path()).args(extra);
        command
    }

    fn matrix(&self) -> Value {
        let text = std::fs::read_to_string(self.out.path().join("self-test/latest/matrix.json")).unwrap_or_default();
        serde_json::from_str(&text).unwrap_or_default()
    }
}

#[test]
fn a_control_that_is_caught_is_told_from_one_that_is_not() {
    let bench = Bench::new();
    let (before, fixtures_before) = (pid_namespaces(), fixtures());
    let output = bench.self_test(&["--json"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let matrix: Value = serde_json::from_slice(&output.stdout).expect("stdout is the matrix and nothing else");
    assert_eq!(matrix, bench.matrix(), "what is printed is what is written");
    assert_eq!(matrix["made_runs"], 3);
    schema::holds("reports/matrix.schema.json", &matrix);

    let tried = &matrix["experiments"][0];
    assert_eq!((&tried["good"]["passed"], &tried["good"]["false_alarms"]), (&1.into(), &0.into()), "{tried:#}");
    let [harmless, forgetful] = ["harmless", "forgetful"].map(|variant| {
        let mut controls = tried["controls"].as_array().unwrap().iter();
        controls.find(|control| control["variant"] == variant).unwrap()
    });
    assert_eq!((&forgetful["caught"], &forgetful["judgement"]), (&1.into(), &"pass".into()), "{forgetful:#}");
    assert_eq!((&harmless["not_caught"], &harmless["judgement"]), (&1.into(), &"fail".into()), "{harmless:#}");
    assert!(
        harmless["doubts"][0]["sentence"].as_str().unwrap().starts_with("nothing-lost did not fail."),
        "{harmless:#}"
    );

    // Each run is one that can be opened and judged by itself, and the page leads to it.
    let page = std::fs::read_to_string(bench.latest("self-test").join("matrix.html")).unwrap();
    for run in [&tried["good"]["runs"][0], &harmless["runs"][0], &forgetful["runs"][0]] {
        assert_eq!(run["seed"], 23);
        let folder = run["run"].as_str().unwrap();
        assert!(page.contains(&format!("../../{folder}/report.html")), "no link to {folder}");
        assert!(bench.out.path().join(folder).join("report.html").is_file(), "{folder} has no report");
    }
    let judged =
        proofload(&["judge"]).arg(bench.out.path().join(forgetful["runs"][0]["run"].as_str().unwrap())).output();
    assert_eq!(judged.unwrap().status.code(), Some(1));
    assert_eq!(fixtures(), fixtures_before);
    assert!(pid_namespaces().is_subset(&before), "a process of a lab is left");
}

#[test]
fn an_interrupt_ends_a_self_test_with_130_and_the_matrix_so_far() {
    let bench = Bench::new();
    let mut child = bench.self_test(&[]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    wait_for("the first run's end", || {
        assert!(child.try_wait().unwrap().is_none(), "it ended early");
        bench.matrix()["made_runs"] == 1
    });
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let matrix = bench.matrix();
    assert_eq!((&matrix["stopped"], &matrix["judgement"]), (&"it was interrupted".into(), &"unknown".into()));
    assert_eq!(matrix["experiments"][0]["good"]["passed"], 1, "what was done is kept");
    let printed = std::io::read_to_string(child.stdout.take().unwrap()).unwrap();
    assert!(printed.contains("it was interrupted") && printed.contains("matrix.html"), "{printed}");
}
