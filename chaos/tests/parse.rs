//! What an experiment may say about faults, and what it is told when that is wrong: the message, the place, the valid
//! names.

use proofload_chaos::{COMMON_KEYS, FAULTS, FaultPlan, Names, Part, Planned, Schedule, Target};
use proofload_history::Phase;
use proofload_lab::manifest::SpecError;
use std::time::Duration;
use toml::de::{DeTable, DeValue};

/// A system with every sort of name.
fn names(faults: &[&str]) -> Names {
    let part = |kind: &str, instances: &[&str]| Part {
        kind: kind.to_owned(),
        instances: instances.iter().map(|name| (*name).to_owned()).collect(),
    };
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    Names {
        parts: [
            ("kafka".to_owned(), part("kafka", &["kafka-1", "kafka-2", "kafka-3"])),
            ("postgres".to_owned(), part("postgres", &["postgres"])),
            ("api".to_owned(), part("process", &["api-1", "api-2"])),
            ("worker".to_owned(), part("process", &["worker-1", "worker-2"])),
        ]
        .into(),
        topics: [("orders".to_owned(), 6)].into(),
        gauges: texts(&["backlog"]),
        links: [("api".to_owned(), texts(&["kafka"])), ("worker".to_owned(), texts(&["kafka", "postgres"]))].into(),
        faults: faults.iter().map(|fault| (*fault).to_owned()).collect(),
    }
}

/// All faults of an experiment's text.
fn parse(text: &str) -> Result<Vec<FaultPlan>, SpecError> {
    let document = DeTable::parse(text).expect("TOML");
    let DeValue::Table(faults) = document.get_ref()["fault"].get_ref() else { panic!("no faults") };
    let ids: Vec<&str> = faults.keys().map(|name| &**name.get_ref()).collect();
    let names = names(&ids);
    faults.iter().map(|(name, value)| FaultPlan::parse(name, value, &names)).collect()
}

/// The faults of a text on phases of 5, 20, 25 and 30 s.
fn schedule(text: &str) -> Result<Schedule, SpecError> {
    let phases = [(Phase::WarmUp, 5), (Phase::Steady, 20), (Phase::Fault, 25), (Phase::Recovery, 30)];
    Schedule::new(parse(text)?, &phases.map(|(phase, seconds)| (phase, Duration::from_secs(seconds))))
}

/// A wrong text: what is said, the part of the text that it points at, and the name that it suggests.
#[track_caller]
fn check(text: &str, message: &str, at: &str, nearest: Option<&str>) {
    let error = schedule(text).expect_err(text);
    assert_eq!(error.message, message);
    let span = error.span.clone().expect("a place");
    assert_eq!(&text[span.clone()], at, "at {span:?} of {text}");
    assert_eq!(error.nearest(), nearest, "of {:?}", error.valid);
}

#[test]
fn every_example_is_what_an_experiment_may_say() {
    for about in FAULTS {
        let plans = parse(about.example).unwrap_or_else(|error| panic!("{}: {error}", about.name));
        assert_eq!(plans.len(), 1, "{}", about.name);
        assert_eq!(plans[0].about.name, about.name);
    }
}

#[test]
fn replicas_of_a_partition_can_be_hit_that_do_not_lead_it() {
    let target = |text: &str| {
        parse(&format!("[fault.x]\nkind = \"kill\"\ntarget = {{ {text} }}")).map(|plans| plans[0].target.clone())
    };
    let orders = || "orders".to_owned();
    assert_eq!(target("follower_of = \"orders/2\"").unwrap(), Target::FollowerOf(orders(), 2));
    let table = "in_sync_of = { topic = \"orders\", partition = 1 }";
    assert_eq!(target(table).unwrap(), Target::InSyncOf(orders(), 1));
    assert!(target("in_sync_of = \"orders/6\"").is_err(), "there is no such partition");
}

