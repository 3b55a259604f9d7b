//! A kept system, as its user drives it: `up`, `exec` and `lab` on the real lab, with a system that starts at once.

#![expect(clippy::unwrap_used, reason = "a test ends where its preparation fails")]

mod machine;

use machine::{Bench, fixtures, pid_namespaces, proofload, said, wait_for};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

const SYSTEM: &str = "tests/systems/small.toml";

impl Bench {
    fn up(&self, arguments: &[&str]) -> Command {
        let mut command = proofload(&["up", SYSTEM, "--out"]);
        command.arg(self.out.path()).args(arguments).stdin(Stdio::null());
        command
    }
}

/// A system that is kept; killed without a word if its test ends early.
struct Kept {
    process: Child,
    run: PathBuf,
}

impl Kept {
    /// Starts it with `arguments`, and waits until it can be entered.
    fn start(bench: &Bench, arguments: &[&str]) -> Self {
        let latest = bench.out.path().join("up/latest");
        let before = std::fs::read_link(&latest).ok();
        let mut process = bench.up(arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        wait_for("the system", || {
            assert!(process.try_wait().unwrap().is_none(), "`up` ended early");
            std::fs::read_link(&latest).ok() != before && latest.join("up.json").exists()
        });
        Self { process, run: bench.latest("up") }
    }

    fn ask(&self, verb: &[&str], rest: &[&str]) -> Output {
        proofload(verb).arg("--run").arg(&self.run).args(rest).output().unwrap()
    }

    /// A shell's line inside, on the host of the traffic.
    fn inside(&self, line: &str) -> Output {
        self.ask(&["exec"], &["--", "sh", "-c", line])
    }

    /// Sends a signal to `up`, and returns its exit code and what it wrote.
    fn end(mut self, signal: &str) -> (Option<i32>, String) {
        send(signal, &self.process);
        let status = self.process.wait().unwrap();
        let written = std::io::read_to_string(self.process.stdout.take().unwrap()).unwrap();
        (status.code(), written)
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn send(signal: &str, process: &Child) {
    assert!(Command::new("kill").args([signal, &process.id().to_string()]).status().unwrap().success());
}

#[track_caller]
fn check(output: &Output, code: i32, says: &str) {
    let text = said(output);
    assert_eq!(output.status.code(), Some(code), "{text}");
    assert!(text.contains(says), "`{says}` is not in:\n{text}");
}

#[test]
fn a_command_runs_inside_between_its_own_streams_and_ends_up_with_its_exit_code() {
    let bench = Bench::new();
    let (before, fixtures_before) = (pid_namespaces(), fixtures());
    let script = "cat; env | grep ^PROOFLOAD_ | sort; redis-cli -h $PROOFLOAD_HOST_CACHE ping; \
                  test -d $PROOFLOAD_RUN/logs || exit 1; echo to stderr >&2; exit 42";
    let mut command = bench.up(&["--", "sh", "-c", script]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"from stdin\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(42), "{}", said(&output));
    let run = bench.latest("up");
    let expected = format!(
        "from stdin\nPROOFLOAD_ENTRY=http://198.18.0.2:8080\nPROOFLOAD_HOST_CACHE=198.18.0.1\n\
         PROOFLOAD_HOST_SERVICE_1=198.18.0.2\nPROOFLOAD_HOST_SERVICE_2=198.18.0.3\nPROOFLOAD_RUN={}\nPONG\n",
        run.display()
    );
    let stdout = String::from_utf8_lossy(&output.stdout);
    // What the tests themselves were started with is handed down as well.
    let own = |line: &&str| !std::env::vars().any(|(name, _)| line.starts_with(&format!("{name}=")));
    assert_eq!(stdout.lines().filter(own).collect::<Vec<_>>(), expected.lines().collect::<Vec<_>>());
    assert!(said(&output).contains("to stderr"));

    assert!(pid_namespaces().is_subset(&before), "somebody still lives in the lab");
    assert_eq!(fixtures(), fixtures_before);
    assert!(run.join("manifest.toml").is_file() && run.join("logs/service-2.log").is_file());
    for gone in ["data", "up.json"] {
        assert!(!run.join(gone).exists(), "{gone} is still there");
    }
}

#[test]
fn a_kept_system_is_entered_and_broken_from_outside_and_stops_on_a_signal() {
    let bench = Bench::new();
    let kept = Kept::start(&bench, &[]);
    check(&kept.inside("redis-cli -h cache ping; exit 7"), 7, "PONG");
    check(&kept.inside("kill -TERM $$"), 128 + 15, "");
    check(&kept.inside("no-such-program"), 127, "no-such-program");
    let through_link = ["--host", "service-2", "--", "sh", "-c", "timeout 5 redis-cli -h cache.link -p 21000 ping"];
    check(&kept.ask(&["exec"], &through_link), 0, "PONG");
    check(&kept.ask(&["exec"], &["--host", "servise-2", "--", "true"]), 64, "did you mean `service-2`?");

    check(&kept.ask(&["lab", "cut"], &["service", "cache"]), 0, "service-2 to cache");
    check(&kept.ask(&["exec"], &through_link), 1, "refused");
    check(&kept.ask(&["lab", "heal"], &["service", "cache"]), 0, "open again");
    check(&kept.ask(&["exec"], &through_link), 0, "PONG");
    check(&kept.ask(&["lab", "cut"], &["cache", "service"]), 69, "no link from `cache`");

    check(&kept.ask(&["lab", "pause"], &["cache"]), 0, "paused");
    check(&kept.inside("timeout 1 redis-cli -h cache ping"), 124, "");
    check(&kept.ask(&["lab", "resume"], &["cache"]), 0, "goes on");
    check(&kept.ask(&["lab", "kill"], &["cache"]), 0, "killed");
    check(&kept.ask(&["lab", "kill"], &["cache"]), 69, "does not run");
    check(&kept.inside("redis-cli -h cache ping"), 1, "refused");
    // From the inside too: a test of the user's restarts what it has killed.
    let own = env!("CARGO_BIN_EXE_proofload");
    check(&kept.inside(&format!("{own} lab start cache && {own} exec -- redis-cli -h cache ping")), 0, "PONG");
    check(&kept.ask(&["lab", "kill"], &["cash"]), 64, "did you mean `cache`?");

    // Another beside it: nobody guesses which one is meant.
    let other = Kept::start(&bench, &["--", "sleep", "1000"]);
    let several = proofload(&["exec", "--", "true"]).output().unwrap();
    for run in [&kept.run, &other.run] {
        check(&several, 64, &run.display().to_string());
    }
    drop(other);

    let run = kept.run.clone();
    let (code, written) = kept.end("-INT");
    assert_eq!(code, Some(0), "{written}");
    assert!(written.contains("service-2  198.18.0.3        8080  logs/service-2.log"), "{written}");
    let ended = proofload(&["exec", "--run"]).arg(run).args(["--", "true"]).output().unwrap();
    check(&ended, 69, "proofload up");
}

#[test]
fn a_command_is_asked_to_end_when_up_is_and_kill_9_takes_it_and_its_lab_away() {
    let bench = Bench::new();
    let (before, fixtures_before) = (pid_namespaces(), fixtures());
    let script = "trap 'echo asked; exit 9' TERM; echo ready > $PROOFLOAD_RUN/ready; while :; do sleep 0.1; done";
    let kept = Kept::start(&bench, &["--", "sh", "-c", script]);
    wait_for("the command", || kept.run.join("ready").exists());
    let (code, written) = kept.end("-TERM");
    assert_eq!((code, written.trim()), (Some(9), "asked"));

    let mut kept = Kept::start(&bench, &["--", "sleep", "1000"]);
    let inside: std::collections::BTreeSet<PathBuf> = pid_namespaces().difference(&before).cloned().collect();
    assert_eq!(inside.len(), 1, "one lab, one PID namespace");
    kept.process.kill().unwrap();
    kept.process.wait().unwrap();
    wait_for("the end of every process in the lab", || pid_namespaces().is_disjoint(&inside));
    assert_eq!(fixtures(), fixtures_before);
    check(&kept.inside("true"), 69, "does not run");
    let healed = proofload(&["heal", "--out"]).arg(bench.out.path()).output().unwrap();
    check(&healed, 0, "removed");
    assert!(!kept.run.join("data").exists(), "the data is still there");
}

#[test]
fn a_system_that_does_not_come_up_ends_with_69_and_its_last_words() {
    let bench = Bench::new();
    let broken = "process.service.env.LENDING_LISTEN=nowhere";
    check(&bench.up(&["--set", broken, "--", "true"]).output().unwrap(), 69, "\"nowhere\"");
}

#[test]
fn what_cannot_be_started_is_refused_with_64_before_anything_is() {
    let bench = Bench::new();
    check(&bench.up(&["--variant", "dead"]).output().unwrap(), 64, "did you mean `deaf`?");
    check(&bench.up(&["--set", "process.servise.replicas=3"]).output().unwrap(), 64, "did you mean `service`?");
    check(&proofload(&["up", "lendign"]).output().unwrap(), 64, "did you mean `lending`?");
    // This repository has one system, which needs no name.
    check(&proofload(&["up", "--variant", "acks-won"]).output().unwrap(), 64, "did you mean `acks-one`?");
    check(&proofload(&["up", "nowhere/x.toml"]).output().unwrap(), 64, "cannot read the file");
    check(&proofload(&["exec", "--host", "cache"]).output().unwrap(), 64, "COMMAND");
    assert_eq!(std::fs::read_dir(bench.out.path()).unwrap().count(), 0, "something was started");

    // Without a name there must be exactly one.
    let folder = tempfile::tempdir().unwrap();
    let up = || proofload(&["up"]).current_dir(folder.path()).output().unwrap();
    check(&up(), 64, "no system can be found");
    std::fs::create_dir(folder.path().join("systems")).unwrap();
    for name in ["one", "two"] {
        std::fs::copy(SYSTEM, folder.path().join("systems").join(format!("{name}.toml"))).unwrap();
    }
    check(&up(), 64, "systems/one.toml, systems/two.toml");
}
