//! Each kind of fault once for real: into a small system in the lab, judged by the journal that comes out. They need
//! what `./setup` installs, and nothing else.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic, in its helping functions too")]

use proofload_history::journal::FaultRecord;
use proofload_history::{Entry, Event, Journal, RunDir};
use std::path::PathBuf;
use std::process::{Command, Output};

/// A cache, and two instances of a service with a link to it.
const SMALL: &str = r#"
format = 1
name = "small"
title = "A cache and a service"
entry = { host = "service", port = 8080 }

[component.cache]
kind = "redis"
[process.service]
command = ["breaking", "serve"]
replicas = 2
needs = ["cache"]
ready = { http = "/", port = 8080 }
env = { LISTEN = "0.0.0.0:8080", CACHE = "{link:cache}" }
"#;

/// Three brokers and a service.
const BROKERS: &str = r#"
format = 1
name = "brokers"
title = "Brokers and a service"
entry = { host = "service", port = 8080 }

[component.kafka]
kind = "kafka"
replicas = 3
topic.records = { partitions = 3, replication = 3, settings = { "min.insync.replicas" = 2 } }
[component.kafka.settings]
"broker.session.timeout.ms" = 3000
"broker.heartbeat.interval.ms" = 500
"controller.quorum.election.timeout.ms" = 500
"controller.quorum.fetch.timeout.ms" = 1000
"controller.quorum.request.timeout.ms" = 1000
[process.service]
command = ["breaking", "serve"]
ready = { http = "/", port = 8080 }
env = { LISTEN = "0.0.0.0:8080", KAFKA = "{link:kafka}" }
"#;

fn breaking() -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    tests.parent().unwrap().parent().unwrap().join("examples/breaking")
}

/// What the journal tells after `faults` were injected into the system of `manifest`.
#[track_caller]
fn journal_of(manifest: &str, faults: &str, interrupted: bool) -> Journal {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::create_dir(path("logs")).unwrap();
    std::fs::write(path("system.toml"), manifest).unwrap();
    std::fs::write(path("faults.toml"), faults).unwrap();
    let mut command = Command::new(breaking());
    command.args([path("system.toml"), path("faults.toml")]).arg(folder.path());
    if interrupted {
        command.arg("interrupt");
    }
    let Output { status, stderr, .. } = command.output().unwrap();
    let said = String::from_utf8_lossy(&stderr);
    assert!(status.success(), "{status}:\n{said}");
    let text = std::fs::read_to_string(RunDir::at(folder.path()).journal()).unwrap();
    println!("{said}\n{text}");
    Journal { entries: text.lines().map(|line| serde_json::from_str::<Entry>(line).unwrap()).collect() }
}

/// The fault took effect for every observer, and is healed for every observer.
#[track_caller]
fn check(fault: &FaultRecord, observers: usize) {
    assert!(fault.injecting <= fault.injected.unwrap() && fault.injected <= fault.healed, "{fault:#?}");
    assert!(fault.effective(), "{fault:#?}");
    assert_eq!(fault.attested.len(), observers, "{fault:#?}");
    assert!(fault.heal_attested.as_ref().unwrap().0, "{fault:#?}");
}

#[track_caller]
fn check_one(manifest: &str, fault: &str, observers: usize) -> FaultRecord {
    let faults = journal_of(manifest, fault, false).faults();
    assert_eq!(faults.len(), 1, "{faults:#?}");
    check(&faults[0], observers);
    faults[0].clone()
}

/// Milliseconds that an observer saw a fault last: from injected to healed.
fn seconds(fault: &FaultRecord) -> f64 {
    fault.healed.unwrap().since(fault.injected.unwrap()).as_secs_f64()
}

#[test]
fn a_killed_instance_is_gone_for_kernel_and_clients_and_comes_back() {
    let fault = "[fault.crash]\nkind = \"kill\"\ntarget = { any_of = \"service\" }\nrestart_after = \"3s\"";
    let fault = check_one(SMALL, fault, 2);
    assert!(seconds(&fault) >= 3.0, "{fault:#?}");
    assert_eq!(fault.targets.len(), 1);
}