#[test]
fn a_port_that_is_cut_is_one() {
    let cut = |port: &str| {
        parse(&format!(
            "[fault.x]\nkind = \"partition\"\ntarget = {{ instance = \"kafka-1\" }}\n\
             from = {{ component = \"kafka\", others = true }}\nport = {port}"
        ))
    };
    assert!(cut("9092").unwrap()[0].what().ends_with(", on port 9092"));
    for none in ["0", "65536", "9092.5", "\"replication\""] {
        assert!(cut(none).is_err(), "{none}");
    }
}

#[test]
fn every_example_and_every_page_tells_only_of_keys_that_exist() {
    for about in FAULTS {
        assert!(!about.keys.is_empty(), "{}", about.name);
        for text in [about.sentence, about.injected, about.attested, about.healed] {
            assert!(text.len() > 20, "{}: {text}", about.name);
        }
        let required = about.keys.iter().chain(COMMON_KEYS).map(|(key, _)| *key);
        let document = DeTable::parse(about.example).unwrap();
        let table = document.get_ref()["fault"].get_ref().as_table().unwrap().values().next().unwrap();
        let used = table.get_ref().as_table().unwrap().keys();
        for key in used {
            assert!(required.clone().any(|known| known == &**key.get_ref()), "{} of {}", key.get_ref(), about.name);
        }
    }
}

#[test]
fn a_leader_is_named_by_a_table_or_by_a_short_text() {
    let fault = |leader: &str| format!("[fault.x]\nkind = \"kill\"\ntarget = {{ leader_of = {leader} }}");
    let expected = Target::LeaderOf { topic: "orders".to_owned(), partition: 5, not_controller: false };
    for leader in ["\"orders/5\"", "{ topic = \"orders\", partition = 5 }"] {
        assert_eq!(parse(&fault(leader)).unwrap()[0].target, expected);
    }
}

#[test]
fn a_key_that_does_not_exist_is_refused_with_the_nearest() {
    let text = "[fault.x]\nkind = \"kill\"\ntarget = { instance = \"kafka-1\" }\nrestart_aftr = \"3s\"";
    check(text, "fault `x` has no key `restart_aftr`", "restart_aftr", Some("restart_after"));
    let text = "[fault.x]\nkind = \"kill\"\ntarget = { instanse = \"kafka-1\" }";
    check(text, "the target of fault `x` has no key `instanse`", "instanse", Some("instance"));
}

#[test]
fn a_name_that_does_not_exist_is_refused_with_the_nearest() {
    let table = [
        ("kind = \"kil\"", "there is no fault of kind `kil`", "\"kil\"", "kill"),
        ("kind = \"kill\"\ntarget = { any_of = \"ap\" }", "there is no component or process `ap`", "\"ap\"", "api"),
        (
            "kind = \"kill\"\ntarget = { instance = \"kafka-4\" }",
            "there is no instance `kafka-4`",
            "\"kafka-4\"",
            "kafka-3",
        ),
        ("kind = \"kill\"\ntarget = { leader_of = \"order/0\" }", "there is no topic `order`", "\"order/0\"", "orders"),
        (
            "kind = \"kill\"\ntarget = { instance = \"kafka-1\" }\nwhen = { gauge = \"backlo\", at_least = 1 }",
            "there is no gauge `backlo`",
            "\"backlo\"",
            "backlog",
        ),
        (
            "kind = \"kill\"\ntarget = { instance = \"kafka-1\" }\nat = \"faults\"",
            "a fault cannot begin in a phase `faults`",
            "\"faults\"",
            "fault",
        ),
        (
            "kind = \"partition\"\ntarget = { instance = \"kafka-1\" }\nfrom = { component = \"postgre\" }",
            "there is no component `postgre`",
            "\"postgre\"",
            "postgres",
        ),
        (
            "kind = \"latency\"\nlink = { from = \"worke\", to = \"postgres\" }\nlatency = \"1s\"",
            "no link begins at `worke`",
            "\"worke\"",
            "worker",
        ),
    ];
    for (keys, message, at, nearest) in table {
        check(&format!("[fault.x]\n{keys}"), message, at, Some(nearest));
    }
}

