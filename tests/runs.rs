//! Whole runs on the real lab, short ones: that they stand on their own, end as they must, and leave nothing behind.

#![expect(clippy::unwrap_used, reason = "a test ends where its preparation fails")]

mod machine;
mod schema;

use machine::{Bench, fixtures, pid_namespaces, proofload, said, wait_for};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

impl Bench {
    /// `proofload run` of the short experiment, into this bench's own folder.
    fn run(&self, extra: &[&str]) -> Command {
        let mut command = proofload(&["run", "tests/experiments/short.toml", "--out"]);
        command.arg(self.out.path()).args(extra);
        command
    }

    fn journal(&self) -> String {
        let latest = self.out.path().join("short/latest/journal.ndjson");
        std::fs::read_to_string(latest).unwrap_or_default()
    }

    /// Starts a run and waits until its journal tells of `event`.
    fn run_until(&self, event: &str, extra: &[&str]) -> Child {
        let mut child = self.run(extra).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        wait_for(&format!("`{event}` in the journal"), || {
            assert!(child.try_wait().unwrap().is_none(), "the run ended early:\n{}", self.journal());
            self.journal().contains(&format!("\"event\":\"{event}\""))
        });
        child
    }
}

#[test]
fn a_run_stands_on_its_own_and_is_judged_again_byte_for_byte() {
    let bench = Bench::new();
    let output = bench.run(&["--json"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let run = bench.latest("short");
    let printed: serde_json::Value =
        serde_json::from_slice(&output.stdout).expect("stdout is the verdict and nothing else");
    assert_eq!(printed["judgement"], "pass");
    schema::holds("reports/verdict.schema.json", &printed);

    for file in ["experiment.toml", "manifest.toml", "operations.arrow", "observations.arrow", "series.arrow"] {
        assert!(run.join(file).is_file(), "{file} is missing");
    }
    for file in ["journal.ndjson", "verdict.json", "report.html", "junit.xml", "summary.md", "logs/kafka-1.log"] {
        assert!(std::fs::metadata(run.join(file)).unwrap().len() > 0, "{file} is empty");
    }
    assert!(!run.join("data").exists(), "the data of the components is still there");

    // Elsewhere, where no project is near: a run needs nothing but itself.
    let elsewhere = tempfile::tempdir().unwrap();
    let moved = elsewhere.path().join("moved");
    copy(&run, &moved);
    std::fs::remove_file(moved.join("verdict.json")).unwrap();
    let judged = proofload(&["judge"]).arg(&moved).current_dir(elsewhere.path()).output().unwrap();
    assert_eq!(judged.status.code(), Some(0), "{}", said(&judged));
    let (first, again) =
        (std::fs::read(run.join("verdict.json")).unwrap(), std::fs::read(moved.join("verdict.json")).unwrap());
    assert!(first == again, "the verdict differs when it is judged again");

    // An archive may not be writable: it has an answer all the same.
    let in_the_way = moved.join(".report.html.part");
    std::fs::create_dir(&in_the_way).unwrap();
    let judged = proofload(&["judge"]).arg(&moved).output().unwrap();
    assert_eq!(judged.status.code(), Some(0), "{}", said(&judged));
    assert!(said(&judged).contains("the answer stands"), "{}", said(&judged));
    std::fs::remove_dir(in_the_way).unwrap();

    no_harm_to_it_is_a_pass(&moved);

    // What a report tells its reader to type leads to this run, and not to the latest.
    let latest = run.parent().unwrap().join("latest");
    assert_eq!(proofload(&["report"]).arg(&latest).output().unwrap().status.code(), Some(0));
    let report = std::fs::read_to_string(run.join("report.html")).unwrap();
    assert!(report.contains("proofload judge") && !report.contains("short/latest"), "it leads to `latest`");

    let id = "00000000-000b-8000-8000-000000000005";
    let trace = proofload(&["trace"]).arg(&run).arg(id).output().unwrap();
    let text = said(&trace);
    assert_eq!(trace.status.code(), Some(0), "{text}");
    for stage in ["log.submitted", "db.application", "log.decided"] {
        assert!(text.contains(stage), "the trace does not tell of {stage}:\n{text}");
    }
}

/// A file of a good run that breaks off, or has another byte, or is not there: with its seal it is refused by name, and
/// without one it is never a pass.
fn no_harm_to_it_is_a_pass(run: &Path) {
    let seal = run.join("seal.json");
    let judged = || proofload(&["judge"]).arg(run).output().unwrap();
    for file in ["operations.arrow", "observations.arrow", "series.arrow", "journal.ndjson"] {
        let whole = std::fs::read(run.join(file)).unwrap();
        let mut flipped = whole.clone();
        flipped[whole.len() / 2] ^= 0x10;
        let cut = &whole[..whole.len() / 2];
        // Without its seal a bit that is off can be a figure like any other: that is what the seal is for.
        let harms =
            [("one bit off", Some(&flipped[..]), true), ("cut in half", Some(cut), false), ("gone", None, false)];
        for (harm, left, needs_seal) in harms {
            match left {
                Some(left) => std::fs::write(run.join(file), left).unwrap(),
                None => std::fs::remove_file(run.join(file)).unwrap(),
            }
            let sealed = judged();
            assert_eq!(sealed.status.code(), Some(64), "{file} {harm}: {}", said(&sealed));
            assert!(said(&sealed).contains(file), "{file} {harm}: {}", said(&sealed));
            if !needs_seal {
                let digests = std::fs::read(&seal).unwrap();
                std::fs::remove_file(&seal).unwrap();
                let unsealed = judged();
                assert_ne!(unsealed.status.code(), Some(0), "{file} {harm}, without a seal: {}", said(&unsealed));
                std::fs::write(&seal, digests).unwrap();
            }
            std::fs::write(run.join(file), &whole).unwrap();
        }
    }
    assert_eq!(judged().status.code(), Some(0), "whole again");
}

#[test]
fn a_run_that_is_killed_in_the_middle_of_a_fault_leaves_nothing_behind() {
    let bench = Bench::new();
    let (before, fixtures_before) = (pid_namespaces(), fixtures());
    let mut child = bench.run_until("fault_injected", &[]);
    let inside: BTreeSet<PathBuf> = pid_namespaces().difference(&before).cloned().collect();
    assert_eq!(inside.len(), 1, "one lab, one PID namespace");
    child.kill().unwrap();
    child.wait().unwrap();
    wait_for("the end of every process in the lab", || pid_namespaces().is_disjoint(&inside));
    assert_eq!(fixtures(), fixtures_before);

    // What it had written is a history; it proves nothing, and says so.
    let run = bench.latest("short");
    let judged = proofload(&["judge"]).arg(&run).output().unwrap();
    assert_eq!(judged.status.code(), Some(3), "{}", said(&judged));
    assert!(run.join("data").exists());
    let healed = proofload(&["heal", "--out"]).arg(bench.out.path()).output().unwrap();
    assert_eq!(healed.status.code(), Some(0), "{}", said(&healed));
    assert!(!run.join("data").exists(), "the data is still there");
}

#[test]
fn an_interrupted_run_heals_keeps_its_history_and_exits_130() {
    let bench = Bench::new();
    let before = pid_namespaces();
    let mut child = bench.run_until("fault_injected", &[]);
    let interrupt = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(interrupt.success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let journal = bench.journal();
    for event in ["interrupted", "fault_healed"] {
        assert!(journal.contains(&format!("\"event\":\"{event}\"")), "no `{event}`:\n{journal}");
    }
    assert!(bench.latest("short").join("report.html").is_file());
    wait_for("the end of every process in the lab", || pid_namespaces().is_subset(&before));
    assert!(!bench.latest("short").join("data").exists(), "the data is still there");
}

/// While a run is judged nobody but the command itself can hear it.
#[test]
fn an_interrupt_behind_the_first_of_two_runs_keeps_the_second_from_being_made() {
    let bench = Bench::new();
    let mut child = bench.run_until("run_ended", &["--repeat", "2"]);
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let runs = std::fs::read_dir(bench.out.path().join("short")).unwrap();
    let made = runs.flatten().filter(|entry| !entry.path().is_symlink()).count();
    assert_eq!(made, 1, "the second was begun");
}

#[test]
fn a_run_that_is_interrupted_while_it_starts_leaves_nothing_behind() {
    let bench = Bench::new();
    let before = pid_namespaces();
    let mut child = bench.run_until("process_started", &[]);
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    wait_for("the end of every process in the lab", || pid_namespaces().is_subset(&before));
    assert!(!bench.latest("short").join("data").exists(), "the data is still there");
}

#[test]
fn without_what_setup_installs_a_run_ends_with_69_and_says_what_to_do() {
    let bench = Bench::new();
    let output = bench.run(&[]).env("PROOFLOAD_HOME", "/nonexistent").output().unwrap();
    assert_eq!(output.status.code(), Some(69), "{}", said(&output));
    assert!(said(&output).contains("./setup"), "{}", said(&output));
}

#[test]
fn a_service_that_does_not_come_up_ends_the_run_with_69_and_its_last_words() {
    let bench = Bench::new();
    let broken = "process.bureau.env.LENDING_BUREAU_LATENCY_P50=soon";
    let output = bench.run(&["--set", broken]).output().unwrap();
    assert_eq!(output.status.code(), Some(69), "{}", said(&output));
    let text = said(&output);
    assert!(text.contains("bureau") && text.contains("soon"), "{text}");
}

#[test]
fn a_port_in_use_inside_the_lab_ends_the_run_with_69_and_names_who_wanted_it() {
    let bench = Bench::new();
    // The gateway's own Toxiproxy listens there already.
    let taken = "process.gateway.env.LENDING_LISTEN=0.0.0.0:8474";
    let output = bench.run(&["--set", taken]).output().unwrap();
    assert_eq!(output.status.code(), Some(69), "{}", said(&output));
    let text = said(&output).to_lowercase();
    assert!(text.contains("gateway") && text.contains("in use"), "{text}");
}

#[test]
fn a_generator_that_cannot_keep_up_gives_unknown_and_says_so_first() {
    let bench = Bench::new();
    // Nobody reads what it says while it goes on (`2>&1 | head -3`): that changes nothing.
    let (nobody, unread) = std::io::pipe().unwrap();
    drop(nobody);
    let output = bench.run(&["--rate", "200000/s"]).stderr(unread).output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    let report = std::fs::read_to_string(bench.latest("short").join("report.html")).unwrap();
    let (load, promise) = (report.find("generator could not keep up"), report.find("What was promised"));
    assert!(load.is_some() && load < promise, "the report does not say first that the load was invalid");
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
