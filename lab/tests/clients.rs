//! What a manifest says of clients: the steps of scenarios, mixes, captures, credentials and places, and how mistakes in
//! them are told.

use proofload_lab::manifest::{Act, Course, Manifest, Resolved, Setting, SpecError};
use std::time::Duration;

const PARCELS: &str = include_str!("manifests/parcels.toml");

/// What clients of the parcels do, beside what they always do.
const CLIENTS: &str = include_str!("manifests/clients.toml");

fn read(text: &str) -> Result<Manifest, SpecError> {
    Manifest::parse(&format!("{PARCELS}{text}"))
}

/// What is said of the clients with their only `from` replaced, and the text that it points at.
fn refused(from: &str, to: &str) -> (SpecError, String) {
    assert_eq!(CLIENTS.matches(from).count(), 1, "`{from}` must be there once");
    let text = format!("{PARCELS}{}", CLIENTS.replace(from, to));
    let error = Manifest::parse(&text).expect_err(to);
    let place = error.span.clone().map(|span| text[span].to_owned()).unwrap_or_default();
    (error, place)
}

#[test]
fn every_form_of_a_step_is_read() {
    let manifest = read(CLIENTS).unwrap();
    let [send, wait, pause, pay] = manifest.scenarios["follow"].steps() else { panic!("four steps") };
    assert_eq!(send.operation().unwrap().get_ref(), "post");
    assert!(matches!(&pay.act, Act::Do { times: 3, operation } if operation.get_ref() == "pay"));
    assert!(matches!(pause.act, Act::Pause(span) if span.0 == Duration::from_secs(1)));
    let Act::Until(until) = &wait.act else { panic!("it waits") };
    assert_eq!((until.operation.get_ref().as_str(), until.sees.pointer.text()), ("read", "/state"));
    assert_eq!(until.sees.equals, Setting::Text("ARRIVED".to_owned()));
    assert_eq!(until.unless[0].equals, Setting::Bool(true));
    assert_eq!((until.every.0, until.within.0), (Duration::from_millis(200), Duration::from_secs(20)));
}

#[test]
fn mixes_captures_credentials_and_places_are_read() {
    let manifest = read(CLIENTS).unwrap();
    let Course::Mix(mix) = &manifest.scenarios["all"].course else { panic!("it is a mix") };
    let mix: Vec<_> = mix.iter().map(|(name, weight)| (name.get_ref().as_str(), *weight.get_ref())).collect();
    assert_eq!(mix, [("follow", 5), ("send", 95)]);
    assert_eq!(manifest.operations["read"].captures["weight"].text(), "/parcel/weight");
    assert!(manifest.operations["pay"].own_id && !manifest.operations["post"].own_id);
    assert_eq!(manifest.operations["get_token"].at.as_ref().unwrap().port, 8090);
    let credential = &manifest.credentials["sender"];
    assert_eq!((credential.token.text(), *credential.count.get_ref()), ("/access_token", 20));
}

#[test]
fn steps_survive_a_change_of_the_manifest() {
    let text = format!("{PARCELS}{CLIENTS}");
    for steps in ["", "\n[scenario.idle]\ntitle = \"Waits\"\nsteps = [{ do = \"read\" }, { pause = \"1s\" }]\n"] {
        let changed = Resolved::new(&format!("{text}{steps}"), &["acks-one".to_owned()], &[]).unwrap();
        assert_eq!(changed.manifest.scenarios["follow"].steps().len(), 4);
    }
}

#[test]
fn a_name_that_refers_to_nothing_is_shown_where_it_stands_with_the_nearest() {
    for (from, to, message, place, nearest) in [
        ("do = \"pay\"", "do = \"payy\"", "there is no operation `payy`", "\"payy\"", Some("pay")),
        ("until = \"read\"", "until = \"raed\"", "there is no operation `raed`", "\"raed\"", Some("read")),
        ("\"post\",", "\"pots\",", "there is no operation `pots`", "\"pots\"", Some("post")),
        ("follow = 5", "folow = 5", "there is no scenario `folow`", "folow", Some("follow")),
        (
            "host = \"office\"",
            "host = \"ofice\"",
            "there is no component or process `ofice`",
            "\"ofice\"",
            Some("office"),
        ),
        ("operation = \"get_token\"", "operation = \"token\"", "there is no operation `token`", "\"token\"", None),
        ("times = 3", "tims = 3", "unknown key `tims`", "tims", Some("times")),
        ("within =", "withn =", "unknown key `withn`", "withn", Some("within")),
        ("pause =", "puase =", "unknown key `puase`", "puase", Some("pause")),
        ("count = 20", "cuont = 20", "unknown key `cuont`", "cuont", Some("count")),
        ("captures =", "capture =", "unknown key `capture`", "capture", Some("captures")),
        ("port = 8090", "prot = 8090", "unknown key `prot`", "prot", Some("port")),
        ("mix =", "mixx =", "unknown key `mixx`", "mixx", Some("mix")),
    ] {
        let (error, pointed_at) = refused(from, to);
        assert_eq!((error.message.as_str(), pointed_at.as_str()), (message, place), "{to}");
        assert_eq!(error.nearest(), nearest, "{to}: {error}");
    }
}

#[test]
fn what_makes_no_step_no_scenario_and_no_credential_is_refused_where_it_stands() {
    for (from, to, message) in [
        ("times = 3", "times = 0", "`times` is 0: write 1 to 100"),
        ("times = 3", "times = 101", "`times` is 101: write 1 to 100"),
        ("times = 3", "pause = \"1s\"", "a step is the name of an operation"),
        ("{ pause = \"1s\" }", "7", "a step is the name of an operation"),
        ("{ pause = \"1s\" }", "{}", "a step is the name of an operation"),
        ("every = \"200ms\", ", "", "a step with `until` needs `every`"),
        (", within = \"20s\"", "", "a step with `until` needs `within`"),
        ("within = \"20s\"", "within = \"0s\"", "`every` and `within` must be longer than nothing"),
        ("follow = 5", "follow = 0", "a weight is at least 1"),
        ("send = 95", "all = 95", "`all` is a mix itself"),
        ("mix = { send = 95, follow = 5 }", "mix = {}", "a mix needs at least one scenario"),
        ("mix = { send = 95, follow = 5 }", "steps = []", "a scenario needs at least one step"),
        ("mix = { send = 95, follow = 5 }", "", "a scenario has either `steps` or a `mix`"),
        ("count = 20", "count = 0", "there are 0 credentials: write 1 to 1000"),
        ("token = \"/access_token\"", "token = \"access_token\"", "`access_token` is not a JSON pointer"),
    ] {
        let (error, pointed_at) = refused(from, to);
        assert!(error.message.contains(message), "{to}: {error}");
        assert!(!pointed_at.is_empty(), "{to}: {error}");
    }
}
