//! The lab on real namespaces, by the scenarios of `examples/inside`. They need what `./setup` installs, and nothing else.

#![expect(clippy::unwrap_used, reason = "a test ends where the world is not as it must be")]

use rustix::process::{Pid, Signal, kill_process};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// More than any of these conditions takes on a busy machine.
const BOUND: Duration = Duration::from_secs(60);

fn inside() -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    tests.parent().unwrap().parent().unwrap().join("examples/inside")
}

fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("logs")).unwrap();
    folder
}

fn scenario(name: &str, folder: &Path) -> Command {
    let mut command = Command::new(inside());
    command.arg(name).arg(folder).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn plays(name: &str) {
    let folder = folder();
    let Output { status, stderr, .. } = scenario(name, folder.path()).output().unwrap();
    let said = String::from_utf8_lossy(&stderr);
    assert!(status.success(), "{name} ended with {status}:\n{said}");
    println!("{said}");
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + BOUND;
    while !holds() {
        assert!(Instant::now() < deadline, "{what}: not after {BOUND:?}");
        std::thread::yield_now();
    }
}

/// A lab that is up and waits.
fn waiting_lab(folder: &Path) -> Child {
    let child = scenario("wait", folder).stderr(Stdio::null()).spawn().unwrap();
    wait_until("the lab is up", || folder.join("up").exists());
    child
}

/// Processes whose command line has `word` in it.
fn processes_with(word: &str) -> Vec<String> {
    let entries = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let lines = entries.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " ")).filter(|line| line.contains(word)).collect()
}

#[test]
fn the_exit_code_of_the_conductor_passes_through() {
    let folder = folder();
    assert_eq!(scenario("exit-with-37", folder.path()).status().unwrap().code(), Some(37));
}

#[test]
fn sigterm_to_the_outer_process_reaches_the_conductor() {
    let folder = folder();
    let mut lab = waiting_lab(folder.path());
    kill_process(Pid::from_child(&lab), Signal::TERM).unwrap();
    assert_eq!(lab.wait().unwrap().code(), Some(42));
}

#[test]
fn sigkill_to_the_outer_process_leaves_no_process_behind() {
    let folder = folder();
    let mut lab = waiting_lab(folder.path());
    let word = folder.path().to_str().unwrap();
    assert!(processes_with(word).len() > 3, "the lab's processes name its folder: {:?}", processes_with(word));
    lab.kill().unwrap();
    lab.wait().unwrap();
    wait_until("every process of the lab has ended", || processes_with(word).is_empty());
}

#[test]
fn a_host_reaches_another_by_name_and_the_data_goes_at_the_end() {
    plays("names");
}

#[test]
fn a_rule_in_one_host_cuts_its_packets_to_another() {
    plays("drop");
}

#[test]
fn a_latency_on_a_link_is_felt_through_it_until_it_is_taken_away() {
    plays("latency");
}

#[test]
fn a_record_that_is_produced_through_a_link_is_read_directly() {
    plays("whole");
}

#[test]
fn a_killed_broker_is_started_again_on_its_data_and_on_none() {
    plays("broker-again");
}

#[test]
fn a_killed_database_is_gone_with_all_its_processes_and_comes_back() {
    plays("database-again");
}

#[test]
fn stages_are_read_whole_or_said_to_be_incomplete_with_the_reason() {
    plays("stages");
}

#[test]
fn the_brokers_view_gauges_and_series_follow_a_killed_leader_and_database() {
    plays("leaders");
}

#[test]
fn what_an_isolated_leader_alone_acknowledged_is_found_in_its_copy_and_told_with_what_cut_it_off() {
    plays("autopsy");
}

#[test]
fn a_paused_instance_answers_nothing_until_it_goes_on() {
    plays("pause");
}

#[test]
fn an_end_that_nobody_asked_for_is_in_the_journal() {
    plays("surprise");
}

#[test]
fn a_toxiproxy_that_is_gone_is_an_error_that_names_its_log() {
    plays("toxiproxy-gone");
}

#[test]
fn the_front_door_passes_on_to_whoever_lives() {
    plays("front-door");
}

#[test]
fn what_listens_with_tls_has_a_certificate_that_the_runs_own_authority_vouches_for() {
    plays("secure");
}

#[test]
fn a_template_that_nginx_refuses_is_reported_with_its_words() {
    plays("bad-template");
}

#[test]
fn a_template_that_wants_a_certificate_where_there_is_none_says_what_to_add() {
    plays("template-without-tls");
}

#[test]
fn a_template_that_wants_a_setting_that_is_not_there_says_which() {
    plays("template-without-setting");
}

#[test]
fn what_the_lab_needs_of_this_machine_is_found_by_doing_it() {
    let lacking: Vec<_> = proofload_lab::probe().into_iter().filter(|it| it.needed && !it.works()).collect();
    assert!(lacking.is_empty(), "{lacking:#?}");
}

#[test]
fn a_missing_program_is_an_error_that_names_setup() {
    plays("no-program");
}

#[test]
fn a_taken_port_is_an_error_that_says_so() {
    plays("port-taken");
}

#[test]
fn a_component_that_does_not_come_up_is_reported_with_its_last_words() {
    plays("no-brokers");
}