#[test]
fn a_link_that_the_system_does_not_have_is_refused() {
    let text = "[fault.x]\nkind = \"latency\"\nlink = { from = \"api-2\", to = \"postgres\" }\nlatency = \"1s\"";
    check(text, "there is no link from `api` to `postgres`", "\"postgres\"", None);
}

#[test]
fn a_fault_that_is_repeated_has_a_name_for_each_occurrence() {
    let text = r#"
        [fault.crash]
        kind = "kill"
        target = { any_of = ["api", "worker"] }
        restart_after = "1s"
        repeat = { times = 3, every = { from = "500ms", to = "2s" } }
    "#;
    let plan = &parse(text).unwrap()[0];
    assert_eq!(plan.occurrences(), ["crash#1", "crash#2", "crash#3"]);
    assert_eq!(plan.target, Target::AnyOf(vec!["api".to_owned(), "worker".to_owned()]));
}

#[test]
fn a_repetition_that_makes_no_sense_is_refused_at_its_place() {
    let kill = |population: &str, rest: &str| {
        format!("[fault.x]\nkind = \"kill\"\ntarget = {{ any_of = {population} }}\n{rest}")
    };
    let lasting = |rest: &str| kill("\"api\"", &format!("restart_after = \"1s\"\nrepeat = {rest}"));
    let table = [
        (
            kill("\"api\"", "repeat = { times = 3, every = \"1s\" }"),
            "a fault that is repeated needs `for`: without it the first lasts to the end",
            "{ times = 3, every = \"1s\" }",
            None,
        ),
        (
            lasting("{ times = 1001, every = \"1s\" }"),
            "`times` of `repeat` must be between 2 and 1000: a fault fires once without it",
            "1001",
            None,
        ),
        (lasting("{ times = 2 }"), "`repeat` of fault `x` needs the key `every`", "{ times = 2 }", None),
        (lasting("{ times = 2, evry = \"1s\" }"), "`repeat` of fault `x` has no key `evry`", "evry", Some("every")),
        (
            lasting("{ times = 2, every = { from = \"3s\", to = \"2s\" } }"),
            "`to` of `every` must not be less than `from`",
            "\"2s\"",
            None,
        ),
        (kill("[\"api\", \"wroker\"]", ""), "there is no component or process `wroker`", "\"wroker\"", Some("worker")),
    ];
    for (text, message, at, nearest) in table {
        check(&text, message, at, nearest);
    }
    let twice = schedule(&kill("[\"api\", \"api\"]", "")).unwrap_err();
    assert_eq!(twice.message, "`api` stands in the list twice");
}

#[test]
fn a_repetition_that_cannot_fit_or_that_others_refer_to_is_refused() {
    let crash = |times: u32| {
        format!(
            "[fault.crash]\nkind = \"kill\"\ntarget = {{ any_of = \"api\" }}\nrestart_after = \"1s\"\n\
             repeat = {{ times = {times}, every = \"1s\" }}\n"
        )
    };
    let error = schedule(&crash(14)).unwrap_err();
    assert!(error.message.starts_with("fault `crash` would end, at the soonest, 27s into the phase fault"), "{error}");
    for reference in
        ["at = { after_fault = \"crash\" }\ntarget = { instance = \"kafka-1\" }", "target = { same_as = \"crash\" }"]
    {
        let error = schedule(&format!("{}[fault.then]\nkind = \"kill\"\n{reference}", crash(3))).unwrap_err();
        assert_eq!(error.message, "fault `then` refers to `crash`, which is repeated: name one that fires once");
    }
}