#[test]
fn a_paused_instance_is_stopped_for_the_kernel_and_silent_for_clients() {
    check_one(SMALL, "[fault.frozen]\nkind = \"pause\"\ntarget = { instance = \"cache\" }\nfor = \"4s\"", 2);
}

#[test]
fn a_latency_is_felt_on_the_links_of_every_instance() {
    let fault = r#"
        [fault.slow]
        kind = "latency"
        link = { from = "service", to = "cache" }
        latency = "400ms"
        for = "6s"
    "#;
    let fault = check_one(SMALL, fault, 2);
    assert_eq!(fault.targets, ["service-1", "service-2"]);
}

#[test]
fn a_link_is_cut_by_refusal_and_by_silence() {
    for mode in ["refuse", "stall"] {
        let fault = format!(
            "[fault.cut]\nkind = \"cut_link\"\nlink = {{ from = \"service-2\", to = \"cache\" }}\nmode = \"{mode}\"\nfor = \"4s\""
        );
        let fault = check_one(SMALL, &fault, 1);
        assert_eq!(fault.targets, ["service-2"]);
    }
}

#[test]
fn poison_stands_in_every_partition_of_its_topic() {
    check_one(BROKERS, "[fault.nonsense]\nkind = \"poison\"\ntopic = \"records\"\nfor = \"15s\"", 3);
}

#[test]
fn a_partition_drops_packets_in_each_direction_and_leaves_others_alone() {
    let cut = |name: &str, direction: &str, at: &str| {
        format!(
            "[fault.{name}]\nkind = \"partition\"\ntarget = {{ instance = \"cache\" }}\n\
             from = {{ instance = \"service-1\" }}\ndirection = \"{direction}\"\nat = {at}\nfor = \"4s\"\n"
        )
    };
    let text = cut("all", "both", "\"fault\"")
        + &cut("in", "in", "{ phase = \"fault\", after = \"10s\" }")
        + &cut("out", "out", "{ phase = \"fault\", after = \"20s\" }");
    let faults = journal_of(SMALL, &text, false).faults();
    assert_eq!(faults.len(), 3);
    for fault in &faults {
        check(fault, 2);
    }
}

#[test]
fn an_isolated_leader_is_replaced_by_the_majority_and_comes_back_in_sync() {
    let fault = r#"
        [fault.leader-cut]
        kind = "partition"
        target = { leader_of = "records/0", not_controller = true }
        from = { component = "kafka", others = true }
        for = "15s"
        expect_election = true
    "#;
    let fault = check_one(BROKERS, fault, 3);
    assert!(fault.because.contains("not the active controller"), "{fault:#?}");
}

#[test]
fn a_leader_that_is_cut_off_can_be_killed_while_it_is_and_both_are_healed() {
    let text = r#"
        [fault.leader-cut]
        kind = "partition"
        target = { leader_of = { topic = "records", partition = 1 }, not_controller = true }
        from = { component = "kafka", others = true }
        for = "10s"
        [fault.then-kill]
        kind = "kill"
        target = { same_as = "leader-cut" }
        at = { after_fault = "leader-cut", delay = "3s" }
        for = "9s"
    "#;
    let faults = journal_of(BROKERS, text, false).faults();
    let [cut, kill] = faults.as_slice() else { panic!("{faults:#?}") };
    check(cut, 2);
    check(kill, 2);
    assert_eq!(cut.targets, kill.targets);
    assert!(kill.injecting.since(cut.injected.unwrap()).as_secs_f64() >= 3.0);
}

