//! The manifest's reader, on a small system of its own: what it takes, what it refuses, and how it says so.

#![expect(clippy::unwrap_used, reason = "a test ends where its preparation fails")]

use proofload_lab::manifest::{
    Manifest, Placeholder, Repeats, Resolved, Setting, SpecError, StageSource, TemplateError,
};
use std::time::Duration;

const PARCELS: &str = include_str!("manifests/parcels.toml");

fn parcels() -> Manifest {
    Manifest::parse(PARCELS).unwrap()
}

/// The manifest with its only `from` replaced.
fn edited(from: &str, to: &str) -> String {
    assert_eq!(PARCELS.matches(from).count(), 1, "`{from}` must be there once");
    PARCELS.replace(from, to)
}

/// What is said of the manifest with its only `from` replaced, and the text that the span points at.
fn refused(from: &str, to: &str) -> (SpecError, String) {
    let text = edited(from, to);
    let error = Manifest::parse(&text).expect_err(to);
    let place = error.span.clone().map(|span| text[span].to_owned()).unwrap_or_default();
    (error, place)
}

fn set(path: &str, value: &str) -> Result<Resolved, SpecError> {
    Resolved::new(PARCELS, &[], &[(path.to_owned(), value.to_owned())])
}

#[test]
fn every_table_is_read() {
    let manifest = parcels();
    let kafka = &manifest.components["kafka"];
    assert_eq!(kafka.settings["broker.session.timeout.ms"], Setting::Integer(3000));
    assert_eq!(manifest.components["postgres"].settings["random_page_cost"].to_string(), "1.5");
    assert_eq!(manifest.topic("parcels.posted").map(|(owner, topic)| (owner, topic.partitions)), Some(("kafka", 2)));
    assert_eq!(manifest.operations["post"].timeout.0, Duration::from_secs(2));
    assert_eq!(manifest.operations["post"].method.name(), "POST");
    assert_eq!(manifest.scenarios["send"].steps()[0].operation().unwrap().get_ref(), "post");
    assert_eq!(manifest.chains["parcel"].stages[1].repeats, Repeats::Forbidden);
    assert_eq!(manifest.chains["parcel"].stages[2].only_if.as_ref().unwrap().states, ["SENT"]);
    assert!(matches!(manifest.stages["log.posted"].source, StageSource::Log(_)));
    assert!(matches!(manifest.stages["db.parcel"].source, StageSource::Database(_)));
    let StageSource::Http(journal) = &manifest.stages["carrier.left"].source else { panic!("not a journal") };
    assert_eq!((journal.keeper.name(), journal.port, &*journal.path), ("carrier", 8081, "/journal"));
    assert_eq!(journal.layout.filter.len(), 2);
    assert!(manifest.speaks_tls("nginx") && !manifest.speaks_tls("office") && manifest.has_authority());
    assert!(manifest.gauges["waiting"].drains && !manifest.gauges["lag"].drains);
}

#[test]
fn what_is_done_when_it_is_answered_leaves_nothing_for_a_gauge_that_drains() {
    let done = |say: &str| format!("name = \"parcels\"\n{say}\n");
    let (error, place) = refused("name = \"parcels\"\n", &done("done_when_answered = true"));
    let says = "gauge `waiting` drains, so there is work left behind an answer: take out one of the two";
    assert_eq!((error.message.as_str(), place.as_str()), (says, "true"));
    let manifest = Manifest::parse(&edited("name = \"parcels\"\n", &done("done_when_answered = false"))).unwrap();
    assert!(!manifest.is_done_when_answered() && !parcels().is_done_when_answered());
    let text = edited("drains = true\n", "").replace("name = \"parcels\"\n", &done("done_when_answered = true"));
    assert!(Manifest::parse(&text).unwrap().is_done_when_answered());
}

#[test]
fn instances_are_numbered_where_replicas_are_given() {
    let manifest = parcels();
    assert_eq!(manifest.instances("kafka"), ["kafka-1", "kafka-2", "kafka-3"]);
    assert_eq!(manifest.instances("postgres"), ["postgres"]);
    assert_eq!(manifest.instances("office"), ["office-1", "office-2"]);
    assert!(manifest.instances("nobody").is_empty());
    let one = Manifest::parse(&edited("replicas = 2", "replicas = 1")).unwrap();
    assert_eq!(one.instances("office"), ["office-1"]);
}