#[test]
fn a_fault_that_is_over_before_anybody_can_see_it_is_refused() {
    let link = "link = { from = \"worker\", to = \"postgres\" }";
    let cut = "target = { instance = \"kafka-1\" }\nfrom = { component = \"kafka\", others = true }";
    for (kind, keys, lasts, least) in [
        ("pause", "target = { instance = \"worker-1\" }", "800ms", "1500ms"),
        ("partition", cut, "1s", "1500ms"),
        ("cut_link", &format!("{link}\nmode = \"stall\""), "1s", "1500ms"),
        ("latency", &format!("{link}\nlatency = \"6s\""), "6s", "6500ms"),
        ("latency", &format!("{link}\nlatency = \"6s\"\njitter = \"5s\""), "11s", "11500ms"),
    ] {
        let text = format!("[fault.x]\nkind = \"{kind}\"\n{keys}\nfor = \"{lasts}\"");
        let message = format!("nobody could see its effect within {lasts}: it must last {least} or longer");
        check(&text, &message, &format!("\"{lasts}\""), None);
        assert!(
            schedule(&text.replace(&format!("for = \"{lasts}\""), &format!("for = \"{least}\""))).is_ok(),
            "{kind}"
        );
    }
    // Whoever was killed, or is cut off by refusal, is seen to be at once.
    let kill = "[fault.x]\nkind = \"kill\"\ntarget = { instance = \"kafka-1\" }\nrestart_after = \"200ms\"";
    let refuse = format!("[fault.x]\nkind = \"cut_link\"\n{link}\nmode = \"refuse\"\nfor = \"100ms\"");
    assert!(schedule(kill).is_ok() && schedule(&refuse).is_ok());
}

#[test]
fn a_duration_that_makes_no_sense_is_refused_at_its_place() {
    let kill = "[fault.x]\nkind = \"kill\"\ntarget = { instance = \"kafka-1\" }\n";
    let advice = "is not a duration: write a number and a unit, such as \"300ms\", \"2.5s\", \"5m\" or \"24h\", at most ten years";
    check(&format!("{kill}for = \"-3s\""), &format!("`for` of fault `x`: `-3s` {advice}"), "\"-3s\"", None);
    check(
        &format!("{kill}for = 3"),
        "`for` of fault `x` must be a duration such as \"10s\", not a value of type integer",
        "3",
        None,
    );
    check(&format!("{kill}for = \"0s\""), "`for` is zero: the fault would be healed before it is felt", "\"0s\"", None);
    check(
        &format!("{kill}for = \"3s\"\nrestart_after = \"3s\""),
        "`for` and `restart_after` say the same; keep one of them",
        "\"3s\"",
        None,
    );
}

#[test]
fn what_contradicts_itself_is_refused() {
    let table = [
        ("kind = \"kill\"", "fault `x` needs the key `target`", "[fault.x]"),
        (
            "kind = \"kill\"\ntarget = { any_of = \"kafka\", all_of = \"kafka\" }",
            "the target of fault `x` has both `any_of` and `all_of`; it takes one of `leader_of`, `follower_of`, `in_sync_of`, `controller_of`, `instance`, `any_of`, `all_of`, `same_as`",
            "\"kafka\"",
        ),
        (
            "kind = \"kill\"\ntarget = { any_of = \"kafka\", not_controller = true }",
            "`not_controller` goes with `leader_of`",
            "true",
        ),
        (
            "kind = \"kill\"\ntarget = { leader_of = \"orders/6\" }",
            "topic `orders` has no partition `6`: its partitions are 0 to 5",
            "\"orders/6\"",
        ),
        (
            "kind = \"kill\"\ntarget = { leader_of = \"orders\" }",
            "`orders` names no partition: write \"orders/0\"",
            "\"orders\"",
        ),
        (
            "kind = \"partition\"\ntarget = { any_of = \"kafka\" }\nfrom = { component = \"kafka\" }",
            "the target is an instance of `kafka` itself: add `others = true`",
            "{ component = \"kafka\" }",
        ),
        (
            "kind = \"partition\"\ntarget = { any_of = \"kafka\" }\nfrom = { process = \"api\" }\nexpect_election = true",
            "`expect_election` goes with a target `leader_of`",
            "true",
        ),
        (
            "kind = \"latency\"\nlink = { from = \"api\", to = \"kafka\" }\nlatency = \"1s\"\njitter = \"2s\"",
            "`jitter` must be less than `latency`",
            "\"2s\"",
        ),
        (
            "kind = \"kill\"\ntarget = \"kafka-1\"",
            "the target of fault `x` must be a table, not a value of type string",
            "\"kafka-1\"",
        ),
    ];
    for (keys, message, at) in table {
        check(&format!("[fault.x]\n{keys}"), message, at, None);
    }
}