#[test]
fn a_fault_on_what_another_holds_is_skipped_and_one_behind_its_heal_is_not() {
    let text = r#"
        [fault.frozen]
        kind = "pause"
        target = { instance = "service-2" }
        for = "5s"
        [fault.crash]
        kind = "kill"
        target = { same_as = "frozen" }
        at = { after_fault = "frozen", delay = "1s" }
        restart_after = "1s"
        [fault.later]
        kind = "kill"
        target = { same_as = "frozen" }
        at = { after_fault = "frozen", delay = "15s" }
        restart_after = "1s"
        [fault.slow]
        kind = "latency"
        link = { from = "service", to = "cache" }
        latency = "400ms"
        for = "6s"
        [fault.slower]
        kind = "latency"
        link = { from = "service-1", to = "cache" }
        latency = "800ms"
        at = { after_fault = "slow", delay = "1s" }
        for = "2s"
    "#;
    let journal = journal_of(SMALL, text, false);
    let faults = journal.faults();
    let ids: std::collections::BTreeSet<&str> = faults.iter().map(|fault| &*fault.id).collect();
    assert_eq!(ids, ["frozen", "later", "slow"].into());
    faults.iter().for_each(|fault| check(fault, 2));
    let skipped = |fault: &str| {
        journal.entries.iter().find_map(|entry| match &entry.event {
            Event::FaultSkipped { fault: of, because } if of == fault => Some(because.clone()),
            _ => None,
        })
    };
    let says =
        "`frozen` has the processes of service-2 in hand until it is healed: let it fire later, or aim it at another";
    assert_eq!(skipped("crash").as_deref(), Some(says));
    let slower = skipped("slower").unwrap();
    assert!(slower.starts_with("`slow` has the latency of "), "{slower}");
}

#[test]
fn a_repeated_fault_hits_drawn_instances_and_every_occurrence_is_attested_and_healed() {
    let text = r#"
        [fault.crash]
        kind = "kill"
        target = { any_of = ["cache", "service"] }
        restart_after = "1s"
        repeat = { times = 6, every = { from = "100ms", to = "400ms" } }
    "#;
    let journal = journal_of(SMALL, text, false);
    let faults = journal.faults();
    assert_eq!(faults.len(), 6, "{faults:#?}");
    for (fault, number) in faults.iter().zip(1..) {
        check(fault, 2);
        assert_eq!((&*fault.id, fault.occurrence), ("crash", Some(number)));
        assert_eq!(fault.targets.len(), 1);
    }
    for pair in faults.windows(2) {
        let pause = pair[1].injecting.since(pair[0].healed.unwrap());
        assert!(pause.as_secs_f64() >= 0.1, "the next came {pause:?} after the heal");
    }
    // What is drawn is a function of the seed, so this holds in every run.
    let hit: std::collections::BTreeSet<&String> = faults.iter().flat_map(|fault| &fault.targets).collect();
    assert!(hit.len() > 1, "only {hit:?} was drawn");
}

#[test]
fn an_interrupted_run_heals_what_is_active_and_calls_off_the_rest() {
    let text = r#"
        [fault.frozen]
        kind = "pause"
        target = { instance = "cache" }
        for = "300s"
        [fault.later]
        kind = "kill"
        target = { instance = "service-1" }
        at = { after_fault = "frozen", delay = "100s" }
    "#;
    let journal = journal_of(SMALL, text, true);
    let [frozen] = &journal.faults()[..] else { panic!("{journal:#?}") };
    assert!(frozen.healed.is_some() && frozen.heal_attested.as_ref().unwrap().0, "{frozen:#?}");
    let events = |wanted: &Event| journal.entries.iter().filter(|entry| entry.event == *wanted).count();
    let (fault, because) = ("frozen".to_owned(), "interrupted".to_owned());
    let healed = |entry: &&Entry| matches!(&entry.event, Event::FaultHealed { fault: of, because: why, .. } if (of, why) == (&fault, &because));
    assert_eq!(journal.entries.iter().filter(healed).count(), 1);
    assert_eq!(events(&Event::FaultSkipped { fault: "later".to_owned(), because: because.clone() }), 1);
}