#[test]
fn placeholders_in_the_environment_are_expanded_by_whoever_knows() {
    let env = &parcels().processes["office"].env;
    let expanded = env["DATABASE"].expand(|placeholder| {
        assert_eq!(*placeholder, Placeholder::Link("postgres".to_owned()));
        Ok::<_, ()>("postgres.link:21003".to_owned())
    });
    assert_eq!(expanded, Ok("postgres://postgres@postgres.link:21003/depot".to_owned()));
    assert_eq!(env["PEERS"].expand(|_| Err::<String, _>("unknown yet")), Err("unknown yet"));
}

#[test]
fn a_name_that_refers_to_nothing_is_shown_with_the_valid_ones() {
    let cases: &[(&str, &str, &str, &str, &str)] = &[
        (r#"kind = "kafka""#, r#"kind = "kafak""#, "there is no kind of component `kafak`", "\"kafak\"", "kafka"),
        (
            r#"needs = ["office"]"#,
            r#"needs = ["ofice"]"#,
            "there is no component or process `ofice`",
            "\"ofice\"",
            "office",
        ),
        (
            r#"["kafka", "postgres"]"#,
            r#"["kafka", "postgre"]"#,
            "there is no component or process `postgre`",
            "\"postgre\"",
            "postgres",
        ),
        ("{link:kafka}", "{link:kafak}", "there is no component `kafak`", "\"{link:kafak}\"", "kafka"),
        (
            "{link:kafka}",
            "{link:office}",
            "there is no component `office`",
            "\"{link:office}\"",
            "kafka, nginx, postgres",
        ),
        (
            "{hosts:office:",
            "{hosts:offices:",
            "there is no component or process `offices`",
            "\"{hosts:offices:8080}\"",
            "office",
        ),
        (
            r#"host = "nginx""#,
            r#"host = "door""#,
            "there is no component or process `door`",
            "\"door\"",
            "kafka, nginx, postgres, carrier, office",
        ),
        (r#"steps = ["post"]"#, r#"steps = ["pots"]"#, "there is no operation `pots`", "\"pots\"", "post"),
        (r#"operation = "post""#, r#"operation = "posts""#, "there is no operation `posts`", "\"posts\"", "post"),
        (
            r#"stage = "log.posted""#,
            r#"stage = "log.postd""#,
            "there is no stage `log.postd`",
            "\"log.postd\"",
            "log.posted",
        ),
        (
            "topic = \"parcels.posted\"\nwhere",
            "topic = \"parcels\"\nwhere",
            "there is no topic `parcels`",
            "\"parcels\"",
            "parcels.posted",
        ),
        ("database = \"depot\"\nsql", "database = \"depo\"\nsql", "there is no database `depo`", "\"depo\"", "depot"),
        ("process = \"carrier\"\n", "process = \"carier\"\n", "there is no process `carier`", "\"carier\"", "carrier"),
        (
            "component = \"postgres\"\ndata",
            "component = \"kafka\"\ndata",
            "there is no component with databases `kafka`",
            "\"kafka\"",
            "postgres",
        ),
        (
            "committed = \"depot\", topic = \"parcels.posted\"",
            "committed = \"depot\", topic = \"posted\"",
            "there is no topic `posted`",
            "\"posted\"",
            "parcels.posted",
        ),
        (
            "in_sync = \"parcels.posted\"",
            "in_sync = \"posted\"",
            "there is no topic `posted`",
            "\"posted\"",
            "parcels.posted",
        ),
    ];
    for (from, to, message, place, suggestion) in cases {
        let (error, pointed_at) = refused(from, to);
        assert_eq!((error.message.as_str(), pointed_at.as_str()), (*message, *place), "{to}");
        assert!(error.to_string().contains(suggestion), "{to}: {error}");
        assert!(!error.valid.is_empty(), "{to}");
    }
}

#[test]
fn an_unknown_key_is_shown_with_the_nearest_valid_one() {
    for (from, to, wrong, nearest) in [
        ("title = \"Parcels on their way\"", "titel = \"x\"", "titel", "title"),
        ("replicas = 3", "replcas = 3", "replcas", "replicas"),
        ("listen = 8080", "listens = 8080", "listens", "listen"),
        ("partitions = 2", "partition = 2", "partition", "partitions"),
        ("timeout = \"2s\"", "time_out = \"2s\"", "time_out", "timeout"),
        ("drains = true", "drain = true", "drain", "drains"),
        ("state = \"/data/state\"", "stat = \"/data/state\"", "stat", "state"),
        ("equals = \"Posted\"", "equal = \"Posted\"", "equal", "equals"),
        ("equals = \"LEFT\"", "equal = \"LEFT\"", "equal", "equals"),
        ("tls = true", "tlss = true", "tlss", "tls"),
        ("[scenario.send]", "[senario.send]", "senario", "scenario"),
        ("mistake = ", "mistakes = ", "mistakes", "mistake"),
    ] {
        let (error, pointed_at) = refused(from, to);
        assert_eq!((error.message.as_str(), pointed_at.as_str()), (format!("unknown key `{wrong}`").as_str(), wrong));
        assert_eq!(error.nearest(), Some(nearest), "{to}: {error}");
    }
}

#[test]
fn a_value_of_the_wrong_kind_is_shown_where_it_stands() {
    for (from, to, message, place) in [
        ("format = 1", "format = 2", "format 2 is not known: write 1", "2"),
        ("replicas = 3", "replicas = 0", "replicas must be at least 1", "0"),
        ("replicas = 3", "replicas = -3", "invalid value: integer `-3`, expected u32", "-3"),
        ("replicas = 3", "replicas = \"3\"", "invalid type: string \"3\", expected u32", "\"3\""),
        ("timeout = \"2s\"", "timeout = \"2\"", "`2` is not a duration", "\"2\""),
        ("random_page_cost = 1.5", "random_page_cost = [1]", "a setting is a string, a number or a boolean", "[1]"),
        ("id = \"/data/id\"", "id = \"data.id\"", "`data.id` is not a JSON pointer: write \"/data/id\"", "\"data.id\""),
        ("\"{instance}\"", "\"{instances}\"", "`{instances}` is not a placeholder", "\"{instances}\""),
        (
            "{hosts:office:8080}",
            "{hosts:office:no}",
            "`no` in `{hosts:office:no}` is not a port",
            "\"{hosts:office:no}\"",
        ),
        ("[\"parcels\", \"migrate\"]", "[]", "a command needs at least a program", "[]"),
    ] {
        let (error, pointed_at) = refused(from, to);
        assert!(error.message.starts_with(message), "{to}: {error}");
        assert_eq!(pointed_at, place, "{to}");
    }
}

#[test]
fn tables_that_do_not_agree_are_refused() {
    for (from, to, message) in [
        ("replication = 3", "replication = 4", "a replication between 1 and 3"),
        ("{host:postgres}", "{host:kafka}", "`{host:kafka}` is one host, and `kafka` has 3"),
        ("@{host:postgres}:5432", "@{link:postgres}", "a migration has no host of its own"),
        ("needs = [\"kafka\", \"postgres\"]", "needs = [\"nginx\"]", "nothing of nginx, office could ever start"),
        (
            "sql = \"select id, state from parcel\"",
            "",
            "a stage has either `topic` (a log), `sql` (a database) or `http` (a journal)",
        ),
        (
            "sql = \"select id, state from parcel\"",
            "sql = \"select 1\"\nhttp = \"/journal\"",
            "a stage has either `topic` (a log), `sql` (a database) or `http` (a journal)",
        ),
        ("process = \"carrier\"\n", "", "a stage with `http` needs either `process` or `component`"),
        (
            "process = \"carrier\"\n",
            "process = \"carrier\"\ncomponent = \"nginx\"\n",
            "a stage with `http` needs either",
        ),
        ("port = 8081\nwhere", "where", "a stage with `http` needs `port`"),
        ("http = \"/journal\"", "http = \"journal\"", "`journal` is not a path: write \"/journal\""),
        ("kind = \"postgres\"", "kind = \"postgres\"\ntls = true", "`tls` is for components of kind nginx"),
        ("tls = true", "tls = false", "`{ca}` has no meaning where nothing listens with TLS: add `tls = true`"),
        ("{instance}", "{certificate}", "`office` has no certificate: add `tls = true` to it"),
        ("{instance}", "{certificate_key}", "`office` has no certificate: add `tls = true` to it"),
        ("kind = \"postgres\"", "kind = \"postgres\"\ntemplate = \"x\"", "`template` is for components of kind nginx"),
        ("template = \"door.conf\"\n", "", "a component of kind nginx needs a `template`: a file beside the manifest"),
        ("{instance}", "{setting:rate}", "`{setting:rate}` has a meaning in a component's template alone"),
        ("{instance}", "{listen}", "`{listen}` has a meaning in a component's template alone"),
        ("@{host:postgres}:5432", "@{dir}", "`{dir}` has a meaning in a component's template alone"),
        ("@{host:postgres}:5432", "@{certificate}", "a migration has no host of its own, and so no certificate"),
        ("id = \"/data/id\"\n", "", "a log stage needs `id`"),
        (
            "sql = \"select id, state from parcel\"",
            "sql = \"select 1\"\nid = \"/id\"",
            "a stage with `sql` has no `where`",
        ),
        (
            "{ end_offsets = \"parcels.posted\" }]\nminus = [{ sql",
            "{ end_offsets = \"parcels.posted\", topic = \"parcels.posted\" }]\nminus = [{ sql",
            "a gauge's source is one of",
        ),
        ("[process.office]", "[process.Office]\n[process.office]", "missing field `command`"),
        (
            "only_if = { stage = \"db.parcel\"",
            "only_if = { stage = \"carrier.left\"",
            "there is no earlier stage of the chain",
        ),
        ("states = [\"SENT\"]", "states = []", "`only_if` names no state"),
    ] {
        let (error, _) = refused(from, to);
        assert!(error.message.contains(message), "{to}: {error}");
        assert!(error.span.is_some(), "{to}: {error}");
    }
    let both = format!("{PARCELS}\n[process.kafka]\ncommand = [\"x\"]\nready = {{ http = \"/\", port = 1 }}\n");
    assert_eq!(Manifest::parse(&both).unwrap_err().message, "`kafka` is both a component and a process");
    let named = format!("{PARCELS}\n[process.Sorter]\ncommand = [\"x\"]\nready = {{ http = \"/\", port = 1 }}\n");
    assert!(Manifest::parse(&named).unwrap_err().message.starts_with("`Sorter` cannot be the name of a host"));
}

/// The parcels' manifest, with the front door's settings, and what is said of a template of that.
fn door(settings: &str, template: &str) -> (String, Result<(), TemplateError>) {
    let text = edited("needs = [\"office\"]", &format!("needs = [\"office\"]\nsettings = {settings}"));
    let manifest = Manifest::parse(&text).unwrap();
    let checked = manifest.check_template("nginx", &manifest.components["nginx"], template);
    (text, checked)
}

#[test]
fn a_template_takes_each_of_its_components_settings_and_what_the_manifest_has() {
    let template = "listen {listen} {dir} {certificate}; rate={setting:rate}r/s; {servers:office:8080} ${setting:no}";
    assert_eq!(door("{ rate = 100 }", template).1, Ok(()));
}

#[test]
fn a_mistake_in_a_template_is_shown_where_it_stands_with_the_nearest_name() {
    for (settings, template, message, place, nearest) in [
        (
            "{ rate = 1 }",
            "ü {setting:rate} {setting:rates}",
            "there is no `rates` in `component.nginx.settings`",
            "{setting:rates}",
            Some("rate"),
        ),
        ("{}", "{setting:rate}", "there is no `rate` in `component.nginx.settings`", "{setting:rate}", None),
        (
            "{}",
            "\n{servers:ofice:80}",
            "there is no component or process `ofice`",
            "{servers:ofice:80}",
            Some("office"),
        ),
        ("{}", "a {host:office} b", "`{host:office}` is one host, and `office` has 2", "{host:office}", None),
        ("{}", "a {link} b", "`{link}` is not a placeholder", "{link}", None),
    ] {
        let (_, checked) = door(settings, template);
        let Err(TemplateError::Template(error)) = checked else { panic!("{template}: {checked:?}") };
        assert!(error.message.starts_with(message), "{error}");
        assert_eq!((&template[error.span.clone().unwrap()], error.nearest()), (place, nearest), "{error}");
    }
}

#[test]
fn a_setting_that_its_template_does_not_use_is_shown_in_the_manifest_with_the_nearest_name() {
    for (template, nearest) in [("rate={setting:rates}r/s", Some("rates")), ("rate=1r/s", None)] {
        let (text, checked) = door("{ rate = 100 }", template);
        let Err(TemplateError::Manifest(error)) = checked else { panic!("{checked:?}") };
        assert_eq!(error.message, "the template of `nginx` has no {setting:rate}");
        assert_eq!((&text[error.span.clone().unwrap()], error.nearest()), ("rate", nearest));
    }
}

#[test]
fn a_mistake_has_a_line_and_a_column() {
    let text = edited("replicas = 2", "replicas = two");
    let error = Manifest::parse(&text).unwrap_err();
    let line = text.lines().position(|line| line == "replicas = two").unwrap() + 1;
    assert_eq!(error.position(&text), Some((line, 12)), "{error}");
}

#[test]
fn every_variant_is_tried_when_the_manifest_is_read() {
    let path = r#""process.office.env.ACKS" = "1""#;
    let (error, pointed_at) = refused(path, r#""process.ofice.env.ACKS" = "1""#);
    assert_eq!(error.message, "variant `acks-one`: there is no `ofice` in `process`");
    assert_eq!((error.nearest(), pointed_at.as_str()), (Some("office"), r#""process.ofice.env.ACKS""#));
    let (error, _) = refused(path, r#""process.office.replica" = 1"#);
    assert_eq!(error.message, "variant `acks-one`: unknown key `replica`");
    assert_eq!(error.nearest(), Some("replicas"));
    let (error, _) = refused(path, r#""process.office.env" = 1"#);
    assert!(error.message.starts_with("variant `acks-one`: invalid type: integer `1`"), "{error}");
}

#[test]
fn a_variant_changes_what_it_says_and_nothing_else() {
    let resolved = Resolved::new(PARCELS, &["acks-one".to_owned()], &[]).unwrap();
    assert_eq!(resolved.manifest.processes["office"].env["ACKS"].text(), "1");
    assert_eq!(resolved.manifest.processes["office"].env["KAFKA"].text(), "{link:kafka}");
    let timeout = &resolved.manifest.components["kafka"].settings["broker.session.timeout.ms"];
    assert_eq!(*timeout, Setting::Integer(9000));
}

#[test]
fn an_unknown_variant_is_shown_with_the_valid_ones() {
    let error = Resolved::new(PARCELS, &["acks-two".to_owned()], &[]).unwrap_err();
    assert_eq!(error.to_string(), "there is no variant `acks-two` (did you mean `acks-one`?)");
    assert_eq!(error.valid, ["acks-one"]);
}

#[test]
fn the_resolved_text_reads_as_the_resolved_manifest() {
    assert_eq!(Resolved::new(PARCELS, &[], &[]).unwrap().toml, PARCELS);
    let sets = [("process.office.replicas".to_owned(), "4".to_owned())];
    let resolved = Resolved::new(PARCELS, &["acks-one".to_owned()], &sets).unwrap();
    let again = Manifest::parse(&resolved.toml).unwrap();
    assert_eq!(again.instances("office").len(), 4);
    assert_eq!(again.processes["office"].env["ACKS"].text(), "1");
    assert_eq!(Resolved::new(&resolved.toml, &[], &[]).unwrap().toml, resolved.toml);
}

#[test]
fn a_set_takes_dotted_paths_with_quoted_keys() {
    let resolved = set(r#"component.kafka.settings."broker.session.timeout.ms""#, "9000").unwrap();
    let timeout = &resolved.manifest.components["kafka"].settings["broker.session.timeout.ms"];
    assert_eq!(*timeout, Setting::Integer(9000));
}

#[test]
fn a_set_into_texts_is_text_and_elsewhere_what_toml_reads() {
    let acks = set("process.office.env.ACKS", "1").unwrap();
    assert_eq!(acks.manifest.processes["office"].env["ACKS"].text(), "1");
    let settings = |value: &str| {
        let resolved = set("component.kafka.settings.extra", value).unwrap();
        resolved.manifest.components["kafka"].settings["extra"].clone()
    };
    assert_eq!(settings("17"), Setting::Integer(17));
    assert_eq!(settings("true"), Setting::Bool(true));
    assert_eq!(settings("snappy"), Setting::Text("snappy".to_owned()));
    assert_eq!(settings("\"17\""), Setting::Text("17".to_owned()));
}

#[test]
fn free_tables_take_new_keys_and_the_others_do_not() {
    let fresh = set("process.office.env.FRESH", "8").unwrap();
    assert_eq!(fresh.manifest.processes["office"].env["FRESH"].text(), "8");
    assert_eq!(set("process.office.needs", "[\"kafka\"]").unwrap().manifest.processes["office"].needs.len(), 1);
    for (path, message, nearest) in [
        ("process.ofice.env.ACKS", "there is no `ofice` in `process`", Some("office")),
        ("proces.office.env.ACKS", "there is no `proces` in the manifest", Some("process")),
        ("process.office.envs.ACKS", "there is no `envs` in `process.office`", Some("env")),
        ("process.office.replica", "unknown key `replica`", Some("replicas")),
        ("process.sorter", "there is no `sorter` in `process`", None),
        ("process.office.env.ACKS.more", "`process.office.env.ACKS` is not a table", None),
        ("process.office.replicas", "replicas must be at least 1", None),
    ] {
        let error = set(path, "0").unwrap_err();
        assert_eq!(error.message, format!("--set {path}=0: {message}"));
        assert_eq!((error.nearest(), error.span.as_ref()), (nearest, None), "{path}");
    }
}

#[test]
fn what_is_no_path_is_refused() {
    for path in ["", "a..b", "a b", "a = 1\nb", "\"a", "a#b", "[a]"] {
        let error = set(path, "1").unwrap_err();
        assert!(error.message.contains("is not a path"), "{path}: {error}");
    }
}
