//! A component's template and its settings, as whoever writes them is told of mistakes.

#![expect(clippy::unwrap_used, reason = "a test ends where its preparation fails")]

use assert_cmd::Command;

const MANIFEST: &str = r#"format = 1
name = "doors"
title = "A door"
entry = { host = "door", port = 8080 }

[component.door]
kind = "nginx"
template = "door.conf"

[component.door.settings]
rate = 100
burst = 5

[operation.knock]
method = "GET"
path = "/"
ok = [200]
timeout = "2s"

[scenario.knock]
title = "Somebody knocks"
steps = ["knock"]

[variant.open]
mistake = "Everybody is let in."
set = { "component.door.settings.rate" = 1000000 }
"#;

const TEMPLATE: &str = "listen {listen};
limit rate={setting:rate}r/s burst={setting:burst};
";

const EXPERIMENT: &str = r#"format = 1
title = "Somebody is let in"
hypothesis = "Who knocks is let in."
system = "manifest.toml"
phases = { warm_up = "2s", steady = "6s" }

[traffic.clients]
scenario = "knock"
arrivals = { constant = "5/s" }
"#;

/// `proofload plan` with more arguments, where the manifest or the template has its only `from` replaced.
fn plan(from: &str, to: &str, more: &[&str]) -> assert_cmd::assert::Assert {
    assert_eq!(MANIFEST.matches(from).count() + TEMPLATE.matches(from).count(), 1, "`{from}` must be there once");
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    std::fs::write(folder.path().join("manifest.toml"), MANIFEST.replace(from, to)).unwrap();
    std::fs::write(folder.path().join("door.conf"), TEMPLATE.replace(from, to)).unwrap();
    let path = folder.path().join("knock.toml");
    std::fs::write(&path, EXPERIMENT).unwrap();
    Command::cargo_bin("proofload").unwrap().arg("plan").arg(&path).args(more).assert()
}

/// That it is refused, and that stderr says all of `said`.
fn refuses(from: &str, to: &str, more: &[&str], said: &[&str]) {
    let assert = plan(from, to, more).code(64).stdout("");
    let stderr = String::from_utf8(assert.get_output().stderr.clone()).unwrap();
    for text in said {
        assert!(stderr.contains(text), "it does not say `{text}`:\n{stderr}");
    }
}

#[test]
fn a_template_with_settings_can_be_planned_and_varied() {
    plan("A door", "A door", &[]).code(0);
    plan("A door", "A door", &["--variant", "open", "--set", "component.door.settings.burst=7"]).code(0);
}

#[test]
fn a_setting_that_the_template_has_and_the_manifest_has_not_is_located_in_the_template() {
    refuses(
        "{setting:burst}",
        "{setting:burst} {setting:rates}",
        &[],
        &[
            "door.conf:2:52: there is no `rates` in `component.door.settings`",
            "did you mean `rate`?",
            "^^^^^^^^^^^^^^^",
        ],
    );
}

#[test]
fn a_setting_that_the_template_does_not_use_is_located_in_the_manifest() {
    let told = "the template of `door` has no {setting:brust}; did you mean `burst`?";
    refuses("burst = 5", "brust = 5", &[], &[&format!("manifest.toml:12:1: {told}")]);
    // What an override sets stands nowhere in the file.
    refuses("A door", "A door", &["--set", "component.door.settings.brust=5"], &[&format!("manifest.toml: {told}")]);
}

#[test]
fn a_name_in_a_template_that_refers_to_nothing_is_located() {
    refuses("{listen};", "{servers:dor:80}", &[], &["door.conf:1:8: there is no component or process `dor`", "`door`"]);
}