#[test]
fn a_fault_that_does_not_fit_into_its_phase_is_refused() {
    let kill = |rest: &str| format!("[fault.x]\nkind = \"kill\"\ntarget = {{ instance = \"kafka-1\" }}\n{rest}");
    let error = schedule(&kill("at = { phase = \"fault\", after = \"20s\" }\nfor = \"10s\"")).unwrap_err();
    assert!(error.message.starts_with("fault `x` would end 30s into the phase fault, which lasts 25s"), "{error}");
    let error = schedule(&kill("at = { phase = \"fault\", after = \"25s\" }")).unwrap_err();
    assert_eq!(error.message, "fault `x` would fire 25s into the phase fault, which lasts 25s");
    assert!(error.span.is_some());
}

#[test]
fn faults_that_wait_for_each_other_are_refused() {
    let text = "
        [fault.a]
        kind = \"kill\"
        target = { same_as = \"b\" }
        [fault.b]
        kind = \"kill\"
        target = { instance = \"kafka-1\" }
        at = { after_fault = \"a\" }
    ";
    assert_eq!(schedule(text).unwrap_err().message, "fault `a` waits for `b`, which waits for it");
    let text = "[fault.a]\nkind = \"kill\"\ntarget = { same_as = \"a\" }";
    assert_eq!(schedule(text).unwrap_err().message, "there is no other fault `a`");
}

#[test]
fn a_plan_tells_what_happens_when() {
    let text = "
        [fault.cut]
        kind = \"partition\"
        target = { leader_of = \"orders/0\" }
        from = { component = \"kafka\", others = true }
        for = \"20s\"
        [fault.then-kill]
        kind = \"kill\"
        target = { same_as = \"cut\" }
        at = { after_fault = \"cut\", delay = \"3s\" }
        [fault.crash]
        kind = \"kill\"
        target = { any_of = \"worker\" }
        when = { gauge = \"backlog\", at_least = 100 }
        restart_after = \"5s\"
        [fault.slow]
        kind = \"latency\"
        link = { from = \"worker-1\", to = \"postgres\" }
        latency = \"300ms\"
        at = { phase = \"recovery\", after = \"1s\" }
        [fault.weather]
        kind = \"pause\"
        target = { any_of = [\"api\", \"worker\", \"postgres\"] }
        for = \"2s\"
        repeat = { times = 5, every = { from = \"500ms\", to = \"2s\" } }
    ";
    let line = |planned: &Planned| {
        let at = |instant: Option<Duration>| instant.map_or("?".to_owned(), |at| at.as_secs().to_string());
        format!("{} to {}: {} ({}: {})", at(planned.from), at(planned.until), planned.what, planned.fault, planned.when)
    };
    let timeline = schedule(text).unwrap().timeline();
    insta::assert_snapshot!(timeline.iter().map(line).collect::<Vec<_>>().join("\n"), @r"
    25 to 45: cut the leader of orders/0 off from the other instances of kafka, in both directions (cut: at the start of fault, for 20s)
    25 to ?: pause one instance of api, worker or postgres, drawn from the seed (weather: at the start of fault, for 2s, 5 times, each 500ms to 2s, drawn from the seed, after the last was healed)
    28 to 50: kill what cut hit, start again later (then-kill: 3s after cut, to the end of its phase)
    51 to 80: slow the links from worker-1 to postgres by 300ms (slow: 1s after the start of recovery, to the end of its phase)
    ? to ?: kill one instance of worker, drawn from the seed, start again after 5s (crash: at the start of fault, once backlog >= 100, for 5s)
    ");
}
